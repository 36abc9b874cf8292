/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of a DNS response as tells whether nfqdnd needs to see it. Pure: no allocation, no clock, bounded loops,
 * a few hundred octets of stack. Each function answers -EINVAL for what it cannot judge: that is nfqdnd's.
 */
#ifndef NF_FQDN_PARSE_H
#define NF_FQDN_PARSE_H

#include "fqdn_hash.h"
#include "fqdn_shim.h"

#define FQDN_NAME_MAX 255 /* octets with the root label, RFC 1035 2.3.4 */
#define FQDN_LABEL_MAX 63
#define FQDN_LABELS_MAX 127
#define FQDN_HEADER_SIZE 12
/* Header and question of any message: a question's name has no pointer, since nothing stands before it. */
#define FQDN_HEAD_SIZE (FQDN_HEADER_SIZE + FQDN_NAME_MAX + 4)
/* Messages up to this length, with up to so many records, are read to their end; EDNS allows no more in practice
 * (RFC 9715), and both bound what a hostile one costs.
 */
#define FQDN_MESSAGE_MAX 4096
#define FQDN_RECORDS_MAX 64

/* Uncompressed wire form, lower case. */
struct fqdn_name {
	u8 length; /* 1 (the root) .. 255 */
	u8 octets[FQDN_NAME_MAX];
};

struct fqdn_question {
	struct fqdn_name name;
	u16 qtype;
	u16 end; /* offset of what follows the question */
	u16 answers, authorities, additionals;
	bool error; /* RCODE is not NOERROR */
	bool truncated;
};

/* Equal digests: the same question with the same records that can teach, whatever their TTLs. */
struct fqdn_digest {
	u64 digest;
	u64 name; /* hash of the question's */
	u32 ttl; /* seconds, largest of these records; with the top bit set it counts as 0 (RFC 2181 8) */
};

/* Reads header and question. `held`: octets of the message that `head` holds, all or the first FQDN_HEAD_SIZE. 0;
 * -EINVAL when it is no response to one question of class IN, or not well formed. `out` may be half written then.
 */
int fqdn_read_question(const u8 *head, size_t held, struct fqdn_question *out);
/* Reads the records of a whole message whose question was read. 0; -EINVAL when it is not well formed, longer or fuller
 * than above, or an error by its OPT record.
 */
int fqdn_read_digest(const u8 *message, size_t length, const struct fqdn_question *question, const struct fqdn_key *key,
		     struct fqdn_digest *out);

#endif
