/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/revoke.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/log.h"
#include "netfilter/route.h"

#define LOOKS 2
#define LOOK_PAUSE_MS 1000
/* A look that cannot be brought to its end is begun anew after a pause, and given up in the end. */
#define TRIES 5
#define WAYS 512 /* addresses whose way is remembered during a look; a power of two */

enum way { WAY_UNKNOWN, WAY_HERE, WAY_CLIENTS, WAY_ELSEWHERE };

struct remembered {
	struct ipaddr address;
	enum way way; /* WAY_UNKNOWN: none */
};

struct revoke {
	struct judge judge;
	struct conntrack *conntrack; /* NULL until a policy needs it */
	struct route *route;
	unsigned int looks, tries; /* still to be done */
	bool looking;
	struct monotime next;
	uint64_t seen, cut; /* by the looks since the policy came */
	struct remembered ways[WAYS];
};

struct revoke *revoke_new(struct snoop *snoop, const struct store *store)
{
	struct revoke *revoke = calloc(1, sizeof(*revoke));

	if (!revoke)
		return NULL;
	revoke->judge = (struct judge) { .store = store, .snoop = snoop };
	return revoke;
}

void revoke_free(struct revoke *revoke)
{
	if (!revoke)
		return;
	conntrack_close(revoke->conntrack);
	route_close(revoke->route);
	free(revoke);
}

int revoke_prepare(struct revoke *revoke, const struct config *config, const char **why)
{
	int error = 0;

	if (config->revoke != CONFIG_CUT)
		return 0;
	if (!revoke->conntrack)
		error = conntrack_open(&revoke->conntrack);
	if (error == -EOPNOTSUPP)
		*why = "revoke = \"cut\" needs a kernel with CONFIG_NF_CT_NETLINK (module "
		       "nf_conntrack_netlink), which this one lacks: load the module, or write \"keep\"";
	if (error == 0 && !revoke->route)
		error = route_open(&revoke->route);
	if (error < 0 && error != -EOPNOTSUPP)
		*why = "revoke = \"cut\" needs the kernel's connection tracking by netlink, which cannot be "
		       "opened: write \"keep\", or give nfqdnd CAP_NET_ADMIN";
	return error;
}

void revoke_begin(struct revoke *revoke, struct monotime now)
{
	revoke->looks = LOOKS;
	revoke->tries = TRIES;
	revoke->looking = false;
	revoke->next = now;
	revoke->seen = revoke->cut = 0;
}

bool revoke_looks(const struct revoke *revoke)
{
	return revoke->looks > 0;
}

/* ---- whose flow? ---- */

static bool is_client_interface(const struct config *config, const char *name)
{
	for (unsigned int i = 0; i < config->interface_count; i++)
		if (value_interface_holds(&config->interfaces[i], name))
			return true;
	return false;
}

static enum way find_way(const struct revoke *revoke, const struct ipaddr *address)
{
	const struct policy *policy = revoke->judge.policy;
	char interface[IF_NAMESIZE];
	enum route_kind kind;

	if (route_look(revoke->route, address, &kind, interface) < 0)
		kind = ROUTE_NONE;
	if (kind == ROUTE_HERE)
		return WAY_HERE;
	if (kind == ROUTE_OUT)
		return is_client_interface(policy->config, interface) ? WAY_CLIENTS : WAY_ELSEWHERE;
	return policy_ranges46_contain(&policy->clients, address) ? WAY_CLIENTS : WAY_ELSEWHERE;
}

/* One source has many flows. */
static enum way way_of(struct revoke *revoke, const struct ipaddr *address)
{
	size_t sum = 0;
	struct remembered *place;

	for (size_t i = 0; i < ipaddr_length(address->family); i++)
		sum = sum * 31 + address->bytes[i];
	place = &revoke->ways[sum & (WAYS - 1)];
	if (place->way == WAY_UNKNOWN || !ipaddr_equal(&place->address, address))
		*place = (struct remembered) { *address, find_way(revoke, address) };
	return place->way;
}

/* ---- the flows ---- */

