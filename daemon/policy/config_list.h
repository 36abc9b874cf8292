/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings that hold a list: texts, paths, name patterns, address ranges, ports, interfaces. */
#ifndef NFQDN_POLICY_CONFIG_LIST_H
#define NFQDN_POLICY_CONFIG_LIST_H

#include "policy/config.h"
#include "policy/config_reader.h"
#include "policy/option.h"

/* Reads the list (or the single text) into the option's field below `base`. Items that are wrong or stand twice are
 * told and left out, and overlaps are told. */
void config_list_read(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		      void *base);

#endif
