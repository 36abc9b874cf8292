/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o */
/* LINK: policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o */
/* LINK: policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o */
/* LINK: policy/config.o policy/config_check.o policy/nat64.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o */
/* LINK: policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o */
/* LINK: policy/value.o dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o */
/* LINK: base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig */
#include <netinet/in.h>

#include "tests/unit/policy/build.h"

#include "base/counters.h"

static void expect_text(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

/* Patterns of the rules, in order. */
static void expect_patterns(const char *rest, const char *expected)
{
	struct policy *policy = build(FIXTURE, "", rest);
	char text[2048] = "";

	for (size_t i = 0; i < policy->rule_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", policy->rules[i].pattern);
	assert_string_equal(text, expected);
	policy_free(policy);
}

#define EVERYWHERE                                                                                                     \
	" north-storage.example south-storage.example north-proof.example south-proof.example far-proof.example"
#define CORE " *.one.example one.example two.example *.rent.example fixed.rent.example global.example ends.example"

static void selections(void **unused)
{
	(void)unused;
	expect_patterns("allow: { a: { service = \"fixture\"; }; };", CORE EVERYWHERE);
	expect_patterns("allow: { a: { service = \"fixture\"; rentable = false; features = \"core\"; }; };",
			" *.one.example one.example two.example global.example ends.example");
	expect_patterns(
		"allow: { a: { service = \"fixture\"; features = \"core\"; optional = true; broad = true; }; };",
		" *.one.example one.example two.example optional.example *.rent.example fixed.rent.example "
		"*.broad.example global.example ends.example");
	expect_patterns(
		"allow: { a: { service = \"fixture\"; features = [ \"core\", \"extra\" ]; clouds = \"gcc\"; }; };",
		" gcc.example global.example");
	expect_patterns(
		"allow: { a: { service = \"fixture\"; features = \"proof\"; regions = [ \"FAR-south\", \"n\" ]; }; };",
		" north-proof.example far-proof.example");
	expect_patterns("allow: { a: { service = \"fixture\"; features = \"extra\"; names = \"own.example\"; }; };",
			" own.example extra.example");
}

/* A location's rows, and those that belong to no tenant location; regions that are named say more. */
static void tenants(void **unused)
{
	(void)unused;
	expect_patterns("allow: { a: { service = \"fixture\"; tenant = \"Upper Land 0102\"; }; };",
			CORE " north-storage.example north-proof.example far-proof.example");
	expect_patterns("allow: { a: { service = \"fixture\"; features = [ \"units\", \"proof\" ]; tenant = "
			"\"lower-land0101\"; }; };",
			" south-storage.example south-proof.example far-proof.example");
	expect_patterns("allow: { a: { service = \"fixture\"; features = [ \"units\", \"proof\" ]; tenant = "
			"\"unita0101\"; }; };",
			" north-storage.example north-proof.example far-proof.example");
	expect_patterns(
		"allow: { a: { service = \"fixture\"; features = [ \"units\", \"proof\" ]; tenant = \"UL 0101\"; "
		"regions = [ \"North\", \"South\" ]; }; };",
		" north-storage.example north-proof.example south-proof.example");
}

#define E "conf:2: error: "
#define FEATURES "core, extra, units, proof, peers, mail, old, wide, callers, southern, unborn"

static const struct {
	const char *rest, *told;
} refused[] = {
	{ "allow: { a: { service = \"fixtrue\"; }; };",
	  E "allow.a.service: \"fixtrue\" is not a service of the catalog; did you mean \"fixture\"? (lawful: fixture, "
	    "plain)\n" },
	{ "allow: { a: { service = \"office\"; }; };",
	  E "allow.a.service: \"office\" is not a service of the catalog (lawful: fixture, plain)\n" },
	{ "allow: { a: { service = \"fixture\"; features = [ \"core\", \"exra\" ]; clouds = \"gov\"; regions = "
	  "\"West\"; }; };",
	  E "allow.a.features[1]: \"exra\" is not one of the features of fixture; did you mean \"extra\"? "
	    "(lawful: " FEATURES ")\n" E
	    "allow.a.clouds[0]: \"gov\" is not one of the clouds of fixture (lawful: public, gcc, gcc-high, global)\n" E
	    "allow.a.regions[0]: \"West\" is not one of the regions of fixture (lawful: North, South, Far South)\n" },
	{ "allow: { a: { service = \"plain\"; regions = \"North\"; }; };",
	  E "allow.a.regions[0]: \"North\" is not one of the regions of plain (lawful: none)\n" },
	{ "allow: { a: { service = \"fixture\"; features = \"callers\"; }; };",
	  E "allow.a.features[0]: \"callers\" holds sources, not destinations: The Fixture calls you from these "
	    "addresses; they "
	    "belong under `inbound`, with the servers that they may reach in `to`\n" },
	{ "allow: { a: { service = \"fixture\"; ports = \"tcp/443\"; }; };",
	  E "allow.a.ports: the rows of \"fixture\" have ports of their own; these would be for the entry's own "
	    "`names` and "
	    "`addresses`, and it has none\n" },
	{ "allow: { a: { service = \"fixture\"; clouds = \"gcc\"; features = \"proof\"; }; };",
	  E "allow.a.service: nothing of \"fixture\" is selected: its rows belong to other `clouds`\n" },
	{ "allow: { a: { service = \"plain\"; clouds = \"public\"; features = \"core\"; }; b: { service = \"fixture\"; "
	  "features = \"extra\"; "
	  "clouds = \"gcc\"; }; };",
	  E "allow.b.service: nothing of \"fixture\" is selected: its rows belong to other `clouds`\n" },
	{ "allow: { a: { service = \"fixture\"; features = \"southern\"; tenant = \"UL 0101\"; }; };",
	  E "allow.a.service: nothing of \"fixture\" is selected: its rows belong to other tenant locations\n" },
	{ "allow: { a: { service = \"fixture\"; features = \"southern\"; regions = \"North\"; }; };",
	  E "allow.a.service: nothing of \"fixture\" is selected: its rows belong to other `regions`\n" },
	{ "allow: { a: { service = \"fixture\"; features = \"southern\"; regions = \"North\"; clouds = \"gcc\"; }; };",
	  E "allow.a.service: nothing of \"fixture\" is selected: its rows are optional, broad, rentable, or of other "
	    "clouds or "
	    "regions\n" },
	{ "allow: { a: { service = \"fixture\"; features = \"unborn\"; }; };",
	  E "allow.a.service: nothing of \"fixture\" is selected: its rows are not published (pending or superseded), "
	    "or must be "
	    "named as `features`\n" },
	{ "allow: { a: { service = \"fixture\"; tenant = \"Nowhere 0101\"; }; };",
	  E "allow.a.tenant: \"Nowhere 0101\": not a tenant location; write it as the Intune admin center shows it, as "
	    "in \"North "
	    "America 0501\", or a scale unit like AMSUA0501; known locations: Upper Land, Lower Land\n" },
	{ "allow: { a: { service = \"fixture\"; tenant = \"Upper Land 0909\"; }; };",
	  E "allow.a.tenant: \"Upper Land 0909\": no such scale unit; known scale units of Upper Land: UNITA0101, "
	    "UNITA0102\n" },
	{ "allow: { a: { service = \"fixture\"; tenant = \"UNITC0909\"; }; };",
	  E "allow.a.tenant: \"UNITC0909\": no such scale unit; known scale units of Lower Land: UNITB0101, "
	    "UNITC0101\n" },
	{ "allow: { a: { service = \"fixture\"; tenant = \"ul\"; }; };",
	  E "allow.a.tenant: \"ul\": the number is missing, as in \"North America 0501\"; known scale units of Upper "
	    "Land: UNITA0101, "
	    "UNITA0102\n" },
	{ "allow: { a: { service = \"plain\"; tenant = \"Upper Land 0101\"; }; };",
	  E "allow.a.tenant: plain has no scale units, so a tenant selects nothing of it; leave the setting out\n" },
	{ "inbound: { a: { service = \"plain\"; to = \"10.1.0.10\"; ports = \"tcp/1433\"; }; };",
	  E "inbound.a.service: \"plain\" has no addresses that call you; what is called belongs under `allow`\n" },
	{ "inbound: { a: { service = \"fixture\"; features = [ \"callers\", \"core\" ]; to = \"10.1.0.10\"; ports = "
	  "\"tcp/1433\"; }; };",
	  E "inbound.a.features[1]: \"core\" has no addresses that call you; what is called belongs under `allow`\n" },
	{ "inbound: { a: { service = \"plain\"; features = \"data-gateway\"; to = \"10.1.0.10\"; ports = \"tcp/1433\"; "
	  "}; };",
	  E "inbound.a.features[0]: \"data-gateway\" under `inbound`: a data gateway calls out, nothing inbound is "
	    "needed; it belongs "
	    "under `allow`\n" },
	{ "allow: { gw: { service = \"plain\"; features = \"data-gateway\"; }; };\n"
	  "inbound: { a: { service = \"fixture\"; to = \"10.1.0.10\"; ports = \"tcp/1433\"; }; };",
	  "conf:3: error: inbound.a.service: the addresses from which The Fixture calls are let in although allow.gw "
	  "selects "
	  "\"data-gateway\" (line 2): a data gateway calls out, nothing inbound is needed; leave one of the two "
	  "out\n" },
};

static void refusals(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char *told;

		assert_null(build_told(FIXTURE, "", refused[i].rest, "2025-10-15", &told));
		expect_text(told, refused[i].told);
	}
}

static void all_errors_in_one_run(void **unused)
{
	char *told;

	(void)unused;
	assert_null(
		build_told(FIXTURE, "",
			   "allow: { a: { service = \"nothing\"; };\n b: { service = \"plain\"; tenant = \"x\"; }; };\n"
			   "inbound: { c: { service = \"plain\"; to = \"10.1.0.10\"; ports = \"tcp/1\"; }; };",
			   "2025-10-15", &told));
	assert_non_null(strstr(told, "conf:2: error: allow.a.service: "));
	assert_non_null(strstr(told, "conf:3: error: allow.b.tenant: "));
	assert_non_null(strstr(told, "conf:4: error: inbound.c.service: "));
	free(told);
	assert_null(build_told("tests/unit/policy/absent", "", "allow: { a: { service = \"x\"; }; };", "2025-10-15",
			       &told));
	assert_non_null(strstr(
		told,
		"tests/unit/policy/absent: error: the catalog folder cannot be read: No such file or directory\n"));
	assert_null(strstr(told, "allow.a"));
	free(told);
}

#define W "conf:2: warning: allow.a.service: fixture/"

static const struct {
	const char *rest, *told;
} doubtful[] = {
	{ "allow: { a: { service = \"fixture\"; features = \"core\"; broad = true; }; };", W
	  "core/4-rentable: anybody can rent a name that matches *.rent.example; `rentable = false` leaves this row "
	  "out\n" W
	  "core/5-broad: *.broad.example opens a whole company's names; without `broad = true` this row is left out\n" W
	  "core/10-until: its document says that this ends on 2025-09-30, which is past: ends.example\n" W
	  "core/11-link: \"core 11-link\" lists no addresses here; see https://doc.example/more\n" },
	{ "allow: { a: { service = \"fixture\"; features = [ \"peers\", \"mail\" ]; }; };",
	  W "peers/1: is traffic among your own devices (tcp/7680, udp/3544): no rule is made of it; where peers are "
	    "in different "
	    "networks, `local` decides\n" W
	    "mail/1: is about mail: no rule is made of it; see https://doc.example/mail\n" },
	{ "allow: { a: { service = \"fixture\"; features = [ \"old\", \"extra\" ]; }; };",
	  "conf:2: warning: allow.a.service: 1 row of fixture is as of 2018-05-01, more than a year ago (An old "
	  "document): old/1\n" },
	{ "allow: { a: { service = \"fixture\"; features = [ \"wide\" ]; }; };",
	  W "wide/1: tcp/50000-59999 is left out for its names, which have at most 64 ports\n" },
	{ "allow: { a: { service = \"fixture\"; features = [ \"extra\", \"proof\" ]; clouds = [ \"public\", \"gcc\" ]; "
	  "regions = \"South\"; };\n"
	  " b: { service = \"fixture\"; features = [ \"extra\", \"core\" ]; clouds = \"gcc-high\"; }; };",
	  "conf:3: warning: allow.b.features[0]: \"extra\" selects nothing here: its rows belong to other `clouds`\n" },
	{ "allow: { a: { names = [ \"*.example\", \"a.example.com\", \"*.*.example\", \"*.example.com\" ]; }; };",
	  "conf:2: warning: allow.a.names[0]: \"*.example\" opens a whole top-level domain: anybody can register a "
	  "name that matches\n"
	  "conf:2: warning: allow.a.names[2]: \"*.*.example\" opens a whole top-level domain: anybody can register a "
	  "name that "
	  "matches\n" },
	{ "inbound: { a: { service = \"fixture\"; to = \"10.1.0.10\"; ports = \"tcp/1433\"; }; };",
	  "conf:2: warning: inbound.a.service: 2 rows of fixture are as of 2020-10-29, more than a year ago (The "
	  "document): "
	  "callers/north, callers/south; calls from addresses that were added since are refused. Today there are "
	  "more\n" },
	{ "inbound: { a: { addresses = \"192.0.2.1\"; to = [ \"10.1.0.10\", \"fd00::1\" ]; ports = \"tcp/1433\"; }; };",
	  "conf:2: warning: inbound.a.to: no source of this entry is an IPv6 address, so nobody reaches the IPv6 "
	  "addresses in "
	  "`to` on its ports; `also` names sources that keep access\n" },
};

static void warnings(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(doubtful) / sizeof(doubtful[0]); i++) {
		char *told;
		struct policy *policy = build_told(FIXTURE, "", doubtful[i].rest, "2025-10-15", &told);

		expect_text(told, doubtful[i].told);
		assert_non_null(policy);
		policy_free(policy);
	}
}

