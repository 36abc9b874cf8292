/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one list of nfqdnctl's options. Its command line, --help, the manual page and the completion come from it.
 * ROW(name, argument or NULL, letter, the only commands it is for or NULL, place, help): MEMBER(x) is a text or a flag of
 * struct nfqdnctl_options, and 0 what take_option() knows. Only letters of NFQDNCTL_OPTION_LETTERS are typed, too. */
#ifndef NFQDN_CONTROL_NFQDNCTL_OPTION_LIST_H
#define NFQDN_CONTROL_NFQDNCTL_OPTION_LIST_H

#include <stdbool.h>
#include <string.h>

#include "control/nfqdnctl.h"
#include "control/protocol.h"

/* Is `command` one of the words in `list`? */
static inline bool nfqdnctl_option_is_for(const char *list, const char *command)
{
	size_t length = strlen(command);

	for (const char *at = list; (at = strstr(at, command)) != NULL; at += length)
		if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

#define NFQDNCTL_OPTION_LETTERS "shV"
#define NFQDNCTL_OPTION_MEMBER(x) offsetof(struct nfqdnctl_options, x)
/* The row of it (control/arguments.h). */
#define NFQDNCTL_OPTION_ROW(name, argument, letter, command, place, help)                                              \
	{ name, argument, letter, help, command, place },

/* clang-format off */
#define NFQDNCTL_OPTION_LIST(ROW) \
	ROW("socket", "PATH", 's', NULL, 0, "the daemon's control socket (NFQDN_SOCKET, else " CONTROL_DEFAULT_SOCKET ")") \
	ROW("json", NULL, 'j', NULL, 0, "print JSON instead of text") \
	ROW("timeout", "SECONDS", 't', "wait watch", 0, "wait this long at most (30; watch: for ever); 0 looks once") \
	ROW("catalog", "DIR", 'd', "catalog", 0, "a folder of the catalog, later ones override earlier ones (NFQDN_CATALOG)") \
	ROW("select", "LIST", 'S', "catalog", NFQDNCTL_OPTION_MEMBER(select), \
	    "import, diff: service areas, ids, categories, required; or a ready-made one") \
	ROW("tags", "LIST", 'T', "catalog", NFQDNCTL_OPTION_MEMBER(tags), "import, diff: service tags, * for every one") \
	ROW("regions", "LIST", 'R', "catalog", NFQDNCTL_OPTION_MEMBER(regions), \
	    "import, diff: regions of the tags, as Azure or the catalog names them") \
	ROW("direction", "WAY", 'D', "catalog", NFQDNCTL_OPTION_MEMBER(direction), \
	    "import, diff: inbound (they call you) or outbound") \
	ROW("ports", "LIST", 'P', "catalog", NFQDNCTL_OPTION_MEMBER(ports), "import, diff: ports of outbound tags (tcp/443)") \
	ROW("to", "DIR", 'O', "catalog", NFQDNCTL_OPTION_MEMBER(to), \
	    "import, diff: the folder of imported lists (" NFQDNCTL_OVERLAY ")") \
	ROW("name", "WORD", 'N', "catalog", NFQDNCTL_OPTION_MEMBER(name), \
	    "import, diff: the service and file that a selection of your own becomes") \
	ROW("instance", "NAME", 'I', "catalog", NFQDNCTL_OPTION_MEMBER(instance), \
	    "import, diff: Worldwide, USGovDoD, USGovGCCHigh, China") \
	ROW("list-version", "NUMBER", 'L', "catalog", NFQDNCTL_OPTION_MEMBER(list_version), \
	    "import, diff: the list's version where it does not say it") \
	ROW("as-of", "DATE", 'A', "catalog", NFQDNCTL_OPTION_MEMBER(as_of), \
	    "import, diff: the list's date (of its version, its name, its last change)") \
	ROW("strict", NULL, 'C', "catalog", NFQDNCTL_OPTION_MEMBER(strict), "import, diff: refuse the list for a bad entry") \
	ROW("force", NULL, 'F', "catalog", NFQDNCTL_OPTION_MEMBER(force), "import: also what is older or loses more than half") \
	ROW("follow", NULL, 'f', "denied", NFQDNCTL_OPTION_MEMBER(follow), "go on with what is denied from now on") \
	ROW("since", "TIME|SEQ", 'Z', "denied watch", NFQDNCTL_OPTION_MEMBER(since), \
	    "denied: only what was denied so long ago or later (90 seconds, 15m, 2h, 1d); watch: go on behind the event with this number " \
	    "(0: the oldest that is remembered)") \
	ROW("count", "N", 'K', "watch record", NFQDNCTL_OPTION_MEMBER(count), "end after so many events or packets") \
	ROW("seconds", "N", 'e', "record", NFQDNCTL_OPTION_MEMBER(seconds), "end after this time") \
	ROW("size", "OCTETS", 'z', "record", NFQDNCTL_OPTION_MEMBER(size), "end when the file has so many") \
	ROW("kind", "LIST", 'k', "watch", NFQDNCTL_OPTION_MEMBER(kind), "only events of these kinds, such as learned,denied") \
	ROW("summary", NULL, 'Y', "denied", NFQDNCTL_OPTION_MEMBER(summary), \
	    "one row for each name and port, the commonest first") \
	ROW("dry-run", NULL, 'n', "reload", NFQDNCTL_OPTION_MEMBER(dry_run), "tell what would change, and apply nothing") \
	ROW("textfile", "PATH", 'x', "metrics", NFQDNCTL_OPTION_MEMBER(textfile), \
	    "write them to PATH (*.prom, for node_exporter), put in place at once") \
	ROW("confirm", "SECONDS", 'c', "reload", NFQDNCTL_OPTION_MEMBER(confirm), \
	    "go back by itself after this time (1 to 86400) unless `confirm` comes") \
	ROW("undo", NULL, 'u', "confirm", NFQDNCTL_OPTION_MEMBER(undo), "go back now") \
	ROW("version", NULL, 'V', NULL, 0, "print the version, and end") \
	ROW("help", NULL, 'h', NULL, 0, "print this, and end")
/* clang-format on */

#endif
