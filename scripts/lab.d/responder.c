/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "responder.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "stub.h"

#define HEADER 12
#define TYPE_CNAME 5
#define NXDOMAIN 3
#define EVENTS 256
#define DRAIN 64
/* Sockets that stay free for what is no connection. */
#define SPARE ((rlim_t)32)

/* ---- answers ---- */

static uint32_t hash_of(const char *text, uint32_t more)
{
	uint32_t hash = 2166136261u ^ more;

	for (; *text; text++)
		hash = (hash ^ ((uint8_t)*text | 0x20)) * 16777619u;
	return hash ^ hash >> 15;
}

/* The question's name as text; behind it, or 0. */
static size_t read_name(const uint8_t *question, size_t length, char text[MIX_WIRE])
{
	size_t at = HEADER, used = 0;

	while (at < length && question[at]) {
		size_t label = question[at];

		if (label > 63 || at + 1 + label >= length || used + label + 1 >= MIX_WIRE)
			return 0;
		if (memchr(question + at + 1, 0, label))
			return 0;
		if (used)
			text[used++] = '.';
		memcpy(text + used, question + at + 1, label);
		used += label;
		at += 1 + label;
	}
	text[used] = '\0';
	return used && at + 5 <= length ? at + 1 : 0;
}

struct writer {
	uint8_t *out;
	size_t at;
	unsigned int records;
	size_t owner; /* where the next record's owner stands */
};

static void put16(struct writer *writer, uint32_t value)
{
	writer->out[writer->at++] = (uint8_t)(value >> 8);
	writer->out[writer->at++] = (uint8_t)value;
}

/* A record up to its data. */
static void put_record(struct writer *writer, uint32_t type, uint32_t ttl, size_t size)
{
	put16(writer, 0xc000u | (uint32_t)writer->owner);
	put16(writer, type);
	put16(writer, 1);
	put16(writer, ttl >> 16);
	put16(writer, ttl);
	put16(writer, (uint32_t)size);
	writer->records++;
}

static bool put_cname(struct writer *writer, const char *target, uint32_t ttl)
{
	uint8_t wire[MIX_WIRE];
	size_t size = stub_name(wire, sizeof(wire), target);

	if (writer->at + 12 + size > RESPONDER_ANSWER)
		return false;
	put_record(writer, TYPE_CNAME, ttl, size);
	memcpy(writer->out + writer->at, wire, size);
	writer->owner = writer->at;
	writer->at += size;
	return true;
}

static bool put_addresses(struct writer *writer, const struct mix_name *name, bool six, uint32_t ttl, uint32_t first)
{
	size_t size = six ? 16 : 4;

	for (uint32_t i = 0; i < name->shown; i++) {
		struct in6_addr address = mix_address(name, first + i, six);

		if (writer->at + 12 + size > RESPONDER_ANSWER)
			return false;
		put_record(writer, six ? STUB_AAAA : STUB_A, ttl, size);
		memcpy(writer->out + writer->at, address.s6_addr + 16 - size, size);
		writer->at += size;
	}
	return true;
}

/* What is left of a record's life, and the how manieth it is: each owner's began at another moment. */
static uint32_t left_of(const struct mix_step *step, uint32_t now, uint32_t *life)
{
	uint32_t ttl = step->ttl, at = ttl ? now + hash_of(step->owner, 0) % ttl : now;

	*life = ttl ? at / ttl : at;
	return ttl ? ttl - at % ttl : 0;
}

static bool put_chain(struct writer *writer, const struct mix_name *name, uint32_t type, uint32_t now)
{
	const struct mix_step *last = &name->steps[name->step_count - 1];
	uint32_t life, ttl;

	for (const struct mix_step *step = name->steps; step < last; step++)
		if (!put_cname(writer, step[1].owner, left_of(step, now, &life)))
			return false;
	ttl = left_of(last, now, &life);
	if (type != STUB_A && !(type == STUB_AAAA && name->six))
		return true;
	return put_addresses(writer, name, type == STUB_AAAA, ttl,
			     hash_of(last->owner, life * 2654435761u) % name->pool_size);
}

