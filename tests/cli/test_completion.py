#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion in bash: what is offered is what the programs take, by asking bash itself."""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
SCRATCH = tempfile.TemporaryDirectory(prefix="nfqdn-completion-")
FOLDER = pathlib.Path(SCRATCH.name)
SCRIPT = FOLDER / "nfqdn.bash"


def make_script():
    (FOLDER / "build").mkdir()
    clean = {k: v for k, v in os.environ.items() if k not in ("B", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CFLAGS", "SAN", "WERROR")}
    subprocess.run(["make", "-s", f"B={FOLDER}/build", f"{FOLDER}/build/nfqdn.bash"], cwd=ROOT, env=clean, check=True, stdout=subprocess.DEVNULL)
    (FOLDER / "build/nfqdn.bash").rename(SCRIPT)


def complete(line):
    """What bash offers at the end of the line, as its own programmable completion is asked: the last word is the one that is typed."""
    words = line.split(" ")
    array = " ".join(shlex.quote(w) for w in words)
    program = f"""source {shlex.quote(str(SCRIPT))} || exit 1
        read -r _ _ name _ < <(complete -p {words[0]}) || exit 1
        COMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; COMP_LINE={shlex.quote(line)}; COMP_POINT={len(line)}; COMPREPLY=()
        "$name" {words[0]} {shlex.quote(words[-1])} {shlex.quote(words[-2])}
        printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "--norc", "-c", program], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done
    return sorted(set(done.stdout.split()))


def help_of(program, *words):
    return subprocess.run([str(BUILD / program), *words, "--help"], capture_output=True, text=True, check=True).stdout


def options_in(text):
    return sorted(set(re.findall(r"--[a-z][a-z-]*", "\n".join(l[:24] for l in text.splitlines() if re.match(r"\s+(-\w, )?\s*--", l)))))


def commands():
    text = help_of("nfqdnctl").split("commands:")[1].split("\noptions:")[0]
    return sorted(re.findall(r"^  (\w+)", text, re.M))


def expect(got, want):
    assert got == sorted(want), f"got {got}, want {sorted(want)}"


def all_commands():
    assert "status" in commands() and "catalog" in commands(), commands()
    expect(complete("nfqdnctl "), commands())
    expect(complete("nfqdnctl st"), ["status"])
    expect(complete("nfqdnctl --json -s /tmp/x exp"), ["explain"])
    expect(complete("nfqdnctl nonsense"), [])


def every_command_has_its_options():
    for command in commands():
        offered = [o for o in complete(f"nfqdnctl {command} --")]
        expect(offered, options_in(help_of("nfqdnctl", command)))
    assert "--dry-run" in complete("nfqdnctl reload --d") and complete("nfqdnctl denied --dr") == [], "of one command alone"


def words_of_commands():
    expect(complete("nfqdnctl wait "), ["generation", "learned", "ready"])
    expect(complete("nfqdnctl catalog im"), ["import"])
    expect(complete("nfqdnctl catalog import serv"), ["service-tags"])
    (FOLDER / "given.json").touch()
    expect(complete("nfqdnctl catalog import m365 gi"), ["given.json"])
    expect(complete("nfqdnctl reload --confirm 120 gi"), ["given.json"])
    expect(complete("nfqdnctl status gi"), [])


def daemon_options():
    expect([o for o in complete("nfqdnd ") if o.startswith("--")], options_in(help_of("nfqdnd")))
    expect(complete("nfqdnd --print-c"), ["--print-config"])
    expect([o for o in complete("nfqdn-replay -") if o.startswith("--")], options_in(help_of("nfqdn-replay")))


def files():
    (FOLDER / "one.conf").touch()
    (FOLDER / "onedir").mkdir(exist_ok=True)
    expect(complete("nfqdnd -c one"), ["one.conf", "onedir"])
    expect(complete("nfqdnd --config one.c"), ["one.conf"])
    expect(complete("nfqdnd --boot one"), ["onedir"])
    expect(complete("nfqdn-replay one"), ["one.conf", "onedir"])
    expect(complete("nfqdn-replay x.pcap -c one.c"), ["one.conf"])
    expect(complete("nfqdn-replay --speed "), [])
    expect(complete("nfqdnctl --socket one.c"), ["one.conf"])
    expect(complete("nfqdnctl catalog --catalog one"), ["onedir"])
    expect(complete("nfqdnctl wait --timeout "), [])
    expect(complete("nfqdnctl record one.c"), ["one.conf"])


CASES = [
    ("nfqdnctl: every command of --help is offered, also after options", all_commands),
    ("nfqdnctl: behind each command exactly the options that it takes", every_command_has_its_options),
    ("nfqdnctl: the words of a command, and files where they are meant", words_of_commands),
    ("nfqdnd: every option of --help", daemon_options),
    ("files and folders behind the options that take them", files),
]


def main():
    make_script()
    status = tap.run(tap.titled(CASES))
    SCRATCH.cleanup()
    return status


if __name__ == "__main__":
    sys.exit(main())
