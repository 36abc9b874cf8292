// SPDX-License-Identifier: GPL-2.0-or-later
#include "fqdn_instance.h"

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <net/netns/generic.h>

unsigned int fqdn_net_id;

struct fqdn_net *fqdn_net_of(struct net *net)
{
	return net_generic(net, fqdn_net_id);
}

/* ---- tables ---- */

/* A namespace's owner may be anybody: all memory is charged to its group. */
#define FQDN_GFP (GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

struct fqdn_table *fqdn_table_new(const struct fqdn_key *key, u32 nodes, u32 name_buckets, u32 known_buckets)
{
	struct fqdn_table *table = kzalloc(sizeof(*table), FQDN_GFP);
	struct fqdn_node *node_array;
	struct fqdn_slot *slots;

	if (!table)
		return NULL;
	node_array = kvcalloc(nodes, sizeof(*node_array), FQDN_GFP);
	slots = kvcalloc(fqdn_pattern_slots(nodes), sizeof(*slots), FQDN_GFP);
	table->names.buckets = kvcalloc(name_buckets, sizeof(*table->names.buckets), FQDN_GFP);
	table->names.mask = name_buckets - 1;
	table->known.buckets = kvcalloc(known_buckets, sizeof(*table->known.buckets), FQDN_GFP);
	table->known.mask = known_buckets - 1;
	fqdn_pattern_init(&table->patterns, key, node_array, slots, nodes);
	if (node_array && slots && table->names.buckets && table->known.buckets)
		return table;
	fqdn_table_free(table);
	return NULL;
}

void fqdn_table_free(struct fqdn_table *table)
{
	if (!table)
		return;
	kvfree(table->patterns.nodes);
	kvfree(table->patterns.slots);
	kvfree(table->names.buckets);
	kvfree(table->known.buckets);
	kfree_sensitive(table);
}

/* ---- instances ---- */

static struct fqdn_table *fqdn_table_of(struct fqdn_net *own, struct fqdn_instance *instance)
{
	return rcu_dereference_protected(instance->table, lockdep_is_held(&own->mutex));
}

struct fqdn_instance *fqdn_instance_find(struct fqdn_net *own, const char *name)
{
	struct fqdn_instance *instance;

	list_for_each_entry(instance, &own->instances, list)
		if (strcmp(instance->name, name) == 0)
			return instance;
	return NULL;
}

struct fqdn_instance *fqdn_instance_make(struct fqdn_net *own, const char *name)
{
	struct fqdn_instance *instance;
	int cpu;

	if (own->count >= NF_FQDN_INSTANCES)
		return ERR_PTR(-ENOSPC);
	instance = kzalloc(sizeof(*instance), FQDN_GFP);
	if (!instance)
		return ERR_PTR(-ENOMEM);
	instance->stats = alloc_percpu_gfp(struct fqdn_stats, FQDN_GFP);
	if (!instance->stats) {
		kfree(instance);
		return ERR_PTR(-ENOMEM);
	}
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(instance->stats, cpu)->sync);
	refcount_set(&instance->references, 1);
	strscpy(instance->name, name, sizeof(instance->name));
	list_add_tail(&instance->list, &own->instances);
	own->count++;
	return instance;
}

void fqdn_instance_replace(struct fqdn_net *own, struct fqdn_instance *instance, struct fqdn_table *table)
{
	struct fqdn_table *old = fqdn_table_of(own, instance);

	rcu_assign_pointer(instance->table, table);
	if (!old)
		return;
	synchronize_rcu();
	fqdn_table_free(old);
}

void fqdn_instance_remove(struct fqdn_net *own, struct fqdn_instance *instance)
{
	list_del_init(&instance->list);
	own->count--;
	fqdn_instance_replace(own, instance, NULL);
	fqdn_table_free(instance->aside);
	instance->aside = NULL;
	fqdn_instance_put(instance);
}

void fqdn_instance_put(struct fqdn_instance *instance)
{
	if (!refcount_dec_and_test(&instance->references))
		return;
	free_percpu(instance->stats);
	kfree(instance);
}

/* ---- namespaces ---- */

static int __net_init fqdn_net_init(struct net *net)
{
	struct fqdn_net *own = fqdn_net_of(net);

	mutex_init(&own->mutex);
	INIT_LIST_HEAD(&own->instances);
	return 0;
}

/* Rules may outlive this: what they hold then matches nothing. */
static void __net_exit fqdn_net_exit(struct net *net)
{
	struct fqdn_net *own = fqdn_net_of(net);
	struct fqdn_instance *instance, *next;

	mutex_lock(&own->mutex);
	list_for_each_entry_safe(instance, next, &own->instances, list)
		fqdn_instance_remove(own, instance);
	mutex_unlock(&own->mutex);
}

static struct pernet_operations fqdn_net_operations = {
	.init = fqdn_net_init,
	.exit = fqdn_net_exit,
	.id = &fqdn_net_id,
	.size = sizeof(struct fqdn_net),
};

int fqdn_instance_init(void)
{
	return register_pernet_subsys(&fqdn_net_operations);
}

void fqdn_instance_exit(void)
{
	unregister_pernet_subsys(&fqdn_net_operations);
}
