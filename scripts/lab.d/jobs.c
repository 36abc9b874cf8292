/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jobs.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stub.h"

#define JOBS_MAX 262144
/* Descriptors that stay free for what is no job. */
#define SPARE 32
/* As stub resolvers do (resolver(5): 5 s, 2 attempts; systemd and Windows ask again after 1 to 2), and devices that lose patience. */
#define ASK_AGAIN (2 * TIMERS_SECOND)
#define ASK_TRIES 3
#define CONNECT_PATIENCE (5 * TIMERS_SECOND)

_Static_assert(JOBS_PATIENCE == ASK_AGAIN * ASK_TRIES + CONNECT_PATIENCE, "the longest that a job takes");

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

struct jobs_device {
	uint64_t other; /* chance of what depends on answers: so that they do not change the plan */
	struct stub stub;
};

/* ---- all of them ---- */

static uint32_t room(void)
{
	struct rlimit files = { 0 };
	uint32_t count;

	getrlimit(RLIMIT_NOFILE, &files);
	count = files.rlim_cur < JOBS_MAX ? (uint32_t)files.rlim_cur : JOBS_MAX;
	return count > SPARE * 2 ? count - SPARE : SPARE;
}

int jobs_init(struct jobs *out, const struct options *options, const struct mix *mix, struct timers *timers,
	      struct told *told)
{
	struct jobs jobs = { .options = options, .mix = mix, .timers = timers, .told = told, .count = room() };

	jobs.epoll = epoll_create1(EPOLL_CLOEXEC);
	jobs.devices = calloc(options->clients, sizeof(*jobs.devices));
	jobs.jobs = calloc(jobs.count + 1, sizeof(*jobs.jobs));
	if (jobs.epoll < 0 || !jobs.devices || !jobs.jobs) {
		jobs_free(&jobs);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < jobs.count; i++)
		jobs.jobs[i] = (struct job) { .timer.kind = TIMER_JOB, .fd = -1, .next = i + 1 };
	for (uint32_t i = 0; i < options->clients; i++)
		jobs.devices[i].other = mix_seed(options->seed, i * UINT64_C(2) + 1);
	*out = jobs;
	return 0;
}

void jobs_free(struct jobs *jobs)
{
	if (jobs->epoll >= 0)
		close(jobs->epoll);
	free(jobs->devices);
	free(jobs->jobs);
}

bool jobs_busy(const struct jobs *jobs)
{
	for (uint32_t i = 0; i < jobs->count; i++)
		if (jobs->jobs[i].state == ASKING || jobs->jobs[i].state == CONNECTING)
			return true;
	return false;
}

/* ---- one of them ---- */

static const struct mix_name *name_of(const struct jobs *jobs, const struct job *job)
{
	return mix_name(jobs->mix, job->name);
}

static uint32_t number_of_job(const struct jobs *jobs, const struct job *job)
{
	return (uint32_t)(job - jobs->jobs);
}

static void job_close(struct jobs *jobs, struct job *job)
{
	if (job->fd >= 0) {
		close(job->fd);
		jobs->told->sockets--;
	}
	job->fd = -1;
}

static void job_end(struct jobs *jobs, struct job *job)
{
	job_close(jobs, job);
	timers_stop(jobs->timers, &job->timer);
	job->state = FREE;
	job->next = jobs->free;
	jobs->free = number_of_job(jobs, job);
}

