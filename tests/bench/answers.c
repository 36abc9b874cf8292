/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions and answers as fast as they go, to measure what stands between.
 * answers serve ADDRESS           answers every question on port 53 with one A record, made of its name's hash
 * answers ask ADDRESS COUNT same|fresh NAME
 *                                 asks COUNT times for NAME (same), or for a new name below it each time (fresh), 32 at
 *                                 once; prints microseconds an answer, and of all processors' time */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW 32
#define QUESTION_MAX 300

static const struct sockaddr_in *address_of(const char *text)
{
	static struct sockaddr_in address = { .sin_family = AF_INET };

	address.sin_port = htons(53);
	inet_pton(AF_INET, text, &address.sin_addr);
	return &address;
}

static int serve(const char *address)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 20, 0, 0, 1 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (bind(fd, (const struct sockaddr *)address_of(address), sizeof(struct sockaddr_in)) < 0) {
		perror("bind");
		return 1;
	}
	for (;;) {
		struct sockaddr_in peer;
		socklen_t size = sizeof(peer);
		uint8_t message[QUESTION_MAX + sizeof(record)];
		ssize_t length = recvfrom(fd, message, QUESTION_MAX, 0, (struct sockaddr *)&peer, &size);
		uint32_t hash = 5381;

		if (length < 12)
			continue;
		for (ssize_t i = 12; i < length; i++)
			hash = hash * 33 + message[i];
		message[2] = 0x81;
		message[3] = 0x80;
		message[7] = 1;
		memcpy(message + length, record, sizeof(record));
		message[(size_t)length + 13] = (uint8_t)(1 + hash % 100);
		message[(size_t)length + 14] = (uint8_t)(hash >> 8);
		message[(size_t)length + 15] = (uint8_t)(hash >> 16);
		sendto(fd, message, (size_t)length + sizeof(record), 0, (struct sockaddr *)&peer, size);
	}
}

static size_t question(uint8_t out[QUESTION_MAX], const char *name, unsigned int number, int fresh)
{
	uint8_t *at = out + 12;
	char text[QUESTION_MAX / 2];

	memset(out, 0, 12);
	out[0] = (uint8_t)(number >> 8);
	out[1] = (uint8_t)number;
	out[2] = 1;
	out[5] = 1;
	if (fresh)
		snprintf(text, sizeof(text), "n%u-%d.%s", number, (int)getpid(), name);
	else
		snprintf(text, sizeof(text), "%s", name);
	for (char *label = strtok(text, "."); label; label = strtok(NULL, ".")) {
		*at++ = (uint8_t)strlen(label);
		memcpy(at, label, strlen(label));
		at += strlen(label);
	}
	memcpy(at, "\0\0\1\0\1", 5);
	return (size_t)(at + 5 - out);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ticks that the processors were busy. */
static double busy(void)
{
	double user = 0, niced = 0, system = 0, idle, wait, hard = 0, soft = 0;
	FILE *file = fopen("/proc/stat", "r");

	if (file) {
		if (fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf", &user, &niced, &system, &idle, &wait, &hard,
			   &soft) != 7)
			user = 0;
		fclose(file);
	}
	return (user + niced + system + hard + soft) / (double)sysconf(_SC_CLK_TCK);
}

static int ask(const char *address, unsigned int count, int fresh, const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	unsigned int sent = 0, received = 0, lost = 0;
	double began = seconds(), worked = busy();
	uint8_t message[QUESTION_MAX];

	if (connect(fd, (const struct sockaddr *)address_of(address), sizeof(struct sockaddr_in)) < 0)
		return 1;
	while (received + lost < count) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		while (sent < count && sent - received - lost < WINDOW) {
			send(fd, message, question(message, name, sent, fresh), 0);
			sent++;
		}
		if (poll(&wait, 1, 2000) <= 0)
			lost = sent - received; /* a datagram may go */
		else if (recv(fd, message, sizeof(message), 0) > 0)
			received++;
	}
	printf("%.1f %.1f %u\n", (seconds() - began) * 1e6 / count, (busy() - worked) * 1e6 / count, lost);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc == 6 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], (unsigned int)strtoul(argv[3], NULL, 10), strcmp(argv[4], "fresh") == 0, argv[5]);
	fprintf(stderr, "usage: answers serve ADDRESS | answers ask ADDRESS COUNT same|fresh NAME\n");
	return 2;
}
