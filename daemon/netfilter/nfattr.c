/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/nfattr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

static const struct nlattr *nfattr_checked(const struct nlattr *attribute, const char *end)
{
	return mnl_attr_ok(attribute, (int)(end - (const char *)attribute)) ? attribute : NULL;
}

const struct nlattr *nfattr_first(const struct nlmsghdr *message)
{
	return nfattr_checked(mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg)),
			      mnl_nlmsg_get_payload_tail(message));
}

const struct nlattr *nfattr_next(const struct nlmsghdr *message, const struct nlattr *attribute)
{
	return nfattr_checked(mnl_attr_next(attribute), mnl_nlmsg_get_payload_tail(message));
}

static const char *nfattr_end(const struct nlattr *nest)
{
	return (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest);
}

const struct nlattr *nfattr_first_in(const struct nlattr *nest)
{
	return nest ? nfattr_checked(mnl_attr_get_payload(nest), nfattr_end(nest)) : NULL;
}

const struct nlattr *nfattr_next_in(const struct nlattr *nest, const struct nlattr *attribute)
{
	return nfattr_checked(mnl_attr_next(attribute), nfattr_end(nest));
}

static void nfattr_clear(const struct nlattr *table[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		table[i] = NULL;
}

void nfattr_parse_after(const struct nlmsghdr *message, size_t header, const struct nlattr *table[], size_t count)
{
	const struct nlattr *one =
		nfattr_checked(mnl_nlmsg_get_payload_offset(message, header), mnl_nlmsg_get_payload_tail(message));

	nfattr_clear(table, count);
	for (; one; one = nfattr_next(message, one))
		if (mnl_attr_get_type(one) < count)
			table[mnl_attr_get_type(one)] = one;
}

void nfattr_parse(const struct nlmsghdr *message, const struct nlattr *table[], size_t count)
{
	nfattr_parse_after(message, sizeof(struct nfgenmsg), table, count);
}

bool nfattr_parse_nest(const struct nlattr *nest, const struct nlattr *table[], size_t count)
{
	nfattr_clear(table, count);
	for (const struct nlattr *one = nfattr_first_in(nest); one; one = nfattr_next_in(nest, one))
		if (mnl_attr_get_type(one) < count)
			table[mnl_attr_get_type(one)] = one;
	return nest != NULL;
}

bool nfattr_bytes(const struct nlattr *attribute, const uint8_t **out, size_t *length)
{
	if (!attribute)
		return false;
	*out = mnl_attr_get_payload(attribute);
	*length = mnl_attr_get_payload_len(attribute);
	return true;
}

bool nfattr_u32(const struct nlattr *attribute, uint32_t *out)
{
	uint32_t value;

	if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(value))
		return false;
	memcpy(&value, mnl_attr_get_payload(attribute), sizeof(value));
	*out = ntohl(value);
	return true;
}

bool nfattr_u64(const struct nlattr *attribute, uint64_t *out)
{
	uint64_t value;

	if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(value))
		return false;
	memcpy(&value, mnl_attr_get_payload(attribute), sizeof(value));
	*out = be64toh(value);
	return true;
}

bool nfattr_string(const struct nlattr *attribute, const char **out)
{
	const uint8_t *bytes;
	size_t length;

	if (!nfattr_bytes(attribute, &bytes, &length) || !memchr(bytes, '\0', length))
		return false;
	*out = (const char *)bytes;
	return true;
}

bool nfattr_data(const struct nlattr *nest, const uint8_t **out, size_t *length)
{
	const struct nlattr *data[NFTA_DATA_MAX + 1];

	return nfattr_parse_nest(nest, data, NFTA_DATA_MAX + 1) && nfattr_bytes(data[NFTA_DATA_VALUE], out, length);
}

bool nfattr_comment(const uint8_t *userdata, size_t length, const char **out)
{
	while (length >= 2 && length - 2 >= userdata[1]) {
		size_t size = 2u + userdata[1];

		if (userdata[0] == 0 && userdata[1] > 0 && userdata[size - 1] == '\0') {
			*out = (const char *)userdata + 2;
			return true;
		}
		userdata += size;
		length -= size;
	}
	return false;
}

int nfattr_error(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	return mnl_nlmsg_get_payload_len(message) < sizeof(*error) || error->error > 0 ? -EPROTO : error->error;
}

uint32_t nfattr_error_offset(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
	const char *end = mnl_nlmsg_get_payload_tail(message);
	size_t skip = sizeof(*error);
	const struct nlattr *one;
	uint32_t offset = 0;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error) || !(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	/* Without NLM_F_CAPPED the whole refused message comes first. */
	if (!(message->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - MNL_NLMSG_HDRLEN;
	if (error->msg.nlmsg_len < MNL_NLMSG_HDRLEN || skip > mnl_nlmsg_get_payload_len(message))
		return 0;
	for (one = nfattr_checked(mnl_nlmsg_get_payload_offset(message, skip), end); one;
	     one = nfattr_checked(mnl_attr_next(one), end))
		if (mnl_attr_get_type(one) == NLMSGERR_ATTR_OFFS && mnl_attr_get_payload_len(one) >= sizeof(offset))
			memcpy(&offset, mnl_attr_get_payload(one), sizeof(offset));
	return offset;
}
