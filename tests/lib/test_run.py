#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner counts what programs report, and takes nothing for granted."""
import io
import pathlib
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
import tap  # noqa: E402
from tap import expect, lives  # noqa: E402

run = tap.load(HERE.parent / "run")

SUITE = run.Suite("unit", "tests/unit", "test_*", 20)


def script(folder, name, text, mode=0o755):
    path = pathlib.Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def result_of(text, seconds=None, grace=0.3):
    with tempfile.TemporaryDirectory() as folder:
        path = script(folder, "test_x", "#!/bin/sh\n" + text)
        return run.Runner(seconds, grace).run(run.Program(SUITE, path))


def verdicts(result):
    return result.count("ok"), result.count("failed"), result.count("skipped")


def expect_failure(result, text, ok=0):
    expect((result.count("ok"), result.count("failed") >= 1), (ok, True))
    if not any(text in case.title for case in result.cases if case.verdict == "failed"):
        raise AssertionError(f"no failure that says {text!r}: {[case.title for case in result.cases]}")


def plain_results():
    """ok, not ok, skipped and diagnostics are told apart"""
    cases, wrong = run.parse_tap("1..4\nok 1 - a\n# not ok: a remark\nnot ok 2 - b\nok 3 - c # SKIP no kernel\nok\n    ok 9 - nested\n")
    expect([(c.verdict, c.title, c.notes) for c in cases],
           [("ok", "a", ""), ("failed", "b", ""), ("skipped", "c", "no kernel"), ("ok", "case None", "")])
    expect(wrong, [])


def reasons():
    """the reason of a failed case stands in its line and in the list at the end; other cases have none"""
    cases, _ = run.parse_tap("1..2\nok 1 - a\n# reason: none\nnot ok 2 - b\n# b, 0.1 s\n# reason: no answer (line 3)\n# reason: later\n")
    expect([(c.title, c.notes) for c in cases], [("a", ""), ("b", "no answer (line 3)")])
    _, lines = whole_run({"test_a": "echo 1..1; echo not ok 1 - b; echo '# reason: no answer'\n"})
    for want in ("  FAILED  b (no answer)", "      no answer"):
        if want not in lines:
            raise AssertionError(f"no line {want!r} in {lines}")


def cmocka_results():
    """cmocka: a plan for each group, and its way to write a skipped case"""
    cases, wrong = run.parse_tap("1..2\nok 1 - a\nnot ok 2 # SKIP b\n# not ok - g1\n1..1\nnot ok 1 - c\n")
    expect([(c.verdict, c.title) for c in cases], [("ok", "a"), ("skipped", "b"), ("failed", "c")])
    expect(wrong, [])


def plan_at_the_end():
    """the plan may come last"""
    expect(verdicts(result_of("echo ok 1 - a; echo 1..1")), (1, 0, 0))


def all_skipped():
    """a plan of none with a reason is one skipped case"""
    expect(verdicts(result_of("echo '1..0 # SKIP no root'")), (0, 0, 1))


def words_are_no_results():
    """words that begin with ok are not results"""
    expect(run.parse_tap("okay 1\nnot okay\nnothing ok 1\n")[0], [])


def no_output():
    """a program that prints nothing failed"""
    expect_failure(result_of("exit 0"), "no plan")


def no_case():
    """a plan of no cases is a failure"""
    expect_failure(result_of("echo 1..0"), "reported no case")


def no_plan():
    """results without a plan are a failure, since the program may have ended early"""
    expect_failure(result_of("echo ok 1 - a"), "no plan", ok=1)


def fewer():
    """fewer results than planned are a failure"""
    expect_failure(result_of("echo 1..3; echo ok 1 - a; echo ok 2 - b"), "planned 3 cases and reported 2", ok=2)


def more():
    """more results than planned are a failure"""
    expect_failure(result_of("echo 1..1; echo ok 1 - a; echo ok 2 - b"), "planned only 1", ok=2)


def status():
    """an exit status without a failed case is a failure"""
    expect_failure(result_of("echo 1..1; echo ok 1 - a; exit 3"), "status 3", ok=1)
    expect(verdicts(result_of("echo 1..1; echo not ok 1 - a; exit 1")), (0, 1, 0))


def a_failed_case_counts_alone():
    """a failed case counts although the program ends with 0"""
    expect(verdicts(result_of("echo 1..1; echo not ok 1 - a; exit 0")), (0, 1, 0))


def killed():
    """a program killed by a signal failed"""
    expect_failure(result_of("echo 1..1; echo ok 1 - a; kill -SEGV $$"), "SIGSEGV", ok=1)


