/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/catalog.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "policy/catalog_read.h"
#include "policy/policy_text.h"

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

static int is_catalog_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && ends_with(entry->d_name, ".json") && !ends_with(entry->d_name, "schema.json");
}

/* Not alphasort(): the order must not depend on the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(struct catalog_read *read, const char *folder, size_t index)
{
	struct dirent **files = NULL;
	int count = scandir(folder, &files, is_catalog_file, compare_names), result = 0;

	if (count < 0) {
		problem_add(read->problems, PROBLEM_ERROR, folder, 0, "", "the catalog folder cannot be read: %s",
			    errno == EACCES
				    ? "no permission for the user that nfqdnd runs as; a folder that it did not "
				      "have at its start needs more than a reload: restart nfqdnd"
				    : strerror(errno));
		return 0;
	}
	for (int i = 0; i < count; i++) {
		char *path = NULL;

		if (!result && asprintf(&path, "%s/%s", folder, files[i]->d_name) < 0) {
			path = NULL;
			result = -ENOMEM;
		}
		if (!result)
			result = catalog_read_file(read, path, index);
		free(path);
		free(files[i]);
	}
	free(files);
	return result;
}

static char folded(const char **text)
{
	while (**text == ' ' || **text == '-' || **text == '_')
		(*text)++;
	return **text ? (char)tolower((unsigned char)*(*text)++) : '\0';
}

static int compare_words(const char *a, const char *b)
{
	char one, other;

	do {
		one = folded(&a);
		other = folded(&b);
	} while (one && one == other);
	return (unsigned char)one - (unsigned char)other;
}

bool catalog_same_word(const char *a, const char *b)
{
	return compare_words(a, b) == 0;
}

/* Regions of one name become one, with all their aliases. */
static int merge_regions(struct catalog_read *read, struct catalog *catalog)
{
	struct catalog_region *out = arena_array(read->arena, read->regions.count, sizeof(*out));
	size_t count = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < read->regions.count; i++) {
		const struct catalog_region *one =
			&((struct catalog_read_region *)policy_list_at(&read->regions, i))->region;
		const char **items;
		size_t at = 0, total;

		while (at < count && !catalog_same_word(out[at].name, one->name))
			at++;
		total = out[at].aliases.count + one->aliases.count;
		items = arena_array(read->arena, total, sizeof(*items));
		if (!items)
			return -ENOMEM;
		for (size_t k = 0; k < total; k++)
			items[k] = k < out[at].aliases.count ? out[at].aliases.items[k]
							     : one->aliases.items[k - out[at].aliases.count];
		out[at].name = one->name;
		out[at].aliases = (struct catalog_list) { items, total };
		count += at == count;
	}
	catalog->regions = out;
	catalog->region_count = count;
	return 0;
}

/* A tenant location of a later file replaces the earlier one. */
static int merge_tenants(struct catalog_read *read, struct catalog *catalog)
{
	struct catalog_tenant *out = arena_array(read->arena, read->tenants.count, sizeof(*out));
	size_t count = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < read->tenants.count; i++) {
		const struct catalog_read_tenant *one = policy_list_at(&read->tenants, i);
		size_t at = 0;

		while (at < count && !catalog_same_word(out[at].location, one->tenant.location))
			at++;
		out[at] = one->tenant;
		count += at == count;
	}
	catalog->tenants = out;
	catalog->tenant_count = count;
	return 0;
}

struct spelling {
	const char *text;
	const char *owner; /* name of the region or tenant location */
	const char *file;
};

static int compare_spellings(const void *left, const void *right)
{
	const struct spelling *a = left, *b = right;
	int order = compare_words(a->text, b->text);

	return order ? order : compare_words(a->owner, b->owner);
}

static int add_spellings(struct policy_list *list, const char *name, const struct catalog_list *aliases,
			 const char *file)
{
	if (!policy_list_add(list, &(struct spelling) { name, name, file }))
		return -ENOMEM;
	for (size_t i = 0; i < aliases->count; i++)
		if (!policy_list_add(list, &(struct spelling) { aliases->items[i], name, file }))
			return -ENOMEM;
	return 0;
}

static void refuse_ambiguous(struct policy_list *spellings, struct problems *problems, const char *what)
{
	struct spelling *item = spellings->items;

	if (spellings->count > 1)
		qsort(item, spellings->count, sizeof(*item), compare_spellings);
	for (size_t i = 1; i < spellings->count; i++)
		if (catalog_same_word(item[i].text, item[i - 1].text) &&
		    !catalog_same_word(item[i].owner, item[i - 1].owner))
			problem_add(problems, PROBLEM_ERROR, item[i].file, 0, what,
				    "\"%.150s\" means both %.150s and %.150s; a spelling means one", item[i].text,
				    item[i - 1].owner, item[i].owner);
}

