// SPDX-License-Identifier: GPL-2.0-or-later
/* Two socket filters that xt_bpf calls, one for answers whose question nothing matches, then one for known ones: not 0 says
 * that the answer need not be seen. They do in eBPF what the module does, where there is none.
 */
#include <linux/bpf.h>

#define inline inline __attribute__((always_inline)) /* one function is a program */

#include "fqdn_filter.h"

#define FQDN_PORT 53
#define FQDN_FRAGMENT 0x3fff /* more fragments, or an offset */

static void *(*const map_lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static u64 (*const now_ns)(void) = (void *)BPF_FUNC_ktime_get_boot_ns;
static long (*const load_bytes)(const void *skb, u32 offset, void *to, u32 length) = (void *)BPF_FUNC_skb_load_bytes;

#define FQDN_MAP(number)                                                                                               \
	({                                                                                                             \
		void *map;                                                                                             \
		__asm__("%0 = %1 ll" : "=r"(map) : "i"((u64)FQDN_FILTER_MAGIC << 32 | (number)));                      \
		map;                                                                                                   \
	})

/* Steps stand behind the program, in its section: no loader puts pieces together. */
#define FQDN_STEP(program, name, step)                                                                                 \
	static __attribute__((section(program), noinline)) long name(u32 i, void *round)                               \
	{                                                                                                              \
		return step(i, round);                                                                                 \
	}
static fqdn_filter_steps fqdn_unrelated_label, fqdn_unrelated_lower, fqdn_unrelated_look;
static fqdn_filter_steps fqdn_known_label, fqdn_known_lower, fqdn_known_record, fqdn_known_hash;

/* The compiler must not know what was compared before: the verifier wants to see it compared here. */
#define FQDN_OPAQUE(value) __asm__ volatile("" : "+r"(value))

/* Where the message begins, and in `*length` how long it is; 0: it is not for us. */
static inline u32 fqdn_find(struct __sk_buff *skb, u32 *length)
{
	u8 ip[20], udp[8];
	u32 at, size;

	*length = 0;
	if (skb->gso_size || load_bytes(skb, 0, ip, 20))
		return 0;
	if (ip[0] >> 4 == 4) {
		at = (ip[0] & 15) * 4;
		if (ip[9] != 17 || (fqdn_filter_u16(ip + 6) & FQDN_FRAGMENT))
			return 0;
	} else {
		at = 40;
		if (ip[0] >> 4 != 6 || ip[6] != 17)
			return 0;
	}
	if (load_bytes(skb, at, udp, 8))
		return 0;
	size = fqdn_filter_u16(udp + 4);
	if (fqdn_filter_u16(udp) != FQDN_PORT || size < 8 + FQDN_FILTER_HEADER || at + size > skb->len)
		return 0;
	*length = size - 8;
	return at + 8;
}

static inline u64 fqdn_now(void)
{
	return now_ns() / 1000000;
}

struct fqdn_look {
	struct fqdn_filter_scratch *s;
	void *table;
	u64 hash;
	bool found;
};

static inline bool fqdn_is_found(u64 value, bool whole)
{
	if (!whole)
		return value & FQDN_FILTER_BELOW;
	return value & FQDN_FILTER_ENDS || value >> FQDN_FILTER_SHIFT > fqdn_now();
}

static inline long fqdn_look_step(u32 i, void *context)
{
	struct fqdn_look *look = context;
	struct fqdn_filter_scratch *s = look->s;
	u32 number = (s->count - 1 - i) % FQDN_FILTER_LABELS, at = s->labels[number];
	u32 octets = s->message[FQDN_FILTER_HEADER + at] + 1;
	u64 *value, hash;

	hash = look->hash = fqdn_filter_label(look->hash, s->message + FQDN_FILTER_HEADER + at, octets);
	value = map_lookup(look->table, &hash);
	look->found = value && fqdn_is_found(*value, number == 0);
	return look->found;
}

/* Asks the table for each suffix of the name, the shortest first. A derived name counts, too: what it teaches depends on
 * where it comes from, and is always nfqdnd's.
 */
static inline bool fqdn_look(void *table, struct fqdn_filter_scratch *s, u64 key)
{
	struct fqdn_look look = { .s = s, .table = table, .hash = key };

	fqdn_filter_loop(FQDN_FILTER_AFRESH(s->count) % FQDN_FILTER_LABELS, fqdn_unrelated_look, &look, 0);
	return look.found;
}

/* The second step, on the message as a whole: the question is in its place, in lower case. */
static inline enum fqdn_filter_verdict fqdn_look_through(struct __sk_buff *skb, struct fqdn_filter_scratch *s, u32 at,
							 u32 length, const struct fqdn_key *key)
{
	u32 rest = length - FQDN_FILTER_HEAD;
	u64 digest, *until;

	if (length > FQDN_FILTER_HEAD) {
		FQDN_OPAQUE(rest);
		/* One octet more, which is no letter of the name: 6.1 does not see from `rest != 0` that it is not 0. */
		if (rest > FQDN_FILTER_MESSAGE - FQDN_FILTER_HEAD ||
		    load_bytes(skb, at + FQDN_FILTER_HEAD - 1, s->message + FQDN_FILTER_HEAD - 1, rest + 1))
			return FQDN_FILTER_LEFT;
	}
	if (!fqdn_filter_digest(s, length, key, fqdn_known_record, fqdn_known_hash, &digest))
		return FQDN_FILTER_LEFT;
	until = map_lookup(FQDN_MAP(FQDN_FILTER_KNOWN), &digest);
	/* The client may use the address for so long as the TTL says: until then it must be learned. */
	return until && fqdn_now() + (u64)s->ttl * 1000 <= *until ? FQDN_FILTER_PASSED : FQDN_FILTER_LEFT;
}

static inline enum fqdn_filter_verdict fqdn_judge(struct __sk_buff *skb, struct fqdn_filter_scratch *s, bool whole)
{
	enum fqdn_filter_verdict verdict;
	struct fqdn_filter_state *state;
	u32 zero = 0, length, at, held;
	void *table;

	table = map_lookup(FQDN_MAP(FQDN_FILTER_TABLES), &zero);
	state = map_lookup(FQDN_MAP(FQDN_FILTER_STATE), &zero);
	if (!table || !state)
		return FQDN_FILTER_LEFT;
	at = fqdn_find(skb, &length);
	held = length > FQDN_FILTER_HEAD ? FQDN_FILTER_HEAD : length;
	FQDN_OPAQUE(held);
	if (!at || held < FQDN_FILTER_HEADER || held > FQDN_FILTER_HEAD || load_bytes(skb, at, s->message, held))
		return FQDN_FILTER_LEFT;
	if (whole)
		verdict = fqdn_filter_question(s, held, fqdn_known_label, fqdn_known_lower);
	else
		verdict = fqdn_filter_question(s, held, fqdn_unrelated_label, fqdn_unrelated_lower);
	if (verdict != FQDN_FILTER_PASSED)
		return verdict;
	if (whole)
		return fqdn_look_through(skb, s, at, length, &state->known_key);
	return state->all || fqdn_look(table, s, state->name_key) ? FQDN_FILTER_LEFT : FQDN_FILTER_UNRELATED;
}

static inline int fqdn_run(struct __sk_buff *skb, bool whole)
{
	struct fqdn_filter_scratch *s;
	u32 verdict = FQDN_FILTER_LEFT, zero = 0;
	u64 *counter;

	s = map_lookup(FQDN_MAP(FQDN_FILTER_SCRATCH), &zero);
	if (!s || __sync_lock_test_and_set(&s->busy, 1))
		return 0;
	verdict = fqdn_judge(skb, s, whole);
	__sync_lock_test_and_set(&s->busy, 0); /* behind all that was written: another processor may be next */
	if (verdict == FQDN_FILTER_LEFT)
		return 0;
	counter = map_lookup(FQDN_MAP(FQDN_FILTER_COUNTERS), &verdict);
	if (counter)
		__sync_fetch_and_add(counter, 1);
	return 1;
}

__attribute__((section(FQDN_FILTER_ASKS_UNRELATED), used)) int fqdn_unrelated(struct __sk_buff *skb)
{
	return fqdn_run(skb, false);
}

FQDN_STEP(FQDN_FILTER_ASKS_UNRELATED, fqdn_unrelated_label, fqdn_filter_label_step)
FQDN_STEP(FQDN_FILTER_ASKS_UNRELATED, fqdn_unrelated_lower, fqdn_filter_lower_step)
FQDN_STEP(FQDN_FILTER_ASKS_UNRELATED, fqdn_unrelated_look, fqdn_look_step)

__attribute__((section(FQDN_FILTER_ASKS_KNOWN), used)) int fqdn_known(struct __sk_buff *skb)
{
	return fqdn_run(skb, true);
}

FQDN_STEP(FQDN_FILTER_ASKS_KNOWN, fqdn_known_label, fqdn_filter_label_step)
FQDN_STEP(FQDN_FILTER_ASKS_KNOWN, fqdn_known_lower, fqdn_filter_lower_step)
FQDN_STEP(FQDN_FILTER_ASKS_KNOWN, fqdn_known_record, fqdn_filter_record_step)
FQDN_STEP(FQDN_FILTER_ASKS_KNOWN, fqdn_known_hash, fqdn_filter_hash_step)
