// SPDX-License-Identifier: GPL-2.0-or-later
/* The same numbers on every run. The unit tests run this outside the kernel, too. */
#include "fqdn_selftest.h"

#include "fqdn_judge.h"

#ifdef __KERNEL__
#include <linux/init.h>
#else
#define __init
#define __initdata
#endif

#define FQDN_SETS 60
#define FQDN_PATTERNS 24
#define FQDN_NAMES 120
#define FQDN_TEXT 40
#define FQDN_NODES 512
#define FQDN_SLOTS 1024

static struct fqdn_node fqdn_nodes[FQDN_NODES] __initdata;
static struct fqdn_slot fqdn_slots[FQDN_SLOTS] __initdata;
static char fqdn_texts[FQDN_PATTERNS][FQDN_TEXT] __initdata;
static u8 fqdn_message[512] __initdata;
static u32 fqdn_seed __initdata;

static u32 __init fqdn_random(u32 below)
{
	fqdn_seed = fqdn_seed * 1664525 + 1013904223;
	return (fqdn_seed >> 8) % below;
}

/* ---- patterns ---- */

/* Labels of few letters, so that much of it matches. Returns the length. */
static size_t __init fqdn_random_text(char *out, bool stars)
{
	u32 labels = 1 + fqdn_random(4), letters, i, k;
	size_t length = 0;

	if (stars && fqdn_random(3) == 0) {
		out[length++] = '*';
		out[length++] = '.';
	}
	for (i = 0; i < labels; i++) {
		letters = 1 + fqdn_random(3);
		if (i)
			out[length++] = '.';
		for (k = 0; k < letters; k++)
			out[length++] = (char)('a' + fqdn_random(3));
		if (stars && labels + letters > 2 && fqdn_random(4) == 0)
			out[length - 1 - fqdn_random(letters)] = '*';
	}
	out[length] = '\0';
	return length;
}

/* One label, plainly; recursion is as deep as a label of the texts is long. */
static bool __init fqdn_plain_label(const char *pattern, const char *end, const char *text, const char *text_end)
{
	if (pattern == end)
		return text == text_end;
	if (*pattern == '*')
		return fqdn_plain_label(pattern + 1, end, text, text_end) ||
		       (text < text_end && fqdn_plain_label(pattern, end, text + 1, text_end));
	return text < text_end && *pattern == *text && fqdn_plain_label(pattern + 1, end, text + 1, text_end);
}

static const char *__init fqdn_label_end(const char *at)
{
	while (*at && *at != '.')
		at++;
	return at;
}

static bool __init fqdn_plain_labels(const char *pattern, const char *text)
{
	for (;;) {
		const char *end = fqdn_label_end(pattern), *text_end = fqdn_label_end(text);

		if (!fqdn_plain_label(pattern, end, text, text_end))
			return false;
		if (!*end || !*text_end)
			return !*end && !*text_end;
		pattern = end + 1;
		text = text_end + 1;
	}
}

static bool __init fqdn_plain(const char *pattern, const char *text)
{
	if (pattern[0] != '*' || pattern[1] != '.')
		return fqdn_plain_labels(pattern, text);
	for (text = fqdn_label_end(text); *text; text = fqdn_label_end(text + 1))
		if (fqdn_plain_labels(pattern + 2, text + 1))
			return true;
	return false;
}

static void __init fqdn_name_of_text(const char *text, struct fqdn_name *out)
{
	out->length = 0;
	while (*text) {
		const char *end = fqdn_label_end(text);

		out->octets[out->length++] = (u8)(end - text);
		while (text < end)
			out->octets[out->length++] = (u8)*text++;
		if (*text)
			text++;
	}
	out->octets[out->length++] = 0;
}

static bool __init fqdn_plain_any(const char *text)
{
	u32 i;

	for (i = 0; i < FQDN_PATTERNS; i++)
		if (fqdn_plain(fqdn_texts[i], text))
			return true;
	return false;
}

static const char *__init fqdn_try_set(void)
{
	const struct fqdn_key key = { fqdn_seed, 7 };
	struct fqdn_patterns patterns;
	struct fqdn_name name;
	char text[FQDN_TEXT];
	u32 i;

	memset(fqdn_nodes, 0, sizeof(fqdn_nodes));
	memset(fqdn_slots, 0, sizeof(fqdn_slots));
	fqdn_pattern_init(&patterns, &key, fqdn_nodes, fqdn_slots, FQDN_NODES);
	for (i = 0; i < FQDN_PATTERNS; i++)
		if (fqdn_pattern_add(&patterns, fqdn_texts[i], fqdn_random_text(fqdn_texts[i], true)))
			return "a pattern is refused";
	for (i = 0; i < FQDN_NAMES; i++) {
		fqdn_random_text(text, false);
		fqdn_name_of_text(text, &name);
		if (fqdn_pattern_match(&patterns, &name) != fqdn_plain_any(text))
			return "patterns and the plain matcher disagree";
	}
	return NULL;
}

/* ---- messages ---- */

/* A response for a.b with two addresses, their order and TTL as told. Returns its length. */
static size_t __init fqdn_make_message(bool swapped, u8 ttl, u8 octet)
{
	static const u8 head[] = { 0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, 1, 'A', 1, 'b', 0, 0, 1, 0, 1 };
	static const u8 record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 20, 1, 2, 0 };
	u8 *at = fqdn_message;
	u32 i;

	memcpy(at, head, sizeof(head));
	at += sizeof(head);
	for (i = 0; i < 2; i++) {
		memcpy(at, record, sizeof(record));
		at[9] = ttl;
		at[15] = (i == 0) == swapped ? octet : 9;
		at += sizeof(record);
	}
	return (size_t)(at - fqdn_message);
}

static int __init fqdn_digest_of(size_t length, struct fqdn_digest *out)
{
	static const struct fqdn_key key = { 1, 2 };
	struct fqdn_question question;
	int error = fqdn_read_question(fqdn_message, length, &question);

	return error ? error : fqdn_read_digest(fqdn_message, length, &question, &key, out);
}

static const char *__init fqdn_try_message(void)
{
	struct fqdn_digest first, other;
	size_t length = fqdn_make_message(false, 60, 1), i;

	if (fqdn_digest_of(length, &first) || first.ttl != 60)
		return "a response is not read";
	if (fqdn_digest_of(fqdn_make_message(true, 30, 1), &other) || other.ttl != 30 || other.digest != first.digest)
		return "order and TTL change the digest";
	if (fqdn_digest_of(fqdn_make_message(false, 60, 2), &other) || other.digest == first.digest)
		return "another address has the same digest";
	for (i = 0; i < length; i++)
		if (!fqdn_digest_of(i, &other))
			return "a response cut short is read";
	fqdn_message[21 + 1] = 21; /* a pointer to itself */
	if (!fqdn_digest_of(length, &other))
		return "a loop is read";
	return NULL;
}

const char *__init fqdn_selftest(void)
{
	const char *wrong = fqdn_try_message();
	u32 i;

	fqdn_seed = 1;
	for (i = 0; i < FQDN_SETS && !wrong; i++)
		wrong = fqdn_try_set();
	return wrong;
}
