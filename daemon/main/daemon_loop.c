/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop: one turn reads the clock once, drains the queue, and does what is due. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/histogram.h"
#include "control/server.h"
#include "learn/copies.h"
#include "learn/events.h"
#include "learn/reports.h"
#include "learn/revoke.h"
#include "learn/snoop.h"
#include "learn/verify.h"
#include "main/daemon.h"
#include "netfilter/own.h"
#include "netfilter/queue.h"
#include "netfilter/table.h"

void daemon_tick(struct daemon *daemon)
{
	daemon->now = monotime_now();
	events_at(daemon->events, daemon->now);
}

int daemon_watch(struct daemon *daemon, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(daemon->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int daemon_watch_queries(struct daemon *daemon)
{
	int fd = verify_fd(daemon->verify), error = 0;

	if (fd >= 0 && daemon->epoll >= 0)
		error = daemon_watch(daemon, fd);
	return error == -EEXIST ? 0 : error;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a state file over RLIMIT_FSIZE is an error like a full disk */
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int daemon_open_loop(struct daemon *daemon)
{
	int error = 0;

	daemon->epoll = epoll_create1(EPOLL_CLOEXEC);
	daemon->signals = open_signals();
	daemon->own = own_open();
	if (daemon->epoll < 0 || daemon->signals < 0)
		return -errno;
	if (daemon->own < 0)
		return daemon->own;
	error = daemon_watch(daemon, daemon->signals);
	if (error == 0)
		error = daemon_watch(daemon, daemon->own);
	if (error == 0)
		error = daemon_watch(daemon, queue_fd(daemon->queue));
	return error < 0 ? error : daemon_watch_queries(daemon);
}

static void take_signals(struct daemon *daemon)
{
	struct signalfd_siginfo info;

	while (read(daemon->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			daemon_reload_by_signal(daemon);
		else
			daemon->ending = true;
	}
}

static uint64_t transactions(void)
{
	return counters.transactions + counters.transactions_failed + counters.transactions_lost;
}

static void count_hold(int64_t began, int packets, bool committed)
{
	uint64_t held = (uint64_t)(monotime_usec() - began);

	histogram_see(HISTOGRAM_drain, (uint64_t)packets, 1);
	histogram_see(HISTOGRAM_hold, held, (uint64_t)packets);
	if (committed)
		histogram_see(HISTOGRAM_transaction, held, 1);

	counters.hold_microseconds += held * (uint64_t)packets;
	if (held > counters.hold_microseconds_max)
		counters.hold_microseconds_max = held;
}

/* All that were sent before the answers at hand. */
static void read_queries(struct daemon *daemon)
{
	const char *why = NULL;
	int error = verify_read(daemon->verify, daemon->now);

	if (error == 0)
		return;
	error = verify_prepare(daemon->verify, daemon->policy->config, &why);
	if (error == 0)
		error = daemon_watch_queries(daemon);
	if (error == 0)
		log_limited(&daemon->queries_told, daemon->now, LOG_LEVEL_WARNING,
			    "the socket for copies of queries failed and was opened anew");
	else
		log_limited(&daemon->queries_told, daemon->now, LOG_LEVEL_ERROR,
			    "copies of queries cannot be read (%s): answers teach nothing until a reload",
			    why ? why : strerror(-error));
}

/* The number of packets that were judged; -errno: the socket must be opened anew. */
static int drain_once(struct daemon *daemon, bool applying)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	int count = queue_receive(daemon->queue, packets);
	int64_t began;
	uint64_t drop, before = transactions();

	if (count <= 0)
		return count;
	began = monotime_usec();
	/* What is learned already must be there when the answer goes on, also if others loaded their sets anew. */
	if (!applying && daemon->policy->config->mode == CONFIG_SETS)
		rebuild_look(&daemon->rebuild, daemon->policy, daemon->now);
	read_queries(daemon);
	drop = snoop_drain(daemon->snoop, packets, (size_t)count, daemon->now);
	queue_verdicts(daemon->queue, packets, (size_t)count, drop);
	count_hold(began, count, transactions() != before);
	store_reserve(daemon->store);
	return count;
}

/* Drains until the queue is empty, but lets the rest of the loop have its turn. */
static int drain_queue(struct daemon *daemon, bool applying)
{
	int count = 1;

	for (int turn = 0; turn < 16 && count > 0; turn++)
		count = drain_once(daemon, applying);
	return count < 0 ? count : 0;
}

/* The queue's socket died: what it held is dropped by the kernel and asked again; the new one carries on. */
static int reopen_queue(struct daemon *daemon)
{
	const struct config *config = daemon->policy->config;
	const char *why = NULL;
	int error;

	error = queue_reopen(&daemon->queue, !config->drop_on_overload, &why);
	daemon->context.queue = daemon->queue;
	if (error < 0) {
		log_error("the queue cannot be opened again: %s", why ? why : strerror(-error));
		return error;
	}
	log_limited(&daemon->queue_told, daemon->now, LOG_LEVEL_WARNING,
		    "the queue's socket failed and was opened anew");
	return daemon_watch(daemon, queue_fd(daemon->queue));
}

static int serve(struct daemon *daemon, int fd)
{
	if (fd == queue_fd(daemon->queue))
		return drain_queue(daemon, false) < 0 ? reopen_queue(daemon) : 0;
	if (fd == daemon->signals)
		take_signals(daemon);
	else if (fd == verify_fd(daemon->verify))
		read_queries(daemon);
	else if (fd == reports_fd(daemon->reports))
		daemon_read_reports(daemon);
	else if (fd == copies_fd(daemon->copies))
		daemon_copies_serve(daemon);
	else if (fd == control_server_fd(daemon->control)) {
		assisted_count(&daemon->assisted);
		daemon_copies_read(daemon);
		daemon->context.assist = daemon->assisted.told;
		control_server_run(daemon->control, daemon->now);
	} else if (fd == daemon->own && own_changed(fd))
		daemon_read_own_addresses(daemon);
	return 0;
}

/* Verdicts that the kernel did not take. */
static int settle_queue(struct daemon *daemon, int64_t *timeout)
{
	int owed = queue_settle(daemon->queue);

	if (owed > 0)
		*timeout = 10;
	return owed < 0 ? reopen_queue(daemon) : 0;
}

void daemon_serve_meanwhile(void *context)
{
	struct daemon *daemon = context;
	int64_t ignored = -1;

	if (daemon->fault)
		return;
	daemon_tick(daemon);
	if (drain_queue(daemon, true) < 0)
		daemon->fault = reopen_queue(daemon);
	if (!daemon->fault)
		daemon->fault = settle_queue(daemon, &ignored);
	notify_tick(&daemon->notify, daemon->now);
	daemon_tick(daemon);
}

static int64_t sooner(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

/* Answers that were dropped since their addresses could not be committed. */
static void tell_refusals(struct daemon *daemon)
{
	uint64_t dropped = counters.answers_dropped - daemon->refused;

	if (!dropped)
		return;
	daemon->refused = counters.answers_dropped;
	log_limited(&daemon->refusals_told, daemon->now, LOG_LEVEL_WARNING,
		    "%llu allowed answers were dropped, since their addresses could not be put into the table: %s; "
		    "their clients ask again",
		    (unsigned long long)dropped, snoop_refusal(daemon->snoop));
}

/* Lines that were left out for being like others. */
static int64_t settle_logs(struct daemon *daemon)
{
	struct log_limit *const limits[] = { &daemon->state_told,   &daemon->refusals_told, &daemon->enforce_told,
					     &daemon->queries_told, &daemon->queue_told,    &daemon->adopt.told,
					     &daemon->rebuild.told, &daemon->rebuild.failed };
	int64_t timeout = -1;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		timeout = sooner(timeout, log_settle(limits[i], daemon->now));
	return timeout;
}

/* While the table was not ours, anything may have been opened. */
static int64_t mend(struct daemon *daemon)
{
	uint64_t before = counters.table_rebuilt;
	int64_t wait = rebuild_tick(&daemon->rebuild, daemon->policy, daemon->now);

	if (counters.table_rebuilt != before)
		revoke_begin(daemon->revoke, daemon->now);
	return wait;
}

/* At the end of a start that failed nothing can be judged. */
static int accept_once(struct daemon *daemon)
{
	struct queue_packet packets[LIMIT_DRAIN_PACKETS];
	int count = queue_receive(daemon->queue, packets);

	if (count <= 0)
		return count;
	counters.packets_unread += (uint64_t)count;
	queue_verdicts(daemon->queue, packets, (size_t)count, 0);
	return count;
}

void daemon_let_go(struct daemon *daemon)
{
	int count = 1;

	daemon_tick(daemon);
	queue_let_pass(daemon->queue);
	for (int turn = 0; turn < LIMIT_QUEUE_PACKETS && count > 0; turn++)
		count = daemon->running ? drain_once(daemon, false) : accept_once(daemon);
	queue_settle(daemon->queue);
}

int daemon_run(struct daemon *daemon)
{
	struct epoll_event events[8];
	int64_t timeout = 0;
	int error = 0;

	daemon->running = true; /* from here on there is something to write at the end */
	while (!daemon->ending && error == 0) {
		int count = epoll_wait(daemon->epoll, events, 8, timeout > 60000 ? 60000 : (int)timeout);

		daemon_tick(daemon);
		for (int i = 0; i < count && error == 0; i++)
			error = serve(daemon, events[i].data.fd);
		if (error == 0)
			error = daemon->fault;
		timeout = sooner(snoop_tick(daemon->snoop, daemon->now),
				 control_server_notify(daemon->control, daemon->now));
		timeout = sooner(timeout, mend(daemon));
		timeout = sooner(timeout, daemon_adopt_when_due(daemon));
		timeout = sooner(timeout, daemon_enforce_when_due(daemon));
		timeout = sooner(timeout, daemon_trial_when_due(daemon));
		timeout = sooner(timeout, daemon_record_when_due(daemon));
		timeout = sooner(timeout, notify_tick(&daemon->notify, daemon->now));
		timeout = sooner(timeout, daemon_keep_state(daemon));
		timeout = sooner(timeout, lastgood_keeper_tick(&daemon->lastgood, daemon_confirmed(daemon), false));
		tell_refusals(daemon);
		timeout = sooner(timeout, settle_logs(daemon));
		timeout = sooner(timeout, daemon_copies_when_due(daemon));
		recent_look(&daemon->recent, daemon->now);
		assisted_tick(&daemon->assisted, daemon->policy, daemon->now);
		if (error == 0)
			error = settle_queue(daemon, &timeout);
		timeout = sooner(timeout, revoke_tick(daemon->revoke, daemon->policy, daemon->now));
	}
	return error;
}
