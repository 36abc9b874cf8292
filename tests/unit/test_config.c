/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/config.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o */
/* LINK: policy/config_reader.o policy/config_read.o policy/config_scalar.o policy/config_fixed.o policy/config_json.o policy/config_list.o */
/* LINK: policy/config_check.o policy/nat64.o policy/config_print.o policy/option.o */
/* LINK: policy/problem.o policy/value.o */
/* LINK: dns/pattern.o dns/pattern_text.o dns/name.o base/arena.o base/hash.o base/ipaddr.o base/log.o base/monotime.o */
/* LIBS: libconfig jansson */
/* tests/unit/config/NAME.conf is loaded, and what is told must be NAME.expected; those that load are printed and read
 * back. NFQDN_TEST_WRITE=1 writes the expected files anew: look at the difference before you keep it. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "policy/config.h"
#include "policy/config_fixed.h"
#include "policy/option.h"

#define FOLDER "tests/unit/config"

static char *read_file(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "r");
	ssize_t length = file == NULL ? -1 : getdelim(&text, &size, EOF, file);

	if (file != NULL)
		fclose(file);
	if (length >= 0)
		return text;
	free(text);
	return strdup("");
}

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static char *problems_text(const struct problems *problems)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	problem_print(problems, out);
	fclose(out);
	return text;
}

static char *config_text(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	config_print(config, out);
	fclose(out);
	return text;
}

/* A file with this content; its path is written to `path`. */
static void make_file(char path[32], const char *content, size_t length)
{
	int fd;

	strcpy(path, "/tmp/nfqdn-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_file(path, content, length);
}

static struct config *load_text(const char *content, struct problems *problems)
{
	struct config *config;
	char path[32];

	make_file(path, content, strlen(content));
	config = config_load(path, problems);
	unlink(path);
	return config;
}

/* The text printed reads back without a problem, to the same text. */
static void check_round_trip(const char *path, const struct config *config)
{
	struct problems problems = { 0 };
	char *first = config_text(config), *second;
	struct config *again = load_text(first, &problems);

	if (again == NULL) {
		problem_print(&problems, stderr);
		fail_msg("%s: what was printed does not load", path);
	}
	second = config_text(again);
	assert_string_equal(first, second);
	for (size_t i = 0; i < problems.count; i++)
		if (problems.items[i].line != 0 && strstr(problems.items[i].text, "read as") != NULL)
			fail_msg("%s: %s", path, problems.items[i].text);
	free(first);
	free(second);
	config_free(again);
	problem_clear(&problems);
}

static void compare_expected(const char *name, const struct problems *problems)
{
	char path[512];
	char *expected, *told = problems_text(problems);

	snprintf(path, sizeof(path), FOLDER "/%s.expected", name);
	if (getenv("NFQDN_TEST_WRITE") != NULL)
		write_file(path, told, strlen(told));
	expected = read_file(path);
	if (access(path, R_OK) != 0)
		fail_msg("%s is missing", path);
	assert_string_equal(told, expected);
	free(expected);
	free(told);
}

static void check_case(const char *name)
{
	struct problems problems = { 0 };
	struct config *config;
	char path[512];

	snprintf(path, sizeof(path), FOLDER "/%s.conf", name);
	config = config_load(path, &problems);
	assert_int_equal(config == NULL, problems.errors != 0);
	if (strncmp(name, "good-", 5) == 0)
		assert_int_equal(problems.count, 0);
	compare_expected(name, &problems);
	if (config != NULL)
		check_round_trip(path, config);
	config_free(config);
	problem_clear(&problems);
}

static int is_case(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".conf") == 0;
}

