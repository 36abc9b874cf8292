# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP of a program whose cases are functions that say in their documentation, or title, what they show; and what such cases share."""
import functools
import importlib.machinery
import importlib.util
import os
import pathlib
import signal
import time
import traceback


class Skip(Exception):
    """The case cannot run here; the text says what is missing."""


def load(path):
    """A program without a suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader(pathlib.Path(path).name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def expect(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def until(condition, what, seconds=10):
    """Waits until `condition()` is true, and returns it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return value


def number_in(path, seconds=10):
    """The number that a program writes into the file once it runs."""
    path = pathlib.Path(path)
    return int(until(lambda: path.exists() and path.read_text(encoding="ascii").strip(), f"a number in {path}", seconds))


def status_after(number, pid):
    """The exit status of a child after this signal."""
    os.kill(pid, number)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def interrupted(main, out, started, number=signal.SIGTERM):
    """Runs main(out) in a process of its own until the program that it starts has written its number into `started`, then sends the signal.
    Returns the exit status and that number."""
    pid = os.fork()
    if pid == 0:
        with open(out, "w", encoding="utf-8") as file:
            os._exit(main(file))
    child = number_in(started)
    return status_after(number, pid), child


class Cases(list):
    """Functions with a title: `CASES = Cases()`, then `@CASES.case("what it shows")`. What else is told of a case stands in `marks`."""

    def case(self, title, **marks):
        def add(function):
            function.__doc__, function.marks = title, marks
            self.append(function)
            return function
        return add


def titled(rows, *arguments):
    """Cases of (title, function) rows, each called with these arguments."""
    cases = Cases()
    for title, function in rows:
        cases.case(title)(functools.partial(function, *arguments))
    return cases


def run(cases, lacking=lambda case: None):
    """The exit status. `lacking` tells what a case cannot run without."""
    print(f"1..{len(cases)}", flush=True)
    failures = 0
    for index, function in enumerate(cases, 1):
        try:
            missing = lacking(function)
            if missing:
                raise Skip(missing)
            function()
            print(f"ok {index} - {function.__doc__}", flush=True)
        except Skip as reason:
            print(f"ok {index} - {function.__doc__} # SKIP {reason}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failures += 1
            print(f"not ok {index} - {function.__doc__}")
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
    return 1 if failures else 0
