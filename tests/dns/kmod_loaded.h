/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages given to the module that is loaded (NF_FQDN_TRY), in batches, each with a table of its own. What is wrong goes
 * to `tell`. Ends the program when the module does not do as it is told. */
#ifndef NFQDN_KMOD_LOADED_H
#define NFQDN_KMOD_LOADED_H

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kmod-optional/fqdn_judge.h"
#include "kmod-optional/nf_fqdn.h"

#define LOADED_MESSAGES 512
#define LOADED_OCTETS 60000
#define LOADED_INSTANCE "kmod_diff"
/* Answers with a smaller TTL are known, those with a larger one are not; of those between nothing is demanded. */
#define LOADED_TTL (1u << 20)
#define LOADED_TTL_NEAR 3600u

struct loaded_expected {
	const uint8_t *message;
	uint16_t length;
	uint8_t verdict;
	bool open; /* either verdict will do */
};

struct loaded {
	int fd;
	uint16_t family;
	uint32_t sequence;
	const struct fqdn_key *key;
	const char *const *patterns;
	size_t pattern_count;
	void (*tell)(const char *what, const uint8_t *message, size_t length);
	unsigned long judged, batches, verdicts[FQDN_VERDICTS];
	struct loaded_expected expected[LOADED_MESSAGES];
	struct nf_fqdn_entry names[LOADED_MESSAGES], known[LOADED_MESSAGES];
	size_t count, used, name_count, known_count;
	uint8_t messages[LOADED_OCTETS];
	struct {
		struct nlmsghdr header;
		struct genlmsghdr generic;
		uint8_t octets[LOADED_OCTETS + 4096];
	} request;
	uint8_t reply[LOADED_MESSAGES + 4096];
};

static inline void loaded_fail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline void loaded_begin(struct loaded *loaded, uint16_t family, uint8_t command)
{
	loaded->request.header = (struct nlmsghdr) { .nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
						     .nlmsg_type = family,
						     .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
						     .nlmsg_seq = ++loaded->sequence };
	loaded->request.generic = (struct genlmsghdr) { .cmd = command, .version = 1 };
}

static inline void loaded_put(struct loaded *loaded, uint16_t type, const void *data, size_t length)
{
	struct nlattr attribute = { (uint16_t)(NLA_HDRLEN + length), type };
	uint8_t *at = (uint8_t *)&loaded->request + NLMSG_ALIGN(loaded->request.header.nlmsg_len);

	memcpy(at, &attribute, sizeof(attribute));
	memcpy(at + NLA_HDRLEN, data, length);
	loaded->request.header.nlmsg_len += (uint32_t)NLA_ALIGN(NLA_HDRLEN + length);
}

static inline void loaded_put_u32(struct loaded *loaded, uint16_t type, uint32_t value)
{
	loaded_put(loaded, type, &value, sizeof(value));
}

/* Sends, and waits for the acknowledgement. Returns the value of attribute `want`, or NULL. */
static inline const uint8_t *loaded_ask(struct loaded *loaded, uint16_t want, size_t *length)
{
	static uint8_t kept[sizeof(loaded->reply)];
	const uint8_t *value = NULL;

	if (send(loaded->fd, &loaded->request, loaded->request.header.nlmsg_len, 0) < 0)
		loaded_fail("sending to the module");
	for (;;) {
		ssize_t size = recv(loaded->fd, loaded->reply, sizeof(loaded->reply), 0);
		const struct nlmsghdr *header = (const struct nlmsghdr *)loaded->reply;

		if (size <= 0)
			loaded_fail("the module's answer");
		for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
			const uint8_t *at = (const uint8_t *)NLMSG_DATA(header) + GENL_HDRLEN;
			const uint8_t *end = (const uint8_t *)header + header->nlmsg_len;

			if (header->nlmsg_type == NLMSG_ERROR) {
				errno = -((const struct nlmsgerr *)NLMSG_DATA(header))->error;
				if (errno)
					loaded_fail("the module refuses");
				return value;
			}
			for (struct nlattr a; at + NLA_HDRLEN <= end; at += NLA_ALIGN(a.nla_len)) {
				memcpy(&a, at, sizeof(a));
				if (a.nla_len < NLA_HDRLEN)
					break;
				if ((a.nla_type & NLA_TYPE_MASK) != want)
					continue;
				*length = a.nla_len - NLA_HDRLEN;
				memcpy(kept, at + NLA_HDRLEN, *length);
				value = kept;
			}
		}
	}
}

static inline void loaded_command(struct loaded *loaded, uint8_t command)
{
	loaded_begin(loaded, loaded->family, command);
	loaded_put(loaded, NF_FQDN_A_INSTANCE, LOADED_INSTANCE, sizeof(LOADED_INSTANCE));
}

