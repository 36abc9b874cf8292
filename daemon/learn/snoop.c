/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Theory of operation, one drain:
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
#include <sys/mman.h>

#include "base/counters.h"
#include "dns/message.h"
#include "dns/packet.h"
#include "dns/stream.h"
#include "learn/derived.h"
#include "learn/lifetime.h"

#define DNS_PORT 53
#define TICK_MS 1000

struct snoop {
	struct store *store;
	struct table *table;
	struct stream_table *streams;
	struct derived *derived;
	struct queries *queries; /* main.c's; NULL: answers are believed by their flow */
	const struct snoop_assist *assist; /* may be NULL */
	const struct policy *policy;
	struct ipaddr *own; /* sorted */
	size_t own_count;
	struct monotime next_tick;
	bool ticked; /* `next_tick` means something */
	int refusal; /* -errno of the last change that failed */
	/* The running drain, bits of packets */
	struct monotime now;
	uint64_t allowed, planned, failed;
	/* The running packet */
	struct dns_answer answer;
	const struct policy_rule *rules[LIMIT_NAME_MATCHES];
	const struct dns_name *rule_names[LIMIT_NAME_MATCHES]; /* what each rule allows: the question, or an origin */
	size_t rule_count;
	struct derived_record origins[1 + LIMIT_DERIVED_ORIGINS]; /* of the question: those that brought rules */
	const char *patterns[1 + LIMIT_DERIVED_ORIGINS]; /* the first of each */
	size_t origin_count;
};

static size_t streams_size(void)
{
	return stream_table_size(LIMIT_STREAM_FLOWS, LIMIT_STREAM_OCTETS);
}

/* Pages that the kernel gives when they are used: most gateways need a few. */
static struct stream_table *streams_new(const struct hash_key *key)
{
	void *block = mmap(NULL, streams_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return block == MAP_FAILED
		       ? NULL
		       : stream_table_new(block, LIMIT_STREAM_FLOWS, LIMIT_STREAM_OCTETS, STREAM_SERVER, key);
}

struct snoop *snoop_new(struct store *store, struct table *table, const struct hash_key *key)
{
	struct snoop *snoop = calloc(1, sizeof(*snoop));

	if (!snoop)
		return NULL;
	snoop->store = store;
	snoop->table = table;
	snoop->streams = streams_new(key);
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
	if (snoop->streams)
		munmap(snoop->streams, streams_size());
	derived_free(snoop->derived);
	free(snoop->own);
	free(snoop);
}

void snoop_set_queries(struct snoop *snoop, struct queries *queries)
{
	snoop->queries = queries;
}

const struct derived *snoop_derived(const struct snoop *snoop)
{
	return snoop->derived;
}

/* ---- policy and own addresses ---- */

static uint8_t group_of_name(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->group_count; i++)
		if (strcmp(policy->groups[i].name, name) == 0)
			return (uint8_t)i;
	return STORE_NO_GROUP;
}

static bool regroup_derived(void *context, struct derived_record *record)
{
	const uint8_t *map = context;
	policy_group_mask groups = 0;

	for (unsigned int i = 0; i < LIMIT_GROUPS; i++)
		if (record->groups >> i & 1 && map[i] != STORE_NO_GROUP)
			groups |= (policy_group_mask)1 << map[i];
	record->groups = groups;
	return groups != 0;
}

void snoop_set_policy(struct snoop *snoop, const struct policy *policy)
{
	uint8_t map[256];

	memset(map, STORE_NO_GROUP, sizeof(map));
	for (size_t i = 0; snoop->policy && i < snoop->policy->group_count; i++)
		map[i] = group_of_name(policy, snoop->policy->groups[i].name);
	if (snoop->policy) {
		store_regroup(snoop->store, map);
		derived_prune(snoop->derived, regroup_derived, map);
	}
	snoop->policy = policy;
}

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

static bool is_own(const struct snoop *snoop, const struct ipaddr *address)
{
	return snoop->own_count && bsearch(address, snoop->own, snoop->own_count, sizeof(*address), compare_addresses);
}

/* ---- transactions ---- */

