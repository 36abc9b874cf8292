/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: dns/name.o dns/wire.o */
/* Input: two octets that say where names begin, then either a name's text or what follows the header of a message.
 * Text and wire form lead to each other, and reading with and without known names is the same. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_name again;

	dns_name_to_text(name, text);
	for (const char *at = text; *at; at++)
		must(*at > 0x20 && *at < 0x7f && *at != '"' && *at != '#');
	must(dns_name_from_text(text, &again) == 0);
	must(dns_name_equal(name, &again));
}

/* Written plainly into another message, the name is read as itself. */
static void check_plain(const struct dns_name *name)
{
	uint8_t message[WIRE_HEADER_SIZE + DNS_NAME_MAX];
	struct wire wire;
	struct wire_name read;
	struct dns_name again;

	memcpy(message + WIRE_HEADER_SIZE, name->octets, name->length);
	wire = wire_message(message, WIRE_HEADER_SIZE + (size_t)name->length);
	wire_skip(&wire, WIRE_HEADER_SIZE);
	read = wire_name_read(&wire);
	must(!wire.failed && wire_left(&wire) == 0 && read.first == WIRE_HEADER_SIZE);
	wire_name_copy(&wire, read, &again);
	must(dns_name_equal(name, &again));
}

static void fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct dns_name name;
	int error;

	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	error = dns_name_from_text(text, &name);
	must(error == 0 || error == -EINVAL || error == -ENAMETOOLONG);
	if (error == 0) {
		check_text(&name);
		check_plain(&name);
	}
	free(text);
}

/* Reads the name at `at`; false when it is refused. */
static bool read_at(const uint8_t *message, size_t size, size_t at, struct wire_known *known, struct wire_name *out,
		    struct dns_name *name)
{
	struct wire wire = wire_message(message, size);

	wire_skip(&wire, at);
	wire.known = known;
	*out = wire_name_read(&wire);
	if (wire.failed)
		return false;
	must(wire.position > at && wire.position <= size);
	wire_name_copy(&wire, *out, name);
	must(name->length == out->length);
	return true;
}

static void fuzz_wire(const uint8_t *data, size_t size, size_t first, size_t second)
{
	uint8_t *message = calloc(1, WIRE_HEADER_SIZE + size + 1);
	size_t length = WIRE_HEADER_SIZE + size;
	struct wire wire = wire_message(message, length);
	struct wire_known known = { 0 };
	struct wire_name a, b, again;
	struct dns_name left, right, cached;

	must(message != NULL);
	memcpy(message + WIRE_HEADER_SIZE, data, size);
	if (read_at(message, length, first, &known, &a, &left)) {
		check_text(&left);
		check_plain(&left);
		if (read_at(message, length, second, NULL, &b, &right)) {
			must(wire_name_equal(&wire, a, b) == dns_name_equal(&left, &right));
			if (second > first) {
				must(read_at(message, length, second, &known, &again, &cached));
				must(again.first == b.first && again.print == b.print &&
				     dns_name_equal(&right, &cached));
			}
		}
	}
	free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 60000)
		return 0;
	if (data[0] == 0)
		fuzz_text(data + 2, size - 2);
	else
		fuzz_wire(data + 2, size - 2, data[0] + 11u, data[0] + 11u + data[1]);
	return 0;
}
