/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_request.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipaddr.h"
#include "base/limits.h"
#include "control/protocol.h"
#include "dns/name.h"
#include "policy/value.h"

static int no_words(char **words, const char **why)
{
	*why = "it takes no arguments";
	return words[0] ? -EINVAL : 0;
}

int nfqdnctl_request_status(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	(void)options;
	(void)request;
	return no_words(words, why);
}

int nfqdnctl_request_policy(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	(void)options;
	(void)request;
	return no_words(words, why);
}

static int add_confirm(json_t *request, const char *text, const char **why)
{
	char *end;
	unsigned long seconds = strtoul(text, &end, 10);

	*why = "--confirm takes a number of seconds from 1 to 86400";
	if (!isdigit((unsigned char)text[0]) || *end || seconds < 1 || seconds > CONTROL_CONFIRM_MAX)
		return -EINVAL;
	return json_object_set_new(request, "confirm", json_integer((json_int_t)seconds)) == 0 ? 0 : -EINVAL;
}

#define REQUEST_HEAD 256 /* what stands beside the text in a request, at most */

static json_t *config_text(FILE *file, const char **why)
{
	char *octets = malloc(LIMIT_CONTROL_CHANGE);
	size_t length = octets ? fread(octets, 1, LIMIT_CONTROL_CHANGE, file) : 0;
	json_t *text = octets && !ferror(file) ? json_stringn(octets, length) : NULL;

	*why = octets && !ferror(file) ? "a configuration is text in UTF-8" : "the configuration cannot be read";
	if (length == LIMIT_CONTROL_CHANGE ||
	    (text && json_dumpb(text, NULL, 0, JSON_ENCODE_ANY) > LIMIT_CONTROL_CHANGE - REQUEST_HEAD)) {
		*why = "a configuration that goes by the control socket has less than 1 MiB: write lists of addresses "
		       "and names as catalog files";
		json_decref(text);
		text = NULL;
	}
	free(octets);
	return text;
}

static int add_config(json_t *request, const char *path, const char **why)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	json_t *text;

	*why = "the configuration cannot be read";
	if (!file)
		return -EINVAL;
	text = config_text(file, why);
	if (file != stdin)
		fclose(file);
	return text && json_object_set_new(request, "config", text) == 0 ? 0 : -EINVAL;
}

int nfqdnctl_request_confirm(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	if (options->undo && json_object_set_new(request, "undo", json_true()) < 0)
		return -EINVAL;
	return no_words(words, why);
}

int nfqdnctl_request_reload(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	*why = "--confirm and --dry-run do not go together";
	if (options->confirm && options->dry_run)
		return -EINVAL;
	if (options->confirm && add_confirm(request, options->confirm, why) < 0)
		return -EINVAL;
	if (words[0] && add_config(request, *words++, why) < 0)
		return -EINVAL;
	if (options->dry_run && json_object_set_new(request, "dry_run", json_true()) < 0)
		return -EINVAL;
	return no_words(words, why);
}

int nfqdnctl_request_metrics(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	(void)request;
	*why = "--json and --textfile do not go together";
	if (options->json && options->textfile)
		return -EINVAL;
	return no_words(words, why);
}

/* What is no address and looks like one ("10.0.0.0/8", "1.2.3", "fe80::1%eth0") would silently be a name that nobody
 * has. */
static int add_name(json_t *request, const char *word, const char **why)
{
	struct dns_name name;
	size_t digits = strspn(word, "0123456789.");

	*why = "NAME is a DNS name such as manage.microsoft.com, without scheme, port or path";
	if (strpbrk(word, "/:%") || word[digits] == '\0' || dns_name_from_text(word, &name) < 0)
		return -EINVAL;
	return json_object_set_new(request, "name", json_string(word)) == 0 ? 0 : -EINVAL;
}

static int add_address(json_t *request, const char *key, const char *word, const char **why)
{
	struct ipaddr address;

	*why = "ADDR and CLIENT are single IPv4 or IPv6 addresses such as 192.0.2.1 or 2001:db8::1";
	if (ipaddr_from_text(word, &address) < 0)
		return -EINVAL;
	return json_object_set_new(request, key, json_string(word)) == 0 ? 0 : -EINVAL;
}

