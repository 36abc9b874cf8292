/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/counters.h"
#include "base/histogram.h"
#include "base/limits.h"
#include "control/describe.h"
#include "control/json.h"
#include "dns/stream.h"

#define PREFIX "nfqdn_"

/* One metric while it is told. */
struct telling {
	const struct control_context *context;
	struct monotime now;
	json_t *samples;
};

/* ---- samples ---- */

static void add_labelled(struct telling *telling, json_t *labels, json_t *value)
{
	json_t *sample = json_object();

	control_json_set(&sample, "labels", labels);
	control_json_set(&sample, "value", value);
	control_json_add(&telling->samples, sample);
}

static void add(struct telling *telling, json_t *value)
{
	add_labelled(telling, json_object(), value);
}

static void add_count(struct telling *telling, uint64_t count)
{
	add(telling, control_json_count(count));
}

static json_t *label(const char *key, const char *text)
{
	json_t *labels = json_object();

	control_json_set(&labels, key, control_json_text(text));
	return labels;
}

/* ---- the daemon ---- */

static void add_build(struct telling *telling)
{
	add_labelled(telling, label("version", NFQDN_VERSION), json_integer(1));
}

static void add_start(struct telling *telling)
{
	const struct control_context *context = telling->context;

	add(telling, json_real((double)(context->wall() - monotime_until(context->started, telling->now)) / 1000));
}

static void add_ready(struct telling *telling)
{
	add_count(telling, telling->context->ready);
}

static void add_mode(struct telling *telling)
{
	const enum config_mode mode = policy_mode(telling->context->policy);

	for (int i = CONFIG_ENFORCE; i <= CONFIG_SETS; i++)
		add_labelled(telling, label("mode", control_describe_mode((enum config_mode)i)),
			     json_integer((int)mode == i));
}

static void add_generation(struct telling *telling)
{
	add_count(telling, telling->context->policy->generation);
}

static void add_warnings(struct telling *telling)
{
	const char *warning = telling->context->warning;

	add_count(telling, warning && warning[0]);
}

static void add_state_written(struct telling *telling)
{
	if (telling->context->state_written)
		add(telling, json_real((double)telling->context->state_written / 1000));
}

/* ---- the policy ---- */

static void add_entries(struct telling *telling)
{
	add_count(telling, telling->context->policy->entry_count);
}

static void add_patterns(struct telling *telling)
{
	add_count(telling, telling->context->policy->rule_count);
}

static void add_prefixes(struct telling *telling)
{
	add_labelled(telling, label("direction", "outbound"),
		     control_json_count(telling->context->policy->outbound_count));
	add_labelled(telling, label("direction", "inbound"),
		     control_json_count(telling->context->policy->inbound_count));
}

static void add_policy_memory(struct telling *telling)
{
	add_count(telling, arena_used(telling->context->policy->arena));
}

/* The date of the newest row of each "service\ndocument", as {key: day}. */
struct documents {
	json_t *days;
	const struct catalog_row *last; /* rows of one document mostly follow each other */
};

static json_int_t day_of(const struct catalog_row *row)
{
	struct tm day = { 0 };

	return strptime(row->as_of, "%Y-%m-%d", &day) ? (json_int_t)timegm(&day) : 0;
}

static bool same_list(const struct catalog_row *a, const struct catalog_row *b)
{
	return a && strcmp(a->service, b->service) == 0 && strcmp(a->document, b->document) == 0 &&
	       strcmp(a->as_of, b->as_of) == 0;
}

static void note_row(struct documents *documents, const struct catalog_row *row)
{
	json_int_t day;
	char *key;

	if (!row || !row->as_of[0] || same_list(documents->last, row) ||
	    asprintf(&key, "%s\n%s", row->service, row->document) < 0)
		return;
	documents->last = row;
	day = day_of(row);
	if (day > json_integer_value(json_object_get(documents->days, key)))
		json_object_set_new(documents->days, key, json_integer(day));
	free(key);
}

static void note_ranges(struct documents *documents, const struct policy_provenance *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (i == 0 || list[i].row != list[i - 1].row)
			note_row(documents, list[i].row);
}

static void add_list(struct telling *telling, const char *key, const json_t *day)
{
	const char *document = strchr(key, '\n');
	json_t *labels = json_object();

	control_json_set(&labels, "service", json_stringn(key, (size_t)(document - key)));
	control_json_set(&labels, "document", json_string(document + 1));
	add_labelled(telling, labels, json_integer(json_integer_value(day)));
}