/* The day decides: nothing is old on the day after, and `until` holds on its last day. */
static void days(void **unused)
{
	static const char rest[] =
		"allow: { a: { service = \"fixture\"; features = [ \"old\", \"core\" ]; rentable = false; }; };";
	char *told;

	(void)unused;
	policy_free(build_told(FIXTURE, "", rest, "2019-05-01", &told));
	expect_text(told, W "core/11-link: \"core 11-link\" lists no addresses here; see https://doc.example/more\n");
	policy_free(build_told(FIXTURE, "", rest, "2019-05-02", &told));
	assert_non_null(strstr(told, "1 row of fixture is as of 2018-05-01"));
	free(told);
	policy_free(build_told(FIXTURE, "", rest, "2025-09-30", &told));
	assert_null(strstr(told, "which is past"));
	free(told);
	policy_free(build_told(FIXTURE, "", rest, "2025-10-01", &told));
	assert_non_null(strstr(told, "which is past"));
	free(told);
}

static void names_have_ports_one_by_one(void **unused)
{
	struct policy *policy = build(FIXTURE, "",
				      "allow: { a: { service = \"fixture\"; features = [ \"extra\", \"wide\" ]; };\n"
				      " b: { names = [ \"*.Extra.example\", \"extra.example\" ]; ports = [ "
				      "\"udp/3478-3481\", \"icmp\" ]; };\n"
				      " c: { names = \"*.example\"; }; };");

	(void)unused;
	expect_text(matches_text(policy, "extra.EXAMPLE"), "a extra.example tcp/443 tcp/5671 tcp/5672\n"
							   "b extra.example udp/3478 udp/3479 udp/3480 udp/3481 icmp\n"
							   "c *.example tcp/443\n");
	expect_text(matches_text(policy, "x.y.extra.example"),
		    "b *.Extra.example udp/3478 udp/3479 udp/3480 udp/3481 icmp\n"
		    "c *.example tcp/443\n");
	expect_text(matches_text(policy, "wide.example"), "a wide.example tcp/443\nc *.example tcp/443\n");
	expect_text(matches_text(policy, "no-port.example"), "a no-port.example tcp/443\nc *.example tcp/443\n");
	expect_text(matches_text(policy, "example"), "");
	policy_free(policy);
}

