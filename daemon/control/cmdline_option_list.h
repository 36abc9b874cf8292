/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one list of nfqdnd's options: its command line, --help, the manual page and the completion come from it.
 * ROW(name, argument or NULL, letter, help); -c, -h and -V are typed as letters, too. */
#ifndef NFQDN_CONTROL_CMDLINE_OPTION_LIST_H
#define NFQDN_CONTROL_CMDLINE_OPTION_LIST_H

/* clang-format off */
#define CMDLINE_OPTION_LIST(ROW) \
	ROW("config", "FILE", 'c', "the configuration file (nfqdn.conf(5)); -: standard input") \
	ROW("check", NULL, 'k', "read configuration and catalog, tell every problem, and end; needs no root") \
	ROW("json", NULL, 'j', "with --check: print the problems as one JSON object") \
	ROW("print-config", NULL, 'p', "print every setting as understood, and end; needs no root") \
	ROW("print-ruleset", NULL, 'r', "print the table in nft's syntax, and end; needs no root") \
	ROW("flush", NULL, 'f', "remove the table, and end; refused while a daemon runs") \
	ROW("boot", "DIR", 'b', "when the configuration is bad, start from the last good one kept in this state folder, " \
	    "else allow DNS and nothing") \
	ROW("ready-fd", "N", 'R', "write a newline to this open descriptor, and close it, when the gateway filters") \
	ROW("log-level", "LEVEL", 'l', "log lines as urgent as error, warning, info or debug, whatever gateway.log-level says") \
	ROW("log-priorities", NULL, 'P', "begin each log line with its priority, <3> to <7>, also when standard error is no " \
	    "stream to the journal") \
	ROW("version", NULL, 'V', "print the version, and end") \
	ROW("help", NULL, 'h', "print this, and end")
/* clang-format on */

#endif
