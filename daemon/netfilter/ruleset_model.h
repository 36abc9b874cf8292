/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ruleset as rows: sets with their elements, chains with their rules, rules with their statements. Each kind of
 * statement has one renderer in ruleset_text.c and one in ruleset_expr.c; nothing else knows how rules look. */
#ifndef NFQDN_NETFILTER_RULESET_MODEL_H
#define NFQDN_NETFILTER_RULESET_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "netfilter/assist.h"
#include "netfilter/ruleset.h"

/* ---- sets ---- */

enum ruleset_field_kind {
	RULESET_FIELD_IFNAME,
	RULESET_FIELD_ADDRESS4,
	RULESET_FIELD_ADDRESS6,
	RULESET_FIELD_PROTO,
	RULESET_FIELD_PORT
};

/* One field of a set's key. */
struct ruleset_field_type {
	uint32_t datatype; /* number of nft's type: nft finds its spelling by it */
	uint8_t length; /* octets */
	const char *text; /* "ipv4_addr" */
};

/* Closed interval; network order, as many octets as the kind has. */
struct ruleset_field {
	uint8_t first[16], last[16];
};

#define RULESET_FIELDS 4
enum ruleset_key {
	RULESET_KEY_IFNAME,
	RULESET_KEY_ADDRESS4,
	RULESET_KEY_ADDRESS6,
	RULESET_KEY_SERVICE4, /* address . port */
	RULESET_KEY_SERVICE6,
	RULESET_KEY_PAIR4, /* source . destination */
	RULESET_KEY_PAIR6,
	RULESET_KEY_FROM4, /* source . destination . port */
	RULESET_KEY_FROM6,
	RULESET_KEY_LEARNED4, /* address . l4proto . port */
	RULESET_KEY_LEARNED6,
};
struct ruleset_key_type {
	size_t count; /* of fields */
	enum ruleset_field_kind fields[RULESET_FIELDS];
};

/* How a static set comes into force (table_change.h). */
enum ruleset_way {
	RULESET_FILLED, /* aside, and the rules then name the side that they did not */
	RULESET_UNTOUCHED, /* it holds what it shall hold */
	RULESET_GROWN, /* it lacks `gained` */
};

struct ruleset_set {
	struct ruleset_set *next;
	enum ruleset_way way;
	const struct ruleset_set *gained;
	const char *name;
	enum ruleset_key key;
	bool learned; /* filled by element_commit(), a hash with timeouts; else an interval set of one side */
	uint8_t group; /* learned */
	enum ipaddr_family family; /* learned */
	uint32_t size; /* learned: how many elements the kernel takes */
	const void *items; /* value_interface, value_range, policy_box or policy_from, as `key` says; learned: none */
	size_t count;
};

/* What has a static set of its own: rules match the protocol, for nft 1.0.6 cannot load `meta l4proto` in a key of
 * intervals on every kernel (it adds a conversion of byte order that Linux 6.12.117 refuses). */
enum ruleset_service { RULESET_TCP, RULESET_UDP, RULESET_ECHO, RULESET_SERVICES };

/* ---- rules ---- */

enum ruleset_kind {
	RULESET_IIFNAME, /* iifname [!=] @name */
	RULESET_IIFNAME_NOT_LO, /* iifname != "lo" */
	RULESET_SDIFNAME, /* meta sdifname @name: the port of a VRF, whose iifname is the VRF itself */
	RULESET_SDIF, /* meta sdif != 0: entered by a port of a VRF */
	RULESET_OIFNAME, /* oifname @name */
	RULESET_OIFNAME_NOT_LO, /* oifname != "lo" */
	RULESET_SOCKET, /* meta skuid != 4294967295, which is nobody: sent by a socket of this machine */
	RULESET_L4PROTO, /* meta l4proto NUMBER */
	RULESET_CT_DIRECTION, /* ct direction original | reply */
	RULESET_CT_STATE, /* ct state invalid | new | established | related */
	RULESET_CT_PORT, /* ct original proto-dst NUMBER: what was asked, before any redirection */
	RULESET_CT_ADDRESS, /* ct DIRECTION ip|ip6 saddr @name */
	RULESET_RAW_MASKED, /* @th,OFFSET,16 & MASK == VALUE */
	RULESET_RAW_NOT, /* @th,OFFSET,16 != VALUE */
	RULESET_FIB, /* fib daddr . iif oif exists and its like */
	RULESET_ADDRESS, /* ip|ip6 saddr|daddr [!=] @name */
	RULESET_DPORT, /* udp|tcp dport NUMBER */
	RULESET_ICMP_ECHO, /* icmp|icmpv6 type echo-request (direction original) | echo-reply (reply) */
	RULESET_TUPLE, /* ip daddr . tcp dport @name and its like */
	RULESET_COUNTER, /* counter name "NAME" */
	RULESET_VERDICT, /* accept, drop, return, jump NAME, goto NAME */
	RULESET_REJECT, /* reject with tcp reset | icmpx admin-prohibited */
	RULESET_ASSIST, /* xt match "fqdn", of the kernel module, or "bpf": the answer need not be seen */
	RULESET_QUEUE, /* queue flags bypass to FIRST[-LAST] */
	RULESET_LOG, /* log [prefix "NAME"] group NUMBER [snaplen VALUE] queue-threshold 1 */
	RULESET_LIMIT, /* limit rate NUMBER/second burst VALUE packets */
	RULESET_CT_MARK, /* ct mark & MARK [!=|==] MARK: the flow has the bits, all of them; negated: it lacks one */
	RULESET_SET_CT_MARK, /* ct mark set ct mark | MARK */
	RULESET_SET_MARK, /* meta mark set meta mark | MARK; negated: & ~MARK */
	RULESET_KINDS
};

