/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ruleset as nft text, spelled as nft 1.0.6 lists it. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "netfilter/ruleset_model.h"

/* ---- sets ---- */

static const char *text_proto(uint8_t l4proto)
{
	switch (l4proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "ipv6-icmp";
	}
	return "unknown";
}

static void text_range(FILE *out, enum ipaddr_family family, const struct ruleset_field *field)
{
	struct value_range range = { ipaddr_from_bytes(family, field->first), ipaddr_from_bytes(family, field->last) };
	char text[VALUE_RANGE_TEXT_SIZE];

	fputs(value_range_to_text(&range, text), out);
}

static void text_ports(FILE *out, const struct ruleset_field *field)
{
	unsigned int first = field->first[0] << 8 | field->first[1], last = field->last[0] << 8 | field->last[1];

	fprintf(out, first == last ? "%u" : "%u-%u", first, last);
}

static void text_ifname(FILE *out, const struct ruleset_field *field)
{
	fprintf(out, "\"%.*s%s\"", (int)sizeof(field->first), field->first,
		field->last[sizeof(field->last) - 1] ? "*" : "");
}

static void text_field(FILE *out, enum ruleset_field_kind kind, const struct ruleset_field *field)
{
	switch (kind) {
	case RULESET_FIELD_IFNAME:
		text_ifname(out, field);
		break;
	case RULESET_FIELD_ADDRESS4:
		text_range(out, IPADDR_V4, field);
		break;
	case RULESET_FIELD_ADDRESS6:
		text_range(out, IPADDR_V6, field);
		break;
	case RULESET_FIELD_PROTO:
		fputs(text_proto(field->first[0]), out);
		break;
	case RULESET_FIELD_PORT:
		text_ports(out, field);
		break;
	}
}

static void text_element(FILE *out, const struct ruleset_set *set, size_t index)
{
	const struct ruleset_key_type *type = &ruleset_key_types[set->key];
	struct ruleset_field fields[RULESET_FIELDS];

	ruleset_element(set, index, fields);
	for (size_t i = 0; i < type->count; i++) {
		fputs(i ? " . " : "", out);
		text_field(out, type->fields[i], &fields[i]);
	}
}

/* nft puts two IPv4 addresses on a line, one of everything else. */
static void text_elements(FILE *out, const struct ruleset_set *set)
{
	size_t line = set->key == RULESET_KEY_ADDRESS4 ? 2 : 1;

	fputs("\t\telements = { ", out);
	for (size_t i = 0; i < set->count; i++) {
		if (i)
			fputs(i % line ? ", " : ",\n\t\t\t     ", out);
		text_element(out, set, i);
	}
	fputs(" }\n", out);
}

static void text_set(FILE *out, const struct ruleset_set *set)
{
	const struct ruleset_key_type *type = &ruleset_key_types[set->key];

	fprintf(out, "\n\tset %s {\n\t\ttype ", set->name);
	for (size_t i = 0; i < type->count; i++)
		fprintf(out, "%s%s", i ? " . " : "", ruleset_field_types[type->fields[i]].text);
	if (set->learned)
		fprintf(out, "\n\t\tsize %" PRIu32 "\n\t\tflags timeout\n", set->size);
	else
		fputs("\n\t\tflags interval\n", out);
	if (set->count)
		text_elements(out, set);
	fputs("\t}\n", out);
}

/* ---- statements ---- */

static const char *text_ip(const struct ruleset_statement *s)
{
	return s->family == IPADDR_V4 ? "ip" : "ip6";
}

static void text_iifname(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "iifname %s@%s", s->negated ? "!= " : "", s->name);
}

static void text_iifname_not_lo(FILE *out, const struct ruleset_statement *s)
{
	(void)s;
	fputs("iifname != \"lo\"", out);
}

static void text_sdifname(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "meta sdifname @%s", s->name);
}

static void text_sdif(FILE *out, const struct ruleset_statement *s)
{
	(void)s;
	fputs("meta sdif != 0", out);
}

static void text_oifname(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "oifname @%s", s->name);
}

static void text_socket(FILE *out, const struct ruleset_statement *s)
{
	(void)s;
	fprintf(out, "meta skuid != %" PRIu32, UINT32_MAX);
}

static void text_oifname_not_lo(FILE *out, const struct ruleset_statement *s)
{
	(void)s;
	fputs("oifname != \"lo\"", out);
}

static void text_l4proto(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "meta l4proto %s", text_proto(s->l4proto));
}

