/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/store_name.h"

#include <errno.h>
#include <string.h>

#include "base/counters.h"
#include "learn/store_parts.h"

static struct store_text *text_at(const struct store *store, uint32_t index)
{
	return pool_at(&store->texts, index);
}

static struct store_link *link_at(const struct store *store, uint32_t index)
{
	return pool_at(&store->links, index);
}

static struct store_cell *cell_at(const struct store *store, uint32_t index)
{
	return pool_at(&store->cells, index);
}

static uint32_t *chain_of(const struct store *store, uint32_t hash)
{
	return &store->text_chains.heads[hash & store->text_chains.mask];
}

static uint32_t hash_of(const struct store *store, const struct dns_name *name)
{
	return (uint32_t)hash_bytes(&store->key, name->octets, name->length);
}

static size_t cells_of(const struct dns_name *name)
{
	return name->length <= STORE_HEAD ? 0 : ((size_t)name->length - STORE_HEAD + STORE_CELL - 1) / STORE_CELL;
}

static size_t head(size_t length)
{
	return length < STORE_HEAD ? length : STORE_HEAD;
}

static size_t piece(size_t left)
{
	return left < STORE_CELL ? left : STORE_CELL;
}

static bool text_equal(const struct store *store, const struct store_text *text, const struct dns_name *name)
{
	uint32_t index = text->cells;

	if (text->length != name->length || memcmp(text->head, name->octets, head(name->length)) != 0)
		return false;
	for (size_t at = STORE_HEAD; at < name->length; at += STORE_CELL) {
		const struct store_cell *cell = cell_at(store, index);

		if (memcmp(cell->octets, name->octets + at, piece(name->length - at)) != 0)
			return false;
		index = cell->next;
	}
	return true;
}

static uint32_t search(const struct store *store, const struct dns_name *name, uint32_t hash)
{
	for (uint32_t i = *chain_of(store, hash); i; i = text_at(store, i)->next)
		if (text_at(store, i)->hash == hash && text_equal(store, text_at(store, i), name))
			return i;
	return 0;
}

uint32_t store_name_look(const struct store *store, const struct dns_name *name)
{
	return search(store, name, hash_of(store, name));
}

uint32_t store_name_find(struct store *store, const struct dns_name *name)
{
	if (dns_name_equal(&store->cached_name, name))
		return store->cached;
	store->cached_hash = hash_of(store, name);
	store->cached = search(store, name, store->cached_hash);
	store->cached_name.length = name->length;
	memcpy(store->cached_name.octets, name->octets, name->length);
	return store->cached;
}

bool store_name_fits(const struct store *store, const struct dns_name *name, uint32_t found)
{
	if (pool_spare(&store->links) == 0)
		return false;
	return found || (pool_spare(&store->texts) > 0 && pool_spare(&store->cells) >= cells_of(name));
}

static uint32_t write_cells(struct store *store, const struct dns_name *name)
{
	uint32_t first = 0;

	/* From the last cell back, so that each knows the next. */
	for (size_t i = cells_of(name); i-- > 0;) {
		uint32_t index = pool_take(&store->cells);
		struct store_cell *cell = cell_at(store, index);
		size_t at = STORE_HEAD + i * STORE_CELL;

		memcpy(cell->octets, name->octets + at, piece(name->length - at));
		cell->next = first;
		first = index;
	}
	return first;
}

static uint32_t intern(struct store *store, const struct dns_name *name)
{
	uint32_t index = store_name_find(store, name);
	struct store_text *text;

	if (index)
		return index;
	index = pool_take(&store->texts);
	text = text_at(store, index);
	text->hash = store->cached_hash;
	text->length = name->length;
	memcpy(text->head, name->octets, head(name->length));
	text->cells = write_cells(store, name);
	text->next = *chain_of(store, text->hash);
	*chain_of(store, text->hash) = index;
	store->cached = index;
	return index;
}

static void forget(struct store *store, uint32_t index)
{
	const struct store_text *text = text_at(store, index);
	uint32_t *at = chain_of(store, text->hash);

	while (*at != index)
		at = &text_at(store, *at)->next;
	*at = text->next;
	for (uint32_t cell = text->cells, next; cell; cell = next) {
		next = cell_at(store, cell)->next;
		pool_give(&store->cells, cell);
	}
	text_at(store, index)->length = 0;
	if (store->cached == index)
		store->cached = 0;
	if (store->plan.comment_name == index)
		store->plan.comment_name = 0;
	pool_give(&store->texts, index);
}

/* `at` is where the element's list has its end. */
static void tie(struct store *store, uint32_t element, uint32_t name, uint32_t *at, uint32_t ttl, uint32_t until)
{
	struct store_text *text = text_at(store, name);
	uint32_t index = pool_take(&store->links);
	struct store_link *link = link_at(store, index);

	*link = (struct store_link) {
		.element = element, .name = name, .next_of_name = text->links, .ttl = ttl & INT32_MAX, .until = until
	};
	if (text->links)
		link_at(store, text->links)->previous_of_name = index;
	text->links = index;
	text->link_count++;
	*at = index;
	store_element_at(store, element)->link_count++;
}

/* `at` is what points to the link in its element's list. */
static void untie(struct store *store, uint32_t *at)
{
	uint32_t index = *at;
	const struct store_link *link = link_at(store, index);
	struct store_text *text = text_at(store, link->name);

	*at = link->next_of_element;
	store_element_at(store, link->element)->link_count--;
	if (link->previous_of_name)
		link_at(store, link->previous_of_name)->next_of_name = link->next_of_name;
	else
		text->links = link->next_of_name;
	if (link->next_of_name)
		link_at(store, link->next_of_name)->previous_of_name = link->previous_of_name;
	if (--text->link_count == 0)
		forget(store, link->name);
	pool_give(&store->links, index);
}

