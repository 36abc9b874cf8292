/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/syscalls.h"

#include "base/features.h"

#if NFQDN_WITH_SECCOMP
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* A name that an architecture or the library does not know is passed over. */
/* clang-format off */
static const char *const calls[] = {
	/* sockets, events and time */
	"accept4", "bind", "connect", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"eventfd2", "getpeername", "getsockname", "getsockopt", "poll", "ppoll", "ppoll_time64", "read", "readv",
	"recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto",
	"setsockopt", "shutdown", "write", "writev", "clock_getres", "clock_getres_time64", "clock_gettime",
	"clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "gettimeofday", "nanosleep", "time",
	"getrandom",
	/* files: where, says Landlock */
	"_llseek", "access", "close", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fcntl", "fcntl64",
	"fdatasync", "fstat", "fstat64", "fstatat64", "fsync", "ftruncate", "ftruncate64", "getcwd", "getdents",
	"getdents64", "lseek", "lstat", "lstat64", "mkdir", "mkdirat", "newfstatat", "open", "openat", "pread64",
	"readlink", "readlinkat", "rename", "renameat", "renameat2", "rmdir", "stat", "stat64", "statx", "umask",
	"unlink", "unlinkat",
	/* memory and threads */
	"brk", "exit", "exit_group", "futex", "futex_time64", "get_robust_list", "getegid", "geteuid", "getgid",
	"getpid", "gettid", "getuid", "madvise", "membarrier", "mremap", "munmap", "restart_syscall", "rseq",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity", "sched_yield",
	"set_robust_list", "set_tid_address", "sigaltstack", "sigreturn", "sysinfo", "tgkill", "uname",
};
/* clang-format on */

/* The leak checker stops the other threads as a debugger does; reports are symbolized from /proc. */
/* clang-format off */
static const char *const sanitizer_calls[] = {
	"arch_prctl", "clone", "getppid", "getrlimit", "kill", "mmap", "mprotect", "pipe", "pipe2", "prctl",
	"prlimit64", "process_vm_readv", "ptrace", "socketpair", "wait4", "waitid",
};
/* clang-format on */

static int allow(scmp_filter_ctx filter, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

static int allow_if(scmp_filter_ctx filter, const char *name, struct scmp_arg_cmp condition)
{
	int number = seccomp_syscall_resolve_name(name);

	return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &condition);
}

static int allow_all(scmp_filter_ctx filter, const char *const *names, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++)
		error = allow(filter, names[i]);
	return error;
}

/* Calls of which a part is allowed: the numbers are those of the argument that tells. */
static int allow_parts(scmp_filter_ctx filter)
{
#ifdef __s390__
	const unsigned int clone_flags = 1;
#else
	const unsigned int clone_flags = 0;
#endif
	const struct part {
		const char *name;
		struct scmp_arg_cmp condition;
	} parts[] = {
		{ "socket", { 0, SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_NETLINK } },
		{ "clone", { clone_flags, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD } },
		{ "mmap", { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
		{ "mmap2", { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
		{ "mprotect", { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
		{ "ioctl", { 1, SCMP_CMP_MASKED_EQ, UINT32_MAX, TCGETS } }, /* is it a terminal? asks stdio */
		{ "ioctl", { 1, SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCGWINSZ } }, /* that of musl */
		{ "prlimit64", { 2, SCMP_CMP_EQ, 0, 0 } }, /* reads only */
	};
	int error = 0, clone3 = seccomp_syscall_resolve_name("clone3");

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && error == 0; i++)
		error = allow_if(filter, parts[i].name, parts[i].condition);
	/* Its flags are in memory, where no filter sees them: libraries take clone() instead. */
	if (error == 0 && clone3 != __NR_SCMP_ERROR)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), clone3, 0);
	return error;
}

/* On maps that are open: no program, no map, nothing by its id or path. Programs that run see what was written. */
static int allow_map_elements(scmp_filter_ctx filter)
{
	static const enum bpf_cmd commands[] = { BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
						 BPF_MAP_GET_NEXT_KEY, BPF_MAP_UPDATE_BATCH };
	int error = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && error == 0; i++)
		error = allow_if(filter, "bpf",
				 (struct scmp_arg_cmp) { 0, SCMP_CMP_MASKED_EQ, UINT32_MAX, commands[i] });
	return error;
}

/* EPERM for the rest: what a C library tries and can do without must not end the daemon. NFQDN_SECCOMP_KILL makes a
 * build for finding such calls. */
#ifdef NFQDN_SECCOMP_KILL
#define OTHERWISE SCMP_ACT_KILL_PROCESS
#else
#define OTHERWISE SCMP_ACT_ERRNO(EPERM)
#endif

int syscalls_restrict(bool maps)
{
	scmp_filter_ctx filter = seccomp_init(OTHERWISE);
	int error = filter ? 0 : -ENOMEM;

	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (error == 0)
		error = allow_all(filter, calls, sizeof(calls) / sizeof(calls[0]));
	if (error == 0)
		error = allow_parts(filter);
	if (error == 0 && maps)
		error = allow_map_elements(filter);
	if (error == 0 && FEATURES_SANITIZED)
		error = allow_all(filter, sanitizer_calls, sizeof(sanitizer_calls) / sizeof(sanitizer_calls[0]));
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}
#else
int syscalls_restrict(bool maps)
{
	(void)maps;
	return 0;
}
#endif
