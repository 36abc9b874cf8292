/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two eBPF programs (kmod-optional/fqdn_filter.bpf.c), which the rules call by the xtables match "bpf". The rules hold them,
 * and they hold their maps: with the table all of it goes, and nothing is pinned. Programs and maps are made once, before
 * privileges are dropped; what comes later is bpf(2) on the maps' elements. */
#include "netfilter/assist.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../kmod-optional/fqdn_filter.h"
#include "base/hash.h"
#include "base/limits.h"
#include "netfilter/assist_backend.h"
#include "netfilter/ebpf.h"
#include "netfilter/filter_object.h"

struct assist_filter {
	int maps[FQDN_FILTER_MAPS];
	int programs[ASSIST_QUESTIONS];
	int table; /* the map of suffixes: filled while it is not in the map of tables */
	bool live; /* it is there */
	struct fqdn_filter_state state;
	struct fqdn_filter_scratch scratch;
};

static const char *filter_text(int error)
{
	switch (error) {
	case -ENOENT:
		return "the kernel module nf_fqdn is not there, and this nfqdnd was built without eBPF (make needs "
		       "clang)";
	case -EPERM:
		return "the kernel module nf_fqdn is not there, and eBPF is not permitted: CAP_BPF and CAP_PERFMON are "
		       "needed";
	case -EOPNOTSUPP:
		return "the kernel module nf_fqdn is not there, and the kernel keeps eBPF maps from who has no CAP_BPF "
		       "(before Linux 5.19, kernel.unprivileged_bpf_disabled)";
	case -ENOSYS:
		return "the kernel module nf_fqdn is not there, and the kernel has no eBPF (CONFIG_BPF_SYSCALL)";
	case -E2BIG:
		return "the policy has more names than the eBPF program's table takes";
	case -EACCES:
	case -EINVAL:
		return "the kernel module nf_fqdn is not there, and the kernel does not take the eBPF program: before "
		       "Linux "
		       "5.17, or without CAP_PERFMON, it never does";
	}
	return strerror(-error);
}

static void filter_close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int filter_load(struct assist_filter *filter)
{
	static const char *const sections[] = {
		[ASSIST_ASKS_UNRELATED] = FQDN_FILTER_ASKS_UNRELATED, [ASSIST_ASKS_KNOWN] = FQDN_FILTER_ASKS_KNOWN
	};
	size_t size;
	const void *object = filter_object(&size);

	for (size_t i = 0; i < ASSIST_QUESTIONS; i++) {
		filter->programs[i] =
			ebpf_load(object, size, sections[i], FQDN_FILTER_MAGIC, filter->maps, FQDN_FILTER_MAPS);
		if (filter->programs[i] == -E2BIG) /* of the verifier; of a map it means another thing */
			return -EACCES;
		if (filter->programs[i] < 0)
			return filter->programs[i];
	}
	return 0;
}

static int filter_make(struct assist_filter *filter)
{
	const struct {
		unsigned int type;
		uint32_t key, value, entries;
	} maps[] = {
		[FQDN_FILTER_TABLES] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(uint32_t), sizeof(uint32_t), 1 },
		[FQDN_FILTER_KNOWN] = { BPF_MAP_TYPE_LRU_HASH, sizeof(uint64_t), sizeof(uint64_t), LIMIT_ASSIST_KNOWN },
		[FQDN_FILTER_STATE] = { BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(filter->state), 1 },
		[FQDN_FILTER_COUNTERS] = { BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(uint64_t),
					   FQDN_FILTER_VERDICTS },
		[FQDN_FILTER_SCRATCH] = { BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t), sizeof(filter->scratch), 1 },
	};

	filter->table = ebpf_map(BPF_MAP_TYPE_HASH, sizeof(uint64_t), sizeof(uint64_t), LIMIT_ASSIST_SUFFIXES,
				 BPF_F_NO_PREALLOC, -1);
	if (filter->table < 0)
		return filter->table;
	for (size_t i = 0; i < FQDN_FILTER_MAPS; i++) {
		filter->maps[i] = ebpf_map(maps[i].type, maps[i].key, maps[i].value, maps[i].entries, 0,
					   i == FQDN_FILTER_TABLES ? filter->table : -1);
		if (filter->maps[i] < 0)
			return filter->maps[i];
	}
	return filter_load(filter);
}

/* As it will have to be done from then on. */
static int filter_touch(int counters)
{
	uint32_t index = 0;
	uint64_t zero = 0;
	int error = ebpf_set(counters, &index, &zero);

	return error == -EPERM ? -EOPNOTSUPP : error;
}

