/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/catalog_read.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/pattern.h"
#include "policy/policy_text.h"

/* The largest list a vendor publishes is 4 MB as JSON. */
#define FILE_BYTES_MAX (16u << 20)
/* One slip often stands in every row: the rest is counted. */
#define FILE_FAULTS_MAX 20
#define WORD_MAX 63
/* catalog_row_key() with its NUL */
#define KEY_MAX 160

/* One file while it is read. */
struct reader {
	struct catalog_read *read;
	const char *file; /* in the arena */
	char where[KEY_MAX + 32]; /* what `setting` of a problem begins with: "intune/core/163" or "rows[4]" */
	size_t faults;
	bool out_of_memory;
	struct policy_list ports; /* of the row being read */
};

enum field_kind {
	FIELD_WORD,
	FIELD_TEXT,
	FIELD_DATE,
	FIELD_CATEGORY,
	FIELD_FLAG,
	FIELD_URLS,
	FIELD_IPS,
	FIELD_TCP,
	FIELD_UDP,
	FIELD_CLOUDS,
	FIELD_TEXTS,
	FIELD_DIRECTION,
	FIELD_STATE,
	FIELD_SOURCE
};

struct field {
	const char *key;
	enum field_kind kind;
	bool mandatory;
	size_t offset; /* in struct catalog_row */
};

#define AT(member) offsetof(struct catalog_row, member)
/* feature and id come first: they are how every later problem names the row. */
static const struct field row_fields[] = {
	{ "feature", FIELD_WORD, true, AT(feature) },
	{ "id", FIELD_WORD, true, AT(id) },
	{ "title", FIELD_TEXT, true, AT(title) },
	{ "urls", FIELD_URLS, false, AT(urls) },
	{ "ips", FIELD_IPS, false, AT(ips) },
	{ "tcpPorts", FIELD_TCP, false, 0 },
	{ "udpPorts", FIELD_UDP, false, 0 },
	{ "category", FIELD_CATEGORY, false, AT(category) },
	{ "required", FIELD_FLAG, true, AT(required) },
	{ "cloud", FIELD_CLOUDS, true, AT(clouds) },
	{ "direction", FIELD_DIRECTION, true, AT(direction) },
	{ "regions", FIELD_TEXTS, false, AT(regions) },
	{ "scaleUnits", FIELD_TEXTS, false, AT(scale_units) },
	{ "state", FIELD_STATE, true, AT(state) },
	{ "until", FIELD_DATE, false, AT(until) },
	{ "asOf", FIELD_DATE, true, AT(as_of) },
	{ "optIn", FIELD_FLAG, false, AT(opt_in) },
	{ "rentable", FIELD_FLAG, false, AT(rentable) },
	{ "broad", FIELD_FLAG, false, AT(broad) },
	{ "seeAlso", FIELD_TEXT, false, AT(see_also) },
	{ "notes", FIELD_TEXT, false, AT(notes) },
	{ "source", FIELD_SOURCE, true, 0 },
};
#undef AT
#define ROW_FIELDS (sizeof(row_fields) / sizeof(row_fields[0]))

static const char *const categories[] = { "Optimize", "Allow", "Default", NULL };
static const char *const clouds[] = { "global", "public", "gcc", "gcc-high", "dod", "china", NULL };
static const char *const directions[] = { /* in the order of enum catalog_direction */
	"outbound", "inbound", "peer", "mail", NULL
};
static const char *const states[] = { "published", "pending", "superseded", NULL }; /* of enum catalog_state */
static const char *const source_keys[] = { "document", "section", NULL };
static const char *const service_keys[] = { "format", "service", "title", "rows", NULL };
static const char *const region_file_keys[] = { "format", "regions", "tenants", NULL };
static const char *const region_keys[] = { "name", "aliases", NULL };
static const char *const tenant_keys[] = { "location", "aliases", "prefixes", "region", NULL };

