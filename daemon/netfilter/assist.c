/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to the module are generic netlink (kmod-optional/nf_fqdn.h), each acknowledged before send() returns. */
#include "netfilter/assist.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "../kmod-optional/fqdn_parse.h"
#include "../kmod-optional/fqdn_pattern.h"
#include "../kmod-optional/nf_fqdn.h"
#include "base/counters.h"
#include "base/hash.h"
#include "base/limits.h"
#include "netfilter/nfattr.h"
#include "netfilter/nlsock.h"

#define ASSIST_MESSAGE 65536
/* Entries are in buckets of 8. */
#define ASSIST_KNOWN_BUCKETS (LIMIT_ASSIST_KNOWN / 8)
#define ASSIST_NAME_BUCKETS (2 * LIMIT_DERIVED_NAMES / 8)
#define ASSIST_LIFE_MAX ((int64_t)1 << 40)

_Static_assert(LIMIT_ASSIST_STAGED <= NF_FQDN_ENTRIES_MAX, "one message holds all");

/* Entries on their way. */
struct assist_list {
	struct nf_fqdn_entry entries[LIMIT_ASSIST_STAGED];
	size_t count;
};

struct assist {
	struct nlsock *socket;
	char name[NF_FQDN_INSTANCE_MAX];
	uint16_t family;
	struct fqdn_key key;
	bool working; /* patterns are in force */
	bool loading; /* between assist_begin() and assist_commit() */
	bool broken; /* something could not be told */
	struct assist_list derived, known;
	uint64_t seen[NF_FQDN_A_MAX + 1]; /* the module's counters, when they were last read */
	char buffer[ASSIST_MESSAGE];
};

/* ---- requests ---- */

struct assist_reply {
	int error;
	bool done;
	void (*visit)(void *context, const struct nlmsghdr *message);
	void *context;
};

static enum nlsock_next assist_visit(void *context, const struct nlmsghdr *message)
{
	struct assist_reply *reply = context;

	if (message->nlmsg_type == NLMSG_ERROR) {
		reply->error = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error;
		reply->done = true;
		return NLSOCK_LAST;
	}
	if (reply->visit)
		reply->visit(reply->context, message);
	return NLSOCK_MORE;
}

static struct nlmsghdr *assist_request(struct assist *assist, uint16_t family, uint8_t command)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(assist->buffer);
	struct genlmsghdr *generic;

	message->nlmsg_type = family;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = nlsock_sequence(assist->socket);
	generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));
	generic->cmd = command;
	generic->version = NF_FQDN_VERSION;
	return message;
}

static struct nlmsghdr *assist_command(struct assist *assist, enum nf_fqdn_command command)
{
	struct nlmsghdr *message = assist_request(assist, assist->family, (uint8_t)command);

	mnl_attr_put_strz(message, NF_FQDN_A_INSTANCE, assist->name);
	return message;
}

static int assist_ask(struct assist *assist, const struct nlmsghdr *message,
		      void (*visit)(void *context, const struct nlmsghdr *message), void *context)
{
	struct assist_reply reply = { .visit = visit, .context = context };
	int error = nlsock_transact(assist->socket, message, message->nlmsg_len, message->nlmsg_seq, message->nlmsg_seq,
				    assist_visit, &reply);

	return error < 0 ? error : reply.error;
}

static int assist_send(struct assist *assist, const struct nlmsghdr *message)
{
	return assist_ask(assist, message, NULL, NULL);
}

/* What was not told must not be missed: until it is loaded anew, the module lets nothing pass. */
static void assist_failed(struct assist *assist)
{
	counters.assist_errors++;
	assist->broken = true;
	assist_pause(assist);
}

static int assist_send_list(struct assist *assist, enum nf_fqdn_command command, uint16_t attribute,
			    struct assist_list *list)
{
	struct nlmsghdr *message = assist_command(assist, command);
	size_t count = list->count;

	list->count = 0;
	if (count == 0)
		return 0;
	mnl_attr_put(message, attribute, count * sizeof(list->entries[0]), list->entries);
	return assist_send(assist, message);
}

/* ---- finding it ---- */

struct assist_family {
	uint16_t id;
	uint32_t version;
};

