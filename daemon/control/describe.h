/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the things of the lower floors are spelled in answers: protocols, ports, rows, lifetimes. */
#ifndef NFQDN_CONTROL_DESCRIBE_H
#define NFQDN_CONTROL_DESCRIBE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/monotime.h"
#include "netfilter/element.h"
#include "policy/policy.h"

/* "tcp", "udp", "icmp" (both families) or "other". */
const char *control_describe_proto(uint8_t l4proto);
/* The port as a number, null for echo requests. */
json_t *control_describe_port(uint8_t l4proto, uint16_t port);
/* "tcp/443", "icmp" of an element. */
void control_describe_element_port(const struct element_key *key, char out[VALUE_PORTS_TEXT_SIZE]);
/* ["tcp/443", "tcp/9350-9354", "icmp"]; neighbours that follow each other are told as one range. */
json_t *control_describe_ports(const struct value_ports *ports, size_t count);
/* "service/feature/id", or null. */
json_t *control_describe_row(const struct catalog_row *row);
/* The list (or document) that the row comes from, with its version where it has one; null without a row. */
json_t *control_describe_list(const struct catalog_row *row);
/* Whole seconds that are left, never negative. */
json_t *control_describe_left(struct monotime now, struct monotime deadline);
/* "" for the plain group and for one that is no longer there. */
const char *control_describe_group(const struct policy *policy, uint8_t group);
/* What is believed: ["local", "10.2.0.2"]. */
json_t *control_describe_resolvers(const struct config *config);
const char *control_describe_mode(enum config_mode mode);
const char *control_describe_verify(enum config_verify verify);
/* Does one of `ports` hold this protocol and port as they stand in a set of this family? */
bool control_describe_ports_hold(const struct value_ports *ports, size_t count, enum ipaddr_family family,
				 uint8_t l4proto, uint16_t port);
/* Did this rule bring the element? Its group and port must be the element's. */
bool control_describe_rule_brings(const struct policy_rule *rule, const struct element_key *key);

#endif
