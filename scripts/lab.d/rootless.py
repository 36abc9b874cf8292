# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab without root: a user namespace in which this user is root, with a network and a /run of its own; and why it may not be had."""
import ctypes
import os
import pathlib

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 0x1000, 0x4000, 1 << 18, 2, 4

libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The kernel or the distribution forbids it; the text says what and how it is allowed."""


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind=None, flags=0):
    check(libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags), None), f"mount on {target}")


def bind(source, target):
    mount(source, target, flags=MS_BIND)


def private_mounts():
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def value(root, key):
    try:
        return pathlib.Path(root, "sys", key.replace(".", "/")).read_text(encoding="ascii").strip()
    except OSError:
        return None


def reasons(root="/proc"):
    """What forbids user namespaces to this user, each with what allows them. `root`: another /proc, for tests."""
    found = []
    if not pathlib.Path(root, "self/ns/user").exists():
        found.append("the kernel has no user namespaces (CONFIG_USER_NS)")
    if value(root, "kernel.unprivileged_userns_clone") == "0":
        found.append("kernel.unprivileged_userns_clone is 0: sudo sysctl kernel.unprivileged_userns_clone=1")
    if value(root, "kernel.apparmor_restrict_unprivileged_userns") == "1":
        found.append("kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu 23.10 and later): sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0")
    for kind in ("user", "net", "mnt"):
        if value(root, f"user.max_{kind}_namespaces") == "0":
            found.append(f"user.max_{kind}_namespaces is 0: sudo sysctl user.max_{kind}_namespaces=10000")
    try:
        status = pathlib.Path(root, "self/status").read_text(encoding="ascii", errors="replace")
        if "\nSeccomp:\t2" in status:
            found.append("a seccomp filter is in force here, as containers have it: podman or docker run --security-opt seccomp=unconfined")
    except OSError:
        pass
    return found


def enter():
    """This process, which has one thread, becomes root of its own namespaces. Raises Refused."""
    user, group = os.geteuid(), os.getegid()
    links = os.path.realpath("/etc/resolv.conf")
    try:
        check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET), "unshare")
        pathlib.Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
        private_mounts()
        mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV)
        os.mkdir("/run/netns")
        if links.startswith("/run/"):  # where systemd-resolved keeps it: something must be there to be mounted over
            os.makedirs(os.path.dirname(links), exist_ok=True)
            with open(links, "w", encoding="ascii"):
                pass
    except OSError as error:
        raise Refused("\n".join([f"no lab without root here: {error.strerror}", *(reasons() or ["in a chroot no user namespaces can be made (user_namespaces(7)); where this is none, dmesg may tell why"])])) from None
