/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading netlink attributes without trust in their lengths: each getter says false when the attribute is absent or too
 * short. */
#ifndef NFQDN_NETFILTER_NFATTR_H
#define NFQDN_NETFILTER_NFATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlattr;
struct nlmsghdr;

/* The attributes of a message behind its nfgenmsg, or of a nest (NULL has none), one after the other; NULL after the
 * last. */
const struct nlattr *nfattr_first(const struct nlmsghdr *message);
const struct nlattr *nfattr_next(const struct nlmsghdr *message, const struct nlattr *attribute);
const struct nlattr *nfattr_first_in(const struct nlattr *nest);
const struct nlattr *nfattr_next_in(const struct nlattr *nest, const struct nlattr *attribute);
/* Fills `table` (of `count` pointers, index = type) with the attributes of a message after its nfgenmsg, or of a nest.
 * Types that are not below `count` are passed over. */
void nfattr_parse(const struct nlmsghdr *message, const struct nlattr *table[], size_t count);
/* The same for a message of another kind, whose own header has `header` octets. */
void nfattr_parse_after(const struct nlmsghdr *message, size_t header, const struct nlattr *table[], size_t count);
bool nfattr_parse_nest(const struct nlattr *nest, const struct nlattr *table[], size_t count);
/* Host order from network order. */
bool nfattr_u32(const struct nlattr *attribute, uint32_t *out);
bool nfattr_u64(const struct nlattr *attribute, uint64_t *out);
/* The payload, whatever its length. */
bool nfattr_bytes(const struct nlattr *attribute, const uint8_t **out, size_t *length);
/* A text with its final NUL inside the attribute. */
bool nfattr_string(const struct nlattr *attribute, const char **out);
/* The value of NFTA_DATA_VALUE inside a nest, as set keys have it. */
bool nfattr_data(const struct nlattr *nest, const uint8_t **out, size_t *length);
/* The text of a comment inside nft's userdata (one octet type, one octet length, value); every object has type 0 for
 * it. */
bool nfattr_comment(const uint8_t *userdata, size_t length, const char **out);
/* The extended ACK's offset of the attribute that was refused, in the request; 0 when the kernel told none. */
uint32_t nfattr_error_offset(const struct nlmsghdr *message);
/* The error of an NLMSG_ERROR: 0 or -errno; -EPROTO when it is cut short or none. */
int nfattr_error(const struct nlmsghdr *message);

#endif