static void add_lists(struct telling *telling)
{
	const struct policy *policy = telling->context->policy;
	struct documents documents = { .days = json_object() };
	const char *key;
	json_t *day;

	for (size_t i = 0; i < policy->rule_count; i++)
		if (i == 0 || policy->rules[i].row != policy->rules[i - 1].row)
			note_row(&documents, policy->rules[i].row);
	note_ranges(&documents, policy->outbound, policy->outbound_count);
	note_ranges(&documents, policy->inbound, policy->inbound_count);
	json_object_foreach(documents.days, key, day) add_list(telling, key, day);
	json_decref(documents.days);
}

/* ---- what is learned ---- */

struct learned {
	uint64_t counts[LIMIT_GROUPS][2];
};

static void count_key(void *context, const struct element_key *key)
{
	struct learned *learned = context;

	if (key->group < LIMIT_GROUPS)
		learned->counts[key->group][key->address.family != IPADDR_V4]++;
}

static void add_learned(struct telling *telling)
{
	const struct policy *policy = telling->context->policy;
	struct learned learned = { 0 };

	store_visit_keys(telling->context->store, count_key, &learned);
	for (size_t i = 0; i < 2 * policy->group_count; i++) {
		json_t *labels = label("group", control_describe_group(policy, (uint8_t)(i / 2)));

		control_json_set(&labels, "family", json_string(i % 2 ? "ipv6" : "ipv4"));
		add_labelled(telling, labels, control_json_count(learned.counts[i / 2][i % 2]));
	}
}

static void add_learned_limit(struct telling *telling)
{
	add_count(telling, telling->context->policy->config->limit_elements);
}

static void add_learned_names(struct telling *telling)
{
	add_count(telling, store_names(telling->context->store));
}

static void add_learned_memory(struct telling *telling)
{
	add_count(telling, store_memory(telling->context->store));
}

static void add_derived(struct telling *telling)
{
	if (telling->context->derived)
		add_count(telling, derived_count(telling->context->derived));
}

/* ---- packets ---- */

static void add_waiting(struct telling *telling)
{
	uint64_t waiting, dropped;

	if (queue_depth(telling->context->queue, &waiting, &dropped) == 0)
		add_count(telling, waiting);
}

static void add_queue_dropped(struct telling *telling)
{
	uint64_t waiting, dropped;

	if (queue_depth(telling->context->queue, &waiting, &dropped) == 0)
		add_count(telling, dropped);
}

static void add_hold_max(struct telling *telling)
{
	add(telling, json_real((double)counters.hold_microseconds_max / 1e6));
}

static void add_tcp_flows(struct telling *telling)
{
	if (telling->context->streams)
		add_count(telling, stream_flows(telling->context->streams));
}

static void add_tcp_memory(struct telling *telling)
{
	if (telling->context->streams)
		add_count(telling, stream_octets(telling->context->streams));
}

static void add_tcp_limit(struct telling *telling)
{
	add_count(telling, LIMIT_STREAM_OCTETS);
}

static void add_kernel_packets(void *context, const char *name, uint64_t packets, uint64_t bytes)
{
	(void)bytes;
	add_labelled(context, label("counter", name), control_json_count(packets));
}

static void add_kernel_bytes(void *context, const char *name, uint64_t packets, uint64_t bytes)
{
	(void)packets;
	add_labelled(context, label("counter", name), control_json_count(bytes));
}

static void add_all_kernel_packets(struct telling *telling)
{
	table_counters(telling->context->table, add_kernel_packets, telling);
}

static void add_all_kernel_bytes(struct telling *telling)
{
	table_counters(telling->context->table, add_kernel_bytes, telling);
}

/* ---- reports ---- */

static void add_denials(struct telling *telling)
{
	if (telling->context->denials)
		add_count(telling, denials_count(telling->context->denials));
}

static void add_names(struct telling *telling)
{
	if (telling->context->names)
		add_count(telling, names_count(telling->context->names));
}

/* ---- the table ---- */

#define GAUGE "gauge"
#define COUNTER "counter"

