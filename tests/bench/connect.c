/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New connections as fast as they go.
 * connect serve PORT              accepts on every address and closes
 * connect ask ADDRESS SPREAD PORT SECONDS
 *                                 connects to SPREAD addresses from ADDRESS on, in turn, 32 at once, and resets what is
 *                                 open; prints how many a second, how many failed, and how many there were */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW 32
#define PATIENCE 2.0 /* seconds without any end of a connection */

static int serve(uint16_t port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(fd, 4096) < 0) {
		perror("listen");
		return 1;
	}
	for (;;) {
		int peer = accept(fd, NULL, NULL);

		if (peer >= 0)
			close(peer);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct asker {
	uint32_t first, spread;
	uint16_t port;
	int epoll;
	uint32_t begun, ended, failed;
};

static void start(struct asker *asker)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(asker->port) };
	struct linger reset = { 1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct epoll_event event = { .events = EPOLLOUT, .data.fd = fd };

	to.sin_addr.s_addr = htonl(asker->first + asker->begun % asker->spread);
	asker->begun++;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if ((connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) ||
	    epoll_ctl(asker->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		asker->ended++;
		asker->failed++;
		close(fd);
	}
}

static void end(struct asker *asker, int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	asker->ended++;
	asker->failed += error != 0;
	close(fd);
}

static int ask(struct asker *asker, double time)
{
	double began = seconds(), last = began;

	asker->epoll = epoll_create1(0);
	while (seconds() - began < time || asker->ended < asker->begun) {
		struct epoll_event events[WINDOW];
		int count;

		while (seconds() - began < time && asker->begun - asker->ended < WINDOW)
			start(asker);
		count = epoll_wait(asker->epoll, events, WINDOW, 100);
		for (int i = 0; i < count; i++)
			end(asker, events[i].data.fd);
		if (count > 0)
			last = seconds();
		else if (seconds() - last > PATIENCE)
			break;
	}
	asker->failed += asker->begun - asker->ended;
	printf("%.1f %u %u\n", asker->ended / (last - began), asker->failed, asker->begun);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve((uint16_t)strtoul(argv[2], NULL, 10));
	if (argc == 6 && strcmp(argv[1], "ask") == 0) {
		struct asker asker = { .spread = (uint32_t)strtoul(argv[3], NULL, 10),
				       .port = (uint16_t)strtoul(argv[4], NULL, 10) };

		inet_pton(AF_INET, argv[2], &asker.first);
		asker.first = ntohl(asker.first);
		return asker.spread ? ask(&asker, strtod(argv[5], NULL)) : 2;
	}
	fprintf(stderr, "usage: connect serve PORT | connect ask ADDRESS SPREAD PORT SECONDS\n");
	return 2;
}
