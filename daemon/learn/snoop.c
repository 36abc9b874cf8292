/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of the packets of one drain. Theory of operation:
 *
 *   for each packet   its message, or those that its TCP segment makes readable (stream_feed)
 *   for each message  dns_answer_read -> policy_match_name(the question's name, or the origin of a derived name)
 *                     -> the rules of the asker's groups -> for each address, rule and port: store_plan
 *                     -> what it leaves without an address: derived_add
 *   plan full         commit early; the packets judged so far stay held like the others
 *   at the end        expired elements fill the last transaction; commit; what failed becomes the drop bits, and
 *                     stream_settle() adds the segments that would bring the client the same octets
 *
 * A packet has one fate: passed (its bit in none of the masks), known (`allowed` alone), taught (`planned`), or
 * dropped (`failed`). */
#include "learn/snoop.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/histogram.h"
#include "dns/message.h"
#include "dns/packet.h"
#include "dns/stream.h"
#include "learn/derived.h"
#include "learn/lifetime.h"
#include "learn/snoop_parts.h"
#include "learn/streams.h"

#define DNS_PORT 53

struct snoop *snoop_new(struct store *store, struct table *table, const struct hash_key *key)
{
	struct snoop *snoop = calloc(1, sizeof(*snoop));

	if (!snoop)
		return NULL;
	snoop->store = store;
	snoop->table = table;
	snoop->streams = streams_new(STREAM_SERVER, key);
	snoop->derived = derived_new(key);
	if (snoop->streams && snoop->derived)
		return snoop;
	snoop_free(snoop);
	return NULL;
}

void snoop_free(struct snoop *snoop)
{
	if (!snoop)
		return;
	streams_free(snoop->streams);
	derived_free(snoop->derived);
	free(snoop->own);
	free(snoop);
}

void snoop_set_queries(struct snoop *snoop, struct queries *queries)
{
	snoop->queries = queries;
}

void snoop_set_names(struct snoop *snoop, struct names *names)
{
	snoop->names = names;
}

const struct resolvers *snoop_resolvers(const struct snoop *snoop)
{
	return &snoop->resolvers;
}

const struct derived *snoop_derived(const struct snoop *snoop)
{
	return snoop->derived;
}

const struct stream_table *snoop_streams(const struct snoop *snoop)
{
	return snoop->streams;
}

/* ---- own addresses ---- */

static int compare_addresses(const void *a, const void *b)
{
	return ipaddr_compare(a, b);
}

int snoop_set_own_addresses(struct snoop *snoop, const struct ipaddr *addresses, size_t count)
{
	size_t kept = count < LIMIT_OWN_ADDRESSES ? count : LIMIT_OWN_ADDRESSES;
	struct ipaddr *own = calloc(kept + 1, sizeof(*own));

	if (!own)
		return -ENOMEM;
	counters.own_over_limit += count - kept;
	for (size_t i = 0; i < kept; i++)
		own[i] = addresses[i];
	qsort(own, kept, sizeof(*own), compare_addresses);
	free(snoop->own);
	snoop->own = own;
	snoop->own_count = kept;
	if (snoop->assist) /* an address that was refused may teach now */
		snoop->assist->forget(snoop->assist->context);
	return 0;
}

void snoop_set_shared(struct snoop *snoop, bool shared, bool without4, bool without6)
{
	snoop->shared = shared;
	snoop->without[0] = without4;
	snoop->without[1] = without6;
}

bool snoop_is_without(const struct snoop *snoop, const struct ipaddr *address)
{
	return snoop->without[address->family == IPADDR_V6];
}

bool snoop_is_own(const struct snoop *snoop, const struct ipaddr *address)
{
	return snoop->own_count && bsearch(address, snoop->own, snoop->own_count, sizeof(*address), compare_addresses);
}

/* ---- transactions ---- */

size_t snoop_commit(struct snoop *snoop)
{
	size_t count;
	struct element_change *changes = store_changes(snoop->store, &count);
	size_t errors;

	if (snoop->assist && store_plan_cuts(snoop->store)) /* an answer that needs them must be seen again */
		snoop->assist->forget(snoop->assist->context);
	if (count)
		histogram_see(HISTOGRAM_batch, count, 1);
	errors = count ? element_commit(snoop->table, changes, count) : 0;
	for (size_t i = 0; errors && i < count; i++)
		if (changes[i].error)
			snoop->refusal = changes[i].error;
	snoop->failed |= store_settle(snoop->store);
	return errors;
}

/* ---- one answer ---- */

/* The element has the name that the policy allows first: by it, it is kept and explained. A derived name follows. */
static int plan(struct snoop *snoop, const struct element_key *key, size_t rule, uint32_t ttl, unsigned int packet)
{
	const struct config_lifetime *lifetime = &snoop->rules[rule]->entry->lifetime;
	const struct dns_name *name = snoop->rule_names[rule];
	int64_t life = lifetime_of_ttl(lifetime, ttl);
	int rc = store_plan(snoop->store, key, name, ttl, snoop->now, life, lifetime_refresh_below(lifetime, ttl),
			    packet);

	if (rc >= 0 && name != &snoop->answer.qname)
		store_note_derived(snoop->store, key, &snoop->answer.qname, ttl, snoop->now, life);
	return rc;
}

static void teach_port(struct snoop *snoop, size_t rule, const struct dns_address *answer,
		       const struct value_ports *port, unsigned int packet)
{
	enum ipaddr_family family = answer->address.family;
	struct element_key key = {
		.address = answer->address,
		.group = snoop->rules[rule]->entry->group,
		.l4proto = value_proto_number(port->proto, family),
		.port = port->proto == VALUE_ICMP ? value_icmp_port(family) : port->first,
	};
	int rc = plan(snoop, &key, rule, answer->ttl, packet);

	if (rc == -ENOSPC) {
		snoop_commit(snoop);
		rc = plan(snoop, &key, rule, answer->ttl, packet);
	}
	if (rc > 0)
		snoop->planned |= UINT64_C(1) << packet;
	/* Memory is there once this drain is over, and deletions that the kernel refuses now it may take later: the
	 * client asks again. */
	if (rc == -ENOMEM || rc == -ENOSPC) {
		snoop->failed |= UINT64_C(1) << packet;
		snoop->refusal = rc;
	}
}

static void teach_address(struct snoop *snoop, const struct dns_address *answer, unsigned int packet)
{
	bool reserved = policy_address_reserved(snoop->policy, &answer->address), refused = false;

	if (snoop_is_without(snoop, &answer->address)) {
		counters.addresses_without_set++;
		return;
	}
	if (snoop_is_own(snoop, &answer->address)) {
		counters.refused_own++;
		return;
	}
	for (size_t i = 0; i < snoop->rule_count; i++) {
		const struct policy_rule *rule = snoop->rules[i];

		if (reserved && !rule->entry->config->private_answers) {
			refused = true;
			continue;
		}
		store_for_pattern(snoop->store, rule->pattern);
		for (size_t port = 0; port < rule->port_count; port++)
			teach_port(snoop, i, answer, &rule->ports[port], packet);
	}
	counters.refused_reserved += refused;
}

static void count_answer(const struct snoop *snoop)
{
	const struct dns_answer *answer = &snoop->answer;
	bool cut = false;

	for (size_t i = 0; i < snoop->rule_count; i++)
		for (unsigned int k = 0; k < answer->address_count; k++)
			cut |= answer->addresses[k].ttl > snoop->rules[i]->entry->lifetime.max;
	counters.life_below_ttl += cut;
	counters.addresses_over_limit += answer->addresses_over_limit;
	counters.targets_over_limit += answer->targets_over_limit;
	counters.chain_over_limit += answer->chain_over_limit;
}

/* ---- what allows a question ---- */

static bool holds_rule(const struct snoop *snoop, const struct policy_rule *rule)
{
	for (size_t i = 0; i < snoop->rule_count; i++)
		if (snoop->rules[i] == rule)
			return true;
	return false;
}

/* Adds the rules for an origin's name in its groups, narrowed to those that have one. Returns how many rules match
 * the name in any group. `name` is the question, or the origin's name. */
static size_t add_rules(struct snoop *snoop, struct derived_record *origin, const struct dns_name *name)
{
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	size_t matches = policy_match_name(snoop->policy, name, rules);
	policy_group_mask groups = 0;

	for (size_t i = 0; i < matches; i++) {
		policy_group_mask group = (policy_group_mask)1 << rules[i]->entry->group;

		if (!(origin->groups & group))
			continue;
		if (!groups)
			snoop->patterns[snoop->origin_count] = rules[i]->pattern;
		groups |= group;
		if (snoop->rule_count == LIMIT_NAME_MATCHES || holds_rule(snoop, rules[i]))
			continue;
		snoop->rule_names[snoop->rule_count] = name;
		snoop->rules[snoop->rule_count++] = rules[i];
	}
	origin->groups = groups;
	snoop->origin_count += groups != 0;
	return matches;
}

/* The rules for the question's name in the asker's groups, and those that it has as a derived name: SNOOP_known when
 * there are any. */
static enum snoop_fate find_rules(struct snoop *snoop, const struct ipaddr *asker)
{
	policy_group_mask groups = policy_groups_of_asker(snoop->policy, asker);
	struct derived_record found[LIMIT_DERIVED_ORIGINS], *next = snoop->origins;
	size_t count = derived_find(snoop->derived, &snoop->answer.qname, snoop->now, found), matches;

	snoop->rule_count = snoop->origin_count = 0;
	*next = (struct derived_record) { .origin = snoop->answer.qname, .groups = groups };
	matches = add_rules(snoop, next, &snoop->answer.qname);
	for (size_t i = 0; i < count; i++) {
		next = &snoop->origins[snoop->origin_count];
		*next = found[i];
		next->groups &= groups;
		matches += add_rules(snoop, next, &next->origin);
	}
	if (matches == 0) {
		counters.answers_without_policy++;
		return SNOOP_no_entry;
	}
	if (snoop->rule_count == 0) {
		counters.answers_without_group++;
		return SNOOP_no_group;
	}
	counters.answers_derived += snoop->rule_names[0] != &snoop->answer.qname;
	return SNOOP_known;
}

/* The client asks next for what the answer names without an address. */
static void derive(struct snoop *snoop, const struct dns_target *target)
{
	struct derived_record record = { .name = target->name };

	record.deadline = monotime_add(snoop->now, derived_life(target->ttl));
	if (snoop->assist)
		snoop->assist->derived(snoop->assist->context, &target->name, derived_life(target->ttl));
	for (size_t i = 0; i < snoop->origin_count; i++) {
		const struct derived_record *origin = &snoop->origins[i];

		if (dns_name_equal(&origin->origin, &target->name))
			continue;
		if (origin->depth == LIMIT_DERIVED_DEPTH) {
			counters.derived_too_deep++;
			continue;
		}
		record.origin = origin->origin;
		record.groups = origin->groups;
		record.depth = origin->depth + 1;
		derived_add(snoop->derived, &record, snoop->patterns[i], snoop->now);
	}
}

/* Did the client ask for the answer just read? */
static bool believe(const struct snoop *snoop, const struct queries_flow *flow, unsigned int packet)
{
	const struct dns_answer *answer = &snoop->answer;
	struct queries_question question = { answer->id, answer->qtype, &answer->qname };

	if (!snoop->queries)
		return true;
	switch (queries_answer(snoop->queries, flow, &question, packet, snoop->now)) {
	case QUERIES_ASKED:
		return true;
	case QUERIES_OLDER_FLOW:
		counters.answers_of_older_flows++;
		return true;
	case QUERIES_REPEATED:
		counters.answers_repeated++;
		return false;
	case QUERIES_UNASKED:
		break;
	}
	counters.answers_unasked++;
	return false;
}

/* ---- what became of it, for the observer ---- */

void snoop_set_observer(struct snoop *snoop, snoop_observer *observer, void *context)
{
	snoop->observer = observer;
	snoop->observer_context = context;
}

/* What the packet is until a message is read; its name is left as it is: nobody reads it. */
static void note_start(struct snoop *snoop, unsigned int packet, enum snoop_fate fate)
{
	struct snoop_note *note = &snoop->notes[packet];

	note->fate = fate;
	note->messages = 0;
	note->named = false;
	note->entry = NULL;
}

/* `read`: the question is in snoop->answer, and the rules that allow it are those of snoop->rules. */
static void note_message(struct snoop *snoop, unsigned int packet, enum snoop_fate fate, bool read)
{
	struct snoop_note *note = &snoop->notes[packet];

	if (!snoop->observer)
		return;
	note->messages++;
	if (note->fate == SNOOP_known) /* of several messages the allowed one counts */
		return;
	note->fate = fate;
	note->named = read;
	note->entry = fate == SNOOP_known ? snoop->rules[0]->entry : NULL;
	if (read) {
		note->name = snoop->answer.qname;
		note->type = snoop->answer.qtype;
	}
}

/* A packet with an allowed message is known, taught or dropped as a whole. */
static void tell_observer(struct snoop *snoop, const struct queue_packet *packets, size_t count, uint64_t dropped)
{
	for (size_t i = 0; snoop->observer && i < count; i++) {
		struct snoop_note *note = &snoop->notes[i];

		if (dropped >> i & 1)
			note->fate = SNOOP_dropped;
		else if (snoop->planned >> i & 1)
			note->fate = SNOOP_learned;
		snoop->observer(snoop->observer_context, &packets[i], note, snoop->now);
	}
}

/* What the addresses are called, for reports: also of answers that no entry allows. */
static void tell_names(const struct snoop *snoop, bool allowed)
{
	const struct dns_answer *answer = &snoop->answer;

	for (unsigned int i = 0; snoop->names && i < answer->address_count; i++)
		names_see(snoop->names, &answer->addresses[i].address, &answer->qname, allowed, snoop->now);
}

static void count_message(struct snoop *snoop, const struct queries_flow *flow)
{
	counters.answers++;
	resolvers_see(&snoop->resolvers, &flow->resolver, snoop->now);
}

/* One whole DNS message that the flow's client receives. `packet`: the bit of the held packet that it came in. */
static void judge_message(struct snoop *snoop, const uint8_t *message, size_t length, const struct queries_flow *flow,
			  unsigned int packet)
{
	const struct ipaddr *asker = &flow->client;
	enum snoop_fate fate;
	bool allowed;

	switch (dns_answer_read(message, length, &snoop->answer)) {
	case DNS_READ_OK:
		break;
	case DNS_READ_MALFORMED:
		counters.answers_malformed++;
		note_message(snoop, packet, SNOOP_malformed, false);
		return;
	case DNS_READ_NOT_RESPONSE:
	case DNS_READ_NOT_UNDERSTOOD:
		counters.answers_not_understood++;
		note_message(snoop, packet, SNOOP_not_understood, false);
		return;
	case DNS_READ_ERROR_RESPONSE: /* an answer all the same: another one to that query is not believed */
		count_message(snoop, flow);
		note_message(snoop, packet, SNOOP_error, true);
		(void)believe(snoop, flow, packet);
		return;
	}
	count_message(snoop, flow);
	if (!believe(snoop, flow, packet)) {
		note_message(snoop, packet, SNOOP_unasked, true);
		return;
	}
	fate = find_rules(snoop, asker);
	allowed = fate == SNOOP_known;
	note_message(snoop, packet, fate, true);
	tell_names(snoop, allowed);
	if (!allowed)
		return;
	snoop->allowed |= UINT64_C(1) << packet;
	count_answer(snoop);
	store_for_client(snoop->store, asker);
	for (unsigned int i = 0; i < snoop->answer.address_count; i++)
		teach_address(snoop, &snoop->answer.addresses[i], packet);
	for (unsigned int i = 0; i < snoop->answer.target_count; i++)
		derive(snoop, &snoop->answer.targets[i]);
	if (snoop->assist && !((snoop->planned | snoop->failed) & (UINT64_C(1) << packet)))
		snoop_assist_known(snoop, message, length);
}

struct judging {
	struct snoop *snoop;
	struct queries_flow flow;
	unsigned int packet;
};

static void judge_stream_message(void *context, const uint8_t *message, size_t length)
{
	const struct judging *judging = context;

	judge_message(judging->snoop, message, length, &judging->flow, judging->packet);
}

static void judge_packet(struct snoop *snoop, const struct queue_packet *packet, unsigned int number)
{
	struct judging judging = { .snoop = snoop, .packet = number };
	struct packet_udp udp;
	struct packet_tcp tcp;

	if (packet_read_udp(packet->payload, packet->length, &udp) == 0 && udp.source_port == DNS_PORT) {
		judging.flow = (struct queries_flow) { udp.destination, udp.source, udp.destination_port, DNS_PORT,
						       IPPROTO_UDP };
		note_start(snoop, number, SNOOP_unread);
		judge_message(snoop, udp.payload, udp.length, &judging.flow, number);
	} else if (packet_read_tcp(packet->payload, packet->length, &tcp) == 0 && tcp.source_port == DNS_PORT) {
		judging.flow = (struct queries_flow) { tcp.destination, tcp.source, tcp.destination_port, DNS_PORT,
						       IPPROTO_TCP };
		note_start(snoop, number, SNOOP_segment);
		stream_feed(snoop->streams, &tcp, number, snoop->now, judge_stream_message, &judging);
	} else {
		counters.packets_unread++;
		note_start(snoop, number, SNOOP_unread);
	}
}

static unsigned int bits(uint64_t mask)
{
	return (unsigned int)__builtin_popcountll(mask);
}

uint64_t snoop_drain(struct snoop *snoop, const struct queue_packet *packets, size_t count, struct monotime now)
{
	uint64_t dropped;
	size_t planned;

	snoop->now = now;
	snoop->allowed = snoop->planned = snoop->failed = 0;
	for (size_t i = 0; i < count; i++)
		judge_packet(snoop, &packets[i], (unsigned int)i);
	store_changes(snoop->store, &planned);
	if (planned) {
		store_plan_expired(snoop->store, now);
		snoop_commit(snoop);
	}
	if (snoop->assist)
		snoop->assist->settle(snoop->assist->context);
	dropped = stream_settle(snoop->streams, snoop->failed);
	if (snoop->queries)
		queries_settle(snoop->queries, dropped);
	counters.tcp_segments_dropped += bits(dropped & ~snoop->failed);
	counters.answers_dropped += bits(snoop->failed);
	counters.answers_taught += bits(snoop->planned & ~dropped);
	counters.answers_known += bits(snoop->allowed & ~snoop->planned & ~dropped);
	tell_observer(snoop, packets, count, dropped);
	return dropped;
}

const char *snoop_refusal(const struct snoop *snoop)
{
	switch (snoop->refusal) {
	case -ENFILE:
		return "the set is full";
	case -ENOSPC:
		return "the kernel does not delete what has ended";
	case -ENOENT:
		return "the table or the set is missing";
	case -ETIMEDOUT:
	case -ENOBUFS:
		return "the kernel's answer did not arrive";
	}
	return strerror(-snoop->refusal); /* static for every number that the kernel knows */
}
