/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_metrics.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/nfqdnctl_print.h"

static bool is_name(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return length > 0 && !text[length] && (text[0] < '0' || text[0] > '9');
}

/* A control character would end the line, or reach a terminal: it is spelled as in C, with its \ escaped. */
static void print_escaped(const char *text, bool quoted, FILE *out)
{
	for (; *text; text++) {
		unsigned char octet = (unsigned char)*text;

		if (octet == '\n')
			fputs("\\n", out);
		else if (octet == '\\' || (quoted && octet == '"'))
			fprintf(out, "\\%c", octet);
		else if (octet < ' ' || octet == 0x7f)
			fprintf(out, "\\\\x%02x", octet);
		else
			fputc(octet, out);
	}
}

static void print_number(const json_t *value, FILE *out)
{
	if (json_is_integer(value))
		fprintf(out, "%lld\n", (long long)json_integer_value(value));
	else
		fprintf(out, "%.15g\n", json_real_value(value));
}

/* {a="b",c="d"}, with `le` unless it is NULL. */
static void print_labels(const json_t *labels, const char *le, FILE *out)
{
	const char *separator = "{";
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)labels, key, value)
	{
		if (!is_name(key) || !json_is_string(value))
			continue;
		fprintf(out, "%s%s=\"", separator, key);
		print_escaped(json_string_value(value), true, out);
		fputc('"', out);
		separator = ",";
	}
	if (le)
		fprintf(out, "%sle=\"%s\"", separator, le);
	if (le || separator[0] == ',')
		fputc('}', out);
}

static void print_bucket(const char *name, const json_t *labels, const char *le, const json_t *count, FILE *out)
{
	fprintf(out, "%s_bucket", name);
	print_labels(labels, le, out);
	fputc(' ', out);
	print_number(count, out);
}

static void print_histogram(const char *name, const json_t *sample, FILE *out)
{
	const json_t *labels = json_object_get(sample, "labels"), *buckets = json_object_get(sample, "buckets");

	for (size_t i = 0; i < json_array_size(buckets); i++) {
		const json_t *bucket = json_array_get(buckets, i);
		char le[32];

		snprintf(le, sizeof(le), "%.15g", json_number_value(json_object_get(bucket, "le")));
		print_bucket(name, labels, le, json_object_get(bucket, "count"), out);
	}
	print_bucket(name, labels, "+Inf", json_object_get(sample, "count"), out);
	fprintf(out, "%s_sum", name);
	print_labels(labels, NULL, out);
	fputc(' ', out);
	print_number(json_object_get(sample, "sum"), out);
	fprintf(out, "%s_count", name);
	print_labels(labels, NULL, out);
	fputc(' ', out);
	print_number(json_object_get(sample, "count"), out);
}

static void print_sample(const char *name, const json_t *sample, FILE *out)
{
	if (json_object_get(sample, "buckets")) {
		print_histogram(name, sample, out);
		return;
	}
	fputs(name, out);
	print_labels(json_object_get(sample, "labels"), NULL, out);
	fputc(' ', out);
	print_number(json_object_get(sample, "value"), out);
}

static void print_head(const char *name, const char *type, const char *help, FILE *out)
{
	fprintf(out, "# HELP %s ", name);
	print_escaped(help, false, out);
	fprintf(out, "\n# TYPE %s %s\n", name, type);
}

static void print_metric(const json_t *metric, FILE *out)
{
	const char *name = nfqdnctl_print_member(metric, "name"), *type = nfqdnctl_print_member(metric, "type");
	const json_t *samples = json_object_get(metric, "samples");

	if (json_array_size(samples) == 0 || !is_name(name) || !is_name(type))
		return;
	print_head(name, type, nfqdnctl_print_member(metric, "help"), out);
	for (size_t i = 0; i < json_array_size(samples); i++)
		print_sample(name, json_array_get(samples, i), out);
}

void nfqdnctl_print_metrics(const json_t *result, FILE *out)
{
	const json_t *metrics = json_object_get(result, "metrics");

	print_head("nfqdn_up", "gauge", "1 when the daemon answered.", out);
	fprintf(out, "nfqdn_up %d\n", result != NULL);
	for (size_t i = 0; i < json_array_size(metrics); i++)
		print_metric(json_array_get(metrics, i), out);
}

/* ---- to a file ---- */

static int write_all(int fd, const json_t *result)
{
	FILE *out = fdopen(fd, "w");
	int error = 0;

	if (!out) {
		error = -errno;
		close(fd);
		return error;
	}
	nfqdnctl_print_metrics(result, out);
	if (fflush(out) != 0 || ferror(out) || fchmod(fd, 0644) < 0)
		error = errno ? -errno : -EIO;
	if (fclose(out) != 0 && error == 0)
		error = -errno;
	return error;
}

/* node_exporter reads *.prom alone: it passes over the one that is being written. */
int nfqdnctl_metrics_write(const char *path, const json_t *result)
{
	size_t size = strlen(path) + sizeof(".XXXXXX");
	char *made = malloc(size);
	int fd, error;

	if (!made)
		return -ENOMEM;
	snprintf(made, size, "%s.XXXXXX", path);
	fd = mkstemp(made);
	error = fd < 0 ? -errno : write_all(fd, result);
	if (error == 0 && rename(made, path) < 0)
		error = -errno;
	if (error < 0 && fd >= 0)
		unlink(made);
	free(made);
	return error;
}
