/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: control/feed.o control/feed_tags.o dns/pattern.o dns/pattern_text.o dns/name.o policy/value.o policy/catalog.o */
/* LINK: policy/catalog_field.o policy/catalog_read.o policy/policy_list.o policy/policy_text.o policy/reserved.o policy/nat64.o */
/* LINK: policy/problem.o base/arena.o base/counters.o base/escape.o base/hash.o base/ipaddr.o */
/* LIBS: jansson */
/* Any JSON as a file of service tags: each tag, some by region, all of them. */
#include <stdint.h>
#include <stdlib.h>

#include "control/feed_tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(const json_t *root, const struct feed_tags_wanted *wanted, bool strict)
{
	struct problems problems = { 0 };
	struct feed feed = { .file = "tags.json",
			     .problems = &problems,
			     .strict = strict,
			     .as_of = "2025-12-01",
			     .version = "",
			     .rows = json_object() };
	json_t *figures = json_object();

	feed_tags_read(&feed, root, wanted, figures);
	feed_finish(&feed);
	if (strict && feed.skipped && !problems.errors)
		abort();
	json_decref(figures);
	json_decref(feed.rows);
	problem_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root = json_loadb((const char *)data, size, 0, NULL);
	json_t *none = json_array(), *all = json_pack("[s]", "*"), *some = json_pack("[s, s]", "azureconnectors", "b");
	json_t *regions = json_pack("[s, s]", "Europe", "eastus");
	struct feed_tags_wanted wanted[] = {
		{ all, none, NULL, false, "outbound", "443", "" },
		{ some, regions, NULL, false, "inbound", "", "" },
		{ some, none, "connectors-live", true, "inbound", "", "" },
	};

	for (size_t i = 0; root && i < 3; i++) {
		read_list(root, &wanted[i], false);
		read_list(root, &wanted[i], true);
	}
	json_decref(all);
	json_decref(some);
	json_decref(none);
	json_decref(regions);
	json_decref(root);
	return 0;
}
