/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define PATH_SIZE 4096

/* ---- Landlock: its numbers by hand, since headers are older than kernels ---- */

#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_TRUNCATE (1ULL << 14)
#define NET_TCP 3ULL /* bind, connect */
#define SCOPES 3ULL /* abstract sockets, signals */
#define READS (FS_READ_FILE | FS_READ_DIR)
#define WRITES (READS | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_TRUNCATE)

#define RULE_PATH_BENEATH 1
#define GET_VERSION 1u
#ifndef SYS_landlock_create_ruleset /* the same number on every architecture that has it */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* A kernel takes a longer one than it knows when the rest is 0. */
struct ruleset {
	uint64_t fs, net, scopes;
};

struct rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* What each version decides: all of it is denied but for the rules. */
static struct ruleset decided(int version)
{
	struct ruleset ruleset = { .fs = (1ULL << 13) - 1 };

	if (version >= 2)
		ruleset.fs |= 1ULL << 13; /* REFER */
	if (version >= 3)
		ruleset.fs |= FS_TRUNCATE;
	if (version >= 4)
		ruleset.net = NET_TCP;
	if (version >= 5)
		ruleset.fs |= 1ULL << 15; /* IOCTL_DEV */
	if (version >= 6)
		ruleset.scopes = SCOPES;
	return ruleset;
}

/* What is not there needs no rule: it can neither be read nor made. */
static int allow_path(int rules, const char *path, uint64_t allowed)
{
	struct rule rule = { .allowed = allowed, .parent = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY) };
	int error = 0;

	if (rule.parent < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0) < 0)
		error = -errno;
	close(rule.parent);
	return error;
}

static int allow_folder_of(int rules, const char *path, uint64_t allowed)
{
	char folder[PATH_SIZE];
	const char *slash = strrchr(path, '/');

	if (slash && slash - path >= PATH_SIZE)
		return -ENAMETOOLONG;
	if (slash && slash != path)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	else
		snprintf(folder, sizeof(folder), "%s", slash ? "/" : ".");
	return allow_path(rules, folder, allowed);
}

/* Where a link leads: to a file elsewhere, whose folder is read, too. */
static int allow_target_of(int rules, const char *path, uint64_t allowed)
{
	char *target = realpath(path, NULL);
	int error = target ? allow_folder_of(rules, target, allowed) : 0;

	free(target);
	return error;
}

static int allow_paths(int rules, const struct config *config, const char *config_path, bool everywhere, uint64_t fs)
{
	int error = everywhere ? allow_path(rules, "/", READS) : allow_folder_of(rules, config_path, READS);

	if (error == 0)
		error = allow_target_of(rules, config_path, READS);
	for (unsigned int i = 0; error == 0 && i < config->catalog.count; i++)
		error = allow_path(rules, config->catalog.items[i].text, READS);
	if (error == 0) /* the overlay may come later */
		error = allow_folder_of(rules, CONFIG_OVERLAY, READS);
	if (error == 0)
		error = allow_path(rules, config->state, WRITES & fs);
	if (error == 0)
		error = allow_folder_of(rules, config->control, FS_REMOVE_FILE);
	if (error == 0 && SANITIZED) /* the leak checker reads maps and threads at the end */
		error = allow_path(rules, "/proc", READS);
	return error;
}

static int restrict_files(const struct config *config, const char *config_path, bool everywhere, int version)
{
	struct ruleset ruleset = decided(version);
	int rules = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0), error;

	if (rules < 0)
		return -errno;
	error = allow_paths(rules, config, config_path, everywhere, ruleset.fs);
	if (error == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		error = -errno;
	close(rules);
	return error;
}

/* ---- seccomp ---- */

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
						 BPF_MAP_GET_NEXT_KEY };
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

static int restrict_calls(bool maps)
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
	if (error == 0 && SANITIZED)
		error = allow_all(filter, sanitizer_calls, sizeof(sanitizer_calls) / sizeof(sanitizer_calls[0]));
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

/* ---- both ---- */

static int failed(const char *stage, int error)
{
	log_error("privileges: %s failed: %s", stage, strerror(-error));
	return error;
}

int sandbox_enter(const struct config *config, const char *config_path, bool everywhere, bool maps, int *landlock)
{
	int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION), error = 0;

	if (version < 0 && errno != ENOSYS && errno != EOPNOTSUPP)
		return failed("asking for Landlock", -errno);
	if (version > 0)
		error = restrict_files(config, config_path, everywhere, version);
	if (error < 0)
		return failed("Landlock", error);
	error = restrict_calls(maps);
	if (error < 0)
		return failed("seccomp", error);
	*landlock = version > 0 ? version : 0;
	return 0;
}
