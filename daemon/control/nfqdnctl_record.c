/* SPDX-License-Identifier: GPL-2.0-or-later */
/* draft-ietf-opsawg-pcapng: a section, one interface of raw IP, a block for each packet, and at the end the interface's
 * statistics. In this machine's byte order, which the section tells. */
#include "control/nfqdnctl_record.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "control/nfqdnctl_client.h"
#include "control/protocol.h"

#define PAUSE_MS 100
#define PATIENCE_SECONDS 10
#define LINKTYPE_RAW 101
#define COMMENT_MAX 2048 /* a name of 255 octets has at most 1,020 characters */
#define BLOCK_MAX (LIMIT_PACKET_BYTES + COMMENT_MAX + 256)

enum block_type { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6 };
enum option_code { OPTION_END = 0, OPTION_COMMENT = 1, OPTION_IF_NAME = 2, OPTION_USERAPPL = 4 };
enum statistics_code { STATISTICS_RECEIVED = 4, STATISTICS_DROPPED = 5 };

struct block {
	size_t used;
	uint8_t octets[BLOCK_MAX];
};

struct recording {
	FILE *file;
	uint64_t packets, lost, octets, usec; /* usec: of the last packet */
	uint64_t new_loss; /* since the packet before */
	uint64_t most_packets, most_octets; /* UINT64_MAX: no bound */
	json_int_t after;
	bool failed; /* writing did, errno says why */
};

/* ---- words ---- */

static int read_bound(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return isdigit((unsigned char)text[0]) && !*end && !errno && *out > 0 ? 0 : -EINVAL;
}

int nfqdnctl_request_record(char **words, const struct nfqdnctl_options *options, json_t *request, const char **why)
{
	uint64_t number;

	*why = "one file is wanted (-: standard output)";
	if (!words[0] || words[1])
		return -EINVAL;
	*why = "--count, --seconds and --size take a number from 1 on";
	if ((options->count && read_bound(options->count, &number) < 0) ||
	    (options->seconds && (read_bound(options->seconds, &number) < 0 || number > INT32_MAX)) ||
	    (options->size && read_bound(options->size, &number) < 0))
		return -EINVAL;
	*why = "the file's name is not UTF-8";
	return json_object_set_new(request, "file", json_string(words[0])) < 0 ? -EINVAL : 0;
}

/* ---- blocks ---- */

static void put(struct block *block, const void *data, size_t length)
{
	memcpy(block->octets + block->used, data, length);
	memset(block->octets + block->used + length, 0, -length & 3);
	block->used += (length + 3) & ~(size_t)3;
}

static void put32(struct block *block, uint32_t value)
{
	put(block, &value, sizeof(value));
}

static void put_pair(struct block *block, uint16_t a, uint16_t b)
{
	const uint16_t pair[2] = { a, b };

	put(block, pair, sizeof(pair));
}

static void put_option(struct block *block, uint16_t code, const void *value, size_t length)
{
	put_pair(block, code, (uint16_t)length);
	put(block, value, length);
}

static void begin(struct block *block, uint32_t type)
{
	block->used = 0;
	put32(block, type);
	put32(block, 0);
}

static void end(struct recording *recording, struct block *block)
{
	uint32_t length = (uint32_t)block->used + 4;

	put32(block, length);
	memcpy(block->octets + 4, &length, sizeof(length));
	if (fwrite(block->octets, 1, block->used, recording->file) != block->used)
		recording->failed = true;
	recording->octets += block->used;
}

static void write_start(struct recording *recording, struct block *block)
{
	static const char program[] = "nfqdnctl " NFQDN_VERSION;

	begin(block, BLOCK_SECTION);
	put32(block, 0x1a2b3c4d);
	put_pair(block, 1, 0);
	put32(block, UINT32_MAX); /* the section's length is not told */
	put32(block, UINT32_MAX);
	put_option(block, OPTION_USERAPPL, program, strlen(program));
	put_pair(block, OPTION_END, 0);
	end(recording, block);
	begin(block, BLOCK_INTERFACE);
	put_pair(block, LINKTYPE_RAW, 0);
	put32(block, 0);
	put_option(block, OPTION_IF_NAME, "nfqdnd", strlen("nfqdnd"));
	put_pair(block, OPTION_END, 0);
	end(recording, block);
}

