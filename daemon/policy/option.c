/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/option.h"

#include <string.h>

#include "base/limits.h"
#include "policy/config.h"

#define CONFIG(field) offsetof(struct config, field)
#define ENTRY(field) offsetof(struct config_entry, field)

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

#ifndef NFQDN_DATADIR
#define NFQDN_DATADIR "/usr/share/nfqdn"
#endif

#define BOTH (OPTION_ALLOW | OPTION_INBOUND)
#define MONTH                                                                                                          \
	2592000 /* seconds: longer than any DNS TTL in use, short enough that 32 bit of milliseconds never matter */

/* Connection tracking stands at -200 and destination NAT at -100 (linux/netfilter_ipv4.h); helpers and confirmation
 * begin at 300. */
#define CHAIN_FIRST (-199)
#define CHAIN_AFTER_DNAT (-99)
#define CHAIN_LAST 299
#define PRIORITY_ROW(field, first) OPTION_PRIORITY, OPTION_FIXED, CONFIG(priority.field), (uint32_t)(first), CHAIN_LAST

/* The order is that of the enums in config.h and base/log.h. */
static const struct option_word mode_words[] = {
	{ "enforce", false }, { "audit", false }, { "mark", false }, { "sets", false }, { NULL, false }
};
static const struct option_word mark_hook_words[] = { { "forward", false }, { "prerouting", false }, { NULL, false } };
static const struct option_word denied_words[] = { { "reject", false }, { "drop", false }, { NULL, false } };
static const struct option_word reverse_path_words[] = { { "loose", false }, { "strict", false }, { NULL, false } };
static const struct option_word overload_words[] = { { "pass", false }, { "drop", false }, { NULL, false } };
static const struct option_word level_words[] = {
	{ "error", false }, { "warning", false }, { "info", false }, { "debug", false }, { NULL, false }
};
static const struct option_word own_words[] = { { "auto", false }, { "off", false }, { NULL, false } };
static const struct option_word verify_words[] = { { "flow", false }, { "query", false }, { NULL, false } };
static const struct option_word revoke_words[] = { { "keep", false }, { "cut", false }, { NULL, false } };
static const struct option_word assist_words[] = {
	{ "auto", false }, { "off", false }, { "require", false }, { NULL, false }
};
static const struct option_word report_words[] = { { "all", false }, { "policy", false }, { NULL, false } };
static const struct option_word off_words[] = { { "off", false }, { NULL, false } };