static void fault(struct reader *reader, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fault(struct reader *reader, const char *field, const char *format, ...)
{
	char setting[sizeof(reader->where) + 64], text[512];
	va_list args;

	if (reader->faults++ >= FILE_FAULTS_MAX)
		return;
	snprintf(setting, sizeof(setting), "%s%s%s", reader->where, *reader->where && *field ? "." : "", field);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problem_add(reader->read->problems, PROBLEM_ERROR, reader->file, 0, setting, "%s", text);
}

static void *kept(struct reader *reader, void *memory)
{
	if (!memory)
		reader->out_of_memory = true;
	return memory;
}

static const char *keep_text(struct reader *reader, const char *text)
{
	const char *copy = kept(reader, arena_strdup(reader->read->arena, text));

	return copy ? copy : "";
}

static const char *json_kind(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "?";
}

/* A text that can be shown as it is: not empty, no control characters. NULL when it is none, which is then told. */
static const char *read_text(struct reader *reader, const char *field, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text) {
		fault(reader, field, "is %s; a text is expected", json_kind(value));
		return NULL;
	}
	if (!*text) {
		fault(reader, field, "is empty; leave the key out where there is nothing to say");
		return NULL;
	}
	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at >= 0x20 && *at != 0x7f)
			continue;
		fault(reader, field, "\"%.150s\" has a control character in it", text);
		return NULL;
	}
	return text;
}

