/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stores what libconfig read in struct config, group by group, as the table of settings says. */
#ifndef NFQDN_POLICY_CONFIG_READ_H
#define NFQDN_POLICY_CONFIG_READ_H

#include "policy/config.h"
#include "policy/config_reader.h"

/* Fills every field that has a default. 0 or -ENOMEM. */
int config_read_defaults(struct config_reader *reader, struct config *config);
/* Reads groups and settings below `root`; what is wrong is told, what can be stored is stored. */
void config_read_root(struct config_reader *reader, const config_setting_t *root, struct config *config);

#endif