static int filter_new(struct assist_filter **out)
{
	struct assist_filter *filter;
	size_t size;
	int error;

	filter_object(&size);
	if (size == 0)
		return -ENOENT;
	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	memset(filter->maps, -1, sizeof(filter->maps));
	memset(filter->programs, -1, sizeof(filter->programs));
	filter->table = -1;
	error = filter_make(filter);
	if (error == 0)
		error = ebpf_without_capabilities(filter_touch, filter->maps[FQDN_FILTER_COUNTERS]);
	if (error < 0) {
		assist_filter_close(filter);
		return error;
	}
	*out = filter;
	return 0;
}

int assist_filter_open(struct assist_filter **out, const char **why)
{
	int error = filter_new(out);

	if (error < 0)
		*why = filter_text(error);
	return error;
}

static const int *filter_programs(const void *way)
{
	return ((const struct assist_filter *)way)->programs;
}

/* ---- what is in force ---- */

/* Returns when no processor uses the table any more: the kernel waits so long (Linux 5.0). */
static int filter_pause(void *way)
{
	struct assist_filter *filter = way;
	uint32_t zero = 0;
	int error = filter->live ? ebpf_delete(filter->maps[FQDN_FILTER_TABLES], &zero) : 0;

	if (error < 0 && error != -ENOENT)
		return error;
	filter->live = false;
	return 0;
}

/* The program stays open for the next one. */
static void filter_leave(void *way)
{
	filter_pause(way);
}

void assist_filter_close(struct assist_filter *filter)
{
	if (!filter)
		return;
	filter_pause(filter);
	for (size_t i = 0; i < FQDN_FILTER_MAPS; i++)
		filter_close_one(filter->maps[i]);
	for (size_t i = 0; i < ASSIST_QUESTIONS; i++)
		filter_close_one(filter->programs[i]);
	filter_close_one(filter->table);
	free(filter);
}

static int filter_tell_state(struct assist_filter *filter)
{
	uint32_t zero = 0;

	return ebpf_set(filter->maps[FQDN_FILTER_STATE], &zero, &filter->state);
}

/* A flag, or an end, for what the hash stands for. */
static int filter_add(struct assist_filter *filter, uint64_t hash, uint64_t flags, uint64_t until)
{
	uint64_t value = 0;
	int error = ebpf_get(filter->table, &hash, &value);

	if (error < 0 && error != -ENOENT)
		return error;
	flags |= value & ((1u << FQDN_FILTER_SHIFT) - 1);
	if (until == 0)
		until = value >> FQDN_FILTER_SHIFT;
	value = until << FQDN_FILTER_SHIFT | flags;
	return ebpf_set(filter->table, &hash, &value);
}

/* The hash of what `text`, a label, and the suffix behind it make. */
static uint64_t filter_label(uint64_t hash, const char *text, size_t length)
{
	uint8_t label[1 + FQDN_FILTER_LABEL + 7] = { (uint8_t)length };

	for (size_t i = 0; i < length; i++)
		label[1 + i] = (uint8_t)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
	return fqdn_filter_label(hash, label, (uint32_t)length + 1);
}

/* Of a pattern with `*` the suffix behind its last label that has one: more is left to nfqdnd than need be. */
static int filter_add_pattern(struct assist_filter *filter, const char *text)
{
	size_t end = strlen(text), start;
	uint64_t hash = filter->state.name_key;

	if (end > 0 && text[end - 1] == '.')
		end--;
	for (;; end = start - 1) {
		const char *dot = memrchr(text, '.', end);

		start = dot ? (size_t)(dot + 1 - text) : 0;
		if (memchr(text + start, '*', end - start))
			break;
		if (end - start > FQDN_FILTER_LABEL)
			return -EINVAL;
		hash = filter_label(hash, text + start, end - start);
		if (start == 0)
			return filter_add(filter, hash, FQDN_FILTER_ENDS, 0);
	}
	if (hash != filter->state.name_key)
		return filter_add(filter, hash, FQDN_FILTER_BELOW, 0);
	filter->state.all = 1;
	return 0;
}

static int filter_keys(struct assist_filter *filter)
{
	struct hash_key name, known;
	int error = hash_key_random(&name);

	if (error == 0)
		error = hash_key_random(&known);
	if (error < 0)
		return error;
	filter->state = (struct fqdn_filter_state) { .name_key = name.k0, .known_key = { known.k0, known.k1 } };
	return 0;
}

/* The key behind one that is no longer there would be the first again. */
static int filter_clear(struct assist_filter *filter)
{
	uint64_t key = 0, next = 0;
	int error = ebpf_next(filter->table, NULL, &key);

	while (error == 0) {
		int more = ebpf_next(filter->table, &key, &next);

		error = ebpf_delete(filter->table, &key);
		if (error == 0)
			error = more;
		key = next;
	}
	return error == -ENOENT ? 0 : error;
}

