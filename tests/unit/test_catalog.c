/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/catalog.o policy/catalog_field.o policy/catalog_read.o policy/policy_list.o policy/policy_text.o */
/* LINK: policy/problem.o policy/value.o dns/pattern.o dns/pattern_text.o dns/name.o base/arena.o base/escape.o base/hash.o */
/* LINK: base/ipaddr.o */
/* LIBS: jansson */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "policy/catalog.h"

static const char *const fixture[] = { "tests/unit/policy/catalog", "tests/unit/policy/overlay" };

/* What problem_print() says, with `folder` left out of the paths. */
static char *printed(const struct problems *problems, const char *folder)
{
	char *text = NULL, *found;
	size_t size, length = strlen(folder);
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	problem_print(problems, out);
	fclose(out);
	while (length && (found = strstr(text, folder)))
		memmove(found, found + length, strlen(found + length) + 1);
	return text;
}

static struct catalog *load(struct arena *arena, const char *const *folders, size_t count)
{
	struct problems problems = { 0 };
	struct catalog *catalog = catalog_load(arena, folders, count, &problems);

	if (!catalog)
		problem_print(&problems, stderr);
	assert_int_equal(problems.count, 0);
	assert_non_null(catalog);
	return catalog;
}

static const struct catalog_row *find_row(const struct catalog *catalog, const char *key)
{
	char text[LIMIT_CATALOG_KEY];

	for (size_t i = 0; i < catalog->service_count; i++)
		for (size_t k = 0; k < catalog->services[i].row_count; k++)
			if (strcmp(catalog_row_key(&catalog->services[i].rows[k], text, sizeof(text)), key) == 0)
				return &catalog->services[i].rows[k];
	return NULL;
}

static void expect_range(const struct value_range *range, const char *expected)
{
	char text[VALUE_RANGE_TEXT_SIZE];

	assert_string_equal(value_range_to_text(range, text), expected);
}

static void expect_ports(const struct value_ports *ports, const char *expected)
{
	char text[VALUE_PORTS_TEXT_SIZE];

	assert_string_equal(value_ports_to_text(ports, text), expected);
}

static void rows_are_read(void **unused)
{
	struct arena *arena = arena_new();
	const struct catalog *catalog = load(arena, fixture, 1);
	const struct catalog_row *row = find_row(catalog, "fixture/core/1");

	(void)unused;
	assert_int_equal(catalog->service_count, 2);
	assert_string_equal(catalog->services[0].title, "The Fixture");
	assert_non_null(row);
	assert_int_equal(row->urls.count, 2);
	assert_string_equal(row->urls.items[1], "one.example");
	assert_int_equal(row->ips.count, 4);
	expect_range(&row->ranges[0], "192.0.2.0/24");
	expect_range(&row->ranges[1], "198.51.100.7");
	expect_range(&row->ranges[2], "198.51.100.16/28");
	expect_range(&row->ranges[3], "2001:db8:1::/48");
	assert_int_equal(row->port_count, 2);
	expect_ports(&row->ports[1], "tcp/443");
	assert_true(row->required && !row->opt_in && !row->rentable && !row->broad);
	assert_string_equal(row->document, "The document");
	assert_string_equal(row->category, "");
	assert_string_equal(row->file, "tests/unit/policy/catalog/fixture.json");
	expect_ports(&find_row(catalog, "fixture/core/2")->ports[0], "udp/123");
	assert_string_equal(find_row(catalog, "fixture/core/2")->category, "Default");
	assert_string_equal(find_row(catalog, "fixture/units/north")->regions.items[0], "North");
	assert_int_equal(find_row(catalog, "fixture/callers/north")->direction, CATALOG_INBOUND);
	assert_int_equal(find_row(catalog, "fixture/core/6-pending")->state, CATALOG_PENDING);
	arena_free(arena);
}

static void later_folders_replace_and_add(void **unused)
{
	struct arena *arena = arena_new();
	const struct catalog *one = load(arena, fixture, 1), *both = load(arena, fixture, 2);
	const struct catalog_service *service = catalog_find_service(both, "fixture");

	(void)unused;
	assert_int_equal(service->row_count, catalog_find_service(one, "fixture")->row_count + 1);
	assert_string_equal(service->title, "The Fixture, ours");
	assert_string_equal(service->rows[1].id, "2"); /* in its place */
	assert_string_equal(service->rows[1].urls.items[0], "two.overlay.example");
	assert_string_equal(service->rows[1].file, "tests/unit/policy/overlay/10-ours.json");
	assert_string_equal(service->rows[service->row_count - 1].regions.items[0], "West");
	assert_ptr_equal(catalog_find_region(both, "TOP"), catalog_find_region(both, "n"));
	assert_null(catalog_find_region(one, "top"));
	arena_free(arena);
}