/* The entry's ports are for its own names and addresses; rows keep theirs. */
static void rows_keep_their_ports(void **unused)
{
	struct policy *policy = build(
		FIXTURE, "",
		"allow: { a: { service = \"fixture\"; features = [ \"extra\", \"core\" ]; names = \"own.example\"; "
		"addresses = \"203.0.113.1\"; ports = \"udp/53\"; }; };");
	struct ipaddr own = address_of("203.0.113.1"), row = address_of("198.51.100.7");
	const struct policy_provenance *found;

	(void)unused;
	expect_text(matches_text(policy, "own.example"), "a own.example udp/53\n");
	expect_text(matches_text(policy, "extra.example"), "a extra.example tcp/443 tcp/5671 tcp/5672\n");
	assert_int_equal(policy_find_address(policy->outbound, policy->outbound_count, &own, &found, 1), 1);
	assert_null(found->row);
	assert_int_equal(found->ports->proto, VALUE_UDP);
	assert_int_equal(policy_find_address(policy->outbound, policy->outbound_count, &row, &found, 1), 1);
	assert_string_equal(found->row->id, "1");
	assert_int_equal(found->ports->first, 80);
	policy_free(policy);
}

static void too_many_matches_are_counted(void **unused)
{
	char *text = NULL, *found;
	uint64_t before = counters.name_matches_over_limit;
	struct policy *policy;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)unused;
	fputs("allow: {", out);
	for (int i = 0; i <= LIMIT_NAME_MATCHES; i++)
		fprintf(out, " e%d: { names = \"*.a.example\"; };", i);
	fputs(" };", out);
	fclose(out);
	policy = build(FIXTURE, "", text);
	free(text);
	text = matches_text(policy, "x.a.example");
	size = 0;
	for (found = text; (found = strchr(found, '\n')); found++)
		size++;
	assert_int_equal(size, LIMIT_NAME_MATCHES);
	assert_int_equal(strncmp(text, "e0 ", 3), 0);
	assert_int_equal(counters.name_matches_over_limit, before + 1);
	free(text);
	policy_free(policy);
}

