/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to a control socket's commands, with a real policy and a real store; only the kernel is made up. What goes wrong
 * ends the test case. */
#ifndef NFQDN_TESTS_COMMANDS_WORLD_H
#define NFQDN_TESTS_COMMANDS_WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "control/commands.h"

struct world {
	struct control_context context;
	struct policy *policy;
	struct monotime now;
	bool reader; /* who asks may change nothing */
	bool refuse; /* what reload() does */
	uint32_t confirm; /* that it was asked for */
	char text[64]; /* of a configuration that reload() was given */
	int confirm_error; /* of confirm() */
	bool undone;
	size_t imported; /* records that import() was given */
	int64_t stamp;
};

/* What table_owner() says. */
extern enum table_owner world_owner;

int world_setup(void **state);
int world_teardown(void **state);
#define WORLD_TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

/* ---- what was learned ---- */

struct element_key world_key(const char *address, uint8_t group, uint8_t l4proto, uint16_t port);
/* The name in `text` taught the element, with this TTL. */
void world_teach(struct world *world, const struct element_key *key, const char *text, uint32_t ttl);
void world_forget(struct world *world, const struct element_key *key);
/* The kernel took all changes that the store planned. */
void world_settle(struct world *world);

/* ---- requests ---- */

/* Parses an answer, one line, and frees it. */
json_t *world_line(char *line);
/* Collects the pieces of a long answer; `between`, when given, is called after each. To be freed. */
char *world_collect(struct world *world, struct control_reply *reply, void (*between)(struct world *world));
/* The result of a request {"api": 1, "command": ...REST}; its status must be as told. To be freed. */
json_t *world_result(struct world *world, const char *rest, int status);
/* The same, and the result is this JSON. */
void world_result_is(struct world *world, const char *rest, int status, const char *expected);
void world_same(const json_t *value, const char *expected);
/* The request is refused with this status, and `part` in the text. */
void world_refuses(struct world *world, const char *request, int status, const char *part);
/* ... as a mistake of who asks. */
void world_error_is(struct world *world, const char *request, const char *part);

#endif
