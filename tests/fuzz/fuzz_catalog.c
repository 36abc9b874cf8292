/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/policy.o policy/policy_boxes.o policy/policy_group.o policy/policy_hints.o policy/policy_input.o policy/policy_list.o */
/* LINK: policy/policy_rules.o policy/policy_select.o policy/policy_tenant.o policy/policy_text.o */
/* LINK: policy/policy_warn.o policy/interval.o policy/catalog.o policy/catalog_field.o policy/catalog_read.o */
/* LINK: policy/config.o policy/config_check.o policy/nat64.o policy/config_json.o policy/config_list.o policy/config_print.o policy/config_read.o */
/* LINK: policy/config_reader.o policy/config_scalar.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/option.o policy/problem.o */
/* LINK: policy/value.o dns/name.o dns/pattern.o dns/pattern_text.o base/arena.o base/counters.o base/escape.o base/hash.o */
/* LINK: base/ipaddr.o base/log.o */
/* LIBS: jansson libconfig */
/* The input is the second folder's file; the first one holds regions. What is lawful becomes a policy, outbound and
 * inbound, with everything selected. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char base_file[] = "{\"format\": 1, \"regions\": [{\"name\": \"North\", \"aliases\": [\"n\"]}], "
				"\"tenants\": [{\"location\": \"L\", "
				"\"aliases\": [], \"prefixes\": [\"UNITA\"], \"region\": \"n\"}]}";

static char base_folder[] = "/tmp/nfqdn-fuzz-base-XXXXXX", folder[] = "/tmp/nfqdn-fuzz-catalog-XXXXXX";

static void path_of(char out[64], const char *in)
{
	snprintf(out, 64, "%s/a.json", in);
}

static void write_file(const char *in, const void *data, size_t size)
{
	char path[64];
	FILE *file;

	path_of(path, in);
	file = fopen(path, "w");
	if (!file || fwrite(data, 1, size, file) != size)
		abort();
	fclose(file);
}

static void remove_folder(const char *in)
{
	char path[64];

	path_of(path, in);
	unlink(path);
	rmdir(in);
}

static void clean_up(void)
{
	remove_folder(base_folder);
	remove_folder(folder);
}

static void start(void)
{
	static int started;

	if (started++)
		return;
	if (!mkdtemp(base_folder) || !mkdtemp(folder))
		abort();
	write_file(base_folder, base_file, sizeof(base_file) - 1);
	atexit(clean_up);
}

/* As config_load() would make it. */
static struct config *make_config(const struct config_entry *entry)
{
	struct arena *arena = arena_new();
	struct config *config = arena_alloc(arena, sizeof(*config));
	struct config_text *folders = arena_array(arena, 2, sizeof(*folders));
	struct config_entry *copy = arena_memdup(arena, entry, sizeof(*entry));

	folders[0].text = base_folder;
	folders[1].text = folder;
	copy->service.text = arena_strdup(arena, entry->service.text);
	*config = (struct config) { .arena = arena,
				    .file = "",
				    .catalog = { folders, 2, 1 },
				    .entries = copy,
				    .entry_count = 1,
				    .lifetime = { 60, 300, 86400 } };
	return config;
}

static void build_one(struct config_entry *entry)
{
	struct problems problems = { 0 };
	struct policy *policy = policy_build(make_config(entry), "2025-10-15", &problems);

	if ((policy == NULL) != (problems.errors > 0))
		abort();
	for (size_t i = 0; policy && i < policy->outbound_count; i++)
		if (!policy_find_address(policy->outbound, policy->outbound_count, &policy->outbound[i].range.last,
					 NULL, 0))
			abort();
	policy_free(policy);
	problem_clear(&problems);
}

static void build(const char *service)
{
	static const struct config_text feature = { "core", 1 };
	struct value_range to = { { IPADDR_V4, { 10, 1, 0, 10 } }, { IPADDR_V4, { 10, 1, 0, 11 } } };
	static const unsigned int line = 1;
	static const char *const text = "10.1.0.10-10.1.0.11";
	struct config_entry entry = { .name = "e",
				      .line = 1,
				      .service = { service, 1 },
				      .optional = true,
				      .rentable = true,
				      .broad = true,
				      .lifetime = { 1, 2, 3 } };

	build_one(&entry);
	entry.tenant = (struct config_text) { "L 0101", 1 };
	build_one(&entry);
	entry.tenant.text = NULL;
	entry.features = (struct config_texts) { &feature, 1, 1 };
	build_one(&entry);
	entry.features.count = 0;
	entry.inbound = true;
	entry.to = (struct config_ranges) { &to, &line, &text, NULL, 1, 1 };
	build_one(&entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const folders[] = { base_folder, folder };
	struct problems problems = { 0 };
	const struct catalog *catalog;
	struct arena *arena;

	start();
	write_file(folder, data, size);
	arena = arena_new();
	catalog = catalog_load(arena, folders, 2, &problems);
	if ((catalog == NULL) != (problems.errors > 0))
		abort();
	if (catalog && catalog->service_count)
		build(catalog->services[0].name);
	problem_clear(&problems);
	arena_free(arena);
	return 0;
}
