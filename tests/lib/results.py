# SPDX-License-Identifier: GPL-2.0-or-later
"""Results for machines: one TAP document and JUnit's XML of all that ran. `results`: [(program, seconds, cases, output)], a case being what has `verdict`
("ok", "failed" or "skipped"), `title` and `notes`."""
import re
import xml.etree.ElementTree as xml

# What XML 1.0 (2.2) has no place for.
UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text):
    return UNSPEAKABLE.sub("?", text)


def tap(results):
    lines = []
    for program, _, cases, output in results:
        for case in cases:
            # A bare '#' would begin a directive.
            title = f"{program}: {case.title}".replace("#", r"\#")
            line = f"{'not ' if case.verdict == 'failed' else ''}ok {len([x for x in lines if not x.startswith('#')]) + 1} - {title}"
            lines.append(line + (f" # SKIP {case.notes}".rstrip() if case.verdict == "skipped" else ""))
            if case.verdict == "failed" and case.notes:
                lines.append(f"# reason: {case.notes}")
        if any(case.verdict == "failed" for case in cases):
            lines += [f"# | {line}" for line in output.splitlines()]
    count = len([line for line in lines if not line.startswith("#")])
    return "\n".join(["TAP version 13", f"1..{count}", *lines]) + "\n"


def junit(results):
    top = xml.Element("testsuites")
    for program, seconds, cases, output in results:
        count = {verdict: sum(c.verdict == verdict for c in cases) for verdict in ("failed", "skipped")}
        suite = xml.SubElement(top, "testsuite", name=clean(program), tests=str(len(cases)), failures=str(count["failed"]), errors="0", skipped=str(count["skipped"]),
                               time=f"{seconds:.3f}")
        for case in cases:
            entry = xml.SubElement(suite, "testcase", classname=clean(program.replace("/", ".")), name=clean(case.title))
            if case.verdict == "failed":
                xml.SubElement(entry, "failure", message=clean(case.notes or case.title)).text = clean(case.notes or case.title)
            elif case.verdict == "skipped":
                xml.SubElement(entry, "skipped", message=clean(case.notes))
        if count["failed"]:
            xml.SubElement(suite, "system-out").text = clean(output)
    total = [sum(int(suite.get(key)) for suite in top) for key in ("tests", "failures", "skipped")]
    for key, value in zip(("tests", "failures", "skipped"), total):
        top.set(key, str(value))
    xml.indent(top)
    return xml.tostring(top, encoding="unicode", xml_declaration=True) + "\n"


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
