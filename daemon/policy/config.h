/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file as written (libconfig syntax): typed values with their lines, defaults filled in, nothing
 * looked up yet. */
#ifndef NFQDN_POLICY_CONFIG_H
#define NFQDN_POLICY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"
#include "policy/problem.h"
#include "policy/value.h"

enum config_mode { CONFIG_ENFORCE, CONFIG_AUDIT, CONFIG_MARK, CONFIG_SETS };
enum config_mark_hook { CONFIG_MARK_FORWARD, CONFIG_MARK_PREROUTING };
enum config_denied { CONFIG_REJECT, CONFIG_DROP };
enum config_assist { CONFIG_ASSIST_AUTO, CONFIG_ASSIST_OFF, CONFIG_ASSIST_REQUIRE };
enum config_reverse_path { CONFIG_LOOSE, CONFIG_STRICT };
enum config_names { CONFIG_NAMES_ALL, CONFIG_NAMES_POLICY };
enum config_verify { CONFIG_FLOW, CONFIG_QUERY };
enum config_revoke { CONFIG_KEEP, CONFIG_CUT };

/* Where catalog files made of the vendors' lists stand. */
#define CONFIG_OVERLAY "/var/lib/nfqdn/catalog"

/* A text value and the line it stands on (0: a default). */
struct config_text {
	const char *text;
	unsigned int line;
};
struct config_texts {
	const struct config_text *items;
	unsigned int count;
	unsigned int line; /* of the setting; 0 when it was left out and the default stands here */
};
struct config_ranges {
	const struct value_range *items; /* `lines[i]` is the line of items[i] */
	const unsigned int *lines;
	const char *const *texts; /* as written */
	const unsigned int *places; /* in the list as written, from 0 on; NULL where nobody wrote it */
	unsigned int count;
	unsigned int line;
};

/* Seconds. In an entry, UINT32_MAX means: as in `gateway`. */
struct config_lifetime {
	uint32_t grace, min, max;
};
#define CONFIG_INHERIT UINT32_MAX
/* "off" where else stands a number. */
#define CONFIG_OFF UINT32_MAX

/* Of the base chains. */
struct config_priority {
	int32_t snoop_forward, snoop_output, snoop_input, egress, inbound, mark_forward, mark_prerouting;
};

struct config_entry {
	const char *name; /* the administrator's */
	unsigned int line;
	bool inbound;
	struct config_text service; /* text NULL when the entry names none */
	struct config_texts features, clouds, regions; /* count 0: the defaults of the catalog */
	struct config_text tenant; /* text NULL when left out */
	bool optional; /* rows that the document calls not required, too */
	bool rentable; /* default true: false leaves out rows below which anybody can rent a name */
	bool broad; /* default false: true takes rows that open a whole company's names */
	struct config_texts names;
	struct config_ranges addresses;
	struct config_ranges clients; /* count 0: every client */
	struct config_ranges to, also; /* inbound only */
	/* count 0: left out (tcp/443 for names and addresses of the entry, the rows' own for a service) */
	const struct value_ports *ports;
	unsigned int port_count;
	unsigned int ports_line;
	bool private_answers; /* setting `private`: reserved addresses are accepted as answers */
	struct config_lifetime lifetime;
};

struct config {
	struct arena *arena;
	const char *file;
	const char *given; /* the text, when it came by standard input or in place of it; NULL: from a file */
	uint64_t sum; /* of the text as written: is it the same one? */
	/* gateway */
	const struct value_interface *interfaces;
	unsigned int interface_count;
	unsigned int interfaces_line;
	struct config_ranges clients, resolvers, local;
	struct config_ranges nat64; /* prefixes besides 64:ff9b::/96 */
	bool resolvers_local; /* "local" among them: what the gateway itself answers to clients is believed */
	enum config_mode mode;
	enum config_denied denied;
	uint32_t mark; /* bits for allowed flows; 0: none are told, and mode is not mark */
	enum config_mark_hook mark_hook;
	struct config_texts sets; /* mode is sets: "inet fw4 allowed4" */
	struct config_priority priority;
	uint32_t enforce_after; /* seconds; 0: enforce at once */
	const char *table; /* nft table name, "nfqdn" */
	uint16_t queue_first, queue_count;
	const char *control; /* path of the control socket */
	const char *control_group; /* whose members may change what is in force by it; "": nobody else */
	const char *state; /* folder */
	const char *user; /* "nfqdn"; "": the caller's */
	uint32_t state_interval; /* seconds; 0: at the end only; CONFIG_OFF: neither written nor read */
	/* folders, later ones override; of the default, CONFIG_OVERLAY only where it is there */
	struct config_texts catalog;
	enum log_level log_level;
	struct config_lifetime lifetime; /* defaults 60, 300, 86400 */
	uint32_t limit_elements; /* limits.elements: LIMIT_LEARNED_ELEMENTS unless set */
	enum config_verify verify;
	enum config_reverse_path reverse_path;
	enum config_revoke revoke;
	enum config_assist kernel_assist;
	enum config_names report_names;
	bool resolver_on_client_side;
	bool drop_on_overload; /* on-overload = "drop" */
	bool unowned; /* own-table = "off" */
	/* allow and inbound */
	const struct config_entry *entries; /* in the file's order, allow first */
	unsigned int entry_count;
};

/* A path that means standard input; what it is called in problems and reports. */
#define CONFIG_STDIN "-"
bool config_is_stdin(const char *path);
/* `path`, or "<stdin>" for it. */
const char *config_name(const char *path);

/* Reads `path` (CONFIG_STDIN: to the end of standard input), in libconfig's syntax or as JSON (config_json.h). Returns the
 * configuration, or NULL when there is at least one error; problems (errors and warnings, in file order) are added to
 * `problems` either way. Free with config_free(). */
struct config *config_load(const char *path, struct problems *problems);
/* The same with a text that came in place of standard input. */
struct config *config_load_given(const char *text, struct problems *problems);
void config_free(struct config *config);
/* One address of this machine and the network that lies on its interface. */
struct config_link {
	char interface[IFNAMSIZ];
	struct ipaddr address;
	unsigned int prefix; /* length */
};
/* Tells which trusted resolvers lie in the network of a client interface and are not this machine itself: as errors,
 * unless resolver-on-client-side asks for them. config_load() cannot know: it may run before the network, or
 * elsewhere. */
void config_check_links(const struct config *config, const struct config_link *links, size_t count,
			struct problems *problems);
/* Writes a file that config_load() reads back to the same values, every setting with its default told in a comment. */
void config_print(const struct config *config, FILE *out);

#endif
