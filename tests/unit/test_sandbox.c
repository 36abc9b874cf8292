/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process can still do in the state that nfqdnd runs in: each attempt in a child that entered it, and the other
 * side, that a child which did not could do it. Needs root. */
/* LINK: control/privileges.o control/sandbox.o control/landlock.o control/syscalls.o base/log.o */
/* LIBS: libcap-ng libseccomp */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/features.h"
#include "control/privileges.h"
#include "control/sandbox.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define USER "65534"

static char folder[] = "/tmp/nfqdn-sandbox-XXXXXX";

static const char *at(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* ---- attempts: 0 or errno ---- */

static int opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int reads_configuration(void)
{
	return opens(at("conf/nfqdn.conf"), O_RDONLY);
}

static int reads_catalog(void)
{
	return opens(at("data/a.json"), O_RDONLY);
}

static int reads_catalog_behind_a_link(void)
{
	return opens(at("conf/linked.conf"), O_RDONLY);
}

static int writes_state(void)
{
	char fresh[256];
	int error;

	snprintf(fresh, sizeof(fresh), "%s", at("state/learned.new"));
	error = opens(fresh, O_WRONLY | O_CREAT | O_EXCL);
	if (error)
		return error;
	return rename(fresh, at("state/learned")) < 0 ? errno : 0;
}

static int moves_state_away(void)
{
	char kept[256];

	snprintf(kept, sizeof(kept), "%s", at("state/kept"));
	return rename(kept, at("elsewhere/kept")) < 0 ? errno : 0;
}

static int exchanges_folders_of_state(void)
{
	char one[256];

	snprintf(one, sizeof(one), "%s", at("state/one"));
	if (mkdir(one, 0700) < 0 || mkdir(at("state/two"), 0700) < 0)
		return errno;
	if (syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, at("state/two"), 2 /* RENAME_EXCHANGE */) < 0)
		return errno;
	return rmdir(one) < 0 || rmdir(at("state/two")) < 0 ? errno : 0;
}

static int removes_socket(void)
{
	return unlink(at("run/control.sock")) < 0 ? errno : 0;
}

static int opens_netlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void *nothing(void *context)
{
	return context;
}

static int makes_threads(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, nothing, NULL);

	return error ? error : pthread_join(thread, NULL);
}

static int writes_configuration(void)
{
	return opens(at("conf/nfqdn.conf"), O_WRONLY);
}

static int writes_catalog(void)
{
	return opens(at("data/new.json"), O_WRONLY | O_CREAT);
}

static int reads_elsewhere(void)
{
	return opens(at("elsewhere/secret"), O_RDONLY);
}

static int lists_elsewhere(void)
{
	return opens(at("elsewhere"), O_RDONLY | O_DIRECTORY);
}

static int writes_elsewhere(void)
{
	return opens(at("elsewhere/new"), O_WRONLY | O_CREAT);
}

static int reads_passwd(void)
{
	return opens("/etc/passwd", O_RDONLY);
}

static int leaves_socket(void)
{
	return opens(at("run/new"), O_WRONLY | O_CREAT);
}

static void *reads_in_thread(void *context)
{
	*(int *)context = reads_elsewhere();
	return NULL;
}

static int reads_elsewhere_in_a_thread(void)
{
	pthread_t thread;
	int error = 0;

	if (pthread_create(&thread, NULL, reads_in_thread, &error) || pthread_join(thread, NULL))
		return EIO;
	return error;
}

static int executes(void)
{
	char *const arguments[] = { "true", NULL };

	if (fcntl(STDOUT_FILENO, F_SETFD, FD_CLOEXEC) < 0)
		return EIO;
	execv("/bin/true", arguments);
	return errno; /* or the status of true(1), which is 0 */
}

static int forks(void)
{
	pid_t child = fork();

	if (child < 0)
		return errno;
	if (child == 0)
		_exit(0);
	return waitpid(child, NULL, 0) < 0 ? errno : 0;
}

