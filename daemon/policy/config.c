/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "policy/config_check.h"
#include "policy/config_json.h"
#include "policy/config_read.h"
#include "policy/config_reader.h"
#include "policy/config_scan.h"

#define READ_STEP 65536u

struct text {
	char *octets; /* a newline and a NUL follow, which do not count */
	size_t length;
};

/* Reads to the end; -EFBIG beyond LIMIT_CONFIG_OCTETS. Works on pipes, too. */
static int read_all(int fd, struct text *text)
{
	for (;;) {
		char *octets = realloc(text->octets, text->length + READ_STEP + 2);
		ssize_t count;

		if (octets == NULL)
			return -ENOMEM;
		text->octets = octets;
		count = read(fd, octets + text->length, READ_STEP);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		text->length += (size_t)count;
		/* libconfig 1.5 takes a comment on the last line for a syntax error unless a newline ends it */
		memcpy(octets + text->length, "\n", 2);
		if (count == 0)
			return 0;
		if (text->length > LIMIT_CONFIG_OCTETS)
			return -EFBIG;
	}
}

bool config_is_stdin(const char *path)
{
	return strcmp(path, CONFIG_STDIN) == 0;
}

const char *config_name(const char *path)
{
	return config_is_stdin(path) ? "<stdin>" : path;
}

static int read_file(const char *path, struct text *text)
{
	int fd = config_is_stdin(path) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return -errno;
	result = read_all(fd, text);
	close(fd);
	return result;
}

/* Notes on every setting the line it stands on. libconfig's own is wrong for a value whose next token is on a later
 * line. */
static void note_lines(config_setting_t *setting, const struct config_scan *scan, size_t *next)
{
	unsigned int line = config_setting_source_line(setting);
	int type = config_setting_type(setting);

	if (type == CONFIG_TYPE_GROUP || type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST) {
		for (int i = 0; i < config_setting_length(setting); i++)
			note_lines(config_setting_get_elem(setting, (unsigned int)i), scan, next);
	} else if (*next < scan->count) {
		line = scan->lines[(*next)++];
	}
	config_setting_set_hook(setting, (void *)(uintptr_t)line);
}

static int parse(struct config_reader *reader, const struct text *text, config_t *file)
{
	struct config_scan scan = { 0 };
	int result = config_scan_text(text->octets, text->length, reader->file, reader->problems, &scan);
	size_t next = 0;

	if (result == 0 && config_read_string(file, text->octets) != CONFIG_TRUE) {
		config_reader_error(reader, (unsigned int)config_error_line(file), "libconfig says: %s",
				    config_error_text(file));
		result = -EINVAL;
	}
	if (result == 0)
		note_lines(config_root_setting(file), &scan, &next);
	config_scan_release(&scan);
	return result;
}

/* libconfig (1.5) writes to what malloc() did not give it, and later ones end the process. A setting takes some 120
 * octets and three characters at least, in JSON two; so much must be there before it begins. */
static bool is_room_for(const struct text *text, bool json)
{
	size_t size = (1 << 20) + (json ? 96 : 48) * text->length;
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return false;
	munmap(map, size);
	return true;
}

/* The overlay of the default comes with the first list that is imported. A folder that is named must be there. */
static void leave_out_overlay(struct config *config)
{
	if (config->catalog.line == 0 && config->catalog.count > 1 && access(CONFIG_OVERLAY, F_OK) < 0 &&
	    errno == ENOENT)
		config->catalog.count--;
}

static int fill(struct config_reader *reader, const struct text *text, struct config *config)
{
	config_t file;
	int result = config_read_defaults(reader, config);

	if (result != 0)
		return result;
	reader->json = config_json_is(text->octets, text->length);
	if (!is_room_for(text, reader->json))
		return -ENOMEM;
	config_init(&file);
	result =
		reader->json ? config_json_read(reader, text->octets, text->length, &file) : parse(reader, text, &file);
	if (result == 0) {
		config_read_root(reader, config_root_setting(&file), config);
		config_check_all(reader, config_root_setting(&file), config);
		leave_out_overlay(config);
	}
	config_destroy(&file);
	return reader->no_memory ? -ENOMEM : result;
}

static int copy_text(const char *given, struct text *text)
{
	size_t length = strlen(given);
	char *octets = malloc(length + 2);

	if (octets == NULL)
		return -ENOMEM;
	snprintf(octets, length + 2, "%s\n", given);
	text->octets = octets;
	text->length = length;
	return 0;
}

/* What is kept is what was given, without the newline behind it: the sums of both are the same. */
static int keep_text(struct config_reader *reader, const struct text *text, struct config *config)
{
	char *kept = arena_alloc(reader->arena, text->length + 1);

	if (kept == NULL)
		return -ENOMEM;
	memcpy(kept, text->octets, text->length);
	kept[text->length] = '\0';
	config->given = kept;
	return 0;
}

static void load(struct config_reader *reader, const char *path, const char *given, struct config *config)
{
	struct text text = { 0 };
	int result = given != NULL ? copy_text(given, &text) : read_file(path, &text);

	config->file = arena_strdup(reader->arena, reader->file);
	config->sum = hash_bytes(&(struct hash_key) { 0 }, text.octets, text.length);
	if (result == 0 && config->file == NULL)
		result = -ENOMEM;
	if (result == 0 && text.octets != NULL && config_is_stdin(path))
		result = keep_text(reader, &text, config);
	if (result == -EFBIG)
		config_reader_error(reader, 0, "the configuration is larger than %u MiB", LIMIT_CONFIG_OCTETS >> 20);
	else if (result != 0 && result != -ENOMEM)
		config_reader_error(reader, 0, "cannot be read: %s", strerror(-result));
	else if (result == -ENOMEM || fill(reader, &text, config) == -ENOMEM)
		config_reader_error(reader, 0, "out of memory");
	free(text.octets);
}

static struct config *load_from(const char *path, const char *given, struct problems *problems)
{
	size_t errors = problems->errors;
	struct config_reader reader = { .arena = arena_new(), .problems = problems, .file = config_name(path) };
	struct config *config = reader.arena == NULL ? NULL : arena_alloc(reader.arena, sizeof(*config));

	if (config == NULL) {
		arena_free(reader.arena);
		config_reader_error(&reader, 0, "out of memory");
		return NULL;
	}
	config->arena = reader.arena;
	load(&reader, path, given, config);
	problem_sort(problems);
	if (problems->errors == errors)
		return config;
	config_free(config);
	return NULL;
}

struct config *config_load(const char *path, struct problems *problems)
{
	return load_from(path, NULL, problems);
}

struct config *config_load_given(const char *text, struct problems *problems)
{
	return load_from(CONFIG_STDIN, text, problems);
}

void config_free(struct config *config)
{
	if (config != NULL)
		arena_free(config->arena);
}