def bail_out():
    """Bail out! is a failure with its reason"""
    expect_failure(result_of("echo 1..1; echo ok 1 - a; echo 'Bail out! no disk'"), "no disk", ok=1)


def out_of_time():
    """a program that runs out of time is ended, also when it ignores TERM, and its children with it"""
    began = time.monotonic()
    result = result_of("trap '' TERM; echo 1..2; echo ok 1 - a; sleep 77 & echo \"# child $!\"; while :; do sleep 77; done", seconds=0.5)
    expect_failure(result, "ran out of time after 0.5 s", ok=1)
    if time.monotonic() - began > 10:
        raise AssertionError("that took too long")
    child = int(next(line.split()[2] for line in result.output.splitlines() if line.startswith("# child")))
    if lives(child):
        raise AssertionError(f"child {child} lives")


def clean_up_on_term():
    """a program out of time gets TERM first and can clean up"""
    result = result_of("trap 'echo \"# cleaned\"; exit 1' TERM; echo 1..1; while :; do sleep 0.05; done", seconds=0.5, grace=5)
    expect_failure(result, "ran out of time")
    if "# cleaned" not in result.output:
        raise AssertionError("it could not clean up")


def left_behind():
    """processes left behind are a failure, and are ended"""
    result = result_of("sleep 78 & echo \"# child $!\"; echo 1..1; echo ok 1 - a")
    expect_failure(result, "left processes running", ok=1)
    child = int(next(line.split()[2] for line in result.output.splitlines() if line.startswith("# child")))
    if lives(child):
        raise AssertionError(f"child {child} lives")


def not_startable():
    """a program that cannot be started is a failure"""
    with tempfile.TemporaryDirectory() as folder:
        path = script(folder, "test_x", "#!/no/such/interpreter\n")
        expect_failure(run.Runner().run(run.Program(SUITE, path)), "cannot be started")


def environment():
    """cmocka is told to speak TAP, and standard input is empty"""
    result = result_of('echo 1..1; [ "$CMOCKA_MESSAGE_OUTPUT" = TAP ] && ! read x && echo ok 1 - a')
    expect(verdicts(result), (1, 0, 0))


def finding():
    """programs are found by suite; what cannot be run or has no corpus is told"""
    with tempfile.TemporaryDirectory() as folder:
        root, build = pathlib.Path(folder), pathlib.Path(folder) / "out"
        script(root, "tests/netns/test_b.py", "")
        script(root, "tests/netns/test_a.py", "")
        script(root, "tests/netns/test_c.py", "", 0o644)
        script(root, "tests/netns/helper.py", "")
        script(build, "tests/unit/test_x", "")
        script(build, "tests/unit/test_x.o", "", 0o644)
        script(build, "tests/unit/test_x.d", "", 0o644)
        script(build, "tests/fuzz/fuzz_one", "")
        script(build, "tests/fuzz/fuzz_two", "")
        (root / "tests/fuzz/corpus/one").mkdir(parents=True)
        programs, wrong = run.find_programs(build, run.SUITES, root)
        expect([p.name for p in programs], ["unit/test_x", "fuzz-replay/fuzz_one", "netns/test_a.py", "netns/test_b.py"])
        expect(programs[1].arguments, [str(root / "tests/fuzz/corpus/one")])
        expect(wrong, ["fuzz-replay/fuzz_two has no corpus folder tests/fuzz/corpus/two", "netns/test_c.py is not executable"])


def patterns():
    """patterns are parts of the name, or globs on all of it"""
    program = run.Program(SUITE, pathlib.Path("/x/test_wire"))
    expect([run.wanted(program, p) for p in ([], ["wire"], ["unit/*"], ["*_wir"], ["dns"])], [True, True, True, False, False])


