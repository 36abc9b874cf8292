/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings that hold one value: numbers, words, texts, paths. */
#ifndef NFQDN_POLICY_CONFIG_SCALAR_H
#define NFQDN_POLICY_CONFIG_SCALAR_H

#include "policy/config.h"
#include "policy/config_reader.h"
#include "policy/option.h"

/* Reads the value into the option's field below `base`, or tells what is wrong and leaves the field as it was. */
void config_scalar_read(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
			void *base);
/* True when the setting is an integer within the option's bounds. */
bool config_scalar_lawful_integer(const config_setting_t *setting, const struct option *option);

#endif
