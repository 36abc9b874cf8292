/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/store_heap.h"

#include "learn/store_parts.h"

/* Places looked at for an element to evict: the top one is nearly always free to go, since what a drain needs has just
 * got a new life. */
#define UNSEEN_PLACES 127

static int64_t deadline_at(const struct store *store, uint32_t place)
{
	return store_element_at(store, store->heap[place])->deadline;
}

static void put(struct store *store, uint32_t place, uint32_t index)
{
	store->heap[place] = index;
	store_element_at(store, index)->heap = place;
}

static void sift_up(struct store *store, uint32_t place, uint32_t index)
{
	int64_t deadline = store_element_at(store, index)->deadline;

	while (place > 1 && deadline < deadline_at(store, place / 2)) {
		put(store, place, store->heap[place / 2]);
		place /= 2;
	}
	put(store, place, index);
}

static void sift_down(struct store *store, uint32_t place, uint32_t index)
{
	int64_t deadline = store_element_at(store, index)->deadline;

	for (uint32_t child = 2 * place; child <= store->heap_count; child = 2 * place) {
		if (child < store->heap_count && deadline_at(store, child + 1) < deadline_at(store, child))
			child++;
		if (deadline <= deadline_at(store, child))
			break;
		put(store, place, store->heap[child]);
		place = child;
	}
	put(store, place, index);
}

void store_heap_insert(struct store *store, uint32_t index)
{
	sift_up(store, ++store->heap_count, index);
}

void store_heap_remove(struct store *store, uint32_t index)
{
	struct store_element *element = store_element_at(store, index);
	uint32_t place = element->heap, last = store->heap[store->heap_count--];

	element->heap = 0;
	if (last == index)
		return;
	if (place > 1 && store_element_at(store, last)->deadline < deadline_at(store, place / 2))
		sift_up(store, place, last);
	else
		sift_down(store, place, last);
}

uint32_t store_heap_first(const struct store *store)
{
	return store->heap_count ? store->heap[1] : 0;
}

uint32_t store_heap_first_unseen(const struct store *store)
{
	uint32_t found = 0, last = store->heap_count < UNSEEN_PLACES ? store->heap_count : UNSEEN_PLACES;

	if (last && store_element_at(store, store->heap[1])->seen != store->drain)
		return store->heap[1];
	for (uint32_t place = 2; place <= last; place++) {
		const struct store_element *element = store_element_at(store, store->heap[place]);

		if (element->seen == store->drain)
			continue;
		if (!found || element->deadline < store_element_at(store, found)->deadline)
			found = store->heap[place];
	}
	return found;
}
