#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The scenarios of tests/scenarios, and what is told of a wrong one."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import scenario  # noqa: E402
from netns import Failed, case, check, expect, main  # noqa: E402

for _folder in scenario.folders():
    scenario.register(_folder)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# What stands in `steps`, and what is told of it after the folder.
WRONG = [
    ("opne x\nexpect open y\n", "/steps:1: no command `opne`; right would be: [within SECONDS]"),
    ("expect not\n", "/steps:1: no command ``"),
    ("within soon expect open x\n", "/steps:1: right would be: [within SECONDS] [expect"),
    ("expect ask x =>\n", "/steps:1: after `=>` comes the text"),
    ("expect ask 'x\n", "/steps:1: No closing quotation"),
    ("seed x\n", "/steps:1: right would be: seed NUMBER"),
    ("title x\n\nask x\n", "/steps: no `expect` in it: it could not fail"),
]


@case("what is wrong in a scenario is told with folder, file and line")
def wrong(t):
    folder = t.folder / "scenario"
    folder.mkdir()
    for text, want in (("", ": no file `steps` in it"), *WRONG):
        if text:
            (folder / "steps").write_text(text, encoding="utf-8")
        try:
            scenario.Scenario(folder)
            check(False, f"{text!r} was taken")
        except scenario.ScenarioError as error:
            check(str(error).startswith(f"{folder}{want}"), f"{text!r} was told as {error}")
    (folder / "step").write_text("", encoding="utf-8")
    try:
        scenario.Scenario(folder)
        check(False, "a strange file was taken")
    except scenario.ScenarioError as error:
        check("nothing reads `step`" in str(error), str(error))


@case("a scenario whose expectation is not so fails with its line, what was told, and the seed")
def fails(t):
    folder = t.folder / "scenario"
    folder.mkdir()
    (folder / "steps").write_text("seed 5\nask www.example.org\nexpect open www.example.org\n", encoding="utf-8")
    try:
        scenario.Scenario(folder).run(t)
        check(False, "it passed")
    except Failed as error:
        check(f"{folder}/steps:3: expect open www.example.org: it told: reset after" in str(error) and "(seed 5)" in str(error), str(error))


@case("the topology and the scenario that tests/README.md shows come up and pass")
def documented(t):
    text = (ROOT / "tests/README.md").read_text(encoding="utf-8")
    folder, name, files = t.folder / "scenario", "topology", {}
    for heading in ("Topologies", "Scenarios"):
        part = text.split(f"\n## {heading}\n", 1)[1]
        for line in part[part.index("\n    ") + 1:].split("\n\n")[0].splitlines():
            if line.startswith("    ==> "):
                name = line.rpartition("/")[2]
            else:
                files[name] = files.get(name, "") + line[4:] + "\n"
    expect(sorted(files), ["policy.conf", "steps", "topology"], "the files that it shows")
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    scenario.Scenario(folder).run(t)


if __name__ == "__main__":
    main()
