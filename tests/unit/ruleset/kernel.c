/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ruleset/kernel.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static bool kernel_ready; /* this is a test program: one namespace for all of it */

int kernel_enter(void **state)
{
	(void)state;
	kernel_ready = unshare(CLONE_NEWNET) == 0 && kernel_status("ip link set lo up") == 0 &&
		       kernel_status("nft list ruleset") == 0;
	if (!kernel_ready)
		print_message("# needs root, ip and nft\n");
	return 0;
}

void kernel_need(void)
{
	if (!kernel_ready)
		skip();
}

static void command(char *out, size_t size, const char *format, va_list arguments)
{
	int length = vsnprintf(out, size, format, arguments);

	assert_true(length >= 0 && (size_t)length + sizeof(" 2>/dev/null") < size);
	strcat(out, " 2>/dev/null");
}

char *kernel_shell(const char *format, ...)
{
	char line[4096], *text = NULL;
	va_list arguments;
	size_t size = 0;
	FILE *pipe;

	va_start(arguments, format);
	command(line, sizeof(line), format, arguments);
	va_end(arguments);
	pipe = popen(line, "r");
	assert_non_null(pipe);
	if (getdelim(&text, &size, '\0', pipe) < 0) {
		free(text);
		text = strdup("");
	}
	pclose(pipe);
	return text;
}

int kernel_status(const char *format, ...)
{
	char line[4096];
	va_list arguments;
	int status;

	va_start(arguments, format);
	command(line, sizeof(line) - 16, format, arguments);
	va_end(arguments);
	strcat(line, " >/dev/null");
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void kernel_flush(void)
{
	assert_int_equal(kernel_status("nft flush ruleset"), 0);
}

int kernel_load(const char *text)
{
	char path[] = "/tmp/nfqdn-load-XXXXXX";
	int fd = mkstemp(path), status;
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	status = kernel_status("nft -f %s", path);
	unlink(path);
	return status;
}

char *kernel_list(const char *table)
{
	return kernel_shell("nft -s list table inet %s 2>/dev/null | "
			    "sed -e '1s/ # progname.*//' -e '/^\tflags /,/^$/{/^\tflags /d;/^$/d}'",
			    table);
}

struct table *kernel_open(const char *name)
{
	struct table *table;
	const char *error;
	int result = table_open(name, &table, &error);

	if (result < 0)
		fail_msg("table_open: %d %s", result, error);
	return table;
}

void kernel_apply(struct table *table, const struct policy *policy)
{
	const char *error;
	int result = table_apply(table, policy, &error);

	if (result < 0)
		fail_msg("table_apply: %d %s", result, error);
}

char *kernel_without_queue(char *text)
{
	static const char word[] = "counter name \"snoop_queued\"";

	for (char *at = text; (at = strstr(at, word));) {
		at += strlen(word);
		memmove(at, at + strcspn(at, "\n"), strlen(at + strcspn(at, "\n")) + 1);
	}
	return text;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *kernel_sorted(char *text)
{
	char *blocks[512], *sorted = malloc(strlen(text) + 1024);
	size_t count = 0;

	assert_non_null(sorted);
	/* A block ends with an empty line; the last one with the end of the table. */
	for (char *at = text; at && *at && count < 512;) {
		char *end = strstr(at, "\t}\n");

		blocks[count++] = at;
		at = end ? end + 3 : NULL;
		if (at) {
			char *next = *at == '\n' ? at + 1 : at;

			at[-1] = '\0';
			at = next;
		}
	}
	qsort(blocks, count, sizeof(blocks[0]), compare);
	sorted[0] = '\0';
	for (size_t i = 0; i < count; i++)
		strcat(strcat(sorted, blocks[i]), "\n");
	free(text);
	return sorted;
}