static void words_and_regions(void **unused)
{
	struct arena *arena = arena_new();
	const struct catalog *catalog = load(arena, fixture, 1);

	(void)unused;
	assert_true(catalog_same_word("West Europe", "westeurope"));
	assert_true(catalog_same_word("west_EUROPE-", "WestEurope"));
	assert_false(catalog_same_word("West Europe 2", "westeurope"));
	assert_false(catalog_same_word("", "x"));
	assert_string_equal(catalog_find_region(catalog, "NORTHERN-region")->name, "North");
	assert_string_equal(catalog_find_region(catalog, "far south")->name, "Far South");
	assert_null(catalog_find_region(catalog, "nor"));
	assert_null(catalog_find_service(catalog, "Fixture"));
	assert_int_equal(catalog->tenant_count, 2);
	arena_free(arena);
}

/* ids of the selected rows of a feature (NULL: any), in order */
static void expect_selected(const struct catalog *catalog, struct catalog_selection selection, const char *expected)
{
	const struct catalog_service *service = catalog_find_service(catalog, "fixture");
	char text[1024] = "";

	for (size_t i = 0; i < service->row_count; i++)
		if (catalog_row_selected(&service->rows[i], &selection))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s/%s", service->rows[i].feature,
				 service->rows[i].id);
	assert_string_equal(text, expected);
}

#define LIST(...)                                                                                                      \
	((struct catalog_list) { (const char *const[]) { __VA_ARGS__ },                                                \
				 sizeof((const char *const[]) { __VA_ARGS__ }) / sizeof(char *) })
#define EVERYWHERE " units/north units/south proof/north proof/south proof/far peers/1 mail/1"

static void selection(void **unused)
{
	struct arena *arena = arena_new();
	const struct catalog *catalog = load(arena, fixture, 1);
	struct catalog_selection plain = { .rentable = true }, one = plain;

	(void)unused;
	expect_selected(catalog, plain,
			" core/1 core/2 core/4-rentable core/9-global core/10-until core/11-link" EVERYWHERE);
	one.rentable = false;
	expect_selected(catalog, one, " core/1 core/2 core/9-global core/10-until core/11-link" EVERYWHERE);
	one = plain, one.features = LIST("core"), one.optional = true, one.broad = true;
	expect_selected(
		catalog, one,
		" core/1 core/2 core/3-optional core/4-rentable core/5-broad core/9-global core/10-until core/11-link");
	one = plain, one.features = LIST("core"), one.clouds = LIST("gcc-high");
	expect_selected(catalog, one, " core/8-gcc core/9-global");
	one = plain, one.features = LIST("core", "extra"), one.clouds = LIST("public", "gcc");
	expect_selected(catalog, one,
			" core/1 core/2 core/4-rentable core/8-gcc core/9-global core/10-until core/11-link extra/1");
	one = plain, one.features = LIST("units", "proof"), one.regions = LIST("North");
	expect_selected(catalog, one, " units/north proof/north");
	one = plain, one.features = LIST("units", "proof"), one.scale_unit = "UNITC0101";
	expect_selected(catalog, one, " units/south proof/north proof/south proof/far");
	one = plain, one.direction = CATALOG_INBOUND;
	expect_selected(catalog, one, " callers/north callers/south");
	one.features = LIST("core");
	expect_selected(catalog, one, "");
	arena_free(arena);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info;
	(void)type;
	(void)walk;
	return remove(path);
}

