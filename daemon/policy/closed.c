/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/closed.h"

#include "base/limits.h"

static const char *const closed_resolvers[] = { "0.0.0.0/0", "::/0" };
static const char *const closed_local[] = { "10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16",
					    "169.254.0.0/16", "fc00::/7",      "fe80::/10" };

static bool closed_ranges(struct arena *arena, const char *const *texts, unsigned int count, struct config_ranges *out)
{
	struct value_range *items = arena_array(arena, count, sizeof(*items));
	unsigned int *lines = arena_array(arena, count, sizeof(*lines));
	enum value_mended mended;
	const char *why;

	if (!items || !lines)
		return false;
	for (unsigned int i = 0; i < count; i++)
		if (value_range_from_text(texts[i], &items[i], &mended, &why) < 0)
			return false;
	*out = (struct config_ranges) { .items = items, .lines = lines, .texts = texts, .count = count };
	return true;
}

struct config *closed_config(void)
{
	static const struct value_interface every = { .name = "", .wildcard = true };
	struct arena *arena = arena_new();
	struct config *config = arena ? arena_alloc(arena, sizeof(*config)) : NULL;

	if (!config) {
		arena_free(arena);
		return NULL;
	}
	*config = (struct config) {
		.arena = arena,
		.file = "",
		.interfaces = &every,
		.interface_count = 1,
		.mode = CONFIG_ENFORCE,
		.denied = CONFIG_REJECT,
		.table = "nfqdn",
		.queue_count = 1,
		.control = "/run/nfqdn/control.sock",
		.control_group = "",
		.state = "/var/lib/nfqdn",
		.user = "nfqdn",
		.state_interval = CONFIG_OFF, /* what was learned waits there for a policy that allows it */
		.log_level = LOG_LEVEL_INFO,
		.lifetime = { .grace = 60, .min = 300, .max = 86400 },
		.priority = { -10, -10, -10, 0, 1, -150, -90 },
		.limit_elements = LIMIT_LEARNED_ELEMENTS,
	};
	if (closed_ranges(arena, closed_resolvers, 2, &config->resolvers) &&
	    closed_ranges(arena, closed_local, 6, &config->local))
		return config;
	config_free(config);
	return NULL;
}
