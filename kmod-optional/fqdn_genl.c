// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests of userspace: nf_fqdn.h tells what each does. Whatever is not exactly as told there is refused. */
#include "fqdn_instance.h"

#include <linux/log2.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <net/genetlink.h>

#define FQDN_LEFT_MAX (1ULL << 40) /* milliseconds */

static struct genl_family fqdn_family;

static const struct nla_policy fqdn_policy[NF_FQDN_A_MAX + 1] = {
	[NF_FQDN_A_INSTANCE] = { .type = NLA_NUL_STRING, .len = NF_FQDN_INSTANCE_MAX - 1 },
	[NF_FQDN_A_KEY] = NLA_POLICY_EXACT_LEN(sizeof(struct fqdn_key)),
	[NF_FQDN_A_NODES] = { .type = NLA_U32 },
	[NF_FQDN_A_NAME_BUCKETS] = { .type = NLA_U32 },
	[NF_FQDN_A_KNOWN_BUCKETS] = { .type = NLA_U32 },
	[NF_FQDN_A_PATTERNS] = { .type = NLA_BINARY, .len = NF_FQDN_PATTERNS_OCTETS },
	[NF_FQDN_A_NAMES] = { .type = NLA_BINARY, .len = NF_FQDN_ENTRIES_MAX * sizeof(struct nf_fqdn_entry) },
	[NF_FQDN_A_MESSAGES] = { .type = NLA_BINARY },
	[NF_FQDN_A_KNOWN] = { .type = NLA_BINARY, .len = NF_FQDN_ENTRIES_MAX * sizeof(struct nf_fqdn_entry) },
};

/* ---- entries ---- */

/* Calls `add` for each; all are looked at before the first is added. */
static int fqdn_each_entry(struct fqdn_table *table, const struct nlattr *list,
			   void (*add)(struct fqdn_table *table, const struct nf_fqdn_entry *entry, s64 now))
{
	unsigned int count, i;
	s64 now = fqdn_now();
	struct nf_fqdn_entry entry;

	if (!list)
		return 0;
	if (nla_len(list) == 0 || nla_len(list) % sizeof(entry))
		return -EINVAL;
	count = nla_len(list) / sizeof(entry);
	for (i = 0; i < count; i++) {
		memcpy(&entry, nla_data(list) + i * sizeof(entry), sizeof(entry));
		if (entry.left > FQDN_LEFT_MAX)
			return -ERANGE;
	}
	for (i = 0; i < count; i++) {
		memcpy(&entry, nla_data(list) + i * sizeof(entry), sizeof(entry));
		add(table, &entry, now);
	}
	return 0;
}

static void fqdn_add_name(struct fqdn_table *table, const struct nf_fqdn_entry *entry, s64 now)
{
	fqdn_judge_add_name(table, entry->name, now + (s64)entry->left, now);
}

static void fqdn_add_known(struct fqdn_table *table, const struct nf_fqdn_entry *entry, s64 now)
{
	fqdn_cache_add(&table->known, entry->name, entry->digest, now + (s64)entry->left, now, true);
}

static int fqdn_add_patterns(struct fqdn_table *table, const struct nlattr *list)
{
	const char *at, *end;

	if (!list)
		return 0;
	at = nla_data(list);
	end = at + nla_len(list);
	while (at < end) {
		size_t length = strnlen(at, end - at);
		int error;

		if (length == (size_t)(end - at))
			return -EINVAL; /* the last one has no NUL */
		error = fqdn_pattern_add(&table->patterns, at, length);
		if (error)
			return error;
		at += length + 1;
		cond_resched();
	}
	return 0;
}

/* ---- commands ---- */

/* Finds the instance that a request names and holds the mutex; then a command runs; then the mutex is let go. */
static int fqdn_with_instance(struct genl_info *info,
			      int (*run)(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info))
{
	struct fqdn_net *own = fqdn_net_of(genl_info_net(info));
	struct fqdn_instance *instance;
	int error = -ENOENT;

	if (!info->attrs[NF_FQDN_A_INSTANCE])
		return -EINVAL;
	mutex_lock(&own->mutex);
	instance = fqdn_instance_find(own, nla_data(info->attrs[NF_FQDN_A_INSTANCE]));
	if (instance)
		error = run(own, instance, info);
	mutex_unlock(&own->mutex);
	return error;
}

static struct fqdn_table *fqdn_in_force(struct fqdn_net *own, struct fqdn_instance *instance)
{
	return rcu_dereference_protected(instance->table, lockdep_is_held(&own->mutex));
}

static bool fqdn_bad_buckets(u32 buckets)
{
	return !is_power_of_2(buckets) || buckets > NF_FQDN_BUCKETS_MAX;
}