const struct option option_table[] = {
	/* gateway */
	{ OPTION_GATEWAY, "interfaces", OPTION_INTERFACES, 0, CONFIG(interfaces), .unit = "",
	  .help = "Interfaces by which clients enter, \"*\" at the end allowed; all that enters there and is forwarded "
		  "is "
		  "decided; required" },
	{ OPTION_GATEWAY, "clients", OPTION_RANGES, 0, CONFIG(clients), .unit = "",
	  .help = "Sources that may enter by the interfaces; any other source is denied and counted; left out: every "
		  "source" },
	{ OPTION_GATEWAY, "resolvers", OPTION_RESOLVERS, 0, CONFIG(resolvers), .unit = "",
	  .help = "DNS servers that are believed and that clients may ask, by the address from which their answers "
		  "come; "
		  "\"local\" is the gateway's own resolver, whatever its addresses are; required with names or "
		  "services" },
	{ OPTION_GATEWAY, "local", OPTION_RANGES, OPTION_EMPTY, CONFIG(local), .unit = "",
	  /* No multicast or broadcast: routers do not forward them, and where multicast routing is set up, global
	   * groups lead out. */
	  .fallback = "[ \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"169.254.0.0/16\", \"fc00::/7\", "
		      "\"fe80::/10\" ]",
	  .help = "Destinations that are not decided here: traffic inside the site; [ ] for none" },
	{ OPTION_GATEWAY, "mode", OPTION_WORD, 0, CONFIG(mode), .fallback = "\"enforce\"", .unit = "",
	  .words = mode_words,
	  .help = "enforce denies what is not allowed; audit allows all, and counts and records what enforce would "
		  "deny; mark denies nothing either, and sets mark bits for allowed flows; sets fills sets of your "
		  "own, whatever the port, and decides nothing" },
	{ OPTION_GATEWAY, "denied", OPTION_WORD, 0, CONFIG(denied), .fallback = "\"reject\"", .unit = "",
	  .words = denied_words,
	  .help = "What becomes of a denied packet: reject tells the sender at once, drop lets it wait" },
	{ OPTION_GATEWAY, "table", OPTION_TABLE, OPTION_FIXED, CONFIG(table), .fallback = "\"nfqdn\"", .unit = "",
	  .help = "Name of the nftables table (family inet); nfqdnd owns the whole of it" },
	{ OPTION_GATEWAY, "own-table", OPTION_WORD_BOOL, OPTION_FIXED, CONFIG(unowned), .fallback = "\"auto\"",
	  .unit = "", .words = own_words,
	  .help = "auto: nobody else can change the table or flush it, where the kernel can do that (Linux 6.9); off: "
		  "others may, and nfqdnd makes it anew" },
	{ OPTION_GATEWAY, "queue", OPTION_GROUP, 0, OPTION_NOWHERE, .unit = "", .inner = OPTION_QUEUE,
	  .help = "Kernel queues by which DNS answers come to nfqdnd" },
	{ OPTION_GATEWAY, "control", OPTION_PATH, OPTION_FIXED, CONFIG(control),
	  .fallback = "\"/run/nfqdn/control.sock\"", .unit = "", .help = "Socket for nfqdnctl" },
	{ OPTION_GATEWAY, "control-group", OPTION_USER, OPTION_FIXED, CONFIG(control_group), .fallback = "\"\"",
	  .unit = "",
	  .help = "Group (name or number) whose members may change what is in force by that socket, as root and "
		  "nfqdnd's "
		  "own user may; members of the user's own group may look" },
	{ OPTION_GATEWAY, "state", OPTION_PATH, OPTION_FIXED, CONFIG(state), .fallback = "\"/var/lib/nfqdn\"",
	  .unit = "", .help = "Folder for what outlives a restart" },
	{ OPTION_GATEWAY, "state-interval", OPTION_INTEGER, 0, CONFIG(state_interval), 0, MONTH, "300", "seconds",
	  .words = off_words,
	  .help = "How often learned addresses are written to the state folder, to come back after a reboot; 0 writes "
		  "them at the end only, \"off\" never and does not read them either" },
	{ OPTION_GATEWAY, "catalog", OPTION_PATHS, 0, CONFIG(catalog),
	  .fallback = "[ \"" NFQDN_DATADIR "/data\", \"" CONFIG_OVERLAY "\" ]", .unit = "",
	  .help = "Folders with catalog files; later ones add to or override earlier ones, row by row. Of the default "
		  "the "
		  "second one, where nfqdn-update puts the vendors' lists, need not be there" },
	{ OPTION_GATEWAY, "user", OPTION_USER, OPTION_FIXED, CONFIG(user), .fallback = "\"nfqdn\"", .unit = "",
	  .help = "User (name or number) that nfqdnd runs as after start-up, with CAP_NET_ADMIN alone; \"\" keeps the "
		  "caller's" },
	{ OPTION_GATEWAY, "log-level", OPTION_WORD, 0, CONFIG(log_level), .fallback = "\"info\"", .unit = "",
	  .words = level_words, .help = "Least urgent lines that are logged" },
	{ OPTION_GATEWAY, "lifetime", OPTION_GROUP, 0, OPTION_NOWHERE, .unit = "", .inner = OPTION_LIFETIME,
	  .help = "How long a learned address stays: its TTL + grace, but no shorter than min and no longer than max" },
	{ OPTION_GATEWAY, "limits", OPTION_GROUP, 0, OPTION_NOWHERE, .unit = "", .inner = OPTION_LIMITS,
	  .help = "What nfqdnd may hold" },
	{ OPTION_GATEWAY, "verify", OPTION_WORD, 0, CONFIG(verify), .fallback = "\"flow\"", .unit = "",
	  .words = verify_words,
	  .help = "What makes an answer believed: flow, that it is the reply of a tracked flow from a trusted "
		  "resolver; query, also that its id and question are those of a query seen in that flow, and the "
		  "first "
		  "answer to it" },
	{ OPTION_GATEWAY, "reverse-path", OPTION_WORD, 0, CONFIG(reverse_path), .fallback = "\"loose\"", .unit = "",
	  .words = reverse_path_words,
	  .help = "strict also demands that an answer enters where the way to its resolver leads out; not with several "
		  "uplinks" },
	{ OPTION_GATEWAY, "revoke", OPTION_WORD, 0, CONFIG(revoke), .fallback = "\"keep\"", .unit = "",
	  .words = revoke_words,
	  .help = "What becomes of open flows that the policy does not allow, at start and after each reload: keep "
		  "lets "
		  "them go on, cut ends them" },
	{ OPTION_GATEWAY, "resolver-on-client-side", OPTION_BOOL, 0, CONFIG(resolver_on_client_side),
	  .fallback = "false", .unit = "",
	  .help = "Believe answers of trusted resolvers that enter by a client interface, although clients there can "
		  "forge them" },
	{ OPTION_GATEWAY, "on-overload", OPTION_WORD_BOOL, OPTION_FIXED, CONFIG(drop_on_overload),
	  .fallback = "\"pass\"", .unit = "", .words = overload_words,
	  .help = "Answers that find the queue full: pass unlearned, or drop so that the client asks again" },
	{ OPTION_GATEWAY, "kernel-assist", OPTION_WORD, 0, CONFIG(kernel_assist), .fallback = "\"auto\"", .unit = "",
	  .words = assist_words,
	  .help = "Answers that teach nothing pass in the kernel, by the optional module nf_fqdn or an eBPF program: "
		  "auto uses what is there, require does not go without" },
	{ OPTION_GATEWAY, "report-names", OPTION_WORD, 0, CONFIG(report_names), .fallback = "\"all\"", .unit = "",
	  .words = report_words,
	  .help = "Names that reports know where kernel-assist is used: all that clients ask for, for which answers "
		  "that pass in the kernel are copied to nfqdnd (1,000 a second at most), or those of the policy "
		  "alone" },
	{ OPTION_GATEWAY, "nat64", OPTION_RANGES, 0, CONFIG(nat64), .unit = "",
	  .help = "NAT64 prefixes besides 64:ff9b::/96: an answer inside is judged by the IPv4 address that it "
		  "carries, "
		  "and \"local\" does not reach into it" },
	{ OPTION_GATEWAY, "enforce-after", OPTION_INTEGER, 0, CONFIG(enforce_after), 0, 86400, "0", "seconds",
	  .help = "With mode = \"enforce\": after a cold start (no table, nothing learned) audit this long first, so "
		  "that "
		  "clients ask anew for what they have in their caches" },
	/* not the highest bit: nft 1.0.6 lists a match of it as a prefix, which it cannot read */
	{ OPTION_GATEWAY, "mark", OPTION_MASK, 0, CONFIG(mark), 1, INT32_MAX, .unit = "",
	  .help = "Mark bit (or bits) that mode = \"mark\" sets in the packet mark and in the connection mark of "
		  "allowed "
		  "flows; the other bits of both are kept; required then" },
	{ OPTION_GATEWAY, "mark-hook", OPTION_WORD, 0, CONFIG(mark_hook), .fallback = "\"forward\"", .unit = "",
	  .words = mark_hook_words,
	  .help = "Where mode = \"mark\" looks at what clients send: forward, for rules that filter or shape; "
		  "prerouting, before the way is chosen, for policy routing" },
	{ OPTION_GATEWAY, "sets", OPTION_TEXTS, 0, CONFIG(sets), .unit = "",
	  .help = "Sets in tables of your own that mode = \"sets\" fills, each as \"inet fw4 allowed4\" (family, "
		  "table, set): of type ipv4_addr or ipv6_addr, with flags timeout for the addresses of names, with "
		  "flags interval for ranges; required then" },
	{ OPTION_GATEWAY, "priority", OPTION_GROUP, 0, OPTION_NOWHERE, .unit = "", .inner = OPTION_PRIORITIES,
	  .help = "Where the base chains stand among those of other tables; lower ones come first" },
	/* gateway.queue */
	{ OPTION_QUEUE, "first", OPTION_INTEGER16, OPTION_FIXED, CONFIG(queue_first), 0, 65535, "0", "",
	  .help = "Number of the first queue" },
	{ OPTION_QUEUE, "count", OPTION_INTEGER16, OPTION_FIXED, CONFIG(queue_count), 1, 16, "1", "",
	  .help = "How many queues, from first on" },
	/* gateway.lifetime */
	{ OPTION_LIFETIME, "grace", OPTION_INTEGER, 0, CONFIG(lifetime.grace), 0, MONTH, "60", "seconds",
	  .help = "Added to the TTL, since programs use an address for longer" },
	{ OPTION_LIFETIME, "min", OPTION_INTEGER, 0, CONFIG(lifetime.min), 0, MONTH, "300", "seconds",
	  .help = "Shortest life" },
	{ OPTION_LIFETIME, "max", OPTION_INTEGER, 0, CONFIG(lifetime.max), 1, MONTH, "86400", "seconds",
	  .help = "Longest life" },
	/* gateway.limits */
	{ OPTION_LIMITS, "elements", OPTION_INTEGER, OPTION_FIXED, CONFIG(limit_elements), 64, 1000000,
	  TEXT(LIMIT_LEARNED_ELEMENTS), "", .help = "Learned elements in all" },
	/* gateway.priority */
	{ OPTION_PRIORITIES, "snoop-forward", PRIORITY_ROW(snoop_forward, CHAIN_FIRST), "-10", "",
	  .help = "forward hook: DNS answers are held; lower than egress and inbound" },
	{ OPTION_PRIORITIES, "snoop-output", PRIORITY_ROW(snoop_output, CHAIN_FIRST), "-10", "",
	  .help = "output hook: DNS answers of the gateway itself are held" },
	{ OPTION_PRIORITIES, "snoop-input", PRIORITY_ROW(snoop_input, CHAIN_FIRST), "-10", "",
	  .help = "input hook: with verify = \"query\", queries to the gateway itself are copied" },
	{ OPTION_PRIORITIES, "egress", PRIORITY_ROW(egress, CHAIN_FIRST), "0", "",
	  .help = "forward hook: what enters by a client interface is decided" },
	{ OPTION_PRIORITIES, "inbound", PRIORITY_ROW(inbound, CHAIN_FIRST), "1", "",
	  .help = "forward hook: what leads to a guarded destination is decided" },
	{ OPTION_PRIORITIES, "mark-forward", PRIORITY_ROW(mark_forward, CHAIN_FIRST), "-150", "",
	  .help = "forward hook, with mode = \"mark\": marks are set, and set again on packets of marked flows" },
	{ OPTION_PRIORITIES, "mark-prerouting", PRIORITY_ROW(mark_prerouting, CHAIN_AFTER_DNAT), "-90", "",
	  .help = "prerouting hook, with mark-hook = \"prerouting\": behind destination NAT, as in forward" },
	/* entries of allow and inbound */
	{ OPTION_ENTRY, "service", OPTION_TEXT, BOTH, ENTRY(service), .unit = "",
	  .help = "A service of the catalog (nfqdnctl catalog lists them)" },
	{ OPTION_ENTRY, "features", OPTION_TEXTS, BOTH | OPTION_SERVICE, ENTRY(features), .unit = "",
	  .help = "Features of the service; left out: every one that is not marked opt-in" },
	{ OPTION_ENTRY, "clouds", OPTION_TEXTS, BOTH | OPTION_SERVICE, ENTRY(clouds), .unit = "",
	  .help = "Clouds; left out: public" },
	{ OPTION_ENTRY, "regions", OPTION_TEXTS, BOTH | OPTION_SERVICE, ENTRY(regions), .unit = "",
	  .help = "Regions; left out: every one" },
	{ OPTION_ENTRY, "tenant", OPTION_TEXT, BOTH | OPTION_SERVICE, ENTRY(tenant), .unit = "",
	  .help = "Tenant location as the admin center spells it, for example \"North America 0501\"; narrows scale "
		  "units" },
	{ OPTION_ENTRY, "optional", OPTION_BOOL, BOTH | OPTION_SERVICE, ENTRY(optional), .fallback = "false",
	  .unit = "", .help = "Take rows that the vendor calls optional, too" },
	{ OPTION_ENTRY, "rentable", OPTION_BOOL, OPTION_ALLOW | OPTION_SERVICE, ENTRY(rentable), .fallback = "true",
	  .unit = "", .help = "Take wildcards below which anybody can rent a name" },
	{ OPTION_ENTRY, "broad", OPTION_BOOL, OPTION_ALLOW | OPTION_SERVICE, ENTRY(broad), .fallback = "false",
	  .unit = "", .help = "Take wildcards that open a whole company's names" },
	{ OPTION_ENTRY, "names", OPTION_PATTERNS, OPTION_ALLOW, ENTRY(names), .unit = "",
	  .help = "Names: \"a.example.com\"; \"*.example.com\" for all below it; \"files-*.example.com\" inside a "
		  "label" },
	{ OPTION_ENTRY, "addresses", OPTION_RANGES, BOTH, ENTRY(addresses), .unit = "",
	  .help = "Addresses, networks and ranges: destinations under allow, sources under inbound" },
	{ OPTION_ENTRY, "ports", OPTION_PORTS, BOTH, ENTRY(ports), .unit = "",
	  .help = "\"tcp/443\", \"udp/3478-3481\", \"icmp\" (echo); left out under allow: tcp/443, or the rows' own "
		  "for a service" },
	{ OPTION_ENTRY, "clients", OPTION_RANGES, OPTION_ALLOW, ENTRY(clients), .unit = "",
	  .help = "Clients for whom the entry is; left out: every one" },
	{ OPTION_ENTRY, "private", OPTION_BOOL, OPTION_ALLOW | OPTION_LEARNED, ENTRY(private_answers),
	  .fallback = "false", .unit = "", .help = "Accept private and otherwise reserved addresses as answers" },
	{ OPTION_ENTRY, "lifetime", OPTION_GROUP, OPTION_ALLOW | OPTION_LEARNED, OPTION_NOWHERE, .unit = "",
	  .inner = OPTION_ENTRY_LIFETIME, .help = "As gateway.lifetime, for what this entry's names teach" },
	{ OPTION_ENTRY, "to", OPTION_RANGES, OPTION_INBOUND, ENTRY(to), .unit = "",
	  .help = "Destinations of the connections, as they are after destination NAT; required" },
	{ OPTION_ENTRY, "also", OPTION_RANGES, OPTION_INBOUND, ENTRY(also), .unit = "",
	  .help = "Further sources, for example local ones that keep access" },
	/* allow.NAME.lifetime */
	{ OPTION_ENTRY_LIFETIME, "grace", OPTION_INTEGER, OPTION_ALLOW | OPTION_INHERIT, ENTRY(lifetime.grace), 0,
	  MONTH, .unit = "seconds", .help = "Added to the TTL; left out: as in gateway" },
	{ OPTION_ENTRY_LIFETIME, "min", OPTION_INTEGER, OPTION_ALLOW | OPTION_INHERIT, ENTRY(lifetime.min), 0, MONTH,
	  .unit = "seconds", .help = "Shortest life; left out: as in gateway" },
	{ OPTION_ENTRY_LIFETIME, "max", OPTION_INTEGER, OPTION_ALLOW | OPTION_INHERIT, ENTRY(lifetime.max), 1, MONTH,
	  .unit = "seconds", .help = "Longest life; left out: as in gateway" },
	{ .name = NULL },
};

