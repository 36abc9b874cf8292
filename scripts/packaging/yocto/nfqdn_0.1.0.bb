# SPDX-License-Identifier: GPL-2.0-or-later
SUMMARY = "Egress filter by domain names for nftables"
DESCRIPTION = "Clients reach what a policy names, by domain names with wildcards, addresses and services, and nothing else."
LICENSE = "GPL-2.0-or-later"
LIC_FILES_CHKSUM = "file://LICENSE;md5=b234ee4d69f5fce4486a80fdaf4a4263"

# Where your copy of the release lies: a mirror of yours, or EXTERNALSRC.
NFQDN_MIRROR ?= "file://"
SRC_URI = "${NFQDN_MIRROR}nfqdn-${PV}.tar.gz"

DEPENDS = "libmnl libnftnl libnetfilter-queue jansson libconfig libcap-ng"
inherit pkgconfig systemd useradd

PACKAGECONFIG ??= "seccomp"
PACKAGECONFIG[seccomp] = ",,libseccomp"

EXTRA_OEMAKE = "'CC=${CC}' 'AR=${AR}' 'HOSTCC=${BUILD_CC}' 'CFLAGS=${CFLAGS}' 'LDFLAGS=${LDFLAGS}' PKG_CONFIG=pkg-config \
    prefix=${prefix} sysconfdir=${sysconfdir} unitdir=${systemd_system_unitdir} WITH_BPF=no \
    WITH_SECCOMP=${@bb.utils.contains('PACKAGECONFIG', 'seccomp', 'yes', 'no', d)} \
    INIT=${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'systemd', 'none', d)}"

do_compile() {
    oe_runmake all documents
}

do_install() {
    oe_runmake DESTDIR=${D} install
}

SYSTEMD_SERVICE:${PN} = "nfqdnd.service nfqdn-update.timer"
SYSTEMD_AUTO_ENABLE:${PN} = "disable"
USERADD_PACKAGES = "${PN}"
USERADD_PARAM:${PN} = "--system --user-group --no-create-home --shell /sbin/nologin nfqdn"

CONFFILES:${PN} = "${sysconfdir}/nfqdn/nfqdn.conf ${sysconfdir}/nfqdn/nfqdn-update.conf"
FILES:${PN} += "${systemd_system_unitdir} ${datadir}/nfqdn ${prefix}/lib/sysusers.d ${prefix}/lib/tmpfiles.d"
RRECOMMENDS:${PN} = "kernel-module-nft-queue kernel-module-nfnetlink-queue kernel-module-nfnetlink-log kernel-module-nft-fib-inet"