static void addresses_become_boxes(void **unused)
{
	struct policy *policy = build(FIXTURE, "",
				      "allow: { a: { service = \"fixture\"; features = \"wide\"; };\n"
				      " b: { addresses = [ \"203.0.113.0/24\", \"203.0.112.0/24\", \"2001:db8::/64\" "
				      "]; ports = [ \"icmp\", \"tcp/443\" ]; };\n"
				      " c: { addresses = \"2001:db8:0:1::-2001:db8:0:1:ffff:ffff:ffff:ffff\"; }; };");

	(void)unused;
	assert_int_equal(policy->group_count, 1);
	expect_text(boxes_text(&policy->groups[0].cidr4), "203.0.112.0/23 1 2048-2048\n"
							  "203.0.112.0/23 6 443-443\n"
							  "203.0.113.0/24 6 50000-59999\n");
	expect_text(boxes_text(&policy->groups[0].cidr6), "2001:db8::/64 58 32768-32768\n"
							  "2001:db8::/63 6 443-443\n");
	policy_free(policy);
}

static void where_an_address_comes_from(void **unused)
{
	struct policy *policy = build(FIXTURE, "",
				      "allow: { a: { service = \"fixture\"; features = [ \"core\", \"wide\" ]; };\n"
				      " b: { addresses = [ \"203.0.113.7\", \"10.0.0.0/8\" ]; }; };");
	const struct policy_provenance *found[2];
	struct ipaddr address = address_of("203.0.113.7");

	(void)unused;
	for (size_t i = 1; i < policy->outbound_count; i++)
		assert_true(ipaddr_compare(&policy->outbound[i - 1].range.first, &policy->outbound[i].range.first) <=
			    0);
	assert_int_equal(policy_find_address(policy->outbound, policy->outbound_count, &address, found, 2), 3);
	assert_string_equal(found[0]->text, "203.0.113.0/25");
	assert_string_equal(found[0]->row->id, "2");
	assert_string_equal(found[1]->text, "203.0.113.0/24");
	assert_string_equal(found[1]->entry->config->name, "a");
	assert_int_equal(found[1]->port_count, 2);
	address = address_of("203.0.113.200");
	assert_int_equal(policy_find_address(policy->outbound, policy->outbound_count, &address, found, 2), 1);
	address = address_of("2001:db8:1::1");
	assert_int_equal(policy_find_address(policy->outbound, policy->outbound_count, &address, found, 2), 1);
	address = address_of("203.0.114.0");
	assert_int_equal(policy_find_address(policy->outbound, policy->outbound_count, &address, found, 2), 0);
	policy_free(policy);
}

