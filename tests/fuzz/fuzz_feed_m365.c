/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: control/feed.o control/feed_m365.o control/feed_change.o control/difference.o control/json.o dns/pattern.o dns/pattern_text.o dns/name.o policy/value.o */
/* LINK: policy/reserved.o policy/nat64.o policy/problem.o base/arena.o base/counters.o base/escape.o base/hash.o base/ipaddr.o */
/* LIBS: jansson */
/* Any JSON as an answer of the endpoint service; a catalog file made of it differs from itself in nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "control/feed_change.h"
#include "control/feed_m365.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(const json_t *root, json_t *flags, bool strict)
{
	struct problems problems = { 0 };
	struct feed feed = { .file = "list.json",
			     .problems = &problems,
			     .strict = strict,
			     .as_of = "2025-12-01",
			     .version = "",
			     .flags = flags,
			     .rows = json_object() };
	json_t *words = json_pack("[s]", "all"), *figures = json_object(), *file, *changes;
	struct feed_m365_wanted wanted = { words, NULL, "China" };
	char why[256];

	feed_m365_read(&feed, root, &wanted, figures);
	feed_finish(&feed);
	if (strict && feed.skipped && !problems.errors)
		abort();
	file = json_pack("{s:s, s:o}", "service", "m365", "rows", json_array());
	json_array_append(json_object_get(file, "rows"), feed.rows);
	changes = feed_change_rows(file, file);
	if (json_array_size(changes) || !feed_change_lawful(file, file, why, sizeof(why)))
		abort();
	json_decref(changes);
	json_decref(file);
	json_decref(figures);
	json_decref(words);
	json_decref(feed.rows);
	problem_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root = json_loadb((const char *)data, size, 0, NULL);
	json_t *flags = json_pack("{s:s, s:s}", "*.blob.core.windows.net", "rentable", "*.microsoft.com", "broad");

	if (root) {
		read_list(root, flags, false);
		read_list(root, flags, true);
	}
	json_decref(flags);
	json_decref(root);
	return 0;
}