/* The index of the text in `words`, or -1, which is then told. */
static int read_choice(struct reader *reader, const char *field, const json_t *value, const char *const *words)
{
	const char *text = read_text(reader, field, value), *near;
	char lawful[256];
	int used = 0;

	if (!text)
		return -1;
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	for (int i = 0; words[i]; i++)
		used += snprintf(lawful + used, sizeof(lawful) - (size_t)used, "%s%s", i ? ", " : "", words[i]);
	near = problem_nearest(text, words);
	fault(reader, field, "\"%.150s\" is unknown%s%s%s (lawful: %s)", text,
	      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", lawful);
	return -1;
}

/* Small letters, digits and '-' inside: what can stand in a key and in a configuration without quoting trouble. */
static bool word_is_good(const char *text)
{
	size_t length = strlen(text);

	return length <= WORD_MAX && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
	       text[0] != '-' && text[length - 1] != '-';
}

static const char *read_word(struct reader *reader, const char *field, const json_t *value)
{
	const char *text = read_text(reader, field, value);

	if (!text)
		return NULL;
	if (word_is_good(text))
		return keep_text(reader, text);
	fault(reader, field, "\"%.150s\" is no key: 1 to %d small letters, digits and '-' inside are allowed",
	      text, WORD_MAX);
	return NULL;
}

static bool date_is_good(const char *text)
{
	int month, day;

	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
		return false;
	for (int i = 0; i < 10; i++)
		if (i != 4 && i != 7 && (text[i] < '0' || text[i] > '9'))
			return false;
	month = (text[5] - '0') * 10 + text[6] - '0';
	day = (text[8] - '0') * 10 + text[9] - '0';
	return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static const char *read_date(struct reader *reader, const char *field, const json_t *value)
{
	const char *text = read_text(reader, field, value);

	if (!text)
		return NULL;
	if (date_is_good(text))
		return keep_text(reader, text);
	fault(reader, field, "\"%.150s\" is no date; one like 2025-01-31 is expected", text);
	return NULL;
}

static bool read_flag(struct reader *reader, const char *field, const json_t *value)
{
	if (!json_is_boolean(value))
		fault(reader, field, "is %s; true or false is expected", json_kind(value));
	return json_is_true(value);
}

/* Items of a list of texts, each checked by `check` (NULL: any text). */
static void read_list(struct reader *reader, const char *field, const json_t *value, struct catalog_list *out,
		      void (*check)(struct reader *, const char *field, const json_t *item))
{
	size_t count = json_array_size(value);
	const char **items;

	if (!json_is_array(value) || count == 0) {
		fault(reader, field, "is %s; a list of texts is expected", count ? json_kind(value) :
		      json_is_array(value) ? "an empty list" : json_kind(value));
		return;
	}
	items = kept(reader, arena_array(reader->read->arena, count, sizeof(*items)));
	if (!items)
		return;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(value, i);
		char name[64];
		const char *text;

		snprintf(name, sizeof(name), "%s[%zu]", field, i);
		text = read_text(reader, name, item);
		if (text && check)
			check(reader, name, item);
		items[i] = keep_text(reader, text ? text : "");
	}
	*out = (struct catalog_list){ items, count };
}

static void check_url(struct reader *reader, const char *field, const json_t *item)
{
	const char *text = json_string_value(item), *why;

	if (pattern_check(text, &why))
		fault(reader, field, "\"%.150s\": %s", text, why);
}

static void check_cloud(struct reader *reader, const char *field, const json_t *item)
{
	read_choice(reader, field, item, clouds);
}

static void read_ips(struct reader *reader, const char *field, const json_t *value, struct catalog_row *row)
{
	struct value_range *ranges;

	read_list(reader, field, value, &row->ips, NULL);
	ranges = kept(reader, arena_array(reader->read->arena, row->ips.count, sizeof(*ranges)));
	for (size_t i = 0; ranges && i < row->ips.count; i++) {
		char name[64], right[VALUE_RANGE_TEXT_SIZE];
		enum value_mended mended = VALUE_AS_WRITTEN;
		const char *why = "";

		if (!*row->ips.items[i]) /* told already */
			continue;
		snprintf(name, sizeof(name), "%s[%zu]", field, i);
		if (value_range_from_text(row->ips.items[i], &ranges[i], &mended, &why))
			fault(reader, name, "\"%.150s\": %s", row->ips.items[i], why);
		else if (mended == VALUE_HOST_BITS)
			fault(reader, name, "\"%.150s\" has bits set beyond its prefix; %s would be right", row->ips.items[i],
			      value_range_to_text(&ranges[i], right));
	}
	row->ranges = ranges;
}

static void read_port(struct reader *reader, const char *field, const char *proto, const char *item, size_t length)
{
	struct value_ports ports;
	char text[32];
	const char *why = "a port or a range of ports is expected";

	if (length < 16) {
		snprintf(text, sizeof(text), "%s/%.*s", proto, (int)length, item);
		if (value_ports_from_text(text, &ports, &why) == 0) {
			kept(reader, policy_list_add(&reader->ports, &ports));
			return;
		}
	}
	fault(reader, field, "\"%.150s\": %s; a list like \"80,443,5671-5672\" is expected", item, why);
}

static void read_ports(struct reader *reader, const char *field, const json_t *value, const char *proto)
{
	const char *text = read_text(reader, field, value);

	while (text) {
		size_t length = strcspn(text, ",");

		read_port(reader, field, proto, text, length);
		text = text[length] ? text + length + 1 : NULL;
	}
}

static void refuse_unknown_keys(struct reader *reader, json_t *object, const char *const *keys, size_t count)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
			const char *near = problem_nearest(key, keys);
		size_t i = 0;

		while (i < count && strcmp(keys[i], key) != 0)
			i++;
		if (i == count)
			fault(reader, "", "the key \"%.150s\" is unknown%s%s%s", key,
			      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	}
}

static size_t count_keys(const char *const *keys)
{
	size_t count = 0;

	while (keys[count])
		count++;
	return count;
}

/* The member, which must be there; NULL when it is not, which is then told. */
static json_t *member(struct reader *reader, const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		fault(reader, "", "the key \"%s\" is missing", key);
	return value;
}

static void read_source(struct reader *reader, json_t *value, struct catalog_row *row)
{
	const json_t *document, *section;
	const char *text;

	if (!json_is_object(value)) {
		fault(reader, "source", "is %s; an object with \"document\" and \"section\" is expected", json_kind(value));
		return;
	}
	refuse_unknown_keys(reader, value, source_keys, count_keys(source_keys));
	document = member(reader, value, "document");
	section = member(reader, value, "section");
	text = document ? read_text(reader, "source.document", document) : NULL;
	if (text)
		row->document = keep_text(reader, text);
	text = section ? read_text(reader, "source.section", section) : NULL;
	if (text)
		row->section = keep_text(reader, text);
}