const struct option *option_find(enum option_group group, const char *name)
{
	for (const struct option *option = option_table; option->name != NULL; option++)
		if (option->group == group && strcmp(option->name, name) == 0)
			return option;
	return NULL;
}

const char *option_group_path(enum option_group group)
{
	switch (group) {
	case OPTION_GATEWAY:
		return "gateway";
	case OPTION_QUEUE:
		return "gateway.queue";
	case OPTION_LIFETIME:
		return "gateway.lifetime";
	case OPTION_LIMITS:
		return "gateway.limits";
	case OPTION_PRIORITIES:
		return "gateway.priority";
	case OPTION_ENTRY:
		return "allow.NAME";
	case OPTION_ENTRY_LIFETIME:
		break;
	}
	return "allow.NAME.lifetime";
}

const char *const *option_names(enum option_group group, unsigned int flags, const char *out[OPTION_NAMES])
{
	size_t count = 0;

	for (const struct option *option = option_table; option->name != NULL; option++)
		if (option->group == group && (flags == 0 || (option->flags & flags) != 0) && count + 1 < OPTION_NAMES)
			out[count++] = option->name;
	out[count] = NULL;
	return out;
}

int64_t option_min(const struct option *option)
{
	return option->type == OPTION_PRIORITY ? (int32_t)option->min : (int64_t)option->min;
}

