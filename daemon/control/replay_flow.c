/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/replay_flow.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/lru.h"
#include "dns/packet.h"
#include "policy/value.h"

#define CHAINS 65536 /* a power of two */
/* As the kernel's defaults: nf_conntrack_udp_timeout, nf_conntrack_udp_timeout_stream, of a SYN, of what is established. */
#define UDP_MS 30000
#define UDP_REPLIED_MS 120000
#define SYN_MS 120000
#define TCP_REPLIED_MS INT64_C(432000000)

/* Compared and hashed as octets: all of them are set. */
struct key {
	struct ipaddr source, destination;
	uint16_t source_port, port;
	uint16_t l4proto;
};
_Static_assert(sizeof(struct key) == 2 * sizeof(struct ipaddr) + 6, "no octets in between");

struct open_flow {
	struct key key;
	struct monotime last;
	bool replied;
};

struct replay_flows {
	struct hash_key key;
	uint64_t forgotten;
	struct lru order;
	uint32_t chains[CHAINS];
	struct lru_link links[1 + LIMIT_REPLAY_FLOWS];
	struct open_flow flows[1 + LIMIT_REPLAY_FLOWS];
};

struct replay_flows *replay_flow_new(const struct hash_key *key)
{
	struct replay_flows *flows = calloc(1, sizeof(*flows));

	if (!flows)
		return NULL;
	flows->key = *key;
	lru_init(&flows->order, flows->links, LIMIT_REPLAY_FLOWS, flows->chains, CHAINS);
	return flows;
}

void replay_flow_free(struct replay_flows *flows)
{
	free(flows);
}

uint64_t replay_flow_forgotten(const struct replay_flows *flows)
{
	return flows->forgotten;
}

static int64_t patience(const struct open_flow *flow)
{
	if (flow->key.l4proto == IPPROTO_TCP)
		return flow->replied ? TCP_REPLIED_MS : SYN_MS;
	return flow->replied ? UDP_REPLIED_MS : UDP_MS;
}

static uint32_t place_of(const struct replay_flows *flows, const struct key *key)
{
	uint32_t at = lru_first(&flows->order, (uint32_t)hash_bytes(&flows->key, key, sizeof(*key)));

	while (at && memcmp(&flows->flows[at].key, key, sizeof(*key)) != 0)
		at = lru_next(&flows->order, at);
	return at;
}

/* Its place; LRU_NONE when there is none or its time is over. */
static uint32_t find(const struct replay_flows *flows, const struct key *key, struct monotime now)
{
	uint32_t at = place_of(flows, key);

	return at && monotime_until(flows->flows[at].last, now) < patience(&flows->flows[at]) ? at : LRU_NONE;
}

static void enter(struct replay_flows *flows, const struct key *key, struct monotime now)
{
	bool evicted = false;
	uint32_t at = place_of(flows, key);

	if (at)
		lru_use(&flows->order, at);
	else
		at = lru_enter(&flows->order, (uint32_t)hash_bytes(&flows->key, key, sizeof(*key)), &evicted);
	flows->forgotten += evicted;
	flows->flows[at] = (struct open_flow) { .key = *key, .last = now };
}

static void use(struct replay_flows *flows, uint32_t at, struct monotime now)
{
	flows->flows[at].last = now;
	lru_use(&flows->order, at);
}

/* Does the packet answer a flow that is open? */
static bool is_reply(struct replay_flows *flows, const struct key *key, struct monotime now)
{
	const struct key turned = { key->destination, key->source, key->port, key->source_port, key->l4proto };
	uint32_t at = find(flows, &turned, now);

	if (!at)
		return false;
	flows->flows[at].replied = true;
	use(flows, at, now);
	return true;
}

static enum replay_opening see(struct replay_flows *flows, const struct key *key, bool opens, struct monotime now)
{
	uint32_t at;

	if (is_reply(flows, key, now))
		return REPLAY_FLOW_NONE;
	at = find(flows, key, now);
	if (at) {
		bool replied = flows->flows[at].replied;

		use(flows, at, now);
		return opens && !replied ? REPLAY_FLOW_REPEATS : REPLAY_FLOW_NONE;
	}
	if (!opens)
		return REPLAY_FLOW_NONE;
	enter(flows, key, now);
	return REPLAY_FLOW_OPENS;
}

/* A SYN to a pair of ports that was used before is another connection (RFC 9293 3.6.1). */
static bool is_new_connection(struct replay_flows *flows, const struct key *key, struct monotime now)
{
	uint32_t at = find(flows, key, now);

	if (!at || !flows->flows[at].replied)
		return false;
	flows->flows[at].replied = false;
	use(flows, at, now);
	return true;
}

static enum replay_opening see_tcp(struct replay_flows *flows, const struct key *key, uint8_t flags,
				   struct monotime now)
{
	bool syn = (flags & (PACKET_SYN | PACKET_ACK | PACKET_RST)) == PACKET_SYN;

	if (syn && is_new_connection(flows, key, now))
		return REPLAY_FLOW_OPENS;
	return see(flows, key, syn, now);
}

/* An echo request and its reply have the same identifier, which stands where another protocol has its ports; what a set
 * holds is type and code. */
static bool is_echo_request(const struct packet_head *head)
{
	enum ipaddr_family family = head->source.family;

	return head->l4proto == value_proto_number(VALUE_ICMP, family) &&
	       head->destination_port == value_icmp_port(family);
}

enum replay_opening replay_flow_see(struct replay_flows *flows, const uint8_t *packet, size_t length,
				    struct monotime now, struct conntrack_flow *flow)
{
	enum replay_opening opening = REPLAY_FLOW_NONE;
	struct packet_head head;
	struct packet_tcp tcp;
	struct key key;

	if (packet_read_head(packet, length, &head) < 0)
		return REPLAY_FLOW_NONE;
	key = (struct key) { head.source, head.destination, head.source_port, head.destination_port, head.l4proto };
	if (head.l4proto == IPPROTO_UDP)
		opening = see(flows, &key, true, now);
	else if (head.l4proto == IPPROTO_TCP && packet_read_tcp(packet, length, &tcp) == 0)
		opening = see_tcp(flows, &key, tcp.flags, now);
	else if (is_echo_request(&head))
		opening = see(flows, &key, true, now);
	if (opening != REPLAY_FLOW_NONE)
		*flow = (struct conntrack_flow) { .source = head.source,
						  .destination = head.destination,
						  .l4proto = head.l4proto,
						  .source_port = head.source_port,
						  .port = head.destination_port };
	return opening;
}