static int makes_code(void)
{
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? errno : munmap(map, 4096);
}

static int turns_data_into_code(void)
{
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? EIO : mprotect(map, 4096, PROT_READ | PROT_EXEC) < 0 ? errno : 0;
}

static int traces(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
}

static int makes_namespace(void)
{
	return unshare(CLONE_NEWUTS) < 0 ? errno : 0;
}

static int opens_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int opens_tcp(void)
{
	return opens_socket(AF_INET, SOCK_STREAM, 0);
}

static int opens_udp6(void)
{
	return opens_socket(AF_INET6, SOCK_DGRAM, 0);
}

static int opens_packet(void)
{
	return opens_socket(AF_PACKET, SOCK_RAW, 0);
}

static int opens_local(void)
{
	return opens_socket(AF_UNIX, SOCK_STREAM, 0);
}

static int becomes_root(void)
{
	return setresuid(0, 0, 0) < 0 ? errno : 0;
}

static int becomes_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ? errno : 0;
}

static int changes_bounding_set(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0) < 0 ? errno : 0;
}

/* ---- eBPF: what was open before ---- */

static int map, program; /* -1: this kernel or container has none */
static uint32_t id; /* of the map */

static int ask(enum bpf_cmd command, union bpf_attr *attributes)
{
	long result = syscall(SYS_bpf, command, attributes, sizeof(*attributes));

	return result < 0 ? -errno : (int)result;
}

static int make_map(void)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_type = BPF_MAP_TYPE_HASH;
	attributes.key_size = attributes.value_size = sizeof(uint64_t);
	attributes.max_entries = 4;
	return ask(BPF_MAP_CREATE, &attributes);
}

