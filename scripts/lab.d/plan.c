/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>

struct plan_client {
	struct timer timer;
	uint64_t chance; /* when, and which name */
};

/* What would be after the end is not begun: a run that is late does what its plan says all the same. */
static void client_wait(struct plan *plan, struct plan_client *client, int64_t from)
{
	int64_t at = from + (int64_t)(mix_pause(&client->chance, plan->options->think) * TIMERS_SECOND);

	plan->waiting -= client->timer.place != 0;
	if (at < plan->end) {
		plan->waiting++;
		timers_set(plan->timers, &client->timer, at);
	} else {
		timers_stop(plan->timers, &client->timer);
	}
}

int plan_init(struct plan *plan, const struct options *options, const struct mix *mix, struct timers *timers,
	      int64_t began)
{
	struct plan_client *clients = calloc(options->clients, sizeof(*clients));

	if (!clients)
		return -ENOMEM;
	*plan = (struct plan) { .options = options, .mix = mix, .timers = timers, .clients = clients };
	plan->end = began + (int64_t)(options->seconds * TIMERS_SECOND);
	for (uint32_t i = 0; i < options->clients; i++) {
		clients[i].timer.kind = TIMER_CLIENT;
		clients[i].chance = mix_seed(options->seed, i * UINT64_C(2));
		client_wait(plan, &clients[i], began);
	}
	return 0;
}

void plan_free(struct plan *plan)
{
	free(plan->clients);
}

uint32_t plan_due(struct plan *plan, struct timer *timer, uint32_t *name)
{
	struct plan_client *client = TIMERS_OWNER(timer, struct plan_client);

	*name = mix_choose(plan->mix, &client->chance);
	/* The moment after it follows from its own, whatever becomes of it. */
	client_wait(plan, client, timer->at);
	return (uint32_t)(client - plan->clients);
}

void plan_stop(struct plan *plan)
{
	for (uint32_t i = 0; i < plan->options->clients; i++)
		timers_stop(plan->timers, &plan->clients[i].timer);
	plan->waiting = 0;
}
