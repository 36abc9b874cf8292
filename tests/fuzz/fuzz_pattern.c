/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/pattern.o dns/pattern_text.o dns/name.o base/arena.o base/hash.o */
/* Input: lines. One that begins with '=' is a name to look up (text with escapes), any other a pattern. The compiled
 * set must say what each pattern alone says. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "dns/name.h"
#include "dns/pattern.h"

#define PATTERNS_MAX 300
#define NAMES_MAX 30

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pattern patterns[PATTERNS_MAX];
static struct dns_name names[NAMES_MAX];
static size_t pattern_count, name_count;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void take_line(const char *line)
{
	const char *why = NULL;

	if (line[0] == '=') {
		if (name_count < NAMES_MAX && dns_name_from_text(line + 1, &names[name_count]) == 0)
			name_count++;
	} else if (pattern_count < PATTERNS_MAX) {
		if (pattern_check(line, &why) == 0)
			patterns[pattern_count] = (struct pattern) { line, (uint32_t)pattern_count }, pattern_count++;
		else
			must(why && *why);
	}
}

static void check_name(const struct pattern_set *set, const struct dns_name *name)
{
	uint32_t values[PATTERNS_MAX];
	int over = -1;
	size_t found = pattern_set_match(set, name, values, PATTERNS_MAX, &over), next = 0;

	must(over == 0 || over == 1);
	for (size_t i = 0; i < pattern_count; i++) {
		bool told = next < found && values[next] == i;

		must(told ? pattern_matches(patterns[i].text, name) : over || !pattern_matches(patterns[i].text, name));
		next += told;
	}
	must(next == found);
}

/* x is an apex when some "*.x" stands in the set. Where x begins with another "*." that star is one label there, and
 * leading when it stands alone: such sets are left out. */
static void check_apex(const struct pattern_set *set, const struct dns_name *name)
{
	bool apex = false;
	uint32_t values[1];
	int over;

	for (size_t i = 0; i < pattern_count; i++)
		if (strncmp(patterns[i].text, "*.", 2) == 0) {
			if (strncmp(patterns[i].text + 2, "*.", 2) == 0)
				return;
			apex |= pattern_matches(patterns[i].text + 2, name);
		}
	pattern_set_match(set, name, values, 1, &over);
	must(over || pattern_set_is_apex(set, name) == apex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hash_key key = { 1, 2 };
	struct arena *arena = arena_new();
	char *text = malloc(size + 1), *rest = text;
	struct pattern_set *set;

	must(arena && text);
	memcpy(text, data, size);
	text[size] = '\0';
	pattern_count = name_count = 0;
	for (char *line; (line = strsep(&rest, "\n"));)
		take_line(line);
	set = pattern_set_build(arena, &key, patterns, pattern_count);
	must(set != NULL);
	for (size_t i = 0; i < name_count; i++) {
		check_name(set, &names[i]);
		check_apex(set, &names[i]);
	}
	arena_free(arena);
	free(text);
	return 0;
}
