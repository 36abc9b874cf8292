/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module nf_fqdn. Requests to it are generic netlink (kmod-optional/nf_fqdn.h), each acknowledged before send() returns. */

#include "netfilter/assist_backend.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "../kmod-optional/fqdn_parse.h"
#include "../kmod-optional/fqdn_pattern.h"
#include "base/hash.h"
#include "base/limits.h"
#include "netfilter/nfattr.h"
#include "netfilter/nlsock.h"

#define ASSIST_MESSAGE 65536
/* Entries are in buckets of 8. */
#define ASSIST_KNOWN_BUCKETS (LIMIT_ASSIST_KNOWN / 8)
#define ASSIST_NAME_BUCKETS (2 * LIMIT_DERIVED_NAMES / 8)

_Static_assert(LIMIT_ASSIST_STAGED <= NF_FQDN_ENTRIES_MAX, "one message holds all");

struct assist_module {
	struct nlsock *socket;
	char name[NF_FQDN_INSTANCE_MAX];
	uint16_t family;
	struct fqdn_key key;
	char buffer[ASSIST_MESSAGE];
};

/* ---- requests ---- */

struct module_reply {
	int error;
	bool done;
	void (*visit)(void *context, const struct nlmsghdr *message);
	void *context;
};

static enum nlsock_next module_visit(void *context, const struct nlmsghdr *message)
{
	struct module_reply *reply = context;

	if (message->nlmsg_type == NLMSG_ERROR) {
		reply->error = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error;
		reply->done = true;
		return NLSOCK_LAST;
	}
	if (reply->visit)
		reply->visit(reply->context, message);
	return NLSOCK_MORE;
}

static struct nlmsghdr *module_request(struct assist_module *module, uint16_t family, uint8_t command)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(module->buffer);
	struct genlmsghdr *generic;

	message->nlmsg_type = family;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = nlsock_sequence(module->socket);
	generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));
	generic->cmd = command;
	generic->version = NF_FQDN_VERSION;
	return message;
}

static struct nlmsghdr *module_command(struct assist_module *module, enum nf_fqdn_command command)
{
	struct nlmsghdr *message = module_request(module, module->family, (uint8_t)command);

	mnl_attr_put_strz(message, NF_FQDN_A_INSTANCE, module->name);
	return message;
}

static int module_ask(struct assist_module *module, const struct nlmsghdr *message,
		      void (*visit)(void *context, const struct nlmsghdr *message), void *context)
{
	struct module_reply reply = { .visit = visit, .context = context };
	int error = nlsock_transact(module->socket, message, message->nlmsg_len, message->nlmsg_seq, message->nlmsg_seq,
				    module_visit, &reply);

	return error < 0 ? error : reply.error;
}

static int module_send(struct assist_module *module, const struct nlmsghdr *message)
{
	return module_ask(module, message, NULL, NULL);
}

static int module_send_entries(struct assist_module *module, enum nf_fqdn_command command, uint16_t attribute,
			       const struct nf_fqdn_entry *entries, size_t count)
{
	struct nlmsghdr *message = module_command(module, command);

	mnl_attr_put(message, attribute, count * sizeof(entries[0]), entries);
	return module_send(module, message);
}

/* ---- finding it ---- */

struct module_family {
	uint16_t id;
	uint32_t version;
};

static void module_visit_family(void *context, const struct nlmsghdr *message)
{
	struct module_family *family = context;
	const struct nlattr *attribute;

	mnl_attr_for_each (attribute, message, sizeof(struct genlmsghdr)) {
		uint16_t type = mnl_attr_get_type(attribute);

		if (type == CTRL_ATTR_FAMILY_ID && mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0)
			family->id = mnl_attr_get_u16(attribute);
		else if (type == CTRL_ATTR_VERSION && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			family->version = mnl_attr_get_u32(attribute);
	}
}

static int module_find(struct assist_module *module)
{
	struct nlmsghdr *message = module_request(module, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	struct module_family family = { 0 };
	int error;

	mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, NF_FQDN_FAMILY);
	error = module_ask(module, message, module_visit_family, &family);
	if (error < 0)
		return error;
	if (family.version != NF_FQDN_VERSION || family.id == 0)
		return -EPROTO;
	module->family = family.id;
	return 0;
}

/* A table aside makes the instance, too. */
static int module_make(struct assist_module *module, uint32_t nodes)
{
	struct nlmsghdr *message = module_command(module, NF_FQDN_BEGIN);
	struct hash_key key;
	int error = hash_key_random(&key);

	if (error < 0)
		return error;
	module->key = (struct fqdn_key) { key.k0, key.k1 };
	mnl_attr_put(message, NF_FQDN_A_KEY, sizeof(module->key), &module->key);
	mnl_attr_put_u32(message, NF_FQDN_A_NODES, nodes);
	mnl_attr_put_u32(message, NF_FQDN_A_NAME_BUCKETS, ASSIST_NAME_BUCKETS);
	mnl_attr_put_u32(message, NF_FQDN_A_KNOWN_BUCKETS, ASSIST_KNOWN_BUCKETS);
	return module_send(module, message);
}

static const char *module_text(int error)
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

static void module_close(void *way)
{
	struct assist_module *module = way;

	if (module)
		nlsock_close(module->socket);
	free(module);
}

static int module_connect(const char *table, struct assist_module **out)
{
	struct assist_module *module = calloc(1, sizeof(*module));
	int error = module ? nlsock_open_generic(&module->socket) : -ENOMEM;

	if (error == 0 && strlen(table) >= sizeof(module->name))
		error = -ENAMETOOLONG;
	if (error == 0) {
		memcpy(module->name, table, strlen(table) + 1);
		error = module_find(module);
	}
	if (error < 0) {
		module_close(module);
		return error;
	}
	*out = module;
	return 0;
}

static int module_pause(void *way)
{
	struct assist_module *module = way;

	return module_send(module, module_command(module, NF_FQDN_PAUSE));
}

int assist_module_open(const char *table, void **out)
{
	struct assist_module *module = NULL;
	int error = module_connect(table, &module);

	if (error < 0)
		return error;
	error = module_make(module, 1);
	if (error == 0)
		error = module_pause(module); /* what an earlier run left */
	if (error < 0) {
		module_close(module);
		return error;
	}
	*out = module;
	return 0;
}

int assist_module_remove(const char *table)
{
	struct assist_module *module = NULL;
	int error = module_connect(table, &module);

	if (error == 0) {
		error = module_send(module, module_command(module, NF_FQDN_DELETE));
		module_close(module);
	}
	return error == -ENOENT ? 0 : error;
}

/* ---- what is in force ---- */

static int module_add_patterns(struct assist_module *module, const struct policy *policy)
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
		message = module_command(module, NF_FQDN_ADD);
		mnl_attr_put(message, NF_FQDN_A_PATTERNS, used, list);
		error = module_send(module, message);
	}
	return error;
}