static void set_text(const char **place, const char *text)
{
	if (text)
		*place = text;
}

static void read_field(struct reader *reader, const struct field *field, json_t *value, struct catalog_row *row)
{
	void *place = (char *)row + field->offset;
	const char *text;
	int choice;

	switch (field->kind) {
	case FIELD_WORD:
		set_text(place, read_word(reader, field->key, value));
		break;
	case FIELD_TEXT:
		text = read_text(reader, field->key, value);
		set_text(place, text ? keep_text(reader, text) : NULL);
		break;
	case FIELD_DATE:
		set_text(place, read_date(reader, field->key, value));
		break;
	case FIELD_CATEGORY:
		choice = read_choice(reader, field->key, value, categories);
		set_text(place, choice < 0 ? NULL : categories[choice]);
		break;
	case FIELD_FLAG:
		*(bool *)place = read_flag(reader, field->key, value);
		break;
	case FIELD_URLS:
		read_list(reader, field->key, value, place, check_url);
		break;
	case FIELD_IPS:
		read_ips(reader, field->key, value, row);
		break;
	case FIELD_TCP:
		read_ports(reader, field->key, value, "tcp");
		break;
	case FIELD_UDP:
		read_ports(reader, field->key, value, "udp");
		break;
	case FIELD_CLOUDS:
		read_list(reader, field->key, value, place, check_cloud);
		break;
	case FIELD_TEXTS:
		read_list(reader, field->key, value, place, NULL);
		break;
	case FIELD_DIRECTION:
		choice = read_choice(reader, field->key, value, directions);
		row->direction = choice < 0 ? CATALOG_OUTBOUND : (enum catalog_direction)choice;
		break;
	case FIELD_STATE:
		choice = read_choice(reader, field->key, value, states);
		row->state = choice < 0 ? CATALOG_PUBLISHED : (enum catalog_state)choice;
		break;
	case FIELD_SOURCE:
		read_source(reader, value, row);
		break;
	}
}

/* Once feature and id are there, the row is called by them. */
static void name_row(struct reader *reader, const struct catalog_row *row)
{
	char key[3 * WORD_MAX + 3];

	if (!*row->feature || !*row->id)
		return;
	snprintf(key, sizeof(key), "%s/%s/%s", row->service, row->feature, row->id);
	if (strlen(key) >= KEY_MAX)
		fault(reader, "", "the key %s is longer than %d characters", key, KEY_MAX - 1);
	else
		snprintf(reader->where, sizeof(reader->where), "%s", key);
}

/* What makes no sense together would be passed over in silence later. */
static void check_row(struct reader *reader, const struct catalog_row *row)
{
	const char *direction = directions[row->direction];

	if (row->direction == CATALOG_INBOUND && (row->urls.count || row->port_count))
		fault(reader, row->urls.count ? "urls" : "tcpPorts",
		      "an inbound row holds the addresses that call; its port is the configuration's, and names cannot be looked up");
	if ((row->direction == CATALOG_PEER || row->direction == CATALOG_MAIL) && (row->urls.count || row->ips.count))
		fault(reader, row->urls.count ? "urls" : "ips", "a row of direction %s opens no address; \"outbound\" does",
		      direction);
	if (row->direction == CATALOG_OUTBOUND && row->port_count && !row->urls.count && !row->ips.count)
		fault(reader, "", "has ports and neither urls nor ips");
}

static void read_members(struct reader *reader, json_t *object, struct catalog_row *row)
{
	for (size_t i = 0; i < ROW_FIELDS; i++) {
		json_t *value = json_object_get(object, row_fields[i].key);

		if (value)
			read_field(reader, &row_fields[i], value, row);
		else if (row_fields[i].mandatory)
			fault(reader, "", "the key \"%s\" is missing", row_fields[i].key);
		if (strcmp(row_fields[i].key, "id") == 0)
			name_row(reader, row);
	}
}