int nfqdnctl_request_learned(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	struct ipaddr address;

	(void)options;
	*why = "`import` takes one FILE, or - for standard input";
	if (words[0] && strcmp(words[0], "import") == 0)
		return -EINVAL;
	*why = "it takes one name or address at most, `export`, or `import FILE`";
	if (!words[0])
		return 0;
	if (strcmp(words[0], "export") == 0 && !words[1])
		return json_object_set_new(request, "export", json_true()) == 0 ? 0 : -EINVAL;
	if (words[1])
		return -EINVAL;
	if (ipaddr_from_text(words[0], &address) == 0)
		return add_address(request, "address", words[0], why);
	if (add_name(request, words[0], why) == 0)
		return 0;
	*why = "it takes a DNS name such as manage.microsoft.com or a single address such as 192.0.2.1";
	return -EINVAL;
}

static int add_port(json_t *request, const char *word, const char **why)
{
	struct value_ports ports;
	const char *ignored;

	*why = "PROTO/PORT is one port such as tcp/443 or udp/123, or icmp";
	if (value_ports_from_text(word, &ports, &ignored) < 0 || ports.first != ports.last)
		return -EINVAL;
	return json_object_set_new(request, "port", json_string(word)) == 0 ? 0 : -EINVAL;
}

int nfqdnctl_request_why(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	int error;

	(void)options;
	*why = "ADDR is missing";
	if (!words[0])
		return -EINVAL;
	error = add_address(request, "address", words[0], why);
	words++;
	if (error == 0 && words[0] && strcmp(words[0], "from") != 0) {
		error = add_port(request, words[0], why);
		words++;
	}
	if (error < 0 || !words[0])
		return error;
	*why = "after the port comes nothing but `from CLIENT`";
	if (strcmp(words[0], "from") != 0 || !words[1] || words[2])
		return -EINVAL;
	return add_address(request, "from", words[1], why);
}

int nfqdnctl_request_explain(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	(void)options;
	*why = "it takes exactly one name";
	if (!words[0] || words[1])
		return -EINVAL;
	return add_name(request, words[0], why);
}

/* "90", "15m", "2h", "1d" */
static int add_since(json_t *request, const char *text, const char **why)
{
	static const char units[] = "smhd";
	static const int seconds[] = { 1, 60, 3600, 86400 };
	char *end;
	unsigned long number;
	const char *unit;

	*why = "--since takes how long ago: 90 (seconds), 15m, 2h or 1d";
	errno = 0;
	number = strtoul(text, &end, 10);
	unit = *end ? strchr(units, *end) : units;
	if (!isdigit((unsigned char)text[0]) || errno || !unit || (*end && end[1]) || number > 1000000)
		return -EINVAL;
	return json_object_set_new(request, "since", json_integer((json_int_t)number * seconds[unit - units])) == 0
		       ? 0
		       : -EINVAL;
}

int nfqdnctl_request_denied(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	*why = "--follow and --summary do not go together";
	if (options->follow && options->summary)
		return -EINVAL;
	if (options->since && add_since(request, options->since, why) < 0)
		return -EINVAL;
	return no_words(words, why);
}

int nfqdnctl_request_suggest(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	(void)options;
	(void)request;
	return no_words(words, why);
}

int nfqdnctl_request_doctor(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	(void)options;
	(void)request;
	return no_words(words, why);
}

static int add_generation(json_t *request, const char *word, const char **why)
{
	char *end;
	long long number;

	*why = "N is a whole number";
	errno = 0;
	number = strtoll(word, &end, 10);
	if (!isdigit((unsigned char)word[0]) || *end || errno)
		return -EINVAL;
	return json_object_set_new(request, "generation", json_integer(number)) == 0 ? 0 : -EINVAL;
}

static int add_wish(json_t *request, char **words, const char **why)
{
	const char *argument = words[0] ? words[1] : NULL;

	*why = "it takes `ready`, `learned NAME` or `generation N`";
	if (!words[0] || json_object_set_new(request, "for", json_string(words[0])) < 0)
		return -EINVAL;
	if (!argument)
		return strcmp(words[0], "ready") == 0 ? 0 : -EINVAL;
	if (words[2])
		return -EINVAL;
	if (strcmp(words[0], "learned") == 0)
		return add_name(request, argument, why);
	return strcmp(words[0], "generation") == 0 ? add_generation(request, argument, why) : -EINVAL;
}

int nfqdnctl_request_wait(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	if (options->has_timeout && json_object_set_new(request, "timeout", json_integer(options->timeout)) < 0)
		return -EINVAL;
	return add_wish(request, words, why);
}
