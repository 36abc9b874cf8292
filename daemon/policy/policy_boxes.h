/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses: what becomes of rows and `addresses` in interval sets, and where each range came from. */
#ifndef NFQDN_POLICY_POLICY_BOXES_H
#define NFQDN_POLICY_POLICY_BOXES_H

#include "policy/policy.h"
#include "policy/policy_list.h"
#include "policy/policy_select.h"

/* Lists that grow entry by entry; [0] is IPv4, [1] IPv6. */
struct policy_boxes_work {
	struct policy_list outbound, inbound; /* of struct policy_provenance */
	struct policy_list boxes[LIMIT_GROUPS][2]; /* of struct policy_box */
	struct policy_list froms[2]; /* of struct policy_from */
	struct policy_list guarded[2]; /* of struct policy_box */
};

void policy_boxes_start(struct policy_boxes_work *work);
void policy_boxes_clear(struct policy_boxes_work *work);
/* Adds the addresses of an entry, `allow` or `inbound`. 0 or -ENOMEM. */
int policy_boxes_add(const struct policy_entry *entry, const struct policy_selection *selection,
		     struct policy_boxes_work *work);
/* Cuts all lists and puts them into the policy, those of groups into `groups`. 0 or -ENOMEM. */
int policy_boxes_finish(struct policy_boxes_work *work, struct policy *policy, struct policy_group *groups);

#endif
