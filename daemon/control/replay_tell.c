/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/replay_tell.h"

#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "base/counters.h"
#include "control/describe.h"
#include "control/event.h"
#include "control/json.h"
#include "control/nfqdnctl_print.h"
#include "control/nfqdnctl_summary.h"
#include "control/protocol.h"

#define TIME_SIZE 40

static void print_time(int64_t usec, FILE *out)
{
	time_t seconds = (time_t)(usec / 1000000);
	struct tm local;
	char text[TIME_SIZE];

	if (localtime_r(&seconds, &local) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local) > 0)
		fprintf(out, "%s.%03d ", text, (int)(usec / 1000 % 1000));
}

static json_t *object_of(const char *kind)
{
	json_t *object = json_object();

	control_json_set(&object, "api", json_integer(CONTROL_API));
	control_json_set(&object, "kind", json_string(kind));
	return object;
}

static json_t *time_json(int64_t usec)
{
	return json_real((double)usec / 1e6);
}

static json_t *address_json(const struct ipaddr *address)
{
	char text[IPADDR_TEXT_SIZE];

	return json_string(ipaddr_to_text(address, text));
}

static json_t *name_json(bool named, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_SIZE];

	return named ? json_string(dns_name_to_text(name, text)) : json_null();
}

static json_t *entry_json(const struct policy_entry *entry)
{
	return control_json_text(entry ? entry->config->name : NULL);
}

/* Takes the object over. */
static void print_line(const struct replay_tell *tell, json_t *object)
{
	if (object)
		json_dumpf(object, tell->out, JSON_COMPACT | JSON_REAL_PRECISION(15));
	fputc('\n', tell->out);
	json_decref(object);
}

/* ---- answers ---- */

/* As `watch` tells it, without what is of the daemon's run. */
static json_t *change_json(const struct replay_tell *tell, const struct events_record *record, struct monotime now)
{
	bool looked = false;
	json_t *object = control_event_json(tell->context, now, record, &looked);

	json_object_del(object, "api");
	json_object_del(object, "sequence");
	json_object_del(object, "time");
	return object;
}

static json_t *changes_json(const struct replay_tell *tell, const struct replay_answer *answer, struct monotime now)
{
	json_t *array = json_array();

	for (uint64_t at = answer->first_event; at < answer->end_event; at++) {
		const struct events_record *record = events_find(tell->context->events, at);

		if (record)
			control_json_add(&array, change_json(tell, record, now));
	}
	return array;
}

static const char *fate_of(const struct replay_answer *answer)
{
	return answer->note ? snoop_fate_word(answer->note->fate) : "untrusted";
}

static void answer_as_json(const struct replay_tell *tell, const struct replay_answer *answer, struct monotime now)
{
	const struct snoop_note *note = answer->note;
	bool named = note && note->named;
	json_t *object = object_of("answer");

	control_json_set(&object, "time", time_json(answer->usec));
	control_json_set(&object, "client", address_json(&answer->client));
	control_json_set(&object, "resolver", address_json(&answer->resolver));
	control_json_set(&object, "proto", json_string(answer->tcp ? "tcp" : "udp"));
	control_json_set(&object, "name", name_json(named, note ? &note->name : NULL));
	control_json_set(&object, "type", named ? json_integer(note->type) : json_null());
	control_json_set(&object, "verdict", json_string(fate_of(answer)));
	control_json_set(&object, "entry", entry_json(note ? note->entry : NULL));
	control_json_set(&object, "changes", changes_json(tell, answer, now));
	print_line(tell, object);
}

static void print_changes(const struct replay_tell *tell, const struct replay_answer *answer, struct monotime now)
{
	json_t *changes = changes_json(tell, answer, now);

	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *change = json_array_get(changes, i), *life = json_object_get(change, "life");
		const char *group = nfqdnctl_print_member(change, "group");
		char port[32], duration[NFQDNCTL_DURATION_SIZE];

		nfqdnctl_print_port(change, port);
		fprintf(tell->out, "    %s %s %s", nfqdnctl_print_member(change, "kind"),
			nfqdnctl_print_member(change, "address"), port);
		if (json_is_integer(life))
			fprintf(tell->out, " for %s", nfqdnctl_table_duration(json_integer_value(life), duration));
		fprintf(tell->out, "%s%s\n", group[0] ? ", group " : "", group);
	}
	json_decref(changes);
}

static void answer_as_text(const struct replay_tell *tell, const struct replay_answer *answer, struct monotime now)
{
	const struct snoop_note *note = answer->note;
	char client[IPADDR_TEXT_SIZE], resolver[IPADDR_TEXT_SIZE], name[DNS_NAME_TEXT_SIZE];

	print_time(answer->usec, tell->out);
	fprintf(tell->out, "answer %s <- %s", ipaddr_to_text(&answer->client, client),
		ipaddr_to_text(&answer->resolver, resolver));
	if (note && note->named)
		fprintf(tell->out, " %s", dns_name_to_text(&note->name, name));
	fprintf(tell->out, ": %s", fate_of(answer));
	if (note && note->entry) {
		fputs(" by ", tell->out);
		nfqdnctl_table_text(note->entry->config->name, tell->out);
	}
	fputc('\n', tell->out);
	print_changes(tell, answer, now);
}

