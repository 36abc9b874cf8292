/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/svcb.h"

enum svcb_key { KEY_IPV4HINT = 4, KEY_IPV6HINT = 6 }; /* RFC 9460 14.3.2 */

/* A list of addresses of `size` octets each; an empty one is malformed (RFC 9460 7.3). */
static bool read_hints(struct wire value, size_t size, struct wire *out)
{
	size_t length = wire_left(&value);

	if (length == 0 || length % size != 0)
		return false;
	*out = value;
	return true;
}

/* One key and value. The values of other keys are the client's affair: learning a hint that it then does not use
 * opens no name that the answer did not tell. */
static bool read_param(struct wire *wire, int32_t *last_key, struct svcb *svcb)
{
	uint16_t key = wire_u16(wire);
	uint16_t length = wire_u16(wire);
	struct wire value = wire_part(wire, wire->position, length);

	wire_skip(wire, length);
	if (wire->failed || key <= *last_key) /* strictly increasing, RFC 9460 2.2 */
		return false;
	*last_key = key;
	if (key == KEY_IPV4HINT)
		return read_hints(value, 4, &svcb->hints4);
	if (key == KEY_IPV6HINT)
		return read_hints(value, 16, &svcb->hints6);
	return true;
}

bool svcb_read(const struct wire *message, size_t position, size_t length, struct svcb *out)
{
	struct wire wire = wire_part(message, position, length);
	struct svcb svcb = { .priority = wire_u16(&wire) };
	size_t start = wire.position;
	int32_t last_key = -1;

	svcb.target = wire_name_read(&wire);
	if (wire.failed || wire.position - start != svcb.target.length) /* compressed: not allowed, RFC 9460 2.2 */
		return false;
	svcb.hints4 = svcb.hints6 = wire_part(&wire, wire.position, 0);
	if (svcb.priority == 0) { /* AliasMode: parameters are ignored, RFC 9460 2.4.2 */
		*out = svcb;
		return true;
	}
	while (wire_left(&wire) > 0)
		if (!read_param(&wire, &last_key, &svcb))
			return false;
	*out = svcb;
	return true;
}