static inline void loaded_open(struct loaded *loaded)
{
	struct timeval patience = { .tv_sec = 60 };
	const uint8_t *id;
	size_t length;

	loaded->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (loaded->fd < 0)
		loaded_fail("netlink");
	setsockopt(loaded->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	loaded_begin(loaded, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	loaded_put(loaded, CTRL_ATTR_FAMILY_NAME, NF_FQDN_FAMILY, sizeof(NF_FQDN_FAMILY));
	id = loaded_ask(loaded, CTRL_ATTR_FAMILY_ID, &length);
	if (!id || length != sizeof(loaded->family))
		loaded_fail("the module's family");
	memcpy(&loaded->family, id, sizeof(loaded->family));
}

static inline void loaded_fill(struct loaded *loaded)
{
	char patterns[1024];
	size_t used = 0;

	loaded_command(loaded, NF_FQDN_BEGIN);
	loaded_put(loaded, NF_FQDN_A_KEY, loaded->key, sizeof(*loaded->key));
	loaded_put_u32(loaded, NF_FQDN_A_NODES, 256);
	loaded_put_u32(loaded, NF_FQDN_A_NAME_BUCKETS, 1024);
	loaded_put_u32(loaded, NF_FQDN_A_KNOWN_BUCKETS, 1024);
	loaded_ask(loaded, 0, NULL);
	for (size_t i = 0; i < loaded->pattern_count; i++) {
		memcpy(patterns + used, loaded->patterns[i], strlen(loaded->patterns[i]) + 1);
		used += strlen(loaded->patterns[i]) + 1;
	}
	loaded_command(loaded, NF_FQDN_ADD);
	loaded_put(loaded, NF_FQDN_A_PATTERNS, patterns, used);
	if (loaded->name_count)
		loaded_put(loaded, NF_FQDN_A_NAMES, loaded->names, loaded->name_count * sizeof(loaded->names[0]));
	loaded_ask(loaded, 0, NULL);
	loaded_command(loaded, NF_FQDN_COMMIT);
	loaded_ask(loaded, 0, NULL);
	if (!loaded->known_count)
		return;
	loaded_command(loaded, NF_FQDN_KNOWN);
	loaded_put(loaded, NF_FQDN_A_KNOWN, loaded->known, loaded->known_count * sizeof(loaded->known[0]));
	loaded_ask(loaded, 0, NULL);
}

/* Gives away what has come together. */
static inline void loaded_flush(struct loaded *loaded)
{
	const uint8_t *verdicts;
	size_t length = 0;

	if (loaded->count == 0)
		return;
	loaded_fill(loaded);
	loaded_command(loaded, NF_FQDN_TRY);
	loaded_put(loaded, NF_FQDN_A_MESSAGES, loaded->messages, loaded->used);
	verdicts = loaded_ask(loaded, NF_FQDN_A_VERDICTS, &length);
	if (!verdicts || length != loaded->count) {
		errno = EPROTO;
		loaded_fail("the module's verdicts");
	}
	for (size_t i = 0; i < length; i++) {
		const struct loaded_expected *one = &loaded->expected[i];

		if (verdicts[i] < FQDN_VERDICTS)
			loaded->verdicts[verdicts[i]]++;
		if (verdicts[i] != one->verdict && !(one->open && verdicts[i] == FQDN_KNOWN))
			loaded->tell("the loaded module decides otherwise", one->message, one->length);
	}
	loaded->judged += length;
	loaded->batches++;
	loaded->count = loaded->used = loaded->name_count = loaded->known_count = 0;
}

/* Every eighth name that no pattern matches is made a derived one, and every second answer that can be is made known.
 * `digest`: NULL where the message has none. */
static inline void loaded_add(struct loaded *loaded, const uint8_t *message, size_t length, enum fqdn_verdict verdict,
			      const struct fqdn_question *question, const struct fqdn_digest *digest)
{
	struct loaded_expected *one;
	uint64_t name = 0;

	if (length + 2 > LOADED_OCTETS)
		return;
	if (loaded->count == LOADED_MESSAGES || loaded->used + length + 2 > LOADED_OCTETS)
		loaded_flush(loaded);
	if (verdict == FQDN_UNRELATED || (verdict == FQDN_MATCHED && digest))
		name = fqdn_hash(loaded->key, question->name.octets, question->name.length);
	one = &loaded->expected[loaded->count++];
	*one = (struct loaded_expected) { loaded->messages + loaded->used + 2, (uint16_t)length, (uint8_t)verdict,
					  false };
	if (verdict == FQDN_UNRELATED && (name & 7) == 0) {
		loaded->names[loaded->name_count++] = (struct nf_fqdn_entry) { .name = name, .left = 1000000 };
		one->verdict = FQDN_LEFT;
	} else if (verdict == FQDN_MATCHED && digest && digest->digest & 1) {
		loaded->known[loaded->known_count++] =
			(struct nf_fqdn_entry) { name, digest->digest, LOADED_TTL * 1000ULL };
		one->verdict = digest->ttl <= LOADED_TTL - LOADED_TTL_NEAR ? FQDN_KNOWN : FQDN_LEFT;
		one->open = digest->ttl < LOADED_TTL;
	} else if (verdict == FQDN_MATCHED) {
		one->verdict = FQDN_LEFT;
	}
	loaded->messages[loaded->used] = (uint8_t)(length >> 8);
	loaded->messages[loaded->used + 1] = (uint8_t)length;
	memcpy(loaded->messages + loaded->used + 2, message, length);
	loaded->used += length + 2;
}

static inline void loaded_close(struct loaded *loaded)
{
	loaded_flush(loaded);
	loaded_command(loaded, NF_FQDN_DELETE);
	loaded_ask(loaded, 0, NULL);
	close(loaded->fd);
}

#endif
