/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/policy.o policy/nat64.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o */
/* LINK: policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o */
/* LINK: policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o */
/* LINK: policy/config.o policy/config_check.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o */
/* LINK: policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o */
/* LINK: policy/value.o policy/reserved.o dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o */
/* LINK: base/hash.o base/ipaddr.o base/log.o control/feed.o control/feed_file.o control/feed_tags.o */
/* LIBS: jansson libconfig */
/* Lists of service tags whose prefixes touch, nest and repeat, across tags and entries: what the sets of the policy
 * hold, and what it says of where an address comes from, against the rows themselves, at and beside every boundary. */
#include <sys/random.h>

#include "control/feed_file.h"
#include "control/feed_tags.h"
#include "tests/unit/policy/build.h"

#define ROUNDS 12
#define PORTS 5

static const uint16_t ports[PORTS] = { 443, 79, 80, 90, 91 };
static uint64_t state;

static uint32_t below(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % limit);
}

/* ---- lists ---- */

/* A prefix somewhere in 2,048 addresses: most touch, hold or repeat another. */
static void random_prefix(char out[64])
{
	uint32_t length = 24 + below(9), host = below(2048) & (uint32_t) ~((1u << (32 - length)) - 1);

	if (below(3) == 0)
		snprintf(out, 64, "2603:1000::%x/%u", host, length + 96);
	else
		snprintf(out, 64, "20.7.%u.%u/%u", host >> 8, host & 255, length);
}

static json_t *random_tag(unsigned int number)
{
	json_t *prefixes = json_array();
	char name[16], text[64];

	snprintf(name, sizeof(name), "T%u", number);
	for (uint32_t i = 1 + below(30); i; i--) {
		random_prefix(text);
		json_array_append_new(prefixes, json_string(text));
	}
	return json_pack("{s:s, s:{s:o}}", "name", name, "properties", "addressPrefixes", prefixes);
}

static json_t *random_list(void)
{
	json_t *values = json_array();

	for (unsigned int i = 0, count = 2 + below(8); i < count; i++)
		json_array_append_new(values, random_tag(i));
	return json_pack("{s:i, s:s, s:o}", "changeNumber", 1, "cloud", "Public", "values", values);
}

/* Every tag of the list as the service `name`. */
static void import(const char *folder, const char *name, const json_t *list, const char *direction, const char *tcp)
{
	struct problems problems = { 0 };
	struct feed feed = { .file = "list",
			     .problems = &problems,
			     .strict = true,
			     .as_of = "2025-10-15",
			     .version = "",
			     .rows = json_object() };
	json_t *every = json_pack("[s]", "*"), *none = json_array(), *figures = json_object(), *rows = json_array(),
	       *row;
	struct feed_tags_wanted wanted = { every, none, NULL, false, direction, tcp, "" };
	json_t *file;
	const char *key;

	feed_tags_read(&feed, list, &wanted, figures);
	json_object_foreach(feed.rows, key, row) json_array_append(rows, row);
	file = json_pack("{s:i, s:s, s:s, s:o}", "format", 1, "service", name, "title", name, "rows", rows);
	assert_int_equal(feed_file_write(folder, name, file, &problems), 0);
	assert_int_equal(problems.errors, 0);
	json_decref(file);
	json_decref(feed.rows);
	json_decref(figures);
	json_decref(every);
	json_decref(none);
	problem_clear(&problems);
}

/* ---- the policy against its rows ---- */

static bool range_holds(const struct value_range *range, const struct ipaddr *address)
{
	return range->first.family == address->family && ipaddr_compare(&range->first, address) <= 0 &&
	       ipaddr_compare(address, &range->last) <= 0;
}

/* How many boxes hold the point: one at most, for they are disjoint. */
static unsigned int boxes_hold(const struct policy_boxes *boxes, const struct ipaddr *address, uint16_t port)
{
	unsigned int count = 0;

	for (size_t i = 0; i < boxes->count; i++)
		count += range_holds(&boxes->items[i].address, address) && boxes->items[i].port_first <= port &&
			 port <= boxes->items[i].port_last;
	return count;
}

static unsigned int froms_hold(const struct policy_froms *froms, const struct ipaddr *source)
{
	unsigned int count = 0;

	for (size_t i = 0; i < froms->count; i++)
		count += range_holds(&froms->items[i].source, source);
	return count;
}

static bool row_holds(const struct catalog_row *row, const struct ipaddr *address)
{
	for (size_t i = 0; i < row->ips.count; i++)
		if (range_holds(&row->ranges[i], address))
			return true;
	return false;
}

