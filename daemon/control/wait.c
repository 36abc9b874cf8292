/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/wait.h"

#include <errno.h>
#include <string.h>

#include "control/json.h"
#include "control/request.h"

static const struct {
	const char *word;
	enum control_wait_kind kind;
} kinds[] = {
	{ "ready", CONTROL_WAIT_READY },
	{ "learned", CONTROL_WAIT_LEARNED },
	{ "generation", CONTROL_WAIT_GENERATION },
};

static const char *word_of(enum control_wait_kind kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return kinds[i].word;
	return NULL;
}

static int read_kind(const json_t *request, enum control_wait_kind *out)
{
	const char *word;

	if (control_request_text(request, "for", &word) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(word, kinds[i].word) == 0) {
			*out = kinds[i].kind;
			return 0;
		}
	return -EINVAL;
}

/* -ENOENT: the default stays. */
static int read_timeout(const json_t *request, struct monotime now, struct control_wait *wait)
{
	uint64_t seconds = CONTROL_WAIT_DEFAULT;
	int error = control_request_number(request, "timeout", CONTROL_WAIT_MAX, &seconds);

	wait->deadline = monotime_add(now, (int64_t)seconds * 1000);
	return error == -EINVAL ? error : 0;
}

int control_wait_read(const json_t *request, struct monotime now, struct control_wait *out, const char **why)
{
	struct control_wait wait = { 0 };

	*why = "\"for\" is one of \"ready\", \"learned\", \"generation\"";
	if (read_kind(request, &wait.kind) < 0)
		return -EINVAL;
	*why = "\"timeout\" is a number of seconds from 0 to 86400";
	if (read_timeout(request, now, &wait) < 0)
		return -EINVAL;
	*why = "\"name\" is a DNS name such as \"manage.microsoft.com\"";
	if (wait.kind == CONTROL_WAIT_LEARNED && control_request_name(request, "name", &wait.name) < 0)
		return -EINVAL;
	*why = "\"generation\" is a whole number";
	if (wait.kind == CONTROL_WAIT_GENERATION &&
	    control_request_number(request, "generation", INT64_MAX, &wait.generation) < 0)
		return -EINVAL;
	*out = wait;
	return 0;
}

static bool note_one(void *found, const struct store_view *view)
{
	(void)view;
	*(bool *)found = true;
	return false;
}

bool control_wait_met(const struct control_wait *wait, const struct control_context *context)
{
	bool found = false;

	switch (wait->kind) {
	case CONTROL_WAIT_NONE:
		return true;
	case CONTROL_WAIT_READY:
		return context->ready;
	case CONTROL_WAIT_LEARNED:
		store_visit_name(context->store, &wait->name, note_one, &found);
		return found;
	case CONTROL_WAIT_GENERATION:
		return context->policy->generation >= wait->generation;
	}
	return false;
}

json_t *control_wait_result(const struct control_wait *wait, bool met)
{
	json_t *result = json_object();

	control_json_set(&result, "for", control_json_text(word_of(wait->kind)));
	control_json_set(&result, "met", json_boolean(met));
	return result;
}
