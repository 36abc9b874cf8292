/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_warn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/interval.h"
#include "policy/policy_text.h"

/* Overlaps of one entry that are told one by one. */
#define OVERLAPS_TOLD 20

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

	fprintf(out, "its document says that this ends on %s, which is past: %s", row->until, names ? names : "?");
	free(names);
}

/* One warning about one row, made by `write`. */
static int warn_row(const struct policy_input *input, const struct config_entry *entry, const struct catalog_row *row,
		    void (*write)(FILE *, const struct catalog_row *))
{
	char key[160], *text = NULL;
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

static int warn_of_row(const struct policy_input *input, const struct config_entry *entry, const struct catalog_row *row)
{
	int result = 0;

	if (row->rentable || row->broad)
		result = warn_row(input, entry, row, write_flags);
	if (!result && row->urls.count == 0 && row->ips.count == 0)
		result = warn_row(input, entry, row, write_nothing_to_open);
	if (!result && *row->until && input->today && strcmp(row->until, input->today) < 0)
		result = warn_row(input, entry, row, write_past);
	return result;
}

/* The same day of the year before, to compare dates with as text. */
static bool year_before(const char *today, char out[16])
{
	unsigned int year;

	if (!today || sscanf(today, "%4u-", &year) != 1 || strlen(today) != 10 || year == 0)
		return false;
	snprintf(out, 16, "%04u%.6s", (year - 1) % 10000, today + 4);
	return true;
}

static bool same_edition(const struct catalog_row *a, const struct catalog_row *b)
{
	return strcmp(a->as_of, b->as_of) == 0 && strcmp(a->document, b->document) == 0;
}

/* "feature/id, ..." of the selected rows of one edition of a document; their number. */
static size_t write_edition(FILE *out, const struct policy_selection *selection, const struct catalog_row *first)
{
	size_t count = 0;

	for (size_t i = 0; i < selection->count; i++)
		if (same_edition(selection->rows[i], first))
			fprintf(out, "%s%s/%s", count++ ? ", " : "", selection->rows[i]->feature, selection->rows[i]->id);
	return count;
}

/* Of sources, the notes tell how much is missing. */
static int write_notes(FILE *out, const struct policy_selection *selection, const struct catalog_row *first)
{
	struct policy_list notes = POLICY_LIST_OF(const char *);
	int result = 0;

	for (size_t i = 0; i < selection->count && !result; i++)
		if (same_edition(selection->rows[i], first) && *selection->rows[i]->notes)
			result = policy_text_add_word(&notes, selection->rows[i]->notes);
	fputs("; calls from addresses that were added since are refused", out);
	for (size_t i = 0; i < notes.count; i++)
		fprintf(out, ". %s", *(const char **)policy_list_at(&notes, i));
	policy_list_clear(&notes);
	return result;
}

static int warn_old_edition(const struct policy_input *input, const struct config_entry *entry,
			    const struct policy_selection *selection, const struct catalog_row *first)
{
	char *rows = NULL;
	size_t size, count;
	FILE *out = open_memstream(&rows, &size);
	int result = 0;

	if (!out)
		return -ENOMEM;
	count = write_edition(out, selection, first);
	if (entry->inbound)
		result = write_notes(out, selection, first);
	fclose(out);
	if (rows && !result)
		policy_input_tell(input, PROBLEM_WARNING, entry, entry->service.line, "service",
				  "%zu row%s of %s %s as of %s, more than a year ago (%s): %s", count, count == 1 ? "" : "s",
				  first->service, count == 1 ? "is" : "are", first->as_of, first->document, rows);
	free(rows);
	return rows ? result : -ENOMEM;
}

static bool first_of_edition(const struct policy_selection *selection, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (same_edition(selection->rows[i], selection->rows[index]))
			return false;
	return true;
}

static int warn_old(const struct policy_input *input, const struct config_entry *entry,
		    const struct policy_selection *selection)
{
	char limit[16];
	int result = 0;

	if (!year_before(input->today, limit))
		return 0;
	for (size_t i = 0; i < selection->count && !result; i++)
		if (strcmp(selection->rows[i]->as_of, limit) < 0 && first_of_edition(selection, i))
			result = warn_old_edition(input, entry, selection, selection->rows[i]);
	return result;
}

int policy_warn_rows(const struct policy_input *input, const struct config_entry *entry,
		     const struct policy_selection *selection)
{
	int result = 0;

	for (size_t i = 0; i < selection->count && !result; i++)
		result = warn_of_row(input, entry, selection->rows[i]);
	return result ? result : warn_old(input, entry, selection);
}

/* One range of a list and where it stands. */
struct written {
	struct value_range range;
	const char *text;
	unsigned int line;
};

static int compare_written(const void *left, const void *right)
{
	const struct written *a = left, *b = right;
	int order = ipaddr_compare(&a->range.first, &b->range.first);

	if (!order)
		order = -ipaddr_compare(&a->range.last, &b->range.last);
	return order ? order : (a->line > b->line) - (a->line < b->line);
}

static void tell_overlap(const struct policy_input *input, const struct config_entry *entry, const char *setting,
			 const struct written *before, const struct written *one)
{
	const char *what = "overlaps with", *then = "they are taken as one range";

	if (interval_compare(&before->range, &one->range) == 0)
		what = "is the same as", then = "once would do";
	else if (ipaddr_compare(&one->range.last, &before->range.last) <= 0)
		what = "lies within", then = "it adds nothing";
	policy_input_tell(input, PROBLEM_WARNING, entry, one->line, setting, "%.100s %s %.100s (line %u); %s", one->text, what,
			  before->text, before->line, then);
}

static int warn_overlaps(const struct policy_input *input, const struct config_entry *entry, const char *setting,
			 const struct config_ranges *ranges)
{
	struct written *items = calloc(ranges->count + 1u, sizeof(*items));
	size_t widest = 0, told = 0;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < ranges->count; i++)
		items[i] = (struct written){ ranges->items[i], ranges->texts[i], ranges->lines[i] };
	qsort(items, ranges->count, sizeof(*items), compare_written);
	for (size_t i = 1; i < ranges->count; i++) {
		const struct written *before = &items[widest];

		if (before->range.first.family == items[i].range.first.family &&
		    ipaddr_compare(&items[i].range.first, &before->range.last) <= 0 && told++ < OVERLAPS_TOLD)
			tell_overlap(input, entry, setting, before, &items[i]);
		if (ipaddr_compare(&items[i].range.last, &before->range.last) > 0)
			widest = i;
	}
	if (told > OVERLAPS_TOLD)
		policy_input_tell(input, PROBLEM_WARNING, entry, ranges->line, setting, "%zu more overlap",
				  told - OVERLAPS_TOLD);
	free(items);
	return 0;
}

