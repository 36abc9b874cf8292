/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a program asks nfqdnd: cc -o control-example control-example.c; ./control-example SOCKET COMMAND
 * Prints the answer's line. The protocol is told in daemon/control/protocol.h. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A connection, as a stream of lines; NULL when nobody listens. */
static FILE *dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return NULL;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return NULL;
	}
	return fdopen(fd, "r+");
}

/* Only words are safe here: other text must be written as JSON writes it. */
static int ask(FILE *daemon, const char *command)
{
	int c;

	fprintf(daemon, "{\"api\":1,\"command\":\"%s\"}\n", command);
	fflush(daemon);
	while ((c = getc(daemon)) != EOF && c != '\n') /* an answer is one line, of any length */
		putchar(c);
	putchar('\n');
	return c == '\n' ? 0 : 1;
}

int main(int argc, char **argv)
{
	FILE *daemon = argc == 3 ? dial(argv[1]) : NULL;

	if (!daemon || argv[2][strspn(argv[2], "abcdefghijklmnopqrstuvwxyz")] != '\0') {
		fprintf(stderr, "usage: control-example SOCKET COMMAND, with a daemon at SOCKET\n");
		return 2;
	}
	return ask(daemon, argv[2]);
}
