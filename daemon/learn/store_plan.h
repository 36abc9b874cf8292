/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's plan; the contract stands in store.h. */
#ifndef NFQDN_LEARN_STORE_PLAN_H
#define NFQDN_LEARN_STORE_PLAN_H

#include <stdint.h>

struct store;

uint64_t store_plan_settle(struct store *store);

#endif
