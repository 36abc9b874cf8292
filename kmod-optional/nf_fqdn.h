/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/* nf_fqdn: what userspace tells the module (generic netlink), and the xtables match that rules use.
 *
 * An instance has a name and belongs to a network namespace; every command names it. CAP_NET_ADMIN in the user
 * namespace that owns the network namespace is needed. Numbers are in host order. Every request may be acknowledged;
 * an error changes nothing, unless said.
 *
 * What decides is one table: patterns, derived names, known answers. It is made aside (BEGIN, then ADD as often as
 * needed) and put in force at one moment (COMMIT). An instance without a table passes nothing: all is left to
 * userspace. Rules, "match" expressions of nft_compat, name an instance that is there and the verdicts for which the match is
 * `true`; each but NF_FQDN_LEFT means: this response need not be seen.
 *
 * Hashes are SipHash-1-3 with the table's key (fqdn_hash.h). A name is hashed in uncompressed wire form, lower case,
 * with the root label; an answer as fqdn_parse.c does it.
 */
#ifndef _UAPI_NF_FQDN_H
#define _UAPI_NF_FQDN_H

#include <linux/types.h>

#define NF_FQDN_FAMILY "nf_fqdn"
#define NF_FQDN_VERSION 2

#define NF_FQDN_INSTANCE_MAX 64 /* octets of an instance's name with its NUL */
#define NF_FQDN_INSTANCES 64 /* of one network namespace */
#define NF_FQDN_BUCKETS_MAX 65536
#define NF_FQDN_ENTRIES_MAX 1024 /* of one message */
#define NF_FQDN_PATTERNS_OCTETS 32768 /* of one message */

enum nf_fqdn_command {
	NF_FQDN_UNSPEC,
	/* Makes the instance if need be, and an empty table aside, in place of one that was not put in force: INSTANCE,
	 * KEY, NODES, NAME_BUCKETS, KNOWN_BUCKETS. -E2BIG: a number beyond its maximum; -ENOSPC: NF_FQDN_INSTANCES;
	 * -ENOMEM.
	 */
	NF_FQDN_BEGIN,
	/* Adds to the table aside: INSTANCE, PATTERNS and NAMES as wanted. -ENOENT: no BEGIN before; -EINVAL: a pattern
	 * is none; -ENOSPC: NODES were too few. After these two the table aside is gone.
	 */
	NF_FQDN_ADD,
	/* Puts the table aside in force: INSTANCE. -ENOENT. */
	NF_FQDN_COMMIT,
	/* Takes the table in force away, so that everything is left to userspace: INSTANCE. -ENOENT: no instance. */
	NF_FQDN_PAUSE,
	/* Adds derived names, or prolongs them, in the table in force: INSTANCE, NAMES. -ENOENT: there is none. */
	NF_FQDN_NAMES,
	/* The same with known answers: INSTANCE, KNOWN. */
	NF_FQDN_KNOWN,
	/* Forgets all known answers of the table in force: INSTANCE. -ENOENT. */
	NF_FQDN_FORGET,
	/* Answers with INSTANCE, LOADED and the counters: INSTANCE. -ENOENT. */
	NF_FQDN_GET,
	/* Removes the instance: INSTANCE. Rules that name it stay and match nothing. -ENOENT. */
	NF_FQDN_DELETE,
	/* Answers with VERDICTS, and counts them: INSTANCE, MESSAGES. Each message is judged as if it had come in a
	 * packet. -ENOENT; -EINVAL: a length is wrong; -ENOMEM. Only for tests: -EOPNOTSUPP unless built with
	 * CONFIG_NF_FQDN_TRY.
	 */
	NF_FQDN_TRY,
	__NF_FQDN_COMMANDS
};

enum nf_fqdn_attribute {
	NF_FQDN_A_UNSPEC,
	NF_FQDN_A_INSTANCE, /* string, at most NF_FQDN_INSTANCE_MAX with its NUL */
	NF_FQDN_A_KEY, /* 16 octets, two __u64 in host order: of all hashes, secret */
	NF_FQDN_A_NODES, /* u32: room for patterns; one for the root, and for each pattern 1 + its dots + its stars */
	NF_FQDN_A_NAME_BUCKETS, /* u32: room for derived names, each for 8; a power of two */
	NF_FQDN_A_KNOWN_BUCKETS, /* u32: room for known answers, likewise */
	NF_FQDN_A_PATTERNS, /* strings, each with its NUL, one behind the other: "*.example.com" "files-*.example.net" */
	NF_FQDN_A_NAMES, /* struct nf_fqdn_entry, one behind the other; `digest` is 0 */
	NF_FQDN_A_KNOWN, /* struct nf_fqdn_entry, one behind the other */
	NF_FQDN_A_LOADED, /* u32: nodes of the table in force; 0: there is none */
	NF_FQDN_A_LEFT, /* u64: responses left to userspace */
	NF_FQDN_A_ERRORS, /* u64: passed, for their RCODE says that there is nothing to learn */
	NF_FQDN_A_UNRELATED, /* u64: passed, for no pattern matches the question */
	NF_FQDN_A_KNOWN_PASSED, /* u64: passed, for they change nothing */
	NF_FQDN_A_PAD,
	NF_FQDN_A_MESSAGES, /* DNS messages, one behind the other, each behind its length, a __u16 in network order */
	NF_FQDN_A_VERDICTS, /* one octet each, in their order: enum nf_fqdn_verdict */
	__NF_FQDN_A_END
};
#define NF_FQDN_A_MAX (__NF_FQDN_A_END - 1)

enum nf_fqdn_verdict {
	NF_FQDN_LEFT, /* userspace must see it */
	NF_FQDN_ERROR, /* its RCODE says that there is nothing to learn */
	NF_FQDN_UNRELATED, /* no pattern and no derived name is its question */
	NF_FQDN_PASSED, /* known: it would change nothing */
	__NF_FQDN_VERDICTS
};

struct nf_fqdn_entry {
	__aligned_u64 name;
	__aligned_u64 digest;
	__aligned_u64 left; /* milliseconds from now, at most 2^40 */
};

/* Revision 0 of the xtables match "fqdn". */
struct xt_fqdn_info {
	char instance[NF_FQDN_INSTANCE_MAX];
	/* Bits of enum nf_fqdn_verdict, without NF_FQDN_LEFT. Of a message whose question matches the rest is read only for
	 * NF_FQDN_PASSED. A packet that several rules ask about should be asked about NF_FQDN_PASSED last: what is left to
	 * userspace counts there. */
	__u32 verdicts;
	/* the kernel's own */
	struct fqdn_instance *kernel __attribute__((aligned(8)));
};

#endif
