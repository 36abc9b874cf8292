/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: libcap-ng libseccomp */
/* privileges.c and sandbox.c with a kernel of the test's own: whatever call of a stage fails, the start ends there, and
 * says which stage it was. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cap-ng.h>
#include <cmocka.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/features.h"
#include "base/log.h"

#if NFQDN_WITH_SECCOMP
#include <seccomp.h>
#endif

#define USER 4711
#define GROUP 4712

/* Each call that a stage makes, in order. */
enum call {
	BOUNDING_SET,
	BOUNDING_READ, /* what is left in the bounding set */
	KEEP,
	GROUPS,
	CHANGE_GROUP,
	CHANGE_USER,
	KEEP_NO_MORE,
	ONE_CAPABILITY,
	NO_NEW_PRIVS,
	NO_CORE,
	NOT_DUMPABLE,
	LOOK_USER,
	LOOK_CAPABILITIES, /* that one is too many */
	LOOK_BACK, /* that root can be had again */
	LANDLOCK_VERSION,
	LANDLOCK_RULESET,
	LANDLOCK_RULE,
	LANDLOCK_ENTER,
	SECCOMP_THREADS,
	SECCOMP_RULE,
	SECCOMP_LOAD,
	CALLS,
};

static enum call failing;
static bool made[CALLS];
static unsigned int bounding_reads;
static char said[512];

/* What the build leaves out is never called. */
static bool built(enum call call)
{
	if (call >= SECCOMP_THREADS)
		return NFQDN_WITH_SECCOMP;
	return call < LANDLOCK_VERSION || NFQDN_WITH_LANDLOCK;
}

static int answer(enum call call)
{
	made[call] = true;
	if (call != failing)
		return 0;
	errno = EPERM;
	return -1;
}

static int fake_prctl(int option)
{
	switch (option) {
	case PR_SET_KEEPCAPS:
		return answer(made[CHANGE_USER] ? KEEP_NO_MORE : KEEP);
	case PR_SET_NO_NEW_PRIVS:
		return answer(NO_NEW_PRIVS);
	case PR_SET_DUMPABLE:
		return answer(NOT_DUMPABLE);
	case PR_CAPBSET_READ: /* there is one capability, and each is asked for twice */
		if (bounding_reads++ >= 2)
			return -1;
		return answer(BOUNDING_READ) < 0 ? 1 : 0;
	default:
		fail_msg("prctl(%d)", option);
		return -1;
	}
}

static int fake_setresuid(uid_t user)
{
	if (user == USER)
		return answer(CHANGE_USER);
	answer(LOOK_BACK);
	return failing == LOOK_BACK ? 0 : -1; /* root again */
}

static int fake_getresuid(uid_t *real, uid_t *effective, uid_t *saved)
{
	*real = *effective = USER;
	*saved = answer(LOOK_USER) < 0 ? 0 : USER;
	return 0;
}

static int fake_have(capng_type_t which, unsigned int capability)
{
	if (which == CAPNG_EFFECTIVE)
		return 1;
	return (capability == CAP_SYS_ADMIN && answer(LOOK_CAPABILITIES) < 0) || capability == CAP_NET_ADMIN;
}

static int fake_apply(capng_select_t set)
{
	return answer(set == CAPNG_SELECT_BOUNDS ? BOUNDING_SET : ONE_CAPABILITY);
}

#if NFQDN_WITH_LANDLOCK
static int fake_syscall(long number, unsigned int flags)
{
	/* MIPS counts its calls from 4000, 5000 or 6000 */
	enum call call = number % 1000 == 445   ? LANDLOCK_RULE
			 : number % 1000 == 446 ? LANDLOCK_ENTER
			 : flags                ? LANDLOCK_VERSION
						: LANDLOCK_RULESET;

	if (answer(call) < 0)
		return -1;
	return call == LANDLOCK_VERSION ? 3 : call == LANDLOCK_RULESET ? dup(2) : 0;
}
#endif

#if NFQDN_WITH_SECCOMP
static int fake_seccomp(enum call call)
{
	return answer(call) < 0 ? -EPERM : 0;
}
#endif

static void fake_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(said, sizeof(said), format, arguments);
	va_end(arguments);
}