static char *froms_text(const struct policy_froms *froms)
{
	char *text = NULL, source[VALUE_RANGE_TEXT_SIZE], destination[VALUE_RANGE_TEXT_SIZE];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < froms->count; i++)
		fprintf(out, "%s %s %u %u-%u\n", value_range_to_text(&froms->items[i].source, source),
			value_range_to_text(&froms->items[i].destination, destination), froms->items[i].l4proto,
			froms->items[i].port_first, froms->items[i].port_last);
	fclose(out);
	return text;
}

static void who_may_come_in(void **unused)
{
	struct policy *policy =
		build(FIXTURE, "",
		      "inbound: { a: { service = \"fixture\"; regions = \"North\"; to = [ \"10.1.0.10\", \"10.1.0.11\" "
		      "]; ports = [ \"tcp/1433\" ]; also = \"10.0.0.0/8\"; };\n"
		      " b: { addresses = [ \"192.0.2.136/29\", \"2001:db8::/32\" ]; to = [ \"10.1.0.11\", \"fd00::1\" "
		      "]; ports = [ \"tcp/1433-1434\" ]; }; };");

	(void)unused;
	expect_text(froms_text(&policy->from4), "10.0.0.0/8 10.1.0.10/31 6 1433-1433\n"
						"192.0.2.128/28 10.1.0.10/31 6 1433-1433\n"
						"192.0.2.136/29 10.1.0.11 6 1434-1434\n"
						"192.0.2.200 10.1.0.10/31 6 1433-1433\n");
	expect_text(froms_text(&policy->from6), "2001:db8::/32 fd00::1 6 1433-1434\n");
	expect_text(boxes_text(&policy->guarded4), "10.1.0.10/31 6 1433-1433\n10.1.0.11 6 1434-1434\n");
	expect_text(boxes_text(&policy->guarded6), "fd00::1 6 1433-1434\n");
	assert_int_equal(policy->inbound_count, 5);
	assert_int_equal(policy->outbound_count, 0);
	assert_false(policy->groups[0].used);
	policy_free(policy);
}

