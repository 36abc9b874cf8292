/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can the user that nfqdnd becomes read what a reload reads? */
#ifndef NFQDN_CONTROL_READABLE_H
#define NFQDN_CONTROL_READABLE_H

#include "policy/config.h"
#include "policy/problem.h"

/* Warns of each file of configuration and catalog that `gateway.user` cannot read. Does nothing unless the caller is
 * root and that user another one that exists. To be called while there is one thread: the user is tried on. */
void readable_check(const struct config *config, struct problems *problems);

#endif
