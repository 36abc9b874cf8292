# SPDX-License-Identifier: GPL-2.0-or-later
# Knobs: CC CFLAGS LDFLAGS PKG_CONFIG PREFIX DESTDIR UNITDIR V=1 WERROR=1 SAN=1 NO_INSTALL=1 B=<build folder>

CC ?= cc
AR ?= ar
# For what runs while building, also when CC builds for another machine.
HOSTCC ?= cc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share/nfqdn
UNITDIR ?= $(PREFIX)/lib/systemd/system
B ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
VERSION := 0.1.0

# What nfqdn needs stays when CFLAGS is given on the command line.
BASE_CFLAGS := -std=gnu11 -Wall -Wextra -D_GNU_SOURCE -Idaemon -DNFQDN_VERSION='"$(VERSION)"' \
	-DNFQDN_DATADIR='"$(DATADIR)"' -fPIE -fstack-protector-strong -fno-strict-aliasing -MMD -MP
BASE_LDFLAGS := -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed
# FORTIFY needs optimisation, and does not go together with the sanitizers.
FORTIFY = $(if $(filter 1,$(SAN)),,$(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
ifeq ($(SAN),1)
BASE_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
BASE_LDFLAGS += -fsanitize=address,undefined
endif
ifeq ($(WERROR),1)
BASE_CFLAGS += -Werror
endif

LIBS_nfqdnd := libmnl libnftnl libnetfilter_queue jansson libconfig libcap-ng libseccomp
LIBS_nfqdnctl := jansson

# daemon/FLOOR/: what each floor has. Objects of nfqdnctl alone begin with nfqdnctl.
base := arena counters escape hash histogram ipaddr log lru monotime
dns := message name packet pattern pattern_text question stream stream_flow svcb wire
policy := catalog catalog_field catalog_read closed config config_check config_fixed config_list config_print config_read \
	config_reader config_scalar config_scan config_scan_plain config_scan_tell config_scan_token interval lastgood lastgood_keeper \
	nat64 option policy policy_boxes policy_group policy_hints policy_input policy_list policy_rules policy_select policy_tenant policy_text \
	policy_warn problem problem_log reserved value
netfilter := assist batch conntrack element element_dump nfattr nflog nlsock own probe queue route ruleset ruleset_expr ruleset_netlink \
	ruleset_rules ruleset_text table table_apply table_change table_lock table_owner table_query table_state table_watch
learn := assisted denials derived judge lifetime names past pool queries rebuild reports restore revoke snoop snoop_assist snoop_keep state state_read state_text store store_heap store_name \
	store_plan store_share verify
control := aside boot cmdline commands denied describe difference explain json listing metrics notify offline overview privileges readable request sandbox server status wait why
main := daemon_loop daemon_policy daemon_start daemon_state main
CTL := feed feed_change feed_file feed_m365 feed_tags feed_target nfqdnctl nfqdnctl_catalog nfqdnctl_client nfqdnctl_feed nfqdnctl_follow \
	nfqdnctl_import nfqdnctl_metrics nfqdnctl_print nfqdnctl_request nfqdnctl_suggest nfqdnctl_summary nfqdnctl_table

CTL_OBJECTS := $(CTL:%=$(B)/control/%.o)
OBJECTS := $(foreach f,base dns policy netfilter learn control,$($(f):%=$(B)/$(f)/%.o)) \
	$(B)/kmod-optional/fqdn_parse.o $(B)/kmod-optional/fqdn_pattern.o

pkg_cflags = $(if $(1),$(shell $(PKG_CONFIG) --cflags $(1)))
pkg_libs = $(if $(1),$(shell $(PKG_CONFIG) --libs $(1)))

all: $(B)/nfqdnd $(B)/nfqdnctl

ALL_CFLAGS = $(BASE_CFLAGS) $(FORTIFY) $(CPPFLAGS) $(CFLAGS)

# Everything is built again when the flags change.
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(BASE_LDFLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(BASE_LDFLAGS) $(LDFLAGS)' >$@

$(B)/%.o: daemon/%.c $(B)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) $(PKG_CFLAGS) -c -o $@ $<

# What the optional kernel module and nfqdnd share, for this side of it.
$(B)/kmod-optional/%.o: kmod-optional/%.c $(B)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

PKG_CFLAGS := $(call pkg_cflags,$(LIBS_nfqdnd))

$(B)/nfqdnd: $(main:%=$(B)/main/%.o) $(OBJECTS)
	@$(if $(Q),echo "  LD      $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg_libs,$(LIBS_nfqdnd))

# nfqdnctl takes out of the archive what it calls, and calls nothing that needs the kernel's libraries.
$(B)/libnfqdn.a: $(OBJECTS)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/nfqdnctl: $(CTL_OBJECTS) $(B)/libnfqdn.a
	@$(if $(Q),echo "  LD      $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg_libs,$(LIBS_nfqdnctl))

-include $(wildcard $(B)/*.d $(B)/*/*.d)

# ---- pages and completion, filled from the tables of options, commands and counters ----

$(B)/tables: scripts/tables.c daemon/policy/option.c $(wildcard daemon/*/*_list.h) daemon/policy/option.h daemon/base/counters.h daemon/base/limits.h
	@mkdir -p $(@D)
	@$(if $(Q),echo "  HOSTCC  $@")
	$(Q)$(HOSTCC) -std=gnu11 -O1 -Wall -Wextra -D_GNU_SOURCE -Idaemon -DNFQDN_DATADIR='"$(DATADIR)"' -o $@ $(filter %.c,$^)

include tests/tests.mk

# The README's two commands. Each installs what it needs (NO_INSTALL=1 forbids it), builds, and runs.
lab:
	@scripts/install-deps lab
	$(Q)$(MAKE) --no-print-directory all
	$(Q)scripts/lab run

check:
	@scripts/install-deps check
	$(Q)$(MAKE) --no-print-directory all test-programs
	$(Q)NFQDN_VM_BRIEF=1 tests/run --vm

# Debian's kernels in QEMU: all that differs between kernels and all cases of the kernel module, or everything that asks
# a kernel, each program in a machine of its own (hours).
check-vm:
	@scripts/install-deps check
	$(Q)$(MAKE) --no-print-directory all test-programs
	$(Q)tests/run --suite vm

check-vm-full:
	@scripts/install-deps check
	$(Q)$(MAKE) --no-print-directory all test-programs
	$(Q)tests/vm/full

lint:
	@scripts/install-deps lint
	$(Q)scripts/lint

# FUZZ_SECONDS for each target, one after the other; FUZZ=name for one alone.
fuzz:
	@scripts/install-deps lint
	$(Q)scripts/fuzz $(or $(FUZZ_SECONDS),60) $(FUZZ)

install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(DATADIR)/data
	install -m 755 $(B)/nfqdnd $(B)/nfqdnctl scripts/nfqdn-update $(DESTDIR)$(SBINDIR)
	install -m 644 data/*.json $(DESTDIR)$(DATADIR)/data
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(DATADIR)
	for file in nfqdn-update.service nfqdn-update.cron; do \
		sed 's|/usr/sbin/|$(SBINDIR)/|g' scripts/$$file >$(B)/$$file || exit 1; done
	install -m 644 $(B)/nfqdn-update.service scripts/nfqdn-update.timer $(DESTDIR)$(UNITDIR)
	install -m 644 $(B)/nfqdn-update.cron scripts/nfqdn-update.conf $(DESTDIR)$(DATADIR)

uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/nfqdnd $(DESTDIR)$(SBINDIR)/nfqdnctl $(DESTDIR)$(SBINDIR)/nfqdn-update
	rm -f $(DESTDIR)$(UNITDIR)/nfqdn-update.service $(DESTDIR)$(UNITDIR)/nfqdn-update.timer
	rm -rf $(DESTDIR)$(DATADIR)

clean:
	rm -rf $(B)

FORCE:
.PHONY: all lab check check-vm check-vm-full lint fuzz install uninstall clean FORCE
