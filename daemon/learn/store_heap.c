/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/store_heap.h"

#include "learn/store_parts.h"
#include "learn/store_share.h"

/* Places looked at for an element to evict: the top one is nearly always free to go, since what a drain needs has just
 * got a new life. */
#define UNSEEN_PLACES 127

struct heap {
	const struct store *store;
	uint32_t *places;
	uint32_t count;
};

static struct heap heap_of(const struct store *store, bool exact)
{
	return (struct heap) { .store = store, .places = store->heaps[exact], .count = store->heap_counts[exact] };
}

static int64_t deadline_at(const struct heap *heap, uint32_t place)
{
	return store_element_at(heap->store, heap->places[place])->deadline;
}

static void put(const struct heap *heap, uint32_t place, uint32_t index)
{
	heap->places[place] = index;
	store_element_at(heap->store, index)->place = place;
}

static void sift_up(const struct heap *heap, uint32_t place, uint32_t index)
{
	int64_t deadline = store_element_at(heap->store, index)->deadline;

	while (place > 1 && deadline < deadline_at(heap, place / 2)) {
		put(heap, place, heap->places[place / 2]);
		place /= 2;
	}
	put(heap, place, index);
}

static void sift_down(const struct heap *heap, uint32_t place, uint32_t index)
{
	int64_t deadline = store_element_at(heap->store, index)->deadline;

	for (uint32_t child = 2 * place; child <= heap->count; child = 2 * place) {
		if (child < heap->count && deadline_at(heap, child + 1) < deadline_at(heap, child))
			child++;
		if (deadline <= deadline_at(heap, child))
			break;
		put(heap, place, heap->places[child]);
		place = child;
	}
	put(heap, place, index);
}

void store_heap_insert(struct store *store, uint32_t index)
{
	bool exact = store_element_at(store, index)->exact;
	struct heap heap;

	store->heap_counts[exact]++;
	heap = heap_of(store, exact);
	sift_up(&heap, heap.count, index);
	store_share_insert(store, index);
}

void store_heap_remove(struct store *store, uint32_t index)
{
	struct store_element *element = store_element_at(store, index);
	uint32_t place = element->place, last = store->heaps[element->exact][store->heap_counts[element->exact]--];
	struct heap heap = heap_of(store, element->exact);

	store_share_remove(store, index);
	element->place = 0;
	if (last == index)
		return;
	if (place > 1 && store_element_at(store, last)->deadline < deadline_at(&heap, place / 2))
		sift_up(&heap, place, last);
	else
		sift_down(&heap, place, last);
}

uint32_t store_heap_first(const struct store *store)
{
	struct heap wild = heap_of(store, false), exact = heap_of(store, true);

	if (!wild.count || !exact.count)
		return wild.count ? wild.places[1] : exact.count ? exact.places[1] : 0;
	return deadline_at(&exact, 1) < deadline_at(&wild, 1) ? exact.places[1] : wild.places[1];
}

uint32_t store_heap_first_unseen(const struct store *store, bool exact)
{
	struct heap heap = heap_of(store, exact);
	uint32_t found = 0, last = heap.count < UNSEEN_PLACES ? heap.count : UNSEEN_PLACES;

	if (last && store_element_at(store, heap.places[1])->seen != store->drain)
		return heap.places[1];
	for (uint32_t place = 2; place <= last; place++) {
		const struct store_element *element = store_element_at(store, heap.places[place]);

		if (element->seen == store->drain)
			continue;
		if (!found || element->deadline < store_element_at(store, found)->deadline)
			found = heap.places[place];
	}
	return found;
}
