# SPDX-License-Identifier: GPL-2.0-or-later
# Knobs: CC AR HOSTCC CFLAGS LDFLAGS PKG_CONFIG V=1 WERROR=1 SAN=1 NO_INSTALL=1 ROOTLESS=1 NAME=<lab> B=<build folder>
# for small ones: SMALL=1 STATIC=1 WITH_SECCOMP=no WITH_LANDLOCK=no WITH_ASSIST=no WITH_BPF=no
# of install: DESTDIR prefix sysconfdir sbindir mandir unitdir ... (below) INIT=systemd|procd|none

CC ?= cc
AR ?= ar
# For what runs while building, also when CC builds for another machine.
HOSTCC ?= cc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
prefix ?= $(PREFIX)
exec_prefix ?= $(prefix)
sbindir ?= $(exec_prefix)/sbin
sysconfdir ?= /etc
datarootdir ?= $(prefix)/share
datadir ?= $(datarootdir)
mandir ?= $(datarootdir)/man
pkgdatadir ?= $(datadir)/nfqdn
completiondir ?= $(datadir)/bash-completion/completions
unitdir ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
# systemd, procd (OpenWrt) or none: what starts it
INIT ?= systemd
B ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
VERSION := 0.1.0

# What nfqdn needs stays when CFLAGS is given on the command line.
BASE_CFLAGS := -std=gnu11 -Wall -Wextra -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Idaemon -DNFQDN_VERSION='"$(VERSION)"' \
	-DNFQDN_DATADIR='"$(pkgdatadir)"' -fPIE -fstack-protector-strong -fno-strict-aliasing -MMD -MP
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
# The same octets from any folder.
BASE_CFLAGS += -ffile-prefix-map='$(CURDIR)'=.
# As small as the compiler makes it: 4/5 of -Os alone.
ifeq ($(SMALL),1)
CFLAGS := -Os -flto=auto -fno-asynchronous-unwind-tables -fno-unwind-tables
BASE_LDFLAGS += -Wl,--gc-sections -Wl,-z,noseparate-code
AR := $(if $(filter ar,$(AR)),gcc-ar,$(AR))
endif
# For what has its libraries in it: `make static` does it all with Debian's musl.
ifeq ($(STATIC),1)
BASE_LDFLAGS += -static-pie
PKG_STATIC := --static
endif

# What a target may lack is left out with =no, and `nfqdnd --version` tells so: libseccomp; Landlock; what makes answers pass inside the kernel.
FEATURES := SECCOMP LANDLOCK ASSIST
$(foreach f,$(FEATURES),$(eval WITH_$(f) ?= yes)$(if $(filter yes no,$(WITH_$(f))),,$(error WITH_$(f) is yes or no)))
BASE_CFLAGS += $(foreach f,$(FEATURES),$(if $(filter no,$(WITH_$(f))),-DNFQDN_WITH_$(f)=0))

LIBS_nfqdnd := libmnl libnftnl libnetfilter_queue jansson libconfig libcap-ng $(if $(filter yes,$(WITH_SECCOMP)),libseccomp)
LIBS_nfqdnctl := jansson
LIBS_nfqdn-replay := jansson libconfig

# daemon/FLOOR/: what each floor has. Objects of nfqdnctl alone begin with nfqdnctl.
base := arena counters escape hash histogram ipaddr log lru monotime
dns := message name packet pattern pattern_text question stream stream_flow svcb wire
policy := catalog catalog_field catalog_read closed config config_check config_fixed config_json config_list config_print config_read \
	config_reader config_scalar config_scan config_scan_plain config_scan_tell config_scan_token interval lastgood lastgood_keeper \
	nat64 option policy policy_boxes policy_group policy_hints policy_input policy_list policy_rules policy_select policy_tenant policy_text \
	policy_warn problem problem_log reserved trial_mark value
netfilter := assist $(if $(filter yes,$(WITH_ASSIST)),assist_filter assist_module ebpf filter_object) batch conntrack element element_dump element_shared environment nfattr nflog nlsock others own probe queue \
	route ruleset ruleset_builder ruleset_client ruleset_deny ruleset_expr ruleset_guarded ruleset_mark ruleset_netlink ruleset_rules ruleset_snoop \
	ruleset_text table table_apply table_apply_exchange table_apply_fill table_apply_hook table_apply_look table_apply_move table_change table_lock table_owner table_query table_state \
	table_target table_watch table_watch_chains table_watch_flowtables table_watch_sets