static const char *const text_directions[] = { [RULESET_ORIGINAL] = "original", [RULESET_REPLY] = "reply" };

static void text_ct_direction(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "ct direction %s", text_directions[s->direction]);
}

static void text_ct_state(FILE *out, const struct ruleset_statement *s)
{
	static const char *const states[] = { [RULESET_INVALID] = "invalid",
					      [RULESET_NEW] = "new",
					      [RULESET_ESTABLISHED] = "established",
					      [RULESET_RELATED] = "related" };

	fprintf(out, "ct state %s", states[s->state]);
}

static void text_ct_port(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "ct original proto-dst %u", s->number);
}

static void text_ct_address(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "ct %s %s saddr @%s", text_directions[s->direction], text_ip(s), s->name);
}

static void text_raw_masked(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "@th,%u,16 & 0x%x == 0x%x", s->offset, s->mask, s->value);
}

static void text_raw_not(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "@th,%u,16 != 0x%x", s->offset, s->value);
}

static void text_fib(FILE *out, const struct ruleset_statement *s)
{
	static const char *const fibs[] = { [RULESET_FIB_RECEIVER_THERE] = "fib daddr . iif oif exists",
					    [RULESET_FIB_SENDER_NOT_THERE] = "fib saddr . mark . iif oif missing" };

	fputs(fibs[s->fib], out);
}

static void text_part(FILE *out, const struct ruleset_statement *s, enum ruleset_part part)
{
	switch (part) {
	case RULESET_PART_NONE:
		break;
	case RULESET_PART_SADDR:
		fprintf(out, "%s saddr", text_ip(s));
		break;
	case RULESET_PART_DADDR:
		fprintf(out, "%s daddr", text_ip(s));
		break;
	case RULESET_PART_L4PROTO:
		fputs("meta l4proto", out);
		break;
	case RULESET_PART_SPORT:
		fprintf(out, "%s sport", s->l4proto ? text_proto(s->l4proto) : "th");
		break;
	case RULESET_PART_DPORT:
		fprintf(out, "%s dport", s->l4proto ? text_proto(s->l4proto) : "th");
		break;
	}
}

/* RULESET_ADDRESS and RULESET_TUPLE. */
static void text_lookup(FILE *out, const struct ruleset_statement *s)
{
	for (size_t i = 0; i < RULESET_FIELDS && s->parts[i]; i++) {
		fputs(i ? " . " : "", out);
		text_part(out, s, s->parts[i]);
	}
	fprintf(out, " %s@%s", s->negated ? "!= " : "", s->name);
}

static void text_dport(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "%s dport %u", text_proto(s->l4proto), s->number);
}

static void text_icmp_echo(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "%s type %s", s->family == IPADDR_V4 ? "icmp" : "icmpv6",
		s->direction == RULESET_ORIGINAL ? "echo-request" : "echo-reply");
}

static void text_ct_mark(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "ct mark & 0x%08" PRIx32 " %s 0x%08" PRIx32, s->mark, s->negated ? "!=" : "==", s->mark);
}

static void text_set_ct_mark(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "ct mark set ct mark | 0x%08" PRIx32, s->mark);
}

static void text_set_mark(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "meta mark set meta mark %s 0x%08" PRIx32, s->negated ? "&" : "|",
		s->negated ? ~s->mark : s->mark);
}

static void text_counter(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "counter name \"%s\"", s->name);
}

static void text_verdict(FILE *out, const struct ruleset_statement *s)
{
	static const char *const verdicts[] = { [RULESET_ACCEPT] = "accept",
						[RULESET_DROP] = "drop",
						[RULESET_RETURN] = "return",
						[RULESET_JUMP] = "jump",
						[RULESET_GOTO] = "goto" };

	fputs(verdicts[s->verdict], out);
	if (s->name)
		fprintf(out, " %s", s->name);
}

static void text_reject(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "reject with %s", s->reject == RULESET_TCP_RESET ? "tcp reset" : "icmpx admin-prohibited");
}

/* As nft prints it; it cannot read it back. */
static void text_assist(FILE *out, const struct ruleset_statement *s)
{
	(void)s;
	fputs("xt match \"fqdn\"", out);
}

static void text_queue(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, s->number == s->last ? "queue flags bypass to %u" : "queue flags bypass to %u-%u", s->number,
		s->last);
}

static void text_log(FILE *out, const struct ruleset_statement *s)
{
	fputs("log ", out);
	if (s->name)
		fprintf(out, "prefix \"%s\" ", s->name);
	fprintf(out, "group %u", s->number);
	if (s->value)
		fprintf(out, " snaplen %u", s->value);
	fputs(" queue-threshold 1", out);
}

