/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_scalar.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define TABLE_NAME_MAX 32
#define PATH_NAME_MAX 4000

static void tell_range(struct config_reader *reader, unsigned int line, const struct option *option, long long value)
{
	config_reader_error(reader, line, "%lld is out of range: lawful is %lld to %lld%s%s%s%s", value,
			    (long long)option_min(option), (long long)option_max(option),
			    *option->unit == '\0' ? "" : " ", option->unit,
			    option->fallback == NULL ? "" : ", the default is ",
			    option->fallback == NULL ? "" : option->fallback);
}

bool config_scalar_lawful_integer(const config_setting_t *setting, const struct option *option)
{
	int type = config_setting_type(setting);

	return (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) &&
	       config_setting_get_int64(setting) >= option_min(option) &&
	       config_setting_get_int64(setting) <= option_max(option);
}

static bool read_integer(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
			 uint32_t *out)
{
	int type = config_setting_type(setting);
	unsigned int line = config_reader_line(setting);
	long long value;

	if (option->words != NULL && config_reader_is_text(setting) &&
	    strcmp(config_setting_get_string(setting), option->words[0].text) == 0) {
		*out = CONFIG_OFF;
		return true;
	}
	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		config_reader_error(reader, line, "%s was found where a number is expected: write %s%s%s",
				    config_reader_type(setting),
				    config_reader_is_text(setting) ? "it without quotes" : "a whole number",
				    *option->unit == '\0' ? "" : ", in seconds",
				    option->words == NULL ? "" : ", or \"off\"");
		return false;
	}
	value = config_setting_get_int64(setting);
	if (!config_scalar_lawful_integer(setting, option)) {
		tell_range(reader, line, option, value);
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

static void read_bool(struct config_reader *reader, const config_setting_t *setting, bool *out)
{
	if (config_setting_type(setting) == CONFIG_TYPE_BOOL)
		*out = config_setting_get_bool(setting) != 0;
	else
		config_reader_error(reader, config_reader_line(setting),
				    "%s was found where true or false is expected%s", config_reader_type(setting),
				    config_reader_is_text(setting) ? ": write it without quotes" : "");
}

/* "enforce" or "audit": the words that are built. */
static const char *lawful_words(const struct option_word *words, char *out, size_t size)
{
	size_t used = 0;

	*out = '\0';
	for (const struct option_word *word = words; word->text != NULL; word++) {
		const struct option_word *next = word + 1;

		if (word->later)
			continue;
		while (next->text != NULL && next->later)
			next++;
		used += (size_t)snprintf(out + used, size - used, "%s\"%s\"",
					 used == 0            ? ""
					 : next->text == NULL ? " or "
							      : ", ",
					 word->text);
	}
	return out;
}

static const char *nearest_word(const struct option_word *words, const char *text)
{
	const char *names[16];
	size_t count = 0;

	for (; words->text != NULL && count + 1 < 16; words++)
		if (!words->later)
			names[count++] = words->text;
	names[count] = NULL;
	return problem_nearest(text, names);
}

static void tell_word(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		      const char *text, bool later)
{
	char lawful[128];
	const char *near = nearest_word(option->words, text);

	lawful_words(option->words, lawful, sizeof(lawful));
	if (later)
		config_reader_error(reader, config_reader_line(setting),
				    "\"%s\" is not yet possible, it is not built yet: write %s", text, lawful);
	else
		config_reader_error(reader, config_reader_line(setting), "\"%s\" is not known: write %s%s%s%s", text,
				    lawful, near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
				    near == NULL ? "" : "\"?");
}

/* The place of the word in the list, or -1 after telling what is lawful. */
static int read_word(struct config_reader *reader, const config_setting_t *setting, const struct option *option)
{
	bool later = (option->flags & OPTION_LATER) != 0;
	char lawful[128];
	const char *text;

	if (!config_reader_is_text(setting)) {
		config_reader_error(reader, config_reader_line(setting),
				    "%s was found where a text is expected: write %s", config_reader_type(setting),
				    lawful_words(option->words, lawful, sizeof(lawful)));
		return -1;
	}
	text = config_setting_get_string(setting);
	for (int i = 0; option->words[i].text != NULL; i++) {
		if (strcmp(option->words[i].text, text) != 0)
			continue;
		if (!option->words[i].later)
			return i;
		later = true;
	}
	tell_word(reader, setting, option, text, later);
	return -1;
}

/* Words of nft 1.0.6's language: a table of such a name can be made, but "nft list table" cannot spell it. */
static const char nft_words[] =
	" accept add ah all and arp auto-merge bridge cgroup chain comment comp constant continue counter "
	" cpu create ct day dccp define delete describe device devices dnat drop dst dup dynamic ecn "
	" element elements esp ether exists expires export exthdr fib flags flow flowtable flush frag fwd "
	" gc-interval get goto handle hbh hook hour ibriport ibrname icmp icmpv6 igmp iif iifgroup iifname "
	" iiftype import include index inet insert interval ip ip6 ipsec jhash jump limit list log lt map "
	" mark masquerade meta meter mh missing monitor ne netdev nftrace not notrack numgen obriport "
	" obrname offload oif oifgroup oifname oiftype or osf pkttype policy position priority queue quota "
	" random redefine redirect reject rename replace reset return rt rt0 rtclassid rule ruleset sctp "
	" secmark set size skgid skuid snat socket srh symhash synproxy table tcp th time timeout tproxy "
	" type typeof udp udplite undefine update vlan vmap xt ";

static bool is_nft_word(const char *text)
{
	char padded[TABLE_NAME_MAX + 3];

	snprintf(padded, sizeof(padded), " %s ", text);
	return strstr(nft_words, padded) != NULL;
}

/* What nft reads as an identifier in every place, and short enough for its own objects' names. */
static bool is_table_name(const char *text)
{
	size_t length = strlen(text);

	if (length > TABLE_NAME_MAX || !isalpha((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	return true;
}

static void read_table(struct config_reader *reader, const config_setting_t *setting, const char **out)
{
	const char *text = config_reader_text(reader, setting);

	if (text == NULL)
		return;
	if (!is_table_name(text))
		config_reader_error(reader, config_reader_line(setting),
				    "\"%s\" is no table name: it begins with a letter and has at most %d letters, "
				    "digits, '-' and '_'",
				    text, TABLE_NAME_MAX);
	else if (is_nft_word(text))
		config_reader_error(
			reader, config_reader_line(setting),
			"\"%s\" is a word of nft's language, so nft cannot name such a table: take another one", text);
	else
		*out = config_reader_keep(reader, text);
}

static void read_path(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		      const char **out)
{
	const char *text = config_reader_text(reader, setting);
	unsigned int line = config_reader_line(setting);
	bool socket = strcmp(option->name, "control") == 0;
	size_t max = socket ? sizeof(((struct sockaddr_un *)0)->sun_path) - 1 : PATH_NAME_MAX;

	if (text == NULL)
		return;
	if (text[0] != '/')
		config_reader_error(reader, line, "\"%s\" is not an absolute path: write it from / on", text);
	else if (strlen(text) > max)
		config_reader_error(reader, line, "the path is too long: %s has at most %zu characters",
				    socket ? "a socket's path" : "a path", max);
	else
		*out = config_reader_keep(reader, text);
}

/* Longer than what useradd takes, which is 32. */
#define USER_NAME_MAX 63

static bool is_user(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && (i == 0 || !strchr("-.", text[i])) && text[i] != '_')
			return false;
	return length <= USER_NAME_MAX;
}

static void read_user(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
		      const char **out)
{
	const char *text = config_reader_is_text(setting) ? config_setting_get_string(setting) : NULL;
	bool user = strcmp(option->name, "user") == 0;

	if (text == NULL) /* tells of the type */
		(void)config_reader_text(reader, setting);
	else if (is_user(text))
		*out = config_reader_keep(reader, text);
	else
		config_reader_error(reader, config_reader_line(setting),
				    "\"%s\" is no %s: write a name or a number, or \"\" for %s", text,
				    user ? "user" : "group", user ? "the one that starts nfqdnd" : "none");
}

static void read_text(struct config_reader *reader, const config_setting_t *setting, struct config_text *out)
{
	const char *text = config_reader_text(reader, setting);

	if (text != NULL)
		*out = (struct config_text) { config_reader_keep(reader, text), config_reader_line(setting) };
}

void config_scalar_read(struct config_reader *reader, const config_setting_t *setting, const struct option *option,
			void *base)
{
	unsigned int nowhere = 0; /* for a word that is read and refused, not kept */
	void *field = option->offset == OPTION_NOWHERE ? &nowhere : (void *)((char *)base + option->offset);
	uint32_t number = 0;
	int word;

	switch (option->type) {
	case OPTION_INTEGER:
	case OPTION_PRIORITY: /* the same bits */
	case OPTION_MASK:
		read_integer(reader, setting, option, field);
		break;
	case OPTION_INTEGER16:
		if (read_integer(reader, setting, option, &number))
			*(uint16_t *)field = (uint16_t)number;
		break;
	case OPTION_BOOL:
		read_bool(reader, setting, field);
		break;
	case OPTION_WORD:
		word = read_word(reader, setting, option);
		if (word >= 0)
			*(unsigned int *)field = (unsigned int)word;
		break;
	case OPTION_WORD_BOOL:
		word = read_word(reader, setting, option);
		if (word >= 0)
			*(bool *)field = word == 1;
		break;
	case OPTION_TABLE:
		read_table(reader, setting, field);
		break;
	case OPTION_PATH:
		read_path(reader, setting, option, field);
		break;
	case OPTION_USER:
		read_user(reader, setting, option, field);
		break;
	case OPTION_TEXT:
		read_text(reader, setting, field);
		break;
	case OPTION_TEXTS:
	case OPTION_PATHS:
	case OPTION_PATTERNS:
	case OPTION_RANGES:
	case OPTION_RESOLVERS:
	case OPTION_INTERFACES:
	case OPTION_PORTS:
	case OPTION_GROUP:
		break; /* read elsewhere */
	}
}
