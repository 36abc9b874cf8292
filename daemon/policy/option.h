/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of settings. The reader, the defaults, --print-config and the manual all come from it. */
#ifndef NFQDN_POLICY_OPTION_H
#define NFQDN_POLICY_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a setting stands. The first five are kept in struct config, the last two in struct config_entry. */
enum option_group {
	OPTION_GATEWAY,
	OPTION_QUEUE,
	OPTION_LIFETIME,
	OPTION_LIMITS,
	OPTION_PRIORITIES,
	OPTION_ENTRY,
	OPTION_ENTRY_LIFETIME,
};
#define OPTION_GROUPS 7

/* What a setting holds, and the field it goes to. */
enum option_type {
	OPTION_INTEGER, /* uint32_t; the first of `words`, if there are any, means CONFIG_OFF */
	OPTION_INTEGER16, /* uint16_t */
	OPTION_PRIORITY, /* int32_t; `min` and `max` are of that type, too */
	OPTION_MASK, /* uint32_t, bits of a packet's mark; 0: left out */
	OPTION_BOOL, /* bool */
	OPTION_WORD, /* one of `words`: an enum, its value is the word's place */
	OPTION_WORD_BOOL, /* one of two `words`: a bool, true for the second */
	OPTION_TABLE, /* const char *, a name that nft can spell */
	OPTION_PATH, /* const char *, absolute */
	OPTION_USER, /* const char *, a user's name or number, or "" */
	OPTION_TEXT, /* struct config_text */
	OPTION_TEXTS, /* struct config_texts */
	OPTION_PATHS, /* struct config_texts, each absolute */
	OPTION_PATTERNS, /* struct config_texts, each a name pattern */
	OPTION_RANGES, /* struct config_ranges */
	OPTION_RESOLVERS, /* the two resolver fields of struct config: ranges, and "local" */
	OPTION_INTERFACES, /* the three interface fields of struct config */
	OPTION_PORTS, /* the three port fields of struct config_entry */
	OPTION_GROUP, /* a group of settings, see `inner` */
};

struct option_word {
	const char *text; /* the last one is NULL */
	bool later; /* lawful in the design, not built yet */
};

/* For `flags`. */
#define OPTION_LATER 1u /* not built yet; with OPTION_WORD: words that are not in the list are not built yet */
#define OPTION_ALLOW 2u /* in entries of `allow` */
#define OPTION_INBOUND 4u /* in entries of `inbound` */
#define OPTION_EMPTY 8u /* an empty list means something */
#define OPTION_INHERIT 16u /* left out: as in `gateway` (CONFIG_INHERIT) */
#define OPTION_SERVICE 32u /* says something about `service` only */
#define OPTION_LEARNED 64u /* says something about what names teach */
#define OPTION_FIXED 128u /* of `gateway`: a running daemon cannot change it */

#define OPTION_NOWHERE SIZE_MAX

struct option {
	enum option_group group;
	const char *name;
	enum option_type type;
	unsigned int flags;
	size_t offset; /* OPTION_NOWHERE: there is nothing to keep, since only one value is built */
	uint32_t min, max;
	const char *fallback; /* the default as it is written in a file; NULL: left out means none */
	const char *unit; /* "" for none */
	const struct option_word *words;
	enum option_group inner;
	const char *help; /* one sentence without a final stop */
};

/* Every setting, group by group, in the order of a printed file; ends with a row whose name is NULL. */
extern const struct option option_table[];

/* The row of a setting, or NULL. */
const struct option *option_find(enum option_group group, const char *name);
/* Where a group stands: "gateway", "gateway.queue", "allow.NAME" (for both kinds of entries), "allow.NAME.lifetime". */
const char *option_group_path(enum option_group group);
/* Names of a group's settings that stand in entries of this kind (`flags`: OPTION_ALLOW or OPTION_INBOUND; 0 outside of
 * entries), ends with NULL. `out` holds OPTION_NAMES. Returns `out`. */
#define OPTION_NAMES 48
const char *const *option_names(enum option_group group, unsigned int flags, const char *out[OPTION_NAMES]);
/* The bounds of a number, signed or not. */
int64_t option_min(const struct option *option);
int64_t option_max(const struct option *option);
/* True when the setting holds a list. */
bool option_is_list(const struct option *option);
/* Do two configurations (or entries) have the same value? Never of lists and of struct config_text, which have lines. */
bool option_same(const struct option *option, const void *a, const void *b);

#endif