static void text_limit(FILE *out, const struct ruleset_statement *s)
{
	fprintf(out, "limit rate %u/second burst %u packets", s->number, s->value);
}

static void (*const text_kinds[RULESET_KINDS])(FILE *out, const struct ruleset_statement *s) = {
	[RULESET_IIFNAME] = text_iifname,
	[RULESET_SDIFNAME] = text_sdifname,
	[RULESET_SDIF] = text_sdif,
	[RULESET_OIFNAME_NOT_LO] = text_oifname_not_lo,
	[RULESET_OIFNAME] = text_oifname,
	[RULESET_SOCKET] = text_socket,
	[RULESET_L4PROTO] = text_l4proto,
	[RULESET_CT_DIRECTION] = text_ct_direction,
	[RULESET_CT_STATE] = text_ct_state,
	[RULESET_CT_PORT] = text_ct_port,
	[RULESET_CT_ADDRESS] = text_ct_address,
	[RULESET_RAW_MASKED] = text_raw_masked,
	[RULESET_RAW_NOT] = text_raw_not,
	[RULESET_FIB] = text_fib,
	[RULESET_ADDRESS] = text_lookup,
	[RULESET_DPORT] = text_dport,
	[RULESET_ICMP_ECHO] = text_icmp_echo,
	[RULESET_TUPLE] = text_lookup,
	[RULESET_COUNTER] = text_counter,
	[RULESET_VERDICT] = text_verdict,
	[RULESET_REJECT] = text_reject,
	[RULESET_QUEUE] = text_queue,
	[RULESET_LOG] = text_log,
	[RULESET_LIMIT] = text_limit,
	[RULESET_IIFNAME_NOT_LO] = text_iifname_not_lo,
	[RULESET_ASSIST] = text_assist,
	[RULESET_CT_MARK] = text_ct_mark,
	[RULESET_SET_CT_MARK] = text_set_ct_mark,
	[RULESET_SET_MARK] = text_set_mark,
};

/* ---- chains ---- */

/* nft spells a priority by the name that is no more than ten away from it. */
static void text_priority(FILE *out, const struct ruleset_chain *chain)
{
	static const struct {
		const char *name;
		int priority;
		bool prerouting; /* there alone */
	} names[] = {
		{ "mangle", -150, false }, { "dstnat", -100, true }, { "filter", 0, false }, { "security", 50, false }
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int away = chain->priority - names[i].priority;

		if (away < -10 || away > 10 || (names[i].prerouting && chain->hook != RULESET_PREROUTING))
			continue;
		fputs(names[i].name, out);
		if (away)
			fprintf(out, " %c %d", away < 0 ? '-' : '+', away < 0 ? -away : away);
		return;
	}
	fprintf(out, "%d", chain->priority);
}

static void text_chain(FILE *out, const struct ruleset_chain *chain)
{
	static const char *const hooks[] = { [RULESET_PREROUTING] = "prerouting",
					     [RULESET_FORWARD] = "forward",
					     [RULESET_INPUT] = "input",
					     [RULESET_OUTPUT] = "output" };

	fprintf(out, "\n\tchain %s {\n", chain->name);
	if (chain->hook != RULESET_UNHOOKED) {
		fprintf(out, "\t\ttype filter hook %s priority ", hooks[chain->hook]);
		text_priority(out, chain);
		fputs("; policy accept;\n", out);
	}
	for (const struct ruleset_rule *rule = chain->rules; rule; rule = rule->next)
		for (size_t i = 0; i < rule->count; i++) {
			fputs(i ? " " : "\t\t", out);
			text_kinds[rule->statements[i].kind](out, &rule->statements[i]);
			fputs(i + 1 < rule->count ? "" : "\n", out);
		}
	fputs("\t}\n", out);
}

void ruleset_print(const struct ruleset *ruleset, FILE *out)
{
	fprintf(out, "table inet %s {\n\tcomment \"%s\"\n", ruleset->name, RULESET_LAYOUT);
	for (const struct ruleset_counter *counter = ruleset_counters; counter->name; counter++)
		fprintf(out, "%s\tcounter %s {\n\t}\n", counter == ruleset_counters ? "" : "\n", counter->name);
	for (const struct ruleset_set *set = ruleset->sets; set; set = set->next)
		text_set(out, set);
	for (const struct ruleset_chain *chain = ruleset->chains; chain; chain = chain->next)
		text_chain(out, chain);
	fputs("}\n", out);
}