static int load_program(void)
{
	static const struct bpf_insn code[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
						{ .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attributes.insns = (uintptr_t)code;
	attributes.insn_cnt = 2;
	attributes.license = (uintptr_t) "GPL";
	return ask(BPF_PROG_LOAD, &attributes);
}

static int element(enum bpf_cmd command)
{
	uint64_t key = 1, value = 2;
	union bpf_attr attributes;
	int result;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_fd = (uint32_t)map;
	attributes.key = command == BPF_MAP_GET_NEXT_KEY ? 0 : (uintptr_t)&key;
	if (command != BPF_MAP_DELETE_ELEM)
		attributes.value = (uintptr_t)&value;
	result = ask(command, &attributes);
	return result < 0 ? -result : 0;
}

static int elements(void)
{
	uint64_t keys[2] = { 2, 3 }, values[2] = { 4, 5 };
	union bpf_attr attributes;
	int result;

	memset(&attributes, 0, sizeof(attributes));
	attributes.batch.map_fd = (uint32_t)map;
	attributes.batch.keys = (uintptr_t)keys;
	attributes.batch.values = (uintptr_t)values;
	attributes.batch.count = 2;
	result = ask(BPF_MAP_UPDATE_BATCH, &attributes);
	return result < 0 ? -result : 0;
}

static int changes_map(void)
{
	static const enum bpf_cmd commands[] = { BPF_MAP_UPDATE_ELEM, BPF_MAP_LOOKUP_ELEM, BPF_MAP_GET_NEXT_KEY,
						 BPF_MAP_DELETE_ELEM };
	int error = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && error == 0; i++)
		error = element(commands[i]);
	return error ? error : elements();
}

static int descriptor(int fd)
{
	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

static int makes_map(void)
{
	return descriptor(make_map());
}

static int loads_program(void)
{
	return descriptor(load_program());
}

static void open_ebpf(void)
{
	struct bpf_map_info info = { 0 };
	union bpf_attr attributes;

	map = make_map();
	program = load_program();
	memset(&attributes, 0, sizeof(attributes));
	attributes.info.bpf_fd = (uint32_t)map;
	attributes.info.info_len = sizeof(info);
	attributes.info.info = (uintptr_t)&info;
	if (ask(BPF_OBJ_GET_INFO_BY_FD, &attributes) == 0)
		id = info.id;
}

/* As others' maps could be. */
static int opens_map(void)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_id = id;
	return descriptor(ask(BPF_MAP_GET_FD_BY_ID, &attributes));
}

static int lists_maps(void)
{
	union bpf_attr attributes;
	int error;

	memset(&attributes, 0, sizeof(attributes));
	error = ask(BPF_MAP_GET_NEXT_ID, &attributes);
	return error < 0 ? -error : 0;
}

static int runs_program(void)
{
	uint8_t packet[64] = { 0 };
	union bpf_attr attributes;
	int error;

	memset(&attributes, 0, sizeof(attributes));
	attributes.test.prog_fd = (uint32_t)program;
	attributes.test.data_in = (uintptr_t)packet;
	attributes.test.data_size_in = sizeof(packet);
	error = ask(BPF_PROG_TEST_RUN, &attributes);
	return error < 0 ? -error : 0;
}

static int freezes_map(void)
{
	union bpf_attr attributes;
	int error;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_fd = (uint32_t)map;
	error = ask(BPF_MAP_FREEZE, &attributes);
	return error < 0 ? -error : 0;
}

#define SANITIZER_NEEDS true
#define LANDLOCK true

static const struct attempt {
	const char *what;
	int (*try)(void);
	int error; /* in the sandbox; outside all is possible */
	bool landlock; /* without it there is no error */
	bool sanitizer; /* in whose builds there is none */
} attempts[] = {
	{ "reads the configuration", reads_configuration, 0, false, false },
	{ "reads the catalog", reads_catalog, 0, false, false },
	{ "reads a configuration that is a link to another folder", reads_catalog_behind_a_link, 0, false, false },
	{ "writes state", writes_state, 0, false, false },
	{ "exchanges folders of the state", exchanges_folders_of_state, 0, false, false },
	{ "removes its socket", removes_socket, 0, false, false },
	{ "opens netlink sockets", opens_netlink, 0, false, false },
	{ "makes threads", makes_threads, 0, false, false },
	{ "writes the configuration", writes_configuration, EACCES, LANDLOCK, false },
	{ "writes the catalog", writes_catalog, EACCES, LANDLOCK, false },
	{ "reads elsewhere", reads_elsewhere, EACCES, LANDLOCK, false },
	{ "lists elsewhere", lists_elsewhere, EACCES, LANDLOCK, false },
	{ "writes elsewhere", writes_elsewhere, EACCES, LANDLOCK, false },
	{ "reads /etc/passwd", reads_passwd, EACCES, LANDLOCK, false },
	{ "leaves files beside its socket", leaves_socket, EACCES, LANDLOCK, false },
	{ "moves state elsewhere", moves_state_away, EACCES, LANDLOCK, false },
	{ "reads elsewhere in a thread made later", reads_elsewhere_in_a_thread, EACCES, LANDLOCK, false },
	{ "executes a program", executes, EPERM, false, false },
	{ "makes a process", forks, EPERM, false, SANITIZER_NEEDS },
	{ "makes memory executable", makes_code, EPERM, false, SANITIZER_NEEDS },
	{ "turns data into code", turns_data_into_code, EPERM, false, SANITIZER_NEEDS },
	{ "is traced", traces, EPERM, false, SANITIZER_NEEDS },
	{ "makes a namespace", makes_namespace, EPERM, false, false },
	{ "opens a TCP socket", opens_tcp, EPERM, false, false },
	{ "opens a UDP socket", opens_udp6, EPERM, false, false },
	{ "opens a packet socket", opens_packet, EPERM, false, false },
	{ "opens a local socket", opens_local, EPERM, false, false },
	{ "becomes root again", becomes_root, EPERM, false, false },
	{ "becomes dumpable again", becomes_dumpable, EPERM, false, SANITIZER_NEEDS },
	{ "changes its bounding set", changes_bounding_set, EPERM, false, false },
};

static const struct attempt with_maps[] = {
	{ "changes elements of a map that is open", changes_map, 0, false, false },
	{ "makes a map", makes_map, EPERM, false, false },
	{ "loads a program", loads_program, EPERM, false, false },
	{ "runs a program", runs_program, EPERM, false, false },
	{ "opens a map by its id", opens_map, EPERM, false, false },
	{ "lists maps", lists_maps, EPERM, false, false },
	{ "makes a map constant", freezes_map, EPERM, false, false },
};

static const struct attempt without_maps[] = {
	{ "changes elements of a map that is open", changes_map, EPERM, false, false },
	{ "makes a map", makes_map, EPERM, false, false },
	{ "loads a program", loads_program, EPERM, false, false },
};

/* ---- a child ---- */

static int enter(bool maps, int *landlock)
{
	struct config_text catalog = { at("data"), 1 };
	struct config config = { .control = strdup(at("run/control.sock")), .state = strdup(at("state")) };
	struct privileges privileges;

	catalog.text = strdup(at("data"));
	config.catalog = (struct config_texts) { &catalog, 1, 1 };
	if (privileges_find(USER, &privileges) < 0 || privileges_drop(&privileges) < 0)
		return -1;
	return sandbox_enter(&config, strdup(at("conf/linked.conf")), false, maps, landlock);
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(at(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(at(name), 0666), 0);
}

/* Everybody may do everything there, so that only the sandbox is in the way. */
static void furnish(void)
{
	static const char *const folders[] = { "conf", "data", "state", "run", "elsewhere", "behind" };
	char behind[256];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)mkdir(at(folders[i]), 0777);
		assert_int_equal(chmod(at(folders[i]), 0777), 0);
	}
	put("conf/nfqdn.conf", "");
	put("behind/linked.conf", "");
	put("data/a.json", "{}");
	put("run/control.sock", "");
	put("elsewhere/secret", "secret");
	snprintf(behind, sizeof(behind), "%s", at("behind/linked.conf"));
	(void)unlink(at("conf/linked.conf"));
	assert_int_equal(symlink(behind, at("conf/linked.conf")), 0);
	put("state/kept", "");
	(void)unlink(at("elsewhere/kept"));
}