static void test_folder(void **context)
{
	struct dirent **list;
	int count = scandir(FOLDER, &list, is_case, alphasort);

	(void)context;
	assert_true(count > 50);
	for (int i = 0; i < count; i++) {
		*strrchr(list[i]->d_name, '.') = '\0';
		check_case(list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

static const char *range_text(const struct config_ranges *ranges, unsigned int index)
{
	static char text[VALUE_RANGE_TEXT_SIZE];

	assert_true(index < ranges->count);
	return value_range_to_text(&ranges->items[index], text);
}

/* DESIGN's example, value by value. */
static void test_values(void **context)
{
	struct problems problems = { 0 };
	struct config *config = config_load(FOLDER "/good-design.conf", &problems);
	const struct config_entry *entry;

	(void)context;
	assert_non_null(config);
	assert_string_equal(config->file, FOLDER "/good-design.conf");
	assert_int_equal(config->interface_count, 2);
	assert_string_equal(config->interfaces[1].name, "vlan");
	assert_true(config->interfaces[1].wildcard && !config->interfaces[0].wildcard);
	assert_int_equal(config->interfaces_line, 2);
	assert_string_equal(range_text(&config->clients, 1), "fd00:1::/64");
	assert_string_equal(range_text(&config->resolvers, 0), "10.2.0.2");
	assert_string_equal(config->resolvers.texts[1], "2001:db8::53");
	assert_int_equal(config->resolvers.lines[1], 4);
	assert_true(config->mode == CONFIG_ENFORCE && config->denied == CONFIG_REJECT);
	assert_int_equal(config->entry_count, 3);

	entry = &config->entries[0];
	assert_string_equal(entry->name, "intune");
	assert_string_equal(entry->service.text, "intune");
	assert_string_equal(entry->tenant.text, "North America 0501");
	assert_true(!entry->inbound && entry->line == 9 && entry->service.line == 9);
	assert_true(!entry->optional && entry->rentable && !entry->broad && !entry->private_answers);
	assert_true(entry->lifetime.grace == CONFIG_INHERIT && entry->lifetime.max == CONFIG_INHERIT);
	assert_int_equal(entry->features.count + entry->names.count + entry->port_count + entry->clients.count, 0);

	entry = &config->entries[1];
	assert_null(entry->service.text);
	assert_null(entry->tenant.text);
	assert_string_equal(entry->names.items[1].text, "files-*.example.net");
	assert_string_equal(range_text(&entry->addresses, 1), "198.51.100.10-198.51.100.20");
	assert_int_equal(entry->addresses.lines[2], 11);
	assert_int_equal(entry->ports[1].proto, VALUE_UDP);
	assert_true(entry->ports[1].first == 3478 && entry->ports[1].last == 3481 && entry->ports_line == 12);
	assert_true(entry->lifetime.max == 400 && entry->lifetime.min == CONFIG_INHERIT);

	entry = &config->entries[2];
	assert_true(entry->inbound);
	assert_string_equal(entry->regions.items[1].text, "United Kingdom");
	assert_string_equal(range_text(&entry->to, 0), "10.1.0.10");
	assert_string_equal(range_text(&entry->also, 0), "10.0.0.0/8");
	config_free(config);
	assert_int_equal(problems.count, 0);
}

static void test_defaults(void **context)
{
	static const char *const local[] = { "10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16",
					     "169.254.0.0/16", "fc00::/7",      "fe80::/10" };
	struct problems problems = { 0 };
	struct config *config = config_load(FOLDER "/good-minimal.conf", &problems);

	(void)context;
	assert_non_null(config);
	assert_int_equal(config->local.count, 6);
	for (unsigned int i = 0; i < 6; i++)
		assert_string_equal(range_text(&config->local, i), local[i]);
	assert_int_equal(config->local.line, 0);
	assert_string_equal(config->table, "nfqdn");
	assert_string_equal(config->control, "/run/nfqdn/control.sock");
	assert_string_equal(config->state, "/var/lib/nfqdn");
	assert_int_equal(config->state_interval, 300);
	/* the overlay only where there is one */
	assert_int_equal(config->catalog.count, access(CONFIG_OVERLAY, F_OK) == 0 ? 2 : 1);
	assert_true(config->queue_first == 0 && config->queue_count == 1);
	assert_true(config->lifetime.grace == 60 && config->lifetime.min == 300 && config->lifetime.max == 86400);
	assert_int_equal(config->limit_elements, LIMIT_LEARNED_ELEMENTS);
	assert_true(config->mode == CONFIG_ENFORCE && config->denied == CONFIG_REJECT);
	assert_int_equal(config->verify, CONFIG_FLOW);
	assert_true(config->reverse_path == CONFIG_LOOSE && config->log_level == LOG_LEVEL_INFO);
	assert_true(!config->resolver_on_client_side && !config->drop_on_overload && !config->unowned);
	config_free(config);
	problem_clear(&problems);
}

static void test_spelling(void **context)
{
	struct problems problems = { 0 };
	struct config *config = config_load(FOLDER "/good-spelling.conf", &problems);

	(void)context;
	assert_non_null(config);
	assert_int_equal(config->lifetime.grace, 60);
	assert_int_equal(config->mode, CONFIG_AUDIT);
	assert_int_equal(config->verify, CONFIG_QUERY);
	assert_true(config->resolver_on_client_side && config->drop_on_overload && config->unowned);
	assert_int_equal(config->local.count, 0);
	assert_true(config->local.line != 0);
	assert_string_equal(config->control, "/run/a\"b\\c d#e/sock");
	config_free(config);
}

static void test_off(void **context)
{
	struct problems problems = { 0 };
	struct config *config = config_load(FOLDER "/good-state-off.conf", &problems);

	(void)context;
	assert_non_null(config);
	assert_int_equal(config->state_interval, CONFIG_OFF);
	config_free(config);
}

/* libconfig names the line of the token after a list's item. */
static void test_lines(void **context)
{
	struct problems problems = { 0 };
	struct config *config = load_text("gateway: {\n  interfaces = [\n\n    \"eth0\",\n    \"eth1\"\n\n  ];\n"
					  "  clients = (\n    \"10.0.0.0/24\"\n    ,\n    \"10.0.1.0/24\"\n  )\n"
					  "  /* a\n  comment */ table\n  =\n\n  \"t\";\n};\n"
					  "allow:\n{\n  a:\n  {\n    addresses = \"192.0.2.1\"\n\n    ;\n  };\n};\n",
					  &problems);

	(void)context;
	assert_non_null(config);
	assert_int_equal(config->interfaces_line, 2);
	assert_int_equal(config->clients.line, 8);
	assert_int_equal(config->clients.lines[0], 9);
	assert_int_equal(config->clients.lines[1], 11);
	assert_int_equal(config->entries[0].line, 21);
	assert_int_equal(config->entries[0].addresses.lines[0], 23);
	config_free(config);
	assert_int_equal(problems.count, 0);
}

static void expect_text(const char *content, const char *told)
{
	struct problems problems = { 0 };
	struct config *config = load_text(content, &problems);
	char *text = problems_text(&problems);

	assert_null(config);
	if (strstr(text, told) == NULL)
		fail_msg("%s\nwas told instead of\n%s", text, told);
	free(text);
	problem_clear(&problems);
}

static void test_limits(void **context)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)context;
	fputs("gateway: { interfaces = \"br-lan\"; };\nallow: {\n", out);
	for (int i = 0; i < 1000; i++)
		fprintf(out, "e%d: { addresses = \"192.0.2.1\"; };\n", i);
	fputs("};\ninbound: {\n", out);
	for (int i = 0; i < 100; i++)
		fprintf(out, "e%d: { addresses = \"192.0.2.1\"; to = \"10.1.0.10\"; ports = \"tcp/1\"; };\n", i);
	fputs("};\n", out);
	fclose(out);
	expect_text(text, ":1029: error: inbound.e24: too many entries: this one is beyond the limit of 1024\n");
	free(text);

	out = open_memstream(&text, &size);
	for (int i = 0; i < 5000; i++)
		fprintf(out, "x%d = 1;\n", i);
	fclose(out);
	expect_text(text, ":4097: error: more than 4096 settings in one group\n");
	free(text);

	text = malloc((16u << 20) + 100000);
	memset(text, '\n', (16u << 20) + 99999);
	text[(16u << 20) + 99999] = '\0';
	expect_text(text, ": error: the configuration is larger than 16 MiB\n");
	free(text);
}

/* A list of 10,000 names and addresses is lawful, and read in no time. */
static void test_large(void **context)
{
	struct problems problems = { 0 };
	struct config *config;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)context;
	fputs("gateway: { interfaces = \"br-lan\"; resolvers = \"10.2.0.2\"; };\nallow: { all: { names = [\n", out);
	for (int i = 0; i < 10000; i++)
		fprintf(out, "%s\"host-%d.example.com\"\n", i == 0 ? "" : ",", i);
	fputs("]; addresses = [\n", out);
	for (int i = 0; i < 10000; i++)
		fprintf(out, "%s\"198.%d.%d.0/25\"\n", i == 0 ? "" : ",", i / 250, i % 250);
	fputs("]; }; };\n", out);
	fclose(out);
	config = load_text(text, &problems);
	assert_non_null(config);
	assert_int_equal(problems.count, 0);
	assert_int_equal(config->entries[0].names.count, 10000);
	assert_int_equal(config->entries[0].names.items[9999].line, 10002);
	assert_int_equal(config->entries[0].addresses.lines[9999], 20003);
	config_free(config);
	free(text);
}

