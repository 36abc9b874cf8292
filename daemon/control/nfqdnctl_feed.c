/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One list, read once; one catalog file for each target, all held against the last good ones before the first is
 * written. */
#include "control/nfqdnctl_feed.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/feed_change.h"
#include "control/feed_file.h"
#include "control/feed_target.h"
#include "control/nfqdnctl_catalog.h"
#include "control/nfqdnctl_print.h"
#include "control/protocol.h"

/* One catalog file on its way. */
struct made {
	json_t *file, *last, *changes; /* `last` NULL: there was none */
	const char *name;
	char refused[256]; /* why it may not take the last one's place, or "" */
	bool written;
};

struct run {
	const struct nfqdnctl_options *options;
	const char *path, *folder;
	bool diff;
	enum feed_kind kind;
	bool is_catalog; /* the file is one of our format: diff only */
	struct feed_target targets[FEED_TARGETS];
	int target_count;
	struct made made[FEED_TARGETS];
	int made_count;
	char as_of[16];
	json_t *flags, *figures;
	size_t skipped;
	struct problems problems;
};

bool nfqdnctl_feed_options(const struct nfqdnctl_options *options)
{
	return options->to || options->select || options->tags || options->regions || options->direction ||
	       options->ports || options->name || options->instance || options->list_version || options->as_of ||
	       options->strict || options->force;
}

/* ---- version and date ---- */

/* "20251201" as a date; false when it is none. */
static bool date_of_digits(const char *digits, char out[16])
{
	int month, day;

	if (strspn(digits, "0123456789") < 8 || strncmp(digits, "20", 2) != 0)
		return false;
	month = (digits[4] - '0') * 10 + digits[5] - '0';
	day = (digits[6] - '0') * 10 + digits[7] - '0';
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	snprintf(out, 16, "%.4s-%.2s-%.2s", digits, digits + 4, digits + 6);
	return true;
}

/* ServiceTags_Public_20251006.json */
static bool date_of_name(const char *path, char out[16])
{
	const char *name = strrchr(path, '/');

	for (name = name ? name + 1 : path; *name; name++)
		if (isdigit((unsigned char)*name)) {
			if (strspn(name, "0123456789") == 8 && date_of_digits(name, out))
				return true;
			name += strspn(name, "0123456789") - 1;
		}
	return false;
}

static bool is_date(const char *text)
{
	char digits[16], read[16];

	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
		return false;
	snprintf(digits, sizeof(digits), "%.4s%.2s%.2s", text, text + 5, text + 8);
	return strlen(digits) == 8 && date_of_digits(digits, read);
}

static int check_options(const struct nfqdnctl_options *options, const char **why)
{
	const char *version = options->list_version;

	*why = "--as-of is a date such as 2025-12-01";
	if (options->as_of && !is_date(options->as_of))
		return NFQDNCTL_USAGE;
	*why = "--list-version is a number such as 2025120100";
	if (version && (!*version || version[strspn(version, "0123456789")] || strlen(version) > 32))
		return NFQDNCTL_USAGE;
	return NFQDNCTL_YES;
}

static void find_date(struct run *run)
{
	const struct nfqdnctl_options *options = run->options;

	if (options->as_of)
		snprintf(run->as_of, sizeof(run->as_of), "%s", options->as_of);
	else if (!(options->list_version && date_of_digits(options->list_version, run->as_of)) &&
		 !date_of_name(run->path, run->as_of))
		feed_file_date(run->path, run->as_of);
}

/* ---- what the built-in catalog says of names ---- */

static void flag_row(json_t *flags, const struct catalog_row *row)
{
	char name[256];

	for (size_t i = 0; i < row->urls.count && (row->rentable || row->broad); i++) {
		size_t length = strlen(row->urls.items[i]);

		for (size_t k = 0; k <= length && length < sizeof(name); k++)
			name[k] = (char)tolower((unsigned char)row->urls.items[i][k]);
		if (length < sizeof(name))
			json_object_set_new(flags, name, json_string(row->rentable ? "rentable" : "broad"));
	}
}

