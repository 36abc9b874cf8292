/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn/reports.h"

#include <stdlib.h>

#include "base/counters.h"
#include "base/limits.h"
#include "dns/packet.h"
#include "netfilter/nflog.h"

/* A copy takes at least this much of the buffer (832 on 6.18). */
#define COPY_OCTETS 768

struct reports {
	struct nflog *nflog;
	struct names *names;
	struct denials *denials;
	struct events *events; /* may be NULL */
	struct monotime now; /* of the running read */
};

struct reports *reports_new(const struct hash_key *key)
{
	struct reports *reports = calloc(1, sizeof(*reports));

	if (!reports)
		return NULL;
	reports->names = names_new(key);
	reports->denials = denials_new(key);
	if (reports->names && reports->denials)
		return reports;
	reports_free(reports);
	return NULL;
}

static void close_socket(struct reports *reports)
{
	nflog_close(reports->nflog);
	reports->nflog = NULL;
}

void reports_free(struct reports *reports)
{
	if (!reports)
		return;
	close_socket(reports);
	names_free(reports->names);
	denials_free(reports->denials);
	free(reports);
}

int reports_open(struct reports *reports, const struct config *config, const char **error)
{
	const struct nflog_settings settings = {
		.group = ruleset_report_group(config),
		.copy_octets = LIMIT_DENIED_OCTETS,
		.receive_octets = LIMIT_DENIED_COPIES * COPY_OCTETS,
	};

	return reports->nflog ? 0 : nflog_open(&settings, &reports->nflog, error);
}

int reports_fd(const struct reports *reports)
{
	return reports->nflog ? nflog_fd(reports->nflog) : -1;
}

struct names *reports_names(const struct reports *reports)
{
	return reports->names;
}

const struct denials *reports_denials(const struct reports *reports)
{
	return reports->denials;
}

void reports_set_events(struct reports *reports, struct events *events)
{
	reports->events = events;
}

/* ---- copies ---- */

/* Who was named: the other side of a client. */
static const struct ipaddr *named_side(const struct packet_head *head, enum ruleset_reason reason)
{
	return reason == RULESET_REASON_INBOUND ? &head->source : &head->destination;
}

/* Who goes on and on is told once; `denied` counts. */
static void record(struct reports *reports, const struct denials_key *key, const struct dns_name *name)
{
	const struct denials_record *before = denials_find(reports->denials, key);

	if (!before || monotime_until(before->last, reports->now) >= LIMIT_EVENT_DENIED_MS)
		events_denied(reports->events, key, name);
}

static void take_copy(void *context, const struct nflog_packet *packet)
{
	struct reports *reports = context;
	struct denials_key key = { 0 };
	enum ruleset_reason reason;
	struct packet_head head;
	struct names_seen seen;
	bool audit, named;

	if (!ruleset_report_read(packet->prefix, &reason, &audit) ||
	    packet_read_head(packet->payload, packet->length, &head) < 0) {
		counters.denials_unread++;
		return;
	}
	key = (struct denials_key) { .client = head.source,
				     .destination = head.destination,
				     .port = head.destination_port,
				     .l4proto = head.l4proto,
				     .reason = (uint8_t)reason,
				     .audit = audit };
	named = names_find(reports->names, named_side(&head, reason), &seen) == 0;
	record(reports, &key, named ? &seen.name : NULL);
	denials_add(reports->denials, &key, named ? &seen.name : NULL, reports->now);
	if (audit)
		counters.denials_audited++;
	else
		counters.denials++;
}

int reports_read(struct reports *reports, struct monotime now)
{
	int count;

	if (!reports->nflog)
		return 0;
	reports->now = now;
	count = nflog_receive(reports->nflog, take_copy, reports, &counters.denials_lost);
	if (count >= 0)
		return 0;
	close_socket(reports);
	return count;
}
