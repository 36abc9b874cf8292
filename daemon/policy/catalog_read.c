/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/catalog_read.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "dns/pattern.h"
#include "policy/catalog_field.h"

/* One file while it is read. */
struct file {
	struct catalog_field_reader reader;
	struct catalog_read *read;
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
static const char *const source_keys[] = { "document", "section", "version", NULL };
static const char *const service_keys[] = { "format", "service", "title", "rows", NULL };
static const char *const region_file_keys[] = { "format", "regions", "tenants", NULL };
static const char *const region_keys[] = { "name", "aliases", NULL };
static const char *const tenant_keys[] = { "location", "aliases", "prefixes", "region", NULL };

static void check_url(struct catalog_field_reader *reader, const char *field, const json_t *item)
{
	const char *text = json_string_value(item), *why;

	if (pattern_check(text, &why))
		catalog_field_fault(reader, field, "\"%.150s\": %s", text, why);
}

static void check_cloud(struct catalog_field_reader *reader, const char *field, const json_t *item)
{
	catalog_field_choice(reader, field, item, clouds);
}

static void read_ips(struct file *file, const char *field, const json_t *value, struct catalog_row *row)
{
	struct value_range *ranges;

	catalog_field_list(&file->reader, field, value, &row->ips, NULL);
	ranges = catalog_field_kept(&file->reader, arena_array(file->read->arena, row->ips.count, sizeof(*ranges)));
	for (size_t i = 0; ranges && i < row->ips.count; i++) {
		char name[64], right[VALUE_RANGE_TEXT_SIZE];
		enum value_mended mended = VALUE_AS_WRITTEN;
		const char *why = "";

		if (!*row->ips.items[i]) /* told already */
			continue;
		snprintf(name, sizeof(name), "%s[%zu]", field, i);
		if (value_range_from_text(row->ips.items[i], &ranges[i], &mended, &why))
			catalog_field_fault(&file->reader, name, "\"%.150s\": %s", row->ips.items[i], why);
		else if (mended == VALUE_HOST_BITS)
			catalog_field_fault(&file->reader, name,
					    "\"%.150s\" has bits set beyond its prefix; %s would be right",
					    row->ips.items[i], value_range_to_text(&ranges[i], right));
	}
	row->ranges = ranges;
}

static void read_port(struct file *file, const char *field, const char *proto, const char *item, size_t length)
{
	struct value_ports ports;
	char text[32];
	const char *why = "a port or a range of ports is expected";

	if (length < 16) {
		snprintf(text, sizeof(text), "%s/%.*s", proto, (int)length, item);
		if (value_ports_from_text(text, &ports, &why) == 0) {
			catalog_field_kept(&file->reader, policy_list_add(&file->ports, &ports));
			return;
		}
	}
	catalog_field_fault(&file->reader, field, "\"%.150s\": %s; a list like \"80,443,5671-5672\" is expected", item,
			    why);
}

static void read_ports(struct file *file, const char *field, const json_t *value, const char *proto)
{
	const char *text = catalog_field_text(&file->reader, field, value);

	while (text) {
		size_t length = strcspn(text, ",");

		read_port(file, field, proto, text, length);
		text = text[length] ? text + length + 1 : NULL;
	}
}

static void read_source(struct file *file, json_t *value, struct catalog_row *row)
{
	const json_t *document, *section, *version;
	const char *text;

	if (!json_is_object(value)) {
		catalog_field_fault(&file->reader, "source",
				    "is %s; an object with \"document\" and \"section\" is expected",
				    catalog_field_kind(value));
		return;
	}
	catalog_field_refuse_unknown(&file->reader, value, source_keys);
	document = catalog_field_member(&file->reader, value, "document");
	section = catalog_field_member(&file->reader, value, "section");
	text = document ? catalog_field_text(&file->reader, "source.document", document) : NULL;
	if (text)
		row->document = catalog_field_keep(&file->reader, text);
	text = section ? catalog_field_text(&file->reader, "source.section", section) : NULL;
	if (text)
		row->section = catalog_field_keep(&file->reader, text);
	version = json_object_get(value, "version");
	text = version ? catalog_field_text(&file->reader, "source.version", version) : NULL;
	if (text)
		row->version = catalog_field_keep(&file->reader, text);
}

static void set_text(const char **place, const char *text)
{
	if (text)
		*place = text;
}

static void read_field(struct file *file, const struct field *field, json_t *value, struct catalog_row *row)
{
	void *place = (char *)row + field->offset;
	const char *text;
	int choice;

	switch (field->kind) {
	case FIELD_WORD:
		set_text(place, catalog_field_word(&file->reader, field->key, value));
		break;
	case FIELD_TEXT:
		text = catalog_field_text(&file->reader, field->key, value);
		set_text(place, text ? catalog_field_keep(&file->reader, text) : NULL);
		break;
	case FIELD_DATE:
		set_text(place, catalog_field_date(&file->reader, field->key, value));
		break;
	case FIELD_CATEGORY:
		choice = catalog_field_choice(&file->reader, field->key, value, categories);
		set_text(place, choice < 0 ? NULL : categories[choice]);
		break;
	case FIELD_FLAG:
		*(bool *)place = catalog_field_flag(&file->reader, field->key, value);
		break;
	case FIELD_URLS:
		catalog_field_list(&file->reader, field->key, value, place, check_url);
		break;
	case FIELD_IPS:
		read_ips(file, field->key, value, row);
		break;
	case FIELD_TCP:
		read_ports(file, field->key, value, "tcp");
		break;
	case FIELD_UDP:
		read_ports(file, field->key, value, "udp");
		break;
	case FIELD_CLOUDS:
		catalog_field_list(&file->reader, field->key, value, place, check_cloud);
		break;
	case FIELD_TEXTS:
		catalog_field_list(&file->reader, field->key, value, place, NULL);
		break;
	case FIELD_DIRECTION:
		choice = catalog_field_choice(&file->reader, field->key, value, directions);
		row->direction = choice < 0 ? CATALOG_OUTBOUND : (enum catalog_direction)choice;
		break;
	case FIELD_STATE:
		choice = catalog_field_choice(&file->reader, field->key, value, states);
		row->state = choice < 0 ? CATALOG_PUBLISHED : (enum catalog_state)choice;
		break;
	case FIELD_SOURCE:
		read_source(file, value, row);
		break;
	}
}

/* Once feature and id are there, the row is called by them. */
static void name_row(struct file *file, const struct catalog_row *row)
{
	char key[3 * LIMIT_CATALOG_WORD + 3];

	if (!*row->feature || !*row->id)
		return;
	snprintf(key, sizeof(key), "%s/%s/%s", row->service, row->feature, row->id);
	if (strlen(key) >= LIMIT_CATALOG_KEY)
		catalog_field_fault(&file->reader, "", "the key %s is longer than %d characters", key,
				    LIMIT_CATALOG_KEY - 1);
	else
		snprintf(file->reader.where, sizeof(file->reader.where), "%s", key);
}

/* What makes no sense together would be passed over in silence later. */
static void check_row(struct file *file, const struct catalog_row *row)
{
	const char *direction = directions[row->direction];

	if (row->direction == CATALOG_INBOUND && (row->urls.count || row->port_count))
		catalog_field_fault(&file->reader, row->urls.count ? "urls" : "tcpPorts",
				    "an inbound row holds the addresses that call; its port is the configuration's, "
				    "and names cannot be looked up");
	if ((row->direction == CATALOG_PEER || row->direction == CATALOG_MAIL) && (row->urls.count || row->ips.count))
		catalog_field_fault(&file->reader, row->urls.count ? "urls" : "ips",
				    "a row of direction %s opens no address; \"outbound\" does", direction);
	if (row->direction == CATALOG_OUTBOUND && row->port_count && !row->urls.count && !row->ips.count)
		catalog_field_fault(&file->reader, "", "has ports and neither urls nor ips");
}

static void read_members(struct file *file, json_t *object, struct catalog_row *row)
{
	for (size_t i = 0; i < ROW_FIELDS; i++) {
		json_t *value = json_object_get(object, row_fields[i].key);

		if (value)
			read_field(file, &row_fields[i], value, row);
		else if (row_fields[i].mandatory)
			catalog_field_fault(&file->reader, "", "the key \"%s\" is missing", row_fields[i].key);
		if (strcmp(row_fields[i].key, "id") == 0)
			name_row(file, row);
	}
}

static void read_row(struct file *file, json_t *object, size_t index, const char *service, size_t folder)
{
	struct catalog_read *read = file->read;
	struct catalog_read_row item = {
		.row = { .service = service,
			 .feature = "",
			 .id = "",
			 .title = "",
			 .notes = "",
			 .see_also = "",
			 .category = "",
			 .document = "",
			 .section = "",
			 .version = "",
			 .as_of = "",
			 .until = "",
			 .file = file->reader.file },
		.folder = folder,
		.order = read->rows.count,
	};
	const char *keys[ROW_FIELDS + 1] = { NULL };

	for (size_t i = 0; i < ROW_FIELDS; i++)
		keys[i] = row_fields[i].key;
	snprintf(file->reader.where, sizeof(file->reader.where), "rows[%zu]", index);
	if (!json_is_object(object)) {
		catalog_field_fault(&file->reader, "", "is %s; an object is expected", catalog_field_kind(object));
		return;
	}
	file->ports.count = 0;
	read_members(file, object, &item.row);
	catalog_field_refuse_unknown(&file->reader, object, keys);
	item.row.port_count = file->ports.count;
	item.row.ports = catalog_field_kept(&file->reader, policy_list_keep(&file->ports, read->arena));
	check_row(file, &item.row);
	catalog_field_kept(&file->reader, policy_list_add(&read->rows, &item));
}

static void read_service(struct file *file, json_t *root, size_t folder)
{
	struct catalog_read_service service = { NULL, NULL };
	const json_t *rows, *name, *title;

	catalog_field_refuse_unknown(&file->reader, root, service_keys);
	name = catalog_field_member(&file->reader, root, "service");
	service.name = name ? catalog_field_word(&file->reader, "service", name) : NULL;
	title = catalog_field_member(&file->reader, root, "title");
	service.title = title ? catalog_field_text(&file->reader, "title", title) : NULL;
	rows = catalog_field_member(&file->reader, root, "rows");
	if (rows && !json_is_array(rows))
		catalog_field_fault(&file->reader, "rows", "is %s; a list is expected", catalog_field_kind(rows));
	if (!service.name || !service.title)
		return;
	service.title = catalog_field_keep(&file->reader, service.title);
	catalog_field_kept(&file->reader, policy_list_add(&file->read->services, &service));
	for (size_t i = 0; i < json_array_size(rows) && !file->reader.out_of_memory; i++) {
		if (file->read->rows.count == LIMIT_CATALOG_ROWS) {
			file->reader.where[0] = '\0';
			catalog_field_fault(&file->reader, "rows", "the catalog has more than %d rows",
					    LIMIT_CATALOG_ROWS);
			break;
		}
		read_row(file, json_array_get(rows, i), i, service.name, folder);
	}
	file->reader.where[0] = '\0';
}

/* A text of an object in a list, which must be there. */
static const char *read_member_text(struct file *file, const json_t *object, const char *key)
{
	const json_t *value = catalog_field_member(&file->reader, object, key);
	const char *text = value ? catalog_field_text(&file->reader, key, value) : NULL;

	return text ? catalog_field_keep(&file->reader, text) : "";
}

/* An empty list of aliases is lawful. */
static void read_aliases(struct file *file, const json_t *object, struct catalog_list *out)
{
	const json_t *value = catalog_field_member(&file->reader, object, "aliases");

	if (value && !(json_is_array(value) && json_array_size(value) == 0))
		catalog_field_list(&file->reader, "aliases", value, out, NULL);
}

static void read_region(struct file *file, const json_t *object)
{
	struct catalog_read_region item = { .file = file->reader.file };

	item.region.name = read_member_text(file, object, "name");
	read_aliases(file, object, &item.region.aliases);
	catalog_field_kept(&file->reader, policy_list_add(&file->read->regions, &item));
}

static void read_tenant(struct file *file, const json_t *object)
{
	struct catalog_read_tenant item = { .file = file->reader.file };
	const json_t *prefixes = catalog_field_member(&file->reader, object, "prefixes");

	item.tenant.location = read_member_text(file, object, "location");
	item.tenant.region = read_member_text(file, object, "region");
	read_aliases(file, object, &item.tenant.aliases);
	if (prefixes)
		catalog_field_list(&file->reader, "prefixes", prefixes, &item.tenant.prefixes, NULL);
	catalog_field_kept(&file->reader, policy_list_add(&file->read->tenants, &item));
}

static void read_objects(struct file *file, const json_t *root, const char *key, const char *const *keys,
			 void (*one)(struct file *, const json_t *))
{
	const json_t *list = json_object_get(root, key);

	if (list && !json_is_array(list))
		catalog_field_fault(&file->reader, key, "is %s; a list is expected", catalog_field_kind(list));
	for (size_t i = 0; i < json_array_size(list) && !file->reader.out_of_memory; i++) {
		json_t *object = json_array_get(list, i);

		snprintf(file->reader.where, sizeof(file->reader.where), "%s[%zu]", key, i);
		if (!json_is_object(object)) {
			catalog_field_fault(&file->reader, "", "is %s; an object is expected",
					    catalog_field_kind(object));
			continue;
		}
		catalog_field_refuse_unknown(&file->reader, object, keys);
		one(file, object);
	}
	file->reader.where[0] = '\0';
}

static void read_root(struct file *file, json_t *root, size_t folder)
{
	const json_t *format;

	if (!json_is_object(root)) {
		catalog_field_fault(&file->reader, "", "holds %s; a catalog file is an object",
				    catalog_field_kind(root));
		return;
	}
	format = catalog_field_member(&file->reader, root, "format");
	if (format && (!json_is_integer(format) || json_integer_value(format) != 1)) {
		catalog_field_fault(&file->reader, "format", "is not 1, the only format that this version reads");
		return;
	}
	if (json_object_get(root, "regions") || json_object_get(root, "tenants")) {
		catalog_field_refuse_unknown(&file->reader, root, region_file_keys);
		read_objects(file, root, "regions", region_keys, read_region);
		read_objects(file, root, "tenants", tenant_keys, read_tenant);
	} else {
		read_service(file, root, folder);
	}
}

/* The whole file, at most LIMIT_CATALOG_FILE octets; NULL with errno. */
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
	else if (info.st_size > LIMIT_CATALOG_FILE)
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

static void tell_unreadable(struct file *file, int error)
{
	if (error == EFBIG)
		catalog_field_fault(&file->reader, "", "is larger than 16 MiB; a catalog file is refused beyond that");
	else if (error == EINVAL)
		catalog_field_fault(&file->reader, "", "is not a regular file");
	else
		catalog_field_fault(&file->reader, "", "cannot be read: %s", strerror(error));
}

static json_t *parse(struct file *file, const char *text, size_t length)
{
	json_error_t error;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

	if (!root) {
		file->reader.faults++;
		problem_add(file->read->problems, PROBLEM_ERROR, file->reader.file,
			    error.line > 0 ? (unsigned int)error.line : 0, "", "not JSON: %s", error.text);
	}
	return root;
}

int catalog_read_file(struct catalog_read *read, const char *path, size_t folder)
{
	struct file file = {
		.reader = { .arena = read->arena, .problems = read->problems, .file = arena_strdup(read->arena, path) },
		.read = read,
		.ports = POLICY_LIST_OF(struct value_ports)
	};
	json_t *root = NULL;
	size_t length;
	char *text;

	if (!file.reader.file)
		return -ENOMEM;
	text = slurp(path, &length);
	if (text) {
		read->sum = hash_bytes(&(struct hash_key) { read->sum, 0 }, text, length);
		root = parse(&file, text, length);
	} else if (errno == ENOMEM)
		file.reader.out_of_memory = true;
	else
		tell_unreadable(&file, errno);
	free(text);
	if (root)
		read_root(&file, root, folder);
	json_decref(root);
	policy_list_clear(&file.ports);
	if (file.reader.faults > LIMIT_CATALOG_FAULTS)
		problem_add(read->problems, PROBLEM_ERROR, file.reader.file, 0, "", "%zu more errors in this file",
			    file.reader.faults - LIMIT_CATALOG_FAULTS);
	return file.reader.out_of_memory ? -ENOMEM : 0;
}

struct catalog_read catalog_read_begin(struct arena *arena, struct problems *problems)
{
	return (struct catalog_read) {
		.arena = arena,
		.problems = problems,
		.rows = POLICY_LIST_OF(struct catalog_read_row),
		.services = POLICY_LIST_OF(struct catalog_read_service),
		.regions = POLICY_LIST_OF(struct catalog_read_region),
		.tenants = POLICY_LIST_OF(struct catalog_read_tenant),
	};
}

void catalog_read_end(struct catalog_read *read)
{
	policy_list_clear(&read->rows);
	policy_list_clear(&read->services);
	policy_list_clear(&read->regions);
	policy_list_clear(&read->tenants);
}