/* Loads one file of the text given; what is told, without the folder's name. The caller frees. */
static char *told(const char *text, size_t length)
{
	char folder[] = "/tmp/nfqdn-catalog-XXXXXX", path[64], prefix[64];
	const char *const folders[] = { folder };
	struct problems problems = { 0 };
	struct arena *arena = arena_new();
	char *out;
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.json", folder);
	snprintf(prefix, sizeof(prefix), "%s/", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
	if (catalog_load(arena, folders, 1, &problems))
		assert_int_equal(problems.errors, 0);
	else
		assert_int_not_equal(problems.errors, 0);
	out = printed(&problems, prefix);
	problem_clear(&problems);
	arena_free(arena);
	nftw(folder, remove_one, 4, FTW_DEPTH | FTW_PHYS);
	return out;
}

static void expect_told(const char *text, const char *expected)
{
	char *out = told(text, strlen(text));

	assert_string_equal(out, expected);
	free(out);
}

/* A good row's members; a case replaces one of them, or leaves it out, or adds one. */
static const char *const members[][2] = {
	{ "feature", "\"core\"" },
	{ "id", "\"1\"" },
	{ "title", "\"T\"" },
	{ "urls", "[\"a.example\"]" },
	{ "tcpPorts", "\"443\"" },
	{ "required", "true" },
	{ "cloud", "[\"public\"]" },
	{ "direction", "\"outbound\"" },
	{ "state", "\"published\"" },
	{ "asOf", "\"2025-01-31\"" },
	{ "source", "{\"document\": \"D\", \"section\": \"S\"}" },
};

static char *row_with(const char *key, const char *value)
{
	char *text = NULL;
	size_t size, count = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fputc('{', out);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(members[i][0], key) != 0)
			fprintf(out, "%s\"%s\": %s", count++ ? ", " : "", members[i][0], members[i][1]);
	if (value)
		fprintf(out, ", \"%s\": %s", key, value);
	fputc('}', out);
	fclose(out);
	return text;
}

#define SERVICE "{\"format\": 1, \"service\": \"s\", \"title\": \"S\", \"rows\": ["

static void expect_row_told(const char *key, const char *value, const char *expected)
{
	char *row = row_with(key, value), *text;

	assert_true(asprintf(&text, SERVICE "%s]}", row) > 0);
	expect_told(text, expected);
	free(text);
	free(row);
}

#define ROW "a.json: error: s/core/1"
#define ROW0 "a.json: error: rows[0]"

static const struct {
	const char *key, *value, *told;
} row_cases[] = {
	{ "none", NULL, "" },
	{ "feature", NULL, ROW0 ": the key \"feature\" is missing\n" },
	{ "feature", "\"Core\"",
	  ROW0 ".feature: \"Core\" is no key: 1 to 63 small letters, digits and '-' inside are allowed\n" },
	{ "feature", "\"a/b\"",
	  ROW0 ".feature: \"a/b\" is no key: 1 to 63 small letters, digits and '-' inside are allowed\n" },
	{ "id", "163", ROW0 ".id: is a number; a text is expected\n" },
	{ "id", "\"\"", ROW0 ".id: is empty; leave the key out where there is nothing to say\n" },
	{ "title", NULL, ROW ": the key \"title\" is missing\n" },
	{ "title", "\"two\\nlines\"", ROW ".title: \"two\\010lines\" has a control character in it\n" },
	{ "titel", "\"T\"", ROW ": the key \"titel\" is unknown; did you mean \"title\"?\n" },
	{ "serviceArea", "\"MEM\"", ROW ": the key \"serviceArea\" is unknown\n" },
	{ "urls", "\"a.example\"",
	  ROW ".urls: is a text; a list of texts is expected\n" ROW ": has ports and neither urls nor ips\n" },
	{ "urls", "[]",
	  ROW ".urls: is an empty list; a list of texts is expected\n" ROW ": has ports and neither urls nor ips\n" },
	{ "urls", "[\"a.example\", 7]", ROW ".urls[1]: is a number; a text is expected\n" },
	{ "ips", "[\"192.0.2.0/33\"]",
	  ROW ".ips[0]: \"192.0.2.0/33\": an IPv4 prefix length is 0 to 32, as in 192.0.2.0/24\n" },
	{ "ips", "[\"192.0.2.0/24\", \"192.0.2.7/24\"]",
	  ROW ".ips[1]: \"192.0.2.7/24\" has bits set beyond its prefix; 192.0.2.0/24 would be right\n" },
	{ "tcpPorts", "443", ROW ".tcpPorts: is a number; a text is expected\n" },
	{ "required", "\"yes\"", ROW ".required: is a text; true or false is expected\n" },
	{ "required", NULL, ROW ": the key \"required\" is missing\n" },
	{ "cloud", "[\"gov\"]",
	  ROW ".cloud[0]: \"gov\" is unknown (lawful: global, public, gcc, gcc-high, dod, china)\n" },
	{ "cloud", "[\"gcchigh\"]",
	  ROW ".cloud[0]: \"gcchigh\" is unknown; did you mean \"gcc-high\"? (lawful: global, public, gcc, gcc-high, "
	      "dod, china)\n" },
	{ "direction", "\"out\"", ROW ".direction: \"out\" is unknown (lawful: outbound, inbound, peer, mail)\n" },
	{ "direction", "\"inbound\"",
	  ROW ".urls: an inbound row holds the addresses that call; its port is the configuration's, and names cannot "
	      "be looked up\n" },
	{ "direction", "\"peer\"", ROW ".urls: a row of direction peer opens no address; \"outbound\" does\n" },
	{ "state", "\"withdrawn\"", ROW ".state: \"withdrawn\" is unknown (lawful: published, pending, superseded)\n" },
	{ "category", "\"\"", ROW ".category: is empty; leave the key out where there is nothing to say\n" },
	{ "category", "\"allow\"",
	  ROW ".category: \"allow\" is unknown; did you mean \"Allow\"? (lawful: Optimize, Allow, Default)\n" },
	{ "asOf", "\"31.1.2025\"", ROW ".asOf: \"31.1.2025\" is no date; one like 2025-01-31 is expected\n" },
	{ "until", "\"2025-13-01\"", ROW ".until: \"2025-13-01\" is no date; one like 2025-01-31 is expected\n" },
	{ "regions", "[\"Europe\"]", ROW ".regions[0]: \"Europe\" is no region (lawful: none)\n" },
	{ "source", "\"D\"", ROW ".source: is a text; an object with \"document\" and \"section\" is expected\n" },
	{ "source", "{\"document\": \"D\"}", ROW ": the key \"section\" is missing\n" },
	{ "title", "false", ROW ".title: is true or false; a text is expected\n" },
	{ "until", "\"2025-1a-01\"", ROW ".until: \"2025-1a-01\" is no date; one like 2025-01-31 is expected\n" },
	{ "rentable", "null", ROW ".rentable: is null; true or false is expected\n" },
};

