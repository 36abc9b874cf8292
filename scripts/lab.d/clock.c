/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lab's clock for nfqdnd (LD_PRELOAD): what the kernel says, plus what stands in the file that NFQDN_LAB_CLOCK names: seconds of the
 * wall clock, of CLOCK_MONOTONIC and of CLOCK_BOOTTIME. The file is mapped before nfqdnd shuts itself in, so that it can be stepped later. A
 * time namespace cannot do this: it has no wall clock, and its offsets are fixed before the first process enters it. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offsets;

__attribute__((constructor)) static void map_offsets(void)
{
	const char *path = getenv("NFQDN_LAB_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	void *map = mmap(NULL, 3 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

	close(fd);
	if (map != MAP_FAILED)
		offsets = map;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long status = syscall(SYS_clock_gettime, clock, now);

	if (status == 0 && offsets)
		now->tv_sec += clock == CLOCK_REALTIME    ? offsets[0]
			       : clock == CLOCK_MONOTONIC ? offsets[1]
			       : clock == CLOCK_BOOTTIME  ? offsets[2]
							  : 0;
	return (int)status;
}