/* Microseconds, as two halves. */
static void put_time(struct block *block, uint64_t usec)
{
	put32(block, (uint32_t)(usec >> 32));
	put32(block, (uint32_t)usec);
}

static void write_end(struct recording *recording, struct block *block)
{
	uint64_t received = recording->packets + recording->lost;

	begin(block, BLOCK_STATISTICS);
	put32(block, 0);
	put_time(block, recording->usec);
	put_option(block, STATISTICS_RECEIVED, &received, sizeof(received));
	put_option(block, STATISTICS_DROPPED, &recording->lost, sizeof(recording->lost));
	put_pair(block, OPTION_END, 0);
	end(recording, block);
}

/* ---- packets ---- */

/* "nfqdn: learned by web (www.example.net)" */
static size_t make_comment(const struct recording *recording, const json_t *packet, char out[COMMENT_MAX])
{
	const char *verdict = nfqdnctl_print_member(packet, "verdict"), *entry = nfqdnctl_print_member(packet, "entry"),
		   *name = nfqdnctl_print_member(packet, "name");
	int used = snprintf(out, COMMENT_MAX, "nfqdn: %s%s%s%s%s%s",
			    verdict[0] ? verdict : nfqdnctl_print_member(packet, "kind"), entry[0] ? " by " : "", entry,
			    name[0] ? " (" : "", name, name[0] ? ")" : "");

	if (used < COMMENT_MAX && recording->new_loss)
		used += snprintf(out + used, COMMENT_MAX - (size_t)used, ", %llu packets before it were lost",
				 (unsigned long long)recording->new_loss);
	return used < COMMENT_MAX ? (size_t)used : COMMENT_MAX - 1;
}

/* Of a lower-case hexadecimal digit. */
static unsigned int digit(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10) & 15;
}

/* Puts what the hexadecimal digits tell. */
static void put_octets(struct block *block, const char *text, size_t length)
{
	uint8_t *at = block->octets + block->used;

	for (size_t i = 0; i < length; i++)
		at[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	memset(at + length, 0, -length & 3);
	block->used += (length + 3) & ~(size_t)3;
}

static bool is_hexadecimal(const char *text)
{
	return text[strspn(text, "0123456789abcdef")] == '\0' && strlen(text) % 2 == 0 &&
	       strlen(text) <= (size_t)2 * LIMIT_PACKET_BYTES;
}

static void write_packet(struct recording *recording, struct block *block, const json_t *packet)
{
	const char *text = nfqdnctl_print_member(packet, "packet");
	double seconds = json_number_value(json_object_get(packet, "time"));
	json_int_t original = json_integer_value(json_object_get(packet, "length"));
	size_t length = strlen(text) / 2, comment_length;
	char comment[COMMENT_MAX];

	if (!is_hexadecimal(text) || !(seconds >= 0 && seconds < 1e12))
		return;
	recording->usec = (uint64_t)(seconds * 1000 + 0.5) * 1000;
	begin(block, BLOCK_PACKET);
	put32(block, 0);
	put_time(block, recording->usec);
	put32(block, (uint32_t)length);
	put32(block,
	      original > (json_int_t)length && original < UINT16_MAX * 4 ? (uint32_t)original : (uint32_t)length);
	put_octets(block, text, length);
	comment_length = make_comment(recording, packet, comment);
	put_option(block, OPTION_COMMENT, comment, comment_length);
	put_pair(block, OPTION_END, 0);
	end(recording, block);
	recording->packets++;
	recording->new_loss = 0;
}

static bool full(const struct recording *recording)
{
	return recording->failed || recording->packets >= recording->most_packets ||
	       recording->octets >= recording->most_octets;
}

static void write_result(struct recording *recording, struct block *block, const json_t *answer)
{
	const json_t *result = json_object_get(answer, "result"), *number = json_object_get(answer, "sequence");

	for (size_t i = 0; i < json_array_size(result) && !full(recording); i++) {
		const json_t *item = json_array_get(result, i);
		uint64_t count = (uint64_t)json_integer_value(json_object_get(item, "count"));

		if (strcmp(nfqdnctl_print_member(item, "kind"), "lost") == 0) {
			recording->lost += count;
			recording->new_loss += count;
		} else {
			write_packet(recording, block, item);
		}
	}
	if (json_is_integer(number))
		recording->after = json_integer_value(number);
	if (fflush(recording->file) != 0)
		recording->failed = true;
}

/* ---- the turns ---- */

/* Waits for a signal of `ending`, or for the next turn. False when there is no next turn. */
static bool wait_for_turn(const sigset_t *ending, const struct timespec *until)
{
	struct timespec pause = { .tv_nsec = (long)PAUSE_MS * 1000000 }, now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (until && (now.tv_sec > until->tv_sec || (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec)))
		return false;
	return sigtimedwait(ending, NULL, &pause) < 0;
}

/* -errno: the daemon is gone; else `*answer` is set when it says no. What was recorded until the end is fetched, too. */
static int record(struct recording *recording, struct block *block, const struct nfqdnctl_options *options,
		  const char *path, json_t *request, json_t **answer)
{
	struct timespec until;
	sigset_t ending;
	bool more = true;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += options->seconds ? (time_t)strtoul(options->seconds, NULL, 10) : 0;
	for (;;) {
		json_t *got = NULL;
		int error = nfqdnctl_client_ask(path, request, PATIENCE_SECONDS, &got);

		if (error < 0)
			return error;
		if (!json_object_get(got, "result")) {
			*answer = got;
			return 0;
		}
		write_result(recording, block, got);
		json_decref(got);
		if (!more || full(recording))
			return 0;
		json_object_set_new(request, "after", json_integer(recording->after));
		more = wait_for_turn(&ending, options->seconds ? &until : NULL);
	}
}

static json_t *failure(const char *file, int error)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: %s", file, strerror(error));
	return json_pack("{s:i, s:b, s:i, s:s}", "api", CONTROL_API, "ok", 0, "exit", NFQDNCTL_NO, "error", text);
}

