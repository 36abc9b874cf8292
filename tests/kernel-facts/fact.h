/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs here share. Each shows, on the running kernel, facts that nfqdn is built on; a fact that no longer holds is a reason
 * to look at the code that names it. */
#ifndef TESTS_KERNEL_FACTS_FACT_H
#define TESTS_KERNEL_FACTS_FACT_H

#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int fact_number, fact_failed;

static inline void fact(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void fact(bool holds, const char *format, ...)
{
	va_list arguments;

	printf("%sok %d - ", holds ? "" : "not ", ++fact_number);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	fact_failed += !holds;
}

/* Runs a shell command; true when it ends with 0. */
static inline bool shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline bool shell(const char *format, ...)
{
	char line[8192];
	va_list arguments;
	int status;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line) - 32, format, arguments);
	va_end(arguments);
	strcat(line, " >/dev/null 2>&1");
	status = system(line);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* One transaction from an nft text. */
static inline bool nft(const char *text)
{
	FILE *pipe = popen("nft -f - >/dev/null 2>&1", "w");
	int status;

	if (!pipe)
		return false;
	fputs(text, pipe);
	status = pclose(pipe);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What a command writes contains `text`. */
static inline bool shows(const char *command, const char *text)
{
	char *out = NULL;
	size_t size = 0;
	FILE *pipe = popen(command, "r");
	bool found;

	if (!pipe || getdelim(&out, &size, '\0', pipe) < 0)
		out = NULL;
	found = out && strstr(out, text);
	if (pipe)
		pclose(pipe);
	free(out);
	return found;
}

/* A network namespace of the program's own, or all facts are skipped. */
static inline void facts_begin(void)
{
	if (unshare(CLONE_NEWNET) == 0 && shell("ip link set lo up") && shell("nft list ruleset"))
		return;
	puts("1..0 # SKIP needs root, ip and nft");
	exit(0);
}

static inline int facts_end(void)
{
	printf("1..%d\n", fact_number);
	return fact_failed ? 1 : 0;
}

#endif
