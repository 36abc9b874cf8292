/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/config_check.h"

#include <string.h>

#include "base/limits.h"
#include "policy/config_scalar.h"
#include "policy/nat64.h"

/* Ranges */

static bool overlap(const struct value_range *a, const struct value_range *b)
{
	return a->first.family == b->first.family && ipaddr_compare(&a->first, &b->last) <= 0 &&
	       ipaddr_compare(&b->first, &a->last) <= 0;
}

static const struct value_range *first_overlap(const struct config_ranges *ranges, const struct value_range *range)
{
	for (unsigned int i = 0; i < ranges->count; i++)
		if (overlap(&ranges->items[i], range))
			return &ranges->items[i];
	return NULL;
}

static size_t enter_range(struct config_reader *reader, const char *name, const struct config_ranges *ranges,
			  unsigned int index)
{
	size_t back = config_reader_enter(reader, name);

	config_reader_enter_item(reader, ranges->places[index]);
	return back;
}

/* Gateway: what must be there */

static bool needs_dns(const struct config *config)
{
	for (unsigned int i = 0; i < config->entry_count; i++)
		if (!config->entries[i].inbound &&
		    (config->entries[i].names.count != 0 || config->entries[i].service.text != NULL))
			return true;
	return false;
}

static void check_gateway(struct config_reader *reader, const config_setting_t *gateway, const struct config *config)
{
	unsigned int line = config_reader_line(gateway);

	if (config_setting_get_member(gateway, "interfaces") == NULL)
		config_reader_error(
			reader, line,
			"\"interfaces\" is missing: name the interfaces by which clients enter, for example "
			"interfaces = [ \"br-lan\", \"vlan*\" ];");
	if (config_setting_get_member(gateway, "resolvers") == NULL && needs_dns(config))
		config_reader_error(
			reader, line,
			"\"resolvers\" is missing, but entries have names: name the DNS servers that clients "
			"ask, for example resolvers = [ \"10.2.0.2\" ]; or \"local\" for the gateway's own");
}

/* Resolvers */

struct no_resolver {
	const char *range, *why;
};

static const struct no_resolver no_resolvers[] = {
	{ "0.0.0.0/8", "no host has an address in 0.0.0.0/8" },
	{ "127.0.0.0/8", "clients cannot ask a loopback address: write \"local\" for the gateway's own resolver" },
	{ "224.0.0.0/4", "multicast addresses answer nothing" },
	{ "240.0.0.0/4", "no host has an address in 240.0.0.0/4" },
	{ "::/128", "no host has the address ::" },
	{ "::1/128", "clients cannot ask a loopback address: write \"local\" for the gateway's own resolver" },
	{ "ff00::/8", "multicast addresses answer nothing" },
};

/* Why nothing in the range, or not all of it, can be a resolver; NULL when it can. */
static const char *why_no_resolver(const struct value_range *range)
{
	for (size_t i = 0; i < sizeof(no_resolvers) / sizeof(no_resolvers[0]); i++) {
		struct value_range lawless;
		enum value_mended mended;
		const char *why;

		if (value_range_from_text(no_resolvers[i].range, &lawless, &mended, &why) == 0 &&
		    overlap(&lawless, range))
			return no_resolvers[i].why;
	}
	return NULL;
}

/* What the gateway does not see of a resolver in a segment of clients. */
#define UNSEEN                                                                                                         \
	"what it answers to its own segment never passes the gateway: if it recurses by itself, nothing is learned "   \
	"from it there"

/* Among the clients: a warning, since only the running gateway knows whether the address is its own, and a router
 * that is its clients' resolver is the commonest case. The kernel rules' path check refuses what really enters by a
 * client interface. See config_check_links(). */
static void warn_inside(struct config_reader *reader, const struct config *config, unsigned int index)
{
	const char *text = config->resolvers.texts[index];
	unsigned int line = config->resolvers.lines[index];

	if (config->resolver_on_client_side)
		config_reader_warning(reader, line,
				      "\"%s\" lies among \"clients\": unless it is the gateway's own address, " UNSEEN,
				      text);
	else
		config_reader_warning(reader, line,
				      "\"%s\" lies among \"clients\": unless it is the gateway's own address, " UNSEEN
				      ", and its answers to others enter by a client interface, where clients can "
				      "forge them, and are "
				      "not believed; resolver-on-client-side = true believes them",
				      text);
}

static void check_resolver(struct config_reader *reader, const struct config *config, unsigned int index)
{
	const struct config_ranges *resolvers = &config->resolvers;
	const char *text = resolvers->texts[index], *why = why_no_resolver(&resolvers->items[index]);
	size_t back = enter_range(reader, "resolvers", resolvers, index);

	if (why != NULL)
		config_reader_error(reader, resolvers->lines[index], "\"%s\" cannot be a resolver: %s", text, why);
	else if (first_overlap(&config->clients, &resolvers->items[index]) != NULL)
		warn_inside(reader, config, index);
	config_reader_leave(reader, back);
}