static json_t *told(const struct recording *recording, const char *file)
{
	json_t *result = json_pack("{s:i, s:s, s:I, s:I, s:I}", "api", CONTROL_API, "file", file, "packets",
				   (json_int_t)recording->packets, "lost", (json_int_t)recording->lost, "octets",
				   (json_int_t)recording->octets);

	return json_pack("{s:i, s:b, s:i, s:o}", "api", CONTROL_API, "ok", 1, "exit", NFQDNCTL_YES, "result", result);
}

static int record_into(struct recording *recording, const struct nfqdnctl_options *options, const char *path,
		       json_t *request, const char *file, json_t **answer)
{
	struct block *block = malloc(sizeof(*block));
	int error;

	if (!block)
		return -ENOMEM;
	write_start(recording, block);
	error = record(recording, block, options, path, request, answer);
	write_end(recording, block);
	if (fflush(recording->file) != 0)
		recording->failed = true;
	if (error == 0 && !*answer)
		*answer = recording->failed ? failure(file, errno ? errno : EIO) : told(recording, file);
	free(block);
	return error;
}

int nfqdnctl_record(const struct nfqdnctl_options *options, const char *path, json_t *request, json_t **answer)
{
	struct recording recording = { .most_packets = UINT64_MAX, .most_octets = UINT64_MAX };
	json_t *name = json_incref(json_object_get(request, "file"));
	const char *file = json_string_value(name);
	int error = 0;

	json_object_del(request, "file");
	if (options->count)
		(void)read_bound(options->count, &recording.most_packets);
	if (options->size)
		(void)read_bound(options->size, &recording.most_octets);
	recording.file = strcmp(file, "-") == 0 ? stdout : fopen(file, "wb");
	if (recording.file)
		error = record_into(&recording, options, path, request, file, answer);
	else
		*answer = failure(file, errno);
	if (recording.file && recording.file != stdout)
		fclose(recording.file);
	json_decref(name);
	return error;
}

void nfqdnctl_print_record(const json_t *result, FILE *out)
{
	const json_t *lost = json_object_get(result, "lost");

	/* A recording on standard output is not spoilt by words. */
	if (strcmp(nfqdnctl_print_member(result, "file"), "-") == 0)
		out = stderr;
	fprintf(out, "%lld packets, %lld octets in %s",
		(long long)json_integer_value(json_object_get(result, "packets")),
		(long long)json_integer_value(json_object_get(result, "octets")),
		nfqdnctl_print_member(result, "file"));
	if (json_integer_value(lost))
		fprintf(out, "; %lld packets came too fast and were lost", (long long)json_integer_value(lost));
	fputc('\n', out);
}
