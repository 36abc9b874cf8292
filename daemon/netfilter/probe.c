/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/probe.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "netfilter/batch.h"
#include "netfilter/nfattr.h"
#include "netfilter/ruleset_netlink.h"
#include "netfilter/table_owner.h"
#include "netfilter/table_query.h"

enum { PROBE_MATCH, PROBE_TARGET }; /* net/netfilter/nft_compat.c */
#define MESSAGE_DESTROYSETELEM 30 /* Linux 6.3; not in Debian 12's headers */

#define PROBE_COUNTER "counted"
#define PROBE_FIRST_MS 60000
#define PROBE_SECOND_MS 120000

struct probe {
	struct batch *batch;
	struct nlsock *queries;
	char table[64];
	int programs[ASSIST_QUESTIONS]; /* of the rule that is tried */
};

static const struct ruleset_chain probe_chain = { .name = "tried" };
static const struct ruleset_set probe_learned = {
	.name = "learned", .key = RULESET_KEY_LEARNED4, .learned = true, .size = 64
};
static const struct ruleset_set probe_ranges = { .name = "ranges", .key = RULESET_KEY_ADDRESS4 };
static const struct ruleset_set probe_boxes = { .name = "boxes", .key = RULESET_KEY_SERVICE4 };
static const struct ruleset_statement probe_queue = { .kind = RULESET_QUEUE };

/* Statements that a kernel may have been built without, and how the option is called. Those that use connection
 * tracking come first: they are tried only after a failure. Where nothing uses it yet, taking the rule back takes
 * conntrack's hooks away, and with them every held packet. */
static const struct probe_row {
	struct ruleset_statement statement;
	const char *missing;
} probe_rows[] = {
	{ { .kind = RULESET_CT_STATE }, "the kernel lacks ct expressions (CONFIG_NFT_CT, CONFIG_NF_CONNTRACK)" },
	{ { .kind = RULESET_CT_ADDRESS, .family = IPADDR_V4, .name = "ranges" },
	  "the kernel lacks addresses in ct expressions (Linux 4.17, CONFIG_NFT_CT)" },
#define PROBE_CONNTRACK_ROWS 2
	{ { .kind = RULESET_FIB },
	  "the kernel lacks fib expressions (CONFIG_NFT_FIB_INET, CONFIG_NFT_FIB_IPV4, CONFIG_NFT_FIB_IPV6)" },
	{ { .kind = RULESET_REJECT, .reject = RULESET_ADMIN_PROHIBITED },
	  "the kernel lacks reject (CONFIG_NFT_REJECT_INET)" },
	{ { .kind = RULESET_COUNTER, .name = PROBE_COUNTER },
	  "the kernel lacks references to named counters (CONFIG_NFT_OBJREF, CONFIG_NFT_COUNTER)" },
	/* Only verify = "query" needs this. */
	{ { .kind = RULESET_LOG },
	  "verify = \"query\" needs copies of queries, and the kernel lacks log expressions with groups "
	  "(CONFIG_NFT_LOG, "
	  "CONFIG_NETFILTER_NETLINK_LOG)" },
#define PROBE_LOG_ROWS 1
};
#define PROBE_ROWS (sizeof(probe_rows) / sizeof(probe_rows[0]))

/* Which message would fail, and what that means. */
struct probe_notes {
	size_t count;
	uint32_t sequences[PROBE_ROWS + 4];
	const char *missing[PROBE_ROWS + 4];
};

static void probe_rule(struct probe *probe, const struct ruleset_statement *statement, enum table_queue_backend backend)
{
	struct ruleset_rule rule = { .statements = statement, .count = 1 };
	struct table_capabilities capabilities = { .queue = backend };

	memcpy(capabilities.assist_programs, probe->programs, sizeof(probe->programs));
	ruleset_netlink_rule(probe->batch, probe->table, probe_chain.name, &rule, &capabilities);
}

static void probe_begin(struct probe *probe)
{
	batch_begin(probe->batch);
	ruleset_netlink_table(probe->batch, probe->table, 0);
}

/* The table goes in the batch that makes it: nothing of it is ever seen, whatever becomes of us. */
static int probe_end(struct probe *probe, struct batch_failure *failure)
{
	ruleset_netlink_delete_table(probe->batch, probe->table);
	return batch_try(probe->batch, failure);
}

