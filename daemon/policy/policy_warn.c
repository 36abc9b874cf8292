/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_warn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "policy/policy_text.h"

static bool has_addresses(const struct catalog_row *row)
{
	return row->urls.count || row->ips.count;
}

static void warn(const struct policy_input *input, const struct config_entry *entry, const char *text)
{
	policy_input_tell(input, PROBLEM_WARNING, entry, entry->service.line, "service", "%s", text);
}

/* The row's names that have a '*' in them, or all. Freed by the caller. */
static char *join_names(const struct catalog_row *row, bool wildcards)
{
	struct policy_list words = POLICY_LIST_OF(const char *);
	char *text;

	for (size_t i = 0; i < row->urls.count; i++)
		if (!wildcards || strchr(row->urls.items[i], '*'))
			policy_text_add_word(&words, row->urls.items[i]);
	text = policy_text_join(&words);
	policy_list_clear(&words);
	return text;
}

static void write_ports(FILE *out, const struct catalog_row *row)
{
	char text[VALUE_PORTS_TEXT_SIZE];

	for (size_t i = 0; i < row->port_count; i++)
		fprintf(out, "%s%s", i ? ", " : "", value_ports_to_text(&row->ports[i], text));
}

static void write_flags(FILE *out, const struct catalog_row *row)
{
	char *names = join_names(row, true);

	if (row->rentable)
		fprintf(out, "anybody can rent a name that matches %s; `rentable = false` leaves this row out",
			names ? names : "?");
	else
		fprintf(out, "%s opens a whole company's names; without `broad = true` this row is left out",
			names ? names : "?");
	free(names);
}

/* What stands in the row instead of addresses. */
static void write_nothing_to_open(FILE *out, const struct catalog_row *row)
{
	switch (row->direction) {
	case CATALOG_PEER:
		fputs("is traffic among your own devices (", out);
		write_ports(out, row);
		fputs("): no rule is made of it; where peers are in different networks, `local` decides", out);
		break;
	case CATALOG_MAIL:
		fputs("is about mail: no rule is made of it", out);
		break;
	case CATALOG_OUTBOUND:
	case CATALOG_INBOUND:
		fprintf(out, "\"%s\" lists no addresses here", row->title);
		break;
	}
	if (*row->see_also)
		fprintf(out, "; see %s", row->see_also);
}

static void write_past(FILE *out, const struct catalog_row *row)
{
	char *names = join_names(row, false);

	fprintf(out, "its document says that this ends on %s, which is past", row->until);
	if (names && row->urls.count)
		fprintf(out, ": %s", names);
	free(names);
}

/* One warning about one row, made by `write`. */
static int warn_row(const struct policy_input *input, const struct config_entry *entry, const struct catalog_row *row,
		    void (*write)(FILE *, const struct catalog_row *))
{
	char key[LIMIT_CATALOG_KEY], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	fprintf(out, "%s: ", catalog_row_key(row, key, sizeof(key)));
	write(out, row);
	fclose(out);
	if (text)
		warn(input, entry, text);
	free(text);
	return text ? 0 : -ENOMEM;
}

static int warn_of_row(const struct policy_input *input, const struct config_entry *entry,
		       const struct catalog_row *row)
{
	int result = 0;

	if (row->rentable || row->broad)
		result = warn_row(input, entry, row, write_flags);
	if (!result && !has_addresses(row))
		result = warn_row(input, entry, row, write_nothing_to_open);
	if (!result && *row->until && input->today && strcmp(row->until, input->today) < 0)
		result = warn_row(input, entry, row, write_past);
	return result;
}

/* The same day of the year before, to compare dates with as text. */
static bool year_before(const char *today, char out[16])
{
	unsigned long year = today ? strtoul(today, NULL, 10) : 0;

	if (year == 0 || strlen(today) != 10)
		return false;
	snprintf(out, 16, "%04lu%.6s", (year - 1) % 10000, today + 4);
	return true;
}

static bool same_edition(const struct catalog_row *a, const struct catalog_row *b)
{
	return strcmp(a->as_of, b->as_of) == 0 && strcmp(a->document, b->document) == 0;
}

/* By edition, then in the catalog's order: the rows of one service are one array. */
static int compare_editions(const void *left, const void *right)
{
	const struct catalog_row *a = *(const struct catalog_row *const *)left;
	const struct catalog_row *b = *(const struct catalog_row *const *)right;
	int order = strcmp(a->as_of, b->as_of);

	if (!order)
		order = strcmp(a->document, b->document);
	return order ? order : (a > b) - (a < b);
}

/* Of sources, the notes of all rows tell how much is missing. */
static int write_notes(FILE *out, const struct policy_selection *selection)
{
	struct policy_list notes = POLICY_LIST_OF(const char *);
	int result = 0;

	for (size_t i = 0; i < selection->count && !result; i++)
		if (*selection->rows[i]->notes)
			result = policy_text_add_word(&notes, selection->rows[i]->notes);
	fputs("; calls from addresses that were added since are refused", out);
	for (size_t i = 0; i < notes.count; i++) {
		const char *note = *(const char **)policy_list_at(&notes, i);
		size_t length = strlen(note);

		fprintf(out, ". %.*s", (int)(note[length - 1] == '.' ? length - 1 : length), note);
	}
	policy_list_clear(&notes);
	return result;
}