/* NAT64 */

/* What an address carries must not depend on which of two prefixes is asked. */
static const char *other_prefix(const struct config_ranges *prefixes, unsigned int index)
{
	static const char *const well_known = "64:ff9b::/96";
	struct value_range known;
	enum value_mended mended;
	const char *why;

	for (unsigned int i = 0; i < index; i++)
		if (overlap(&prefixes->items[i], &prefixes->items[index]))
			return prefixes->texts[i];
	if (value_range_from_text(well_known, &known, &mended, &why) == 0 && overlap(&known, &prefixes->items[index]) &&
	    !ipaddr_equal(&known.last, &prefixes->items[index].last))
		return well_known;
	return NULL;
}

static void check_nat64(struct config_reader *reader, const struct config_ranges *prefixes, unsigned int index)
{
	size_t back = enter_range(reader, "nat64", prefixes, index);
	const char *why, *other = other_prefix(prefixes, index);
	struct policy_nat64 prefix;

	if (nat64_from_range(&prefixes->items[index], &prefix, &why) != 0)
		config_reader_error(reader, prefixes->lines[index], "\"%s\": %s", prefixes->texts[index], why);
	else if (other != NULL)
		config_reader_error(reader, prefixes->lines[index],
				    "\"%s\" overlaps \"%s\": an address carries one IPv4 address, so name one of them",
				    prefixes->texts[index], other);
	if (index == LIMIT_NAT64_PREFIXES)
		config_reader_error(reader, prefixes->lines[index], "too many prefixes: at most %d",
				    LIMIT_NAT64_PREFIXES);
	config_reader_leave(reader, back);
}

/* Queue */

static void check_queue(struct config_reader *reader, const config_setting_t *gateway, const struct config *config)
{
	const config_setting_t *queue = config_reader_group(gateway, "queue");
	size_t back;

	if (queue == NULL || config->queue_first + config->queue_count <= 65536)
		return;
	back = config_reader_enter(reader, "queue");
	config_reader_error(reader, config_reader_line(queue),
			    "queues %u to %u were asked for: the last queue is 65535", config->queue_first,
			    config->queue_first + config->queue_count - 1);
	config_reader_leave(reader, back);
}

/* Mark */

static void check_mark(struct config_reader *reader, const config_setting_t *gateway, const struct config *config)
{
	const config_setting_t *mode = config_setting_get_member(gateway, "mode");

	if (config->mode != CONFIG_MARK || config_setting_get_member(gateway, "mark") != NULL)
		return;
	config_reader_error(
		reader, config_reader_line(mode),
		"mode = \"mark\" needs the bit that tells allowed flows: write %s or another one that nobody else on "
		"this machine uses",
		reader->json ? "\"mark\": 65536" : "mark = 0x10000;");
}

/* Sets */

static bool is_set(const char *text)
{
	char family[8], table[80], set[80], more[2];

	return strlen(text) < 80 && sscanf(text, "%7s %79s %79s %1s", family, table, set, more) == 3 &&
	       (strcmp(family, "inet") == 0 || strcmp(family, "ip") == 0 || strcmp(family, "ip6") == 0);
}

static bool is_own_table(const struct config *config, const char *text)
{
	char table[80] = "";

	return sscanf(text, "inet %79s", table) == 1 && strcmp(table, config->table) == 0;
}

static void check_sets(struct config_reader *reader, const config_setting_t *gateway, const struct config *config)
{
	const config_setting_t *mode = config_setting_get_member(gateway, "mode");

	if (config->mode == CONFIG_SETS && config_setting_get_member(gateway, "sets") == NULL)
		config_reader_error(reader, config_reader_line(mode),
				    "mode = \"sets\" needs the sets that are filled: write sets = [ \"inet fw4 "
				    "allowed4\", \"inet fw4 allowed6\" ]; with the names of yours");
	for (unsigned int i = 0; i < config->sets.count; i++) {
		const struct config_text *text = &config->sets.items[i];
		size_t back = config_reader_enter(reader, "sets");

		if (!is_set(text->text))
			config_reader_error(
				reader, text->line,
				"\"%s\" is no set: write family (inet, ip or ip6), table and set, for example "
				"\"inet fw4 allowed4\"",
				text->text);
		else if (is_own_table(config, text->text))
			config_reader_error(reader, text->line,
					    "\"%s\" lies in nfqdn's own table: name a set in a table of yours",
					    text->text);
		config_reader_leave(reader, back);
	}
}

/* Priorities */