/* Of the message written last. */
static void probe_note(struct probe *probe, struct probe_notes *notes, const char *missing)
{
	notes->sequences[notes->count] = batch_sequence(probe->batch);
	notes->missing[notes->count++] = missing;
}

static const char *probe_missing(const struct probe_notes *notes, int error, const struct batch_failure *failure)
{
	/* ENOENT: no such expression, set or object type; the others: not with these attributes. */
	if (error != -ENOENT && error != -EOPNOTSUPP && error != -EINVAL && error != -EPROTONOSUPPORT)
		return NULL;
	for (size_t i = 0; i < notes->count; i++)
		if (notes->sequences[i] == failure->sequence)
			return notes->missing[i];
	return NULL;
}

static const char *probe_error_text(int error)
{
	switch (error) {
	case -EPERM:
		return "changing nf_tables is not permitted: CAP_NET_ADMIN is needed";
	case -EOPNOTSUPP:
	case -EAFNOSUPPORT:
	case -EINVAL:
		return "the kernel lacks nf_tables (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET)";
	}
	return "the kernel did not take a table made to see what it can do";
}

/* Everything that a ruleset is made of, but for the queue, and statements of the rows from `first` on, before
 * `end`. */
static int probe_basics(struct probe *probe, size_t first, size_t end, const char **error)
{
	struct probe_notes notes = { .count = 0 };
	struct batch_failure failure;
	const char *missing;
	int result;

	probe_begin(probe);
	ruleset_netlink_set(probe->batch, probe->table, &probe_learned);
	probe_note(probe, &notes, "the kernel lacks sets with timeouts (CONFIG_NF_TABLES)");
	ruleset_netlink_set(probe->batch, probe->table, &probe_ranges);
	probe_note(probe, &notes, "the kernel lacks sets of intervals (CONFIG_NF_TABLES)");
	ruleset_netlink_set(probe->batch, probe->table, &probe_boxes);
	probe_note(probe, &notes, "the kernel lacks sets of concatenated intervals (Linux 5.6)");
	ruleset_netlink_counter(probe->batch, probe->table, PROBE_COUNTER);
	probe_note(probe, &notes, "the kernel lacks named counters (CONFIG_NFT_COUNTER)");
	ruleset_netlink_chain(probe->batch, probe->table, &probe_chain);
	for (size_t i = first; i < end; i++) {
		probe_rule(probe, &probe_rows[i].statement, TABLE_QUEUE_NATIVE);
		probe_note(probe, &notes, probe_rows[i].missing);
	}
	result = probe_end(probe, &failure);
	if (result == 0)
		return 0;
	missing = probe_missing(&notes, result, &failure);
	*error = missing ? missing : probe_error_text(result);
	return missing ? -EOPNOTSUPP : result;
}

static int probe_native(struct probe *probe)
{
	probe_begin(probe);
	ruleset_netlink_chain(probe->batch, probe->table, &probe_chain);
	probe_rule(probe, &probe_queue, TABLE_QUEUE_NATIVE);
	return probe_end(probe, NULL);
}

/* Of the inet family the kernel loads nft_compat by need, but not the module of a target or match:
 * xt_request_find_target() and xt_request_find_match() have no name for it there. A question for IPv4's loads it. 0; -errno
 * when there is none. */
static int probe_xtables(struct nlsock *queries, const char *name, uint32_t revision, uint32_t type)
{
	struct table_query query;

	table_query_begin(&query, queries, 0, false);
	query.message->nlmsg_type = NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET;
	table_query_family(&query, AF_INET);
	mnl_attr_put_strz(query.message, NFTA_COMPAT_NAME, name);
	mnl_attr_put_u32(query.message, NFTA_COMPAT_REV, htonl(revision));
	mnl_attr_put_u32(query.message, NFTA_COMPAT_TYPE, htonl(type));
	return table_query_run(&query, NULL, NULL);
}