/* False when the catalog cannot be read: without it a name that anybody can rent would look like any other. */
static bool read_flags(struct run *run)
{
	struct arena *arena = arena_new();
	const struct catalog *catalog = arena ? nfqdnctl_catalog_load(run->options, arena, &run->problems) : NULL;

	run->flags = json_object();
	for (size_t i = 0; catalog && i < catalog->service_count; i++)
		for (size_t k = 0; k < catalog->services[i].row_count; k++)
			flag_row(run->flags, &catalog->services[i].rows[k]);
	arena_free(arena);
	return catalog != NULL;
}

/* ---- making ---- */

static void compare(struct run *run, struct made *made)
{
	made->last = feed_file_last(run->folder, made->name, &run->problems);
	made->changes = feed_change_rows(made->last, made->file);
	feed_change_lawful(made->last, made->file, made->refused, sizeof(made->refused));
}

static void make_target(struct run *run, const struct feed_target *target, const json_t *root)
{
	struct made *made = &run->made[run->made_count];
	struct feed feed = {
		.file = run->path,
		.problems = &run->problems,
		.strict = run->options->strict,
		.as_of = run->as_of,
		.version = run->options->list_version ? run->options->list_version : "",
		.flags = run->flags,
	};

	made->name = target->name;
	made->file = feed_target_read(target, run->kind, &feed, root, run->figures);
	run->skipped += feed.skipped;
	if (!made->file)
		return;
	run->made_count++;
	compare(run, made);
}

static void make_catalog(struct run *run, json_t *root)
{
	const char *slash = strrchr(run->path, '/'), *name = slash ? slash + 1 : run->path;
	struct feed_target *target = &run->targets[run->target_count++];
	struct made *made = &run->made[run->made_count++];
	size_t length = strlen(name);

	length -= length > 5 && strcmp(name + length - 5, ".json") == 0 ? 5 : 0;
	snprintf(target->name, sizeof(target->name), "%.*s", (int)length, name);
	made->name = target->name;
	made->file = json_incref(root);
	compare(run, made);
}

/* An array is of Microsoft 365; "values" are service tags; "rows" are ours. */
static bool find_kind(struct run *run, const json_t *root)
{
	run->kind = json_is_array(root) ? FEED_M365 : FEED_TAGS;
	run->is_catalog = json_object_get(root, "rows") != NULL;
	if (json_is_array(root) || run->is_catalog || json_object_get(root, "values"))
		return true;
	problem_add(&run->problems, PROBLEM_ERROR, run->path, 0, "",
		    "is neither a list of Microsoft 365 endpoints, nor of service tags, nor a catalog file");
	return false;
}

/* Without words of its own, `diff FILE` is about the ready-made selections that stand in the folder. */
static void find_ready(struct run *run, char *out, size_t size)
{
	const char *name;

	for (size_t i = 0; (name = feed_target_ready(run->kind, i)); i++) {
		struct problems ignored = { 0 };
		json_t *last = feed_file_last(run->folder, name, &ignored);
		size_t used = strlen(out);

		if (last)
			snprintf(out + used, size - used, "%s%s", used ? "," : "", name);
		json_decref(last);
		problem_clear(&ignored);
	}
}

static int find_targets(struct run *run, const char **why)
{
	const struct nfqdnctl_options *options = run->options;
	struct feed_wish wish = { run->kind,          options->select, options->tags, options->regions,
				  options->direction, options->ports,  options->name, options->instance };
	char ready[256] = "";

	if (run->diff && !wish.select && !wish.tags) {
		find_ready(run, ready, sizeof(ready));
		wish.select = *ready ? ready : NULL;
	}
	run->target_count = feed_target_list(&wish, run->targets, why);
	if (run->target_count >= 0)
		return NFQDNCTL_YES;
	run->target_count = 0;
	return NFQDNCTL_USAGE;
}

static int make(struct run *run, json_t *root, const char **why)
{
	int status = run->is_catalog ? NFQDNCTL_YES : find_targets(run, why);

	if (status != NFQDNCTL_YES)
		return status;
	if (run->is_catalog) {
		make_catalog(run, root);
		return NFQDNCTL_YES;
	}
	find_date(run);
	if (run->kind == FEED_M365 && !read_flags(run))
		return NFQDNCTL_NO;
	for (int i = 0; i < run->target_count; i++)
		make_target(run, &run->targets[i], root);
	return run->problems.errors ? NFQDNCTL_NO : NFQDNCTL_YES;
}

