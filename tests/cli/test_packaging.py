#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/packaging, as far as it can be run without OpenWrt, Buildroot or Yocto: the translation from UCI, with a made-up `uci` that prints what
the real one prints; the recipes read by GNU make with made-up surroundings; what they install and ask for."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
PACKAGING = ROOT / "scripts/packaging"

GATEWAY = """nfqdn.gateway=gateway
nfqdn.gateway.enabled='1'
nfqdn.gateway.interfaces='br-lan' 'br-guest'
nfqdn.gateway.resolvers='local' '10.2.0.2'
nfqdn.gateway.mode='audit'
"""
WHOLE = GATEWAY + r"""nfqdn.gateway.state_interval='off'
nfqdn.gateway.resolver_on_client_side='yes'
nfqdn.cfg0a1b2c=lifetime
nfqdn.cfg0a1b2c.grace='90'
nfqdn.cfg0a1b2c.max='7200'
nfqdn.cfg0a1b2d=priority
nfqdn.cfg0a1b2d.egress='-5'
nfqdn.power_bi=allow
nfqdn.power_bi.service='power-bi'
nfqdn.power_bi.optional='1'
nfqdn.build=allow
nfqdn.build.names='*.example.com' 'files-*.example.net'
nfqdn.build.ports='tcp/443'
nfqdn.build.lifetime_min='600'
"""
AS_WRITTEN = """
gateway: { interfaces = [ "br-lan", "br-guest" ]; resolvers = [ "local", "10.2.0.2" ]; mode = "audit"; state-interval = "off";
  resolver-on-client-side = true; lifetime: { grace = 90; max = 7200; }; priority: { egress = -5; }; };
allow: {
  power-bi: { service = "power-bi"; optional = true; };
  build: { names = [ "*.example.com", "files-*.example.net" ]; ports = [ "tcp/443" ]; lifetime: { min = 600; }; };
};
"""
WRONG = [
    (GATEWAY + "nfqdn.gateway.colour='red'\n", "there is no option 'colour' in a section 'gateway'"),
    (GATEWAY + "nfqdn.gateway.lifetime='5'\n", "there is no option 'lifetime' in a section 'gateway'"),
    (GATEWAY + "nfqdn.x=allow\nnfqdn.x.to='192.0.2.1'\n", "there is no option 'to' in a section 'allow'"),
    (GATEWAY + "nfqdn.x=allow\nnfqdn.x.optional='perhaps'\n", "allow.optional is 'perhaps': write 1 or 0"),
    (GATEWAY + "nfqdn.gateway.denied='drop' 'reject'\n", "gateway.denied takes one value, not 2"),
    (GATEWAY + "nfqdn.cfg01=allow\nnfqdn.cfg01.names='a.example'\n", "a section 'allow' has no name: write config allow 'name'"),
    (GATEWAY + "nfqdn.x=permit\n", "there is no section 'permit'"),
    ("nfqdn.x=allow\n", "there is one section 'gateway'"),
    (GATEWAY + "nfqdn.gateway.table='a\tb'\n", "gateway.table has a character that cannot be printed"),
]


def run(*command, ok=True, **options):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    assert not ok or done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout[-3000:]}"
    return done.stdout if ok else done