static int probe_queues(struct probe *probe, enum table_queue_backend *out, const char **error)
{
	*out = TABLE_QUEUE_NATIVE;
	if (probe_native(probe) == 0)
		return 0;
	*out = TABLE_QUEUE_XTABLES; /* not tried: nft_compat would have the first rules wait until that is gone */
	if (probe_xtables(probe->queries, "NFQUEUE", 3, PROBE_TARGET) == 0)
		return 0;
	*error = "the kernel has neither the queue expression (CONFIG_NFT_QUEUE) nor the NFQUEUE target of xtables "
		 "(CONFIG_NFT_COMPAT and CONFIG_NETFILTER_XT_TARGET_NFQUEUE)";
	return -EOPNOTSUPP;
}

/* ---- elements ---- */

static void probe_element(struct probe *probe, uint16_t type, uint64_t timeout_ms)
{
	static const uint8_t key[12] = { 192, 0, 2, 1, IPPROTO_TCP };
	struct nlmsghdr *message = batch_open(probe->batch, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
	struct nlattr *list, *element, *nest;

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, probe->table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, probe_learned.name);
	list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	nest = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
	mnl_attr_put(message, NFTA_DATA_VALUE, sizeof(key), key);
	mnl_attr_nest_end(message, nest);
	if (timeout_ms) {
		mnl_attr_put_u64(message, NFTA_SET_ELEM_TIMEOUT, htobe64(timeout_ms));
		mnl_attr_put_u64(message, NFTA_SET_ELEM_EXPIRATION, htobe64(timeout_ms));
	}
	mnl_attr_nest_end(message, element);
	mnl_attr_nest_end(message, list);
	batch_close(probe->batch);
}

/* Is there a destroy, that does not mind a missing element? */
static bool probe_destroy(struct probe *probe)
{
	probe_begin(probe);
	ruleset_netlink_set(probe->batch, probe->table, &probe_learned);
	probe_element(probe, MESSAGE_DESTROYSETELEM, 0);
	return probe_end(probe, NULL) == 0;
}

static int probe_visit_timeout(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_SET_ELEM_LIST_MAX + 1], *values[NFTA_SET_ELEM_MAX + 1], *list, *one;
	uint64_t *timeout = context;

	nfattr_parse(message, attributes, NFTA_SET_ELEM_LIST_MAX + 1);
	list = attributes[NFTA_SET_ELEM_LIST_ELEMENTS];
	for (one = nfattr_first_in(list); one; one = nfattr_next_in(list, one)) {
		nfattr_parse_nest(one, values, NFTA_SET_ELEM_MAX + 1);
		nfattr_u64(values[NFTA_SET_ELEM_TIMEOUT], timeout);
	}
	return 0;
}

/* Two adds of one element, each committed; did the second one count? Before Linux 6.12 it is accepted and changes
 * nothing. The table must stand in between: it belongs to the socket (NFT_TABLE_F_OWNER, Linux 5.12), so that it goes
 * with us. */
static int probe_update_table(struct probe *probe, uint32_t flags, uint64_t *timeout)
{
	struct table_query query;
	int error;

	batch_begin(probe->batch);
	ruleset_netlink_table(probe->batch, probe->table, flags);
	ruleset_netlink_set(probe->batch, probe->table, &probe_learned);
	probe_element(probe, NFT_MSG_NEWSETELEM, PROBE_FIRST_MS);
	error = batch_try(probe->batch, NULL);
	if (error < 0)
		return error;
	batch_begin(probe->batch);
	probe_element(probe, NFT_MSG_NEWSETELEM, PROBE_SECOND_MS);
	error = batch_try(probe->batch, NULL);
	for (int attempt = 0; attempt < 10 && (error == 0 || error == -EINTR); attempt++) {
		table_query_begin(&query, probe->queries, NFT_MSG_GETSETELEM, true);
		mnl_attr_put_strz(query.message, NFTA_SET_ELEM_LIST_TABLE, probe->table);
		mnl_attr_put_strz(query.message, NFTA_SET_ELEM_LIST_SET, probe_learned.name);
		error = table_query_run(&query, probe_visit_timeout, timeout);
		if (error == 0)
			break;
	}
	batch_begin(probe->batch);
	ruleset_netlink_delete_table(probe->batch, probe->table);
	(void)batch_try(probe->batch, NULL);
	return error;
}

