/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/pattern.h"

struct item {
	const char *text; /* libconfig's */
	unsigned int line;
	unsigned int place; /* in the list as written */
	bool dropped; /* stands twice, or is wrong */
	bool local; /* the word "local" where else stands a range */
	union {
		struct value_range range;
		struct value_ports ports;
		struct value_interface interface;
	};
};

struct list {
	struct item *items; /* in the file's order */
	unsigned int count;
	bool single; /* a text alone, without [ ] */
};

/* What the kinds of lists have in their own way. */
struct kind {
	/* Reads the text; false after telling why not. */
	bool (*read)(struct config_reader *reader, struct item *item);
	/* 0: the same thing; otherwise an order in which what overlaps an item comes before it. */
	int (*order)(const struct item *a, const struct item *b);
	/* True when `item` shares something with `wide`, which comes before it. NULL: nothing does. */
	bool (*overlap)(const struct item *wide, const struct item *item);
	/* True when `b` reaches further than `a`. */
	bool (*further)(const struct item *a, const struct item *b);
	bool drop_overlapped;
	void (*store)(struct config_reader *reader, const struct list *list, unsigned int line, void *field);
};

static size_t enter_item(struct config_reader *reader, const struct list *list, unsigned int place)
{
	return list->single ? strlen(reader->path) : config_reader_enter_item(reader, place);
}

static unsigned int kept(const struct list *list)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < list->count; i++)
		count += !list->items[i].dropped;
	return count;
}

static void *keep_array(struct config_reader *reader, size_t count, size_t size)
{
	void *array = arena_array(reader->arena, count, size);

	reader->no_memory |= array == NULL;
	return array;
}

/* Texts, paths, patterns */

static bool read_plain(struct config_reader *reader, struct item *item)
{
	(void)reader;
	(void)item;
	return true;
}

static bool read_path(struct config_reader *reader, struct item *item)
{
	if (item->text[0] == '/')
		return true;
	config_reader_error(reader, item->line, "\"%s\" is not an absolute path: write it from / on", item->text);
	return false;
}

static bool read_pattern(struct config_reader *reader, struct item *item)
{
	struct value_range range;
	enum value_mended mended;
	const char *why;

	if (value_range_from_text(item->text, &range, &mended, &why) == 0) {
		config_reader_error(reader, item->line, "\"%s\" is an address: it stands in the setting \"addresses\"",
				    item->text);
		return false;
	}
	if (pattern_check(item->text, &why) == 0)
		return true;
	config_reader_error(reader, item->line, "\"%s\": %s", item->text, why);
	return false;
}

static int order_words(const struct item *a, const struct item *b)
{
	return strcasecmp(a->text, b->text);
}

static int order_paths(const struct item *a, const struct item *b)
{
	return strcmp(a->text, b->text);
}

static void store_texts(struct config_reader *reader, const struct list *list, unsigned int line, void *field)
{
	struct config_text *items = keep_array(reader, kept(list), sizeof(*items));
	unsigned int count = 0;

	for (unsigned int i = 0; items != NULL && i < list->count; i++)
		if (!list->items[i].dropped)
			items[count++] = (struct config_text) { config_reader_keep(reader, list->items[i].text),
								list->items[i].line };
	*(struct config_texts *)field = (struct config_texts) { items, count, line };
}

/* Ranges */

static bool read_range(struct config_reader *reader, struct item *item)
{
	char text[VALUE_RANGE_TEXT_SIZE];
	enum value_mended mended;
	const char *why;

	if (value_range_from_text(item->text, &item->range, &mended, &why) != 0) {
		config_reader_error(reader, item->line, "\"%s\": %s", item->text, why);
		return false;
	}
	if (mended == VALUE_HOST_BITS)
		config_reader_warning(reader, item->line, "\"%s\" has bits set beyond its prefix: read as %s",
				      item->text, value_range_to_text(&item->range, text));
	return true;
}

