#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/vm/full counts what its machines tell, and goes on after one that hangs. The machines are made up."""
import contextlib
import io
import pathlib
import signal
import sys
import tempfile

VM = pathlib.Path(__file__).resolve().parents[1] / "vm"
sys.dont_write_bytecode = True
sys.path.insert(0, str(VM))
import tap  # noqa: E402
from tap import expect  # noqa: E402

full = tap.load(VM / "full")
KERNEL, BOOT, RUN = full.vms.kernels()[0], full.vms.boot, full.vms.run
GOOD = "[1/1] netns/test_tcp.py: 1 ok, 0 failed, 1 skipped, 2.0 s\n  ok      one\n  skip    two (no nsd)\n1 passed, 0 failed, 1 skipped\n"


def ran(answers, arguments):
    """Status and lines of a run whose machines give `answers` by program ((status, output, errors)), and the kept files with their text."""
    def machine(kernel, *command, **_):
        expect(kernel, KERNEL)
        return answers[str(command[-1]).replace("[", "").replace("]", "")]
    out = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
        full.vms.boot, full.vms.run, full.KEPT = machine, None, pathlib.Path(folder) / "failed"
        status = full.main([KERNEL, *arguments])
        kept = {path.name: path.read_text(encoding="utf-8") for path in full.KEPT.glob("*/*")}
    return status, out.getvalue().splitlines(), kept


def a_hang_costs_one():
    """a machine that hangs costs its own program: the rest runs, what it wrote is kept, and a table and the sum end the output"""
    status, lines, kept = ran({"netns/test_tcp.py": (1, "half of it\n", "vm: no exit status\n"), "netns/test_verify.py": (0, GOOD, "")},
                              ["test_tcp", "test_verify"])
    expect((status, lines[-1], kept), (1, "1 passed, 1 failed, 1 skipped", {"netns-test_tcp.py.log": "half of it\nvm: no exit status\n"}))
    expect([line.split()[:8] for line in lines[-3:-1]], [[KERNEL, "netns/test_tcp.py", "0", "passed", "1", "failed", "0", "skipped"],
                                                         [KERNEL, "netns/test_verify.py", "1", "passed", "0", "failed", "1", "skipped"]])


def reasons_are_told():
    """skipped cases are told with their reasons, and fail nothing"""
    status, lines, kept = ran({"netns/test_tcp.py": (0, GOOD, "")}, ["test_tcp"])
    expect((status, kept, any("two (no nsd)" in line for line in lines)), (0, {}, True))


def complaints_fail():
    """a kernel that complains is a failure, though every case was fine; so is an exit status without a failed case"""
    status, lines, _ = ran({"netns/test_tcp.py": (0, GOOD, "[ 3.1] WARNING: CPU: 0\n"), "netns/test_verify.py": (1, GOOD, "")}, ["test_tcp", "test_verify"])
    expect((status, lines[-1]), (1, "2 passed, 2 failed, 2 skipped"))


def no_packages():
    """without the kernel's package each program is skipped with the reason, and nothing having passed is no success"""
    status, lines, _ = ran({"netns/test_tcp.py": (77, "", "vm: apt knows no package\n")}, ["test_tcp"])
    expect((status, lines[-1], any("apt knows no package" in line for line in lines)), (1, "0 passed, 0 failed, 1 skipped", True))


def every_program_is_there():
    """all of the namespaces suite, inside and the module are asked"""
    names = {f"netns/{path.name}" for path in (VM.parent / "netns").glob("test_*.py")} | {"inside/test_debian.py", full.MODULE}
    expect(names - {program for kernel, program in full.chosen([]) if kernel == KERNEL}, set())


def interrupted(number):
    """Ends a run of two programs by a signal, as their first machine runs. The exit status, the last lines of the run and the machine's process."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "boot").write_text(f"#!/bin/sh\necho here; echo $$ >{folder}/pid.new; mv {folder}/pid.new {folder}/pid; exec sleep 79\n", encoding="ascii")
        (folder / "boot").chmod(0o755)

        def main(out):
            full.vms.HERE, full.vms.boot, full.vms.run, full.KEPT = folder, BOOT, RUN, folder / "failed"
            full.vms.kernels = lambda *_: [KERNEL]
            with contextlib.redirect_stdout(out):
                return full.main(["test_tcp", "test_verify"])
        status, child = tap.interrupted(main, folder / "out", folder / "pid", number)
        tap.until(lambda: not tap.lives(child), "the machine is gone")
        return status, (folder / "out").read_text(encoding="utf-8").splitlines()[-3:]


def a_signal_ends_the_machine():
    """a signal ends the machine that runs, no other one starts, and the table and the sum are told"""
    status, lines = interrupted(signal.SIGTERM)
    expect((status, lines[-1]), (1, "0 passed, 2 failed, 0 skipped"))
    expect([line.split()[1] for line in lines[:2]], ["netns/test_tcp.py", "netns/test_verify.py"])


def killed():
    """a machine does not outlive the run that is killed"""
    expect(interrupted(signal.SIGKILL)[0], -signal.SIGKILL)


CASES = [a_hang_costs_one, reasons_are_told, complaints_fail, no_packages, every_program_is_there, a_signal_ends_the_machine, killed]

if __name__ == "__main__":
    sys.exit(tap.run(CASES))