static int job_watch(struct jobs *jobs, struct job *job, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u32 = number_of_job(jobs, job) };

	if (fd < 0)
		return fd;
	if (epoll_ctl(jobs->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	job->fd = fd;
	if (++jobs->told->sockets > jobs->told->sockets_most)
		jobs->told->sockets_most = jobs->told->sockets;
	return 0;
}

static void surprise(struct jobs *jobs, const struct job *job, const char *what)
{
	const struct in6_addr *to = job->found ? &job->address : NULL;
	struct in6_addr own = sources_address(&jobs->options->sources, job->client, to);

	told_surprise(jobs->told, what, name_of(jobs, job)->steps[0].owner, &own, to);
}

static struct told_ends *ends_of(struct jobs *jobs, const struct job *job)
{
	return &jobs->told->ends[name_of(jobs, job)->allowed];
}

static void job_refused(struct jobs *jobs, struct job *job, int error)
{
	struct told_ends *ends = ends_of(jobs, job);
	bool allowed = name_of(jobs, job)->allowed;

	if (error == ECONNREFUSED || error == EHOSTUNREACH || error == EACCES || error == ECONNRESET)
		ends->refused++;
	else if (error == ETIMEDOUT)
		ends->silent++;
	else
		ends->failed++;
	if (allowed || (error != ECONNREFUSED && error != EHOSTUNREACH && error != EACCES && error != ETIMEDOUT))
		surprise(jobs, job, strerror(error));
	job_end(jobs, job);
}

static void job_connect(struct jobs *jobs, struct job *job, int64_t now)
{
	uint16_t port = name_of(jobs, job)->port;
	int error;

	job->state = CONNECTING;
	job->began = now;
	error = job_watch(jobs, job,
			  sources_socket(&jobs->options->sources, job->client, SOCK_STREAM, &job->address, port),
			  EPOLLOUT);
	if (error)
		job_refused(jobs, job, -error);
	else
		timers_set(jobs->timers, &job->timer, now + CONNECT_PATIENCE);
}

static void job_opened(struct jobs *jobs, struct job *job, int64_t now)
{
	struct epoll_event event = { .events = EPOLLRDHUP, .data.u32 = number_of_job(jobs, job) };
	struct jobs_device *device = &jobs->devices[job->client];
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	getsockopt(job->fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	if (info.tcpi_total_retrans) {
		ends_of(jobs, job)->later++;
	} else {
		ends_of(jobs, job)->first++;
		tally_see(&jobs->told->connect, (uint64_t)(now - job->began));
	}
	if (!name_of(jobs, job)->allowed)
		surprise(jobs, job, "open");
	job->state = OPEN;
	epoll_ctl(jobs->epoll, EPOLL_CTL_MOD, job->fd, &event);
	timers_set(jobs->timers, &job->timer,
		   now + (int64_t)(mix_pause(&device->other, jobs->options->hold) * TIMERS_SECOND));
}

static void ask_again(struct jobs *jobs, struct job *job, int64_t now)
{
	const char *text = name_of(jobs, job)->steps[0].owner;
	uint8_t question[STUB_QUESTION];

	/* A and AAAA by one socket, as glibc does. */
	for (uint16_t bit = 1; bit <= 2; bit <<= 1)
		if (job->waits & bit) {
			size_t length = stub_question(question, job->number + bit, text, bit == 1 ? STUB_A : STUB_AAAA);

			if (send(job->fd, question, length, 0) == (ssize_t)length)
				jobs->told->asked++;
		}
	timers_set(jobs->timers, &job->timer, now + ASK_AGAIN);
}

static void job_unanswered(struct jobs *jobs, struct job *job, uint64_t *counter, const char *what)
{
	++*counter;
	surprise(jobs, job, what);
	job_end(jobs, job);
}

static void job_ask(struct jobs *jobs, struct job *job, int64_t now)
{
	const struct options *options = jobs->options;
	struct jobs_device *device = &jobs->devices[job->client];
	int error;

	job->state = ASKING;
	job->began = now;
	job->tries = 0;
	job->number = (uint16_t)(mix_random(&device->other) & 0xfffc);
	job->waits = jobs->options->sources.has_six ? 3 : 1;
	job->ttl = UINT32_MAX;
	error = job_watch(jobs, job, sources_socket(&options->sources, job->client, SOCK_DGRAM, &options->resolver, 53),
			  EPOLLIN);
	if (error)
		job_unanswered(jobs, job, &jobs->told->refused, strerror(-error));
	else
		ask_again(jobs, job, now);
}

static void job_answered(struct jobs *jobs, struct job *job, int64_t now)
{
	struct jobs_device *device = &jobs->devices[job->client];

	job_close(jobs, job);
	if (!job->found) {
		job_unanswered(jobs, job, &jobs->told->without, "no address");
		return;
	}
	stub_keep(&device->stub, job->name, &job->address, now + job->ttl * TIMERS_SECOND, now);
	tally_see(&jobs->told->answer, (uint64_t)(now - job->began));
	job_connect(jobs, job, now);
}

/* One of the answers that a job waits for; of several addresses it takes any, of IPv6 rather. */
static void take_answer(struct jobs *jobs, struct job *job, uint8_t bit, const struct stub_answer *answer)
{
	struct jobs_device *device = &jobs->devices[job->client];

	job->waits &= (uint8_t)~bit;
	jobs->told->answered++;
	if (!answer->count || answer->rcode)
		return;
	if (answer->ttl < job->ttl)
		job->ttl = answer->ttl;
	if (!job->found || bit == 2)
		job->address = answer->addresses[mix_random(&device->other) % answer->count];
	job->found = true;
}

static void job_readable(struct jobs *jobs, struct job *job, int64_t now)
{
	uint8_t message[STUB_ANSWER];
	struct stub_answer answer;

	while (job->waits) {
		ssize_t length = recv(job->fd, message, sizeof(message), 0);

		if (length < 0 && errno == EAGAIN)
			return;
		if (length < 0) {
			job_unanswered(jobs, job, &jobs->told->refused, strerror(errno));
			return;
		}
		for (uint8_t bit = 1; bit <= 2; bit <<= 1)
			if (job->waits & bit && !stub_answer(message, (size_t)length, job->number + bit,
							     bit == 1 ? STUB_A : STUB_AAAA, &answer))
				take_answer(jobs, job, bit, &answer);
	}
	job_answered(jobs, job, now);
}

static void job_writable(struct jobs *jobs, struct job *job, int64_t now)
{
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(job->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error)
		job_refused(jobs, job, error);
	else
		job_opened(jobs, job, now);
}

void jobs_due(struct jobs *jobs, struct timer *timer, int64_t now)
{
	struct job *job = TIMERS_OWNER(timer, struct job);

	switch (job->state) {
	case ASKING:
		jobs->told->again++;
		if (++job->tries < ASK_TRIES)
			ask_again(jobs, job, now);
		else
			job_unanswered(jobs, job, &jobs->told->unanswered, "no answer");
		break;
	case CONNECTING:
		job_refused(jobs, job, ETIMEDOUT);
		break;
	case OPEN:
		job_end(jobs, job);
		break;
	case FREE:
		break;
	}
}

void jobs_event(struct jobs *jobs, uint32_t number, int64_t now)
{
	struct job *job = &jobs->jobs[number];

	switch (job->state) {
	case ASKING:
		job_readable(jobs, job, now);
		break;
	case CONNECTING:
		job_writable(jobs, job, now);
		break;
	case OPEN: /* the other side ended it */
		job_end(jobs, job);
		break;
	case FREE:
		break;
	}
}

void jobs_begin(struct jobs *jobs, uint32_t client, uint32_t name, int64_t now)
{
	const struct in6_addr *known = stub_find(&jobs->devices[client].stub, name, now);
	struct job *job = &jobs->jobs[jobs->free];

	jobs->told->actions++;
	if (jobs->free == jobs->count) {
		jobs->told->skipped++;
		return;
	}
	jobs->free = job->next;
	job->client = client;
	job->name = name;
	job->fd = -1;
	job->found = known != NULL;
	if (known) {
		job->address = *known;
		jobs->told->remembered++;
		job_connect(jobs, job, now);
	} else {
		job->address = (struct in6_addr)IN6ADDR_ANY_INIT;
		job_ask(jobs, job, now);
	}
}