enum ruleset_direction { RULESET_ORIGINAL, RULESET_REPLY };
enum ruleset_state { RULESET_INVALID, RULESET_NEW, RULESET_ESTABLISHED, RULESET_RELATED };
enum ruleset_verdict { RULESET_ACCEPT, RULESET_DROP, RULESET_RETURN, RULESET_JUMP, RULESET_GOTO };
enum ruleset_fib {
	RULESET_FIB_RECEIVER_THERE, /* fib daddr . iif oif exists */
	RULESET_FIB_SENDER_NOT_THERE, /* fib saddr . mark . iif oif missing */
};
enum ruleset_reject { RULESET_TCP_RESET, RULESET_ADMIN_PROHIBITED };

/* A part of a concatenation, or the one address of RULESET_ADDRESS. */
enum ruleset_part {
	RULESET_PART_NONE,
	RULESET_PART_SADDR,
	RULESET_PART_DADDR,
	RULESET_PART_L4PROTO,
	RULESET_PART_SPORT, /* of the statement's l4proto; without one `th sport`, which of ICMP is type and code */
	RULESET_PART_DPORT,
};

struct ruleset_statement {
	enum ruleset_kind kind;
	bool negated; /* the lookup must miss */
	enum ipaddr_family family;
	uint8_t l4proto;
	union {
		enum ruleset_direction direction;
		enum ruleset_state state;
		enum ruleset_fib fib;
		enum ruleset_verdict verdict;
		enum ruleset_reject reject;
		enum assist_question question;
	};
	uint32_t mark; /* bits */
	uint16_t number; /* port, first queue, group, packets a second */
	uint16_t last; /* last queue */
	uint16_t offset, mask, value; /* RAW; offset in bits. LOG: octets of a copy, 0 for all. LIMIT: burst */
	enum ruleset_part parts[RULESET_FIELDS];
	const char *name; /* of a set, counter or chain; prefix of a copy */
};

struct ruleset_rule {
	struct ruleset_rule *next;
	const struct ruleset_statement *statements;
	size_t count;
	bool report; /* copies what is denied: left out where the kernel cannot (table.h) */
};

enum ruleset_hook { RULESET_UNHOOKED, RULESET_PREROUTING, RULESET_FORWARD, RULESET_INPUT, RULESET_OUTPUT };

struct ruleset_chain {
	struct ruleset_chain *next;
	const char *name;
	enum ruleset_hook hook;
	int priority;
	struct ruleset_rule *rules, **rules_end;
};

struct ruleset {
	struct arena *arena;
	const char *name;
	const struct policy *policy;
	struct ruleset_set *sets, **sets_end; /* static ones first */
	struct ruleset_set ranges[2]; /* mode = "sets": what the administrator's sets of ranges hold; without a name */
	struct ruleset_chain *chains, **chains_end; /* regular ones first */
	bool assist; /* its rules ask the kernel before the queue (table_assist()) */
	bool failed; /* memory was out */
};

/* ---- ruleset.c ---- */

extern const struct ruleset_key_type ruleset_key_types[];
extern const struct ruleset_field_type ruleset_field_types[];
/* Element `index` of a static set: fields[i] is of the kind that the key's type names. */
void ruleset_element(const struct ruleset_set *set, size_t index, struct ruleset_field fields[RULESET_FIELDS]);
/* "PREFIX", "PREFIX_GROUP". NULL and `failed` when memory is out. */
const char *ruleset_name(struct ruleset *ruleset, const char *prefix, const char *group);
/* The static set "PREFIX_GROUP" of whichever side the ruleset has it; NULL when it has none. */
const char *ruleset_static_set(const struct ruleset *ruleset, const char *prefix, const char *group);
/* Do both name one static set, of whichever sides? */
bool ruleset_same_set(const char *a, const char *b);
/* Compares two keys field by field, as many as the key has: the order of static sets' elements. */
int ruleset_element_compare(enum ruleset_key key, const struct ruleset_field a[RULESET_FIELDS],
			    const struct ruleset_field b[RULESET_FIELDS]);
/* Those items of a static set, as a list of their own. NULL and `failed` when memory is out. */
const void *ruleset_pick(struct ruleset *ruleset, const struct ruleset_set *set, const size_t places[], size_t count);
/* Gives a static set the name of a side. */
void ruleset_set_side(struct ruleset *ruleset, struct ruleset_set *set, enum ruleset_side side);
/* The static set of a service, such as "cidr4_tcp_a" or "from6_icmp_GROUP_a"; NULL when there is none because it would
 * be empty. */
const char *ruleset_service_set(const struct ruleset *ruleset, const char *prefix, enum ipaddr_family family,
				enum ruleset_service service, const char *group);
/* Is a set of that name of the learned ones? A group may be called "a", so that its name set ends like one of a
 * side. */
bool ruleset_learned_name(const char *name);
/* The side that a static set belongs to by its name; false when it is none. */
bool ruleset_side_of(const char *name, enum ruleset_side *out);

/* ---- ruleset_rules.c ---- */

/* Adds chains and rules to a ruleset that has its sets. */
void ruleset_rules_build(struct ruleset *ruleset);

#endif