static bool in_range(const struct value_range *range, const struct ipaddr *address)
{
	return ipaddr_compare(&range->first, address) <= 0 && ipaddr_compare(address, &range->last) <= 0;
}

/* Every address and port of a small world, asked of the lists and of each item. */
static void points_in_lists(void **unused)
{
	struct policy *policy = build(
		FIXTURE, "",
		"allow: { a: { addresses = [ \"192.0.2.0/26\", \"192.0.2.9\", \"192.0.2.128/25\" ]; ports = [ "
		"\"tcp/440-450\", \"udp/443\" ]; };\n"
		" b: { addresses = [ \"192.0.2.7-192.0.2.12\", \"192.0.2.250\" ]; ports = \"tcp/445-460\"; }; };\n"
		"inbound: { c: { addresses = [ \"192.0.2.0/28\", \"192.0.2.20\" ]; to = [ \"10.1.0.0/30\" ]; ports = "
		"\"tcp/440-445\"; };\n"
		" d: { addresses = \"192.0.2.8-192.0.2.30\"; to = [ \"10.1.0.2\", \"10.1.0.9\" ]; ports = [ "
		"\"tcp/443\", "
		"\"udp/443\" ]; }; };");
	const struct policy_boxes *boxes = &policy->groups[0].cidr4;

	(void)unused;
	for (unsigned int i = 0; i < 256 * 24 * 2; i++) {
		struct ipaddr address = address_of("192.0.2.0"), to = address_of("10.1.0.0");
		uint8_t l4proto = i & 1 ? IPPROTO_TCP : IPPROTO_UDP;
		uint16_t port = (uint16_t)(439 + i / 512);
		bool box = false, from = false;

		address.bytes[3] = (uint8_t)(i / 2);
		to.bytes[3] = (uint8_t)(i / 2 * 7 % 11);
		for (size_t k = 0; k < boxes->count; k++)
			box |= in_range(&boxes->items[k].address, &address) && boxes->items[k].l4proto == l4proto &&
			       boxes->items[k].port_first <= port && port <= boxes->items[k].port_last;
		for (size_t k = 0; k < policy->from4.count; k++) {
			const struct policy_from *item = &policy->from4.items[k];

			from |= in_range(&item->source, &address) && in_range(&item->destination, &to) &&
				item->l4proto == l4proto && item->port_first <= port && port <= item->port_last;
		}
		assert_int_equal(policy_boxes_contain(boxes, &address, l4proto, port), box);
		assert_int_equal(policy_froms_contain(&policy->from4, &address, &to, l4proto, port), from);
	}
	policy_free(policy);
}

