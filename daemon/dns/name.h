/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain name in uncompressed wire form (RFC 1035 3.1), lower-cased (RFC 4343). */
#ifndef NFQDN_DNS_NAME_H
#define NFQDN_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX 255 /* octets with the root label, RFC 1035 2.3.4 */
#define DNS_LABEL_MAX 63
#define DNS_LABELS_MAX 127
/* Text of the longest name: every octet escaped as \DDD, dots, NUL. */
#define DNS_NAME_TEXT_SIZE (4 * DNS_NAME_MAX + 1)

struct dns_name {
	uint8_t length; /* octets used, 1 (the root) .. 255 */
	uint8_t octets[DNS_NAME_MAX];
};

/* Reads presentation form: labels separated by dots, an optional final dot, \DDD and \X escapes (RFC 1035 5.1), any
 * case. 0; -EINVAL for an empty label, a bad escape or "" ("." is the root); -ENAMETOOLONG over 63 octets a label or
 * 255 in all. */
int dns_name_from_text(const char *text, struct dns_name *out);
/* Writes presentation form, lower case, without the final dot ("." for the root). What is not a printable
 * host-name-like character (RFC 1035 5.1: dots in labels, quotes, backslash, control, space, '#', 8-bit) is escaped
 * as \DDD. Returns `out`. */
const char *dns_name_to_text(const struct dns_name *name, char out[DNS_NAME_TEXT_SIZE]);
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/* Number of labels without the root, and the offset of each label's length octet in `octets`, leftmost first. */
unsigned int dns_name_labels(const struct dns_name *name, uint8_t offsets[DNS_LABELS_MAX]);

#endif