/* ---- writing ---- */

static bool is_new(const struct made *made)
{
	return !made->last || !json_equal(made->last, made->file);
}

static int tell_refused(const struct run *run)
{
	int status = NFQDNCTL_YES;

	for (int i = 0; i < run->made_count; i++) {
		if (!run->made[i].refused[0])
			continue;
		fprintf(stderr, "nfqdnctl: %s: %s: refused: %s; %s/%s.json stays as it is (--force overrides)\n",
			run->path, run->made[i].name, run->made[i].refused, run->folder, run->made[i].name);
		status = NFQDNCTL_NO;
	}
	return status;
}

static int write_all(struct run *run)
{
	int status = run->options->force ? NFQDNCTL_YES : tell_refused(run);

	for (int i = 0; i < run->made_count && status == NFQDNCTL_YES; i++) {
		struct made *made = &run->made[i];

		if (!is_new(made))
			continue;
		if (feed_file_write(run->folder, made->name, made->file, &run->problems))
			status = NFQDNCTL_NO;
		made->written = status == NFQDNCTL_YES;
	}
	return status;
}

/* ---- telling ---- */

static void add_list(json_t *set, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		json_object_set_new(set, json_string_value(json_array_get(list, i)), json_true());
}

static json_int_t count_of(const json_t *file, const char *key)
{
	const json_t *rows = json_object_get(file, "rows");
	json_t *set = json_object();
	json_int_t count;

	for (size_t i = 0; i < json_array_size(rows); i++)
		add_list(set, json_object_get(json_array_get(rows, i), key));
	count = (json_int_t)json_object_size(set);
	json_decref(set);
	return count;
}

static json_t *made_json(const struct run *run, const struct made *made)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s.json", run->folder, made->name);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:s, s:O}", "name", made->name, "file", path, "version",
			 feed_change_version(made->file), "rows",
			 (json_int_t)json_array_size(json_object_get(made->file, "rows")), "names",
			 count_of(made->file, "urls"), "prefixes", count_of(made->file, "ips"), "written",
			 made->written, "refused", made->refused, "changes", made->changes);
}

static void print_json(const struct run *run, int status)
{
	json_t *made = json_array(), *result;

	for (int i = 0; i < run->made_count; i++)
		json_array_append_new(made, made_json(run, &run->made[i]));
	result = json_pack("{s:i, s:b, s:s, s:O, s:I, s:o}", "api", CONTROL_API, "ok", status == NFQDNCTL_YES, "list",
			   run->path, "figures", run->figures, "skipped", (json_int_t)run->skipped, "made", made);
	json_dumpf(result, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(result);
}

/* "sets 79, names 270, ..." */
static void print_numbers(const json_t *object)
{
	const char *key, *between = "";
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		if (!json_is_integer(value))
			continue;
		printf("%s%s %lld", between, key, (long long)json_integer_value(value));
		between = ", ";
	}
	putchar('\n');
}

static void print_selected(const json_t *selected)
{
	const char *tag;
	json_t *value;

	if (json_object_size(selected) > 200)
		return;
	json_object_foreach((json_t *)selected, tag, value)
	{
		printf("  %s: ", tag);
		print_numbers(value);
	}
}

static void print_figures(const struct run *run)
{
	const char *cloud = json_string_value(json_object_get(run->figures, "cloud"));

	if (run->is_catalog)
		return;
	printf("%s: %s%s", run->path, cloud ? cloud : "", cloud ? ": " : "");
	print_numbers(run->figures);
	if (json_object_get(run->figures, "areas")) {
		fputs("  areas: ", stdout);
		print_numbers(json_object_get(run->figures, "areas"));
	}
	print_selected(json_object_get(run->figures, "selected"));
	if (run->skipped)
		printf("%zu bad entries left out\n", run->skipped);
}

