/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instances of a network namespace. One mutex a namespace guards all that changes; packets read under RCU. */
#ifndef NF_FQDN_INSTANCE_H
#define NF_FQDN_INSTANCE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/u64_stats_sync.h>
#include <net/net_namespace.h>

#include "fqdn_judge.h"
#include "nf_fqdn.h"

struct fqdn_stats {
	u64_stats_t verdicts[FQDN_VERDICTS];
	struct u64_stats_sync sync;
};

struct fqdn_instance {
	struct list_head list; /* of its namespace; empty when it was removed and only rules hold it */
	refcount_t references; /* the namespace's list, and each rule */
	char name[NF_FQDN_INSTANCE_MAX];
	struct fqdn_table __rcu *table; /* NULL: everything is left to userspace */
	struct fqdn_table *aside; /* under the mutex */
	struct fqdn_stats __percpu *stats;
};

struct fqdn_net {
	struct mutex mutex;
	struct list_head instances;
	unsigned int count;
};

extern unsigned int fqdn_net_id;

int fqdn_instance_init(void);
void fqdn_instance_exit(void);

struct fqdn_net *fqdn_net_of(struct net *net);
/* These need the mutex. */
struct fqdn_instance *fqdn_instance_find(struct fqdn_net *own, const char *name);
struct fqdn_instance *fqdn_instance_make(struct fqdn_net *own, const char *name); /* or ERR_PTR() */
/* Puts `table` (or NULL) in force and frees the old one. May sleep for a grace period. */
void fqdn_instance_replace(struct fqdn_net *own, struct fqdn_instance *instance, struct fqdn_table *table);
void fqdn_instance_remove(struct fqdn_net *own, struct fqdn_instance *instance);
/* This needs none, and no reader may be left when the last reference goes. */
void fqdn_instance_put(struct fqdn_instance *instance);

/* NULL when memory is out. */
struct fqdn_table *fqdn_table_new(const struct fqdn_key *key, u32 nodes, u32 name_buckets, u32 known_buckets);
void fqdn_table_free(struct fqdn_table *table);

/* Milliseconds of CLOCK_BOOTTIME, as coarse as a tick. */
static inline s64 fqdn_now(void)
{
	return ktime_to_ms(ktime_get_coarse_boottime());
}

int fqdn_genl_init(void);
void fqdn_genl_exit(void);
/* All verdicts but FQDN_LEFT, as bits. */
#define FQDN_PASSING (BIT(FQDN_ERROR) | BIT(FQDN_UNRELATED) | BIT(FQDN_KNOWN))
/* Judges a packet, and counts it as struct xt_fqdn_info says. FQDN_LEFT: the verdict is none of those wanted, which are
 * bits. Under rcu_read_lock().
 */
struct xt_action_param;
enum fqdn_verdict fqdn_match_judge(const struct fqdn_instance *instance, const struct sk_buff *skb,
				   const struct xt_action_param *par, u32 wanted);
int fqdn_match_init(void);
void fqdn_match_exit(void);

/* NF_FQDN_TRY (nf_fqdn.h): how many messages there are, or -EINVAL; and a verdict for each of so many. 0 or -ENOMEM. */
int fqdn_try_count(const u8 *messages, unsigned int length);
int fqdn_try(const struct fqdn_instance *instance, const u8 *messages, unsigned int count, u8 *verdicts);

#endif