static const struct metrics_row {
	const char *name, *type, *help;
	void (*add)(struct telling *telling);
} rows[] = {
	{ "build_info", GAUGE, "Always 1; which version runs.", add_build },
	{ "start_time_seconds", GAUGE, "When the daemon started, in seconds since 1970.", add_start },
	{ "ready", GAUGE, "1 once the table stands and the queue is bound.", add_ready },
	{ "mode", GAUGE, "1 for the mode in force (audit while enforce-after runs), 0 for the others.", add_mode },
	{ "policy_generation", GAUGE, "Policies applied in this run, the one in force included.", add_generation },
	{ "policy_entries", GAUGE, "Entries of the policy in force.", add_entries },
	{ "policy_patterns", GAUGE, "Name patterns of the policy in force, counted once for each entry.",
	  add_patterns },
	{ "policy_prefixes", GAUGE, "Address ranges of the policy in force.", add_prefixes },
	{ "policy_memory_bytes", GAUGE, "Memory of the policy in force.", add_policy_memory },
	{ "list_timestamp_seconds", GAUGE,
	  "Date of the newest row in use of each document that services are taken from, in seconds since 1970.",
	  add_lists },
	{ "warnings", GAUGE, "1 while `nfqdnctl status` warns of something that stands beside the table.",
	  add_warnings },
	{ "learned_elements", GAUGE, "Learned addresses, each with its protocol and port.", add_learned },
	{ "learned_elements_limit", GAUGE, "How many there may be (limits.elements).", add_learned_limit },
	{ "learned_names", GAUGE, "Names that brought them.", add_learned_names },
	{ "learned_memory_bytes", GAUGE, "Memory set aside for them.", add_learned_memory },
	{ "derived_names_current", GAUGE, "Names allowed for a while, since answers of allowed names led to them.",
	  add_derived },
	{ "state_written_timestamp_seconds", GAUGE,
	  "When the state file was written, in seconds since 1970; missing until it was.", add_state_written },
	{ "queue_waiting_packets", GAUGE, "Packets that the kernel holds for a verdict.", add_waiting },
	{ "queue_dropped_packets_total", COUNTER, "Packets that the kernel had no room for in the queue.",
	  add_queue_dropped },
	{ "hold_max_seconds", GAUGE, "The longest time from a drain's beginning to its verdicts.", add_hold_max },
	{ "tcp_flows_current", GAUGE, "Flows of DNS over TCP that are followed.", add_tcp_flows },
	{ "tcp_memory_bytes", GAUGE, "Unfinished messages of DNS over TCP that are held.", add_tcp_memory },
	{ "tcp_memory_limit_bytes", GAUGE, "How much of them may be held.", add_tcp_limit },
	{ "denials_remembered", GAUGE, "Denials that `nfqdnctl denied` can tell.", add_denials },
	{ "names_remembered", GAUGE, "Addresses whose name is remembered for reports.", add_names },
	{ "kernel_packets_total", COUNTER, "Packets that the rule with this counter saw.", add_all_kernel_packets },
	{ "kernel_bytes_total", COUNTER, "Bytes of these packets.", add_all_kernel_bytes },
};

static json_t *metric(const char *name, const char *suffix, const char *type, const char *help, json_t *samples)
{
	json_t *object = json_object();
	char text[128];

	snprintf(text, sizeof(text), PREFIX "%s%s", name, suffix);
	control_json_set(&object, "name", json_string(text));
	control_json_set(&object, "type", json_string(type));
	control_json_set(&object, "help", control_json_text(help));
	control_json_set(&object, "samples", samples);
	return object;
}

static void add_rows(json_t **metrics, struct telling *telling)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		telling->samples = json_array();
		rows[i].add(telling);
		control_json_add(metrics, metric(rows[i].name, "", rows[i].type, rows[i].help, telling->samples));
	}
}

/* Those in microseconds are told as a histogram and as a gauge, in seconds. */
static void add_counters(json_t **metrics, struct telling *telling)
{
	for (const struct counter_row *row = counter_rows; row->name; row++) {
		if (strstr(row->name, "_microseconds"))
			continue;
		telling->samples = json_array();
		add_count(telling, counter_value(row));
		control_json_add(metrics, metric(row->name, "_total", COUNTER, row->help, telling->samples));
	}
}

static json_t *histogram_json(const struct histogram_row *row, const struct histogram *histogram)
{
	json_t *sample = json_object(), *buckets = json_array();
	uint64_t count = 0;

	for (size_t i = 0; row->bounds[i]; i++) {
		json_t *bucket = json_object();

		count += histogram->counts[i];
		control_json_set(&bucket, "le", json_real((double)row->bounds[i] / row->unit));
		control_json_set(&bucket, "count", control_json_count(count));
		control_json_add(&buckets, bucket);
	}
	count = 0;
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
		count += histogram->counts[i];
	control_json_set(&sample, "labels", json_object());
	control_json_set(&sample, "buckets", buckets);
	control_json_set(&sample, "sum", json_real((double)histogram->sum / row->unit));
	control_json_set(&sample, "count", control_json_count(count));
	return sample;
}

static void add_histograms(json_t **metrics)
{
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++) {
		json_t *samples = json_array();

		control_json_add(&samples, histogram_json(&histogram_rows[i], &histograms[i]));
		control_json_add(metrics,
				 metric(histogram_rows[i].metric, "", "histogram", histogram_rows[i].help, samples));
	}
}

json_t *control_metrics(const struct control_context *context, struct monotime now)
{
	struct telling telling = { .context = context, .now = now };
	json_t *object = json_object(), *metrics = json_array();

	add_rows(&metrics, &telling);
	add_histograms(&metrics);
	add_counters(&metrics, &telling);
	control_json_set(&object, "metrics", metrics);
	return object;
}
