// SPDX-License-Identifier: GPL-2.0-or-later
/* nf_fqdn: decides inside the kernel which DNS responses nfqdnd needs to see.
 *
 *   fqdn_match     the xtables match in front of the queue rule; runs on every response
 *   fqdn_judge     what it asks: fqdn_parse (question, digest), fqdn_pattern (the policy's names), fqdn_cache (derived
 *                  names, known answers)
 *   fqdn_instance  tables under RCU, by namespace and name
 *   fqdn_genl      how nfqdnd loads them
 *
 * It holds no traffic back and changes no packet: it can only say that a response need not be queued.
 */
#include "fqdn_instance.h"

#include <linux/module.h>
#include <net/genetlink.h>

#include "fqdn_selftest.h"

static bool selftest = true;
module_param(selftest, bool, 0444);
MODULE_PARM_DESC(selftest, "try the parser and the patterns against plain ones before anything else (20 ms)");

static int __init fqdn_init(void)
{
	const char *wrong = selftest ? fqdn_selftest() : NULL;
	int error;

	if (wrong) {
		pr_err("nf_fqdn: selftest: %s; not loaded\n", wrong);
		return -EINVAL;
	}
	error = fqdn_instance_init();
	if (error)
		return error;
	error = fqdn_match_init();
	if (error)
		goto no_match;
	error = fqdn_genl_init();
	if (error)
		goto no_genl;
	return 0;
no_genl:
	fqdn_match_exit();
no_match:
	fqdn_instance_exit();
	return error;
}

/* Rules hold the module: none is left. Readers of tables went with them. */
static void __exit fqdn_exit(void)
{
	fqdn_genl_exit();
	fqdn_match_exit();
	fqdn_instance_exit();
}

module_init(fqdn_init);
module_exit(fqdn_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("DNS responses that nfqdnd need not see");
MODULE_ALIAS("xt_fqdn");
MODULE_ALIAS("ipt_fqdn");
MODULE_ALIAS("ip6t_fqdn");
MODULE_ALIAS_GENL_FAMILY(NF_FQDN_FAMILY);
