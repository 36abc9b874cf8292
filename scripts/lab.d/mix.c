/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mix.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RIGHT "right would be: allowed|other PORT NAME [TTL>TARGET]... TTL=SHOWN/POOL[+6]"
#define TTL_MAX 0x7fffffffu
#define WORDS_MAX (MIX_CHAIN + 6)

/* Networks of a CDN each, of which no prefix stands in a list: 23.32.0.0/11 and 104.16.0.0/12. */
#define FIRST_ALLOWED 0x17200000u
#define FIRST_OTHER 0x68100000u
#define POOLS_MAX (1u << 20)

struct line {
	double upto; /* its chance and that of all lines above */
	uint32_t first, count;
};

struct pool {
	const struct mix_name *first; /* that led to it */
	const char *owner;
};

struct mix {
	struct mix_name *names;
	struct line *lines;
	struct pool *pools;
	uint32_t count, line_count, pool_count, taken[2];
	void *by_text, *by_owner;
};

/* ---- numbers ---- */

uint64_t mix_random(uint64_t *state)
{
	/* splitmix64 (Steele, Lea, Flood 2014). */
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t mix_seed(uint64_t seed, uint64_t client)
{
	uint64_t state = seed;

	state = mix_random(&state) ^ client;
	return mix_random(&state);
}

double mix_fraction(uint64_t *state)
{
	return (double)(mix_random(state) >> 11) / 9007199254740992.0;
}

double mix_pause(uint64_t *state, double mean)
{
	return -log1p(-mix_fraction(state)) * mean;
}

uint32_t mix_choose(const struct mix *mix, uint64_t *state)
{
	double at = mix_fraction(state) * mix->lines[mix->line_count - 1].upto;
	uint32_t low = 0, high = mix->line_count - 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (at < mix->lines[middle].upto)
			high = middle;
		else
			low = middle + 1;
	}
	return mix->lines[low].first + (uint32_t)(mix_random(state) % mix->lines[low].count);
}

/* ---- what was read ---- */

uint32_t mix_count(const struct mix *mix)
{
	return mix->count;
}

const struct mix_name *mix_name(const struct mix *mix, uint32_t number)
{
	return &mix->names[number];
}

static int compare_names(const void *one, const void *other)
{
	const struct mix_name *a = one, *b = other;

	return strcasecmp(a->steps[0].owner, b->steps[0].owner);
}

static int compare_pools(const void *one, const void *other)
{
	const struct pool *a = one, *b = other;

	return strcasecmp(a->owner, b->owner);
}

const struct mix_name *mix_find(const struct mix *mix, const char *text)
{
	struct mix_name wanted = { .steps = { { text, 0 } } };
	void *found = tfind(&wanted, &mix->by_text, compare_names);

	return found ? *(struct mix_name **)found : NULL;
}

struct in6_addr mix_address(const struct mix_name *name, uint32_t place, bool six)
{
	uint32_t number = name->pool + place % name->pool_size, four;
	struct in6_addr address = IN6ADDR_ANY_INIT;

	if (six) {
		inet_pton(AF_INET6, name->allowed ? "2a02:26f0::" : "2606:4700::", &address);
		number = htonl(number);
		memcpy(&address.s6_addr[12], &number, 4);
		return address;
	}
	four = htonl((name->allowed ? FIRST_ALLOWED : FIRST_OTHER) + number);
	memset(&address.s6_addr[10], 0xff, 2);
	memcpy(&address.s6_addr[12], &four, 4);
	return address;
}

static void nothing(void *node)
{
	(void)node;
}

void mix_free(struct mix *mix)
{
	if (!mix)
		return;
	tdestroy(mix->by_text, nothing);
	tdestroy(mix->by_owner, nothing);
	for (uint32_t i = 0; i < mix->count; i++)
		free(mix->names[i].text);
	free(mix->names);
	free(mix->lines);
	free(mix->pools);
	free(mix);
}

/* ---- reading ---- */

struct reader {
	struct mix *mix;
	const char *path;
	unsigned int line;
	char *error;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct reader *reader, const char *format, ...)
{
	char text[MIX_LINE / 2];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(reader->error, MIX_LINE, "%.400s:%u: %s", reader->path, reader->line, text);
	return false;
}

static bool number_of(const char **at, uint32_t most, uint32_t *out)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	value = strtoul(*at, &end, 10);
	if (value > most)
		return false;
	*at = end;
	*out = (uint32_t)value;
	return true;
}

