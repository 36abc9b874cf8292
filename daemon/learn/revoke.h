/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: `revoke = "cut"`: open flows that the policy in force would not let be opened are ended
 *
 * Rules let what is established pass, so a new policy alone leaves open flows alone. After each policy that comes into
 * force (start, reload, a table that others had emptied) the kernel's flows are looked at, in turns of the loop between
 * the DNS answers, and those that must not be are deleted. Their next packet is a new flow to the rules, which deny it.
 *
 * Whose flow is it? An entry tells no interface. What routing would send to the flow's source by a client interface
 * comes from a client: that is the rule, and `gateway.clients` counts only where routing knows no way. So the gateway's
 * own flows, flows that end at the gateway, and flows between interfaces that are not named are left alone, as the
 * rules leave them alone.
 *
 * Two looks a second apart: a packet that was between the old rules and its entry when the first look went by is met by
 * the second, as is what the first could not see because the kernel's table grew meanwhile. */
#ifndef NFQDN_LEARN_REVOKE_H
#define NFQDN_LEARN_REVOKE_H

#include "learn/judge.h"

struct revoke;

/* NULL when memory is out. Both must outlive it. */
struct revoke *revoke_new(struct snoop *snoop, const struct store *store);
void revoke_free(struct revoke *revoke); /* NULL is allowed */
/* Before a policy is applied: opens what it will need. 0, or -errno with `*why` (static), a text for people that names
 * the setting: -EOPNOTSUPP when the kernel has no ctnetlink. */
int revoke_prepare(struct revoke *revoke, const struct config *config, const char **why);
/* After a policy came into force, whole, with what is learned: looks are due. */
void revoke_begin(struct revoke *revoke, struct monotime now);
/* To be called at each wake-up, after the verdicts: a part of the look, or nothing. Returns the milliseconds until it
 * wants to be called again, -1: as it likes. */
int64_t revoke_tick(struct revoke *revoke, const struct policy *policy, struct monotime now);
/* True when looks are due or going on, for `status`. */
bool revoke_looks(const struct revoke *revoke);

#endif
