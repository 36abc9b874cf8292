/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packets of a capture open a connection, as connection tracking would say: a TCP SYN, the first datagram between
 * two ports (or the first after a silence), an echo request. */
#ifndef NFQDN_CONTROL_REPLAY_FLOW_H
#define NFQDN_CONTROL_REPLAY_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/monotime.h"
#include "netfilter/conntrack.h"

struct replay_flows;

enum replay_opening {
	REPLAY_FLOW_NONE, /* it belongs to an open flow, or to none that we know */
	REPLAY_FLOW_OPENS,
	REPLAY_FLOW_REPEATS, /* a SYN or datagram that stayed without an answer, sent again */
};

/* NULL when memory is out. */
struct replay_flows *replay_flow_new(const struct hash_key *key);
void replay_flow_free(struct replay_flows *flows); /* NULL is allowed */
/* What an IP packet (its first octets are enough) does; `flow` is set unless the result is NONE. */
enum replay_opening replay_flow_see(struct replay_flows *flows, const uint8_t *packet, size_t length,
				    struct monotime now, struct conntrack_flow *flow);
/* Flows forgotten at the limit. */
uint64_t replay_flow_forgotten(const struct replay_flows *flows);

#endif
