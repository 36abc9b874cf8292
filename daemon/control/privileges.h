/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who nfqdnd is. Started as root it becomes `gateway.user` with CAP_NET_ADMIN alone (nfnetlink asks for it with every
 * message, so there is no opening first and dropping all later); started as somebody else it stays that one and must
 * have been given the capability. Each stage tells in the log what it was when it fails. */
#ifndef NFQDN_CONTROL_PRIVILEGES_H
#define NFQDN_CONTROL_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "policy/config.h"

struct privileges {
	uid_t uid;
	gid_t gid;
	bool change; /* we are root, and are to become this user */
	char name[64]; /* for people: "nfqdn", "65534" */
};

/* Finds the user by the name or number in `user` ("": the caller). 0; -ENOENT: there is none; -EPERM: the caller is
 * somebody else, and not root. Told in the log. */
int privileges_find(const char *user, struct privileges *out);
/* The owner of `folder` unless that is root: whoever wrote what is there shall not come by more through it. Else as
 * privileges_find(). */
int privileges_find_owner(const char *folder, const char *user, struct privileges *out);
/* The group by the name or number in `group`. 0; -ENOENT, told in the log. */
int privileges_find_group(const char *group, gid_t *out);
/* Makes the folders for state and control socket where they are missing, for that user. Those that exist are left as
 * they are. 0 or -errno. */
int privileges_make_folders(const struct privileges *privileges, const struct config *config);
/* While `on`, what is made belongs to that user's group (the control socket: root and the group may use it). 0 or
 * -errno. */
int privileges_group(const struct privileges *privileges, bool on);
/* Becomes that user with CAP_NET_ADMIN effective and permitted and nothing else, an empty bounding set (where the
 * caller may empty it), no_new_privs, not dumpable, no core files. To be called while there is one thread. 0 or -errno,
 * and then nfqdnd must not go on. */
int privileges_drop(const struct privileges *privileges);

#endif