static uint32_t seconds(int64_t msec)
{
	return msec < 0 ? 0 : msec / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(msec / 1000);
}

uint32_t store_name_attach(struct store *store, uint32_t element, const struct dns_name *name, uint32_t ttl,
			   int64_t until)
{
	uint32_t index = intern(store, name);

	tie(store, element, index, &store_element_at(store, element)->links, ttl, seconds(until));
	return index;
}

/* The link with the earliest end, when that has passed. */
static uint32_t *outlived(const struct store *store, struct store_element *element, uint32_t now)
{
	uint32_t *found = NULL;

	for (uint32_t *at = &element->links; *at; at = &link_at(store, *at)->next_of_element)
		if (link_at(store, *at)->until < now &&
		    (!found || link_at(store, *at)->until < link_at(store, *found)->until))
			found = at;
	return found;
}

static bool make_place(struct store *store, struct store_element *element, const struct dns_name *name, uint32_t found,
		       uint32_t now)
{
	uint32_t *old;

	if (found && text_at(store, found)->link_count >= LIMIT_NAME_ELEMENTS) {
		counters.name_elements_over_limit++;
		return false;
	}
	if (!store_name_fits(store, name, found)) {
		counters.element_names_over_limit++;
		return false;
	}
	if (element->link_count < LIMIT_ELEMENT_NAMES)
		return true;
	old = outlived(store, element, now);
	if (!old) {
		counters.element_names_over_limit++;
		return false;
	}
	untie(store, old);
	return true;
}

uint32_t store_name_note(struct store *store, uint32_t element, const struct dns_name *name, uint32_t ttl,
			 int64_t until, struct monotime now)
{
	struct store_element *self = store_element_at(store, element);
	uint32_t found = store_name_find(store, name), *at;

	for (at = &self->links; *at; at = &link_at(store, *at)->next_of_element) {
		struct store_link *link = link_at(store, *at);

		if (link->name != found)
			continue;
		link->ttl = ttl & INT32_MAX;
		link->derived = false;
		if (link->until < seconds(until))
			link->until = seconds(until);
		return *at;
	}
	if (!make_place(store, self, name, found, seconds(now.msec)))
		return 0;
	for (at = &self->links; *at;)
		at = &link_at(store, *at)->next_of_element;
	tie(store, element, intern(store, name), at, ttl, seconds(until));
	return *at;
}

void store_name_note_derived(struct store *store, uint32_t element, const struct dns_name *name, uint32_t ttl,
			     int64_t until, struct monotime now)
{
	uint32_t link = store_name_note(store, element, name, ttl, until, now);

	if (link)
		link_at(store, link)->derived = true;
}

void store_name_detach(struct store *store, uint32_t element)
{
	struct store_element *self = store_element_at(store, element);

	while (self->links)
		untie(store, &self->links);
}

static void read_text(const struct store *store, const struct store_text *text, struct dns_name *out)
{
	uint32_t index = text->cells;

	out->length = text->length;
	memcpy(out->octets, text->head, head(text->length));
	for (size_t at = STORE_HEAD; at < text->length; at += STORE_CELL, index = cell_at(store, index)->next)
		memcpy(out->octets + at, cell_at(store, index)->octets, piece(text->length - at));
}

size_t store_name_list(const struct store *store, uint32_t element)
{
	size_t count = 0;

	for (uint32_t i = store_element_at(store, element)->links; i; i = link_at(store, i)->next_of_element) {
		struct store_name *out = &store->scratch[count++];

		out->ttl = link_at(store, i)->ttl;
		out->derived = link_at(store, i)->derived;
		read_text(store, text_at(store, link_at(store, i)->name), &out->name);
	}
	return count;
}

bool store_name_read(const struct store *store, uint32_t element, uint32_t wanted, struct dns_name *out)
{
	uint32_t first = store_element_at(store, element)->links, at = first;

	while (at && link_at(store, at)->name != wanted)
		at = link_at(store, at)->next_of_element;
	if (!at)
		at = first;
	if (at)
		read_text(store, text_at(store, link_at(store, at)->name), out);
	return at != 0;
}

size_t store_name_count(const struct store *store, uint32_t name)
{
	return text_at(store, name)->link_count;
}

uint32_t store_name_first(const struct store *store, uint32_t name)
{
	return text_at(store, name)->links;
}

uint32_t store_name_next(const struct store *store, uint32_t link)
{
	return link_at(store, link)->next_of_name;
}

uint32_t store_name_element(const struct store *store, uint32_t link)
{
	return link_at(store, link)->element;
}

/* Chains a name for each slot of the pool that is in use. Slots given back are told by the length 0, which no name has.
 */
static void chain_all(struct store *store)
{
	for (uint32_t i = 1; i < store->texts.top; i++) {
		struct store_text *text = text_at(store, i);

		if (text->length == 0)
			continue;
		text->next = *chain_of(store, text->hash);
		*chain_of(store, text->hash) = i;
	}
}

int store_name_reserve(struct store *store, size_t links, size_t texts, size_t cells)
{
	int rc = 0;

	/* Chains may be more than names, never the other way round for long: they are a matter of speed only. */
	if (pool_reserve(&store->links, links, UINT32_MAX - 1) < 0 ||
	    pool_reserve(&store->cells, cells, UINT32_MAX - 1) < 0 ||
	    pool_reserve(&store->texts, texts, UINT32_MAX - 1) < 0)
		rc = -ENOMEM;
	switch (store_chains_grow(&store->text_chains, store->texts.room)) {
	case 0:
		break;
	case 1:
		chain_all(store);
		break;
	default:
		rc = -ENOMEM;
	}
	return rc;
}
