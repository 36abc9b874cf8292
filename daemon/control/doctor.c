/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/doctor_parts.h"
#include "control/json.h"
#include "netfilter/environment.h"

#define DAY_MS 86400000

static const struct doctor_check {
	const char *name;
	void (*run)(struct doctor *doctor);
} checks[] = {
	{ "policy", doctor_daemon_policy },
	{ "interfaces", doctor_kernel_interfaces },
	{ "forwarding", doctor_kernel_forwarding },
	{ "dns", doctor_dns_seen },
	{ "resolvers", doctor_dns_resolvers },
	{ "foreign-dns", doctor_dns_foreign },
	{ "dns-path", doctor_dns_path },
	{ "unnamed", doctor_dns_unnamed },
	{ "ipv6", doctor_dns_ipv6 },
	{ "queue", doctor_dns_queue },
	{ "kernel", doctor_kernel_parts },
	{ "flowtables", doctor_kernel_flowtables },
	{ "chains", doctor_kernel_chains },
	{ "table", doctor_kernel_table },
	{ "lists", doctor_daemon_lists },
	{ "clock", doctor_daemon_clock },
	{ "state", doctor_daemon_state },
	{ "user", doctor_daemon_user },
	{ "limits", doctor_daemon_limits },
};
#define CHECKS (sizeof(checks) / sizeof(checks[0]))

/* ---- findings ---- */

void doctor_find(struct doctor *doctor, enum doctor_severity severity, const char *fix, const char *format, ...)
{
	static const char *const words[] = {
		[DOCTOR_NOTE] = "note", [DOCTOR_WARNING] = "warning", [DOCTOR_ERROR] = "error"
	};
	json_t *object = json_object();
	char seen[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(seen, sizeof(seen), format, arguments);
	va_end(arguments);
	doctor->unwell |= severity != DOCTOR_NOTE;
	control_json_set(&object, "check", json_string(doctor->check));
	control_json_set(&object, "severity", json_string(words[severity]));
	control_json_set(&object, "seen", control_json_text(seen));
	control_json_set(&object, "fix", control_json_text(fix));
	control_json_add(&doctor->findings, object);
}

void doctor_count(struct doctor *doctor, const uint64_t *counter, const char *what, const char *fix)
{
	int64_t ago;

	if (!*counter)
		return;
	ago = monotime_until(recent_when(doctor->context->recent, counter, doctor->now), doctor->now);
	doctor_find(doctor, ago < DAY_MS ? DOCTOR_WARNING : DOCTOR_NOTE, fix,
		    "%" PRIu64 " %s since nfqdnd started %" PRId64 " h ago, the last %" PRId64 " s ago", *counter, what,
		    monotime_until(doctor->context->started, doctor->now) / 3600000, ago / 1000);
}

/* ---- what is looked at ---- */

static void take_counter(void *context, const char *name, uint64_t packets, uint64_t bytes)
{
	struct doctor_counted *counted = context;
	const struct {
		const char *name;
		uint64_t *place;
	} places[] = {
		{ "denied", &counted->denied },
		{ "audited", &counted->denied },
		{ "dns_foreign", &counted->foreign },
		{ "audited_dns_foreign", &counted->foreign },
		{ "snoop_unlearned_interface", &counted->unlearned_interface },
		{ "snoop_unlearned_path", &counted->unlearned_path },
	};

	(void)bytes;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strcmp(places[i].name, name) == 0)
			*places[i].place += packets;
}

/* May take a moment where others have ten thousand rules. Nothing here is the daemon's but its configuration. */
static void look_around(void *argument)
{
	struct doctor *doctor = argument;
	const struct config *config = doctor->context->policy->config;

	doctor->others_error = others_read(config->table, &doctor->others);
	doctor->forwards_error[0] = environment_forwards(IPADDR_V4, &doctor->forwards[0]);
	doctor->forwards_error[1] = environment_forwards(IPADDR_V6, &doctor->forwards[1]);
	doctor->port_error = environment_port(config->interfaces, config->interface_count, &doctor->port);
	doctor->interfaces = calloc(config->interface_count + 1, sizeof(*doctor->interfaces));
	if (doctor->interfaces &&
	    environment_interfaces(config->interfaces, config->interface_count, doctor->interfaces) < 0) {
		free(doctor->interfaces);
		doctor->interfaces = NULL;
	}
}

static void examine(struct doctor *doctor)
{
	const struct control_context *context = doctor->context;

	table_counters(context->table, take_counter, &doctor->counted);
	if (context->aside)
		context->aside(context->daemon, look_around, doctor);
	else
		look_around(doctor);
	for (size_t i = 0; i < CHECKS; i++) {
		doctor->check = checks[i].name;
		checks[i].run(doctor);
	}
	others_free(&doctor->others);
	free(doctor->interfaces);
}

/* ---- the answer ---- */

static json_t *resolvers_json(const struct doctor *doctor)
{
	const struct resolvers *resolvers = doctor->context->resolvers;
	json_t *array = json_array();

	for (size_t i = 0; i < resolvers->count; i++) {
		const struct resolvers_seen *seen = &resolvers->seen[i];
		json_t *object = json_object();
		char text[IPADDR_TEXT_SIZE];

		control_json_set(&object, "address", json_string(ipaddr_to_text(&seen->address, text)));
		control_json_set(&object, "answers", control_json_count(seen->answers));
		control_json_set(&object, "last", json_integer(monotime_until(seen->last, doctor->now) / 1000));
		control_json_add(&array, object);
	}
	return array;
}

json_t *control_doctor(const struct control_context *context, struct monotime now, bool *well)
{
	struct doctor doctor = { .context = context, .now = now, .findings = json_array() };
	json_t *object = json_object(), *names = json_array();

	examine(&doctor);
	for (size_t i = 0; i < CHECKS; i++)
		control_json_add(&names, json_string(checks[i].name));
	control_json_set(&object, "well", json_boolean(!doctor.unwell));
	control_json_set(&object, "checks", names);
	control_json_set(&object, "findings", doctor.findings);
	control_json_set(&object, "resolvers", resolvers_json(&doctor));
	*well = !doctor.unwell;
	return object;
}