/* The wider of two with the same beginning comes first. */
static int order_ranges(const struct item *a, const struct item *b)
{
	int order = ipaddr_compare(&a->range.first, &b->range.first);

	return order != 0 ? order : ipaddr_compare(&b->range.last, &a->range.last);
}

static bool overlap_ranges(const struct item *wide, const struct item *item)
{
	return wide->range.last.family == item->range.first.family &&
	       ipaddr_compare(&wide->range.last, &item->range.first) >= 0;
}

static bool further_range(const struct item *a, const struct item *b)
{
	return ipaddr_compare(&b->range.last, &a->range.last) > 0;
}

static void store_ranges(struct config_reader *reader, const struct list *list, unsigned int line, void *field)
{
	unsigned int size = kept(list), count = 0;
	struct value_range *items = keep_array(reader, size, sizeof(*items));
	unsigned int *lines = keep_array(reader, size, sizeof(*lines));
	const char **texts = keep_array(reader, size, sizeof(*texts));
	unsigned int *places = keep_array(reader, size, sizeof(*places));

	if (items == NULL || lines == NULL || texts == NULL || places == NULL)
		return;
	for (unsigned int i = 0; i < list->count; i++) {
		const struct item *item = &list->items[i];

		if (item->dropped)
			continue;
		items[count] = item->range;
		lines[count] = item->line;
		places[count] = item->place;
		texts[count++] = config_reader_keep(reader, item->text);
	}
	*(struct config_ranges *)field = (struct config_ranges) { items, lines, texts, places, count, line };
}

/* Resolvers: ranges, and "local" */

#define LOCAL "local"

