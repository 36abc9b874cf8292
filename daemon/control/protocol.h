/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DOC: the control protocol
 *
 * On a Unix stream socket, one request and its answer, each one line of JSON (UTF-8, ended by '\n'; a request has at
 * most LIMIT_CONTROL_REQUEST octets with it, of one who may change something LIMIT_CONTROL_CHANGE; an answer may be
 * longer). Many requests may follow each other on one connection; answers come in order.
 *
 * Who may ask is the business of the socket's mode; who may change something (reload, also a dry one, confirm, learned
 * with "import", record) that of peer.h: others get ok false, exit 1.
 *
 *	request	{"api": 1, "command": NAME, ...arguments}
 *	answer	{"api": 1, "ok": true, "exit": 0|1, "result": ...}
 *		{"api": 1, "ok": false, "exit": 1|2, "error": TEXT}	1: not now, 2: a wrong request
 *
 * After a line that is not one JSON object, that is too long or that does not end, the connection is closed behind the
 * answer. Absent and null are the same in a request.
 *
 * What may change while "api" is 1: new commands, new members of objects in requests and answers, new words where a text
 * is one of several, new lines of text for people. Readers pass over members and words that they do not know. What stays:
 * each member that scripts/api-1.schema.json says is required, with its type, unit and meaning; each command with its
 * arguments; exit statuses. What breaks that makes "api" 2, and the daemon then answers both for a release. The texts in
 * error, reason, hint, help, text and warnings are for people, and no promise. scripts/control-example.c is a whole client.
 *
 *	command		arguments				exit 1 means		result
 *	status		-					-			object
 *	policy		-					-			object
 *	learned		"name" or "address" or neither		none is there		array
 *			"export": true				-			array of texts
 *			"import": [TEXT...], "stamp"		-			object
 *	why		"address", "port" (one), "from"		denied			object
 *	explain		"name"					denied			object
 *	denied		"after", "since" (seconds)		-			array
 *	suggest		as denied, of which nfqdnctl makes its entries
 *	watch		"after", "kinds": [TEXT...]		-			array, and beside
 *										it "sequence"
 *	record		"after"					-			array, and beside
 *										it "sequence"
 *	doctor		-					not well		object
 *	wait		"for": "ready"|"learned"|"generation",	timed out		object
 *			"name" or "generation", "timeout" (30)
 *	metrics		-					-			object
 *	reload		"dry_run": true, or "confirm" (seconds)	refused			object
 *			"config": TEXT, in place of nfqdnd's
 *			standard input, of which it was read
 *	confirm		"undo": true				none waits		object
 *
 *	learned	[{family: "ipv4"|"ipv6", address, proto: "tcp"|"udp"|"icmp", port, group, names: [], entries: [],
 *		derived?: [], ttl, expires_in}]
 *	why	{address, proto, port, from?, mode, verdict: "allowed"|"denied", by: [{entry, group, via: "cidr"|
 *		"name"|"local"|"dns"|"inbound", prefix or name, pattern?, derived?: [], to?, row, ports: [],
 *		expires_in}], reason?}
 *	explain	{name, verdict, by: [{entry, group, pattern, row, ports: [], derived_from?, expires_in?}], hint?}
 *	denied	[{sequence, first, last, client, address, proto ("other" too), protocol (IP's number), port, name, count,
 *		verdict: "denied"|"would deny", why: "name"|"apex"|"port"|"other-client"|"no-dns"|
 *		"not-recorded"|"not-in-set"|"resolver"|"client"|"reply"|"inbound", reason (for people), rows: [{row, text, title, service, feature,
 *		clouds: [], optional, opt_in, broad, rentable}]}], the oldest first;
 *		first and last are seconds since 1970; "after" takes the greatest sequence told so far
 *	watch	[{api, sequence, time, kind, ...}], the oldest first, and beside the array `sequence`: what "after" takes the next
 *		time. Without "after" nothing is told but that; 0 asks for all that are remembered. time is seconds since 1970,
 *		with milliseconds; kinds and their words are those of learn/events.h.
 *		learned .. refused: {family, address, proto, port, group, name, life? (seconds)}
 *		denied: as of `denied`, without first, last and count
 *		lost: {sequence, count}: so many events up to that one were forgotten before they were told; count null: they
 *		are those of a daemon that ran before. Numbers go on from one run to the next, with a gap.
 *		others: {generation}
 *	record	[{api, sequence, time, kind: "answer"|"query"|"lost", ...}], asked for again and again as `watch`; packets are
 *		kept for who asked within the last ten seconds
 *		answer: {verdict (those of learn/snoop.h), name, type, entry, length, packet (IP, in hexadecimal)}
 *		query: {length, packet (its first octets)}, with verify = "query"
 *		lost: {count}
 *	doctor	{well, checks: [NAME], findings: [{check, severity: "error"|"warning"|"note", seen, fix}], resolvers:
 *		[{address, answers, last (seconds ago)}]}; well: no errors and no warnings
 *	wait	{for, met}
 *	reload	{ok, dry_run, generation, errors, confirm_in (seconds until it goes back), problems: [{severity, file,
 *		line, setting, text}], changes?: see difference.h}
 *	confirm	{kept: true (false: it went back), generation}
 *	export	the lines of a state file (learn/state_text.h), each without its '\n'; import takes records of such
 *		a file and the stamp of its head, all or none when one is malformed: {taken, ended, denied, left_out}
 *	status	see status.h
 *	metrics	see metrics.h
 *	policy	see overview.h
 *
 * `derived`: names that were asked for and that no entry has, but to which answers of allowed ones led;
 * `derived_from`: the allowed name that led to this one, for as long as expires_in says.
 *
 * Spelling: names lower-case, without the final dot, escaped as in RFC 1035 5.1; a port is a number (null for icmp),
 * ports are texts ("tcp/443", "udp/3478-3481", "icmp", "any"); ttl is the smallest DNS TTL seen; expires_in whole
 * seconds of our life; the plain group is ""; what does not apply is null. A verdict is the policy's: in mode audit
 * what is denied passes all the same. */
#ifndef NFQDN_CONTROL_PROTOCOL_H
#define NFQDN_CONTROL_PROTOCOL_H

#define CONTROL_API 1
/* Seconds that a reload may wait to be confirmed: a day, so that a shift can try it. */
#define CONTROL_CONFIRM_MAX 86400
#define CONTROL_DEFAULT_SOCKET "/run/nfqdn/control.sock"

#endif
