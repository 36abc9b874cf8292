/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last policy that was in force, kept in the state folder: what a gateway starts from when its configuration is
 * bad at boot. */
#ifndef NFQDN_POLICY_LASTGOOD_H
#define NFQDN_POLICY_LASTGOOD_H

#include "policy/policy.h"

/* Writes the policy's configuration and the catalog files it was made from to STATE/last-good, replacing what was
 * there in one step. 0 or -errno. */
int lastgood_save(const struct policy *policy);
/* Path of the kept configuration, for config_load(), or -ENOENT. `state` is the folder; `out` holds `size` octets. */
int lastgood_path(const char *state, char *out, size_t size);

#endif