static void assist_visit_family(void *context, const struct nlmsghdr *message)
{
	struct assist_family *family = context;
	const struct nlattr *attribute;

	mnl_attr_for_each (attribute, message, sizeof(struct genlmsghdr)) {
		uint16_t type = mnl_attr_get_type(attribute);

		if (type == CTRL_ATTR_FAMILY_ID && mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0)
			family->id = mnl_attr_get_u16(attribute);
		else if (type == CTRL_ATTR_VERSION && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			family->version = mnl_attr_get_u32(attribute);
	}
}

static int assist_find(struct assist *assist)
{
	struct nlmsghdr *message = assist_request(assist, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	struct assist_family family = { 0 };
	int error;

	mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, NF_FQDN_FAMILY);
	error = assist_ask(assist, message, assist_visit_family, &family);
	if (error < 0)
		return error;
	if (family.version != NF_FQDN_VERSION || family.id == 0)
		return -EPROTO;
	assist->family = family.id;
	return 0;
}

/* A table aside makes the instance, too. */
static int assist_make(struct assist *assist, uint32_t nodes)
{
	struct nlmsghdr *message = assist_command(assist, NF_FQDN_BEGIN);
	struct hash_key key;
	int error = hash_key_random(&key);

	if (error < 0)
		return error;
	assist->key = (struct fqdn_key) { key.k0, key.k1 };
	mnl_attr_put(message, NF_FQDN_A_KEY, sizeof(assist->key), &assist->key);
	mnl_attr_put_u32(message, NF_FQDN_A_NODES, nodes);
	mnl_attr_put_u32(message, NF_FQDN_A_NAME_BUCKETS, ASSIST_NAME_BUCKETS);
	mnl_attr_put_u32(message, NF_FQDN_A_KNOWN_BUCKETS, ASSIST_KNOWN_BUCKETS);
	return assist_send(assist, message);
}

static const char *assist_text(int error)
{
	switch (error) {
	case -ENOENT:
		return "the kernel module nf_fqdn is not there";
	case -EPROTO:
		return "the kernel module nf_fqdn is of another version";
	case -E2BIG:
		return "the policy has more names than the kernel module takes";
	case -ENAMETOOLONG:
		return "the table's name is too long for the kernel module";
	case -ENOSPC:
		return "the kernel module has no room for another instance in this network namespace";
	case -EPERM:
		return "the kernel module does not let us: CAP_NET_ADMIN is needed";
	}
	return strerror(-error); /* static for every number that the kernel knows */
}

static int assist_connect(const char *table, struct assist **out)
{
	struct assist *assist = calloc(1, sizeof(*assist));
	int error = assist ? nlsock_open_generic(&assist->socket) : -ENOMEM;

	if (error == 0 && strlen(table) >= sizeof(assist->name))
		error = -ENAMETOOLONG;
	if (error == 0) {
		memcpy(assist->name, table, strlen(table) + 1);
		error = assist_find(assist);
	}
	if (error < 0) {
		assist_close(assist);
		return error;
	}
	*out = assist;
	return 0;
}

int assist_open(const char *table, struct assist **out, const char **why)
{
	struct assist *assist = NULL;
	int error = assist_connect(table, &assist);

	if (error == 0)
		error = assist_make(assist, 1);
	if (error == 0)
		error = assist_pause(assist); /* what an earlier run left */
	if (error < 0) {
		*why = assist_text(error);
		assist_close(assist);
		return error;
	}
	assist_count(assist);
	*out = assist;
	return 0;
}

void assist_close(struct assist *assist)
{
	if (!assist)
		return;
	nlsock_close(assist->socket);
	free(assist);
}

int assist_remove(const char *table)
{
	struct assist *assist = NULL;
	int error = assist_connect(table, &assist);

	if (error == 0) {
		error = assist_send(assist, assist_command(assist, NF_FQDN_DELETE));
		assist_close(assist);
	}
	return error == -ENOENT ? 0 : error;
}

/* ---- what is in force ---- */

int assist_pause(struct assist *assist)
{
	int error;

	assist->working = assist->loading = false;
	assist->derived.count = assist->known.count = 0;
	error = assist_send(assist, assist_command(assist, NF_FQDN_PAUSE));
	if (error < 0)
		assist->broken = true;
	return error;
}

static int assist_add_patterns(struct assist *assist, const struct policy *policy)
{
	size_t i = 0;
	int error = 0;

	while (i < policy->rule_count && error == 0) {
		char list[NF_FQDN_PATTERNS_OCTETS];
		struct nlmsghdr *message;
		size_t used = 0;

		for (; i < policy->rule_count; i++) {
			size_t size = strlen(policy->rules[i].pattern) + 1;

			if (used + size > sizeof(list))
				break;
			memcpy(list + used, policy->rules[i].pattern, size);
			used += size;
		}
		message = assist_command(assist, NF_FQDN_ADD);
		mnl_attr_put(message, NF_FQDN_A_PATTERNS, used, list);
		error = assist_send(assist, message);
	}
	return error;
}

int assist_begin(struct assist *assist, const struct policy *policy, const char **why)
{
	uint64_t nodes = 1;
	int error = assist_pause(assist);

	for (size_t i = 0; i < policy->rule_count; i++)
		nodes += fqdn_pattern_nodes(policy->rules[i].pattern, strlen(policy->rules[i].pattern));
	if (error == 0)
		error = nodes > FQDN_NODES_MAX ? -E2BIG : assist_make(assist, (uint32_t)nodes);
	if (error == 0)
		error = assist_add_patterns(assist, policy);
	assist->loading = error == 0;
	if (error < 0)
		*why = assist_text(error);
	return error;
}

static int assist_send_derived(struct assist *assist)
{
	return assist_send_list(assist, assist->loading ? NF_FQDN_ADD : NF_FQDN_NAMES, NF_FQDN_A_NAMES,
				&assist->derived);
}

int assist_commit(struct assist *assist, const char **why)
{
	int error = assist->loading ? assist_send_derived(assist) : -EAGAIN;

	if (error == 0)
		error = assist_send(assist, assist_command(assist, NF_FQDN_COMMIT));
	assist->loading = false;
	assist->working = error == 0;
	if (error < 0)
		*why = assist_text(error);
	else
		assist->broken = false;
	return error;
}

bool assist_working(const struct assist *assist)
{
	return assist->working;
}

/* ---- what is learned ---- */

static uint64_t assist_life(int64_t life_ms)
{
	return (uint64_t)(life_ms > ASSIST_LIFE_MAX ? ASSIST_LIFE_MAX : life_ms < 0 ? 0 : life_ms);
}

void assist_derived(void *context, const struct dns_name *name, int64_t life_ms)
{
	struct assist *assist = context;

	if (!assist->working && !assist->loading)
		return;
	if (assist->derived.count == LIMIT_ASSIST_STAGED && assist_send_derived(assist) < 0) {
		assist_failed(assist);
		return;
	}
	assist->derived.entries[assist->derived.count++] =
		(struct nf_fqdn_entry) { .name = fqdn_hash(&assist->key, name->octets, name->length),
					 .left = assist_life(life_ms) };
}

void assist_known(void *context, const uint8_t *message, size_t length, int64_t left_ms)
{
	struct assist *assist = context;
	struct fqdn_question question;
	struct fqdn_digest digest;

	if (!assist->working || left_ms <= 0 || assist->known.count == LIMIT_ASSIST_STAGED)
		return;
	if (fqdn_read_question(message, length, &question) < 0 || question.error ||
	    fqdn_read_digest(message, length, &question, &assist->key, &digest) < 0)
		return;
	assist->known.entries[assist->known.count++] =
		(struct nf_fqdn_entry) { .name = fqdn_hash(&assist->key, question.name.octets, question.name.length),
					 .digest = digest.digest,
					 .left = assist_life(left_ms) };
}

void assist_forget(void *context)
{
	struct assist *assist = context;

	assist->known.count = 0;
	if (assist->working && assist_send(assist, assist_command(assist, NF_FQDN_FORGET)) < 0)
		assist_failed(assist);
}

void assist_settle(void *context)
{
	struct assist *assist = context;

	if (assist->working && assist_send_derived(assist) < 0)
		assist_failed(assist);
}

bool assist_tick(struct assist *assist)
{
	if (assist->working && assist_send_list(assist, NF_FQDN_KNOWN, NF_FQDN_A_KNOWN, &assist->known) < 0)
		assist_failed(assist);
	return assist->broken;
}

/* ---- counters ---- */

static void assist_visit_counters(void *context, const struct nlmsghdr *message)
{
	uint64_t *now = context;
	const struct nlattr *attribute;

	mnl_attr_for_each (attribute, message, sizeof(struct genlmsghdr)) {
		uint16_t type = mnl_attr_get_type(attribute);

		if (type <= NF_FQDN_A_MAX && mnl_attr_validate(attribute, MNL_TYPE_U64) >= 0)
			now[type] = mnl_attr_get_u64(attribute);
	}
}

void assist_count(struct assist *assist)
{
	uint64_t now[NF_FQDN_A_MAX + 1], unrelated, known;
	struct nlmsghdr *message = assist_command(assist, NF_FQDN_GET);
	bool first = !assist->working && assist->seen[NF_FQDN_A_INSTANCE] == 0;

	memcpy(now, assist->seen, sizeof(now));
	if (assist_ask(assist, message, assist_visit_counters, now) < 0)
		return;
	unrelated = now[NF_FQDN_A_UNRELATED] - assist->seen[NF_FQDN_A_UNRELATED];
	known = now[NF_FQDN_A_KNOWN_PASSED] - assist->seen[NF_FQDN_A_KNOWN_PASSED];
	if (!first) {
		counters.answers += unrelated + known + now[NF_FQDN_A_ERRORS] - assist->seen[NF_FQDN_A_ERRORS];
		counters.answers_without_policy += unrelated;
		counters.answers_known += known;
		counters.assist_unrelated += unrelated;
		counters.assist_known += known;
	}
	memcpy(assist->seen, now, sizeof(now));
	assist->seen[NF_FQDN_A_INSTANCE] = 1; /* has been read */
}