static bool row_opens(const struct catalog_row *row, uint16_t port)
{
	for (size_t i = 0; i < row->port_count; i++)
		if (row->ports[i].first <= port && port <= row->ports[i].last)
			return true;
	return false;
}

static bool is_told(const struct policy *policy, const struct catalog_row *row, const struct ipaddr *address)
{
	bool inbound = row->direction == CATALOG_INBOUND;
	const struct policy_provenance *list = inbound ? policy->inbound : policy->outbound, *found[256];
	size_t count = policy_find_address(list, inbound ? policy->inbound_count : policy->outbound_count, address,
					   found, 256);

	assert_true(count <= 256);
	for (size_t i = 0; i < count; i++)
		if (found[i]->row == row)
			return true;
	return false;
}

static void check_point(const struct policy *policy, const struct ipaddr *address)
{
	const struct policy_group *group = &policy->groups[0];
	bool six = address->family == IPADDR_V6, open[PORTS] = { false }, in = false;

	for (size_t s = 0; s < policy->catalog->service_count; s++)
		for (size_t r = 0; r < policy->catalog->services[s].row_count; r++) {
			const struct catalog_row *row = &policy->catalog->services[s].rows[r];
			bool holds = row_holds(row, address);

			assert_int_equal(is_told(policy, row, address), holds);
			in = in || (holds && row->direction == CATALOG_INBOUND);
			for (size_t p = 0; p < PORTS; p++)
				open[p] = open[p] || (holds && row_opens(row, ports[p]));
		}
	for (size_t p = 0; p < PORTS; p++)
		assert_int_equal(boxes_hold(six ? &group->cidr6 : &group->cidr4, address, ports[p]), open[p]);
	assert_int_equal(froms_hold(six ? &policy->from6 : &policy->from4, address), in);
}

static void check_row(const struct policy *policy, const struct catalog_row *row)
{
	for (size_t i = 0; i < row->ips.count; i++) {
		struct ipaddr before = row->ranges[i].first, after = row->ranges[i].last;

		check_point(policy, &row->ranges[i].first);
		check_point(policy, &row->ranges[i].last);
		if (ipaddr_previous(&before))
			check_point(policy, &before);
		if (ipaddr_next(&after))
			check_point(policy, &after);
	}
}

static struct policy *build_lists(const char *folder)
{
	char catalog[256];

	snprintf(catalog, sizeof(catalog), "../../../../../../../../../..%s", folder);
	return build(
		catalog, "",
		"allow: { a: { service = \"a\"; }; b: { service = \"b\"; }; };"
		"inbound: { c: { service = \"c\"; to = [ \"10.1.0.9\", \"fd00:1::9\" ]; ports = \"tcp/1433\"; }; };");
}

static size_t count_ranges(const struct policy *policy)
{
	return policy->outbound_count + policy->inbound_count;
}

static void merging_changes_nothing(void **unused)
{
	static const char *const names[] = { "a", "b", "c" };
	size_t ranges = 0, boxes = 0;

	(void)unused;
	for (int round = 0; round < ROUNDS; round++) {
		char folder[] = "/tmp/nfqdn-lists-XXXXXX", path[64];
		struct policy *policy;

		assert_non_null(mkdtemp(folder));
		for (size_t i = 0; i < 3; i++) {
			json_t *list = random_list();

			import(folder, names[i], list, i == 2 ? "inbound" : "outbound",
			       i == 0   ? "443"
			       : i == 1 ? "80-90"
					: "");
			json_decref(list);
		}
		policy = build_lists(folder);
		for (size_t s = 0; s < policy->catalog->service_count; s++)
			for (size_t r = 0; r < policy->catalog->services[s].row_count; r++)
				check_row(policy, &policy->catalog->services[s].rows[r]);
		ranges += count_ranges(policy);
		boxes += policy->groups[0].cidr4.count + policy->groups[0].cidr6.count + policy->from4.count +
			 policy->from6.count;
		policy_free(policy);
		for (size_t i = 0; i < 3; i++) {
			snprintf(path, sizeof(path), "%s/%s.json", folder, names[i]);
			unlink(path);
		}
		rmdir(folder);
	}
	print_message("%zu ranges became %zu elements\n", ranges, boxes);
	assert_true(2 * boxes < ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(merging_changes_nothing) };
	const char *given = getenv("NFQDN_TEST_SEED");

	if (given)
		state = strtoull(given, NULL, 0);
	else if (getrandom(&state, sizeof(state), 0) != (ssize_t)sizeof(state))
		return 1;
	state |= 1;
	printf("# NFQDN_TEST_SEED=%llu\n", (unsigned long long)state);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