learn := adopt asked assisted copies denials derived events judge lifetime names past pool queries rebuild recorder removed reports resolvers restore revoke snoop snoop_assist snoop_fate snoop_keep state state_read state_text store store_heap store_name \
	store_plan store_share streams verify
control := arguments aside boot cmdline commands denied describe difference doctor doctor_daemon doctor_dns doctor_kernel event explain json landlock listing metrics notify offline overview peer place privileges readable recent record request sandbox server status syscalls wait why
main := daemon_copies daemon_loop daemon_policy daemon_record daemon_start daemon_state daemon_trial main
CTL := feed feed_change feed_file feed_m365 feed_tags feed_target nfqdnctl nfqdnctl_catalog nfqdnctl_client nfqdnctl_doctor nfqdnctl_feed nfqdnctl_follow \
	nfqdnctl_import nfqdnctl_metrics nfqdnctl_print nfqdnctl_print_denied nfqdnctl_print_doctor nfqdnctl_print_status nfqdnctl_record nfqdnctl_request nfqdnctl_suggest nfqdnctl_summary nfqdnctl_table nfqdnctl_watch

# nfqdn-replay: its own, and what prints as nfqdnctl does. element_replay.c stands in the place of netfilter/element.c.
REPLAY := capture capture_link element_replay fragment replay replay_cmdline replay_flow replay_judge replay_run replay_tell \
	nfqdnctl_print nfqdnctl_print_denied nfqdnctl_print_doctor nfqdnctl_print_status nfqdnctl_suggest nfqdnctl_summary nfqdnctl_table nfqdnctl_watch

CTL_OBJECTS := $(CTL:%=$(B)/control/%.o)
OBJECTS := $(foreach f,base dns policy netfilter learn control,$($(f):%=$(B)/$(f)/%.o)) \
	$(if $(filter yes,$(WITH_ASSIST)),$(B)/kmod-optional/fqdn_parse.o $(B)/kmod-optional/fqdn_pattern.o)

pkg_cflags = $(if $(1),$(shell $(PKG_CONFIG) $(PKG_STATIC) --cflags $(1)))
pkg_libs = $(if $(1),$(shell $(PKG_CONFIG) $(PKG_STATIC) --libs $(1)))

all: $(B)/nfqdnd $(B)/nfqdnctl $(B)/nfqdn-replay

ALL_CFLAGS = $(BASE_CFLAGS) $(FORTIFY) $(CPPFLAGS) $(CFLAGS)

# An eBPF program that does what the module does, where clang can make one, in the byte order of what $(CC) builds for: WITH_BPF=no leaves it out.
BPF_CLANG ?= clang
BPF_TARGET := $(if $(shell $(CC) -dM -E -x c /dev/null 2>/dev/null | grep 'BYTE_ORDER__ __ORDER_BIG'),bpfeb,bpfel)
ifeq ($(origin WITH_BPF),undefined)
WITH_BPF := $(shell echo 'int x;' | $(BPF_CLANG) -target $(BPF_TARGET) -mcpu=v3 -x c -c -o /dev/null - 2>/dev/null && echo yes || echo no)
endif
BPF_CFLAGS := -O2 -Wall -Wextra -target $(BPF_TARGET) -mcpu=v3 $(addprefix -idirafter ,$(shell $(CC) $(CPPFLAGS) -E -Wp,-v -x c /dev/null 2>&1 >/dev/null | sed -n 's,^ /,/,p'))

FLAGS_TEXT = $(CC) $(ALL_CFLAGS) $(BASE_LDFLAGS) $(LDFLAGS) bpf=$(WITH_BPF)
# Everything is built again when the flags change.
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS_TEXT)' | cmp -s - $@ || echo '$(FLAGS_TEXT)' >$@

# Where things will stand: pages, units and scripts name it.
$(B)/.places: FORCE
	@mkdir -p $(@D)
	@echo '$(sbindir) $(sysconfdir) $(pkgdatadir)' | cmp -s - $@ || echo '$(sbindir) $(sysconfdir) $(pkgdatadir)' >$@

$(B)/%.o: daemon/%.c $(B)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) $(PKG_CFLAGS) -c -o $@ $<

# What the optional kernel module and nfqdnd share, for this side of it.
$(B)/kmod-optional/%.o: kmod-optional/%.c $(B)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