/* `count` rows of one edition of a document, told as "feature/id, ...". */
static int warn_old_edition(const struct policy_input *input, const struct config_entry *entry,
			    const struct policy_selection *selection, const struct catalog_row *const *rows,
			    size_t count)
{
	char *keys = NULL;
	size_t size;
	FILE *out = open_memstream(&keys, &size);
	int result = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s/%s", i ? ", " : "", rows[i]->feature, rows[i]->id);
	if (entry->inbound)
		result = write_notes(out, selection);
	fclose(out);
	if (keys && !result)
		policy_input_tell(input, PROBLEM_WARNING, entry, entry->service.line, "service",
				  "%zu row%s of %s %s as of %s, more than a year ago (%s): %s", count,
				  count == 1 ? "" : "s", rows[0]->service, count == 1 ? "is" : "are", rows[0]->as_of,
				  rows[0]->document, keys);
	free(keys);
	return keys ? result : -ENOMEM;
}

static int warn_old(const struct policy_input *input, const struct config_entry *entry,
		    const struct policy_selection *selection)
{
	const struct catalog_row **rows = calloc(selection->count + 1, sizeof(struct catalog_row *));
	char limit[16];
	size_t count = 0;
	int result = 0;

	if (!rows)
		return -ENOMEM;
	if (year_before(input->today, limit))
		for (size_t i = 0; i < selection->count; i++)
			if (has_addresses(selection->rows[i]) && strcmp(selection->rows[i]->as_of, limit) < 0)
				rows[count++] = selection->rows[i];
	qsort(rows, count, sizeof(struct catalog_row *), compare_editions);
	for (size_t i = 0, end; i < count && !result; i = end) {
		for (end = i; end < count && same_edition(rows[end], rows[i]); end++)
			;
		result = warn_old_edition(input, entry, selection, rows + i, end - i);
	}
	free(rows);
	return result;
}

static bool has_family(const struct config_ranges *ranges, uint8_t family)
{
	for (unsigned int i = 0; i < ranges->count; i++)
		if (ranges->items[i].first.family == family)
			return true;
	return false;
}

static bool rows_have_family(const struct policy_selection *selection, uint8_t family)
{
	for (size_t i = 0; i < selection->count; i++)
		for (size_t k = 0; k < selection->rows[i]->ips.count; k++)
			if (selection->rows[i]->ranges[k].first.family == family)
				return true;
	return false;
}

/* A dual-stack server whose callers are all of one family is closed to the other. */
static void warn_unreachable(const struct policy_input *input, const struct config_entry *entry,
			     const struct policy_selection *selection)
{
	static const uint8_t families[] = { IPADDR_V4, IPADDR_V6 };

	for (size_t i = 0; i < 2; i++)
		if (has_family(&entry->to, families[i]) && !has_family(&entry->addresses, families[i]) &&
		    !has_family(&entry->also, families[i]) && !rows_have_family(selection, families[i]))
			policy_input_tell(
				input, PROBLEM_WARNING, entry, entry->to.line, "to",
				"no source of this entry is an IPv%u address, so nobody reaches the IPv%u addresses "
				"in `to` on its ports; `also` names sources that keep access",
				families[i], families[i]);
}

/* "connectors" and "connectors-live". */
static bool selects_feature(const struct policy_selection *selection, const char *feature)
{
	for (size_t i = 0; i < selection->count; i++)
		if (has_addresses(selection->rows[i]) &&
		    strncmp(selection->rows[i]->feature, feature, strlen(feature)) == 0)
			return true;
	return false;
}

/* What people take the addresses of a cloud service for, and what they miss. */
static void warn_callers(const struct policy_input *input, const struct config_entry *entry,
			 const struct policy_selection *selection)
{
	bool connectors = selects_feature(selection, "connectors");
	bool actions = selects_feature(selection, "http-actions");

	if (connectors || actions)
		warn(input, entry,
		     "these addresses serve every tenant of the cloud, not yours alone: they are no authentication, "
		     "the server must know its callers itself");
	if (connectors && !actions)
		warn(input, entry,
		     "connectors are selected and no http-actions: HTTP actions of flows call from other addresses "
		     "(service tags LogicApps, PowerPlatformPlex, PowerPlatformInfra), which `nfqdnctl catalog import "
		     "service-tags FILE --select http-actions-live` brings");
}

int policy_warn_rows(const struct policy_input *input, const struct config_entry *entry,
		     const struct policy_selection *selection)
{
	int result = 0;

	for (size_t i = 0; i < selection->count && !result; i++)
		result = warn_of_row(input, entry, selection->rows[i]);
	if (entry->inbound && (!entry->service.text || selection->service))
		warn_unreachable(input, entry, selection);
	if (entry->inbound)
		warn_callers(input, entry, selection);
	return result ? result : warn_old(input, entry, selection);
}

/* "*.com": one label, and nothing but '*' before it. */
static bool opens_top_level(const char *name)
{
	size_t stars = strspn(name, "*.");
	const char *label = name + stars;
	size_t length = strcspn(label, ".");

	return stars && name[stars - 1] == '.' && length && (label[length] == '\0' || label[length + 1] == '\0');
}

void policy_warn_names(const struct policy_input *input, const struct config_entry *entry)
{
	for (size_t i = 0; i < entry->names.count; i++) {
		const struct config_text *name = &entry->names.items[i];
		char setting[32];

		snprintf(setting, sizeof(setting), "names[%zu]", i);
		if (opens_top_level(name->text))
			policy_input_tell(
				input, PROBLEM_WARNING, entry, name->line, setting,
				"\"%.150s\" opens a whole top-level domain: anybody can register a name that matches",
				name->text);
	}
}
