/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one list of nfqdn-replay's options: its command line, --help, the manual page and the completion come from it.
 * ROW(name, argument or NULL, letter, help); -c, -h and -V are typed as letters, too. */
#ifndef NFQDN_CONTROL_REPLAY_OPTION_LIST_H
#define NFQDN_CONTROL_REPLAY_OPTION_LIST_H

/* clang-format off */
#define REPLAY_OPTION_LIST(ROW) \
	ROW("config", "FILE", 'c', "the configuration file (nfqdn.conf(5))") \
	ROW("json", NULL, 'j', "print JSON, one object a line, instead of text") \
	ROW("all", NULL, 'a', "tell every answer, also those that no entry allows") \
	ROW("summary", NULL, 's', "tell the summary alone") \
	ROW("clients", "LIST", 'l', "who is a client: addresses, prefixes and ranges with commas between them (else gateway.clients and " \
	    "the clients of entries; else whoever is in gateway.local and no resolver)") \
	ROW("resolvers", "LIST", 'r', "believe these, too: addresses, prefixes and ranges with commas between them, or any") \
	ROW("own", "LIST", 'o', "the gateway's own addresses, refused as answers, and believed where the configuration trusts its own resolver") \
	ROW("verify", "HOW", 'v', "flow or query, whatever gateway.verify says: query believes only answers to queries that the capture holds") \
	ROW("speed", "FACTOR", 'x', "let time pass as it was recorded: 1, or so many times faster (as fast as possible)") \
	ROW("version", NULL, 'V', "print the version, and end") \
	ROW("help", NULL, 'h', "print this, and end")
/* clang-format on */

#endif
