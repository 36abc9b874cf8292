/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the steps of policy_build() share, and how they tell what is wrong with an entry. */
#ifndef NFQDN_POLICY_POLICY_INPUT_H
#define NFQDN_POLICY_POLICY_INPUT_H

#include "base/arena.h"
#include "policy/catalog.h"
#include "policy/config.h"
#include "policy/problem.h"
#include "policy/value.h"

struct policy_input {
	struct arena *arena;
	const struct config *config;
	const struct catalog *catalog; /* NULL when it could not be read, which was told */
	const char *today;
	struct problems *problems;
};

/* Adds a problem of "allow.NAME.SETTING" (or inbound), with `setting` "" for the entry as a whole. */
void policy_input_tell(const struct policy_input *input, enum problem_severity severity,
		       const struct config_entry *entry, unsigned int line, const char *setting, const char *format,
		       ...) __attribute__((format(printf, 6, 7)));

/* A row's ports, or `count` of the entry's own; where there are none, tcp/443. Returns how many, at least 1. */
size_t policy_input_ports(const struct value_ports *ports, size_t count, const struct value_ports **out);

#endif
