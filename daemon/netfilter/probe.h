/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel can do, found by trying. In a table of its own without base chains: a batch with a base chain that is
 * refused or taken back drops every packet that is held in any queue of the namespace (KERNEL 0b). */
#ifndef NFQDN_NETFILTER_PROBE_H
#define NFQDN_NETFILTER_PROBE_H

#include <stdbool.h>

#include "netfilter/table.h"

struct batch;
struct nlsock;

/* 0; -EOPNOTSUPP with `*error` naming what the kernel lacks; -EPERM; -errno. `*error` is static. */
int probe_kernel(struct batch *batch, struct nlsock *queries, struct table_capabilities *out, const char **error);
/* Has the kernel load what such a rule of eBPF programs needs, where that is a module; whether it could is seen later. */
void probe_assist_load(struct nlsock *queries);
/* Does nf_tables take a rule that asks the eBPF programs or, with NULL, the kernel module's instance of this name? 0 or
 * -errno. */
int probe_assist(struct batch *batch, struct nlsock *queries, const char *instance,
		 const int programs[ASSIST_QUESTIONS]);
/* After rules were refused: what of connection tracking or of the rest the kernel lacks (static text), or NULL when it
 * has everything. `log`: the rules copy packets. Not to be called otherwise: see probe_rows. */
const char *probe_lacking(struct batch *batch, bool log);

#endif