size_t responder_answer(const struct mix *mix, const uint8_t *question, size_t length, uint32_t now,
			uint8_t out[RESPONDER_ANSWER])
{
	struct writer writer = { out, 0, 0, HEADER };
	const struct mix_name *name;
	char text[MIX_WIRE];
	size_t end;

	/* A query with one question, of the class IN. */
	if (length < HEADER || length > RESPONDER_ANSWER || question[2] & 0xf8 || question[4] || question[5] != 1)
		return 0;
	end = read_name(question, length, text);
	if (!end || question[end + 2] || question[end + 3] != 1)
		return 0;
	memcpy(out, question, end + 4);
	writer.at = end + 4;
	name = mix_find(mix, text);
	out[2] = 0x81;
	out[3] = 0x80 | (name ? 0 : NXDOMAIN);
	if (name && !put_chain(&writer, name, (uint32_t)question[end] << 8 | question[end + 1], now)) {
		out[2] |= 2; /* TC */
		writer.at = end + 4;
		writer.records = 0;
	}
	memset(out + 6, 0, 6);
	out[6] = (uint8_t)(writer.records >> 8);
	out[7] = (uint8_t)writer.records;
	return writer.at;
}

/* ---- sockets ---- */

struct responder {
	const struct mix *mix;
	int epoll, udp, tcp;
	rlim_t open, most;
};

static void answer_all(struct responder *responder)
{
	uint8_t question[RESPONDER_ANSWER], answer[RESPONDER_ANSWER], control[256];
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (int i = 0; i < DRAIN; i++) {
		struct sockaddr_in6 peer;
		struct iovec data = { question, sizeof(question) };
		/* What says at which address it was asked says from which it answers. */
		struct msghdr message = { .msg_name = &peer,
					  .msg_namelen = sizeof(peer),
					  .msg_iov = &data,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(responder->udp, &message, MSG_DONTWAIT);
		size_t size;

		if (length < 0)
			return;
		size = responder_answer(responder->mix, question, (size_t)length, (uint32_t)now.tv_sec, answer);
		if (!size)
			continue;
		data = (struct iovec) { answer, size };
		sendmsg(responder->udp, &message, MSG_DONTWAIT);
	}
}

static void accept_all(struct responder *responder)
{
	for (int i = 0; i < DRAIN; i++) {
		int fd = accept4(responder->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.fd = fd };

		if (fd < 0)
			return;
		if (responder->open == responder->most || epoll_ctl(responder->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
			close(fd);
		else
			responder->open++;
	}
}

static int listening(int epoll, int type, uint16_t port)
{
	struct sockaddr_in6 here = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0, room = 4 << 20;
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_DGRAM) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
		/* A second's questions of a large site, while something else runs. */
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 4096) < 0) || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

int responder_run(const struct mix *mix, uint16_t port)
{
	struct responder responder = { .mix = mix, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	struct epoll_event events[EVENTS];
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	responder.most = files.rlim_cur > SPARE * 2 ? files.rlim_cur - SPARE : SPARE;
	responder.udp = listening(responder.epoll, SOCK_DGRAM, port);
	responder.tcp = listening(responder.epoll, SOCK_STREAM, port);
	if (responder.udp < 0 || responder.tcp < 0) {
		fprintf(stderr, "lab-clients: port %u: %s\n", port, strerror(errno));
		return 1;
	}
	for (;;) {
		int count = epoll_wait(responder.epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == responder.udp) {
				answer_all(&responder);
			} else if (events[i].data.fd == responder.tcp) {
				accept_all(&responder);
			} else {
				/* Whatever a client sends, or that it is gone. */
				close(events[i].data.fd);
				responder.open--;
			}
		}
	}
}