static int check_region_spellings(struct catalog_read *read)
{
	struct policy_list spellings = POLICY_LIST_OF(struct spelling);
	int result = 0;

	for (size_t i = 0; i < read->regions.count && !result; i++) {
		const struct catalog_read_region *one = policy_list_at(&read->regions, i);

		result = add_spellings(&spellings, one->region.name, &one->region.aliases, one->file);
	}
	if (!result)
		refuse_ambiguous(&spellings, read->problems, "regions");
	policy_list_clear(&spellings);
	return result;
}

static int check_tenant_spellings(struct catalog_read *read)
{
	struct policy_list spellings = POLICY_LIST_OF(struct spelling);
	int result = 0;

	for (size_t i = 0; i < read->tenants.count && !result; i++) {
		const struct catalog_read_tenant *one = policy_list_at(&read->tenants, i);

		result = add_spellings(&spellings, one->tenant.location, &one->tenant.aliases, one->file);
	}
	if (!result)
		refuse_ambiguous(&spellings, read->problems, "tenants");
	policy_list_clear(&spellings);
	return result;
}

static void tell_unknown_region(struct catalog_read *read, const struct catalog *catalog, const char *file,
				const char *setting, const char *spelling)
{
	struct policy_list names = POLICY_LIST_OF(const char *);
	char *lawful;

	for (size_t i = 0; i < catalog->region_count; i++)
		policy_text_add_word(&names, catalog->regions[i].name);
	lawful = policy_text_lawful(&names, spelling);
	problem_add(read->problems, PROBLEM_ERROR, file, 0, setting, "\"%.150s\" is no region%s", spelling,
		    lawful ? lawful : "");
	free(lawful);
	policy_list_clear(&names);
}

/* Spellings in rows become the regions' names. */
static int settle_row_regions(struct catalog_read *read, const struct catalog *catalog, struct catalog_row *row)
{
	const char **names = arena_array(read->arena, row->regions.count, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < row->regions.count; i++) {
		const struct catalog_region *region = catalog_find_region(catalog, row->regions.items[i]);
		char setting[200], key[LIMIT_CATALOG_KEY];

		names[i] = region ? region->name : row->regions.items[i];
		if (region || !*row->regions.items[i])
			continue;
		snprintf(setting, sizeof(setting), "%s.regions[%zu]", catalog_row_key(row, key, sizeof(key)), i);
		tell_unknown_region(read, catalog, row->file, setting, row->regions.items[i]);
	}
	row->regions.items = names;
	return 0;
}

static void settle_tenant_regions(struct catalog_read *read, const struct catalog *catalog)
{
	for (size_t i = 0; i < read->tenants.count; i++) {
		const struct catalog_read_tenant *one = policy_list_at(&read->tenants, i);

		if (!catalog_find_region(catalog, one->tenant.region))
			tell_unknown_region(read, catalog, one->file, "tenants", one->tenant.region);
	}
}

static int compare_keys(const struct catalog_row *a, const struct catalog_row *b)
{
	int order = strcmp(a->service, b->service);

	if (!order)
		order = strcmp(a->feature, b->feature);
	return order ? order : strcmp(a->id, b->id);
}

static int compare_read_rows(const void *left, const void *right)
{
	const struct catalog_read_row *a = left, *b = right;
	int order = compare_keys(&a->row, &b->row);

	return order ? order : (a->order > b->order) - (a->order < b->order);
}

static int compare_order(const void *left, const void *right)
{
	const struct catalog_read_row *a = left, *b = right;

	return (a->order > b->order) - (a->order < b->order);
}

static void tell_duplicate(struct problems *problems, const struct catalog_row *first, const struct catalog_row *second)
{
	char key[LIMIT_CATALOG_KEY];

	if (!*second->feature || !*second->id) /* told already */
		return;
	catalog_row_key(second, key, sizeof(key));
	if (strcmp(first->file, second->file) == 0)
		problem_add(problems, PROBLEM_ERROR, second->file, 0, key,
			    "stands twice in this file; a row's service, feature and id together are its key");
	else
		problem_add(problems, PROBLEM_ERROR, second->file, 0, key,
			    "stands in %s too; a row replaces one of an earlier folder, not of its own", first->file);
}

/* Of rows with one key the last folder's stays, in the first one's place. */
static void replace_rows(struct catalog_read *read)
{
	struct catalog_read_row *rows = read->rows.items;
	size_t kept = 0;

	if (read->rows.count > 1)
		qsort(rows, read->rows.count, sizeof(*rows), compare_read_rows);
	for (size_t i = 0; i < read->rows.count; i++) {
		size_t order;

		if (kept == 0 || compare_keys(&rows[kept - 1].row, &rows[i].row) != 0) {
			rows[kept++] = rows[i];
			continue;
		}
		if (rows[kept - 1].folder == rows[i].folder)
			tell_duplicate(read->problems, &rows[kept - 1].row, &rows[i].row);
		order = rows[kept - 1].order;
		rows[kept - 1] = rows[i];
		rows[kept - 1].order = order;
	}
	read->rows.count = kept;
	if (kept > 1)
		qsort(rows, kept, sizeof(*rows), compare_order);
}