#undef log_error
#define log_error(...) fake_log(__VA_ARGS__)
#define prctl(option, ...) fake_prctl(option)
#define setgroups(count, list) answer(GROUPS)
#define setresgid(a, b, c) ((a) == GROUP ? answer(CHANGE_GROUP) : -1)
#define setresuid(a, b, c) fake_setresuid(a)
#define getresuid fake_getresuid
#define setrlimit(what, limit) ((limit)->rlim_max == 0 ? answer(NO_CORE) : 0)
#define capng_get_caps_process() 0
#define capng_clear(set) ((void)0)
#define capng_update(action, type, capability) 0
#define capng_have_capability fake_have
#define capng_apply fake_apply
#define syscall(number, ...) fake_syscall(number, SYSCALL_FLAGS(__VA_ARGS__, 0, 0, 0))
#define SYSCALL_FLAGS(a, b, c, ...) ((void)(a), (unsigned int)(uintptr_t)(c))
#define seccomp_attr_set(filter, what, value) fake_seccomp(SECCOMP_THREADS)
#define seccomp_rule_add_array(filter, action, number, count, list)                                                    \
	((void)(filter), (void)(list), fake_seccomp(SECCOMP_RULE))
#define seccomp_load(filter) fake_seccomp(SECCOMP_LOAD)
#include "control/privileges.c"
#include "control/landlock.c"
#include "control/syscalls.c"
#include "control/sandbox.c"

static int drop_all(void)
{
	const struct privileges privileges = { .uid = USER, .gid = GROUP, .change = true, .name = "nfqdn" };
	const struct config config = { .control = "/tmp/control.sock", .state = "/tmp" };
	int error, landlock = -1;

	memset(made, 0, sizeof(made));
	said[0] = '\0';
	bounding_reads = 0;
	error = privileges_drop(&privileges);
	if (error == 0)
		error = sandbox_enter(&config, "/etc/nfqdn.conf", false, false, &landlock);
	assert_int_equal(landlock, error < 0 ? -1 : NFQDN_WITH_LANDLOCK ? 3 : 0);
	return error;
}

static void all_stages(void **state)
{
	(void)state;
	failing = CALLS;
	assert_int_equal(drop_all(), 0);
	assert_string_equal(said, "");
	for (unsigned int i = 0; i < CALLS; i++)
		assert_int_equal(made[i], built(i));
}

static void each_stage_is_fatal(void **state)
{
	static const char *const names[CALLS] = {
		[BOUNDING_SET] = "emptying the bounding set",
		[BOUNDING_READ] = "emptying the bounding set",
		[KEEP] = "keeping capabilities over",
		[GROUPS] = "leaving the groups",
		[CHANGE_GROUP] = "changing the group",
		[CHANGE_USER] = "changing the user",
		[KEEP_NO_MORE] = "keeping CAP_NET_ADMIN",
		[ONE_CAPABILITY] = "keeping CAP_NET_ADMIN",
		[NO_NEW_PRIVS] = "no_new_privs",
		[NO_CORE] = "hiding the memory",
		[NOT_DUMPABLE] = "hiding the memory",
		[LOOK_USER] = "looking at what came of it",
		[LOOK_CAPABILITIES] = "looking at what came of it",
		[LOOK_BACK] = "looking at what came of it",
		[LANDLOCK_VERSION] = "asking for Landlock",
		[LANDLOCK_RULESET] = "Landlock",
		[LANDLOCK_RULE] = "Landlock",
		[LANDLOCK_ENTER] = "Landlock",
		[SECCOMP_THREADS] = "seccomp",
		[SECCOMP_RULE] = "seccomp",
		[SECCOMP_LOAD] = "seccomp",
	};

	(void)state;
	for (failing = 0; failing < CALLS; failing++) {
		char wanted[128];

		if (!built(failing))
			continue;
		snprintf(wanted, sizeof(wanted), "privileges: %s", names[failing]);
		assert_int_equal(drop_all(), -EPERM);
		assert_memory_equal(said, wanted, strlen(wanted));
		assert_non_null(strstr(said, " failed: Operation not permitted"));
		for (unsigned int later = failing + 1; later < CALLS; later++)
			if (strcmp(names[later], names[failing]) != 0)
				assert_false(made[later]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_stages), cmocka_unit_test(each_stage_is_fatal) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
