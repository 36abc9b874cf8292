################################################################################
#
# nfqdn
#
################################################################################

NFQDN_VERSION = 0.1.0
# Where your copy of the release lies: NFQDN_OVERRIDE_SRCDIR in local.mk, or this.
NFQDN_SITE = $(call qstrip,$(BR2_EXTERNAL_NFQDN_SITE))
NFQDN_LICENSE = GPL-2.0-or-later
NFQDN_LICENSE_FILES = LICENSE
NFQDN_DEPENDENCIES = host-pkgconf jansson libcap-ng libconfig libmnl libnetfilter_queue libnftnl

NFQDN_MAKE_OPTS = \
	$(TARGET_CONFIGURE_OPTS) \
	HOSTCC="$(HOSTCC)" \
	PKG_CONFIG="$(PKG_CONFIG_HOST_BINARY)" \
	AR="$(TARGET_CC)-ar" \
	prefix=/usr \
	SMALL=1 \
	WITH_BPF=no \
	INIT=$(if $(BR2_INIT_SYSTEMD),systemd,none)

ifeq ($(BR2_PACKAGE_LIBSECCOMP),y)
NFQDN_DEPENDENCIES += libseccomp
NFQDN_MAKE_OPTS += WITH_SECCOMP=yes
else
NFQDN_MAKE_OPTS += WITH_SECCOMP=no
endif

ifeq ($(BR2_STATIC_LIBS),y)
NFQDN_MAKE_OPTS += STATIC=1
endif

define NFQDN_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(MAKE) -C $(@D) $(NFQDN_MAKE_OPTS) all
endef

define NFQDN_INSTALL_TARGET_CMDS
	$(TARGET_MAKE_ENV) $(MAKE) -C $(@D) $(NFQDN_MAKE_OPTS) DESTDIR=$(TARGET_DIR) install
endef

define NFQDN_USERS
	nfqdn -1 nfqdn -1 * - - - egress filter
endef

define NFQDN_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_NETFILTER)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_CONNTRACK)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_CT_NETLINK)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_TABLES)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_TABLES_INET)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NFT_CT)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NFT_QUEUE)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NFT_LOG)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NFT_REJECT)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NFT_FIB_INET)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NETFILTER_NETLINK_QUEUE)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NETFILTER_NETLINK_LOG)
endef

$(eval $(generic-package))