/* Commits the plan. Returns how many of its changes failed. */
static size_t commit(struct snoop *snoop)
{
	size_t count;
	struct element_change *changes = store_changes(snoop->store, &count);
	size_t errors;

	if (snoop->assist && store_plan_cuts(snoop->store)) /* an answer that needs them must be seen again */
		snoop->assist->forget(snoop->assist->context);
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
		commit(snoop);
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

	if (is_own(snoop, &answer->address)) {
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

/* The rules for the question's name in the asker's groups, and those that it has as a derived name. */
static bool find_rules(struct snoop *snoop, const struct ipaddr *asker)
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
	if (matches == 0)
		counters.answers_without_policy++;
	else if (snoop->rule_count == 0)
		counters.answers_without_group++;
	else if (snoop->rule_names[0] != &snoop->answer.qname)
		counters.answers_derived++;
	return snoop->rule_count > 0;
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

/* ---- what the assist may let pass ---- */

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

	if (is_own(snoop, &answer->address))
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

/* An answer that has just changed nothing. What leads to derived names is always looked at: it prolongs them. */
static void tell_known(struct snoop *snoop, const uint8_t *message, size_t length, unsigned int packet)
{
	const struct dns_answer *answer = &snoop->answer;
	uint64_t bit = UINT64_C(1) << packet;
	struct derived_record origins[LIMIT_DERIVED_ORIGINS];

	if (!snoop->assist || ((snoop->planned | snoop->failed) & bit))
		return;
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

/* One whole DNS message that the flow's client receives. `packet`: the bit of the held packet that it came in. */
static void judge_message(struct snoop *snoop, const uint8_t *message, size_t length, const struct queries_flow *flow,
			  unsigned int packet)
{
	const struct ipaddr *asker = &flow->client;

	switch (dns_answer_read(message, length, &snoop->answer)) {
	case DNS_READ_OK:
		break;
	case DNS_READ_MALFORMED:
		counters.answers_malformed++;
		return;
	case DNS_READ_NOT_RESPONSE:
	case DNS_READ_NOT_UNDERSTOOD:
		counters.answers_not_understood++;
		return;
	case DNS_READ_ERROR_RESPONSE: /* an answer all the same: another one to that query is not believed */
		counters.answers++;
		(void)believe(snoop, flow, packet);
		return;
	}
	counters.answers++;
	if (!believe(snoop, flow, packet) || !find_rules(snoop, asker))
		return;
	snoop->allowed |= UINT64_C(1) << packet;
	count_answer(snoop);
	store_for_client(snoop->store, asker);
	for (unsigned int i = 0; i < snoop->answer.address_count; i++)
		teach_address(snoop, &snoop->answer.addresses[i], packet);
	for (unsigned int i = 0; i < snoop->answer.target_count; i++)
		derive(snoop, &snoop->answer.targets[i]);
	tell_known(snoop, message, length, packet);
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
		judge_message(snoop, udp.payload, udp.length, &judging.flow, number);
	} else if (packet_read_tcp(packet->payload, packet->length, &tcp) == 0 && tcp.source_port == DNS_PORT) {
		judging.flow = (struct queries_flow) { tcp.destination, tcp.source, tcp.destination_port, DNS_PORT,
						       IPPROTO_TCP };
		stream_feed(snoop->streams, &tcp, number, snoop->now, judge_stream_message, &judging);
	} else {
		counters.packets_unread++;
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
		commit(snoop);
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

/* ---- between drains ---- */

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t snoop_tick(struct snoop *snoop, struct monotime now)
{
	struct monotime deadline;
	size_t failed;

	store_reserve(snoop->store); /* a failure is counted where an answer suffers from it */
	if (!snoop->ticked || !monotime_before(now, snoop->next_tick)) {
		store_plan_expired(snoop->store, now);
		failed = commit(snoop);
		/* More are due than a transaction holds: the rest follows as soon as packets have been looked after. */
		snoop->next_tick = monotime_add(now, TICK_MS);
		if (!failed && store_next_deadline(snoop->store, &deadline) && !monotime_before(now, deadline))
			snoop->next_tick = now;
		snoop->ticked = true;
	}
	if (!store_next_deadline(snoop->store, &deadline))
		return -1;
	return max64(0, max64(monotime_until(now, snoop->next_tick), monotime_until(now, deadline)));
}

/* ---- reload and restart ---- */

static bool rule_has(const struct policy_rule *rule, const struct element_key *key)
{
	enum ipaddr_family family = key->address.family;

	if (rule->entry->group != key->group)
		return false;
	for (size_t i = 0; i < rule->port_count; i++) {
		const struct value_ports *port = &rule->ports[i];
		uint16_t number = port->proto == VALUE_ICMP ? value_icmp_port(family) : port->first;

		if (value_proto_number(port->proto, family) == key->l4proto && number == key->port)
			return true;
	}
	return false;
}

/* A private or own address may stand in the kernel only as long as an entry of the policy takes it. */
static bool rule_takes(const struct snoop *snoop, const struct policy_rule *rule, const struct element_key *key)
{
	if (!rule_has(rule, key) || is_own(snoop, &key->address))
		return false;
	return rule->entry->config->private_answers || !policy_address_reserved(snoop->policy, &key->address);
}

int64_t snoop_longest_life(struct snoop *snoop, const struct dns_name *name, const struct element_key *key)
{
	size_t matches = policy_match_name(snoop->policy, name, snoop->rules);
	int64_t longest = 0;

	for (size_t i = 0; i < matches; i++)
		if (rule_takes(snoop, snoop->rules[i], key))
			longest = max64(longest, (int64_t)snoop->rules[i]->entry->lifetime.max * 1000);
	return longest;
}

static bool element_allowed(struct snoop *snoop, const struct store_view *view)
{
	for (size_t i = 0; i < view->name_count; i++)
		if (snoop_longest_life(snoop, &view->names[i].name, &view->key))
			return true;
	for (size_t i = 0; view->name_count == 0 && i < snoop->policy->rule_count; i++)
		if (rule_takes(snoop, &snoop->policy->rules[i], &view->key))
			return true;
	return false;
}

struct pruning {
	struct snoop *snoop;
	size_t failed;
};

static bool prune_element(void *context, const struct store_view *view)
{
	struct pruning *pruning = context;
	struct snoop *snoop = pruning->snoop;
	struct element_key key = view->key;

	if (element_allowed(snoop, view))
		return true;
	if (store_plan_delete(snoop->store, &key) == -ENOSPC) {
		pruning->failed += commit(snoop);
		store_plan_delete(snoop->store, &key);
	}
	return true;
}

/* True, and narrows the groups, when the origin still is allowed in some. */
static bool keep_derived(void *context, struct derived_record *record)
{
	struct snoop *snoop = context;
	size_t matches = policy_match_name(snoop->policy, &record->origin, snoop->rules);
	policy_group_mask groups = 0;

	for (size_t i = 0; i < matches; i++)
		groups |= (policy_group_mask)1 << snoop->rules[i]->entry->group;
	record->groups &= groups;
	return record->groups != 0;
}

int snoop_prune(struct snoop *snoop, struct monotime now)
{
	struct pruning pruning = { .snoop = snoop };

	snoop->now = now;
	derived_prune(snoop->derived, keep_derived, snoop);
	store_visit(snoop->store, prune_element, &pruning);
	pruning.failed += commit(snoop);
	return pruning.failed ? -EAGAIN : 0;
}

struct adoption {
	struct snoop *snoop;
	struct monotime now;
	struct element_change *strays; /* elements that the store did not take: nobody would delete them */
	size_t stray_count, stray_room;
	int error; /* of the store; the first */
};

/* A stray that memory cannot hold stays until the kernel's own timeout. */
static void note_stray(struct adoption *adoption, const struct element_key *key)
{
	if (adoption->stray_count == adoption->stray_room) {
		size_t room = adoption->stray_room ? 2 * adoption->stray_room : LIMIT_BATCH_ELEMENTS;
		struct element_change *strays = reallocarray(adoption->strays, room, sizeof(*strays));

		if (!strays)
			return;
		adoption->strays = strays;
		adoption->stray_room = room;
	}
	adoption->strays[adoption->stray_count++] =
		(struct element_change) { .key = *key, .operation = ELEMENT_DELETE };
}

static void delete_strays(struct adoption *adoption)
{
	for (size_t at = 0; at < adoption->stray_count; at += LIMIT_BATCH_ELEMENTS) {
		size_t left = adoption->stray_count - at,
		       count = left < LIMIT_BATCH_ELEMENTS ? left : LIMIT_BATCH_ELEMENTS;

		counters.elements_evicted +=
			count - element_commit(adoption->snoop->table, adoption->strays + at, count);
	}
	free(adoption->strays);
}

static void adopt_element(void *context, const struct element_key *key, uint64_t expires_ms, const char *comment)
{
	struct adoption *adoption = context;
	size_t length = strlen(comment);
	bool cut = length > 0 && comment[length - 1] == '~';
	struct dns_name name;
	bool named = !cut && dns_name_from_text(comment, &name) == 0;
	int64_t left = expires_ms > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)expires_ms;
	struct monotime deadline = monotime_add(adoption->now, left - LIFETIME_BACKSTOP_MS);
	int rc = store_adopt(adoption->snoop->store, key, named ? &name : NULL, deadline);

	if (rc == 0 || rc == -EEXIST)
		return;
	note_stray(adoption, key);
	if (!adoption->error)
		adoption->error = rc;
}

int snoop_adopt(struct snoop *snoop, struct monotime now)
{
	struct adoption adoption = { .snoop = snoop, .now = now };
	int rc = element_dump(snoop->table, adopt_element, &adoption);

	delete_strays(&adoption);
	return rc < 0 ? rc : adoption.error;
}
