/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: what of a capture is what to the daemon
 *
 * An answer is what comes from port 53 of a resolver that is believed: what the snoop rules would queue. Their tests of
 * conntrack, interfaces and routes cannot be repeated here; whoever captured at the gateway's outside sees what they
 * would. Each packet is a drain of its own.
 *
 * A connection is what a client opens, or what leads to a destination that `inbound` guards. Who a client is, the
 * capture does not tell: see is_client(). */
#include "control/replay_run.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/counters.h"
#include "control/describe.h"
#include "control/element_replay.h"
#include "control/fragment.h"
#include "control/replay_flow.h"
#include "control/replay_tell.h"
#include "dns/packet.h"
#include "learn/asked.h"

#define DNS_PORT 53
/* Not 0: the monotonic clock of a machine that runs is not either, and what was "never" stays apart. */
#define START_MS 1000000

struct replay_run {
	const struct policy *policy;
	const struct replay_cmdline *options;
	struct table *sets;
	struct store *store;
	struct snoop *snoop;
	struct names *names;
	struct events *events;
	struct denials *denials;
	struct asked *asked; /* NULL: verify = "flow" */
	struct fragment_table *fragments;
	struct replay_flows *flows;
	struct control_context context;
	struct replay_tell tell;
	struct replay_summary summary;
	bool started;
	int64_t first_usec, last_usec;
	struct monotime now;
	struct timespec began; /* --speed: when the first packet was replayed */
	struct snoop_note note; /* of the running packet */
};

/* ---- making it ---- */

static void observe(void *context, const struct queue_packet *packet, const struct snoop_note *note,
		    struct monotime now)
{
	struct replay_run *run = context;

	(void)packet;
	(void)now;
	run->note = *note;
}

/* Denials are told with the capture's times, not with those of a daemon's run. */
static int64_t no_wall(void)
{
	return 0;
}

static int add_own(struct replay_run *run)
{
	const struct replay_ranges *own = &run->options->own;
	struct ipaddr addresses[REPLAY_RANGES];

	for (unsigned int i = 0; i < own->count; i++)
		addresses[i] = own->items[i].first;
	return snoop_set_own_addresses(run->snoop, addresses, own->count);
}

static int make_parts(struct replay_run *run, const struct hash_key *key)
{
	const struct config *config = run->policy->config;
	bool query = run->options->has_verify ? run->options->verify_query : config->verify == CONFIG_QUERY;

	run->sets = element_replay_new(key);
	run->store = store_new(key, config->limit_elements);
	run->snoop = run->store && run->sets ? snoop_new(run->store, run->sets, key) : NULL;
	run->names = names_new(key);
	run->events = events_new(1);
	run->denials = denials_new(key);
	run->asked = query ? asked_new(key) : NULL;
	run->fragments = fragment_new();
	run->flows = replay_flow_new(key);
	return run->snoop && run->names && run->events && run->denials && (run->asked || !query) && run->fragments &&
			       run->flows
		       ? 0
		       : -ENOMEM;
}

static int connect_parts(struct replay_run *run)
{
	store_set_events(run->store, run->events);
	snoop_set_policy(run->snoop, run->policy);
	snoop_set_names(run->snoop, run->names);
	snoop_set_observer(run->snoop, observe, run);
	if (run->asked)
		snoop_set_queries(run->snoop, asked_queries(run->asked));
	run->context = (struct control_context) { .policy = run->policy,
						  .store = run->store,
						  .derived = snoop_derived(run->snoop),
						  .denials = run->denials,
						  .events = run->events,
						  .names = run->names,
						  .table = run->sets,
						  .wall = no_wall,
						  .ready = true };
	run->summary.file = run->options->file;
	run->summary.mode = control_describe_mode(run->policy->config->mode);
	run->summary.verified = run->asked != NULL;
	return add_own(run) < 0 ? -ENOMEM : store_reserve(run->store);
}

struct replay_run *replay_run_new(const struct policy *policy, const struct replay_cmdline *options, FILE *out)
{
	struct replay_run *run = calloc(1, sizeof(*run));
	struct hash_key key;

