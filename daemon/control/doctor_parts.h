/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What doctor.c and its checks share. A check looks at one thing and adds a finding for each that is not as it should
 * be: what was seen, and a command or a line of configuration that mends it. */
#ifndef NFQDN_CONTROL_DOCTOR_PARTS_H
#define NFQDN_CONTROL_DOCTOR_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "control/context.h"
#include "netfilter/environment.h"
#include "netfilter/others.h"

enum doctor_severity {
	DOCTOR_NOTE, /* may be meant so, or may do no harm: all is well */
	DOCTOR_WARNING, /* will harm, or has */
	DOCTOR_ERROR, /* clients suffer, or what should be decided is not */
};

/* The kernel's counters, those of audit with them. */
struct doctor_counted {
	uint64_t denied, foreign, unlearned_interface, unlearned_path;
};

struct doctor {
	const struct control_context *context;
	struct monotime now;
	json_t *findings;
	const char *check; /* the one that runs */
	bool unwell;
	struct doctor_counted counted;
	/* what was read beside the loop */
	struct others others;
	int others_error;
	bool forwards[2]; /* IPv4, IPv6 */
	int forwards_error[2];
	bool *interfaces; /* of the configuration: is it there? NULL: not known */
	struct environment_port port; /* one of them that is only a port */
	int port_error;
};

/* Adds a finding; `fix` and what `format` makes are plain texts in which what others chose is escaped. */
void doctor_find(struct doctor *doctor, enum doctor_severity severity, const char *fix, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* A finding of something that happened `*counter` times (a member of `counters`): a warning when it did within a day,
 * a note later, nothing when never. `what` follows the number. */
void doctor_count(struct doctor *doctor, const uint64_t *counter, const char *what, const char *fix);

/* doctor_dns.c */
void doctor_dns_resolvers(struct doctor *doctor);
void doctor_dns_seen(struct doctor *doctor);
void doctor_dns_foreign(struct doctor *doctor);
void doctor_dns_path(struct doctor *doctor);
void doctor_dns_unnamed(struct doctor *doctor);
void doctor_dns_ipv6(struct doctor *doctor);
void doctor_dns_queue(struct doctor *doctor);

/* doctor_kernel.c */
void doctor_kernel_parts(struct doctor *doctor);
void doctor_kernel_forwarding(struct doctor *doctor);
void doctor_kernel_interfaces(struct doctor *doctor);
void doctor_kernel_flowtables(struct doctor *doctor);
void doctor_kernel_chains(struct doctor *doctor);
void doctor_kernel_table(struct doctor *doctor);

/* doctor_daemon.c */
void doctor_daemon_policy(struct doctor *doctor);
void doctor_daemon_lists(struct doctor *doctor);
void doctor_daemon_clock(struct doctor *doctor);
void doctor_daemon_state(struct doctor *doctor);
void doctor_daemon_user(struct doctor *doctor);
void doctor_daemon_limits(struct doctor *doctor);

#endif
