/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/lastgood_keeper.h"

#include <string.h>

#include "base/log.h"

#define LASTGOOD_KEEPER_MS 20 /* between two looks at the writer */

static void tell(const struct policy *policy, int error)
{
	if (error < 0)
		log_warning("cannot keep the policy in %s: %s; after a reboot with a bad configuration it could not "
			    "stand in",
			    policy->config->state, strerror(-error));
}

void lastgood_keeper_begin(struct lastgood_keeper *keeper, const struct policy *policy)
{
	keeper->again = keeper->writing != NULL;
	if (!keeper->writing)
		tell(policy, lastgood_begin(policy, &keeper->writing));
}

int lastgood_keeper_tick(struct lastgood_keeper *keeper, const struct policy *policy, bool wait)
{
	while (keeper->writing && (wait || lastgood_done(keeper->writing))) {
		int error = lastgood_end(keeper->writing);

		keeper->writing = NULL;
		tell(policy, error);
		if (keeper->again)
			lastgood_keeper_begin(keeper, policy);
	}
	return keeper->writing ? LASTGOOD_KEEPER_MS : -1;
}
