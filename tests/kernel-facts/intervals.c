/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interval sets, and how they are exchanged (KERNEL 0b): why policies are cut into disjoint boxes and the static sets
 * have two sides. */
#include "fact.h"

static bool add(const char *first, const char *second)
{
	shell("nft flush ruleset");
	nft("table inet f {\n set s {\n type ipv4_addr . inet_proto . inet_service\n flags interval\n }\n}\n");
	return shell("nft add element inet f s '{ %s }'", first) && shell("nft add element inet f s '{ %s }'", second);
}

int main(void)
{
	facts_begin();
	fact(!add("10.0.0.0/8 . tcp . 443", "10.1.0.0/16 . tcp . 443"), "a box inside of one that is there is refused");
	fact(add("10.1.0.0/16 . tcp . 443", "10.0.0.0/8 . tcp . 443"), "the other way round both are taken");
	fact(add("10.0.0.0/8 . tcp . 443", "10.1.0.0/16 . tcp . 80-442"), "disjoint boxes are taken in any order");

	shell("nft flush ruleset");
	nft("table inet f {\n set s_a {\n type ipv4_addr\n flags interval\n elements = { 192.0.2.0/24 }\n }\n"
	    " set s_b {\n type ipv4_addr\n flags interval\n elements = { 198.51.100.0/24 }\n }\n chain c {\n ip daddr "
	    "@s_a accept\n }\n}\n");
	fact(!nft("delete set inet f s_a"), "a set that a rule names cannot be deleted");
	fact(nft("flush chain inet f c\nadd rule inet f c ip daddr @s_b accept\ndelete set inet f s_a\n") &&
		     shows("nft list table inet f", "@s_b") && !shows("nft list table inet f", "s_a"),
	     "rules are exchanged and the old set is deleted in one transaction");
	fact(nft("flush chain inet f c\ndelete set inet f s_b\nadd set inet f s_b { type ipv4_addr; flags interval; "
		 "}\nadd rule inet f c ip daddr @s_b drop\n"),
	     "a set is deleted and made anew under its name in one transaction");
	fact(nft("add counter inet f n\nadd rule inet f c counter name n\n") && nft("add counter inet f n") &&
		     nft("flush chain inet f c"),
	     "a named counter that is there can be added again");
	return facts_end();
}
