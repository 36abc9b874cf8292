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
#include "policy/config_check.h"
#include "policy/config_read.h"
#include "policy/config_reader.h"
#include "policy/config_scan.h"

/* A list of 100,000 names is some 3 MiB. libconfig keeps all of it in memory, several times. */
#define FILE_MAX (16u << 20)
#define READ_STEP 65536u

struct text {
	char *octets; /* a newline and a NUL follow, which do not count */
	size_t length;
};

/* Reads to the end; -EFBIG beyond FILE_MAX. Works on pipes, too. */
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
		if (text->length > FILE_MAX)
			return -EFBIG;
	}
}

static int read_file(const char *path, struct text *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
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
 * octets and three characters at least; so much must be there before it begins. */
static bool is_room_for(const struct text *text)
{
	size_t size = (1 << 20) + 48 * text->length;
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
	if (!is_room_for(text))
		return -ENOMEM;
	config_init(&file);
	result = parse(reader, text, &file);
	if (result == 0) {
		config_read_root(reader, config_root_setting(&file), config);
		config_check_all(reader, config_root_setting(&file), config);
		leave_out_overlay(config);
	}
	config_destroy(&file);
	return reader->no_memory ? -ENOMEM : result;
}

static void load(struct config_reader *reader, const char *path, struct config *config)
{
	struct text text = { 0 };
	int result = read_file(path, &text);

	config->file = arena_strdup(reader->arena, path);
	config->sum = hash_bytes(&(struct hash_key) { 0 }, text.octets, text.length);
	if (result == -EFBIG)
		config_reader_error(reader, 0, "the file is larger than %u MiB", FILE_MAX >> 20);
	else if (result != 0)
		config_reader_error(reader, 0, "cannot be read: %s", strerror(-result));
	else if (config->file == NULL || fill(reader, &text, config) == -ENOMEM)
		config_reader_error(reader, 0, "out of memory");
	free(text.octets);
}

struct config *config_load(const char *path, struct problems *problems)
{
	size_t errors = problems->errors;
	struct config_reader reader = { .arena = arena_new(), .problems = problems, .file = path };
	struct config *config = reader.arena == NULL ? NULL : arena_alloc(reader.arena, sizeof(*config));

	if (config == NULL) {
		arena_free(reader.arena);
		config_reader_error(&reader, 0, "out of memory");
		return NULL;
	}
	config->arena = reader.arena;
	load(&reader, path, config);
	problem_sort(problems);
	if (problems->errors == errors)
		return config;
	config_free(config);
	return NULL;
}

void config_free(struct config *config)
{
	if (config != NULL)
		arena_free(config->arena);
}
