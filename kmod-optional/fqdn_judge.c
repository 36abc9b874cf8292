// SPDX-License-Identifier: GPL-2.0-or-later
#include "fqdn_judge.h"

static u64 fqdn_name_hash(const struct fqdn_table *table, const struct fqdn_question *question)
{
	return fqdn_hash(&table->patterns.key, question->name.octets, question->name.length);
}

enum fqdn_verdict fqdn_judge_question(const struct fqdn_table *table, const u8 *head, size_t held, s64 now,
				      struct fqdn_question *out)
{
	if (fqdn_read_question(head, held, out))
		return FQDN_LEFT;
	if (out->error)
		return FQDN_ERROR;
	if (fqdn_pattern_match(&table->patterns, &out->name))
		return FQDN_MATCHED;
	/* What a derived name teaches depends on where it comes from: always nfqdnd's. */
	if (READ_ONCE(table->names_over) > now || fqdn_cache_until(&table->names, fqdn_name_hash(table, out), 0) > now)
		return FQDN_LEFT;
	return FQDN_UNRELATED;
}

enum fqdn_verdict fqdn_judge_answer(const struct fqdn_table *table, const u8 *message, size_t length,
				    const struct fqdn_question *question, s64 now)
{
	struct fqdn_digest digest;
	s64 until;

	if (fqdn_read_digest(message, length, question, &table->patterns.key, &digest))
		return FQDN_LEFT;
	until = fqdn_cache_until(&table->known, digest.name, digest.digest);
	/* The client may use the address for so long as the TTL says: until then it must be learned. */
	return until > 0 && now + (s64)digest.ttl * 1000 <= until ? FQDN_KNOWN : FQDN_LEFT;
}

void fqdn_judge_add_name(struct fqdn_table *table, u64 name, s64 until, s64 now)
{
	if (fqdn_cache_add(&table->names, name, 0, until, now, false) && until > table->names_over)
		WRITE_ONCE(table->names_over, until);
}
