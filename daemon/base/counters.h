/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters: the only globals of nfqdn. One row a counter; `status`, metrics and their help texts come from the table. */
#ifndef NFQDN_BASE_COUNTERS_H
#define NFQDN_BASE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

/* name, help */
/* clang-format off */
#define COUNTERS(C) \
	C(packets_queued, "packets received from the queue") \
	C(packets_unread, "queued packets that were not IP with UDP or TCP as expected; passed unlearned") \
	C(answers, "DNS responses parsed") \
	C(answers_malformed, "DNS responses that are not well formed; passed unlearned") \
	C(answers_not_understood, "responses with other than one question of class IN, or an OPCODE other than QUERY; passed unlearned") \
	C(answers_without_policy, "responses whose question no entry allows; passed") \
	C(answers_without_group, "responses to an asker whose groups do not allow the name; passed") \
	C(answers_known, "allowed responses that changed nothing") \
	C(answers_taught, "allowed responses that added or refreshed at least one element") \
	C(answers_dropped, "allowed responses dropped because their transaction failed") \
	C(answers_unasked, "verify = query: responses that match no query seen; passed unlearned") \
	C(answers_repeated, "verify = query: responses to a query that was answered before; passed unlearned") \
	C(answers_of_older_flows, "responses believed in the first seconds after a reload to verify = query, of flows from before it") \
	C(queries, "verify = query: copies of clients' packets to resolvers read") \
	C(queries_unread, "of these, without a query with one question; not remembered") \
	C(queries_lost, "copies of clients' packets that our socket had no room for; the answers to their queries pass unlearned") \
	C(queries_evicted, "queries forgotten before their answer at the limit of queries or of queries of one flow") \
	C(queries_spoiled, "queries given up because their flow got too many responses with a wrong id or question") \
	C(addresses_over_limit, "addresses in one response beyond the limit, left out") \
	C(chain_over_limit, "CNAME chains cut at the limit of steps") \
	C(targets_over_limit, "chain and SVCB targets beyond the limit, left out") \
	C(derived_names, "names learned from allowed answers that ended without their address") \
	C(derived_evicted, "derived names forgotten before their end at the limit of names or of origins of one") \
	C(derived_too_deep, "targets of answers to derived names beyond the limit of depth, left out") \
	C(answers_derived, "responses allowed by a derived name") \
	C(name_matches_over_limit, "names matched by more entries than the limit; further ones left out") \
	C(pattern_visits_over_limit, "name lookups that were stopped at the limit of visited nodes") \
	C(tcp_segments, "TCP segments of DNS flows read") \
	C(tcp_segments_unsynchronised, "TCP segments with data of flows whose beginning was not seen or whose place was lost; passed unlearned") \
	C(tcp_segments_outside, "TCP segments beyond the window or the memory for unfinished messages; passed, what was beyond not read") \
	C(tcp_segments_dropped, "TCP segments dropped because they repeat octets of a dropped answer") \
	C(tcp_segments_conflicting, "TCP segments that repeat octets with another content; the first copy counts") \
	C(tcp_flows, "TCP flows followed from their SYN-ACK") \
	C(tcp_flows_evicted, "TCP flows forgotten at the limit of flows") \
	C(tcp_flows_expired, "TCP flows forgotten after a long silence") \
	C(tcp_flows_lost, "TCP flows given up because the place of the next message could no longer be known") \
	C(tcp_messages, "DNS messages put together from TCP segments") \
	C(tcp_messages_skipped, "DNS messages over TCP given up because a part never came by or memory was short; passed unlearned") \
	C(tcp_messages_let_go, "times messages over TCP were let go before their verdict for want of memory: if dropped, their repetition passes unlearned") \
	C(refused_reserved, "addresses refused because they are private, loopback or otherwise reserved") \
	C(refused_own, "addresses refused because they are the gateway's own") \
	C(addresses_without_set, "addresses not learned because no set of gateway.sets is for their family") \
	C(own_over_limit, "own addresses of the gateway beyond the limit, not refused as answers") \
	C(elements_added, "elements added") \
	C(elements_refreshed, "elements refreshed") \
	C(elements_expired, "elements deleted at the end of their life") \
	C(elements_evicted, "elements deleted before their end to make room") \
	C(elements_over_share, "of these, from a client or a pattern over its share") \
	C(elements_adopted, "elements taken over from the kernel at start") \
	C(adoptions_failed, "tries to take over what the table had learned that failed; repeated each second") \
	C(elements_dropped, "elements deleted because the policy no longer allows them") \
	C(elements_refused, "elements that the kernel refused") \
	C(elements_over_limit, "elements left out because the store was full of what the same drain needed") \
	C(elements_without_memory, "elements left out because the memory set aside for one drain was used up; their answers are dropped and asked again") \
	C(element_names_over_limit, "names of an element beyond the limit, not remembered") \
	C(name_elements_over_limit, "elements of one name beyond the limit, left out") \
	C(state_written, "times the learned addresses were written to the state folder") \
	C(state_errors, "times they could not be written; the old file stayed") \
	C(state_refused, "state files and imports refused: damaged, of another version, or over a limit") \
	C(state_records_taken, "records of the state file or an import that are in force now") \
	C(state_records_denied, "records of the state file or an import that the policy does not allow") \
	C(assist_unrelated, "of answers_without_policy, those that the kernel passed by itself (kernel-assist)") \
	C(assist_known, "of answers_known, those that the kernel passed by itself (kernel-assist)") \
	C(assist_errors, "times the kernel could not be told something (kernel-assist); it passed nothing until it was loaded anew") \
	C(names_copies, "of assist_unrelated, those whose copies were read for reports (report-names = all); of too many a second kernel_snoop_uncopied_packets counts the rest") \
	C(names_copies_unread, "such copies that could not be read; their names are not remembered") \
	C(names_copies_lost, "such copies that our socket had no room for") \
	C(names_seen, "addresses in responses whose names are remembered for reports, allowed or not") \
	C(names_forgotten, "of these, forgotten at the limit: what is denied there is told without its name") \
	C(denials, "copies of denied packets read (nfqdnctl denied); beyond the kernel's limit of copies only kernel_denied_packets counts") \
	C(denials_audited, "mode = audit: copies of packets that enforce would deny read") \
	C(denials_unread, "copies of denied packets that were not IP as expected; not remembered") \
	C(denials_lost, "copies of denied packets that our socket had no room for") \
	C(denials_forgotten, "remembered denials forgotten at the limit") \
	C(events, "events recorded for nfqdnctl watch") \
	C(events_forgotten, "of these, forgotten at the limit: who had not read them is told how many") \
	C(records, "packets copied for nfqdnctl record") \
	C(records_forgotten, "of these, forgotten at the limit: who had not read them is told how many") \
	C(resolvers_forgotten, "addresses of resolvers whose answers are no longer told apart (nfqdnctl doctor), forgotten at the limit") \
	C(life_below_ttl, "answers whose TTL is longer than the maximum lifetime") \
	C(transactions, "transactions committed") \
	C(transactions_failed, "transactions refused by the kernel") \
	C(transactions_lost, "transactions whose result did not arrive in time") \
	C(queue_overruns, "packets that passed unlearned (or were dropped, as on-overload says) because the queue's socket was full") \
	C(queue_errors, "other errors on the queue's socket") \
	C(verdict_errors, "verdicts the kernel did not take") \
	C(reloads, "policies applied") \
	C(reloads_refused, "reloads refused; the old policy stayed") \
	C(reloads_undone, "reloads that went back, since nobody confirmed them in time or somebody said so") \
	C(removed_forgotten, "learned elements that a reload to be confirmed removed and memory had no room to keep") \
	C(sets_untouched, "interval sets that a policy applied left as they were") \
	C(sets_grown, "interval sets to which a policy applied only added elements, in place") \
	C(sets_filled, "interval sets that a policy applied filled aside and put in place of the old ones") \
	C(table_rebuilt, "times the table was found changed by others and rebuilt") \
	C(flow_looks, "times all open flows were looked at (revoke = \"cut\")") \
	C(flow_looks_failed, "looks that did not come to their end and were begun anew") \
	C(flows_seen, "open flows looked at") \
	C(flows_cut, "open flows ended because the policy does not allow them") \
	C(flows_not_cut, "flows that the kernel would not end, such as those of a flowtable") \
	C(flows_audited, "flows that would have been ended but for mode = \"audit\"") \
	C(past_forgotten, "addresses no longer learned whose names were forgotten at the limit: a look cuts their flows") \
	C(past_names_over_limit, "names of such an address beyond the limit, not remembered") \
	C(flows_unread, "flows in a form that is not understood; left alone") \
	C(control_requests, "requests on the control socket") \
	C(control_forbidden, "control requests of clients that may look, but change nothing") \
	C(control_refused, "control clients dropped at a limit or for a malformed request") \
	C(hold_microseconds, "sum of the time answers were held, in microseconds") \
	C(hold_microseconds_max, "longest time an answer was held, in microseconds")
/* clang-format on */

#define COUNTERS_FIELD(name, help) uint64_t name;
struct counters {
	COUNTERS(COUNTERS_FIELD)
};
#undef COUNTERS_FIELD

extern struct counters counters;

struct counter_row {
	const char *name;
	const char *help;
	size_t offset; /* in struct counters */
};
/* The rows in the table's order; ends with a row whose name is NULL. */
extern const struct counter_row counter_rows[];
uint64_t counter_value(const struct counter_row *row);

#endif
