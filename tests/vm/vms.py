# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs here share: the kernels there are, commands in a virtual machine, and what these tell."""
import os
import pathlib
import re
import subprocess
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BRIEF = os.environ.get("NFQDN_VM_BRIEF") == "1"
NO_PACKAGES = 77
TROUBLE = re.compile("BUG:|WARNING:|Oops|Call Trace|nf_fqdn: selftest")


def kernels(wanted=()):
    """Names of the kernels, all of them or those that are wanted."""
    rows = [line.split("\t")[0] for line in (HERE / "kernels").read_text(encoding="ascii").splitlines() if line and not line.startswith("#")]
    return [r for r in rows if r in wanted] or rows


RUNNING = set()
STOPPED = threading.Event()


def stop():
    """Ends what runs; nothing else starts. For a signal handler: it waits for nothing."""
    STOPPED.set()
    for process in list(RUNNING):
        process.terminate()


def run(*command, **environment):
    """Exit status, output and error output. The command is told to end, too, when this program is killed."""
    # (No preexec_fn: there are threads.)
    with subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *map(str, command)], cwd=ROOT, env={**os.environ, **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        RUNNING.add(process)
        if STOPPED.is_set():
            process.terminate()
        output, errors = process.communicate()
        RUNNING.discard(process)
    return process.returncode, output, errors


def boot(kernel, *command, **environment):
    """The same on that kernel. Software emulation: everything takes about ten times as long."""
    return run(HERE / "boot", kernel, *command, **{"NFQDN_TEST_PATIENCE": "10", **environment})


def cases_of(output):
    """(verdict, title, reason) of each case, out of TAP or of the listing of tests/run. Verdicts: "ok", "not ok", "skip"."""
    found = []
    for line in output.splitlines():
        tap = re.match(r"(ok|not ok) \d+ - (.*?)(?: # SKIP ?(.*))?$", line)
        if tap:
            found.append(("skip" if tap[3] is not None else tap[1], tap[2], tap[3] or ""))
        listed = re.match(r"  (ok|FAILED|skip) +(.*)$", line)
        if listed and not listed[2].startswith("all of it (no case with "):
            found.append(({"FAILED": "not ok"}.get(listed[1], listed[1]), listed[2], ""))
    return found
