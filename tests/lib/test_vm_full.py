#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/vm/full counts what its machines tell, and goes on after one that hangs. The machines are made up."""
import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import tempfile
import traceback

VM = pathlib.Path(__file__).resolve().parents[1] / "vm"
sys.dont_write_bytecode = True
sys.path.insert(0, str(VM))
loader = importlib.machinery.SourceFileLoader("full", str(VM / "full"))
full = importlib.util.module_from_spec(importlib.util.spec_from_loader("full", loader))
loader.exec_module(full)
KERNEL = full.vms.kernels()[0]
GOOD = "[1/1] netns/test_tcp.py: 1 ok, 0 failed, 1 skipped, 2.0 s\n  ok      one\n  skip    two (no nsd)\n1 passed, 0 failed, 1 skipped\n"


def expect(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


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


CASES = [a_hang_costs_one, reasons_are_told, complaints_fail, no_packages, every_program_is_there]

if __name__ == "__main__":
    print(f"1..{len(CASES)}", flush=True)
    failures = 0
    for index, function in enumerate(CASES, 1):
        try:
            function()
            print(f"ok {index} - {function.__doc__}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failures += 1
            print(f"not ok {index} - {function.__doc__}")
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
    sys.exit(1 if failures else 0)