static int module_begin(void *way, const struct policy *policy)
{
	struct assist_module *module = way;
	uint64_t nodes = 1;
	int error;

	for (size_t i = 0; i < policy->rule_count; i++)
		nodes += fqdn_pattern_nodes(policy->rules[i].pattern, strlen(policy->rules[i].pattern));
	error = nodes > FQDN_NODES_MAX ? -E2BIG : module_make(module, (uint32_t)nodes);
	return error < 0 ? error : module_add_patterns(module, policy);
}

static int module_commit(void *way)
{
	struct assist_module *module = way;

	return module_send(module, module_command(module, NF_FQDN_COMMIT));
}

/* ---- what is learned ---- */

static int module_derived(void *way, bool aside, const struct nf_fqdn_entry *entries, size_t count)
{
	return module_send_entries(way, aside ? NF_FQDN_ADD : NF_FQDN_NAMES, NF_FQDN_A_NAMES, entries, count);
}

static int module_known(void *way, const struct nf_fqdn_entry *entries, size_t count)
{
	return module_send_entries(way, NF_FQDN_KNOWN, NF_FQDN_A_KNOWN, entries, count);
}

static int module_forget(void *way)
{
	struct assist_module *module = way;

	return module_send(module, module_command(module, NF_FQDN_FORGET));
}

static uint64_t module_hash(const void *way, const struct dns_name *name)
{
	const struct assist_module *module = way;

	return fqdn_hash(&module->key, name->octets, name->length);
}

static bool module_digest(void *way, const uint8_t *message, size_t length, struct nf_fqdn_entry *out)
{
	struct assist_module *module = way;
	struct fqdn_question question;
	struct fqdn_digest digest;

	if (fqdn_read_question(message, length, &question) < 0 || question.error ||
	    fqdn_read_digest(message, length, &question, &module->key, &digest) < 0)
		return false;
	out->name = fqdn_hash(&module->key, question.name.octets, question.name.length);
	out->digest = digest.digest;
	return true;
}

/* ---- counters ---- */

static void module_visit_counters(void *context, const struct nlmsghdr *message)
{
	uint64_t *now = context;
	const struct nlattr *attribute;

	mnl_attr_for_each (attribute, message, sizeof(struct genlmsghdr)) {
		uint16_t type = mnl_attr_get_type(attribute);

		if (type <= NF_FQDN_A_MAX && mnl_attr_validate(attribute, MNL_TYPE_U64) >= 0)
			now[type] = mnl_attr_get_u64(attribute);
	}
}

static int module_count(void *way, uint64_t now[ASSIST_COUNTERS])
{
	struct assist_module *module = way;
	uint64_t read[NF_FQDN_A_MAX + 1] = { 0 };
	struct nlmsghdr *message = module_command(module, NF_FQDN_GET);
	int error = module_ask(module, message, module_visit_counters, read);

	if (error < 0)
		return error;
	now[ASSIST_ERRORS] = read[NF_FQDN_A_ERRORS];
	now[ASSIST_UNRELATED] = read[NF_FQDN_A_UNRELATED];
	now[ASSIST_KNOWN] = read[NF_FQDN_A_KNOWN_PASSED];
	return 0;
}

static const int *module_programs(const void *way)
{
	(void)way;
	return NULL;
}

static const char *module_name(const void *way)
{
	(void)way;
	return "nf_fqdn";
}

const struct assist_backend assist_module_backend = {
	.name = module_name,
	.close = module_close,
	.text = module_text,
	.programs = module_programs,
	.pause = module_pause,
	.begin = module_begin,
	.commit = module_commit,
	.derived = module_derived,
	.known = module_known,
	.forget = module_forget,
	.count = module_count,
	.hash = module_hash,
	.digest = module_digest,
};