static bool probe_update(struct probe *probe)
{
	uint64_t timeout = 0;
	int error = probe_update_table(probe, NFT_TABLE_F_OWNER, &timeout);

	if (error == -EOPNOTSUPP || error == -EINVAL)
		error = probe_update_table(probe, 0, &timeout);
	/* When in doubt, the way that works on every kernel. */
	return error == 0 && timeout == PROBE_SECOND_MS;
}

/* Can a table have an owner and outlive it? */
static bool probe_own(struct probe *probe)
{
	batch_begin(probe->batch);
	ruleset_netlink_table(probe->batch, probe->table, TABLE_OWNER_FLAGS);
	return probe_end(probe, NULL) == 0;
}

/* Tried in a table without a chain of the kernel's hooks, like all else. */
static bool probe_report(struct probe *probe)
{
	static const struct ruleset_statement statements[] = {
		{ .kind = RULESET_LIMIT, .number = 1, .value = 1 },
		{ .kind = RULESET_LOG, .number = 1, .value = 1, .name = "nfqdn" },
	};
	const struct ruleset_rule rule = { .statements = statements, .count = 2 };
	const struct table_capabilities capabilities = { .queue = TABLE_QUEUE_NATIVE };

	probe_begin(probe);
	ruleset_netlink_chain(probe->batch, probe->table, &probe_chain);
	ruleset_netlink_rule(probe->batch, probe->table, probe_chain.name, &rule, &capabilities);
	return probe_end(probe, NULL) == 0;
}

static int probe_name(struct probe *probe)
{
	uint32_t number = 0;

	/* Process numbers are no name: network namespaces are shared by containers that count on their own. */
	if (getrandom(&number, sizeof(number), 0) < 0)
		return -errno;
	snprintf(probe->table, sizeof(probe->table), "nfqdn-probe-%ld-%08x", (long)getpid(), (unsigned int)number);
	return 0;
}

int probe_kernel(struct batch *batch, struct nlsock *queries, struct table_capabilities *out, const char **error)
{
	struct probe probe = { .batch = batch, .queries = queries };
	struct table_capabilities found = { .queue = TABLE_QUEUE_NATIVE };
	int result = probe_name(&probe);

	if (result == 0)
		result = probe_basics(&probe, PROBE_CONNTRACK_ROWS, PROBE_ROWS - PROBE_LOG_ROWS, error);
	if (result < 0)
		return result;
	found.destroy = probe_destroy(&probe);
	found.own = probe_own(&probe);
	found.report = probe_report(&probe);
	found.update = probe_update(&probe);
	/* Last: a kernel that refuses waits a grace period, in which it clears away what was tried before. */
	result = probe_queues(&probe, &found.queue, error);
	if (result == 0)
		*out = found;
	return result;
}

const char *probe_lacking(struct batch *batch, bool log)
{
	struct probe probe = { .batch = batch };
	size_t end = log ? PROBE_ROWS : PROBE_ROWS - PROBE_LOG_ROWS;
	const char *error = NULL;

	return probe_name(&probe) == 0 && probe_basics(&probe, 0, end, &error) == -EOPNOTSUPP ? error : NULL;
}

static int probe_match(struct probe *probe, const char *instance)
{
	struct ruleset_statement statement = { .kind = RULESET_ASSIST,
					       .question = ASSIST_ASKS_KNOWN,
					       .name = instance };

	probe_begin(probe);
	ruleset_netlink_chain(probe->batch, probe->table, &probe_chain);
	probe_rule(probe, &statement, TABLE_QUEUE_NATIVE);
	return probe_end(probe, NULL);
}

void probe_assist_load(struct nlsock *queries)
{
	(void)probe_xtables(queries, "bpf", 1, PROBE_MATCH);
}

int probe_assist(struct batch *batch, struct nlsock *queries, const char *instance,
		 const int programs[ASSIST_QUESTIONS])
{
	struct probe probe = { .batch = batch, .queries = queries };
	int error = probe_name(&probe);

	for (size_t i = 0; i < ASSIST_QUESTIONS; i++)
		probe.programs[i] = programs ? programs[i] : -1;
	if (error == 0)
		error = probe_match(&probe, instance);
	if (error == 0 || !programs)
		return error;
	probe_assist_load(queries);
	return probe_match(&probe, instance);
}