/* Status: that of the attempt, or 255 when the state could not be entered. */
static int run_child(const struct attempt *attempt, bool maps, bool inside)
{
	int status = 0;
	pid_t child;

	furnish();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int landlock = 0;

		open_ebpf();
		if (inside && enter(maps, &landlock) < 0)
			_exit(255);
		if (inside && attempt->landlock && landlock == 0)
			_exit(254);
		_exit(attempt->try());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void try_all(const struct attempt *rows, size_t count, bool maps)
{
	for (size_t i = 0; i < count; i++) {
		const struct attempt *attempt = &rows[i];
		int outside = run_child(attempt, maps, false), inside;

		if (SANITIZED && attempt->sanitizer)
			continue;
		if (!NFQDN_WITH_SECCOMP && attempt->error == EPERM)
			continue;
		inside = run_child(attempt, maps, true);
		if (outside != 0 || (inside != attempt->error && inside != 254))
			fail_msg("%s: outside %d, inside %d, not %d", attempt->what, outside, inside, attempt->error);
		if (inside == 254)
			print_message("# no Landlock here: %s\n", attempt->what);
	}
}

static void inside_and_outside(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	try_all(attempts, sizeof(attempts) / sizeof(attempts[0]), false);
}

static void elements_alone(void **state)
{
	(void)state;
	open_ebpf();
	if (geteuid() != 0 || map < 0 || program < 0)
		skip();
	try_all(with_maps, sizeof(with_maps) / sizeof(with_maps[0]), true);
	try_all(without_maps, sizeof(without_maps) / sizeof(without_maps[0]), false);
}

static int prepare(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	umask(0);
	return mkdtemp(folder) && chmod(folder, 0777) == 0 ? 0 : -1;
}

static int remove_all(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(inside_and_outside), cmocka_unit_test(elements_alone) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, prepare, remove_all);
}
