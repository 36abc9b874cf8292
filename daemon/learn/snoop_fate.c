/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apart from the snoop, for those who only tell what it said. */
#include "learn/snoop.h"

#define FATE(symbol, word, help) word,
static const char *const fates[] = { SNOOP_FATES(FATE) };
#undef FATE

const char *snoop_fate_word(enum snoop_fate fate)
{
	return fates[fate];
}