static void read_row(struct reader *reader, json_t *object, size_t index, const char *service, size_t folder)
{
	struct catalog_read *read = reader->read;
	struct catalog_read_row item = {
		.row = { .service = service, .feature = "", .id = "", .title = "", .notes = "", .see_also = "",
			 .category = "", .document = "", .section = "", .as_of = "", .until = "", .file = reader->file },
		.folder = folder,
		.order = read->rows.count,
	};
	const char *keys[ROW_FIELDS + 1] = { NULL };

	for (size_t i = 0; i < ROW_FIELDS; i++)
		keys[i] = row_fields[i].key;
	snprintf(reader->where, sizeof(reader->where), "rows[%zu]", index);
	if (!json_is_object(object)) {
		fault(reader, "", "is %s; an object is expected", json_kind(object));
		return;
	}
	reader->ports.count = 0;
	read_members(reader, object, &item.row);
	refuse_unknown_keys(reader, object, keys, ROW_FIELDS);
	item.row.port_count = reader->ports.count;
	item.row.ports = kept(reader, policy_list_keep(&reader->ports, read->arena));
	check_row(reader, &item.row);
	kept(reader, policy_list_add(&read->rows, &item));
}

static void read_service(struct reader *reader, json_t *root, size_t folder)
{
	struct catalog_read_service service = { NULL, NULL };
	const json_t *rows, *name, *title;

	refuse_unknown_keys(reader, root, service_keys, count_keys(service_keys));
	name = member(reader, root, "service");
	service.name = name ? read_word(reader, "service", name) : NULL;
	title = member(reader, root, "title");
	service.title = title ? read_text(reader, "title", title) : NULL;
	rows = member(reader, root, "rows");
	if (rows && !json_is_array(rows))
		fault(reader, "rows", "is %s; a list is expected", json_kind(rows));
	if (!service.name || !service.title)
		return;
	service.title = keep_text(reader, service.title);
	kept(reader, policy_list_add(&reader->read->services, &service));
	for (size_t i = 0; i < json_array_size(rows) && !reader->out_of_memory; i++)
		read_row(reader, json_array_get(rows, i), i, service.name, folder);
	reader->where[0] = '\0';
}

/* A text of an object in a list, which must be there. */
static const char *read_member_text(struct reader *reader, const json_t *object, const char *key)
{
	const json_t *value = member(reader, object, key);
	const char *text = value ? read_text(reader, key, value) : NULL;

	return text ? keep_text(reader, text) : "";
}

/* An empty list of aliases is lawful. */
static void read_aliases(struct reader *reader, const json_t *object, struct catalog_list *out)
{
	const json_t *value = member(reader, object, "aliases");

	if (value && !(json_is_array(value) && json_array_size(value) == 0))
		read_list(reader, "aliases", value, out, NULL);
}

static void read_region(struct reader *reader, const json_t *object)
{
	struct catalog_read_region item = { .file = reader->file };

	item.region.name = read_member_text(reader, object, "name");
	read_aliases(reader, object, &item.region.aliases);
	kept(reader, policy_list_add(&reader->read->regions, &item));
}

static void read_tenant(struct reader *reader, const json_t *object)
{
	struct catalog_read_tenant item = { .file = reader->file };
	const json_t *prefixes = member(reader, object, "prefixes");

	item.tenant.location = read_member_text(reader, object, "location");
	item.tenant.region = read_member_text(reader, object, "region");
	read_aliases(reader, object, &item.tenant.aliases);
	if (prefixes)
		read_list(reader, "prefixes", prefixes, &item.tenant.prefixes, NULL);
	kept(reader, policy_list_add(&reader->read->tenants, &item));
}