static int compare_texts(const void *left, const void *right)
{
	const struct config_text *a = left, *b = right;
	int order = strcasecmp(a->text, b->text);

	return order ? order : (a->line > b->line) - (a->line < b->line);
}

static int warn_double_names(const struct policy_input *input, const struct config_entry *entry)
{
	struct config_text *names = calloc(entry->names.count + 1u, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < entry->names.count; i++)
		names[i] = entry->names.items[i];
	qsort(names, entry->names.count, sizeof(*names), compare_texts);
	for (size_t i = 1; i < entry->names.count; i++)
		if (strcasecmp(names[i].text, names[i - 1].text) == 0)
			policy_input_tell(input, PROBLEM_WARNING, entry, names[i].line, "names",
					  "\"%.260s\" stands twice; once would do", names[i].text);
	free(names);
	return 0;
}

/* "*.com": one label, and nothing but '*' before it. */
static bool opens_top_level(const char *name)
{
	size_t stars = strspn(name, "*.");
	const char *label = name + stars;
	size_t length = strcspn(label, ".");

	return stars && name[stars - 1] == '.' && length && (label[length] == '\0' || label[length + 1] == '\0');
}

int policy_warn_own(const struct policy_input *input, const struct config_entry *entry)
{
	int result = warn_double_names(input, entry);

	for (size_t i = 0; i < entry->names.count; i++)
		if (opens_top_level(entry->names.items[i].text))
			policy_input_tell(input, PROBLEM_WARNING, entry, entry->names.items[i].line, "names",
					  "\"%.260s\" opens a whole top-level domain: anybody can register a name that matches",
					  entry->names.items[i].text);
	if (!result)
		result = warn_overlaps(input, entry, "addresses", &entry->addresses);
	if (!result)
		result = warn_overlaps(input, entry, "clients", &entry->clients);
	if (!result)
		result = warn_overlaps(input, entry, "to", &entry->to);
	return result ? result : warn_overlaps(input, entry, "also", &entry->also);
}