static void test_files(void **context)
{
	struct problems problems = { 0 };

	(void)context;
	assert_null(config_load("/nonexistent/nfqdn.conf", &problems));
	assert_null(config_load("/", &problems));
	assert_int_equal(problems.errors, 2);
	assert_string_equal(problems.items[1].text, "cannot be read: No such file or directory");
	assert_string_equal(problems.items[0].text, "cannot be read: Is a directory");
	problem_clear(&problems);
	config_free(NULL);
}

/* Problems of an earlier file do not make a good one bad. */
static void test_earlier_problems(void **context)
{
	struct problems problems = { 0 };
	struct config *config;

	(void)context;
	problem_add(&problems, PROBLEM_ERROR, "other", 1, "", "bad");
	config = config_load(FOLDER "/good-minimal.conf", &problems);
	assert_non_null(config);
	config_free(config);
	problem_clear(&problems);
}

static struct config_link link_of(const char *interface, const char *address, unsigned int prefix)
{
	struct config_link link = { .prefix = prefix };

	snprintf(link.interface, sizeof(link.interface), "%s", interface);
	assert_int_equal(ipaddr_from_text(address, &link.address), 0);
	return link;
}

static void test_check_links(void **context)
{
	const struct config_link links[] = {
		link_of("lo", "127.0.0.1", 8),   link_of("br-lan", "10.1.0.1", 24),
		link_of("eth0", "10.2.0.1", 24), link_of("vlan7", "2001:db8:7::1", 64),
		link_of("vlan7", "fe80::7", 64),
	};
	struct problems problems = { 0 };
	struct config *config =
		load_text("gateway: { interfaces = [ \"br-lan\", \"vlan*\" ];\n"
			  "resolvers = [ \"10.1.0.1\", \"10.1.0.53\", \"10.2.0.53\", \"2001:db8:7::1\",\n"
			  "\"2001:db8:7::53\", \"fe80::1\", \"10.0.0.0/8\" ]; };\n"
			  "allow: { a: { names = \"a.example.com\"; }; };\n",
			  &problems);

	(void)context;
	assert_non_null(config);
	problem_clear(&problems);
	config_check_links(config, links, 0, &problems);
	assert_int_equal(problems.count, 0);
	config_check_links(config, links, sizeof(links) / sizeof(links[0]), &problems);
	assert_int_equal(problems.errors, 2);
	assert_string_equal(problems.items[0].setting, "gateway.resolvers[1]");
	assert_string_equal(
		problems.items[0].text,
		"\"10.1.0.53\" lies on the client interface br-lan, where clients can forge its "
		"answers: resolver-on-client-side = true believes them, but what it answers to its own segment "
		"never passes the gateway: if it recurses by itself, nothing is learned from it there");
	assert_string_equal(problems.items[1].setting, "gateway.resolvers[4]");
	assert_int_equal(problems.items[1].line, 3);
	problem_clear(&problems);
	config->resolver_on_client_side = true;
	config_check_links(config, links, sizeof(links) / sizeof(links[0]), &problems);
	assert_int_equal(problems.errors, 0);
	assert_int_equal(problems.count, 2);
	assert_string_equal(problems.items[1].setting, "gateway.resolvers[4]");
	assert_string_equal(problems.items[1].text,
			    "\"2001:db8:7::53\" lies on the client interface vlan7: what it answers to its own segment "
			    "never passes the gateway: if it recurses by itself, nothing is learned from it there");
	problem_clear(&problems);
	config_free(config);
}

