/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thousands of devices in one process: each has an address and a stub resolver with a memory of its own, asks for a name now and
 * then, and connects to what it was answered, at once. scripts/lab runs it (`clients`).
 *
 * lab-clients serve NAMES PORT            answers for the names, and accepts
 * lab-clients list NAMES [OPTIONS]        what they would do when: SECONDS CLIENT NAME
 * lab-clients run NAMES --resolver ADDRESS --from ADDRESS [OPTIONS]
 *                                         one JSON object a second, and a last one with all of it
 *
 * A question and a connection have a socket each, bound to the client's address, as on a device: so the kernel chooses ports as
 * it does there, and tells of each connection by itself. (One socket for all, with IP_PKTINFO, would have one port for all.)
 * Addresses are of IPv6 in here, those of IPv4 mapped (RFC 4291, 2.5.5.2). */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mix.h"
#include "responder.h"
#include "stub.h"
#include "tally.h"

#define CLIENTS_MAX 60000
#define JOBS_MAX 262144
#define EVENTS 256
#define DUE_AT_ONCE 64
#define SPARE 32
#define SURPRISES 20
#define SECOND INT64_C(1000000)
/* As stub resolvers do (resolver(5): 5 s, 2 attempts; systemd and Windows ask again after 1 to 2), and devices that lose patience. */
#define ASK_AGAIN (2 * SECOND)
#define ASK_TRIES 3
#define CONNECT_PATIENCE (5 * SECOND)

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

struct options {
	const char *mode, *names;
	struct in6_addr resolver, from, from6;
	bool has_resolver, has_from, has_from6;
	uint32_t clients;
	uint64_t seed;
	double seconds, think, hold, zipf;
};

/* What is due at a time, in a heap. */
struct timer {
	int64_t at;
	uint32_t place; /* in the heap, from 1 */
	bool is_job;
};

struct client {
	struct timer timer;
	uint64_t chance; /* when, and which name */
	uint64_t other; /* what depends on answers: so that they do not change the sequence */
	struct stub stub;
};

enum state { FREE, ASKING, CONNECTING, OPEN };

struct job {
	struct timer timer;
	enum state state;
	int fd;
	uint32_t client, name, next; /* of the free ones */
	int64_t began;
	uint16_t number;
	uint8_t tries, waits; /* waits: 1 for A, 2 for AAAA */
	uint32_t ttl;
	bool found;
	struct in6_addr address;
};

struct ends {
	uint64_t first, later, refused, silent, failed;
};

struct sim {
	const struct options *options;
	const struct mix *mix;
	struct client *clients;
	struct job *jobs;
	struct timer **heap;
	uint32_t timers, free, job_count, open, open_most;
	int epoll;
	int64_t began, end, late_most;
	uint32_t planned; /* clients that are not through */
	struct {
		uint64_t actions, skipped, remembered, asked, again, answered, without, unanswered, refused;
		struct ends ends[2]; /* of other names, and of allowed ones */
	} count;
	struct tally answer, connect;
	unsigned int surprises;
	bool surprised;
};

static volatile sig_atomic_t stopped;

static int64_t now_of(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND + now.tv_nsec / 1000;
}

/* ---- the heap ---- */

static void timer_put(struct sim *sim, uint32_t place, struct timer *timer)
{
	sim->heap[place] = timer;
	timer->place = place;
}

static void timer_settle(struct sim *sim, uint32_t place, struct timer *timer)
{
	while (place > 1 && sim->heap[place / 2]->at > timer->at) {
		timer_put(sim, place, sim->heap[place / 2]);
		place /= 2;
	}
	for (;;) {
		uint32_t child = place * 2;

		if (child < sim->timers && sim->heap[child + 1]->at < sim->heap[child]->at)
			child++;
		if (child > sim->timers || sim->heap[child]->at >= timer->at)
			break;
		timer_put(sim, place, sim->heap[child]);
		place = child;
	}
	timer_put(sim, place, timer);
}

static void timer_set(struct sim *sim, struct timer *timer, int64_t at)
{
	timer->at = at;
	timer_settle(sim, timer->place ? timer->place : ++sim->timers, timer);
}

