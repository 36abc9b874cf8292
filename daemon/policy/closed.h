/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "DNS and nothing": what stands in at boot when no configuration can be read and none was ever in force. */
#ifndef NFQDN_POLICY_CLOSED_H
#define NFQDN_POLICY_CLOSED_H

#include "policy/config.h"

/* A configuration that denies what every interface forwards, DNS and local destinations excepted. Its one interface
 * has an empty name and is a wildcard: it stands for all. NULL when memory is out; free with config_free(). */
struct config *closed_config(void);

#endif
