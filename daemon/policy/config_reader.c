/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_reader.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void config_reader_tell(struct config_reader *reader, enum problem_severity severity, unsigned int line,
			const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	problem_add(reader->problems, severity, reader->file, line, reader->path, "%s", text);
}

size_t config_reader_enter(struct config_reader *reader, const char *name)
{
	size_t length = strlen(reader->path);

	snprintf(reader->path + length, sizeof(reader->path) - length, "%s%s", length == 0 ? "" : ".", name);
	return length;
}

size_t config_reader_enter_item(struct config_reader *reader, unsigned int index)
{
	size_t length = strlen(reader->path);

	snprintf(reader->path + length, sizeof(reader->path) - length, "[%u]", index);
	return length;
}

void config_reader_leave(struct config_reader *reader, size_t length)
{
	reader->path[length] = '\0';
}

unsigned int config_reader_line(const config_setting_t *setting)
{
	return (unsigned int)(uintptr_t)config_setting_get_hook(setting);
}

const config_setting_t *config_reader_group(const config_setting_t *group, const char *name)
{
	const config_setting_t *setting = config_setting_get_member(group, name);

	return setting != NULL && config_setting_type(setting) == CONFIG_TYPE_GROUP ? setting : NULL;
}

const char *config_reader_type(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return "a group";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a text";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		return "a list";
	}
	return "nothing";
}

bool config_reader_is_text(const config_setting_t *setting)
{
	return config_setting_type(setting) == CONFIG_TYPE_STRING;
}

const char *config_reader_text(struct config_reader *reader, const config_setting_t *setting)
{
	unsigned int line = config_reader_line(setting);
	const char *text;

	if (!config_reader_is_text(setting)) {
		config_reader_error(reader, line, "%s was found where a text is expected: write it in double quotes",
				    config_reader_type(setting));
		return NULL;
	}
	text = config_setting_get_string(setting);
	if (text == NULL || *text == '\0') {
		config_reader_error(reader, line, "the text is empty");
		return NULL;
	}
	for (const char *at = text; *at != '\0'; at++) {
		if (iscntrl((unsigned char)*at)) {
			config_reader_error(reader, line, "\"%s\" holds a control character", text);
			return NULL;
		}
	}
	return text;
}

const char *config_reader_keep(struct config_reader *reader, const char *text)
{
	const char *copy = arena_strdup(reader->arena, text);

	reader->no_memory |= copy == NULL;
	return copy;
}
