// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages judged without a network, a million a minute: what tests/dns/kmod_diff.sh compares with nfqdnd's own parser.
 * Each becomes a packet, every second one in pieces, as most drivers leave what is long.
 */
#include "fqdn_instance.h"

#include <linux/ip.h>
#include <linux/netfilter/x_tables.h>
#include <linux/skbuff.h>
#include <linux/udp.h>

#define FQDN_TRY_HEAD (sizeof(struct iphdr) + sizeof(struct udphdr))
#define FQDN_TRY_LONGEST (65535 - FQDN_TRY_HEAD)

static unsigned int fqdn_try_length(const u8 *at)
{
	return at[0] << 8 | at[1];
}

int fqdn_try_count(const u8 *messages, unsigned int length)
{
	unsigned int at = 0, count = 0;

	while (length - at >= 2) {
		unsigned int one = fqdn_try_length(messages + at);

		if (one > FQDN_TRY_LONGEST || one > length - at - 2)
			return -EINVAL;
		at += 2 + one;
		count++;
	}
	return at == length ? count : -EINVAL;
}

static struct sk_buff *fqdn_try_packet(const u8 *message, unsigned int length, bool pieces)
{
	unsigned int linear = FQDN_TRY_HEAD + (pieces ? 0 : length);
	struct sk_buff *skb;
	struct iphdr *ip;
	struct udphdr *udp;
	int error;

	skb = alloc_skb_with_frags(linear, pieces ? length : 0, 0, &error, GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_reset_network_header(skb);
	ip = skb_put_zero(skb, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->protocol = IPPROTO_UDP;
	ip->tot_len = htons(FQDN_TRY_HEAD + length);
	udp = skb_put_zero(skb, sizeof(*udp));
	udp->source = htons(53);
	udp->len = htons(sizeof(*udp) + length);
	skb_put(skb, linear - FQDN_TRY_HEAD);
	if (pieces) {
		skb->data_len = length;
		skb->len += length;
	}
	if (!skb_store_bits(skb, FQDN_TRY_HEAD, message, length))
		return skb;
	kfree_skb(skb);
	return NULL;
}

int fqdn_try(const struct fqdn_instance *instance, const u8 *messages, unsigned int count, u8 *verdicts)
{
	struct nf_hook_state state = { .pf = NFPROTO_IPV4 };
	struct xt_action_param par = { .state = &state, .thoff = sizeof(struct iphdr) };
	unsigned int i;

	for (i = 0; i < count; i++) {
		unsigned int length = fqdn_try_length(messages);
		struct sk_buff *skb = fqdn_try_packet(messages + 2, length, i & 1);

		if (!skb)
			return -ENOMEM;
		rcu_read_lock();
		verdicts[i] = fqdn_match_judge(instance, skb, &par, FQDN_PASSING);
		rcu_read_unlock();
		consume_skb(skb);
		messages += 2 + length;
		cond_resched();
	}
	return 0;
}
