/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: control/request.o control/wait.o control/json.o base/escape.o base/ipaddr.o dns/name.o policy/value.o */
/* LIBS: jansson */
/* A request line and each reader of its arguments. What is accepted must be what the contracts say. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/request.h"
#include "control/wait.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `wait` looks into a store only when it is served, which is not done here. */
void store_visit_name(const struct store *store, const struct dns_name *name,
		      bool (*visit)(void *context, const struct store_view *view), void *context)
{
	(void)store;
	(void)name;
	(void)visit;
	(void)context;
	abort();
}

static void must(bool held)
{
	if (!held)
		abort();
}

static void read_address(const json_t *request, const char *key)
{
	struct ipaddr address, again;
	char text[IPADDR_TEXT_SIZE];
	int error = control_request_address(request, key, &address);

	must(error == 0 || error == -ENOENT || error == -EINVAL);
	if (error == 0)
		must(ipaddr_from_text(ipaddr_to_text(&address, text), &again) == 0 && ipaddr_equal(&address, &again));
}

static void read_name(const json_t *request)
{
	struct dns_name name, again;
	char text[DNS_NAME_TEXT_SIZE];
	int error = control_request_name(request, "name", &name);

	must(error == 0 || error == -ENOENT || error == -EINVAL);
	if (error < 0)
		return;
	must(name.length >= 1);
	must(dns_name_from_text(dns_name_to_text(&name, text), &again) == 0 && dns_name_equal(&name, &again));
}

static void read_port(const json_t *request)
{
	struct value_ports port;
	int error = control_request_port(request, "port", &port);

	must(error == 0 || error == -ENOENT || error == -EINVAL);
	if (error == 0)
		must(port.first == port.last && (port.proto == VALUE_ICMP) == (port.first == 0));
}

static void read_wait(const json_t *request)
{
	struct control_wait wait;
	const char *why = NULL;
	const struct monotime now = { .msec = 1000 };
	int error = control_wait_read(request, now, &wait, &why);

	must(error == 0 || error == -EINVAL);
	must(why != NULL);
	if (error == 0)
		must(wait.kind != CONTROL_WAIT_NONE && monotime_until(now, wait.deadline) >= 0 &&
		     monotime_until(now, wait.deadline) <= CONTROL_WAIT_MAX * 1000LL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	json_t *request = NULL;
	int error = control_request_parse((const char *)data, size, &request, &why);

	must((error == 0) == (request != NULL));
	must(error == 0 || ((error == -EINVAL || error == -EBADMSG) && why));
	if (error < 0)
		return 0;
	must(control_request_command(request) != NULL);
	read_address(request, "address");
	read_address(request, "from");
	read_name(request);
	read_port(request);
	read_wait(request);
	json_decref(request);
	return 0;
}