/* Every setting and every word of the table stands in the manual, and no line begins with what would be a request. */
#define FIXED_BASE "gateway: { interfaces = \"br-lan\"; resolvers = \"10.2.0.2\"; %s };\n"

static struct config *load_with(const char *setting)
{
	struct problems problems = { 0 };
	char text[256];
	struct config *config;

	snprintf(text, sizeof(text), FIXED_BASE, setting);
	config = load_text(text, &problems);
	assert_int_equal(problems.errors, 0);
	problem_clear(&problems);
	return config;
}

/* Each setting that a running daemon cannot change is refused by its name; the same configuration never is. */
static void test_fixed(void **state)
{
	static const char *const rows[][2] = {
		{ "gateway.table", "table = \"other\";" },
		{ "gateway.own-table", "own-table = \"off\";" },
		{ "gateway.control", "control = \"/run/other.sock\";" },
		{ "gateway.control-group", "control-group = \"operators\";" },
		{ "gateway.state", "state = \"/var/lib/other\";" },
		{ "gateway.user", "user = \"nobody\";" },
		{ "gateway.on-overload", "on-overload = \"drop\";" },
		{ "gateway.queue.first", "queue: { first = 7; };" },
		{ "gateway.queue.count", "queue: { count = 2; };" },
		{ "gateway.limits.elements", "limits: { elements = 64; };" },
		{ "gateway.priority.snoop-forward", "priority: { snoop-forward = -11; };" },
		{ "gateway.priority.snoop-output", "priority: { snoop-output = -11; };" },
		{ "gateway.priority.snoop-input", "priority: { snoop-input = -11; };" },
		{ "gateway.priority.egress", "priority: { egress = 2; };" },
		{ "gateway.priority.inbound", "priority: { inbound = 2; };" },
		{ "gateway.priority.mark-forward", "priority: { mark-forward = -149; };" },
		{ "gateway.priority.mark-prerouting", "priority: { mark-prerouting = -89; };" },
		{ NULL, "" },
		{ NULL, "log-level = \"debug\"; denied = \"drop\";" },
	};
	struct config *old = load_with("");
	size_t refused = 0, fixed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *next = load_with(rows[i][1]);
		struct problems problems = { 0 };

		config_fixed_check(old, next, &problems);
		assert_int_equal(problems.errors, rows[i][0] ? 1 : 0);
		if (rows[i][0])
			assert_string_equal(problems.items[0].setting, rows[i][0]);
		refused += problems.errors;
		problem_clear(&problems);
		config_free(next);
	}
	for (const struct option *option = option_table; option->name != NULL; option++)
		fixed += (option->flags & OPTION_FIXED) != 0;
	assert_int_equal(refused, fixed);
	config_free(old);
}

/* The table holds what its own rules say. */
static void test_table(void **context)
{
	(void)context;
	for (const struct option *option = option_table; option->name != NULL; option++) {
		const char *names[OPTION_NAMES];
		bool found = false;

		assert_ptr_equal(option_find(option->group, option->name), option);
		assert_non_null(option->help);
		assert_non_null(option->unit);
		assert_true(option_min(option) <= option_max(option));
		option_names(option->group, 0, names);
		for (size_t i = 0; names[i] != NULL; i++)
			found |= strcmp(names[i], option->name) == 0;
		assert_true(found);
		assert_true(option->help[strlen(option->help) - 1] != '.');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folder),           cmocka_unit_test(test_values), cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_spelling),         cmocka_unit_test(test_off),    cmocka_unit_test(test_lines),
		cmocka_unit_test(test_limits),           cmocka_unit_test(test_large),  cmocka_unit_test(test_files),
		cmocka_unit_test(test_earlier_problems), cmocka_unit_test(test_fixed),  cmocka_unit_test(test_table),
		cmocka_unit_test(test_check_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
