/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with settings that are each lawful alone: what is missing, and what contradicts something else. */
#ifndef NFQDN_POLICY_CONFIG_CHECK_H
#define NFQDN_POLICY_CONFIG_CHECK_H

#include "policy/config.h"
#include "policy/config_reader.h"
#include "policy/option.h"

/* Looks at `config`, read from `root`, and tells every problem. */
void config_check_all(struct config_reader *reader, const config_setting_t *root, const struct config *config);

#endif
