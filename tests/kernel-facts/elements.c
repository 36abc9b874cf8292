/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements with timeouts (KERNEL 1.1, 1.2, 1.3): what element.c does follows from these. */
#include "fact.h"

#define SET "table inet f {\n set s {\n type ipv4_addr\n flags timeout\n }\n}\n"
#define LIST "nft list set inet f s"

static void fresh(void)
{
	shell("nft flush ruleset");
	nft(SET);
}

/* Milliseconds that the only element has left, or -1. */
static long left(void)
{
	FILE *pipe = popen(LIST " | sed -n 's/.*expires //p' | tr -d ' }'", "r");
	char text[64] = "", *at = text, *unit;
	long sum = 0;

	if (!pipe || !fgets(text, sizeof(text), pipe)) {
		if (pipe)
			pclose(pipe);
		return -1;
	}
	pclose(pipe);
	while (*at >= '0' && *at <= '9') {
		long value = strtol(at, &unit, 10);

		sum += strncmp(unit, "ms", 2) == 0 ? value
		       : *unit == 's'              ? value * 1000
		       : *unit == 'm'              ? value * 60000
						   : value * 3600000;
		at = unit + (strncmp(unit, "ms", 2) == 0 ? 2 : 1);
	}
	return sum;
}

static void adding_again(void)
{
	const long half = 30 * 60000L, whole = 2 * half;
	bool updates;

	fresh();
	nft("add element inet f s { 192.0.2.1 timeout 30s }");
	nft("add element inet f s { 192.0.2.1 timeout 10m expires 10m }");
	updates = left() > 60000;
	fact(true, "this kernel %s an element's timeout when it is added again (Linux 6.12)",
	     updates ? "updates" : "does not update");

	fresh();
	nft("add element inet f s { 192.0.2.1 timeout 1h expires 30m }");
	fact(nft("add element inet f s { 192.0.2.1 timeout 1h }") && left() > 0 && left() <= half,
	     "an add with the timeout that the element has is accepted and does not refresh it");
	fact(nft("add element inet f s { 192.0.2.1 timeout 1h expires 1h }") && (left() > half) == updates,
	     "the same with an expiration %s", updates ? "does" : "neither");
	fact(nft("add element inet f s { 192.0.2.1 timeout 5h }") && (left() > whole) == updates, "another timeout %s",
	     updates ? "replaces the one it had" : "changes nothing");
	fact(!nft("create element inet f s { 192.0.2.1 timeout 30s }"), "with NLM_F_EXCL it is an error");
}

static void deleting(void)
{
	fresh();
	fact(!nft("add element inet f s { 192.0.2.2 timeout 1m }\ndelete element inet f s { 192.0.2.1 }\n") &&
		     !shows(LIST, "192.0.2.2"),
	     "a delete that misses fails the whole transaction");
	fact(nft("add element inet f s { 192.0.2.1 }\ndelete element inet f s { 192.0.2.1 }\nadd element inet f s { "
		 "192.0.2.1 timeout 1m }\n") &&
		     left() > 50000,
	     "add, delete, add works on a missing element");
	fact(nft("add element inet f s { 192.0.2.1 }\ndelete element inet f s { 192.0.2.1 }\nadd element inet f s { "
		 "192.0.2.1 timeout 5m }\n") &&
		     left() > 290000,
	     "and replaces one that is there");
	nft("add element inet f s { 192.0.2.3 timeout 50ms }");
	usleep(80000);
	fact(!shows(LIST, "192.0.2.3") && !nft("delete element inet f s { 192.0.2.3 }"),
	     "an expired element is neither seen nor deleted");
	fact(nft("add element inet f s { 192.0.2.3 }\ndelete element inet f s { 192.0.2.3 }\nadd element inet f s { "
		 "192.0.2.3 timeout 1m }\n"),
	     "but comes back by add, delete, add");
	fact(nft("add element inet f s { 192.0.2.4 timeout 1m comment \"first\" }") &&
		     nft("add element inet f s { 192.0.2.4 timeout 2m comment \"second\" }") && shows(LIST, "first") &&
		     !shows(LIST, "second"),
	     "a comment is written once");
}

static void size(void)
{
	shell("nft flush ruleset");
	nft("table inet f {\n set s {\n type ipv4_addr\n flags timeout\n size 2\n gc-interval 10m\n }\n}\n");
	nft("add element inet f s { 192.0.2.1 timeout 1m, 192.0.2.2 timeout 1m }");
	fact(!nft("add element inet f s { 192.0.2.3 timeout 1m }"), "a full set refuses a new element");
	fact(!nft("add element inet f s { 192.0.2.3 timeout 1m }\ndelete element inet f s { 192.0.2.1 }\n"),
	     "a delete after the add makes no room");
	fact(nft("delete element inet f s { 192.0.2.1 }\nadd element inet f s { 192.0.2.3 timeout 50ms }\n"),
	     "a delete before it does");
	usleep(80000);
	fact(!shows(LIST, "192.0.2.3") && !nft("add element inet f s { 192.0.2.4 timeout 1m }"),
	     "an expired element counts until the kernel collects it");
}

int main(void)
{
	facts_begin();
	adding_again();
	deleting();
	size();
	return facts_end();
}