	if (!run)
		return NULL;
	run->policy = policy;
	run->options = options;
	run->now.msec = START_MS;
	run->tell = (struct replay_tell) { out, options->json, &run->context };
	if (hash_key_random(&key) == 0 && make_parts(run, &key) == 0 && connect_parts(run) == 0)
		return run;
	replay_run_free(run);
	return NULL;
}

void replay_run_free(struct replay_run *run)
{
	if (!run)
		return;
	replay_flow_free(run->flows);
	fragment_free(run->fragments);
	asked_free(run->asked);
	denials_free(run->denials);
	snoop_free(run->snoop);
	store_free(run->store);
	events_free(run->events);
	names_free(run->names);
	element_replay_free(run->sets);
	free(run);
}

/* ---- the clock ---- */

static void wait_for(struct replay_run *run, int64_t usec)
{
	double seconds = (double)(usec - run->first_usec) / 1e6 / run->options->speed;
	struct timespec until = run->began;

	until.tv_sec += (time_t)seconds;
	until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	fflush(run->tell.out);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static void set_time(struct replay_run *run, struct monotime now)
{
	run->now = now;
	element_replay_at(run->sets, now);
	events_at(run->events, now);
}

/* What ends on the way there ends when its time has come. */
static void advance(struct replay_run *run, int64_t usec)
{
	struct monotime target = { START_MS + (usec - run->first_usec) / 1000 };

	while (monotime_before(run->now, target)) {
		int64_t pause = snoop_tick(run->snoop, run->now), left = monotime_until(run->now, target);

		set_time(run, monotime_add(run->now, pause < 0 || pause > left ? left : pause));
	}
	snoop_tick(run->snoop, run->now);
}

static void take_time(struct replay_run *run, int64_t usec)
{
	if (!run->started) {
		run->started = true;
		run->first_usec = run->last_usec = usec;
		clock_gettime(CLOCK_MONOTONIC, &run->began);
		set_time(run, run->now);
	}
	if (usec < run->last_usec) {
		run->summary.time_backwards++;
		return;
	}
	run->last_usec = usec;
	if (run->options->speed > 0)
		wait_for(run, usec);
	advance(run, usec);
}

/* ---- who is who ---- */

static bool is_believed(const struct replay_run *run, const struct ipaddr *resolver)
{
	const struct replay_cmdline *options = run->options;

	return options->any_resolver || policy_ranges46_contain(&run->policy->resolvers, resolver) ||
	       replay_cmdline_holds(&options->resolvers, resolver) ||
	       (run->policy->config->resolvers_local && replay_cmdline_holds(&options->own, resolver));
}

static bool in_a_group(const struct policy *policy, const struct ipaddr *address)
{
	for (size_t i = 1; i < policy->group_count; i++)
		if (policy_ranges46_contain(&policy->groups[i].clients, address))
			return true;
	return false;
}

static bool is_client(const struct replay_run *run, const struct ipaddr *address)
{
	const struct policy *policy = run->policy;

	if (run->options->clients.count)
		return replay_cmdline_holds(&run->options->clients, address);
	if (policy_ranges46_contain(&policy->clients, address) || in_a_group(policy, address))
		return true;
	return policy->clients.v4.count + policy->clients.v6.count == 0 &&
	       policy_ranges46_contain(&policy->local, address) && !is_believed(run, address) &&
	       !replay_cmdline_holds(&run->options->own, address);
}

/* ---- packets ---- */

static bool wanted(const struct replay_run *run, enum snoop_fate fate)
{
	if (run->options->summary)
		return false;
	return run->options->all || fate == SNOOP_known || fate == SNOOP_learned || fate == SNOOP_dropped;
}

static void count_stranger(struct replay_summary *summary, const struct ipaddr *resolver)
{
	unsigned int i = 0;

	summary->untrusted++;
	while (i < summary->stranger_count && i < 4 && !ipaddr_equal(&summary->strangers[i], resolver))
		i++;
	if (i == 4)
		return;
	if (i == summary->stranger_count) {
		summary->stranger_count++;
		summary->strangers[i] = *resolver;
	}
	summary->stranger_answers[i]++;
}

static void judge_answer(struct replay_run *run, struct replay_answer *answer, const uint8_t *packet, size_t length)
{
	const struct queue_packet queued = { .payload = packet, .length = length };

	answer->first_event = events_next(run->events);
	snoop_drain(run->snoop, &queued, 1, run->now);
	store_reserve(run->store);
	answer->end_event = events_next(run->events);
	answer->note = &run->note;
	run->summary.fates[run->note.fate]++;
	if (store_count(run->store) > run->summary.peak)
		run->summary.peak = store_count(run->store);
	if (wanted(run, run->note.fate) && (run->note.fate != SNOOP_segment || run->options->all))
		replay_tell_answer(&run->tell, answer, run->now);
}

static void take_answer(struct replay_run *run, const struct packet_head *head, const uint8_t *packet, size_t length)
{
	struct replay_answer answer = { .usec = run->last_usec,
					.client = head->destination,
					.resolver = head->source,
					.tcp = head->l4proto == IPPROTO_TCP };

	if (is_believed(run, &head->source)) {
		judge_answer(run, &answer, packet, length);
		return;
	}
	count_stranger(&run->summary, &head->source);
	if (run->options->all && !run->options->summary)
		replay_tell_answer(&run->tell, &answer, run->now);
}

static void judge_flow(struct replay_run *run, const struct conntrack_flow *flow, bool inbound, bool again)
{
	struct replay_verdict verdict;

	replay_judge(&run->context, run->now, flow, inbound, &verdict);
	if (verdict.allowed) {
		run->summary.allowed++;
	} else {
		denials_add(run->denials, &verdict.record.key, verdict.named ? &verdict.name : NULL, run->now);
		if (again) { /* as before: told once */
			run->summary.repeated++;
			return;
		}
		run->summary.denied++;
	}
	if (!run->options->summary)
		replay_tell_attempt(&run->tell, run->last_usec, flow, &verdict, run->now);
}

static void take_flow(struct replay_run *run, const uint8_t *packet, size_t length)
{
	struct conntrack_flow flow;
	enum replay_opening opening = replay_flow_see(run->flows, packet, length, run->now, &flow);
	bool client, inbound;

	if (opening == REPLAY_FLOW_NONE)
		return;
	client = is_client(run, &flow.source);
	inbound = !client && replay_judge_guards(run->policy, &flow);
	if (client || inbound)
		judge_flow(run, &flow, inbound, opening == REPLAY_FLOW_REPEATS);
}

static bool has_dns_ports(const struct packet_head *head)
{
	return head->l4proto == IPPROTO_TCP || head->l4proto == IPPROTO_UDP;
}

static void take_ip(struct replay_run *run, const uint8_t *packet, size_t length)
{
	struct packet_head head;

	if (packet_read_head(packet, length, &head) < 0)
		return;
	take_flow(run, packet, length);
	if (has_dns_ports(&head) && head.destination_port == DNS_PORT && run->asked)
		asked_see(run->asked, packet, length, run->now);
	if (has_dns_ports(&head) && head.source_port == DNS_PORT)
		take_answer(run, &head, packet, length);
}

void replay_run_packet(struct replay_run *run, const struct capture_packet *packet)
{
	const uint8_t *ip, *whole;
	size_t length, whole_length;

	run->summary.packets++;
	take_time(run, packet->usec);
	if (capture_ip(packet, &ip, &length) < 0)
		return;
	run->summary.packets_ip++;
	run->summary.packets_cut += packet->length < packet->original;
	if (fragment_take(run->fragments, ip, length, run->now, &whole, &whole_length) == 0)
		take_ip(run, whole, whole_length);
}

uint64_t replay_run_end(struct replay_run *run, bool complete)
{
	struct replay_summary *summary = &run->summary;

	summary->complete = complete;
	summary->seconds = (double)(run->last_usec - run->first_usec) / 1e6;
	summary->fragments_lost = fragment_lost(run->fragments);
	summary->flows_forgotten = replay_flow_forgotten(run->flows);
	summary->commits = element_replay_commits(run->sets);
	summary->memory = store_memory(run->store);
	replay_tell_summary(&run->tell, summary, run->denials, run->now);
	return summary->denied;
}