int64_t option_max(const struct option *option)
{
	return option->type == OPTION_PRIORITY ? (int32_t)option->max : (int64_t)option->max;
}

static const struct shape {
	size_t size; /* of the field, where its octets are the value */
	bool text; /* the field is a const char * */
	bool list;
} shapes[] = {
	[OPTION_INTEGER] = { .size = sizeof(uint32_t) },
	[OPTION_INTEGER16] = { .size = sizeof(uint16_t) },
	[OPTION_PRIORITY] = { .size = sizeof(int32_t) },
	[OPTION_MASK] = { .size = sizeof(uint32_t) },
	[OPTION_BOOL] = { .size = sizeof(bool) },
	[OPTION_WORD] = { .size = sizeof(unsigned int) },
	[OPTION_WORD_BOOL] = { .size = sizeof(bool) },
	[OPTION_TABLE] = { .text = true },
	[OPTION_PATH] = { .text = true },
	[OPTION_USER] = { .text = true },
	[OPTION_TEXT] = { .size = 0 },
	[OPTION_TEXTS] = { .list = true },
	[OPTION_PATHS] = { .list = true },
	[OPTION_PATTERNS] = { .list = true },
	[OPTION_RANGES] = { .list = true },
	[OPTION_RESOLVERS] = { .list = true },
	[OPTION_INTERFACES] = { .list = true },
	[OPTION_PORTS] = { .list = true },
	[OPTION_GROUP] = { .size = 0 },
};

bool option_is_list(const struct option *option)
{
	return shapes[option->type].list;
}

bool option_same(const struct option *option, const void *a, const void *b)
{
	const struct shape *shape = &shapes[option->type];
	const char *left = (const char *)a + option->offset, *right = (const char *)b + option->offset;

	if (shape->text)
		return strcmp(*(const char *const *)left, *(const char *const *)right) == 0;
	return shape->size > 0 && memcmp(left, right, shape->size) == 0;
}