static void print_made(const struct run *run, const struct made *made)
{
	const char *version = feed_change_version(made->file);

	printf("%s: %zu rows, %lld names, %lld prefixes%s%s: +%zu -%zu names, +%zu -%zu prefixes: ", made->name,
	       json_array_size(json_object_get(made->file, "rows")), (long long)count_of(made->file, "urls"),
	       (long long)count_of(made->file, "ips"), *version ? ", version " : "", version,
	       feed_change_count(made->changes, "names_gained"), feed_change_count(made->changes, "names_lost"),
	       feed_change_count(made->changes, "prefixes_gained"), feed_change_count(made->changes, "prefixes_lost"));
	if (run->diff)
		puts(made->refused[0] ? "import would refuse it" : is_new(made) ? "not applied" : "nothing new");
	else
		printf("%s/%s.json %s\n", run->folder, made->name, made->written ? "written" : "is the same already");
	for (size_t i = 0; i < json_array_size(made->changes) && run->diff; i++)
		nfqdnctl_print_change(json_array_get(made->changes, i), stdout);
}

static void tell(struct run *run, int status)
{
	problem_print(&run->problems, stderr);
	if (run->diff && tell_refused(run) != NFQDNCTL_YES)
		status = NFQDNCTL_NO;
	if (run->options->json) {
		print_json(run, status);
		return;
	}
	if (!run->diff && status != NFQDNCTL_YES)
		return;
	nfqdnctl_print_clean(run->figures);
	print_figures(run);
	for (int i = 0; i < run->made_count; i++)
		print_made(run, &run->made[i]);
}

/* ---- the command ---- */

static void clear(struct run *run)
{
	for (int i = 0; i < run->made_count; i++) {
		json_decref(run->made[i].file);
		json_decref(run->made[i].last);
		json_decref(run->made[i].changes);
	}
	feed_target_clear(run->targets, run->target_count);
	json_decref(run->flags);
	json_decref(run->figures);
	problem_clear(&run->problems);
}

static int run_list(struct run *run, bool kind_known, const char **why)
{
	json_t *root = feed_file_read(run->path, &run->problems);
	int status = root ? NFQDNCTL_YES : NFQDNCTL_NO;

	run->figures = json_object();
	if (root && !kind_known && !find_kind(run, root))
		status = NFQDNCTL_NO;
	if (status == NFQDNCTL_YES)
		status = make(run, root, why);
	if (status == NFQDNCTL_YES && !run->diff)
		status = write_all(run);
	for (int i = 0; i < run->made_count && run->diff && status == NFQDNCTL_YES; i++)
		status = run->made[i].refused[0] ? NFQDNCTL_NO : NFQDNCTL_YES;
	if (status != NFQDNCTL_USAGE)
		tell(run, status);
	json_decref(root);
	return status;
}

static bool is_kind(const char *word, enum feed_kind *kind)
{
	*kind = strcmp(word, "m365") == 0 ? FEED_M365 : FEED_TAGS;
	return strcmp(word, "m365") == 0 || strcmp(word, "service-tags") == 0;
}

int nfqdnctl_feed_run(char **words, const struct nfqdnctl_options *options, const char **why)
{
	struct run *run = calloc(1, sizeof(*run));
	bool kind_known;
	int status;

	if (!run)
		return NFQDNCTL_NO;
	run->options = options;
	run->folder = options->to ? options->to : NFQDNCTL_OVERLAY;
	run->diff = strcmp(words[0], "diff") == 0;
	kind_known = words[1] && is_kind(words[1], &run->kind);
	run->path = words[1] ? words[1 + kind_known] : NULL;
	status = check_options(options, why);
	if (status == NFQDNCTL_YES && (!run->path || words[2 + kind_known] || (!run->diff && !kind_known))) {
		*why = run->diff ? "`diff` takes one FILE: m365 FILE, service-tags FILE, or a catalog file"
				 : "`import` takes m365 FILE or service-tags FILE";
		status = NFQDNCTL_USAGE;
	}
	if (status == NFQDNCTL_YES)
		status = run_list(run, kind_known, why);
	clear(run);
	free(run);
	return status;
}
