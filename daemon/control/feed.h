/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vendor's list made into rows of the catalog: what its readers (feed_m365.c, feed_tags.c) share. Pure: JSON in, JSON
 * out. Only nfqdnctl reads vendors' lists; nfqdnd reads the catalog files made of them. */
#ifndef NFQDN_CONTROL_FEED_H
#define NFQDN_CONTROL_FEED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/problem.h"

/* One list while it is read. A set of texts is a JSON object whose keys they are, in the order of their coming. */
struct feed {
	const char *file;
	struct problems *problems;
	bool strict; /* a bad entry is an error; else it is a warning, and left out */
	size_t skipped; /* bad entries; the first LIMIT_FEED_FAULTS are told */
	const char *as_of; /* "YYYY-MM-DD" */
	const char *version; /* digits, or "" where the list does not say */
	const json_t *flags; /* name -> "rentable" or "broad": what the built-in catalog knows of names; or NULL */
	json_t *rows; /* the catalog rows made so far: "feature/id" -> row */
};

/* Tells a bad entry: which one ("set 163", "AzureConnectors.WestEurope"), which field of it ("" for all of it), the
 * value (NULL: none to show) and what is wrong with it. */
void feed_fault(struct feed *feed, const char *where, const char *field, const json_t *value, const char *why);
/* An error for which nothing of the list is taken. */
void feed_refuse(struct feed *feed, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Tells how many bad entries were not told. To be called once, at the end. */
void feed_finish(struct feed *feed);

/* Adds the names (prefixes) of `list` to the set `out`: small letters, each once, bad ones told. NULL, null and an
 * empty text are an empty list. A prefix is shorter than /8 (IPv6: /16) only by mistake, and reserved space is nobody's
 * service: both are bad entries. */
void feed_add_names(struct feed *feed, const char *where, const json_t *list, json_t *out);
void feed_add_prefixes(struct feed *feed, const char *where, const char *field, const json_t *list, json_t *out);
/* The ports of one protocol in any spelling ("443, 80", 443, "50000-59999", "") as the catalog spells them ("443,80"),
 * "" when there are none. `out` has FEED_PORTS_SIZE octets. */
#define FEED_PORTS_SIZE 512
void feed_read_ports(struct feed *feed, const char *where, const char *field, const json_t *value,
		     char out[FEED_PORTS_SIZE]);

/* What a catalog row says. Texts that are NULL or "" are left out. */
struct feed_row {
	const char *feature, *id, *title, *category, *tcp_ports, *udp_ports, *region, *notes, *document, *section;
	const char *direction; /* "outbound", "inbound" */
	const char *const *clouds; /* ends with NULL */
	const json_t *names, *prefixes; /* sets, or NULL */
	bool required;
};
/* Appends the row; names that the built-in catalog calls rentable or broad go into rows of their own (ID-rentable,
 * ID-broad). A key that stands there already gets a number. A row without names and prefixes is passed over. */
void feed_add_row(struct feed *feed, const struct feed_row *row);

/* Small letters and digits, all else one '-': what a feature or an id may be. Returns `out`. */
const char *feed_word(const char *text, char *out, size_t size);

#endif
