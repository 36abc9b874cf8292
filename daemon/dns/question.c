/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/question.h"

#include <errno.h>

#include "dns/wire.h"

#define CLASS_IN 1
#define FLAG_QR 0x8000
#define FLAG_OPCODE 0x7800

int question_read(const uint8_t *message, size_t length, struct question *out)
{
	struct wire wire = wire_message(message, length);
	uint16_t id = wire_u16(&wire), flags = wire_u16(&wire), questions = wire_u16(&wire), type;
	struct wire_name name;

	wire_skip(&wire, 6); /* the other counts */
	name = wire_name_read(&wire);
	type = wire_u16(&wire);
	if (wire_u16(&wire) != CLASS_IN || wire.failed || flags & (FLAG_QR | FLAG_OPCODE) || questions != 1)
		return -EINVAL;
	out->id = id;
	out->type = type;
	wire_name_copy(&wire, name, &out->name);
	return 0;
}