def whole_run(files, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            script(folder, f"tests/unit/{name}", "#!/bin/sh\n" + text)
        out = io.StringIO()
        code = run.main(["--build", folder, "--suite", "unit", *arguments], out)
        return code, out.getvalue().splitlines()


def the_last_line():
    """the last line counts, failures are shown with their output, and the status follows"""
    code, lines = whole_run({"test_a": "echo 1..2; echo ok 1 - a1; echo ok 2 - a2 '# SKIP b'\n",
                             "test_b": "echo 1..1; echo '# because'; echo not ok 1 - b1\n"})
    expect((code, lines[-1]), (1, "1 passed, 1 failed, 1 skipped"))
    for want in ("  | # because", "  FAILED  b1", "  ok      a1", "  skip    a2 (b)", "  unit/test_b: b1"):
        if want not in lines:
            raise AssertionError(f"no line {want!r} in {lines}")
    code, lines = whole_run({"test_a": "echo 1..1; echo ok 1 - a1; echo noise\n"})
    expect((code, lines[-1]), (0, "1 passed, 0 failed, 0 skipped"))
    if any("noise" in line for line in lines):
        raise AssertionError("output of a program without failures was shown")


def nothing_ran():
    """a run of nothing, or of skipped cases alone, is not a success"""
    code, lines = whole_run({})
    expect((code, lines[-2:]), (1, ["nothing ran", "0 passed, 0 failed, 0 skipped"]))
    code, lines = whole_run({"test_a": "echo '1..0 # SKIP no'"})
    expect((code, lines[-1]), (1, "0 passed, 0 failed, 1 skipped"))
    code, lines = whole_run({"test_a": "echo 1..1; echo ok"}, "no-such-pattern")
    expect((code, lines[-1]), (1, "0 passed, 0 failed, 0 skipped"))


def jobs():
    """programs run side by side"""
    with tempfile.TemporaryDirectory() as meeting:
        text = f"touch {meeting}/$(basename $0); i=0; while [ $i -lt 200 ] && ! {{ [ -e {meeting}/test_a ] && [ -e {meeting}/test_b ]; }}; " \
               "do sleep 0.05; i=$((i+1)); done; echo 1..1; [ $i -lt 200 ] && echo ok 1 - met\n"
        code, lines = whole_run({"test_a": text, "test_b": text}, "--jobs", "2")
        expect((code, lines[-1]), (0, "2 passed, 0 failed, 0 skipped"))


def documents():
    """--junit and --tap write what ran: each case once, its verdict and reason, what cannot stand in XML as it is"""
    files = {"test_a": "echo 1..3; echo 'ok 1 - a < b & c'; echo 'not ok 2 - d #1'; echo '# reason: no \"answer\"'; printf '# \\001\\377\\n'; echo 'ok 3 - e # SKIP no kernel'\n",
             "test_b": "echo 1..1; echo ok 1 - f\n"}
    with tempfile.TemporaryDirectory() as folder:
        whole_run(files, "--junit", f"{folder}/j.xml", "--tap", f"{folder}/t.tap")
        top = xml.parse(f"{folder}/j.xml").getroot()
        expect([(s.get("name"), s.get("tests"), s.get("failures"), s.get("skipped")) for s in top], [("unit/test_a", "3", "1", "1"), ("unit/test_b", "1", "0", "0")])
        expect((top.get("tests"), top.get("failures"), top.get("skipped")), ("4", "1", "1"))
        expect([(c.get("classname"), c.get("name"), [e.tag for e in c]) for c in top.iter("testcase")],
               [("unit.test_a", "a < b & c", []), ("unit.test_a", "d #1", ["failure"]), ("unit.test_a", "e", ["skipped"]), ("unit.test_b", "f", [])])
        expect(top.find(".//failure").get("message"), 'no "answer"')
        text = (pathlib.Path(folder) / "t.tap").read_text(encoding="utf-8")
        expect([line for line in text.splitlines() if not line.startswith("#")],
               ["TAP version 13", "1..4", "ok 1 - unit/test_a: a < b & c", r"not ok 2 - unit/test_a: d \#1", "ok 3 - unit/test_a: e # SKIP no kernel", "ok 4 - unit/test_b: f"])
        cases, wrong = run.parse_tap(text)
        expect(([c.verdict for c in cases], wrong), (["ok", "failed", "skipped", "ok"], []))


def interrupted():
    """a signal to the runner ends its programs and is a failure"""
    with tempfile.TemporaryDirectory() as folder:
        script(folder, "tests/unit/test_a", f"#!/bin/sh\necho 1..1; echo $$ > {folder}/pid; exec sleep 79\n")
        done, child = tap.interrupted(lambda out: run.main(["--build", folder, "--suite", "unit"], out), f"{folder}/out", f"{folder}/pid")
        expect(done, 1)
        if run.group_members(child):
            raise AssertionError("the program lives")
        last = (pathlib.Path(folder) / "out").read_text().splitlines()[-1]
        expect(last, "0 passed, 2 failed, 0 skipped")


CASES = [plain_results, cmocka_results, reasons, plan_at_the_end, all_skipped, words_are_no_results, no_output, no_case, no_plan, fewer, more, status,
         a_failed_case_counts_alone, killed, bail_out, out_of_time, clean_up_on_term, left_behind, not_startable, environment, finding,
         patterns, the_last_line, nothing_ran, jobs, documents, interrupted]

if __name__ == "__main__":
    sys.exit(tap.run(CASES))