/* The table that a BEGIN asks for, or ERR_PTR(). */
static struct fqdn_table *fqdn_wanted_table(struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	struct fqdn_table *table;
	struct fqdn_key key;
	u32 nodes, names, known;

	if (!attrs[NF_FQDN_A_KEY] || !attrs[NF_FQDN_A_NODES] || !attrs[NF_FQDN_A_NAME_BUCKETS] ||
	    !attrs[NF_FQDN_A_KNOWN_BUCKETS])
		return ERR_PTR(-EINVAL);
	nodes = nla_get_u32(attrs[NF_FQDN_A_NODES]);
	names = nla_get_u32(attrs[NF_FQDN_A_NAME_BUCKETS]);
	known = nla_get_u32(attrs[NF_FQDN_A_KNOWN_BUCKETS]);
	if (nodes == 0 || nodes > FQDN_NODES_MAX || fqdn_bad_buckets(names) || fqdn_bad_buckets(known))
		return ERR_PTR(-E2BIG);
	nla_memcpy(&key, attrs[NF_FQDN_A_KEY], sizeof(key));
	table = fqdn_table_new(&key, nodes, names, known);
	memzero_explicit(&key, sizeof(key));
	return table ? table : ERR_PTR(-ENOMEM);
}

static int fqdn_begin(struct sk_buff *skb, struct genl_info *info)
{
	struct fqdn_net *own = fqdn_net_of(genl_info_net(info));
	struct fqdn_instance *instance;
	struct fqdn_table *table;
	const char *name;

	if (!info->attrs[NF_FQDN_A_INSTANCE])
		return -EINVAL;
	name = nla_data(info->attrs[NF_FQDN_A_INSTANCE]);
	if (!name[0])
		return -EINVAL;
	table = fqdn_wanted_table(info);
	if (IS_ERR(table))
		return PTR_ERR(table);
	mutex_lock(&own->mutex);
	instance = fqdn_instance_find(own, name);
	if (!instance)
		instance = fqdn_instance_make(own, name);
	if (!IS_ERR(instance))
		swap(instance->aside, table);
	mutex_unlock(&own->mutex);
	fqdn_table_free(table);
	return PTR_ERR_OR_ZERO(instance);
}

static int fqdn_run_add(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info)
{
	int error;

	if (!instance->aside)
		return -ENOENT;
	error = fqdn_add_patterns(instance->aside, info->attrs[NF_FQDN_A_PATTERNS]);
	if (!error)
		error = fqdn_each_entry(instance->aside, info->attrs[NF_FQDN_A_NAMES], fqdn_add_name);
	if (error) { /* half of a pattern may be in it */
		fqdn_table_free(instance->aside);
		instance->aside = NULL;
	}
	return error;
}

static int fqdn_run_commit(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info)
{
	struct fqdn_table *table = instance->aside;

	if (!table)
		return -ENOENT;
	instance->aside = NULL;
	fqdn_instance_replace(own, instance, table);
	return 0;
}

static int fqdn_run_pause(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info)
{
	fqdn_instance_replace(own, instance, NULL);
	return 0;
}

static int fqdn_run_names(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info)
{
	struct fqdn_table *table = fqdn_in_force(own, instance);

	if (!info->attrs[NF_FQDN_A_NAMES])
		return -EINVAL;
	return table ? fqdn_each_entry(table, info->attrs[NF_FQDN_A_NAMES], fqdn_add_name) : -ENOENT;
}

static int fqdn_run_known(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info)
{
	struct fqdn_table *table = fqdn_in_force(own, instance);

	if (!info->attrs[NF_FQDN_A_KNOWN])
		return -EINVAL;
	return table ? fqdn_each_entry(table, info->attrs[NF_FQDN_A_KNOWN], fqdn_add_known) : -ENOENT;
}

static int fqdn_run_forget(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info)
{
	struct fqdn_table *table = fqdn_in_force(own, instance);

	if (!table)
		return -ENOENT;
	fqdn_cache_clear(&table->known);
	return 0;
}

static int fqdn_run_delete(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info)
{
	fqdn_instance_remove(own, instance);
	return 0;
}

/* ---- GET ---- */

static u64 fqdn_sum(const struct fqdn_instance *instance, enum fqdn_verdict verdict)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct fqdn_stats *stats = per_cpu_ptr(instance->stats, cpu);
		unsigned int start;
		u64 value;

		do {
			start = u64_stats_fetch_begin(&stats->sync);
			value = u64_stats_read(&stats->verdicts[verdict]);
		} while (u64_stats_fetch_retry(&stats->sync, start));
		sum += value;
	}
	return sum;
}

