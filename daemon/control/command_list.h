/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one list of commands. The server's functions (commands.c), nfqdnctl's argument readers and printers
 * (nfqdnctl_commands.c), help, usage and manual all come from it; the linker finds a row without its functions. */
#ifndef NFQDN_CONTROL_COMMAND_LIST_H
#define NFQDN_CONTROL_COMMAND_LIST_H

/* REMOTE rows are answered by nfqdnd, LOCAL rows by nfqdnctl alone: (name, arguments, help). */
#define COMMAND_LIST(REMOTE, LOCAL)                                                                                    \
	REMOTE(status, "", "tell what is enforced, since when, and every counter")                                     \
	REMOTE(policy, "",                                                                                             \
	       "list the entries: services, rows, names, address ranges, ports, and what to be careful about")         \
	REMOTE(learned, "[NAME|ADDR | export | import FILE]",                                                          \
	       "list learned addresses, those that NAME brought or those of ADDR; print or take over what a standby "  \
	       "gateway needs (FILE -: standard input)")                                                               \
	REMOTE(why, "ADDR [PROTO/PORT] [from CLIENT]", "tell whether a connection to ADDR is allowed, and by what")    \
	REMOTE(explain, "NAME", "tell whether a DNS name is allowed, and by which patterns")                           \
	REMOTE(denied, "", "list what was denied of late, with the names behind the addresses, and why")               \
	REMOTE(suggest, "",                                                                                            \
	       "turn what was denied, or would be in audit, into entries for `allow`, the catalog's first")            \
	REMOTE(watch, "",                                                                                              \
	       "tell what happens while it happens: learned, refreshed, expired, denied, reloaded and more")           \
	REMOTE(record, "FILE",                                                                                         \
	       "write the answers that are judged into FILE (pcapng; -: standard output), each with what became of "   \
	       "it, until a bound or SIGINT ends it")                                                                  \
	REMOTE(doctor, "",                                                                                             \
	       "look for what is or may be wrong, and tell how to mend it; says so, too, when no daemon runs")         \
	REMOTE(wait, "ready | learned NAME | generation N", "wait until it is so (--timeout SECONDS, else 30)")        \
	REMOTE(reload, "[FILE]",                                                                                       \
	       "read configuration and catalog again; refused as a whole when anything is wrong; a daemon that was "   \
	       "started with -c - is given FILE, or - for standard input")                                             \
	REMOTE(metrics, "", "tell every counter, size and age as Prometheus reads them")                               \
	REMOTE(confirm, "", "keep what `reload --confirm` put in force; without it in time the policy before returns") \
	LOCAL(catalog,                                                                                                 \
	      "[list | show SERVICE[/FEATURE[/ID]] | import m365|service-tags FILE | diff [m365|service-tags] FILE]",  \
	      "list or show what the catalog knows; make catalog files of vendors' lists, or tell what would change; " \
	      "needs no daemon (--catalog DIR)")

#endif