static void bad_rows_are_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(row_cases) / sizeof(row_cases[0]); i++)
		expect_row_told(row_cases[i].key, row_cases[i].value, row_cases[i].told);
}

/* The reason is value.c's or pattern_text.c's, and is tested there: here, that it is told with the place. */
static void expect_row_begins(const char *key, const char *value, const char *expected)
{
	char *row = row_with(key, value), *text, *out;

	assert_true(asprintf(&text, SERVICE "%s]}", row) > 0);
	out = told(text, strlen(text));
	if (strncmp(out, expected, strlen(expected)) != 0 || strlen(out) <= strlen(expected) + 5)
		fail_msg("%s", out);
	free(out);
	free(text);
	free(row);
}

static void bad_names_addresses_and_ports_are_refused(void **unused)
{
	(void)unused;
	expect_row_begins("urls", "[\"*\"]", ROW ".urls[0]: \"*\": ");
	expect_row_begins("urls", "[\"b.example\", \"https://a.example/\"]", ROW ".urls[1]: \"https://a.example/\": ");
	expect_row_begins("urls", "[\"<tenant>.sharepoint.com\"]", ROW ".urls[0]: \"<tenant>.sharepoint.com\": ");
	expect_row_begins("ips", "[\"a.example\"]", ROW ".ips[0]: \"a.example\": ");
	expect_row_begins("ips", "[\"\"]", ROW ".ips[0]: is empty; ");
	expect_row_begins("tcpPorts", "\"80,\"", ROW ".tcpPorts: \"\": ");
	expect_row_begins("tcpPorts", "\"80,http\"", ROW ".tcpPorts: \"http\": ");
	expect_row_begins("udpPorts", "\"70000\"", ROW ".udpPorts: \"70000\": ");
	expect_row_begins("udpPorts", "\"9-5\"", ROW ".udpPorts: \"9-5\": ");
}

