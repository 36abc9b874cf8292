// SPDX-License-Identifier: GPL-2.0-or-later
/* The xtables match "fqdn": does this packet hold a DNS response that need not be seen? Anything but a plain UDP
 * datagram from port 53 is left to userspace: TCP segments, fragments, IPv6 extension headers, what is cut short.
 */
#include "fqdn_instance.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/ip.h>

#define FQDN_PORT 53

/* A message that does not lie in one piece is copied here: most drivers leave what is longer than their copy limit, 128
 * or 256 octets, in pages.
 */
struct fqdn_scratch {
	u8 octets[FQDN_MESSAGE_MAX];
};

static struct fqdn_scratch __percpu *fqdn_scratch;

/* The DNS message in a packet. */
struct fqdn_payload {
	unsigned int at; /* from skb->data */
	unsigned int length;
};

static bool fqdn_is_udp(const struct sk_buff *skb, const struct xt_action_param *par)
{
	switch (xt_family(par)) {
	case NFPROTO_IPV4:
		return ip_hdr(skb)->protocol == IPPROTO_UDP && !ip_is_fragment(ip_hdr(skb));
	case NFPROTO_IPV6:
		return ipv6_hdr(skb)->nexthdr == IPPROTO_UDP;
	}
	return false;
}

static bool fqdn_find_payload(const struct sk_buff *skb, const struct xt_action_param *par, struct fqdn_payload *out)
{
	struct udphdr buffer;
	const struct udphdr *udp;
	unsigned int length;

	if (par->fragoff || skb_is_gso(skb) || !fqdn_is_udp(skb, par))
		return false;
	udp = skb_header_pointer(skb, par->thoff, sizeof(buffer), &buffer);
	if (!udp || udp->source != htons(FQDN_PORT))
		return false;
	length = ntohs(udp->len);
	if (length < sizeof(buffer) || length > skb->len - par->thoff)
		return false;
	out->at = par->thoff + sizeof(buffer);
	out->length = length - sizeof(buffer);
	return true;
}

/* The second step, on the message as a whole. */
static enum fqdn_verdict fqdn_look_through(const struct fqdn_table *table, const struct sk_buff *skb,
					   const struct fqdn_payload *payload, const struct fqdn_question *question,
					   s64 now)
{
	enum fqdn_verdict verdict = FQDN_LEFT;
	struct fqdn_scratch *scratch;
	const u8 *message;

	if (payload->length > FQDN_MESSAGE_MAX)
		return FQDN_LEFT;
	local_bh_disable(); /* the output hook runs in a task, and a softirq may come in between */
	scratch = get_cpu_ptr(fqdn_scratch);
	message = skb_header_pointer(skb, payload->at, payload->length, scratch->octets);
	if (message)
		verdict = fqdn_judge_answer(table, message, payload->length, question, now);
	put_cpu_ptr(fqdn_scratch);
	local_bh_enable();
	return verdict;
}

static enum fqdn_verdict fqdn_judge(const struct fqdn_table *table, const struct sk_buff *skb,
				    const struct fqdn_payload *payload, u32 wanted)
{
	u8 buffer[FQDN_HEAD_SIZE];
	unsigned int held = min_t(unsigned int, payload->length, sizeof(buffer));
	const u8 *head = skb_header_pointer(skb, payload->at, held, buffer);
	struct fqdn_question question;
	enum fqdn_verdict verdict;
	s64 now = fqdn_now();

	if (!head)
		return FQDN_LEFT;
	verdict = fqdn_judge_question(table, head, held, now, &question);
	if (verdict == FQDN_MATCHED && !(wanted & BIT(FQDN_KNOWN)))
		return FQDN_LEFT;
	if (verdict == FQDN_MATCHED)
		verdict = fqdn_look_through(table, skb, payload, &question, now);
	return verdict;
}

static void fqdn_count(const struct fqdn_instance *instance, enum fqdn_verdict verdict)
{
	struct fqdn_stats *stats;

	local_bh_disable();
	stats = this_cpu_ptr(instance->stats);
	u64_stats_update_begin(&stats->sync);
	u64_stats_inc(&stats->verdicts[verdict]);
	u64_stats_update_end(&stats->sync);
	local_bh_enable();
}

enum fqdn_verdict fqdn_match_judge(const struct fqdn_instance *instance, const struct sk_buff *skb,
				   const struct xt_action_param *par, u32 wanted)
{
	const struct fqdn_table *table = rcu_dereference(instance->table);
	enum fqdn_verdict verdict = FQDN_LEFT;
	struct fqdn_payload payload;

	if (table && fqdn_find_payload(skb, par, &payload))
		verdict = fqdn_judge(table, skb, &payload, wanted);
	if (!(wanted & BIT(verdict)))
		verdict = FQDN_LEFT;
	if (verdict != FQDN_LEFT || wanted & BIT(FQDN_KNOWN))
		fqdn_count(instance, verdict);
	return verdict;
}

/* Called under rcu_read_lock(), as all of netfilter's hooks. */
static bool fqdn_match(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_fqdn_info *info = par->matchinfo;

	return fqdn_match_judge(info->kernel, skb, par, info->verdicts) != FQDN_LEFT;
}

static int fqdn_match_check(const struct xt_mtchk_param *par)
{
	struct fqdn_net *own = fqdn_net_of(par->net);
	struct xt_fqdn_info *info = par->matchinfo;
	struct fqdn_instance *instance;

	if (strnlen(info->instance, sizeof(info->instance)) == sizeof(info->instance))
		return -ENAMETOOLONG;
	if (!info->verdicts || info->verdicts & ~FQDN_PASSING)
		return -EINVAL;
	mutex_lock(&own->mutex);
	instance = fqdn_instance_find(own, info->instance);
	if (instance)
		refcount_inc(&instance->references);
	mutex_unlock(&own->mutex);
	info->kernel = instance;
	return instance ? 0 : -ENOENT;
}

/* nf_tables and ip_tables wait for a grace period before this. */
static void fqdn_match_destroy(const struct xt_mtdtor_param *par)
{
	const struct xt_fqdn_info *info = par->matchinfo;

	fqdn_instance_put(info->kernel);
}

static struct xt_match fqdn_match_type __read_mostly = {
	.name = "fqdn",
	.revision = 0,
	.family = NFPROTO_UNSPEC,
	.match = fqdn_match,
	.checkentry = fqdn_match_check,
	.destroy = fqdn_match_destroy,
	.matchsize = sizeof(struct xt_fqdn_info),
	.usersize = offsetof(struct xt_fqdn_info, kernel),
	.me = THIS_MODULE,
};

int fqdn_match_init(void)
{
	int error;

	fqdn_scratch = alloc_percpu(struct fqdn_scratch);
	if (!fqdn_scratch)
		return -ENOMEM;
	error = xt_register_match(&fqdn_match_type);
	if (error)
		free_percpu(fqdn_scratch);
	return error;
}

void fqdn_match_exit(void)
{
	xt_unregister_match(&fqdn_match_type);
	free_percpu(fqdn_scratch);
}
