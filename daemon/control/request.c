/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/request.h"

#include <errno.h>
#include <string.h>

#include "control/protocol.h"

static int check(const json_t *request, const char **why)
{
	const json_t *api = json_object_get(request, "api");

	if (!json_is_integer(api) || json_integer_value(api) != CONTROL_API) {
		*why = "\"api\": 1 is missing: that is the only version spoken here";
		return -EINVAL;
	}
	if (!json_is_string(json_object_get(request, "command"))) {
		*why = "\"command\": NAME is missing";
		return -EINVAL;
	}
	return 0;
}

int control_request_parse(const char *line, size_t length, json_t **out, const char **why)
{
	json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	int error;

	if (!json_is_object(request)) {
		json_decref(request);
		*why = "a request is one JSON object on one line";
		return -EBADMSG;
	}
	error = check(request, why);
	if (error < 0)
		json_decref(request);
	else
		*out = request;
	return error;
}

const char *control_request_command(const json_t *request)
{
	return json_string_value(json_object_get(request, "command"));
}

int control_request_text(const json_t *request, const char *key, const char **out)
{
	const json_t *value = json_object_get(request, key);

	if (!value || json_is_null(value))
		return -ENOENT;
	if (!json_is_string(value))
		return -EINVAL;
	*out = json_string_value(value);
	return 0;
}

int control_request_address(const json_t *request, const char *key, struct ipaddr *out)
{
	const char *text;
	int error = control_request_text(request, key, &text);

	return error < 0 ? error : ipaddr_from_text(text, out);
}

int control_request_name(const json_t *request, const char *key, struct dns_name *out)
{
	const char *text;
	int error = control_request_text(request, key, &text);

	if (error < 0)
		return error;
	return dns_name_from_text(text, out) < 0 ? -EINVAL : 0;
}

int control_request_port(const json_t *request, const char *key, struct value_ports *out)
{
	const char *text, *why;
	struct value_ports ports;
	int error = control_request_text(request, key, &text);

	if (error < 0)
		return error;
	if (value_ports_from_text(text, &ports, &why) < 0 || ports.first != ports.last)
		return -EINVAL;
	*out = ports;
	return 0;
}

int control_request_number(const json_t *request, const char *key, uint64_t max, uint64_t *out)
{
	const json_t *value = json_object_get(request, key);

	if (!value || json_is_null(value))
		return -ENOENT;
	if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return -EINVAL;
	*out = (uint64_t)json_integer_value(value);
	return 0;
}
