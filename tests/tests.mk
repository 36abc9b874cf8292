# SPDX-License-Identifier: GPL-2.0-or-later
# Test programs. Each tests/*/NAME.c says in comment lines what it links: /* LINK: base/escape.o tests/unit/fake.o */ and /* LIBS: jansson */,
# so that a test proves what its subject depends on.

link_of = $(shell sed -n 's,^/\* LINK: *\(.*[^ ]\) *\*/.*,\1,p' $(1))
libs_of = $(filter-out $(if $(filter no,$(WITH_SECCOMP)),libseccomp),$(shell sed -n 's,^/\* LIBS: *\(.*[^ ]\) *\*/.*,\1,p' $(1)))
object_of = $(patsubst %,$(B)/%,$(1))

# Those of a feature that is left out are, too.
LEFT_OUT := $(if $(filter no,$(WITH_ASSIST)),unit/test_assist_filter)
UNIT_TESTS := $(filter-out $(LEFT_OUT),$(patsubst tests/%.c,%,$(wildcard tests/unit/test_*.c)))
FACT_TESTS := $(patsubst tests/%.c,%,$(wildcard tests/kernel-facts/*.c))
REPLAY_TESTS := $(patsubst tests/%.c,%,$(wildcard tests/replay/*.c))
DNS_TESTS := $(patsubst tests/%.c,%,$(wildcard tests/dns/*.c))
FUZZ_TARGETS := $(patsubst tests/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

$(B)/tests/%.o: tests/%.c $(B)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) -I. $(PKG_CFLAGS) -c -o $@ $<

# $(1): path without tests/ and .c, $(2): libraries, $(3): further objects
define test_program
$(B)/tests/$(1): $(B)/tests/$(1).o $(3) $(call object_of,$(call link_of,tests/$(1).c))
	@$$(if $$(Q),echo "  LD      $$@")
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(BASE_LDFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(call pkg_libs,$$(strip $(2) $(call libs_of,tests/$(1).c))) -lm
endef

$(foreach t,$(UNIT_TESTS),$(eval $(call test_program,$(t),cmocka,)))
$(foreach t,$(FACT_TESTS),$(eval $(call test_program,$(t),,)))
$(foreach t,$(REPLAY_TESTS),$(eval $(call test_program,$(t),,)))
$(foreach t,$(DNS_TESTS),$(eval $(call test_program,$(t),,)))
$(eval $(call test_program,bench/instr,,))
# In `make check` each fuzz target runs over its corpus; `make fuzz` links libFuzzer instead.
$(foreach t,$(FUZZ_TARGETS),$(eval $(call test_program,$(t),,$(B)/tests/fuzz/replay_main.o)))

TEST_PROGRAMS := $(foreach t,$(UNIT_TESTS) $(FACT_TESTS) $(REPLAY_TESTS) $(DNS_TESTS) $(FUZZ_TARGETS),$(B)/tests/$(t))

# What stands beside nfqdn in `make bench`, and asks.
BENCH_PROGRAMS := $(B)/bench/answers $(B)/bench/connect $(B)/bench/pass $(B)/tests/bench/instr

$(B)/bench/%: tests/bench/%.c $(B)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $<

bench-programs: $(BENCH_PROGRAMS)

test-programs: $(TEST_PROGRAMS) bench-programs $(B)/lab-clients $(if $(filter 1,$(SAN)),,$(B)/lab-clock.so)

# Those that ask no kernel and want no tools' libraries: they run under an emulator, too, which has no netfilter netlink.
ASK_KERNEL := unit/test_kernel_% unit/test_nflog unit/test_nlsock unit/test_sandbox
PURE := $(filter-out $(ASK_KERNEL),$(UNIT_TESTS)) $(REPLAY_TESTS) $(FUZZ_TARGETS)
pure-programs: $(foreach t,$(PURE),$(B)/tests/$(t))

-include $(wildcard $(B)/tests/*/*.d $(B)/tests/*/*/*.d)

.PHONY: test-programs bench-programs pure-programs