static void bad_files_are_refused(void **unused)
{
	(void)unused;
	expect_told("{\n\n\"format\": 1,}", "a.json:3: error: not JSON: string or '}' expected near '}'\n");
	expect_told("", "a.json:1: error: not JSON: '[' or '{' expected near end of file\n");
	expect_told("[]", "a.json: error: holds a list; a catalog file is an object\n");
	expect_told("{}", "a.json: error: the key \"format\" is missing\n"
			  "a.json: error: the key \"service\" is missing\n"
			  "a.json: error: the key \"title\" is missing\n"
			  "a.json: error: the key \"rows\" is missing\n");
	expect_told("{\"format\": 2, \"rowz\": 1}",
		    "a.json: error: format: is not 1, the only format that this version reads\n");
	expect_told("{\"format\": 1, \"service\": \"s\", \"title\": \"S\", \"rows\": {}}",
		    "a.json: error: rows: is an object; a list is expected\n");
	expect_told("{\"format\": 1, \"regions\": [7]}",
		    "a.json: error: regions[0]: is a number; an object is expected\n");
	expect_told("{\"format\": 1, \"tenants\": 7}", "a.json: error: tenants: is a number; a list is expected\n");
	expect_told(SERVICE "7]}", "a.json: error: rows[0]: is a number; an object is expected\n");
	expect_told("{\"format\": 1, \"format\": 1}",
		    "a.json:1: error: not JSON: duplicate object key near '\"format\"'\n");
	expect_told("{\"format\": 1, \"regions\": [{\"name\": \"A\"}]}",
		    "a.json: error: regions[0]: the key \"aliases\" is missing\n");
	expect_told("{\"format\": 1, \"regions\": [{\"name\": \"A b\", \"aliases\": [\"c\"]}, {\"name\": \"C\", "
		    "\"aliases\": []}]}",
		    "a.json: error: regions: \"C\" means both A b and C; a spelling means one\n");
	expect_told("{\"format\": 1, \"regions\": [], \"tenants\": [{\"location\": \"L\", \"aliases\": [], "
		    "\"prefixes\": [\"P\"], "
		    "\"region\": \"R\"}]}",
		    "a.json: error: tenants: \"R\" is no region (lawful: none)\n");
}

static void double_keys_are_refused(void **unused)
{
	char *row = row_with("none", NULL), *text;

	(void)unused;
	assert_true(asprintf(&text, SERVICE "%s, %s]}", row, row) > 0);
	expect_told(text, ROW ": stands twice in this file; a row's service, feature and id together are its key\n");
	free(text);
	free(row);
}

static void long_keys_are_refused(void **unused)
{
	char name[64], *row, *text, *out;

	(void)unused;
	memset(name, 'x', 63);
	name[63] = '\0';
	assert_true(asprintf(&text, "\"%s\"", name) > 0);
	row = row_with("id", text);
	free(text);
	assert_true(
		asprintf(&text,
			 "{\"format\": 1, \"service\": \"%s\", \"title\": \"S\", \"rows\": [{\"feature\": \"%s\", %s]}",
			 name, name, strchr(row, ',') + 1) > 0);
	out = told(text, strlen(text));
	assert_non_null(strstr(out, "is longer than 159 characters"));
	free(out);
	free(text);
	free(row);
}

static void many_errors_are_counted(void **unused)
{
	char *text = NULL, *out;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)unused;
	fputs(SERVICE "0", file);
	for (int i = 0; i < 99; i++)
		fputs(",0", file);
	fputs("]}", file);
	fclose(file);
	out = told(text, size);
	assert_non_null(strstr(out, "rows[19]: is a number"));
	assert_null(strstr(out, "rows[20]"));
	assert_non_null(strstr(out, "a.json: error: 80 more errors in this file\n"));
	free(out);
	free(text);
}

static void large_files_are_refused(void **unused)
{
	size_t size = LIMIT_CATALOG_FILE + 1;
	char *text = malloc(size), *out;

	(void)unused;
	assert_non_null(text);
	memset(text, ' ', size);
	out = told(text, size);
	assert_string_equal(out, "a.json: error: is larger than 16 MiB; a catalog file is refused beyond that\n");
	free(out);
	out = told(text, size - 1); /* of 16 MiB is read, and found empty */
	assert_non_null(strstr(out, "not JSON"));
	free(out);
	free(text);
}

