/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/protocol.h"
#include "learn/state_read.h"

/* One request: a millisecond of the daemon's time, and far below LIMIT_CONTROL_REQUEST even when every octet is escaped
 * once more by JSON. */
#define BATCH_RECORDS 128
#define BATCH_OCTETS 16384

struct batch {
	nfqdnctl_import_send *send;
	void *context;
	json_t *lines;
	size_t octets;
	int64_t stamp;
	bool sent;
	int status;
};

static void send_batch(struct batch *batch)
{
	json_t *request = json_pack("{s:i, s:s, s:I, s:o}", "api", CONTROL_API, "command", "learned", "stamp",
				    (json_int_t)batch->stamp, "import", batch->lines);

	batch->lines = json_array();
	batch->octets = 0;
	batch->sent = true;
	batch->status = request ? batch->send(batch->context, request) : -ENOMEM;
	json_decref(request);
}

/* The text of the record, as it stood in the file: there is only one. */
static void add_record(void *context, int64_t stamp, const struct state_record *record)
{
	struct batch *batch = context;
	struct store_view view = {
		.key = record->key, .ttl = record->ttl, .name_count = record->name_count, .names = record->names
	};
	struct state_writer writer = { 0 };
	char line[LIMIT_STATE_LINE];
	size_t length = state_text_record(&writer, record->group, &view, record->life, line) - 1;

	batch->stamp = stamp;
	if (batch->status)
		return;
	if (json_array_size(batch->lines) == BATCH_RECORDS || (batch->octets && batch->octets + length > BATCH_OCTETS))
		send_batch(batch);
	if (!batch->status && json_array_append_new(batch->lines, json_stringn(line, length)) < 0)
		batch->status = -ENOMEM;
	batch->octets += length;
}

static int copy(int from, FILE *to)
{
	char buffer[65536];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (fwrite(buffer, 1, (size_t)n, to) != (size_t)n)
			return -errno;
	return n < 0 || fflush(to) != 0 ? -errno : 0;
}

/* What comes through a pipe is read twice too: it is copied to a file without a name first. */
static int open_input(const char *path, FILE **out)
{
	int from = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC), error;
	FILE *file = from < 0 ? NULL : tmpfile();

	error = file ? copy(from, file) : -errno;
	if (from >= 0)
		close(from);
	if (error < 0 && file)
		fclose(file);
	else
		*out = file;
	return error;
}

static int send_all(int fd, struct batch *batch, const char **why)
{
	int error = state_scan(fd, NULL, NULL, why);

	if (error == 0)
		error = state_scan(fd, add_record, batch, why);
	if (error == 0 && batch->status == 0 && (json_array_size(batch->lines) || !batch->sent))
		send_batch(batch);
	return error ? error : batch->status;
}

int nfqdnctl_import(const char *path, nfqdnctl_import_send *send, void *context, const char **why)
{
	struct batch batch = { .send = send, .context = context, .lines = json_array() };
	FILE *file;
	int error = open_input(path, &file);

	*why = "it cannot be read";
	if (error == 0) {
		error = send_all(fileno(file), &batch, why);
		fclose(file);
	}
	json_decref(batch.lines);
	return error;
}