class Uci:
    """nfqdn-uci, filled, and a made-up uci."""

    def __init__(self, folder):
        self.folder, self.shown, self.uci = folder, folder / "shown", folder / "uci"
        clean = {k: v for k, v in os.environ.items() if k not in ("B", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        run("make", "-s", f"B={folder}/build", f"{folder}/build/install/nfqdn-uci", cwd=ROOT, env=clean)
        self.script = folder / "build/install/nfqdn-uci"
        self.uci.write_text(f'#!/bin/sh\n[ "$*" = "-q -X show nfqdn" ] && cat {self.shown}\n')
        self.uci.chmod(0o755)

    def translate(self, text, shell="dash"):
        self.shown.write_text(text)
        return subprocess.run([shell, self.script], env=dict(os.environ, UCI=str(self.uci)), capture_output=True, text=True, check=False)

    def printed(self, text):
        file = self.folder / "nfqdn.conf"
        file.write_text(text)
        return run(BUILD / "nfqdnd", "-c", file, "--print-config")


def shells():
    return [shell for shell in (["dash"], ["bash"], ["busybox", "sh"]) if shutil.which(shell[0])]


def uci_translated(uci):
    for shell in shells():
        uci.shown.write_text(WHOLE)
        done = subprocess.run([*shell, uci.script], env=dict(os.environ, UCI=str(uci.uci)), capture_output=True, text=True, check=False)
        assert done.returncode == 0 and done.stderr == "", f"{shell}: {done.stderr}"
        assert uci.printed(done.stdout) == uci.printed(AS_WRITTEN), done.stdout


def uci_refused(uci):
    for text, told in WRONG:
        for shell in ("dash", "bash"):
            done = uci.translate(text, shell)
            assert done.returncode == 1 and done.stdout == "", f"{told}: {shell}: status {done.returncode}, {done.stdout!r}"
            assert done.stderr == f"nfqdn-uci: /etc/config/nfqdn: {told}\n", f"{told!r} is not {done.stderr!r}"


def uci_hostile(uci):
    done = uci.translate(GATEWAY + "nfqdn.x=allow\nnfqdn.x.names='a\"; }; inbound: { y: { to = [ \"::/0\" ]; }; }; z: { w = \"' '$(touch " +
                         f"{uci.folder}/made)' '\\'\n")
    assert done.returncode == 0 and not (uci.folder / "made").exists(), done.stderr
    file = uci.folder / "hostile.conf"
    file.write_text(done.stdout)
    checked = run(BUILD / "nfqdnd", "-c", file, "--check", ok=False)
    assert checked.returncode != 0 and "names" in checked.stdout and "inbound" not in checked.stdout.split("names", 1)[0], checked.stdout


def uci_default(uci):
    """The file as delivered, read as uci does."""
    lines, section = [], None
    for line in (PACKAGING / "openwrt/files/nfqdn.config").read_text().splitlines():
        words = re.findall(r"'[^']*'|[^\s']+", line)
        if line.startswith("#") or not words:
            continue
        if words[0] == "config":
            section = words[2].strip("'")
            lines.append(f"nfqdn.{section}={words[1]}")
        else:
            lines.append(f"nfqdn.{section}.{words[1]}={words[2]}")
    done = uci.translate("\n".join(lines) + "\n")
    assert done.returncode == 0, done.stderr
    assert "audit" in uci.printed(done.stdout) and 'interfaces = [ "br-lan" ]' in done.stdout, done.stdout


def openwrt_recipe(uci):
    """GNU make reads it; what it installs is what `make install` made."""
    top = uci.folder / "openwrt"
    (top / "include").mkdir(parents=True)
    (top / "rules.mk").write_text("INCLUDE_DIR:=$(TOPDIR)/include\nPKG_INSTALL_DIR:=installed\nINSTALL_DIR:=mkdir\nINSTALL_BIN:=bin\nINSTALL_DATA:=data\n")
    (top / "include/package.mk").write_text("")
    text = (PACKAGING / "openwrt/Makefile").read_text().replace("$(eval $(call BuildPackage,nfqdn))",
                                                               "$(info $(call Package/nfqdn/install,OUT))$(info $(MAKE_FLAGS))\nall: ;")
    (top / "Makefile").write_text(text)
    said = run("make", "-s", "-f", top / "Makefile", f"TOPDIR={top}", "CONFIG_NFQDN_SECCOMP=y")
    assert "WITH_SECCOMP=yes WITH_ASSIST=no" in said and "SMALL=1" in said, said
    clean = {k: v for k, v in os.environ.items() if k not in ("B", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    for name in ("nfqdnd", "nfqdnctl", "nfqdn-replay"):
        shutil.copy2(BUILD / name, uci.folder / "build" / name)
    run("make", "-s", "-o", "all", f"B={uci.folder}/build", f"DESTDIR={top}/installed", "prefix=/usr", "INIT=procd", "install", cwd=ROOT, env=clean)
    for path in re.findall(r"(?:installed|\./files)/\S+", said):
        base = top if path.startswith("installed") else PACKAGING / "openwrt"
        assert list(base.glob(path)), f"{path} is not there"


def buildroot_recipe(uci):
    top = uci.folder / "buildroot"
    top.mkdir()
    text = (PACKAGING / "buildroot/nfqdn.mk").read_text()
    (top / "Makefile").write_text("qstrip = $(1)\ngeneric-package = $(info $(NFQDN_MAKE_OPTS))$(info $(NFQDN_DEPENDENCIES))\n" + text + "\nall: ;\n")
    said = run("make", "-s", "-f", top / "Makefile", "BR2_PACKAGE_LIBSECCOMP=y", "BR2_INIT_SYSTEMD=y")
    assert "WITH_SECCOMP=yes" in said and "INIT=systemd" in said and "libseccomp" in said.splitlines()[-1], said
    said = run("make", "-s", "-f", top / "Makefile", "BR2_STATIC_LIBS=y")
    assert "WITH_SECCOMP=no" in said and "STATIC=1" in said and "INIT=none" in said and "libseccomp" not in said, said


def recipes_agree(_):
    """Version, licence and libraries stand in each; the licence's checksum is right."""
    makefile = (ROOT / "Makefile").read_text()
    version = re.search(r"^VERSION := (\S+)", makefile, re.M).group(1)
    assert f"PKG_VERSION:={version}\n" in (PACKAGING / "openwrt/Makefile").read_text()
    assert f"NFQDN_VERSION = {version}\n" in (PACKAGING / "buildroot/nfqdn.mk").read_text()
    recipe = (PACKAGING / f"yocto/nfqdn_{version}.bb").read_text()
    assert run("md5sum", ROOT / "LICENSE").split()[0] in recipe
    libraries = re.search(r"^LIBS_nfqdnd := (.*?)(?: \$|$)", makefile, re.M).group(1).replace("_", "-").split()
    for path in ("openwrt/Makefile", "buildroot/nfqdn.mk", f"yocto/nfqdn_{version}.bb"):
        text = (PACKAGING / path).read_text().replace("_", "-")
        assert all(name in text for name in libraries), f"{path}: {libraries}"


CASES = [
    ("UCI becomes the configuration that one would write, in every shell that is here", uci_translated),
    ("what is wrong in UCI is told by name, and nothing is printed", uci_refused),
    ("values in UCI stay values: nothing is run, no section is made", uci_hostile),
    ("the UCI file as delivered is a configuration that denies nothing", uci_default),
    ("OpenWrt's recipe is read by make; what it packs is what `make install` makes", openwrt_recipe),
    ("Buildroot's recipe is read by make, with seccomp and without, static, for systemd", buildroot_recipe),
    ("version, licence and libraries are the same in all recipes", recipes_agree),
]


def main():
    with tempfile.TemporaryDirectory(prefix="nfqdn-packaging-") as folder:
        return tap.run(tap.titled(CASES, Uci(pathlib.Path(folder))))


if __name__ == "__main__":
    sys.exit(main())