static int filter_begin(void *way, const struct policy *policy)
{
	struct assist_filter *filter = way;
	int error = filter_clear(filter);

	if (error == 0)
		error = filter_keys(filter);
	for (size_t i = 0; i < policy->rule_count && error == 0 && !filter->state.all; i++)
		error = filter_add_pattern(filter, policy->rules[i].pattern);
	return error == 0 ? filter_tell_state(filter) : error;
}

static int filter_commit(void *way)
{
	struct assist_filter *filter = way;
	uint32_t zero = 0;
	int error = ebpf_set(filter->maps[FQDN_FILTER_TABLES], &zero, &filter->table);

	filter->live = error == 0;
	return error;
}

/* ---- what is learned ---- */

static uint64_t filter_until(uint64_t left)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + left;
}

static int filter_derived(void *way, bool aside, const struct nf_fqdn_entry *entries, size_t count)
{
	int error = 0;

	(void)aside;
	for (size_t i = 0; i < count && error == 0; i++)
		error = filter_add(way, entries[i].name, 0, filter_until(entries[i].left));
	return error;
}

static int filter_known(void *way, const struct nf_fqdn_entry *entries, size_t count)
{
	const struct assist_filter *filter = way;
	uint64_t digests[LIMIT_ASSIST_STAGED], untils[LIMIT_ASSIST_STAGED], now = filter_until(0);

	for (size_t i = 0; i < count; i++) {
		digests[i] = entries[i].digest;
		untils[i] = now + entries[i].left;
	}
	return ebpf_set_all(filter->maps[FQDN_FILTER_KNOWN], digests, untils, (uint32_t)count);
}

/* By another key, to which no digest that is there belongs. */
static int filter_forget(void *way)
{
	struct assist_filter *filter = way;
	struct hash_key key;
	int error = hash_key_random(&key);

	if (error < 0)
		return error;
	filter->state.known_key = (struct fqdn_key) { key.k0, key.k1 };
	return filter_tell_state(filter);
}

static uint64_t filter_hash(const void *way, const struct dns_name *name)
{
	const struct assist_filter *filter = way;
	uint8_t octets[DNS_NAME_MAX + 7] = { 0 }, labels[FQDN_FILTER_LABELS];
	uint64_t hash = filter->state.name_key;
	size_t count = 0;

	memcpy(octets, name->octets, name->length);
	for (size_t at = 0; octets[at]; at += octets[at] + 1u)
		labels[count++] = (uint8_t)at;
	while (count-- > 0)
		hash = fqdn_filter_label(hash, octets + labels[count], octets[labels[count]] + 1u);
	return hash;
}

static bool filter_digest(void *way, const uint8_t *message, size_t length, struct nf_fqdn_entry *out)
{
	struct assist_filter *filter = way;
	struct fqdn_filter_scratch *scratch = &filter->scratch;
	u64 digest;

	if (length < FQDN_FILTER_HEADER || length > FQDN_FILTER_MESSAGE)
		return false;
	memcpy(scratch->message, message, length);
	if (fqdn_filter_question(scratch, (uint32_t)length, fqdn_filter_label_step, fqdn_filter_lower_step) !=
		    FQDN_FILTER_PASSED ||
	    !fqdn_filter_digest(scratch, (uint32_t)length, &filter->state.known_key, fqdn_filter_record_step,
				fqdn_filter_hash_step, &digest))
		return false;
	*out = (struct nf_fqdn_entry) { .digest = digest };
	return true;
}

static int filter_count(void *way, uint64_t now[ASSIST_COUNTERS])
{
	static const uint32_t counters[ASSIST_COUNTERS] = { [ASSIST_ERRORS] = FQDN_FILTER_ERROR,
							    [ASSIST_UNRELATED] = FQDN_FILTER_UNRELATED,
							    [ASSIST_KNOWN] = FQDN_FILTER_PASSED };
	const struct assist_filter *filter = way;
	int error = 0;

	for (size_t i = 0; i < ASSIST_COUNTERS && error == 0; i++)
		error = ebpf_get(filter->maps[FQDN_FILTER_COUNTERS], &counters[i], &now[i]);
	return error;
}

static const char *filter_name(const void *way)
{
	(void)way;
	return "bpf";
}

const struct assist_backend assist_filter_backend = {
	.name = filter_name,
	.close = filter_leave,
	.text = filter_text,
	.programs = filter_programs,
	.pause = filter_pause,
	.begin = filter_begin,
	.commit = filter_commit,
	.derived = filter_derived,
	.known = filter_known,
	.forget = filter_forget,
	.count = filter_count,
	.hash = filter_hash,
	.digest = filter_digest,
};
