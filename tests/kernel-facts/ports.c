/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `th sport` and `th dport` read of ICMP: how echo requests stand in the learned sets beside TCP and UDP, and why
 * ICMP must not come to a rule that reads a port. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include "fact.h"

#define RULES                                                                                                          \
	"table inet f {\n counter n_type {\n }\n counter n_checksum {\n }\n"                                           \
	" set s {\n type ipv4_addr . inet_proto . inet_service\n elements = { 127.0.0.1 . icmp . 2048 }\n }\n"         \
	" chain o {\n type filter hook output priority 0\n"                                                            \
	" icmp type echo-request ip daddr . meta l4proto . th sport @s counter name n_type\n"                          \
	" meta l4proto icmp ip daddr . meta l4proto . th dport @s counter name n_checksum\n }\n}\n"

static uint16_t checksum(const uint16_t *words, size_t count)
{
	uint32_t sum = 0;

	while (count--)
		sum += *words++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* An echo request (or another type) with this checksum: the last word of its data is chosen for it. */
static void send_icmp(uint8_t type, uint16_t wanted)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct {
		struct icmphdr header;
		uint16_t data[4];
	} packet = { .header = { .type = type } };
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	if (wanted) {
		/* sum(words) + checksum = 0xffff */
		packet.header.checksum = htons(wanted);
		packet.data[3] = checksum((const uint16_t *)(const void *)&packet, sizeof(packet) / 2);
	} else {
		packet.header.checksum = checksum((const uint16_t *)(const void *)&packet, sizeof(packet) / 2);
	}
	if (fd < 0 || sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		perror("# sendto");
	close(fd);
}

static bool counted(const char *name, unsigned int packets)
{
	char command[128], text[32];

	snprintf(command, sizeof(command), "nft list counter inet f %s", name);
	snprintf(text, sizeof(text), "packets %u ", packets);
	return shows(command, text);
}

int main(void)
{
	facts_begin();
	if (!nft(RULES)) {
		fact(false, "the rules are taken");
		return facts_end();
	}
	send_icmp(ICMP_ECHO, 0);
	fact(counted("n_type", 1), "th sport of an echo request is its type and code, 2048");
	fact(counted("n_checksum", 0), "th dport is something else");
	send_icmp(ICMP_ECHO, 2048);
	fact(counted("n_checksum", 1), "it is the checksum, which the sender can choose");
	send_icmp(ICMP_TIMESTAMP, 2048);
	fact(counted("n_checksum", 2) && counted("n_type", 2), "of any type of ICMP");
	return facts_end();
}
