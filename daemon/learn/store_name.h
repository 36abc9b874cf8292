/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's names and the links between them and elements. */
#ifndef NFQDN_LEARN_STORE_NAME_H
#define NFQDN_LEARN_STORE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "learn/store.h"

/* The name's index, or 0. Remembers the last name, found or not. */
uint32_t store_name_find(struct store *store, const struct dns_name *name);
/* The same without remembering. */
uint32_t store_name_look(const struct store *store, const struct dns_name *name);
/* Is there memory to enter the name (unless `found` tells that it is there) and one link? */
bool store_name_fits(const struct store *store, const struct dns_name *name, uint32_t found);
/* Links a new element, which has no link yet, to the name. There must be memory. Returns the name's index. */
uint32_t store_name_attach(struct store *store, uint32_t element, const struct dns_name *name, uint32_t ttl,
			   int64_t until);
/* The name has answered for the element once more: its link is brought up to date, or made. At a limit it is counted
 * and left. Returns the link, or 0. */
uint32_t store_name_note(struct store *store, uint32_t element, const struct dns_name *name, uint32_t ttl,
			 int64_t until, struct monotime now);
/* The same, allowed by another name. */
void store_name_note_derived(struct store *store, uint32_t element, const struct dns_name *name, uint32_t ttl,
			     int64_t until, struct monotime now);
/* Takes away all links of an element, and the names that have no other. */
void store_name_detach(struct store *store, uint32_t element);
/* Writes the element's names to the scratch of views. Returns their number. */
size_t store_name_list(const struct store *store, uint32_t element);
/* One of the element's names: `wanted` (an index) when it still has that one, else its first. False when it has none. */
bool store_name_read(const struct store *store, uint32_t element, uint32_t wanted, struct dns_name *out);
/* Links of a name (an index): how many, the first, the one after, and the element that a link leads to. 0 ends the
 * list. */
size_t store_name_count(const struct store *store, uint32_t name);
uint32_t store_name_first(const struct store *store, uint32_t name);
uint32_t store_name_next(const struct store *store, uint32_t link);
uint32_t store_name_element(const struct store *store, uint32_t link);
/* Makes room for so many more. 0 or -ENOMEM. */
int store_name_reserve(struct store *store, size_t links, size_t texts, size_t cells);

#endif