/* `{LOW-HIGH}` of a word: 1 when there is one, 0 when there is none, -1 when it is none that can be. */
static int range_of(const char *word, uint32_t *low, uint32_t *high)
{
	const char *at = strchr(word, '{');

	if (!at)
		return strchr(word, '}') ? -1 : 0;
	at++;
	if (!number_of(&at, MIX_NAMES, low) || *at++ != '-' || !number_of(&at, MIX_NAMES, high) || *at != '}' ||
	    *low > *high)
		return -1;
	return strpbrk(at + 1, "{}") ? -1 : 1;
}

/* The word with this number in the place of its range. */
static void expanded(char *out, size_t size, const char *word, uint32_t number)
{
	const char *open = strchr(word, '{'), *close = strchr(word, '}');

	if (open && close)
		snprintf(out, size, "%.*s%u%s", (int)(open - word), word, number, close + 1);
	else
		snprintf(out, size, "%s", word);
}

static bool lawful(const char *name)
{
	size_t label = 0, length = strlen(name);

	if (length == 0 || length > MIX_WIRE - 2)
		return false;
	for (const char *at = name; *at; at++) {
		if (*at == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (++label > 63 || !(isalnum((unsigned char)*at) || *at == '-' || *at == '_')) {
			return false;
		}
	}
	return label > 0;
}

/* What a line says, before its range is made. */
struct draft {
	struct mix_name name; /* without text */
	const char *owners[MIX_CHAIN + 1]; /* words of the line */
};

static bool read_addresses(struct reader *reader, const char *word, struct draft *draft)
{
	uint32_t ttl, shown, pool;
	const char *at = word;

	if (!number_of(&at, TTL_MAX, &ttl) || *at++ != '=' || !number_of(&at, MIX_SHOWN, &shown) || *at++ != '/' ||
	    !number_of(&at, MIX_POOL, &pool) || (strcmp(at, "") != 0 && strcmp(at, "+6") != 0) || !shown ||
	    pool < shown)
		return wrong(reader, "`%.80s` should be TTL=SHOWN/POOL, with at most %d shown of at most %d; " RIGHT,
			     word, MIX_SHOWN, MIX_POOL);
	draft->name.steps[draft->name.step_count - 1].ttl = ttl;
	draft->name.shown = (uint16_t)shown;
	draft->name.pool_size = (uint16_t)pool;
	draft->name.six = *at == '+';
	return true;
}

static bool read_target(struct reader *reader, const char *word, struct draft *draft)
{
	uint8_t last = draft->name.step_count - 1;
	const char *at = word;

	if (!number_of(&at, TTL_MAX, &draft->name.steps[last].ttl) || *at != '>')
		return wrong(reader, "`%.80s` should be TTL>TARGET, with a TTL up to %u; " RIGHT, word, TTL_MAX);
	if (last + 1 > MIX_CHAIN)
		return wrong(reader, "more than %d targets", MIX_CHAIN);
	draft->owners[draft->name.step_count++] = at + 1;
	return true;
}

static bool read_words(struct reader *reader, char *words[], int count, struct draft *draft)
{
	const char *port = NULL;
	uint32_t number;

	if (count < 4 || (strcmp(words[0], "allowed") != 0 && strcmp(words[0], "other") != 0))
		return wrong(reader, "%s", RIGHT);
	port = words[1];
	if (!number_of(&port, 65535, &number) || *port || !number)
		return wrong(reader, "`%.80s` should be a TCP port; " RIGHT, words[1]);
	draft->name.allowed = words[0][0] == 'a';
	draft->name.port = (uint16_t)number;
	draft->name.step_count = 1;
	draft->owners[0] = words[2];
	for (int i = 3; i < count - 1; i++)
		if (!read_target(reader, words[i], draft))
			return false;
	return read_addresses(reader, words[count - 1], draft);
}

/* The addresses of the name where the chain ends: they are the same for all that lead there. */
static bool take_pool(struct reader *reader, struct mix_name *name)
{
	struct mix *mix = reader->mix;
	const struct mix_step *last = &name->steps[name->step_count - 1];
	struct pool *pool = &mix->pools[mix->pool_count];
	const struct mix_name *first;
	struct pool **found;

	*pool = (struct pool) { name, last->owner };
	found = tsearch(pool, &mix->by_owner, compare_pools);
	if (!found)
		return wrong(reader, "no memory");
	first = (*found)->first;
	if (*found != pool) {
		if (first->pool_size != name->pool_size || first->shown != name->shown || first->six != name->six ||
		    first->allowed != name->allowed || first->steps[first->step_count - 1].ttl != last->ttl)
			return wrong(reader, "%.80s has other addresses, or another TTL, than where %.80s leads to it",
				     last->owner, first->steps[0].owner);
		name->pool = first->pool;
		return true;
	}
	if (mix->taken[name->allowed] + name->pool_size > POOLS_MAX)
		return wrong(reader, "more than %u addresses in all", POOLS_MAX);
	mix->pool_count++;
	name->pool = mix->taken[name->allowed];
	mix->taken[name->allowed] += name->pool_size;
	return true;
}

static bool add_name(struct reader *reader, const struct draft *draft, uint32_t number)
{
	struct mix *mix = reader->mix;
	struct mix_name *name = &mix->names[mix->count], **found;
	size_t size = 1;
	char *at;

	if (mix->count == MIX_NAMES)
		return wrong(reader, "more than %d names", MIX_NAMES);
	*name = draft->name;
	/* A number is shorter than its range. */
	for (uint8_t i = 0; i < name->step_count; i++)
		size += strlen(draft->owners[i]) + 1;
	at = name->text = malloc(size);
	if (!at)
		return wrong(reader, "no memory");
	mix->count++;
	for (uint8_t i = 0; i < name->step_count; i++) {
		expanded(at, strlen(draft->owners[i]) + 1, draft->owners[i], number);
		name->steps[i].owner = at;
		if (!lawful(at))
			return wrong(reader, "`%.80s` is no name of a host: letters, digits, '-', '_' and dots", at);
		at += strlen(at) + 1;
	}
	found = tsearch(name, &mix->by_text, compare_names);
	if (!found)
		return wrong(reader, "no memory");
	if (*found != name)
		return wrong(reader, "%.80s stands here twice", name->steps[0].owner);
	return take_pool(reader, name);
}

static bool read_line(struct reader *reader, char *text, double zipf)
{
	struct mix *mix = reader->mix;
	struct line *line = &mix->lines[mix->line_count];
	char *words[WORDS_MAX], *rest = NULL;
	struct draft draft = { 0 };
	uint32_t low = 0, high = 0, own_low, own_high;
	int count = 0, ranges;

	text[strcspn(text, "#\n")] = '\0';
	for (char *word = strtok_r(text, " \t\r", &rest); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " \t\r", &rest))
		words[count++] = word;
	if (count == 0)
		return true;
	if (!read_words(reader, words, count, &draft))
		return false;
	ranges = range_of(draft.owners[0], &low, &high);
	for (uint8_t i = 0; i < draft.name.step_count; i++) {
		int own = range_of(draft.owners[i], &own_low, &own_high);

		if (own < 0 || own > ranges || (own > 0 && (own_low != low || own_high != high)))
			return wrong(reader,
				     "`%.80s`: one range {LOW-HIGH} may stand in NAME, and the same one in its targets",
				     draft.owners[i]);
	}
	line->first = mix->count;
	for (uint32_t number = low; number <= high; number++)
		if (!add_name(reader, &draft, number))
			return false;
	line->count = mix->count - line->first;
	line->upto = (mix->line_count ? line[-1].upto : 0) + pow(mix->line_count + 1, -zipf);
	mix->line_count++;
	return true;
}

static bool read_all(struct reader *reader, FILE *file, double zipf)
{
	struct mix *mix = reader->mix;
	char text[MIX_LINE];

	mix->names = calloc(MIX_NAMES + 1, sizeof(*mix->names));
	mix->lines = calloc(MIX_NAMES + 1, sizeof(*mix->lines));
	mix->pools = calloc(MIX_NAMES + 1, sizeof(*mix->pools));
	if (!mix->names || !mix->lines || !mix->pools)
		return wrong(reader, "no memory");
	while (fgets(text, sizeof(text), file)) {
		reader->line++;
		if (!strchr(text, '\n') && !feof(file))
			return wrong(reader, "a line of more than %d characters", MIX_LINE - 2);
		if (!read_line(reader, text, zipf))
			return false;
	}
	return mix->count > 0 || wrong(reader, "no name; " RIGHT);
}

struct mix *mix_read(FILE *file, const char *path, double zipf, char error[MIX_LINE])
{
	struct mix *mix = calloc(1, sizeof(*mix));
	struct reader reader = { mix, path, 0, error };

	if (!mix || !read_all(&reader, file, zipf)) {
		if (!mix)
			wrong(&reader, "no memory");
		mix_free(mix);
		return NULL;
	}
	return mix;
}
