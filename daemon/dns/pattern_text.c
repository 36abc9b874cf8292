/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One pattern alone: whether its text can be meant, its labels, and what it matches, plainly. */
#include "dns/pattern_text.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "dns/pattern.h"

_Static_assert(LIMIT_PATTERN_GLOBS == 4, "the number stands in a message of judge()");

char pattern_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool pattern_last_label(const char *text, const char **end, struct pattern_span *out)
{
	const char *at = *end;

	if (at == text)
		return false;
	while (at > text && at[-1] != '.')
		at--;
	*out = (struct pattern_span) { .at = at, .length = (size_t)(*end - at) };
	*end = at > text ? at - 1 : text;
	return true;
}

const char *pattern_text_end(const char *text)
{
	const char *end = text + strlen(text);

	return end > text && end[-1] == '.' ? end - 1 : end;
}

const char *pattern_find_star(struct pattern_span span)
{
	return span.length ? memchr(span.at, '*', span.length) : NULL;
}

bool pattern_is_below(const char *text, struct pattern_span label)
{
	return label.at == text && label.length == 1 && *label.at == '*';
}

static bool is_host_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '*';
}

static const char *judge_octets(const char *text)
{
	if (strstr(text, "://") || strchr(text, '/'))
		return "this is a URL; write the host name alone, without scheme and path";
	if (strpbrk(text, "<>{}[]"))
		return "a placeholder stands in the name; put your own value in its place, or `*`";
	if (strpbrk(text, " \t,;"))
		return "one name only; write each as a string of its own";
	if (strchr(text, ':'))
		return "no port and no IPv6 address here; ports belong in `ports`, addresses in `addresses`";
	if (strchr(text, '@'))
		return "this is a mail address; write the host name alone";
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x80)
			return "not ASCII; write an international name in its xn-- form";
		if (!is_host_octet(pattern_lower(*text)))
			return "only letters, digits, `-`, `_`, `.` and `*` may stand in a name";
	}
	return NULL;
}

static const char *judge_label(struct pattern_span label, size_t *octets, unsigned int *stars, bool below)
{
	size_t literal = 0;

	if (label.length == 0)
		return "a label is empty: two dots in a row, or a dot at the start";
	for (size_t i = 0; i < label.length; i++)
		if (label.at[i] != '*')
			literal++;
		else if (i > 0 && label.at[i - 1] == '*')
			return "`**` means no more than `*`; write one star (`*.` in front already stands for any "
			       "depth)";
		else if (!below)
			++*stars;
	if (literal > DNS_LABEL_MAX)
		return "a label has more than 63 characters";
	*octets += 1 + (literal ? literal : 1);
	return NULL;
}

static const char *judge_last_label(const char *text, struct pattern_span label)
{
	if (pattern_is_below(text, label))
		return "`*` alone would allow every name; write the domain, as in `*.example.com`";
	if (pattern_find_star(label))
		return "the last label (the top-level domain) must not hold a `*`";
	for (size_t i = 0; i < label.length; i++)
		if (label.at[i] < '0' || label.at[i] > '9')
			return NULL;
	return "the last label is a number: an address belongs in `addresses`";
}

static const char *judge(const char *text)
{
	const char *end = pattern_text_end(text), *why = judge_octets(text);
	unsigned int stars = 0;
	size_t octets = 1;
	struct pattern_span label;

	if (why)
		return why;
	if (end == text)
		return "the name is empty";
	if (end[-1] == '.' || *text == '.')
		return "a label is empty: two dots in a row, or a dot at the start";
	for (bool last = true; !why && pattern_last_label(text, &end, &label); last = false) {
		why = judge_label(label, &octets, &stars, pattern_is_below(text, label));
		if (!why && last)
			why = judge_last_label(text, label);
	}
	if (!why && octets > DNS_NAME_MAX)
		why = "the name is longer than DNS allows (255 octets)";
	if (!why && stars > LIMIT_PATTERN_GLOBS)
		why = "more than four `*` inside labels";
	return why;
}

int pattern_check(const char *text, const char **why)
{
	const char *wrong = judge(text);

	if (!wrong)
		return 0;
	*why = wrong;
	return -EINVAL;
}

/* ---- What it matches ---- */

/* Whether a label's pattern matches a label: the usual walk that goes back to the last star only, for what an
 * earlier star takes more can be taken by the later one too. */
static bool label_matches(struct pattern_span pattern, const uint8_t *label, size_t length)
{
	size_t p = 0, at = 0, star = SIZE_MAX, resume = 0;

	while (at < length) {
		if (p < pattern.length && pattern.at[p] == '*') {
			star = p++;
			resume = at;
		} else if (p < pattern.length && (uint8_t)pattern_lower(pattern.at[p]) == label[at]) {
			p++;
			at++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			at = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.length && pattern.at[p] == '*')
		p++;
	return p == pattern.length;
}

int pattern_matches(const char *text, const struct dns_name *name)
{
	uint8_t offsets[DNS_LABELS_MAX];
	unsigned int left = dns_name_labels(name, offsets);
	const char *end = pattern_text_end(text);
	struct pattern_span label;

	if (judge(text))
		return 0;
	while (pattern_last_label(text, &end, &label)) {
		const uint8_t *octets;

		if (left == 0)
			return 0;
		if (pattern_is_below(text, label))
			return 1;
		octets = name->octets + offsets[--left];
		if (!label_matches(label, octets + 1, octets[0]))
			return 0;
	}
	return left == 0;
}