static void read_objects(struct reader *reader, const json_t *root, const char *key, const char *const *keys,
			 void (*one)(struct reader *, const json_t *))
{
	const json_t *list = json_object_get(root, key);

	if (list && !json_is_array(list))
		fault(reader, key, "is %s; a list is expected", json_kind(list));
	for (size_t i = 0; i < json_array_size(list) && !reader->out_of_memory; i++) {
		json_t *object = json_array_get(list, i);

		snprintf(reader->where, sizeof(reader->where), "%s[%zu]", key, i);
		if (!json_is_object(object)) {
			fault(reader, "", "is %s; an object is expected", json_kind(object));
			continue;
		}
		refuse_unknown_keys(reader, object, keys, count_keys(keys));
		one(reader, object);
	}
	reader->where[0] = '\0';
}

static void read_root(struct reader *reader, json_t *root, size_t folder)
{
	const json_t *format;

	if (!json_is_object(root)) {
		fault(reader, "", "holds %s; a catalog file is an object", json_kind(root));
		return;
	}
	format = member(reader, root, "format");
	if (format && (!json_is_integer(format) || json_integer_value(format) != 1)) {
		fault(reader, "format", "is not 1, the only format that this version reads");
		return;
	}
	if (json_object_get(root, "regions") || json_object_get(root, "tenants")) {
		refuse_unknown_keys(reader, root, region_file_keys, count_keys(region_file_keys));
		read_objects(reader, root, "regions", region_keys, read_region);
		read_objects(reader, root, "tenants", tenant_keys, read_tenant);
	} else {
		read_service(reader, root, folder);
	}
}

/* The whole file, at most FILE_BYTES_MAX octets; NULL with errno. */
static char *slurp(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0;
	char *text = NULL;
	struct stat info;
	ssize_t got = 1;

	*length = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &info))
		error = errno;
	else if (!S_ISREG(info.st_mode))
		error = EINVAL;
	else if (info.st_size > FILE_BYTES_MAX)
		error = EFBIG;
	else if (!(text = malloc((size_t)info.st_size + 1)))
		error = ENOMEM;
	while (!error && got > 0 && *length < (size_t)info.st_size) {
		got = read(fd, text + *length, (size_t)info.st_size - *length);
		if (got < 0 && errno != EINTR)
			error = errno;
		*length += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	if (error) {
		free(text);
		text = NULL;
		errno = error;
	}
	return text;
}

static void tell_unreadable(struct reader *reader, int error)
{
	if (error == EFBIG)
		fault(reader, "", "is larger than 16 MiB; a catalog file is refused beyond that");
	else if (error == EINVAL)
		fault(reader, "", "is not a regular file");
	else
		fault(reader, "", "cannot be read: %s", strerror(error));
}

static json_t *parse(struct reader *reader, const char *text, size_t length)
{
	json_error_t error;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

	if (!root) {
		reader->faults++;
		problem_add(reader->read->problems, PROBLEM_ERROR, reader->file,
			    error.line > 0 ? (unsigned int)error.line : 0, "", "not JSON: %s",
			    error.text);
	}
	return root;
}

int catalog_read_file(struct catalog_read *read, const char *path, size_t folder)
{
	struct reader reader = { .read = read, .ports = POLICY_LIST_OF(struct value_ports) };
	json_t *root = NULL;
	size_t length;
	char *text;

	reader.file = arena_strdup(read->arena, path);
	if (!reader.file)
		return -ENOMEM;
	text = slurp(path, &length);
	if (text)
		root = parse(&reader, text, length);
	else if (errno == ENOMEM)
		reader.out_of_memory = true;
	else
		tell_unreadable(&reader, errno);
	free(text);
	if (root)
		read_root(&reader, root, folder);
	json_decref(root);
	policy_list_clear(&reader.ports);
	if (reader.faults > FILE_FAULTS_MAX)
		problem_add(read->problems, PROBLEM_ERROR, reader.file, 0, "", "%zu more errors in this file",
			    reader.faults - FILE_FAULTS_MAX);
	return reader.out_of_memory ? -ENOMEM : 0;
}
