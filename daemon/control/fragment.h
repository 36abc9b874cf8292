/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP packets out of fragments, as the kernel puts them together before the queue sees them: repeated ones are passed over,
 * and one that overlaps another spoils the whole (RFC 5722; for IPv4, too, since Linux 4.19). */
#ifndef NFQDN_CONTROL_FRAGMENT_H
#define NFQDN_CONTROL_FRAGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/monotime.h"

struct fragment_table;

/* NULL when memory is out. */
struct fragment_table *fragment_new(void);
void fragment_free(struct fragment_table *table); /* NULL is allowed */
/* Takes an IP packet. 0: `*out` is a whole one: `packet` itself, or what this fragment completed (valid until the next
 * call); -EAGAIN: others are missing; -EINVAL: not well formed, cut short, or it spoils what came before. */
int fragment_take(struct fragment_table *table, const uint8_t *packet, size_t length, struct monotime now,
		  const uint8_t **out, size_t *out_length);
/* Packets given up for want of a fragment or of a place. */
uint64_t fragment_lost(const struct fragment_table *table);

#endif
