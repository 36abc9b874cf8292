#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of a machine that does not come to its end. Real ones, of the newest kernel."""
import os
import pathlib
import subprocess
import sys
import tempfile

import vms

sys.path.insert(0, str(vms.HERE.parent / "lib"))
import tap  # noqa: E402

KERNEL = vms.kernels()[-1]
SHELL = "echo 'it began'; "


def machines(folder):
    """Emulators whose files lie in this folder."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "qemu-system" in words[0] and any(folder in word for word in words):
            found.append(int(path.parent.name))
    return found


def start(folder, script, **environment):
    """A machine that runs this after having said that it began."""
    with open(f"{folder}/output", "wb") as out, open(f"{folder}/errors", "wb") as errors:
        return subprocess.Popen([str(vms.HERE / "boot"), KERNEL, "sh", "-c", SHELL + script], cwd=vms.ROOT, stdin=subprocess.DEVNULL,
                                stdout=out, stderr=errors, env={**os.environ, "TMPDIR": folder, "VM_CPUS": "1", "VM_MEMORY": "512", **environment})


def text(folder, name):
    return pathlib.Path(folder, name).read_text(encoding="utf-8", errors="replace")


def ends(folder, process, want):
    status = process.wait(600)
    if status == vms.NO_PACKAGES:
        raise tap.Skip(text(folder, "errors").strip())
    tap.expect(status, want)
    tap.until(lambda: not machines(folder), "the machine is off")


def hangs(folder):
    """a machine that hangs is switched off after its time; what it wrote is there, and that it hung is said"""
    # Long enough for its shell to begin while two other machines are busy; it idles.
    ends(folder, start(folder, "exec sleep 9999", VM_TIMEOUT="40"), 1)
    tap.expect(text(folder, "output"), "it began\n")
    tap.expect("no exit status from the" in text(folder, "errors"), True)


def panics(folder):
    """a kernel that panics ends at once, and its console is shown"""
    ends(folder, start(folder, "sync; echo c >/proc/sysrq-trigger", VM_TIMEOUT="3000"), 1)
    tap.expect((text(folder, "output"), "sysrq triggered crash" in text(folder, "errors")), ("it began\n", True))


def told_to_end(folder):
    """a signal switches the machine off, and nothing of it is left"""
    process = start(folder, "exec sleep 9999")
    tap.until(lambda: "began" in text(folder, "output") or process.poll() is not None, "it began", 600)
    process.terminate()
    ends(folder, process, 130)
    tap.expect([path.name for path in pathlib.Path(folder).glob("nfqdn-vm*")], [])


def killed(folder):
    """kill -9 switches it off, too"""
    process = start(folder, "exec sleep 9999")
    tap.until(lambda: machines(folder) or process.poll() is not None, "the machine is on", 600)
    process.kill()
    ends(folder, process, -9)


def in_folder(function):
    def case():
        with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="nfqdn-boot-") as folder:
            function(folder)
    case.__doc__ = function.__doc__
    return case


CASES = [hangs, told_to_end] if vms.BRIEF else [hangs, panics, told_to_end, killed]

if __name__ == "__main__":
    sys.exit(tap.run([in_folder(case) for case in CASES]))
