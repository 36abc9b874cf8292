/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/nfqdnctl_doctor.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/json.h"

#define LOCK_PREFIX "@nfqdn/" /* netfilter/table_lock.c */
#define DEFAULT_USER "nfqdn"

struct alone {
	const char *path;
	int error;
	json_t *findings;
	const char *check;
	bool unwell;
};

static void find(struct alone *alone, const char *severity, const char *seen, const char *fix)
{
	json_t *object = json_object();

	alone->unwell |= strcmp(severity, "note") != 0;
	control_json_set(&object, "check", json_string(alone->check));
	control_json_set(&object, "severity", json_string(severity));
	control_json_set(&object, "seen", control_json_text(seen));
	control_json_set(&object, "fix", json_string(fix));
	control_json_add(&alone->findings, object);
}

/* The tables of daemons that run in this network namespace, by the names of their locks: "nfqdn other". False: none. */
static bool find_locks(char *out, size_t size)
{
	FILE *file = fopen("/proc/net/unix", "re");
	char line[512];
	size_t used = 0;

	while (file && used < size && fgets(line, sizeof(line), file)) {
		const char *lock = strstr(line, " " LOCK_PREFIX);

		if (lock)
			used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? " " : "",
						 (int)strcspn(lock + sizeof(LOCK_PREFIX), "\n"),
						 lock + sizeof(LOCK_PREFIX));
	}
	if (file)
		fclose(file);
	return used > 0;
}

static void look_for_daemon(struct alone *alone)
{
	static const char *const meanwhile =
		"while none runs, DNS passes unlearned, and what was learned stays until it times out";
	char seen[1024], tables[256];

	snprintf(seen, sizeof(seen), "no daemon answers at %s: %s; %s", alone->path, strerror(-alone->error),
		 meanwhile);
	if (alone->error == -EACCES) {
		snprintf(seen, sizeof(seen), "you may not use the socket %s", alone->path);
		find(alone, "error", seen,
		     "sudo nfqdnctl doctor: the socket is for root and the group of gateway.user");
	} else if (find_locks(tables, sizeof(tables))) {
		snprintf(seen, sizeof(seen),
			 "no daemon answers at %s: %s; but nfqdnd runs here (table %s): it listens elsewhere, starts, "
			 "or "
			 "hangs",
			 alone->path, strerror(-alone->error), tables);
		find(alone, "error", seen, "nfqdnctl -s SOCKET doctor, with `control` of its configuration");
	} else {
		find(alone, "error", seen,
		     "nfqdnd --check -c /etc/nfqdn.conf tells whether it can start; then start it (systemctl start "
		     "nfqdnd)");
	}
}

static bool is_zero(const char *path)
{
	FILE *file = fopen(path, "re");
	int first = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return first == '0' || first == EOF;
}

static void look_at_forwarding(struct alone *alone)
{
	if (is_zero("/proc/sys/net/ipv4/ip_forward") && is_zero("/proc/sys/net/ipv6/conf/all/forwarding"))
		find(alone, "error",
		     "the kernel forwards neither IPv4 nor IPv6: clients reach nothing behind this machine",
		     "sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
}

static void look_for_user(struct alone *alone)
{
	if (!getpwnam(DEFAULT_USER))
		find(alone, "note", "there is no user " DEFAULT_USER ", the default of gateway.user",
		     "useradd --system --user-group --no-create-home --shell /usr/sbin/nologin " DEFAULT_USER
		     ", unless the configuration names another one");
}

static const struct check {
	const char *name;
	void (*look)(struct alone *alone);
} checks[] = {
	{ "daemon", look_for_daemon },
	{ "forwarding", look_at_forwarding },
	{ "user", look_for_user },
};

json_t *nfqdnctl_doctor(const char *path, int error)
{
	struct alone alone = { .path = path, .error = error, .findings = json_array() };
	json_t *object = json_object(), *names = json_array();

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		alone.check = checks[i].name;
		checks[i].look(&alone);
		control_json_add(&names, json_string(checks[i].name));
	}
	control_json_set(&object, "well", json_boolean(!alone.unwell));
	control_json_set(&object, "checks", names);
	control_json_set(&object, "findings", alone.findings);
	control_json_set(&object, "resolvers", json_array());
	return object;
}
