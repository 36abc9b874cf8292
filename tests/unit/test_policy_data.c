/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o */
/* LINK: policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o */
/* LINK: policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o */
/* LINK: policy/config.o policy/config_check.o policy/nat64.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o */
/* LINK: policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o */
/* LINK: policy/value.o dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o */
/* LINK: base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig */
/* The shipped catalog as policies: the figures of its documents, and what an administrator writes first. */
#include "tests/unit/policy/build.h"

#define DATA "data"

static bool boxes_hold(const struct policy_boxes *boxes, const struct ipaddr *address, uint8_t proto, uint16_t port)
{
	for (size_t i = 0; i < boxes->count; i++) {
		const struct policy_box *box = &boxes->items[i];

		if (box->l4proto == proto && box->port_first <= port && port <= box->port_last &&
		    ipaddr_compare(&box->address.first, address) <= 0 &&
		    ipaddr_compare(address, &box->address.last) <= 0)
			return true;
	}
	return false;
}

static uint64_t addresses_in(const struct value_range *range)
{
	const uint8_t *a = range->first.bytes, *b = range->last.bytes;

	return ((uint64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]) -
	       ((uint64_t)a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3]) + 1;
}

static void expect_matched(const struct policy *policy, const char *name, const char *ports)
{
	char *text = matches_text(policy, name);

	if (ports ? !strstr(text, ports) : *text)
		fail_msg("%s: %s", name, text);
	free(text);
}

/* The 84 prefixes of the page's row 163 and the one that only the consolidated list has, both on 80 and 443. */
static void intune(void **unused)
{
	struct policy *policy = build(DATA, "", "allow: { intune: { service = \"intune\"; }; };");
	const struct policy_boxes *boxes = &policy->groups[0].cidr4;
	struct ipaddr listed = address_of("20.189.172.160"), beside = address_of("20.189.172.192");
	size_t core = 0;

	(void)unused;
	for (size_t i = 0; i < policy->outbound_count; i++) {
		const struct policy_provenance *one = &policy->outbound[i];

		core += strcmp(one->row->id, "163") == 0;
		assert_true(boxes_hold(boxes, &one->range.first, 6, 80) && boxes_hold(boxes, &one->range.last, 6, 443));
		assert_false(boxes_hold(boxes, &one->range.first, 6, 81) ||
			     boxes_hold(boxes, &one->range.first, 17, 443));
	}
	assert_int_equal(core, 84);
	assert_true(boxes_hold(boxes, &listed, 6, 443));
	assert_false(boxes_hold(boxes, &beside, 6, 443));
	expect_matched(policy, "fef.amsua0102.manage.microsoft.com", "*.manage.microsoft.com tcp/80 tcp/443\n");
	expect_matched(policy, "time.windows.com", "time.windows.com udp/123\n");
	expect_matched(policy, "x.push.apple.com", "*.push.apple.com tcp/80 tcp/443 tcp/5223\n");
	expect_matched(policy, "evilmanage.microsoft.com", NULL);
	expect_matched(policy, "mtalk.google.com", NULL); /* off by default */
	expect_matched(policy, "config.office.com", NULL); /* not required */
	policy_free(policy);
}

static void tenant(void **unused)
{
	struct policy *policy =
		build(DATA, "", "allow: { intune: { service = \"intune\"; tenant = \"North America 0501\"; }; };");

	(void)unused;
	expect_matched(policy, "naprodimedatapri.blob.core.windows.net", "tcp/443");
	expect_matched(policy, "intunemaape1.eus.attest.azure.net", "tcp/443");
	expect_matched(policy, "euprodimedatapri.blob.core.windows.net", NULL);
	expect_matched(policy, "intunemaape7.neu.attest.azure.net", NULL);
	policy_free(policy);
	policy = build(DATA, "", "allow: { intune: { service = \"intune\"; tenant = \"Asia Pacific 0101\"; }; };");
	expect_matched(policy, "macsidecarap.manage.microsoft.com", "tcp/443");
	expect_matched(policy, "approdimedatahotfix.blob.core.windows.net", "tcp/443"); /* the page's typo, mended */
	expect_matched(policy, "naprodimedatapri.blob.core.windows.net", NULL);
	policy_free(policy);
}

static void power_bi_and_data_gateway(void **unused)
{
	struct policy *policy = build(DATA, "", "allow: { bi: { service = \"power-bi\"; }; };");

	(void)unused;
	assert_true(policy->rule_count > 0);
	expect_matched(policy, "x.servicebus.windows.net", NULL);
	policy_free(policy);
	policy = build(
		DATA, "",
		"allow: { gw: { service = \"power-bi\"; features = \"data-gateway\"; clients = \"10.1.0.10\"; }; };");
	expect_matched(policy, "x.servicebus.windows.net",
		       "tcp/443 tcp/5671 tcp/5672 tcp/9350 tcp/9351 tcp/9352 tcp/9353 tcp/9354");
	assert_int_equal(policy->rules[0].entry->group, 1);
	policy_free(policy);
	policy = build(DATA, "", "allow: { gw: { service = \"power-automate\"; features = \"data-gateway\"; }; };");
	expect_matched(policy, "x.servicebus.windows.net", "tcp/9354");
	policy_free(policy);
}

