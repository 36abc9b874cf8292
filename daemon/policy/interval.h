/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ranges merged, and boxes cut so that none overlaps another: the kernel refuses overlapping interval concatenations in
 * one order and takes them in the other. */
#ifndef NFQDN_POLICY_INTERVAL_H
#define NFQDN_POLICY_INTERVAL_H

#include <stddef.h>

#include "policy/policy.h"
#include "policy/policy_list.h"
#include "policy/value.h"

/* Orders by family, then first, then last address. */
int interval_compare(const struct value_range *a, const struct value_range *b);
/* Sorts the ranges (IPv4 before IPv6) and merges those that overlap or touch, in place. Returns how many are left. */
size_t interval_merge(struct value_range *ranges, size_t count);
/* The range of a merged list that holds `address`, or NULL. */
const struct value_range *interval_find(const struct value_range *ranges, size_t count, const struct ipaddr *address);

/* Replaces a list of struct policy_box (one family) by disjoint ones that hold the same points, few of them, in the
 * order that struct policy_boxes promises. 0 or -ENOMEM (the list is then undefined, but can be cleared). */
int interval_cut_boxes(struct policy_list *boxes);
/* The same for struct policy_from, sorted by source, destination, l4proto, port. */
int interval_cut_froms(struct policy_list *froms);

#endif