void replay_tell_answer(const struct replay_tell *tell, const struct replay_answer *answer, struct monotime now)
{
	if (tell->json)
		answer_as_json(tell, answer, now);
	else
		answer_as_text(tell, answer, now);
}

/* ---- connections ---- */

/* The members of `denied` but those that count. */
static void add_denial(const struct replay_tell *tell, json_t **object, const struct replay_verdict *verdict,
		       struct monotime now)
{
	static const char *const taken[] = { "why", "reason", "rows" };
	json_t *denial = control_denied_json(tell->context, now, &verdict->record, &verdict->denied);

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		control_json_set(object, taken[i], json_incref(json_object_get(denial, taken[i])));
	json_decref(denial);
}

static void attempt_as_json(const struct replay_tell *tell, int64_t usec, const struct conntrack_flow *flow,
			    const struct replay_verdict *verdict, struct monotime now)
{
	json_t *object = object_of("connection");

	control_json_set(&object, "time", time_json(usec));
	control_json_set(&object, "client", address_json(&flow->source));
	control_json_set(&object, "address", address_json(&flow->destination));
	control_json_set(&object, "proto", json_string(control_describe_proto(flow->l4proto)));
	control_json_set(&object, "port", control_describe_port(flow->l4proto, flow->port));
	control_json_set(&object, "name", name_json(verdict->named, &verdict->name));
	control_json_set(&object, "verdict", json_string(verdict->allowed ? "allowed" : "denied"));
	if (verdict->allowed) {
		control_json_set(&object, "via", json_string(verdict->via));
		control_json_set(&object, "entry", entry_json(verdict->entry));
		control_json_set(&object, "prefix", control_json_text(verdict->prefix));
	} else {
		add_denial(tell, &object, verdict, now);
	}
	print_line(tell, object);
}

static void print_port(const struct conntrack_flow *flow, FILE *out)
{
	if (flow->l4proto == IPPROTO_TCP || flow->l4proto == IPPROTO_UDP)
		fprintf(out, " %s/%u", control_describe_proto(flow->l4proto), flow->port);
	else
		fprintf(out, " %s", control_describe_proto(flow->l4proto));
}

void replay_tell_attempt(const struct replay_tell *tell, int64_t usec, const struct conntrack_flow *flow,
			 const struct replay_verdict *verdict, struct monotime now)
{
	char client[IPADDR_TEXT_SIZE], address[IPADDR_TEXT_SIZE], name[DNS_NAME_TEXT_SIZE];

	if (tell->json) {
		attempt_as_json(tell, usec, flow, verdict, now);
		return;
	}
	print_time(usec, tell->out);
	fprintf(tell->out, "%s %s -> %s", verdict->allowed ? "allowed" : "denied",
		ipaddr_to_text(&flow->source, client), ipaddr_to_text(&flow->destination, address));
	print_port(flow, tell->out);
	if (verdict->named)
		fprintf(tell->out, " (%s)", dns_name_to_text(&verdict->name, name));
	fputs(": ", tell->out);
	if (!verdict->allowed)
		nfqdnctl_table_text(verdict->denied.reason, tell->out);
	else
		fputs(verdict->via, tell->out);
	if (verdict->allowed && verdict->entry) {
		fputs(" of ", tell->out);
		nfqdnctl_table_text(verdict->entry->config->name, tell->out);
	}
	fputc('\n', tell->out);
}

/* ---- the end ---- */

struct table_of_denials {
	const struct replay_tell *tell;
	struct monotime now;
	json_t *array;
};

static bool add_record(void *context, const struct denials_record *record)
{
	struct table_of_denials *table = context;
	struct control_denied denied;

	control_denied_judge(table->tell->context, table->now, record, &denied);
	control_json_add(&table->array, control_denied_json(table->tell->context, table->now, record, &denied));
	return true;
}

/* One row for each name and port, the commonest first. */
static json_t *denied_rows(const struct replay_tell *tell, const struct denials *denials, struct monotime now)
{
	struct table_of_denials table = { tell, now, json_array() };

	denials_visit(denials, add_record, &table);
	return table.array ? nfqdnctl_summary(table.array) : NULL;
}

static json_t *answers_json(const struct replay_summary *summary)
{
	json_t *object = json_object();

	for (int i = 0; i < SNOOP_FATE_COUNT; i++)
		control_json_set(&object, snoop_fate_word((enum snoop_fate)i), control_json_count(summary->fates[i]));
	control_json_set(&object, "untrusted", control_json_count(summary->untrusted));
	return object;
}

static json_t *strangers_json(const struct replay_summary *summary)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < summary->stranger_count && i < 4; i++) {
		json_t *object = json_object();

		control_json_set(&object, "resolver", address_json(&summary->strangers[i]));
		control_json_set(&object, "answers", control_json_count(summary->stranger_answers[i]));
		control_json_add(&array, object);
	}
	return array;
}

