/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/ruleset_builder.h"

struct ruleset_chain *ruleset_builder_chain(struct ruleset_builder *b, const char *name, enum ruleset_hook hook,
					    int priority)
{
	struct ruleset_chain *chain = arena_alloc(b->ruleset->arena, sizeof(*chain));

	if (!chain) {
		b->ruleset->failed = true;
		return NULL;
	}
	chain->name = name;
	chain->hook = hook;
	chain->priority = priority;
	chain->rules_end = &chain->rules;
	*b->ruleset->chains_end = chain;
	b->ruleset->chains_end = &chain->next;
	return chain;
}

void ruleset_builder_rule(struct ruleset_builder *b, struct ruleset_chain *chain,
			  const struct ruleset_statement *statements, size_t count)
{
	struct ruleset_rule *rule = arena_alloc(b->ruleset->arena, sizeof(*rule));
	void *copy = arena_memdup(b->ruleset->arena, statements, count * sizeof(statements[0]));

	if (!chain || !rule || !copy) {
		b->ruleset->failed = true;
		return;
	}
	rule->statements = copy;
	rule->count = count;
	for (size_t i = 0; i < count; i++) {
		rule->report |= statements[i].kind == RULESET_LIMIT;
	}
	*chain->rules_end = rule;
	chain->rules_end = &rule->next;
}

const uint8_t ruleset_builder_protos[] = { [RULESET_TCP] = IPPROTO_TCP, [RULESET_UDP] = IPPROTO_UDP };

const char *ruleset_builder_set(const struct ruleset_builder *b, const char *prefix, int v,
				enum ruleset_service service, const char *group)
{
	return ruleset_service_set(b->ruleset, prefix, FAMILY(v), service, group);
}

bool ruleset_builder_marks(const struct ruleset_builder *b)
{
	return policy_mode(b->ruleset->policy) == CONFIG_MARK;
}

bool ruleset_builder_audits(const struct ruleset_builder *b)
{
	return policy_mode(b->ruleset->policy) != CONFIG_ENFORCE;
}

struct ruleset_statement ruleset_builder_allowed(const struct ruleset_builder *b)
{
	return ruleset_builder_marks(b) ? GOTO("mark_allowed") : ACCEPT;
}