static int fqdn_fill(struct sk_buff *reply, struct fqdn_net *own, struct fqdn_instance *instance)
{
	static const u16 attributes[FQDN_VERDICTS] = {
		[FQDN_LEFT] = NF_FQDN_A_LEFT,
		[FQDN_ERROR] = NF_FQDN_A_ERRORS,
		[FQDN_UNRELATED] = NF_FQDN_A_UNRELATED,
		[FQDN_KNOWN] = NF_FQDN_A_KNOWN_PASSED,
	};
	const struct fqdn_table *table = fqdn_in_force(own, instance);
	unsigned int i;

	if (nla_put_string(reply, NF_FQDN_A_INSTANCE, instance->name) ||
	    nla_put_u32(reply, NF_FQDN_A_LOADED, table ? table->patterns.node_count : 0))
		return -EMSGSIZE;
	for (i = 0; i < FQDN_VERDICTS; i++)
		if (nla_put_u64_64bit(reply, attributes[i], fqdn_sum(instance, i), NF_FQDN_A_PAD))
			return -EMSGSIZE;
	return 0;
}

static int fqdn_run_get(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info)
{
	struct sk_buff *reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *header;

	if (!reply)
		return -ENOMEM;
	header = genlmsg_put_reply(reply, info, &fqdn_family, 0, NF_FQDN_GET);
	if (!header || fqdn_fill(reply, own, instance)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

/* ---- TRY ---- */

#ifdef CONFIG_NF_FQDN_TRY
static int fqdn_run_try(struct fqdn_net *own, struct fqdn_instance *instance, struct genl_info *info)
{
	const struct nlattr *messages = info->attrs[NF_FQDN_A_MESSAGES];
	struct sk_buff *reply;
	void *header;
	int count;

	count = messages ? fqdn_try_count(nla_data(messages), nla_len(messages)) : -EINVAL;
	if (count < 0)
		return count;
	reply = genlmsg_new(nla_total_size(count), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	header = genlmsg_put_reply(reply, info, &fqdn_family, 0, NF_FQDN_TRY);
	if (header) {
		struct nlattr *verdicts = nla_reserve(reply, NF_FQDN_A_VERDICTS, count);
		int error = verdicts ? fqdn_try(instance, nla_data(messages), count, nla_data(verdicts)) : -EMSGSIZE;

		if (!error) {
			genlmsg_end(reply, header);
			return genlmsg_reply(reply, info);
		}
	}
	nlmsg_free(reply);
	return -ENOMEM;
}
#endif

/* ---- the family ---- */

#define FQDN_COMMAND(name)                                                                                             \
	static int fqdn_##name(struct sk_buff *skb, struct genl_info *info)                                            \
	{                                                                                                              \
		return fqdn_with_instance(info, fqdn_run_##name);                                                      \
	}

FQDN_COMMAND(add)
FQDN_COMMAND(commit)
FQDN_COMMAND(pause)
FQDN_COMMAND(names)
FQDN_COMMAND(known)
FQDN_COMMAND(forget)
FQDN_COMMAND(get)
FQDN_COMMAND(delete)
#ifdef CONFIG_NF_FQDN_TRY
static int fqdn_try_command(struct sk_buff *skb, struct genl_info *info)
{
	return fqdn_with_instance(info, fqdn_run_try);
}
#endif

/* CAP_NET_ADMIN in the namespace's owner; strict validation is what no flag asks for. */
static const struct genl_ops fqdn_operations[] = {
	{ .cmd = NF_FQDN_BEGIN, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_begin },
	{ .cmd = NF_FQDN_ADD, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_add },
	{ .cmd = NF_FQDN_COMMIT, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_commit },
	{ .cmd = NF_FQDN_PAUSE, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_pause },
	{ .cmd = NF_FQDN_NAMES, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_names },
	{ .cmd = NF_FQDN_KNOWN, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_known },
	{ .cmd = NF_FQDN_FORGET, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_forget },
	{ .cmd = NF_FQDN_GET, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_get },
	{ .cmd = NF_FQDN_DELETE, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_delete },
#ifdef CONFIG_NF_FQDN_TRY
	{ .cmd = NF_FQDN_TRY, .flags = GENL_UNS_ADMIN_PERM, .doit = fqdn_try_command },
#endif
};

static struct genl_family fqdn_family __ro_after_init = {
	.name = NF_FQDN_FAMILY,
	.version = NF_FQDN_VERSION,
	.maxattr = NF_FQDN_A_MAX,
	.policy = fqdn_policy,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = fqdn_operations,
	.n_ops = ARRAY_SIZE(fqdn_operations),
	.resv_start_op = NF_FQDN_UNSPEC + 1,
};

int fqdn_genl_init(void)
{
	return genl_register_family(&fqdn_family);
}

void fqdn_genl_exit(void)
{
	genl_unregister_family(&fqdn_family);
}