static void expect_mask(const struct policy *policy, const char *who, policy_group_mask client, policy_group_mask asker)
{
	struct ipaddr address = address_of(who);

	assert_int_equal(policy_groups_of_client(policy, &address), client);
	assert_int_equal(policy_groups_of_asker(policy, &address), asker);
}

static void groups_of_clients(void **unused)
{
	struct policy *policy =
		build(FIXTURE, "",
		      "allow: { all: { addresses = \"192.0.2.1\"; };\n"
		      " data-gw: { addresses = \"192.0.2.2\"; clients = [ \"10.1.0.128/25\", \"10.1.0.0/25\" ]; };\n"
		      " data_gw: { addresses = \"192.0.2.3\"; clients = \"10.2.0.0/24\"; };\n"
		      " same: { addresses = \"192.0.2.4\"; clients = \"10.1.0.0/24\"; };\n"
		      " six: { addresses = \"192.0.2.5\"; clients = [ \"10.1.0.7\", \"fd00::/64\" ]; }; };");

	(void)unused;
	assert_int_equal(policy->group_count, 4);
	assert_string_equal(policy->groups[0].name, "");
	assert_string_equal(policy->groups[1].name, "data_gw");
	assert_string_equal(policy->groups[2].name, "data_gw_2");
	assert_string_equal(policy->groups[3].name, "six");
	assert_int_equal(policy->entries[3].group, 1);
	assert_int_equal(policy->groups[1].clients.v4.count, 1);
	assert_int_equal(policy->groups[3].clients.v6.count, 1);
	assert_true(policy->groups[0].used && policy->groups[3].used);
	expect_text(boxes_text(&policy->groups[1].cidr4), "192.0.2.2 6 443-443\n192.0.2.4 6 443-443\n");
	expect_text(boxes_text(&policy->groups[0].cidr4), "192.0.2.1 6 443-443\n");
	expect_mask(policy, "10.1.0.1", 3, 3);
	expect_mask(policy, "10.1.0.7", 11, 11);
	expect_mask(policy, "fd00::9", 9, 9);
	expect_mask(policy, "10.2.0.255", 5, 5);
	expect_mask(policy, "10.3.0.1", 1, 15); /* a forwarder */
	expect_mask(policy, "fd00:0:0:1::", 1, 15);
	policy_free(policy);
}