static bool forbidden(struct revoke *revoke, const struct conntrack_flow *flow)
{
	bool egress = judge_egress(&revoke->judge, flow), inbound = judge_inbound(&revoke->judge, flow),
	     reply = !flow->replied || judge_reply(&revoke->judge, flow);
	enum way source, destination;

	/* Most flows are allowed whoever sends them; the rest is worth asking the kernel. */
	if (egress && inbound && reply)
		return false;
	source = way_of(revoke, &flow->source);
	destination = way_of(revoke, &flow->destination);
	if (source == WAY_HERE || destination == WAY_HERE)
		return false;
	return !inbound || (!egress && source == WAY_CLIENTS) || (!reply && destination == WAY_CLIENTS);
}

/* With mode = "mark": the flow begins anew for the rules, and is marked no more. */
static bool bears_mark(const struct config *config, const struct conntrack_flow *flow)
{
	return config->mode == CONFIG_MARK && (flow->mark & config->mark) == config->mark;
}

static bool doomed(void *context, const struct conntrack_flow *flow)
{
	struct revoke *revoke = context;
	const struct policy *policy = revoke->judge.policy;

	if (!forbidden(revoke, flow))
		return false;
	if (policy_mode(policy) == CONFIG_ENFORCE || bears_mark(policy->config, flow))
		return true;
	counters.flows_audited++;
	return false;
}

static void count_part(struct revoke *revoke, const struct conntrack_part *part)
{
	counters.flows_seen += part->seen;
	counters.flows_cut += part->deleted;
	counters.flows_not_cut += part->refused;
	counters.flows_unread += part->unread;
	revoke->seen += part->seen;
	revoke->cut += part->deleted;
}

/* ---- looks ---- */

static int64_t give_up(struct revoke *revoke, int error, struct monotime now)
{
	counters.flow_looks_failed++;
	revoke->looking = false;
	revoke->next = monotime_add(now, LOOK_PAUSE_MS);
	if (revoke->tries-- > 1)
		return LOOK_PAUSE_MS;
	revoke->looks = 0;
	log_error("revoke: the kernel's flows cannot be listed to their end: %s; flows that are no longer allowed may "
		  "still be open until the next reload",
		  strerror(-error));
	return -1;
}

static int64_t end_look(struct revoke *revoke, struct monotime now)
{
	counters.flow_looks++;
	revoke->looking = false;
	revoke->looks--;
	revoke->next = monotime_add(now, LOOK_PAUSE_MS);
	if (revoke->looks > 0)
		return LOOK_PAUSE_MS;
	log_info("revoke: of %llu flows seen %llu were not allowed and are cut", (unsigned long long)revoke->seen,
		 (unsigned long long)revoke->cut);
	return -1;
}

static int begin_look(struct revoke *revoke)
{
	int error = conntrack_list_begin(revoke->conntrack);

	memset(revoke->ways, 0, sizeof(revoke->ways));
	revoke->looking = error == 0;
	return error;
}

/* Nothing is known to cut by when no interface is named: a policy that stands in until there is one. */
static bool wanted(const struct revoke *revoke, const struct policy *policy)
{
	return revoke->looks > 0 && revoke->conntrack && policy->config->revoke == CONFIG_CUT &&
	       policy->config->interface_count > 0;
}

int64_t revoke_tick(struct revoke *revoke, const struct policy *policy, struct monotime now)
{
	struct conntrack_part part = { 0 };
	int result = 0;

	if (!wanted(revoke, policy)) {
		revoke->looks = 0;
		return -1;
	}
	if (!revoke->looking && monotime_before(now, revoke->next))
		return monotime_until(now, revoke->next);
	revoke->judge.policy = policy;
	if (!revoke->looking)
		result = begin_look(revoke);
	if (result == 0)
		result = conntrack_list_step(revoke->conntrack, doomed, revoke, &part);
	count_part(revoke, &part);
	if (result < 0)
		return give_up(revoke, result, now);
	return result > 0 ? 0 : end_look(revoke, now);
}