/* What is denied is not held first, and what is held must not have been denied. */
static void check_priority(struct config_reader *reader, const config_setting_t *gateway, const struct config *config)
{
	const struct config_priority *priority = &config->priority;
	const config_setting_t *group = config_reader_group(gateway, "priority");
	size_t back;

	if (group == NULL ||
	    (priority->snoop_forward < priority->egress && priority->snoop_forward < priority->inbound))
		return;
	back = config_reader_enter(reader, "priority");
	config_reader_error(reader, config_reader_line(group),
			    "snoop-forward = %d must be lower than egress = %d and inbound = %d: an answer is read "
			    "before anything is decided",
			    priority->snoop_forward, priority->egress, priority->inbound);
	config_reader_leave(reader, back);
}

/* Lifetimes */

/* True when all that stands in the group is lawful by itself, so that nothing is told twice. */
static bool lawful(const config_setting_t *group)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned int)i);
		const struct option *option = option_find(OPTION_LIFETIME, config_setting_name(setting));

		if (option != NULL && !config_scalar_lawful_integer(setting, option))
			return false;
	}
	return true;
}

static void check_lifetime(struct config_reader *reader, const config_setting_t *group,
			   const struct config_lifetime *lifetime, const struct config_lifetime *outer,
			   const char *outer_name)
{
	uint32_t min = lifetime->min == CONFIG_INHERIT ? outer->min : lifetime->min;
	uint32_t max = lifetime->max == CONFIG_INHERIT ? outer->max : lifetime->max;
	const config_setting_t *min_setting = config_setting_get_member(group, "min");
	const config_setting_t *max_setting = config_setting_get_member(group, "max");
	size_t back;

	if (min <= max || !lawful(group) || (min_setting == NULL && max_setting == NULL))
		return;
	back = config_reader_enter(reader, "lifetime");
	config_reader_error(reader, config_reader_line(max_setting != NULL ? max_setting : min_setting),
			    "min = %u%s%s is more than max = %u%s%s: set both", min, min_setting == NULL ? " " : "",
			    min_setting == NULL ? outer_name : "", max, max_setting == NULL ? " " : "",
			    max_setting == NULL ? outer_name : "");
	config_reader_leave(reader, back);
}

/* Entries */

static void check_name_ports(struct config_reader *reader, const struct config_entry *entry)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < entry->port_count; i++)
		count += entry->ports[i].last - entry->ports[i].first + 1u;
	if (entry->names.count == 0 || count <= LIMIT_NAME_PORTS)
		return;
	config_reader_error(
		reader, entry->ports_line,
		"%u ports are too many for names: each is an element of its own for each address, and a name "
		"may have %d; "
		"wide ranges stand in an entry with addresses only",
		count, LIMIT_NAME_PORTS);
}

static void check_whole_family(struct config_reader *reader, const struct config_entry *entry)
{
	for (unsigned int i = 0; i < entry->addresses.count; i++) {
		char text[VALUE_RANGE_TEXT_SIZE];
		size_t back;

		value_range_to_text(&entry->addresses.items[i], text);
		if (strcmp(text, "0.0.0.0/0") != 0 && strcmp(text, "::/0") != 0)
			continue;
		back = enter_range(reader, "addresses", &entry->addresses, i);
		config_reader_warning(reader, entry->addresses.lines[i], "\"%s\" is every address there is",
				      entry->addresses.texts[i]);
		config_reader_leave(reader, back);
	}
}

static void check_entry_clients(struct config_reader *reader, const struct config *config,
				const struct config_entry *entry)
{
	for (unsigned int i = 0; config->clients.count != 0 && i < entry->clients.count; i++) {
		size_t back;

		if (first_overlap(&config->clients, &entry->clients.items[i]) != NULL)
			continue;
		back = enter_range(reader, "clients", &entry->clients, i);
		config_reader_warning(reader, entry->clients.lines[i],
				      "\"%s\" lies outside of gateway.clients: no such client is let out",
				      entry->clients.texts[i]);
		config_reader_leave(reader, back);
	}
}

static void check_entry(struct config_reader *reader, const config_setting_t *root, const struct config *config,
			const struct config_entry *entry)
{
	const char *kind = entry->inbound ? "inbound" : "allow";
	const config_setting_t *group = config_setting_get_member(config_setting_get_member(root, kind), entry->name);
	const config_setting_t *lifetime = config_reader_group(group, "lifetime");
	size_t outer = config_reader_enter(reader, kind), back;

	config_reader_enter(reader, entry->name);
	if (lifetime != NULL)
		check_lifetime(reader, lifetime, &entry->lifetime, &config->lifetime, "(of gateway)");
	check_whole_family(reader, entry);
	check_entry_clients(reader, config, entry);
	back = config_reader_enter(reader, "ports");
	check_name_ports(reader, entry);
	config_reader_leave(reader, back);
	config_reader_leave(reader, outer);
}

