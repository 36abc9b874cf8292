/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The catalog: what each service needs, row by row, read from JSON files (data/README.md tells the format). */
#ifndef NFQDN_POLICY_CATALOG_H
#define NFQDN_POLICY_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "policy/problem.h"
#include "policy/value.h"

enum catalog_direction { CATALOG_OUTBOUND, CATALOG_INBOUND, CATALOG_PEER, CATALOG_MAIL };
enum catalog_state { CATALOG_PUBLISHED, CATALOG_PENDING, CATALOG_SUPERSEDED };

struct catalog_list {
	const char *const *items;
	size_t count;
};

struct catalog_row {
	const char *service, *feature, *id; /* together the row's key */
	const char *title, *notes, *see_also, *category; /* "" when absent */
	const char *document, *section, *version; /* of the source; version: "" when the document has none */
	const char *as_of, *until; /* "YYYY-MM-DD" or "" */
	struct catalog_list urls, ips, clouds, regions, scale_units; /* regions, scale_units: count 0 means every one */
	const struct value_range *ranges; /* ips, read; ips.count of them */
	const struct value_ports *ports; /* tcpPorts and udpPorts */
	size_t port_count;
	enum catalog_direction direction;
	enum catalog_state state;
	bool required, opt_in, rentable, broad;
	const char *file;
};

struct catalog_service {
	const char *name, *title;
	const struct catalog_row *rows; /* in the file's order */
	size_t row_count;
};

/* A region and the spellings that mean it; see data/regions.json. */
struct catalog_region {
	const char *name;
	struct catalog_list aliases;
};
/* A tenant location as the Intune admin center spells it ("North America 0501") and the scale units it can mean. */
struct catalog_tenant {
	const char *location;
	struct catalog_list aliases, prefixes;
	const char *region;
};

struct catalog {
	const struct catalog_service *services;
	size_t service_count;
	const struct catalog_region *regions;
	size_t region_count;
	const struct catalog_tenant *tenants;
	size_t tenant_count;
	uint64_t sum; /* of the files' texts: are they the same ones? */
};

/* Reads every *.json of each folder in order (files of a folder by name; those whose name ends in schema.json are
 * passed over); a row of a later folder replaces the earlier one with its key. A folder that does not exist is an
 * error, a bad file is an error that names the file, the row and the field. NULL when there was an error or memory is
 * out. Lives in `arena`. */
struct catalog *catalog_load(struct arena *arena, const char *const *folders, size_t count, struct problems *problems);

const struct catalog_service *catalog_find_service(const struct catalog *catalog, const char *name);
/* The region that a spelling means, regardless of case, spaces, '-' and '_'; NULL when there is none. */
const struct catalog_region *catalog_find_region(const struct catalog *catalog, const char *spelling);
/* True when a and b are the same, regardless of case, spaces, '-' and '_'. */
bool catalog_same_word(const char *a, const char *b);

/* What of a service is wanted: the words of an `allow` or `inbound` entry. */
struct catalog_selection {
	struct catalog_list features; /* count 0: every one that is not opt-in */
	struct catalog_list clouds; /* count 0: "public" */
	struct catalog_list regions; /* count 0: every one */
	const char *scale_unit; /* NULL: every one; else one like "AMSUA0501" */
	bool optional, rentable, broad;
	enum catalog_direction
		direction; /* outbound for `allow`, inbound for `inbound`; peer and mail rows come with outbound */
};
bool catalog_row_selected(const struct catalog_row *row, const struct catalog_selection *selection);
/* "service/feature/id". `size` LIMIT_CATALOG_KEY is enough for every row that catalog_load() accepts. Returns `out`. */
const char *catalog_row_key(const struct catalog_row *row, char *out, size_t size);

#endif