static void groups_are_limited(void **unused)
{
	char *text = NULL, *told;
	struct policy *policy;
	size_t size;

	(void)unused;
	for (int count = LIMIT_GROUPS - 1; count <= LIMIT_GROUPS; count++) {
		FILE *out = open_memstream(&text, &size);
		struct ipaddr nobody = address_of("10.9.9.9");

		fputs("allow: {\n", out);
		for (int i = 0; i < count; i++)
			fprintf(out, " e%d: { names = \"a.example\"; clients = \"10.1.%d.0/24\"; };\n", i, i);
		fputs(" };", out);
		fclose(out);
		policy = build_told(FIXTURE, "", text, "2025-10-15", &told);
		free(text);
		if (count < LIMIT_GROUPS) {
			assert_int_equal(policy->group_count, LIMIT_GROUPS);
			assert_int_equal(policy_groups_of_asker(policy, &nobody), UINT32_MAX);
			policy_free(policy);
			expect_text(told, "");
		} else {
			assert_null(policy);
			expect_text(
				told,
				"conf:34: error: allow.e31.clients: one group of clients too many: entries may have at "
				"most 31 different lists of clients\n");
		}
	}
}

static void lists_of_the_gateway(void **unused)
{
	struct policy *policy = build(FIXTURE,
				      "clients = [ \"10.1.1.0/24\", \"10.1.0.0/24\", \"fd00::/64\" ]; local = [ ]; "
				      "lifetime = { min = 100; };",
				      "allow: { a: { names = \"a.example\"; lifetime = { grace = 7; max = 200; }; }; "
				      "b: { names = \"b.example\"; }; };");
	struct ipaddr inside = address_of("10.1.1.255"), outside = address_of("10.1.2.0");

	(void)unused;
	assert_int_equal(policy->clients.v4.count, 1);
	assert_int_equal(policy->clients.v6.count, 1);
	assert_int_equal(policy->resolvers.v4.count, 1);
	assert_int_equal(policy->local.v4.count + policy->local.v6.count, 0);
	assert_true(policy_ranges46_contain(&policy->clients, &inside));
	assert_false(policy_ranges46_contain(&policy->clients, &outside));
	assert_int_equal(policy->entries[0].lifetime.grace, 7);
	assert_int_equal(policy->entries[0].lifetime.min, 100);
	assert_int_equal(policy->entries[0].lifetime.max, 200);
	assert_int_equal(policy->entries[1].lifetime.grace, 60);
	policy_free(policy);
}

static void patterns_are_limited(void **unused)
{
	char *text = NULL, *told;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)unused;
	fputs("allow: { a: { names = [ \"x.example\"", out);
	for (int i = 0; i < LIMIT_PATTERNS; i++)
		fprintf(out, ", \"n%d.example\"", i);
	fputs(" ]; }; };", out);
	fclose(out);
	assert_null(build_told(FIXTURE, "", text, "2025-10-15", &told));
	expect_text(told, "conf: error: 100001 name patterns are selected, at most 100000 are possible\n");
	free(text);
}

static void nothing_is_a_policy(void **unused)
{
	struct policy *policy = build(FIXTURE, "", "");
	struct ipaddr anybody = address_of("10.1.1.1");

	(void)unused;
	assert_int_equal(policy->group_count, 1);
	assert_false(policy->groups[0].used);
	expect_text(matches_text(policy, "a.example"), "");
	assert_int_equal(policy_groups_of_asker(policy, &anybody), 1);
	policy_free(policy);
	policy_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selections),
		cmocka_unit_test(tenants),
		cmocka_unit_test(refusals),
		cmocka_unit_test(all_errors_in_one_run),
		cmocka_unit_test(warnings),
		cmocka_unit_test(days),
		cmocka_unit_test(names_have_ports_one_by_one),
		cmocka_unit_test(rows_keep_their_ports),
		cmocka_unit_test(too_many_matches_are_counted),
		cmocka_unit_test(addresses_become_boxes),
		cmocka_unit_test(where_an_address_comes_from),
		cmocka_unit_test(who_may_come_in),
		cmocka_unit_test(points_in_lists),
		cmocka_unit_test(groups_of_clients),
		cmocka_unit_test(groups_are_limited),
		cmocka_unit_test(lists_of_the_gateway),
		cmocka_unit_test(patterns_are_limited),
		cmocka_unit_test(nothing_is_a_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