static int settle_rows(struct catalog_read *read, const struct catalog *catalog)
{
	int result = 0;

	replace_rows(read);
	for (size_t i = 0; i < read->rows.count && !result; i++) {
		struct catalog_read_row *one = policy_list_at(&read->rows, i);

		result = settle_row_regions(read, catalog, &one->row);
	}
	return result;
}

static int collect_service(struct catalog_read *read, struct catalog_service *service)
{
	const struct catalog_read_row *rows = read->rows.items;
	struct catalog_row *out;
	size_t count = 0;

	for (size_t i = 0; i < read->rows.count; i++)
		count += strcmp(rows[i].row.service, service->name) == 0;
	out = arena_array(read->arena, count, sizeof(*out));
	if (!out)
		return -ENOMEM;
	service->rows = out;
	service->row_count = count;
	for (size_t i = 0; i < read->rows.count; i++)
		if (strcmp(rows[i].row.service, service->name) == 0)
			*out++ = rows[i].row;
	return 0;
}

static int collect_services(struct catalog_read *read, struct catalog *catalog)
{
	struct catalog_service *out = arena_array(read->arena, read->services.count, sizeof(*out));
	size_t count = 0;
	int result = out ? 0 : -ENOMEM;

	for (size_t i = 0; i < read->services.count && !result; i++) {
		const struct catalog_read_service *one = policy_list_at(&read->services, i);
		size_t at = 0;

		while (at < count && strcmp(out[at].name, one->name) != 0)
			at++;
		out[at].name = one->name;
		out[at].title = one->title;
		if (at < count)
			continue;
		count++;
		result = collect_service(read, &out[at]);
	}
	catalog->services = out;
	catalog->service_count = count;
	return result;
}

static int put_together(struct catalog_read *read, struct catalog *catalog)
{
	int result = merge_regions(read, catalog);

	if (!result)
		result = merge_tenants(read, catalog);
	if (!result)
		result = check_region_spellings(read);
	if (!result)
		result = check_tenant_spellings(read);
	if (result)
		return result;
	settle_tenant_regions(read, catalog);
	catalog->sum = read->sum;
	result = settle_rows(read, catalog);
	return result ? result : collect_services(read, catalog);
}

struct catalog *catalog_load(struct arena *arena, const char *const *folders, size_t count, struct problems *problems)
{
	struct catalog_read read = catalog_read_begin(arena, problems);
	size_t errors = problems->errors;
	struct catalog *catalog = arena_alloc(arena, sizeof(*catalog));
	int result = catalog ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !result; i++)
		result = read_folder(&read, folders[i], i);
	if (!result)
		result = put_together(&read, catalog);
	if (result)
		problem_add(problems, PROBLEM_ERROR, "", 0, "", "out of memory while the catalog was read");
	catalog_read_end(&read);
	return problems->errors == errors ? catalog : NULL;
}

const struct catalog_service *catalog_find_service(const struct catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->service_count; i++)
		if (strcmp(catalog->services[i].name, name) == 0)
			return &catalog->services[i];
	return NULL;
}

const struct catalog_region *catalog_find_region(const struct catalog *catalog, const char *spelling)
{
	for (size_t i = 0; i < catalog->region_count; i++) {
		const struct catalog_region *region = &catalog->regions[i];

		if (catalog_same_word(region->name, spelling))
			return region;
		for (size_t k = 0; k < region->aliases.count; k++)
			if (catalog_same_word(region->aliases.items[k], spelling))
				return region;
	}
	return NULL;
}

static bool has_word(const struct catalog_list *list, const char *word)
{
	for (size_t i = 0; i < list->count; i++)
		if (catalog_same_word(list->items[i], word))
			return true;
	return false;
}

static bool share_word(const struct catalog_list *a, const struct catalog_list *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (has_word(a, b->items[i]))
			return true;
	return false;
}

static bool direction_fits(enum catalog_direction row, enum catalog_direction wanted)
{
	return (row == CATALOG_INBOUND) == (wanted == CATALOG_INBOUND);
}

bool catalog_row_selected(const struct catalog_row *row, const struct catalog_selection *selection)
{
	static const char *const public_cloud[] = { "public" };
	const struct catalog_list by_default = { public_cloud, 1 };
	const struct catalog_list *clouds = selection->clouds.count ? &selection->clouds : &by_default;

	if (row->state != CATALOG_PUBLISHED || !direction_fits(row->direction, selection->direction))
		return false;
	if (selection->features.count ? !has_word(&selection->features, row->feature) : row->opt_in)
		return false;
	if ((!row->required && !selection->optional) || (row->rentable && !selection->rentable) ||
	    (row->broad && !selection->broad))
		return false;
	if (!has_word(&row->clouds, "global") && !share_word(&row->clouds, clouds))
		return false;
	if (selection->regions.count && row->regions.count && !share_word(&row->regions, &selection->regions))
		return false;
	return !selection->scale_unit || !row->scale_units.count || has_word(&row->scale_units, selection->scale_unit);
}

const char *catalog_row_key(const struct catalog_row *row, char *out, size_t size)
{
	snprintf(out, size, "%s/%s/%s", row->service, row->feature, row->id);
	return out;
}
