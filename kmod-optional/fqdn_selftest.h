/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NF_FQDN_SELFTEST_H
#define NF_FQDN_SELFTEST_H

/* Tries patterns against a plain matcher, and the parser on made-up responses. NULL, or what is wrong. Not to be called
 * twice at once.
 */
const char *fqdn_selftest(void);

#endif