static void timer_stop(struct sim *sim, struct timer *timer)
{
	uint32_t place = timer->place;
	struct timer *last = sim->heap[sim->timers];

	if (!place)
		return;
	sim->timers--;
	timer->place = 0;
	if (last != timer)
		timer_settle(sim, place, last);
}

/* ---- addresses ---- */

static bool is_four(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address);
}

static struct in6_addr plus(struct in6_addr address, uint32_t number)
{
	uint32_t last;

	memcpy(&last, &address.s6_addr[12], 4);
	last = htonl(ntohl(last) + number);
	memcpy(&address.s6_addr[12], &last, 4);
	return address;
}

static struct sockaddr_in6 end_at(struct in6_addr address, uint16_t port)
{
	return (struct sockaddr_in6) { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = address };
}

static void address_text(const struct in6_addr *address, char out[INET6_ADDRSTRLEN])
{
	if (is_four(address))
		inet_ntop(AF_INET, &address->s6_addr[12], out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, address, out, INET6_ADDRSTRLEN);
}

/* A socket of a client's own towards an address: its descriptor, or -errno. */
static int socket_towards(const struct sim *sim, uint32_t client, int type, const struct sockaddr_in6 *to)
{
	const struct options *options = sim->options;
	struct sockaddr_in6 own = end_at(plus(is_four(&to->sin6_addr) ? options->from : options->from6, client), 0);
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;
	struct linger reset = { 1, 0 };

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	/* Its addresses are the host's by a route (AnyIP), which IPv6 does not take for its own. */
	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	/* So that thousands of ended connections do not wait for their last segment. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

/* ---- jobs: a question, then a connection ---- */

static uint32_t number_of_job(const struct sim *sim, const struct job *job)
{
	return (uint32_t)(job - sim->jobs);
}

static void job_close(struct sim *sim, struct job *job)
{
	if (job->fd >= 0) {
		close(job->fd);
		sim->open--;
	}
	job->fd = -1;
}

static void job_end(struct sim *sim, struct job *job)
{
	job_close(sim, job);
	timer_stop(sim, &job->timer);
	job->state = FREE;
	job->next = sim->free;
	sim->free = number_of_job(sim, job);
}

static int job_watch(struct sim *sim, struct job *job, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u32 = number_of_job(sim, job) };

	if (fd < 0)
		return fd;
	if (epoll_ctl(sim->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	job->fd = fd;
	if (++sim->open > sim->open_most)
		sim->open_most = sim->open;
	return 0;
}

/* What should not be: the first of them are told one by one. */
static void surprise(struct sim *sim, const struct job *job, const char *what)
{
	const struct in6_addr own =
		plus(!job->found || is_four(&job->address) ? sim->options->from : sim->options->from6, job->client);
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	if (sim->surprises++ >= SURPRISES)
		return;
	address_text(&own, from);
	address_text(&job->address, to);
	printf("{\"surprise\": \"%s\", \"name\": \"%s\", \"client\": \"%s\", \"address\": \"%s\", \"at\": %.3f}\n",
	       what, mix_name(sim->mix, job->name)->steps[0].owner, from, job->found ? to : "",
	       (double)(now_of() - sim->began) / SECOND);
	fflush(stdout);
}

static struct ends *ends_of(struct sim *sim, const struct job *job)
{
	return &sim->count.ends[mix_name(sim->mix, job->name)->allowed];
}

static void job_refused(struct sim *sim, struct job *job, int error)
{
	struct ends *ends = ends_of(sim, job);
	bool allowed = mix_name(sim->mix, job->name)->allowed;

	if (error == ECONNREFUSED || error == EHOSTUNREACH || error == EACCES || error == ECONNRESET)
		ends->refused++;
	else if (error == ETIMEDOUT)
		ends->silent++;
	else
		ends->failed++;
	if (allowed || (error != ECONNREFUSED && error != EHOSTUNREACH && error != EACCES && error != ETIMEDOUT))
		surprise(sim, job, strerror(error));
	job_end(sim, job);
}

static void job_connect(struct sim *sim, struct job *job, int64_t now)
{
	struct sockaddr_in6 to = end_at(job->address, mix_name(sim->mix, job->name)->port);
	int error;

	job->state = CONNECTING;
	job->began = now;
	error = job_watch(sim, job, socket_towards(sim, job->client, SOCK_STREAM, &to), EPOLLOUT);
	if (error)
		job_refused(sim, job, -error);
	else
		timer_set(sim, &job->timer, now + CONNECT_PATIENCE);
}

static void job_opened(struct sim *sim, struct job *job, int64_t now)
{
	struct epoll_event event = { .events = EPOLLRDHUP, .data.u32 = number_of_job(sim, job) };
	struct client *client = &sim->clients[job->client];
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	getsockopt(job->fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	if (info.tcpi_total_retrans) {
		ends_of(sim, job)->later++;
	} else {
		ends_of(sim, job)->first++;
		tally_see(&sim->connect, (uint64_t)(now - job->began));
	}
	if (!mix_name(sim->mix, job->name)->allowed)
		surprise(sim, job, "open");
	job->state = OPEN;
	epoll_ctl(sim->epoll, EPOLL_CTL_MOD, job->fd, &event);
	timer_set(sim, &job->timer, now + (int64_t)(mix_pause(&client->other, sim->options->hold) * SECOND));
}

static void ask_again(struct sim *sim, struct job *job, int64_t now)
{
	const char *text = mix_name(sim->mix, job->name)->steps[0].owner;
	uint8_t question[STUB_QUESTION];

	/* A and AAAA by one socket, as glibc does. */
	for (uint16_t bit = 1; bit <= 2; bit <<= 1)
		if (job->waits & bit) {
			size_t length = stub_question(question, job->number + bit, text, bit == 1 ? STUB_A : STUB_AAAA);

			if (send(job->fd, question, length, 0) == (ssize_t)length)
				sim->count.asked++;
		}
	timer_set(sim, &job->timer, now + ASK_AGAIN);
}

static void job_unanswered(struct sim *sim, struct job *job, uint64_t *counter, const char *what)
{
	++*counter;
	surprise(sim, job, what);
	job_end(sim, job);
}

static void job_ask(struct sim *sim, struct job *job, int64_t now)
{
	struct sockaddr_in6 to = end_at(sim->options->resolver, 53);
	struct client *client = &sim->clients[job->client];
	int error;

	job->state = ASKING;
	job->began = now;
	job->tries = 0;
	job->number = (uint16_t)(mix_random(&client->other) & 0xfffc);
	job->waits = sim->options->has_from6 ? 3 : 1;
	job->ttl = UINT32_MAX;
	error = job_watch(sim, job, socket_towards(sim, job->client, SOCK_DGRAM, &to), EPOLLIN);
	if (error)
		job_unanswered(sim, job, &sim->count.refused, strerror(-error));
	else
		ask_again(sim, job, now);
}

static void job_answered(struct sim *sim, struct job *job, int64_t now)
{
	struct client *client = &sim->clients[job->client];

	job_close(sim, job);
	if (!job->found) {
		job_unanswered(sim, job, &sim->count.without, "no address");
		return;
	}
	stub_keep(&client->stub, job->name, &job->address, now + job->ttl * SECOND, now);
	tally_see(&sim->answer, (uint64_t)(now - job->began));
	job_connect(sim, job, now);
}

/* One of the answers that a job waits for; of several addresses it takes any, of IPv6 rather. */
static void take_answer(struct sim *sim, struct job *job, uint8_t bit, const struct stub_answer *answer)
{
	struct client *client = &sim->clients[job->client];

	job->waits &= (uint8_t)~bit;
	sim->count.answered++;
	if (!answer->count || answer->rcode)
		return;
	if (answer->ttl < job->ttl)
		job->ttl = answer->ttl;
	if (!job->found || bit == 2)
		job->address = answer->addresses[mix_random(&client->other) % answer->count];
	job->found = true;
}

static void job_readable(struct sim *sim, struct job *job, int64_t now)
{
	uint8_t message[STUB_ANSWER];
	struct stub_answer answer;

	while (job->waits) {
		ssize_t length = recv(job->fd, message, sizeof(message), 0);

		if (length < 0 && errno == EAGAIN)
			return;
		if (length < 0) {
			job_unanswered(sim, job, &sim->count.refused, strerror(errno));
			return;
		}
		for (uint8_t bit = 1; bit <= 2; bit <<= 1)
			if (job->waits & bit && !stub_answer(message, (size_t)length, job->number + bit,
							     bit == 1 ? STUB_A : STUB_AAAA, &answer))
				take_answer(sim, job, bit, &answer);
	}
	job_answered(sim, job, now);
}

static void job_writable(struct sim *sim, struct job *job, int64_t now)
{
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(job->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error)
		job_refused(sim, job, error);
	else
		job_opened(sim, job, now);
}

static void job_due(struct sim *sim, struct job *job, int64_t now)
{
	switch (job->state) {
	case ASKING:
		sim->count.again++;
		if (++job->tries < ASK_TRIES)
			ask_again(sim, job, now);
		else
			job_unanswered(sim, job, &sim->count.unanswered, "no answer");
		break;
	case CONNECTING:
		job_refused(sim, job, ETIMEDOUT);
		break;
	case OPEN:
		job_end(sim, job);
		break;
	case FREE:
		break;
	}
}

static void job_event(struct sim *sim, struct job *job, int64_t now)
{
	switch (job->state) {
	case ASKING:
		job_readable(sim, job, now);
		break;
	case CONNECTING:
		job_writable(sim, job, now);
		break;
	case OPEN: /* the other side ended it */
		job_end(sim, job);
		break;
	case FREE:
		break;
	}
}

/* ---- clients ---- */

/* What would be after the end is not begun: a run that is late does what its plan says all the same. */
static void client_wait(struct sim *sim, struct client *client, int64_t from)
{
	int64_t at = from + (int64_t)(mix_pause(&client->chance, sim->options->think) * SECOND);

	sim->planned -= client->timer.place != 0;
	if (at < sim->end) {
		sim->planned++;
		timer_set(sim, &client->timer, at);
	} else {
		timer_stop(sim, &client->timer);
	}
}

static void client_act(struct sim *sim, uint32_t number, uint32_t name, int64_t now)
{
	const struct in6_addr *known = stub_find(&sim->clients[number].stub, name, now);
	struct job *job = &sim->jobs[sim->free];

	sim->count.actions++;
	if (sim->free == sim->job_count) {
		sim->count.skipped++;
		return;
	}
	sim->free = job->next;
	job->client = number;
	job->name = name;
	job->fd = -1;
	job->found = known != NULL;
	if (known) {
		job->address = *known;
		sim->count.remembered++;
		job_connect(sim, job, now);
	} else {
		job->address = (struct in6_addr)IN6ADDR_ANY_INIT;
		job_ask(sim, job, now);
	}
}

/* Which name is next; the moment after it follows from its own, whatever becomes of it. */
static uint32_t client_due(struct sim *sim, struct client *client)
{
	uint32_t name = mix_choose(sim->mix, &client->chance);

	client_wait(sim, client, client->timer.at);
	return name;
}

static bool sim_init(struct sim *sim, bool with_jobs)
{
	const struct options *options = sim->options;
	struct rlimit files = { 0 };

	sim->end = sim->began + (int64_t)(options->seconds * SECOND);
	if (with_jobs) {
		getrlimit(RLIMIT_NOFILE, &files);
		sim->job_count = files.rlim_cur < JOBS_MAX ? (uint32_t)files.rlim_cur : JOBS_MAX;
		sim->job_count = sim->job_count > SPARE * 2 ? sim->job_count - SPARE : SPARE;
	}
	sim->clients = calloc(options->clients, sizeof(*sim->clients));
	sim->jobs = calloc(sim->job_count + 1, sizeof(*sim->jobs));
	sim->heap = calloc((size_t)options->clients + sim->job_count + 2, sizeof(struct timer *));
	if (!sim->clients || !sim->jobs || !sim->heap)
		return false;
	for (uint32_t i = 0; i < sim->job_count; i++)
		sim->jobs[i] = (struct job) { .timer.is_job = true, .fd = -1, .next = i + 1 };
	for (uint32_t i = 0; i < options->clients; i++) {
		sim->clients[i].chance = mix_seed(options->seed, i * UINT64_C(2));
		sim->clients[i].other = mix_seed(options->seed, i * UINT64_C(2) + 1);
		client_wait(sim, &sim->clients[i], sim->began);
	}
	return true;
}

static void sim_free(struct sim *sim)
{
	free(sim->clients);
	free(sim->jobs);
	free(sim->heap);
}

static struct client *client_of(struct timer *timer)
{
	return (struct client *)((char *)timer - offsetof(struct client, timer));
}

static int list(struct sim *sim)
{
	if (!sim_init(sim, false))
		return ENOMEM;
	while (sim->timers) {
		struct client *client = client_of(sim->heap[1]);
		int64_t at = client->timer.at;

		printf("%.6f %u %s\n", (double)at / SECOND, (unsigned int)(client - sim->clients),
		       mix_name(sim->mix, client_due(sim, client))->steps[0].owner);
	}
	return 0;
}

/* ---- telling ---- */

static void tell_ends(const char *what, const struct ends *ends)
{
	printf(", \"%s\": {\"first\": %" PRIu64 ", \"later\": %" PRIu64 ", \"refused\": %" PRIu64
	       ", \"silent\": %" PRIu64 ", \"failed\": %" PRIu64 "}",
	       what, ends->first, ends->later, ends->refused, ends->silent, ends->failed);
}

static void tell_tally(const char *what, const struct tally *tally)
{
	const char *comma = "";

	printf(", \"%s\": {\"count\": %" PRIu64 ", \"median\": %" PRIu64 ", \"p95\": %" PRIu64 ", \"p99\": %" PRIu64
	       ", \"most\": %" PRIu64 ", \"steps\": [",
	       what, tally->count, tally_part(tally, 0.5), tally_part(tally, 0.95), tally_part(tally, 0.99),
	       tally->most);
	for (size_t i = 0; i < TALLY_STEPS; i++)
		if (tally->counts[i]) {
			printf("%s[%" PRIu64 ", %" PRIu64 "]", comma, tally_end(i), tally->counts[i]);
			comma = ", ";
		}
	printf("]}");
}

static void tell(const struct sim *sim, int64_t now, bool last)
{
	printf("{\"at\": %.3f, \"actions\": %" PRIu64 ", \"skipped\": %" PRIu64 ", \"remembered\": %" PRIu64
	       ", \"asked\": %" PRIu64 ", \"again\": %" PRIu64 ", "
	       "\"answered\": %" PRIu64 ", \"without\": %" PRIu64 ", \"unanswered\": %" PRIu64
	       ", \"ask_refused\": %" PRIu64 ", \"sockets\": %u",
	       (double)(now - sim->began) / SECOND, sim->count.actions, sim->count.skipped, sim->count.remembered,
	       sim->count.asked, sim->count.again, sim->count.answered, sim->count.without, sim->count.unanswered,
	       sim->count.refused, sim->open);
	tell_ends("allowed", &sim->count.ends[1]);
	tell_ends("other", &sim->count.ends[0]);
	if (last) {
		printf(", \"sockets_most\": %u, \"surprises\": %u, \"late_most\": %.3f", sim->open_most, sim->surprises,
		       (double)sim->late_most / SECOND);
		tell_tally("answer_us", &sim->answer);
		tell_tally("connect_us", &sim->connect);
	}
	printf(", \"last\": %s}\n", last ? "true" : "false");
	fflush(stdout);
}

/* ---- the loop ---- */

static bool busy(const struct sim *sim)
{
	for (uint32_t i = 0; i < sim->job_count; i++)
		if (sim->jobs[i].state == ASKING || sim->jobs[i].state == CONNECTING)
			return true;
	return false;
}

/* Some of what is due: answers to it are read before there is more, for on a machine that had no time for us there is much. */
static void some_due(struct sim *sim, int64_t now)
{
	for (int i = 0; i < DUE_AT_ONCE && sim->timers && sim->heap[1]->at <= now; i++) {
		struct timer *timer = sim->heap[1];

		if (timer->is_job) {
			job_due(sim, (struct job *)timer, now);
		} else {
			struct client *client = client_of(timer);

			if (now - timer->at > sim->late_most)
				sim->late_most = now - timer->at;
			client_act(sim, (uint32_t)(client - sim->clients), client_due(sim, client), now);
		}
	}
}

/* All that came is read before anybody loses patience: what came in time is no silence, however late we are. */
static void turn(struct sim *sim, int64_t until)
{
	struct epoll_event events[EVENTS];
	int64_t now = now_of(), next = sim->timers && sim->heap[1]->at < until ? sim->heap[1]->at : until;
	int wait = next > now ? (int)((next - now + 999) / 1000) : 0, count;

	do {
		count = epoll_wait(sim->epoll, events, EVENTS, wait);
		now = now_of();
		for (int i = 0; i < count; i++)
			job_event(sim, &sim->jobs[events[i].data.u32], now);
		wait = 0;
	} while (count == EVENTS);
	some_due(sim, now);
}

static void run_to_end(struct sim *sim)
{
	int64_t told = sim->began + SECOND, end;

	while (!stopped && (now_of() < sim->end || sim->planned)) {
		turn(sim, told < sim->end ? told : sim->end);
		if (now_of() >= told) {
			tell(sim, now_of(), false);
			told = now_of() + SECOND - (now_of() - sim->began) % SECOND;
		}
	}
	for (uint32_t i = 0; i < sim->options->clients; i++)
		timer_stop(sim, &sim->clients[i].timer);
	/* What has begun ends. */
	end = now_of() + ASK_AGAIN * ASK_TRIES + CONNECT_PATIENCE;
	while (stopped < 2 && busy(sim) && now_of() < end)
		turn(sim, now_of() + SECOND / 20);
}

/* Whether the first and the last client can speak with their addresses. */
static bool has_addresses(const struct sim *sim)
{
	const struct options *options = sim->options;

	for (int i = 0; i < 4; i++) {
		bool six = i & 1;
		uint32_t client = i & 2 ? options->clients - 1 : 0;
		struct in6_addr own = plus(six ? options->from6 : options->from, client);
		struct sockaddr_in6 to = end_at(own, 53);
		char text[INET6_ADDRSTRLEN];
		int fd = six && !options->has_from6 ? 0 : socket_towards(sim, client, SOCK_DGRAM, &to);

		if (fd < 0) {
			address_text(&own, text);
			fprintf(stderr,
				"lab-clients: %s is no address of this host: %s; `ip route add local NETWORK dev lo` "
				"makes it one\n",
				text, strerror(-fd));
			return false;
		}
		if (fd > 0)
			close(fd);
	}
	return true;
}

static void on_signal(int number)
{
	(void)number;
	stopped = stopped + 1;
}

static int run(struct sim *sim)
{
	struct sigaction action = { .sa_handler = on_signal };

	if (!sim->options->has_resolver || !sim->options->has_from) {
		fprintf(stderr, "lab-clients: run wants --resolver and --from\n");
		return 2;
	}
	if (!has_addresses(sim))
		return 1;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sim->began = now_of();
	sim->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sim->epoll < 0 || !sim_init(sim, true))
		return ENOMEM;
	run_to_end(sim);
	tell(sim, now_of(), true);
	return 0;
}

/* ---- arguments ---- */

static bool bad(const char *option, const char *value, const char *right)
{
	fprintf(stderr, "lab-clients: --%s wants %s, not `%s`\n", option, right, value);
	return false;
}

static bool read_address(const char *option, const char *value, struct in6_addr *out, bool *has)
{
	struct in_addr four;

	*has = true;
	if (inet_pton(AF_INET, value, &four) == 1) {
		memset(out, 0, 10);
		memset(&out->s6_addr[10], 0xff, 2);
		memcpy(&out->s6_addr[12], &four, 4);
		return strcmp(option, "from6") != 0 || bad(option, value, "an address of IPv6");
	}
	if (inet_pton(AF_INET6, value, out) != 1 || strcmp(option, "from") == 0)
		return bad(option, value, strcmp(option, "from") == 0 ? "an address of IPv4" : "an address");
	return true;
}

static bool read_double(const char *option, const char *value, double low, double high, double *out)
{
	char right[64], *end;
	double number = strtod(value, &end);

	snprintf(right, sizeof(right), "a number from %g to %g", low, high);
	if (end == value || *end || !(number >= low && number <= high))
		return bad(option, value, right);
	*out = number;
	return true;
}

enum { CLIENTS, SECONDS, SEED, THINK, HOLD, ZIPF, RESOLVER, FROM, FROM6 };

static const struct option long_options[] = {
	{ "clients", required_argument, NULL, CLIENTS },   { "seconds", required_argument, NULL, SECONDS },
	{ "seed", required_argument, NULL, SEED },         { "think", required_argument, NULL, THINK },
	{ "hold", required_argument, NULL, HOLD },         { "zipf", required_argument, NULL, ZIPF },
	{ "resolver", required_argument, NULL, RESOLVER }, { "from", required_argument, NULL, FROM },
	{ "from6", required_argument, NULL, FROM6 },       { NULL, 0, NULL, 0 }
};

static bool read_option(int which, const char *name, const char *value, struct options *options)
{
	double number = 0;

	switch (which) {
	case CLIENTS:
	case SEED:
		if (!read_double(name, value, which == SEED ? 0 : 1, which == SEED ? 9007199254740992.0 : CLIENTS_MAX,
				 &number))
			return false;
		if (which == SEED)
			options->seed = (uint64_t)number;
		else
			options->clients = (uint32_t)number;
		return true;
	case SECONDS:
		return read_double(name, value, 0.1, 86400, &options->seconds);
	case THINK:
		return read_double(name, value, 0.01, 86400, &options->think);
	case HOLD:
		return read_double(name, value, 0, 86400, &options->hold);
	case ZIPF:
		return read_double(name, value, 0, 4, &options->zipf);
	case RESOLVER:
		return read_address(name, value, &options->resolver, &options->has_resolver);
	case FROM:
		return read_address(name, value, &options->from, &options->has_from);
	case FROM6:
		return read_address(name, value, &options->from6, &options->has_from6);
	default:
		return false;
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: lab-clients serve NAMES PORT\n"
			"       lab-clients list NAMES [--clients N] [--seconds S] [--seed N] [--think S] [--zipf X]\n"
			"       lab-clients run NAMES --resolver ADDRESS --from ADDRESS [--from6 ADDRESS] [--hold S] "
			"[the same]\n");
	return 2;
}

static struct mix *read_mix(const struct options *options)
{
	char error[MIX_LINE];
	FILE *file = fopen(options->names, "re");
	struct mix *mix = NULL;

	if (!file) {
		fprintf(stderr, "lab-clients: %s: %s\n", options->names, strerror(errno));
		return NULL;
	}
	mix = mix_read(file, options->names, options->zipf, error);
	if (!mix)
		fprintf(stderr, "lab-clients: %s\n", error);
	fclose(file);
	return mix;
}

static int work(const struct options *options, uint16_t port)
{
	struct sim sim = { .options = options };
	struct mix *mix = read_mix(options);
	struct rlimit files;
	int status;

	if (!mix)
		return 1;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sim.mix = mix;
	if (strcmp(options->mode, "serve") == 0)
		status = responder_run(mix, port);
	else
		status = strcmp(options->mode, "list") == 0 ? list(&sim) : run(&sim);
	if (status == ENOMEM)
		fprintf(stderr, "lab-clients: no memory for %u clients\n", options->clients);
	sim_free(&sim);
	mix_free(mix);
	return status > 2 ? 1 : status;
}

int main(int argc, char **argv)
{
	struct options options = { .clients = 100, .seconds = 10, .seed = 1, .think = 20, .hold = 10, .zipf = 0.9 };
	double port = 0;
	int which, at = 0;

	while ((which = getopt_long(argc, argv, "", long_options, &at)) != -1)
		if (which == '?' || !read_option(which, long_options[at].name, optarg, &options))
			return which == '?' ? usage() : 2;
	if (argc - optind < 2)
		return usage();
	options.mode = argv[optind];
	options.names = argv[optind + 1];
	if (strcmp(options.mode, "serve") == 0) {
		if (argc - optind != 3)
			return usage();
		if (!read_double("port", argv[optind + 2], 1, 65535, &port))
			return 2;
	} else if (argc - optind != 2 || (strcmp(options.mode, "list") != 0 && strcmp(options.mode, "run") != 0)) {
		return usage();
	}
	return work(&options, (uint16_t)port);
}
