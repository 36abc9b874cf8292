/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/name.h"

#include <errno.h>
#include <string.h>

/* Not the C library's: those look at the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint8_t lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
}

/* Reads what follows a backslash and moves `text` behind it. The octet, or -EINVAL. */
static int read_escape(const char **text)
{
	const char *at = *text;
	int value;

	if (at[0] == '\0')
		return -EINVAL;
	if (!is_digit(at[0])) {
		*text = at + 1;
		return (uint8_t)at[0];
	}
	if (!is_digit(at[1]) || !is_digit(at[2]))
		return -EINVAL;
	value = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
	if (value > 255)
		return -EINVAL;
	*text = at + 3;
	return value;
}

/* Reads one label up to its dot or the end of the text into `out` (its length octet first) and moves `text` there.
 * 0, -EINVAL or -ENAMETOOLONG. A label that is too long is read to its end first, so that a bad escape is told
 * whatever the length. */
static int read_label(const char **text, uint8_t out[1 + DNS_LABEL_MAX])
{
	size_t length = 0;

	while (**text != '\0' && **text != '.') {
		int octet = (uint8_t) * (*text)++;

		if (octet == '\\')
			octet = read_escape(text);
		if (octet < 0)
			return octet;
		if (length < DNS_LABEL_MAX)
			out[1 + length] = lower((uint8_t)octet);
		length++;
	}
	if (length == 0)
		return -EINVAL;
	if (length > DNS_LABEL_MAX)
		return -ENAMETOOLONG;
	out[0] = (uint8_t)length;
	return 0;
}

int dns_name_from_text(const char *text, struct dns_name *out)
{
	struct dns_name name = { 0 };
	size_t used = 0;

	if (strcmp(text, ".") == 0)
		text++;
	else if (*text == '\0')
		return -EINVAL;
	while (*text != '\0') {
		uint8_t label[1 + DNS_LABEL_MAX];
		int error = read_label(&text, label);

		if (error)
			return error;
		if (used + 1 + label[0] + 1 > DNS_NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name.octets + used, label, 1 + (size_t)label[0]);
		used += 1 + (size_t)label[0];
		if (*text == '.')
			text++;
	}
	name.length = (uint8_t)(used + 1); /* the root's octet is 0 already */
	*out = name;
	return 0;
}

static char *write_octet(char *out, uint8_t octet)
{
	if (octet > 0x20 && octet < 0x7f && octet != '.' && octet != '"' && octet != '\\' && octet != '#') {
		*out = (char)octet;
		return out + 1;
	}
	out[0] = '\\';
	out[1] = (char)('0' + octet / 100);
	out[2] = (char)('0' + octet / 10 % 10);
	out[3] = (char)('0' + octet % 10);
	return out + 4;
}

const char *dns_name_to_text(const struct dns_name *name, char out[DNS_NAME_TEXT_SIZE])
{
	char *end = out;
	uint8_t offsets[DNS_LABELS_MAX];
	unsigned int labels = dns_name_labels(name, offsets);

	for (unsigned int i = 0; i < labels; i++) {
		const uint8_t *label = name->octets + offsets[i];

		if (i > 0)
			*end++ = '.';
		for (unsigned int j = 1; j <= label[0]; j++)
			end = write_octet(end, lower(label[j]));
	}
	if (labels == 0)
		*end++ = '.';
	*end = '\0';
	return out;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->length == b->length && memcmp(a->octets, b->octets, a->length) == 0;
}

unsigned int dns_name_labels(const struct dns_name *name, uint8_t offsets[DNS_LABELS_MAX])
{
	unsigned int count = 0;

	for (unsigned int at = 0; at < name->length && name->octets[at] > 0 && count < DNS_LABELS_MAX;
	     at += 1u + name->octets[at])
		offsets[count++] = (uint8_t)at;
	return count;
}