static void check_settings(struct config_reader *reader, const config_setting_t *gateway, const struct config *config)
{
	static const struct config_lifetime none = { 0 };
	const config_setting_t *lifetime = config_reader_group(gateway, "lifetime");
	size_t back = config_reader_enter(reader, "gateway");

	check_gateway(reader, gateway, config);
	check_queue(reader, gateway, config);
	check_mark(reader, gateway, config);
	check_priority(reader, gateway, config);
	check_sets(reader, gateway, config);
	if (lifetime != NULL)
		check_lifetime(reader, lifetime, &config->lifetime, &none, "(the default)");
	for (unsigned int i = 0; i < config->resolvers.count; i++)
		check_resolver(reader, config, i);
	for (unsigned int i = 0; i < config->nat64.count; i++)
		check_nat64(reader, &config->nat64, i);
	config_reader_leave(reader, back);
}

static bool is_empty(const config_setting_t *root, const char *kind)
{
	const config_setting_t *group = config_setting_get_member(root, kind);

	return group == NULL || (config_setting_is_group(group) && config_setting_length(group) == 0);
}

void config_check_all(struct config_reader *reader, const config_setting_t *root, const struct config *config)
{
	const config_setting_t *gateway = config_reader_group(root, "gateway");

	if (gateway != NULL)
		check_settings(reader, gateway, config);
	else if (config_setting_get_member(root, "gateway") == NULL)
		config_reader_error(reader, 0, "the group gateway is missing: write %s",
				    reader->json ? "\"gateway\": { \"interfaces\": [ ... ], \"resolvers\": [ ... ] }"
						 : "gateway: { interfaces = [ ... ]; resolvers = [ ... ]; };");
	for (unsigned int i = 0; i < config->entry_count; i++)
		check_entry(reader, root, config, &config->entries[i]);
	if (is_empty(root, "allow") && is_empty(root, "inbound"))
		config_reader_warning(
			reader, 0, "there are no entries: clients reach \"local\" and the resolvers, and nothing else");
}

/* What only the running gateway knows */

static bool is_client_interface(const struct config *config, const char *name)
{
	for (unsigned int i = 0; i < config->interface_count; i++) {
		const struct value_interface *interface = &config->interfaces[i];

		if (interface->wildcard ? strncmp(name, interface->name, strlen(interface->name)) == 0
					: strcmp(name, interface->name) == 0)
			return true;
	}
	return false;
}

static bool is_own(const struct value_range *range, const struct config_link *links, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ipaddr_equal(&range->first, &links[i].address) && ipaddr_equal(&range->last, &links[i].address))
			return true;
	return false;
}

/* fe80::/10 lies on every interface, so it says nothing about this one. */
static bool is_link_local(const struct ipaddr *address)
{
	return address->family == IPADDR_V6 && address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

static bool lies_on(const struct value_range *range, const struct config_link *link)
{
	struct ipaddr first, last;

	if (range->first.family != link->address.family || is_link_local(&range->first))
		return false;
	ipaddr_prefix_bounds(&link->address, link->prefix, &first, &last);
	return ipaddr_compare(&first, &range->first) <= 0 && ipaddr_compare(&range->last, &last) <= 0;
}

static const struct config_link *client_link(const struct config *config, const struct value_range *range,
					     const struct config_link *links, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_client_interface(config, links[i].interface) && lies_on(range, &links[i]))
			return &links[i];
	return NULL;
}

static void tell_client_side(struct config_reader *reader, const struct config *config, unsigned int index,
			     const char *interface)
{
	const char *text = config->resolvers.texts[index];
	unsigned int line = config->resolvers.lines[index];
	size_t back = enter_range(reader, "resolvers", &config->resolvers, index);

	if (config->resolver_on_client_side)
		config_reader_warning(reader, line, "\"%s\" lies on the client interface %s: " UNSEEN, text, interface);
	else
		config_reader_error(reader, line,
				    "\"%s\" lies on the client interface %s, where clients can forge its answers: "
				    "resolver-on-client-side = true believes them, but " UNSEEN,
				    text, interface);
	config_reader_leave(reader, back);
}

void config_check_links(const struct config *config, const struct config_link *links, size_t count,
			struct problems *problems)
{
	struct config_reader reader = { .problems = problems, .file = config->file, .path = "gateway" };

	for (unsigned int i = 0; i < config->resolvers.count; i++) {
		const struct value_range *range = &config->resolvers.items[i];
		const struct config_link *link = client_link(config, range, links, count);

		if (link != NULL && !is_own(range, links, count))
			tell_client_side(&reader, config, i, link->interface);
	}
}
