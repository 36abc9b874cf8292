/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: policy/config.o policy/config_scan.o policy/config_scan_plain.o policy/config_scan_tell.o policy/config_scan_token.o policy/config_reader.o policy/config_read.o policy/config_scalar.o */
/* LINK: policy/config_json.o policy/config_list.o policy/config_check.o policy/nat64.o policy/config_print.o policy/option.o policy/problem.o policy/value.o */
/* LINK: dns/pattern.o dns/pattern_text.o dns/name.o base/arena.o base/hash.o base/ipaddr.o base/log.o base/monotime.o */
/* LIBS: libconfig jansson */
/* A configuration as the daemon reads it, from a file. What loads prints, and what is printed loads to the same. What
 * is refused says why, in printable characters; and nothing that our scanner takes is a syntax error for libconfig. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static struct config *load(const void *data, size_t size, struct problems *problems)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	struct config *config;
	char path[32];

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config = config_load(path, problems);
	close(fd);
	must((config == NULL) == (problems->errors != 0));
	return config;
}

static void check_problems(const struct problems *problems)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	problem_print(problems, out);
	must(problem_print_json(problems, out) == 0);
	fclose(out);
	for (size_t i = 0; i < length; i++)
		must(text[i] == '\n' || (text[i] >= 0x20 && text[i] <= 0x7e));
	free(text);
	for (size_t i = 0; i < problems->count; i++)
		must(strncmp(problems->items[i].text, "libconfig says:", 15) != 0);
}

static char *print(const struct config *config, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	config_print(config, out);
	fclose(out);
	return text;
}

static void check_print(const struct config *config)
{
	struct problems problems = { 0 };
	size_t length, again_length;
	char *text = print(config, &length), *again_text;
	struct config *again = load(text, length, &problems);

	must(again != NULL);
	again_text = print(again, &again_length);
	must(length == again_length && memcmp(text, again_text, length) == 0);
	free(text);
	free(again_text);
	config_free(again);
	problem_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems = { 0 };
	struct config *config = load(data, size, &problems);

	check_problems(&problems);
	if (config != NULL)
		check_print(config);
	config_free(config);
	problem_clear(&problems);
	return 0;
}