/* What people write for it. */
static bool means_local(const char *text)
{
	static const char *const words[] = { LOCAL, "localhost", "self", "own", "gateway", "router", "this" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool read_resolver(struct config_reader *reader, struct item *item)
{
	item->local = strcmp(item->text, LOCAL) == 0;
	if (item->local)
		return true;
	if (!means_local(item->text))
		return read_range(reader, item);
	config_reader_error(reader, item->line, "\"%s\": write \"" LOCAL "\" for the gateway's own resolver",
			    item->text);
	return false;
}

static int order_resolvers(const struct item *a, const struct item *b)
{
	return a->local || b->local ? (int)b->local - (int)a->local : order_ranges(a, b);
}

static void store_resolvers(struct config_reader *reader, const struct list *list, unsigned int line, void *field)
{
	struct config *config = field;

	for (unsigned int i = 0; i < list->count; i++) {
		struct item *item = &list->items[i];

		config->resolvers_local |= item->local && !item->dropped;
		item->dropped |= item->local;
	}
	store_ranges(reader, list, line, &config->resolvers);
}

/* Ports */

static bool read_ports(struct config_reader *reader, struct item *item)
{
	const char *why;

	if (value_ports_from_text(item->text, &item->ports, &why) == 0)
		return true;
	config_reader_error(reader, item->line, "\"%s\": %s", item->text, why);
	return false;
}

static int order_ports(const struct item *a, const struct item *b)
{
	if (a->ports.proto != b->ports.proto)
		return a->ports.proto < b->ports.proto ? -1 : 1;
	if (a->ports.first != b->ports.first)
		return a->ports.first < b->ports.first ? -1 : 1;
	return (int)b->ports.last - (int)a->ports.last;
}

static bool overlap_ports(const struct item *wide, const struct item *item)
{
	return wide->ports.proto == item->ports.proto && wide->ports.last >= item->ports.first;
}

static bool further_ports(const struct item *a, const struct item *b)
{
	return a->ports.proto != b->ports.proto || b->ports.last > a->ports.last;
}

static void store_ports(struct config_reader *reader, const struct list *list, unsigned int line, void *field)
{
	struct value_ports *ports = keep_array(reader, kept(list), sizeof(*ports));
	struct config_entry *entry = field;
	unsigned int count = 0;

	for (unsigned int i = 0; ports != NULL && i < list->count; i++)
		if (!list->items[i].dropped)
			ports[count++] = list->items[i].ports;
	entry->ports = ports;
	entry->port_count = count;
	entry->ports_line = line;
}

/* Interfaces */

static bool read_interface(struct config_reader *reader, struct item *item)
{
	const char *why;

	if (value_interface_from_text(item->text, &item->interface, &why) == 0)
		return true;
	config_reader_error(reader, item->line, "\"%s\": %s", item->text, why);
	return false;
}

/* A beginning comes before what begins with it; of two equal ones the wildcard comes first. */
static int order_interfaces(const struct item *a, const struct item *b)
{
	int order = strcmp(a->interface.name, b->interface.name);

	return order != 0 ? order : (int)b->interface.wildcard - (int)a->interface.wildcard;
}

static bool overlap_interfaces(const struct item *wide, const struct item *item)
{
	return wide->interface.wildcard &&
	       strncmp(wide->interface.name, item->interface.name, strlen(wide->interface.name)) == 0;
}

static bool further_interface(const struct item *a, const struct item *b)
{
	return b->interface.wildcard && !overlap_interfaces(a, b);
}

static void store_interfaces(struct config_reader *reader, const struct list *list, unsigned int line, void *field)
{
	struct value_interface *interfaces = keep_array(reader, kept(list), sizeof(*interfaces));
	struct config *config = field;
	unsigned int count = 0;

	for (unsigned int i = 0; interfaces != NULL && i < list->count; i++)
		if (!list->items[i].dropped)
			interfaces[count++] = list->items[i].interface;
	config->interfaces = interfaces;
	config->interface_count = count;
	config->interfaces_line = line;
}

static const struct kind words_kind = { read_plain, order_words, .store = store_texts };
static const struct kind paths_kind = { read_path, order_paths, .store = store_texts };
static const struct kind patterns_kind = { read_pattern, order_words, .store = store_texts };
static const struct kind ranges_kind = { read_range, order_ranges, overlap_ranges, further_range, false, store_ranges };
static const struct kind resolvers_kind = { read_resolver, order_resolvers, overlap_ranges,
					    further_range, false,           store_resolvers };
static const struct kind ports_kind = { read_ports, order_ports, overlap_ports, further_ports, false, store_ports };
static const struct kind interfaces_kind = { read_interface, order_interfaces, overlap_interfaces, further_interface,
					     true,           store_interfaces };

static const struct kind *kind_of(enum option_type type)
{
	switch (type) {
	case OPTION_PATHS:
		return &paths_kind;
	case OPTION_PATTERNS:
		return &patterns_kind;
	case OPTION_RANGES:
		return &ranges_kind;
	case OPTION_RESOLVERS:
		return &resolvers_kind;
	case OPTION_PORTS:
		return &ports_kind;
	case OPTION_INTERFACES:
		return &interfaces_kind;
	case OPTION_TEXTS:
	case OPTION_TEXT:
	case OPTION_INTEGER:
	case OPTION_INTEGER16:
	case OPTION_PRIORITY:
	case OPTION_MASK:
	case OPTION_BOOL:
	case OPTION_WORD:
	case OPTION_WORD_BOOL:
	case OPTION_TABLE:
	case OPTION_PATH:
	case OPTION_USER:
	case OPTION_GROUP:
		break;
	}
	return &words_kind;
}

static void read_item(struct config_reader *reader, const struct kind *kind, const config_setting_t *setting,
		      struct list *list, unsigned int place)
{
	struct item *item = &list->items[place];
	size_t back = enter_item(reader, list, place);

	item->text = config_reader_text(reader, setting);
	item->line = config_reader_line(setting);
	item->place = place;
	item->dropped = item->text == NULL || !kind->read(reader, item);
	config_reader_leave(reader, back);
}

static void read_items(struct config_reader *reader, const struct kind *kind, const config_setting_t *setting,
		       struct list *list)
{
	if (list->single) {
		read_item(reader, kind, setting, list, 0);
		return;
	}
	for (unsigned int i = 0; i < list->count; i++)
		read_item(reader, kind, config_setting_get_elem(setting, i), list, i);
}

static int compare_items(const void *left, const void *right, void *context)
{
	const struct item *const *a = left, *const *b = right;
	const struct kind *kind = context;
	int order = kind->order(*a, *b);

	return order != 0 ? order : (*a)->place < (*b)->place ? -1 : 1;
}

static void tell_twice(struct config_reader *reader, const struct list *list, const struct item *first,
		       struct item *item)
{
	size_t back = enter_item(reader, list, item->place);

	config_reader_warning(reader, item->line, "\"%s\" stands here twice (as \"%s\" on line %u): once is enough",
			      item->text, first->text, first->line);
	item->dropped = true;
	config_reader_leave(reader, back);
}

static void tell_overlap(struct config_reader *reader, const struct list *list, const struct kind *kind,
			 const struct item *wide, struct item *item)
{
	size_t back = enter_item(reader, list, item->place);

	config_reader_warning(reader, item->line, "\"%s\" overlaps \"%s\" of line %u: they are taken as one",
			      item->text, wide->text, wide->line);
	item->dropped = kind->drop_overlapped;
	config_reader_leave(reader, back);
}

/* One sweep in the kind's order finds what stands twice and what overlaps. */
static void compare_all(struct config_reader *reader, const struct kind *kind, const struct list *list,
			struct item **sorted, unsigned int count)
{
	const struct item *wide = sorted[0], *before = sorted[0];

	for (unsigned int i = 1; i < count; i++) {
		struct item *item = sorted[i];

		if (kind->order(before, item) == 0) {
			tell_twice(reader, list, before, item);
			continue;
		}
		if (kind->overlap != NULL && kind->overlap(wide, item))
			tell_overlap(reader, list, kind, wide, item);
		if (kind->further != NULL && kind->further(wide, item))
			wide = item;
		before = item;
	}
}

static void find_doubles(struct config_reader *reader, const struct kind *kind, const struct list *list)
{
	struct item **sorted = calloc(list->count + 1, sizeof(struct item *));
	unsigned int count = 0;

	if (sorted == NULL) {
		reader->no_memory = true;
		return;
	}
	for (unsigned int i = 0; i < list->count; i++)
		if (!list->items[i].dropped)
			sorted[count++] = &list->items[i];
	qsort_r(sorted, count, sizeof(struct item *), compare_items, (void *)(uintptr_t)kind);
	if (count > 1)
		compare_all(reader, kind, list, sorted, count);
	free(sorted);
}

/* The number of items, or false after telling that this is no list. */
static bool measure(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		    struct list *list)
{
	int type = config_setting_type(setting);

	list->single = type == CONFIG_TYPE_STRING;
	if (list->single) {
		list->count = 1;
		return true;
	}
	if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST) {
		config_reader_error(reader, config_reader_line(setting),
				    "%s was found where a list of texts is expected: write [ \"...\", \"...\" ]",
				    config_reader_type(setting));
		return false;
	}
	list->count = (unsigned int)config_setting_length(setting);
	if (list->count != 0 || (option->flags & OPTION_EMPTY) != 0)
		return true;
	config_reader_error(reader, config_reader_line(setting),
			    "the list is empty: name at least one, or leave the setting out");
	return false;
}

void config_list_read(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		      void *base)
{
	const struct kind *kind = kind_of(option->type);
	bool own_fields =
		option->type == OPTION_PORTS || option->type == OPTION_INTERFACES || option->type == OPTION_RESOLVERS;
	struct list list = { 0 };

	if (!measure(reader, setting, option, &list))
		return;
	list.items = calloc(list.count + 1, sizeof(*list.items));
	if (list.items == NULL) {
		reader->no_memory = true;
		return;
	}
	read_items(reader, kind, setting, &list);
	find_doubles(reader, kind, &list);
	/* what is lawful is kept even when something is not, so that the checks that follow tell all in this run */
	kind->store(reader, &list, config_reader_line(setting), own_fields ? base : (char *)base + option->offset);
	free(list.items);
}
