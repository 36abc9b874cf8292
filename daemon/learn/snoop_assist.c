/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the assist is told, so that it may let pass what would change nothing: the derived names, and for how long an
 * answer that has been judged stays known. */
#include "learn/lifetime.h"
#include "learn/snoop_parts.h"

/* For how long an answer with this element changes nothing, less its TTL; 0: it does. */
static int64_t element_left(const struct snoop *snoop, const struct element_key *key,
			    const struct config_lifetime *lifetime, uint32_t ttl)
{
	struct store_view view;
	int64_t left;

	if (store_find(snoop->store, key, &view) < 0 || view.changing)
		return 0;
	left = monotime_until(snoop->now, view.deadline);
	if (left > lifetime_of_ttl(lifetime, ttl)) /* its name is remembered for no longer */
		left = lifetime_of_ttl(lifetime, ttl);
	return left -
	       (int64_t)lifetime->grace * 500; /* lifetime_refresh_below() asks for no more than TTL + grace / 2 */
}

static int64_t address_left(const struct snoop *snoop, const struct policy_rule *rule, const struct dns_address *answer)
{
	int64_t left = (int64_t)rule->entry->lifetime.max * 1000;
	enum ipaddr_family family = answer->address.family;

	if (snoop_is_own(snoop, &answer->address))
		return left;
	if (!rule->entry->config->private_answers && policy_address_reserved(snoop->policy, &answer->address))
		return left;
	for (size_t i = 0; i < rule->port_count; i++) {
		const struct value_ports *port = &rule->ports[i];
		struct element_key key = {
			.address = answer->address,
			.group = rule->entry->group,
			.l4proto = value_proto_number(port->proto, family),
			.port = port->proto == VALUE_ICMP ? value_icmp_port(family) : port->first,
		};
		int64_t one = element_left(snoop, &key, &rule->entry->lifetime, answer->ttl);

		left = one < left ? one : left;
	}
	return left;
}

/* By all rules for the name, whoever asked: the assist does not tell askers apart. */
static int64_t answer_left(const struct snoop *snoop)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	size_t matches = policy_match_name(snoop->policy, &snoop->answer.qname, rules);
	int64_t left = INT64_MAX;

	if (matches == 0 || matches == LIMIT_NAME_MATCHES)
		return 0;
	for (size_t i = 0; i < matches; i++)
		for (unsigned int k = 0; k < snoop->answer.address_count; k++) {
			int64_t one = address_left(snoop, rules[i], &snoop->answer.addresses[k]);

			left = one < left ? one : left;
		}
	return left == INT64_MAX ? (int64_t)rules[0]->entry->lifetime.min * 1000 : left;
}

/* What leads to derived names is always looked at: it prolongs them. */
void snoop_assist_known(const struct snoop *snoop, const uint8_t *message, size_t length)
{
	const struct dns_answer *answer = &snoop->answer;
	struct derived_record origins[LIMIT_DERIVED_ORIGINS];

	if (answer->target_count || answer->targets_over_limit || answer->addresses_over_limit ||
	    answer->chain_over_limit || derived_find(snoop->derived, &answer->qname, snoop->now, origins))
		return;
	snoop->assist->known(snoop->assist->context, message, length, answer_left(snoop));
}

void snoop_set_assist(struct snoop *snoop, const struct snoop_assist *assist)
{
	snoop->assist = assist;
}

struct telling {
	const struct snoop_assist *assist;
	struct monotime now;
};

static bool tell_derived(void *context, struct derived_record *record)
{
	const struct telling *telling = context;

	if (monotime_before(telling->now, record->deadline))
		telling->assist->derived(telling->assist->context, &record->name,
					 monotime_until(telling->now, record->deadline));
	return true;
}

void snoop_tell_derived(struct snoop *snoop, struct monotime now)
{
	struct telling telling = { snoop->assist, now };

	if (snoop->assist)
		derived_prune(snoop->derived, tell_derived, &telling);
}