static void power_automate(void **unused)
{
	struct policy *policy = build(DATA, "", "allow: { flow: { service = \"power-automate\"; }; };");

	(void)unused;
	for (size_t i = 0; i < policy->rule_count; i++)
		assert_int_equal(policy->rules[i].row->direction, CATALOG_OUTBOUND);
	assert_int_equal(policy->inbound_count, 0);
	assert_int_equal(policy->guarded4.count, 0);
	expect_matched(policy, "make.flow.microsoft.com", "tcp/443");
	expect_matched(policy, "ocsp.digicert.com", "tcp/80\n"); /* "http" in the document */
	policy_free(policy);
}

static void expect_sources(const char *regions, uint64_t expected)
{
	struct policy *policy;
	uint64_t count = 0;
	char rest[512];

	snprintf(rest, sizeof(rest),
		 "inbound: { sql: { service = \"power-automate\"; features = \"connectors\"; %s to = \"10.1.0.10\"; "
		 "ports = \"tcp/1433\"; }; };",
		 regions);
	policy = build(DATA, "", rest);
	for (size_t i = 0; i < policy->from4.count; i++)
		count += addresses_in(&policy->from4.items[i].source);
	if (count != expected)
		fail_msg("%s %llu addresses", regions, (unsigned long long)count);
	policy_free(policy);
}

static void connectors(void **unused)
{
	static const struct {
		const char *region;
		uint64_t addresses;
	} regions[] = {
		{ "Asia Pacific", 34 }, { "australia", 34 },     { "ca", 50 },
		{ "Europe", 35 },       { "Germany", 5 },        { "central-india", 51 },
		{ "Japan East", 34 },   { "South America", 34 }, { "uae", 49 },
		{ "UK South", 34 },     { "United States", 85 }, { "Preview (United States)", 34 },
	};
	uint64_t sum = 0;
	char text[64];

	(void)unused;
	expect_sources("", 479);
	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		snprintf(text, sizeof(text), "regions = \"%s\";", regions[i].region);
		expect_sources(text, regions[i].addresses);
		sum += regions[i].addresses;
	}
	assert_int_equal(sum, 479);
	expect_sources("regions = [ \"Europe\", \"United Kingdom\" ];", 69);
}

static void what_check_says(void **unused)
{
	char *told;
	struct policy *policy = build_told(
		DATA, "",
		"allow: { intune: { service = \"intune\"; }; };\n"
		"inbound: { sql: { service = \"power-automate\"; to = \"10.1.0.10\"; ports = \"tcp/1433\"; }; };",
		"2026-06-01", &told);
	const char *old =
		strstr(told, "conf:3: warning: inbound.sql.service: 12 rows of power-automate are as of 2020-10-29");

	(void)unused;
	assert_non_null(policy);
	policy_free(policy);
	assert_non_null(old);
	assert_non_null(strstr(old, "calls from addresses that were added since are refused"));
	assert_non_null(strstr(old, "AzureConnectors"));
	assert_non_null(strstr(told, "anybody can rent a name that matches *.azureedge.net"));
	assert_non_null(strstr(told, "rows of intune are as of 2025-01-09, more than a year ago"));
	free(told);
}

/* Each feature of each service by its name, with every flag: nothing in the shipped files is refused by the policy. */
static void every_feature(void **unused)
{
	const char *folder = DATA;
	struct problems problems = { 0 };
	struct arena *arena = arena_new();
	const struct catalog *catalog = catalog_load(arena, &folder, 1, &problems);
	const struct catalog_row *last = NULL;

	(void)unused;
	assert_non_null(catalog);
	for (size_t s = 0; s < catalog->service_count; s++)
		for (size_t i = 0; i < catalog->services[s].row_count; i++) {
			const struct catalog_row *row = &catalog->services[s].rows[i];
			char rest[512];

			if (row->direction == CATALOG_INBOUND || row->state != CATALOG_PUBLISHED ||
			    (last && strcmp(last->feature, row->feature) == 0 &&
			     strcmp(last->clouds.items[0], row->clouds.items[0]) == 0))
				continue;
			snprintf(rest, sizeof(rest),
				 "allow: { a: { service = \"%s\"; features = \"%s\"; clouds = \"%s\"; optional = true; "
				 "broad = true; }; };",
				 row->service, row->feature, row->clouds.items[0]);
			policy_free(build(DATA, "", rest));
			last = row;
		}
	assert_non_null(last);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intune),
		cmocka_unit_test(tenant),
		cmocka_unit_test(power_bi_and_data_gateway),
		cmocka_unit_test(power_automate),
		cmocka_unit_test(connectors),
		cmocka_unit_test(what_check_says),
		cmocka_unit_test(every_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