/* Which of two files of one folder would count is not to be told from their names. */
static void files_of_a_folder_share_no_key(void **unused)
{
	char folder[] = "/tmp/nfqdn-catalog-XXXXXX", path[64], *row = row_with("none", NULL), *out;
	const char *const folders[] = { folder };
	struct problems problems = { 0 };
	struct arena *arena = arena_new();
	FILE *file;

	(void)unused;
	assert_non_null(mkdtemp(folder));
	for (char name = 'a'; name < 'c'; name++) {
		snprintf(path, sizeof(path), "%s/%c.json", folder, name);
		file = fopen(path, "w");
		assert_non_null(file);
		fprintf(file, SERVICE "%s]}", row);
		fclose(file);
	}
	snprintf(path, sizeof(path), "%s/c.json", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(catalog_load(arena, folders, 1, &problems));
	snprintf(path, sizeof(path), "%s/", folder);
	out = printed(&problems, path);
	assert_string_equal(
		out, "c.json: error: is not a regular file\n"
		     "b.json: error: s/core/1: stands in a.json too; a row replaces one of an earlier folder, not of "
		     "its own\n");
	free(out);
	free(row);
	problem_clear(&problems);
	arena_free(arena);
	nftw(folder, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

static void rows_are_limited(void **unused)
{
	char *row = row_with("id", "\"%d\""), *text = NULL, *out;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)unused;
	fputs(SERVICE, file);
	for (int i = 0; i <= LIMIT_CATALOG_ROWS; i++) {
		char *hole = strstr(row, "%d");

		fprintf(file, "%s%.*s%d%s", i ? "," : "", (int)(hole - row), row, i, hole + 2);
	}
	fputs("]}", file);
	fclose(file);
	out = told(text, size);
	assert_string_equal(out, "a.json: error: rows: the catalog has more than 20000 rows\n");
	free(out);
	free(text);
	free(row);
}

static void folders_must_exist(void **unused)
{
	static const char *const folders[] = { "tests/unit/policy/catalog", "tests/unit/policy/absent" };
	struct problems problems = { 0 };
	struct arena *arena = arena_new();
	char *out;

	(void)unused;
	assert_null(catalog_load(arena, folders, 2, &problems));
	out = printed(&problems, "");
	assert_string_equal(out, "tests/unit/policy/absent: error: the catalog folder cannot be read: "
				 "No such file or directory\n");
	free(out);
	problem_clear(&problems);
	assert_int_equal(load(arena, folders, 0)->service_count, 0);
	arena_free(arena);
}

/* The catalog that is shipped: the figures of its documents. */
static void real_catalog(void **unused)
{
	static const char *const folders[] = { "data" };
	struct arena *arena = arena_new();
	const struct catalog *catalog = load(arena, folders, 1);
	const struct catalog_service *flow = catalog_find_service(catalog, "power-automate");
	uint64_t addresses = 0;
	size_t regions = 0;

	(void)unused;
	assert_int_equal(catalog->service_count, 3);
	assert_int_equal(find_row(catalog, "intune/core/163")->ips.count, 84);
	for (size_t i = 0; i < flow->row_count; i++) {
		const struct catalog_row *row = &flow->rows[i];

		if (row->direction != CATALOG_INBOUND || row->state != CATALOG_PUBLISHED || !row->ips.count)
			continue;
		regions++;
		for (size_t k = 0; k < row->ips.count; k++) {
			const uint8_t *first = row->ranges[k].first.bytes, *last = row->ranges[k].last.bytes;

			addresses += (uint64_t)(last[3] - first[3]) + 256u * (unsigned int)(last[2] - first[2]) + 1;
		}
	}
	assert_int_equal(regions, 12);
	assert_int_equal(addresses, 479);
	assert_string_equal(catalog_find_region(catalog, "UK South")->name, "United Kingdom");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_read),
		cmocka_unit_test(later_folders_replace_and_add),
		cmocka_unit_test(words_and_regions),
		cmocka_unit_test(selection),
		cmocka_unit_test(bad_rows_are_refused),
		cmocka_unit_test(bad_names_addresses_and_ports_are_refused),
		cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(double_keys_are_refused),
		cmocka_unit_test(long_keys_are_refused),
		cmocka_unit_test(many_errors_are_counted),
		cmocka_unit_test(large_files_are_refused),
		cmocka_unit_test(rows_are_limited),
		cmocka_unit_test(files_of_a_folder_share_no_key),
		cmocka_unit_test(folders_must_exist),
		cmocka_unit_test(real_catalog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