ifeq ($(WITH_BPF),yes)
$(B)/fqdn_filter.bpf.o: kmod-optional/fqdn_filter.bpf.c kmod-optional/fqdn_filter.h kmod-optional/fqdn_hash.h \
		kmod-optional/fqdn_shim.h $(B)/.flags
	@$(if $(Q),echo "  CLANG   $<")
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(B)/netfilter/filter_object.o: $(B)/fqdn_filter.bpf.o
$(B)/netfilter/filter_object.o: private CPPFLAGS += -DFILTER_OBJECT='"$(B)/fqdn_filter.bpf.o"'
endif
# Its assembler is outside of functions, which link-time optimization loses.
$(B)/netfilter/filter_object.o: private PKG_CFLAGS := -fno-lto

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

$(B)/nfqdn-replay: $(REPLAY:%=$(B)/control/%.o) $(B)/libnfqdn.a
	@$(if $(Q),echo "  LD      $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg_libs,$(LIBS_nfqdn-replay))

-include $(wildcard $(B)/*.d $(B)/*/*.d)

include tests/tests.mk

# The lab's clock for nfqdnd; a sanitizer wants to be a program's first library, and this would be.
$(B)/lab-clock.so: scripts/lab.d/clock.c $(B)/.flags
	$(Q)$(CC) -std=gnu11 -Wall -Wextra -D_GNU_SOURCE $(CFLAGS) -fPIC -shared $(LDFLAGS) -o $@ $<

# The lab's simulated clients.
LAB_CLIENTS := clients jobs mix options plan responder run sources stub tally timers told

$(B)/lab/%.o: scripts/lab.d/%.c $(B)/.flags
	@mkdir -p $(@D)
	@$(if $(Q),echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/lab-clients: $(LAB_CLIENTS:%=$(B)/lab/%.o)
	@$(if $(Q),echo "  LD      $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ -lm

# The README's two commands. Each installs what it needs (NO_INSTALL=1 forbids it), builds, and runs. ROOTLESS=1: without root, so
# that nothing can be installed; NAME=name beside other labs.
lab:
	@$(if $(filter 1,$(ROOTLESS)),NO_INSTALL=1) scripts/install-deps lab
	$(Q)$(MAKE) --no-print-directory all $(B)/lab-clock.so $(B)/lab-clients
	$(Q)NFQDN_BUILD=$(B) scripts/lab run $(if $(filter 1,$(ROOTLESS)),--rootless) $(if $(NAME),--name $(NAME))

check:
	@scripts/install-deps check
	$(Q)$(MAKE) --no-print-directory all test-programs
	$(Q)NFQDN_VM_BRIEF=1 tests/run --vm

# One static binary each, by Debian's musl and libraries made of Debian's sources (or those of NFQDN_SOURCES): $(B)/static/nfqdnd, nfqdnctl.
static:
	@scripts/install-deps static
	$(Q)scripts/static-libraries $(B)/static/sysroot
	$(Q)PKG_CONFIG_LIBDIR=$(CURDIR)/$(B)/static/sysroot/lib/pkgconfig $(MAKE) --no-print-directory B=$(B)/static STATIC=1 SMALL=1 \
		CC='gcc -specs=$(CURDIR)/$(B)/static/sysroot/musl-pie.specs' AR=gcc-ar CPPFLAGS='-isystem $(CURDIR)/$(B)/static/sysroot/include' all

# Other architectures, built by Debian's cross compilers; what asks no kernel runs emulated.
check-cross:
	@scripts/install-deps cross
	$(Q)tests/run --suite cross --verbose

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

# nfqdn beside others, measured: ROWS="answers latency ..." (tests/bench/bench.py --list), ROUNDS=n, QUICK=1. Root.
bench:
	@scripts/install-deps bench
	$(Q)$(MAKE) --no-print-directory all bench-programs
	$(Q)tests/bench/bench.py --rows '$(ROWS)' $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick,$(if $(ROWS),,--results tests/bench/RESULTS.md))

# Instructions an answer, told: PROFILE=new|known|unrelated for the functions of one path.
bench-instr:
	@scripts/install-deps bench
	$(Q)$(MAKE) --no-print-directory bench-programs
	$(Q)NFQDN_BUILD=$(abspath $(B)) tests/bench/instr.py $(if $(PROFILE),--profile $(PROFILE))

lint:
	@scripts/install-deps lint
	$(Q)scripts/lint

# FUZZ_SECONDS for each target, one after the other; FUZZ=name for one alone.
fuzz:
	@scripts/install-deps lint
	$(Q)scripts/fuzz $(or $(FUZZ_SECONDS),60) $(FUZZ)

# ---- pages and completion, filled from the tables of options, commands and counters ----

PAGES := nfqdnd.8 nfqdnctl.8 nfqdn-replay.8 nfqdn-update.8 nfqdn.conf.5

$(B)/tables: scripts/tables.c daemon/policy/option.c daemon/policy/option.h daemon/base/counters.h daemon/base/limits.h daemon/control/arguments.h $(wildcard daemon/control/*_list.h) $(B)/.places
	@mkdir -p $(@D)
	@$(if $(Q),echo "  HOSTCC  $@")
	$(Q)$(HOSTCC) -std=gnu11 -O1 -Wall -Wextra -D_GNU_SOURCE -Idaemon -DNFQDN_DATADIR='"$(pkgdatadir)"' -o $@ $(filter %.c,$^)

$(B)/schema: scripts/schema.c daemon/policy/option.c daemon/policy/option.h daemon/base/limits.h $(B)/.places
	@mkdir -p $(@D)
	@$(if $(Q),echo "  HOSTCC  $@")
	$(Q)$(HOSTCC) -std=gnu11 -O1 -Wall -Wextra -D_GNU_SOURCE -Idaemon -DNFQDN_DATADIR='"$(pkgdatadir)"' -o $@ $(filter %.c,$^)

$(B)/nfqdn.conf.schema.json: $(B)/schema
	$(Q)$(B)/schema >$@

$(B)/man/%: scripts/man/%.in $(B)/tables $(B)/.places
	@mkdir -p $(@D)
	@$(if $(Q),echo "  FILL    $@")
	$(Q)$(B)/tables <$< | $(PLACES) >$@

$(B)/install/nfqdn-uci: scripts/packaging/openwrt/files/nfqdn-uci.in $(B)/tables
	@mkdir -p $(@D)
	@$(if $(Q),echo "  FILL    $@")
	$(Q)$(B)/tables <$< >$@

$(B)/%.bash: scripts/%.bash.in $(B)/tables
	@$(if $(Q),echo "  FILL    $@")
	$(Q)$(B)/tables <$< >$@

documents: $(PAGES:%=$(B)/man/%) $(B)/nfqdn.bash $(B)/nfqdn.conf.schema.json

# ---- installing ----

# What names places names those of this installation.
PLACES := sed -e 's|/usr/sbin/|$(sbindir)/|g' -e 's|/etc/nfqdn\>|$(sysconfdir)/nfqdn|g' -e 's|/usr/share/nfqdn\>|$(pkgdatadir)|g'

$(B)/install/%: scripts/% $(B)/.places
	@mkdir -p $(@D)
	$(Q)$(PLACES) <$< >$@

INSTALLED := nfqdn-update nfqdn-update.conf nfqdn-update.cron nfqdn.conf procd/nfqdnd \
	$(addprefix systemd/,nfqdnd.service nfqdn-update.service nfqdn-update.timer nfqdn.sysusers nfqdn.tmpfiles)
COMPLETED := nfqdnd nfqdnctl nfqdn-replay
SHARED := api-1.schema.json control-example.c grafana-dashboard.json prometheus-alerts.yml
install_dir = install -d $(foreach d,$(1),'$(DESTDIR)$(d)')

# The administrator's files stay as they are.
keep = test -e '$(DESTDIR)$(2)' || install -m 644 $(1) '$(DESTDIR)$(2)'

install: all documents $(INSTALLED:%=$(B)/install/%) install-init-$(INIT)
	$(call install_dir,$(sbindir) $(sysconfdir)/nfqdn $(pkgdatadir)/data $(completiondir) $(mandir)/man5 $(mandir)/man8)
	install -m 755 $(B)/nfqdnd $(B)/nfqdnctl $(B)/nfqdn-replay $(B)/install/nfqdn-update '$(DESTDIR)$(sbindir)'
	install -m 644 data/*.json '$(DESTDIR)$(pkgdatadir)/data'
	install -m 644 $(SHARED:%=scripts/%) $(B)/nfqdn.conf.schema.json '$(DESTDIR)$(pkgdatadir)'
	$(call keep,$(B)/install/nfqdn.conf,$(sysconfdir)/nfqdn/nfqdn.conf)
	$(call keep,$(B)/install/nfqdn-update.conf,$(sysconfdir)/nfqdn/nfqdn-update.conf)
	install -m 644 $(filter %.8,$(PAGES:%=$(B)/man/%)) '$(DESTDIR)$(mandir)/man8'
	install -m 644 $(filter %.5,$(PAGES:%=$(B)/man/%)) '$(DESTDIR)$(mandir)/man5'
	for name in $(COMPLETED); do install -m 644 $(B)/nfqdn.bash '$(DESTDIR)$(completiondir)'/$$name || exit 1; done

install-init-systemd: $(INSTALLED:%=$(B)/install/%)
	$(call install_dir,$(unitdir) $(sysusersdir) $(tmpfilesdir))
	install -m 644 $(wildcard $(B)/install/systemd/*.service $(B)/install/systemd/*.timer) '$(DESTDIR)$(unitdir)'
	install -m 644 $(B)/install/systemd/nfqdn.sysusers '$(DESTDIR)$(sysusersdir)/nfqdn.conf'
	install -m 644 $(B)/install/systemd/nfqdn.tmpfiles '$(DESTDIR)$(tmpfilesdir)/nfqdn.conf'

install-init-procd: $(INSTALLED:%=$(B)/install/%) $(B)/install/nfqdn-uci
	$(call install_dir,$(sysconfdir)/init.d $(pkgdatadir))
	install -m 755 $(B)/install/nfqdn-uci '$(DESTDIR)$(pkgdatadir)'
	install -m 755 $(B)/install/procd/nfqdnd '$(DESTDIR)$(sysconfdir)/init.d/nfqdnd'
	install -m 644 $(B)/install/nfqdn-update.cron '$(DESTDIR)$(pkgdatadir)'

install-init-none: $(INSTALLED:%=$(B)/install/%)
	$(call install_dir,$(pkgdatadir))
	install -m 644 $(B)/install/nfqdn-update.cron '$(DESTDIR)$(pkgdatadir)'

# A configuration that was edited stays.
uninstall: $(INSTALLED:%=$(B)/install/%)
	rm -f $(foreach n,nfqdnd nfqdnctl nfqdn-replay nfqdn-update,'$(DESTDIR)$(sbindir)/$(n)') $(COMPLETED:%='$(DESTDIR)$(completiondir)/%')
	rm -f $(patsubst %,'$(DESTDIR)$(mandir)/man8/%',$(filter %.8,$(PAGES))) $(patsubst %,'$(DESTDIR)$(mandir)/man5/%',$(filter %.5,$(PAGES)))
	rm -f $(foreach n,nfqdnd.service nfqdn-update.service nfqdn-update.timer,'$(DESTDIR)$(unitdir)/$(n)')
	rm -f '$(DESTDIR)$(sysusersdir)/nfqdn.conf' '$(DESTDIR)$(tmpfilesdir)/nfqdn.conf'
	rm -rf '$(DESTDIR)$(pkgdatadir)'
	! cmp -s $(B)/install/procd/nfqdnd '$(DESTDIR)$(sysconfdir)/init.d/nfqdnd' || rm -f '$(DESTDIR)$(sysconfdir)/init.d/nfqdnd'
	for name in nfqdn.conf nfqdn-update.conf; do \
		! cmp -s $(B)/install/$$name '$(DESTDIR)$(sysconfdir)'/nfqdn/$$name || rm -f '$(DESTDIR)$(sysconfdir)'/nfqdn/$$name; done
	rmdir '$(DESTDIR)$(sysconfdir)/nfqdn' 2>/dev/null || ls '$(DESTDIR)$(sysconfdir)/nfqdn' 2>/dev/null || true

# A Debian package from a copy of the sources, built as Debian does: $(B)/deb/nfqdn_*.deb. `lintian $(B)/deb/*.changes` has nothing to say.
# NFQDN_PREBUILT=folder takes the programs that are there, for the test of the package.
DEB_SOURCES := Makefile README.md LICENSE CHANGELOG.md daemon data kmod-optional nft scripts tests/tests.mk

deb:
	@test -n '$(NFQDN_PREBUILT)' || scripts/install-deps deb
	rm -rf $(B)/deb
	mkdir -p $(B)/deb/nfqdn-$(VERSION)
	tar -c --exclude=__pycache__ --exclude='*.o' --exclude='*.ko' $(DEB_SOURCES) | tar -x -C $(B)/deb/nfqdn-$(VERSION)
	cp -r scripts/debian $(B)/deb/nfqdn-$(VERSION)/debian
	sed -i 's/@VERSION@/$(VERSION)/' $(B)/deb/nfqdn-$(VERSION)/debian/changelog
	cd $(B)/deb/nfqdn-$(VERSION) && env -u B -u CFLAGS -u MAKEFLAGS -u MAKELEVEL -u PREFIX dpkg-buildpackage -b -us -uc -j2 $(if $(NFQDN_PREBUILT),-d)
	@ls $(B)/deb/*.deb

clean:
	rm -rf $(B)

FORCE:
.PHONY: all static lab bench bench-instr check check-cross check-vm check-vm-full lint fuzz documents install install-init-systemd install-init-procd install-init-none uninstall deb clean FORCE