static json_t *counters_json(void)
{
	json_t *object = json_object();

	for (const struct counter_row *row = counter_rows; row->name; row++)
		control_json_set(&object, row->name, control_json_count(counter_value(row)));
	return object;
}

static json_t *summary_json(const struct replay_tell *tell, const struct replay_summary *summary,
			    const struct denials *denials, struct monotime now)
{
	json_t *object = object_of("summary"), *rows = denied_rows(tell, denials, now);

	control_json_set(&object, "file", control_json_text(summary->file));
	control_json_set(&object, "mode", json_string(summary->mode));
	control_json_set(&object, "verify", json_string(summary->verified ? "query" : "flow"));
	control_json_set(&object, "complete", json_boolean(summary->complete));
	control_json_set(&object, "seconds", json_real(summary->seconds));
	control_json_set(&object, "packets", control_json_count(summary->packets));
	control_json_set(&object, "packets_ip", control_json_count(summary->packets_ip));
	control_json_set(&object, "packets_cut", control_json_count(summary->packets_cut));
	control_json_set(&object, "fragments_lost", control_json_count(summary->fragments_lost));
	control_json_set(&object, "time_backwards", control_json_count(summary->time_backwards));
	control_json_set(&object, "flows_forgotten", control_json_count(summary->flows_forgotten));
	control_json_set(&object, "answers", answers_json(summary));
	control_json_set(&object, "untrusted", strangers_json(summary));
	control_json_set(&object, "allowed", control_json_count(summary->allowed));
	control_json_set(&object, "denied", control_json_count(summary->denied));
	control_json_set(&object, "tried_again", control_json_count(summary->repeated));
	control_json_set(&object, "denials", rows);
	control_json_set(&object, "learned_peak", control_json_count(summary->peak));
	control_json_set(&object, "transactions", control_json_count(summary->commits));
	control_json_set(&object, "memory", control_json_count(summary->memory));
	control_json_set(&object, "counters", counters_json());
	return object;
}

static void print_number(FILE *out, const char *what, uint64_t number)
{
	if (number)
		fprintf(out, ", %llu %s", (unsigned long long)number, what);
}

static void print_answers(const struct replay_summary *summary, FILE *out)
{
	uint64_t all = summary->untrusted;

	for (int i = 0; i < SNOOP_FATE_COUNT; i++)
		all += summary->fates[i];
	fprintf(out, "answers: %llu", (unsigned long long)all);
	for (int i = 0; i < SNOOP_FATE_COUNT; i++)
		print_number(out, snoop_fate_word((enum snoop_fate)i), summary->fates[i]);
	print_number(out, "untrusted", summary->untrusted);
	fputc('\n', out);
}

/* What was not replayed as the daemon would have seen it, and what to do about it. */
static void print_doubts(const struct replay_summary *summary, FILE *out)
{
	char text[IPADDR_TEXT_SIZE];

	if (!summary->complete)
		fputs("the capture was not read to its end\n", out);
	if (summary->packets_cut)
		fprintf(out, "%llu packets were cut when they were captured (tcpdump -s 0 takes them whole)\n",
			(unsigned long long)summary->packets_cut);
	for (unsigned int i = 0; i < summary->stranger_count && i < 4; i++)
		fprintf(out, "%llu answers of %s, which is not among gateway.resolvers (--resolvers)\n",
			(unsigned long long)summary->stranger_answers[i], ipaddr_to_text(&summary->strangers[i], text));
	if (summary->verified && summary->fates[SNOOP_unasked])
		fprintf(out, "%llu answers match no query of the capture (--verify flow believes them)\n",
			(unsigned long long)summary->fates[SNOOP_unasked]);
}

static void summary_as_text(const struct replay_tell *tell, const struct replay_summary *summary,
			    const struct denials *denials, struct monotime now)
{
	json_t *rows = denied_rows(tell, denials, now);
	FILE *out = tell->out;

	fprintf(out, "\n%s: %llu packets in %.3f s", summary->file, (unsigned long long)summary->packets,
		summary->seconds);
	print_number(out, "not IP", summary->packets - summary->packets_ip);
	print_number(out, "in fragments that do not make a whole", summary->fragments_lost);
	print_number(out, "times the clock went back", summary->time_backwards);
	fputc('\n', out);
	print_answers(summary, out);
	fprintf(out, "learned: at most %zu addresses and ports at once, in %zu transactions\n", summary->peak,
		summary->commits);
	fprintf(out, "connections: %llu allowed, %llu denied", (unsigned long long)summary->allowed,
		(unsigned long long)summary->denied);
	print_number(out, "tried again", summary->repeated);
	fputc('\n', out);
	print_doubts(summary, out);
	if (json_array_size(rows)) {
		fputc('\n', out);
		nfqdnctl_print_clean(rows);
		nfqdnctl_print_denied(rows, out);
	}
	json_decref(rows);
}

void replay_tell_summary(const struct replay_tell *tell, const struct replay_summary *summary,
			 const struct denials *denials, struct monotime now)
{
	if (tell->json)
		print_line(tell, summary_json(tell, summary, denials, now));
	else
		summary_as_text(tell, summary, denials, now);
}
