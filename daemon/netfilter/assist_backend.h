/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways to let answers pass inside the kernel, for assist.c alone. Functions return 0 or -errno unless said. */
#ifndef NFQDN_NETFILTER_ASSIST_BACKEND_H
#define NFQDN_NETFILTER_ASSIST_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../kmod-optional/nf_fqdn.h"
#include "dns/name.h"
#include "policy/policy.h"

enum assist_counter { ASSIST_ERRORS, ASSIST_UNRELATED, ASSIST_KNOWN, ASSIST_COUNTERS };

struct assist_backend {
	const char *(*name)(const void *way); /* for `status` */
	void (*close)(void *way);
	const char *(*text)(int error); /* static */
	const int *(*programs)(const void *way); /* as assist_programs() */
	/* From now on everything is left to nfqdnd. */
	int (*pause)(void *way);
	/* Makes a table aside with the policy's patterns; `commit` puts it in force. */
	int (*begin)(void *way, const struct policy *policy);
	int (*commit)(void *way);
	/* Adds derived names to the table aside, or to the one in force. */
	int (*derived)(void *way, bool aside, const struct nf_fqdn_entry *entries, size_t count);
	int (*known)(void *way, const struct nf_fqdn_entry *entries, size_t count);
	int (*forget)(void *way);
	int (*count)(void *way, uint64_t now[ASSIST_COUNTERS]);
	/* What stands for a name. */
	uint64_t (*hash)(const void *way, const struct dns_name *name);
	/* What stands for a message and its name; false: it cannot be judged. */
	bool (*digest)(void *way, const uint8_t *message, size_t length, struct nf_fqdn_entry *out);
};

extern const struct assist_backend assist_module_backend; /* the module nf_fqdn */
extern const struct assist_backend assist_filter_backend; /* an eBPF program that xt_bpf calls */

/* Finds the module, and makes there what is needed for a table of this name; it lets nothing pass yet. -ENOENT: the kernel
 * has it not. */
int assist_module_open(const char *table, void **out);
/* Removes what the module keeps for a table of this name: 0, also when there is nothing. */
int assist_module_remove(const char *table);

#endif
