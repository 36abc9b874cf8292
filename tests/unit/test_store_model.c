/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: learn/past.o learn/store.o learn/store_plan.o learn/events.o learn/store_name.o learn/store_heap.o learn/pool.o learn/lifetime.o */
/* LINK: learn/store_share.o */
/* LINK: dns/name.o base/counters.o base/hash.o base/ipaddr.o tests/unit/fake_element.o */
/* Random answers, clocks and failures against the store and against a naive model of it: arrays, searched from end to
 * end. After each transaction both must hold the same, and three laws must hold between store, kernel and clients:
 *   1. what the kernel has, the store knows (or nobody would delete it);
 *   2. what the store holds without doubt, the kernel has, LIFETIME_BACKSTOP_MS longer, unless a transaction was lost
 * on its way;
 *   3. an answer that was not refused is behind an open door for as long as it asked for.
 * The seed is printed; STORE_SEED=n runs that one alone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/counters.h"
#include "base/limits.h"
#include "learn/lifetime.h"
#include "learn/store.h"
#include "tests/unit/fake_element.h"

#define KEYS 60
#define NAMES 24
#define STEPS 6000
#define WISHES 256

enum reason { NOTHING, ADD, RENEW, REFRESH, EXPIRE, EVICT, DROP };
enum doubt { SURE, DOUBTFUL, UNWANTED };

struct model_name {
	unsigned int name;
	uint32_t ttl;
	int64_t until;
};

struct model_element {
	bool there, seen;
	int64_t deadline, old_deadline;
	uint32_t ttl;
	enum reason reason;
	enum doubt doubt;
	uint64_t packets;
	struct model_name names[LIMIT_ELEMENT_NAMES];
	size_t name_count;
};

/* An answer of the running drain. */
struct wish {
	unsigned int key, packet;
	int64_t until; /* the door must be open until then */
};

struct world {
	unsigned int seed;
	size_t limit;
	unsigned int keys; /* in use, of KEYS: few of them have many names each */
	struct store *store;
	struct table *kernel;
	struct monotime now;
	bool trusted; /* no request was lost: law 2 holds */
	struct model_element elements[KEYS];
	struct wish wishes[WISHES];
	size_t wish_count;
	uint64_t failed; /* packets of the drain */
	size_t planned;
};

static unsigned int dice(struct world *world, unsigned int sides)
{
	return (unsigned int)rand_r(&world->seed) % sides;
}

static struct element_key key_of(unsigned int i)
{
	uint8_t octets[16] = { 0x26, 0x20, [14] = 1, (uint8_t)(i / 4) };

	return (struct element_key) { .address = ipaddr_from_bytes(i % 2 ? IPADDR_V6 : IPADDR_V4,
								   octets + (i % 2 ? 0 : 12)),
				      .group = (uint8_t)(i / 2 % 2),
				      .l4proto = IPPROTO_TCP,
				      .port = 443 };
}

static struct dns_name name_of(unsigned int i)
{
	char text[128];
	struct dns_name name;

	/* Lengths on both sides of a cell's, and several cells. */
	snprintf(text, sizeof(text), "%.*s%u.example", (int)(i * 2),
		 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefg", i);
	assert_int_equal(dns_name_from_text(text, &name), 0);
	return name;
}

/* ---- the model ---- */

static size_t model_count(const struct world *world)
{
	size_t count = 0;

	for (size_t i = 0; i < KEYS; i++)
		count += world->elements[i].there && world->elements[i].reason < EXPIRE;
	return count;
}

static struct model_name *model_find_name(struct model_element *element, unsigned int name)
{
	for (size_t i = 0; i < element->name_count; i++)
		if (element->names[i].name == name)
			return &element->names[i];
	return NULL;
}

static void model_forget(struct model_element *element, size_t i)
{
	memmove(&element->names[i], &element->names[i + 1], (--element->name_count - i) * sizeof(element->names[0]));
}

static void model_note(struct world *world, struct model_element *element, unsigned int name, uint32_t ttl,
		       int64_t until)
{
	struct model_name *found = model_find_name(element, name);
	size_t oldest = element->name_count;

	if (found) {
		found->ttl = ttl;
		found->until = found->until / 1000 < until / 1000 ? until : found->until;
		return;
	}
	if (element->name_count == LIMIT_ELEMENT_NAMES) {
		for (size_t i = element->name_count; i-- > 0;)
			if (element->names[i].until / 1000 < world->now.msec / 1000 &&
			    (oldest == element->name_count ||
			     element->names[i].until / 1000 <= element->names[oldest].until / 1000))
				oldest = i;
		if (oldest == element->name_count)
			return;
		model_forget(element, oldest);
	}
	element->names[element->name_count++] = (struct model_name) { name, ttl, until };
}

/* The store's plan deletes it. */
static bool deletes(const struct world *world, size_t i)
{
	size_t count;
	const struct element_change *changes = store_changes(world->store, &count);
	struct element_key key = key_of((unsigned int)i);

	for (size_t k = 0; k < count; k++)
		if (changes[k].operation == ELEMENT_DELETE && ipaddr_equal(&changes[k].key.address, &key.address) &&
		    changes[k].key.group == key.group)
			return true;
	return false;
}

/* The oldest-expiring one that the drain does not need, or NULL. Of several with one deadline the store may take
 * either. */
static struct model_element *model_victim(struct world *world)
{
	struct model_element *victim = NULL;

	for (size_t i = 0; i < KEYS; i++) {
		struct model_element *one = &world->elements[i];

		if (!one->there || one->reason != NOTHING || one->seen)
			continue;
		if (!victim || one->deadline < victim->deadline ||
		    (one->deadline == victim->deadline && deletes(world, i)))
			victim = one;
	}
	return victim;
}

static void model_plan(struct world *world, struct model_element *element, enum reason reason)
{
	element->old_deadline = element->deadline;
	element->reason = reason;
	element->packets = 0;
	world->planned++;
}

static int model_make_room(struct world *world)
{
	while (model_count(world) >= world->limit) {
		struct model_element *victim = model_victim(world);

		if (!victim)
			return -EDQUOT;
		model_plan(world, victim, victim->deadline <= world->now.msec ? EXPIRE : EVICT);
	}
	return 0;
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int model_wish(struct world *world, unsigned int key, unsigned int name, uint32_t ttl, int64_t life,
		      int64_t below, unsigned int packet)
{
	struct model_element *element = &world->elements[key];
	int64_t wanted = world->now.msec + life, enough = world->now.msec + below;
	bool planned = true;

	if (!element->there || element->reason >= EXPIRE) {
		int rc = model_make_room(world);

		if (rc < 0)
			return rc;
	}
	if (!element->there) {
		*element = (struct model_element) { .there = true, .ttl = UINT32_MAX };
		model_plan(world, element, ADD);
	} else if (element->reason >= EXPIRE) {
		element->reason = RENEW;
	} else if (element->reason == REFRESH) {
		planned = element->old_deadline < enough;
	} else if (element->reason == NOTHING && (element->doubt != SURE || element->deadline <= world->now.msec)) {
		model_plan(world, element, RENEW);
	} else if (element->reason == NOTHING && element->deadline < enough && element->deadline < wanted) {
		model_plan(world, element, REFRESH);
	} else if (element->reason == NOTHING) {
		planned = false;
	}
	if (planned) {
		element->packets |= UINT64_C(1) << packet;
		element->deadline = max64(element->deadline, wanted);
	}
	element->seen = true;
	if (ttl < element->ttl)
		element->ttl = ttl;
	model_note(world, element, name, ttl, wanted);
	return planned;
}

static void model_expire(struct world *world)
{
	for (size_t i = 0; i < KEYS; i++) {
		struct model_element *one = &world->elements[i];

		if (one->there && one->reason == NOTHING && (one->deadline <= world->now.msec || one->doubt != SURE))
			model_plan(world, one, one->doubt == UNWANTED ? DROP : EXPIRE);
	}
}

static uint64_t model_settle_one(struct model_element *element, int error)
{
	enum reason reason = element->reason;

	element->reason = NOTHING;
	if (!error && reason >= EXPIRE)
		*element = (struct model_element) { 0 };
	else if (!error)
		element->doubt = SURE;
	if (!error)
		return 0;
	element->deadline = element->old_deadline;
	if (reason == ADD && error != -ETIMEDOUT)
		*element = (struct model_element) { .packets = element->packets };
	else if (reason == ADD)
		element->doubt = DOUBTFUL;
	else if (reason == DROP)
		element->doubt = UNWANTED;
	if (element->doubt != SURE && (reason == ADD || reason == DROP))
		element->deadline = INT64_MIN / 4;
	return reason < EXPIRE ? element->packets : 0;
}

/* ---- both ---- */

static int error_of(const struct element_change *changes, size_t count, unsigned int key)
{
	struct element_key wanted = key_of(key);

	for (size_t i = 0; i < count; i++)
		if (ipaddr_equal(&changes[i].key.address, &wanted.address) && changes[i].key.group == wanted.group)
			return changes[i].error;
	fail_msg("the plan lacks a change of key %u", key);
	return 0;
}

static void compare_element(const struct world *world, unsigned int i)
{
	const struct model_element *element = &world->elements[i];
	struct element_key key = key_of(i);
	struct store_view view;
	int rc = store_find(world->store, &key, &view);

	assert_int_equal(rc, element->there ? 0 : -ENOENT);
	if (!element->there)
		return;
	assert_int_equal(view.deadline.msec, element->deadline < 0 ? 0 : element->deadline);
	assert_int_equal(view.ttl, element->ttl);
	assert_int_equal(view.name_count, element->name_count);
	for (size_t k = 0; k < view.name_count; k++) {
		struct dns_name name = name_of(element->names[k].name);

		assert_true(dns_name_equal(&view.names[k].name, &name));
		assert_int_equal(view.names[k].ttl, element->names[k].ttl);
	}
}

static bool count_one(void *context, const struct store_view *view)
{
	(void)view;
	++*(size_t *)context;
	return true;
}

static void compare(struct world *world)
{
	struct monotime first;
	int64_t earliest = INT64_MAX;
	size_t visited = 0;

	assert_int_equal(store_count(world->store), model_count(world));
	for (unsigned int i = 0; i < KEYS; i++) {
		compare_element(world, i);
		if (world->elements[i].there && world->elements[i].deadline < earliest)
			earliest = world->elements[i].deadline;
	}
	assert_int_equal(store_next_deadline(world->store, &first), earliest != INT64_MAX);
	if (earliest != INT64_MAX)
		assert_int_equal(first.msec, earliest);
	for (unsigned int n = 0; n < NAMES; n++) {
		struct dns_name name = name_of(n);
		size_t by_name = 0, expected = 0;

		store_visit_name(world->store, &name, count_one, &by_name);
		for (unsigned int i = 0; i < KEYS; i++)
			expected += world->elements[i].there && model_find_name(&world->elements[i], n);
		assert_int_equal(by_name, expected);
	}
	store_visit(world->store, count_one, &visited);
	assert_int_equal(visited, model_count(world));
}

static void check_laws(const struct world *world)
{
	size_t in_store = 0;

	for (unsigned int i = 0; i < KEYS; i++) {
		const struct model_element *element = &world->elements[i];
		struct element_key key = key_of(i);
		int64_t has = fake_table_find(world->kernel, &key, NULL);

		in_store += has >= 0 && element->there;
		if (world->trusted && element->there && element->doubt == SURE && element->deadline > world->now.msec)
			assert_int_equal(has, element->deadline - world->now.msec + LIFETIME_BACKSTOP_MS);
	}
	assert_int_equal(fake_table_count(world->kernel), in_store);
	for (size_t i = 0; i < world->wish_count; i++) {
		const struct wish *wish = &world->wishes[i];
		struct element_key key = key_of(wish->key);

		if (!(world->failed >> wish->packet & 1) && world->trusted)
			assert_true(world->now.msec + fake_table_find(world->kernel, &key, NULL) >= wish->until);
	}
}

static void arm_failure(struct world *world)
{
	static const int errors[] = { -ENFILE, -ENOMEM, -EBUSY, -EPERM };
	int error = errors[dice(world, 4)];

	switch (dice(world, 12)) {
	case 0:
		fake_table_fail(world->kernel, FAKE_REFUSE_ONE, 1 + dice(world, (unsigned int)world->planned), error);
		break;
	case 1:
		fake_table_fail(world->kernel, FAKE_REFUSE_ALL, 1, error);
		break;
	case 2:
		fake_table_fail(world->kernel, FAKE_LOSE_ANSWER, 1, 0);
		world->trusted = false;
		break;
	case 3:
		fake_table_fail(world->kernel, FAKE_LOSE_REQUEST, 1, 0);
		world->trusted = false;
		break;
	default:
		break;
	}
}

static void transact(struct world *world)
{
	size_t count;
	struct element_change *changes = store_changes(world->store, &count);
	uint64_t failed = 0, told;

	assert_int_equal(count, world->planned);
	if (count) {
		arm_failure(world);
		element_commit(world->kernel, changes, count);
	}
	for (unsigned int i = 0; i < KEYS; i++)
		if (world->elements[i].reason != NOTHING)
			failed |= model_settle_one(&world->elements[i], error_of(changes, count, i));
	told = store_settle(world->store);
	assert_int_equal(told, failed);
	world->failed |= told;
	world->planned = 0;
	compare(world);
}

static void end_drain(struct world *world)
{
	transact(world);
	check_laws(world);
	assert_int_equal(store_reserve(world->store), 0);
	world->wish_count = 0;
	world->failed = 0;
	for (size_t i = 0; i < KEYS; i++)
		world->elements[i].seen = false;
}

static void step_wish(struct world *world)
{
	static const uint32_t ttls[] = { 0, 1, 5, 30, 60, 300, 3600, 86400, 2147483647 };
	struct config_lifetime lifetime = { .grace = dice(world, 4) * 30,
					    .min = 10 + dice(world, 4) * 60,
					    .max = 7200 };
	unsigned int key = dice(world, world->keys), name = dice(world, NAMES), packet = dice(world, 64);
	uint32_t ttl = ttls[dice(world, 9)];
	int64_t life = lifetime_of_ttl(&lifetime, ttl) + dice(world, 900),
		below = lifetime_refresh_below(&lifetime, ttl);
	struct element_key wanted = key_of(key);
	struct dns_name text = name_of(name);
	int rc = store_plan(world->store, &wanted, &text, ttl, world->now, life, below, packet);

	assert_int_equal(rc, model_wish(world, key, name, ttl, life, below, packet));
	if (rc < 0)
		return;
	if (world->wish_count < WISHES)
		world->wishes[world->wish_count++] =
			(struct wish) { key, packet, world->now.msec + (ttl > 7200 ? below : (int64_t)ttl * 1000) };
}

static void step_drop(struct world *world)
{
	unsigned int key = dice(world, KEYS);
	struct element_key wanted = key_of(key);
	struct model_element *element = &world->elements[key];
	int expected = !element->there                                           ? -ENOENT
		       : element->reason == NOTHING || element->reason >= EXPIRE ? 0
										 : -ENOSPC;

	/* A prune is never in the middle of a drain. */
	end_drain(world);
	element = &world->elements[key];
	expected = element->there ? 0 : -ENOENT;
	assert_int_equal(store_plan_delete(world->store, &wanted), expected);
	if (expected == 0)
		model_plan(world, element, DROP);
	end_drain(world);
}

static void step_regroup(struct world *world)
{
	uint8_t map[256] = { 1, 0 };

	end_drain(world);
	for (unsigned int i = 0; i < KEYS; i++) {
		struct model_element other = world->elements[i];

		if (i / 2 % 2)
			continue;
		world->elements[i] = world->elements[i + 2];
		world->elements[i + 2] = other;
	}
	store_regroup(world->store, map);
	compare(world);
	/* The kernel's sets are named by group: they are exchanged with them. */
	store_regroup(world->store, map);
	for (unsigned int i = 0; i < KEYS; i++) {
		struct model_element other = world->elements[i];

		if (i / 2 % 2)
			continue;
		world->elements[i] = world->elements[i + 2];
		world->elements[i + 2] = other;
	}
	compare(world);
}

static void step_time(struct world *world)
{
	static const unsigned int jumps[] = { 1, 1000, 10000, 60000, 400000 };

	end_drain(world);
	world->now.msec += 1 + dice(world, jumps[dice(world, 5)]);
	fake_table_set_time(world->kernel, world->now);
}

static void step(struct world *world)
{
	unsigned int what = dice(world, 100);

	if (what < 78) {
		step_wish(world);
	} else if (what < 83) {
		model_expire(world);
		store_plan_expired(world->store, world->now);
	} else if (what < 88) {
		transact(world); /* the plan was full in the middle of a drain */
	} else if (what < 97) {
		step_time(world);
	} else if (what < 99) {
		step_drop(world);
	} else {
		step_regroup(world);
	}
}

static void run(unsigned int seed)
{
	static const struct hash_key weak = { 0, 0 };
	struct world *world = calloc(1, sizeof(*world));

	world->seed = seed;
	world->trusted = true;
	world->keys = seed % 3 ? 8 + seed % (KEYS - 8) : 4 + seed / 3 % 4;
	world->limit = 3 + seed / KEYS % KEYS;
	world->now.msec = 1000000;
	world->store = store_new(&weak, world->limit);
	world->kernel = fake_table_new();
	fake_table_set_time(world->kernel, world->now);
	for (int i = 0; i < STEPS; i++)
		step(world);
	end_drain(world);
	store_free(world->store);
	fake_table_free(world->kernel);
	free(world);
}

static void test_random(void **state)
{
	const char *given = getenv("STORE_SEED");
	unsigned int first = given ? (unsigned int)strtoul(given, NULL, 10) : (unsigned int)time(NULL);

	(void)state;
	for (unsigned int i = 0; i < (given ? 1 : 10); i++) {
		print_message("# STORE_SEED=%u\n", first + i);
		run(first + i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
