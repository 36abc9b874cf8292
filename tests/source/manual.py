#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages: mandoc has no warning, and every option, command, setting, counter, exit status, signal and file is in them."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
NAMES = ("nfqdnd.8", "nfqdnctl.8", "nfqdn-replay.8", "nfqdn-update.8", "nfqdn.conf.5")


def make_pages(folder):
    clean = {k: v for k, v in os.environ.items() if k not in ("B", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CFLAGS", "SAN", "WERROR")}
    subprocess.run(["make", "-s", f"B={folder}", "prefix=/usr", "documents"], cwd=ROOT, env=clean, check=True, stdout=subprocess.DEVNULL)
    return {name: folder / "man" / name for name in NAMES}


def lint(*paths):
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", *map(str, paths)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def text_of(page):
    return subprocess.run(["mandoc", "-Tascii", "-Owidth=400", str(page)], capture_output=True, text=True, check=True).stdout.replace("\b", "\b")


def plain(page):
    """Without what overstrikes for bold and underlined."""
    return re.sub(".\b", "", text_of(page))


def help_of(program, *words):
    return subprocess.run([str(BUILD / program), *words, "--help"], capture_output=True, text=True, check=True).stdout


def options_in(text):
    return set(re.findall(r"^\s+(?:-\w, )?\s*(--[a-z][a-z-]*)", text, re.M))


def missing(words, page):
    lines = page.splitlines()
    return [w for w in words if not any(re.match(rf"\s+(-\w, )?{re.escape(w)}\b", line) for line in lines)]


def linted(pages):
    assert lint(*pages.values()) == "", lint(*pages.values())
    broken = pages["nfqdnd.8"].with_name("broken.8")
    broken.write_text(pages["nfqdnd.8"].read_text().replace(".El", ".Ex", 1))
    assert lint(broken), "a mistake is seen"


def programs(pages):
    daemon, control = plain(pages["nfqdnd.8"]), plain(pages["nfqdnctl.8"])
    assert len(options_in(help_of("nfqdnd"))) > 8 and not missing(options_in(help_of("nfqdnd")), daemon), missing(options_in(help_of("nfqdnd")), daemon)
    replay, taken = plain(pages["nfqdn-replay.8"]), options_in(help_of("nfqdn-replay"))
    assert len(taken) > 8 and not missing(taken, replay), missing(taken, replay)
    assert not missing(options_in(help_of("nfqdnctl")), control), missing(options_in(help_of("nfqdnctl")), control)
    commands = re.findall(r"^  (\w+)", help_of("nfqdnctl").split("commands:")[1].split("\noptions:")[0], re.M)
    assert "status" in commands and not missing(commands, control), missing(commands, control)
    assert missing(["--nonsense"], control), "what is not there is missed"


def settings(pages):
    page = plain(pages["nfqdn.conf.5"])
    names = re.findall(r'^\t\{ OPTION_\w+, "([a-z0-9-]+)"', (ROOT / "daemon/policy/option.c").read_text(), re.M)
    assert len(names) > 40 and not missing(set(names), page), missing(set(names), page)
    examples = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", pages["nfqdn.conf.5"].read_text(), re.M | re.S)
    with tempfile.TemporaryDirectory() as name:
        checked = 0
        for example in examples:
            if ": {" not in example:
                continue
            file = pathlib.Path(name) / "nfqdn.conf"
            head = "" if "gateway:" in example else 'gateway: { interfaces = "lan0"; resolvers = "10.2.0.2"; '
            catalog = f'catalog = "{ROOT}/data";'
            if example.startswith("{"):  # JSON
                head, example = "", example.replace('"gateway": {', f'"gateway": {{ "catalog": "{ROOT}/data",')
            file.write_text((example.replace("gateway: {", f"gateway: {{ {catalog}") if not head else f"{head} {catalog} }};\n{example}"))
            done = subprocess.run([str(BUILD / "nfqdnd"), "-c", str(file), "--check"], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{example}\n{done.stderr}"
            checked += 1
        assert checked >= 4, f"{checked} examples"


def counters(pages):
    page = plain(pages["nfqdnd.8"])
    names = re.findall(r"^\tC\((\w+),", (ROOT / "daemon/base/counters.h").read_text(), re.M)
    assert len(names) > 90 and not missing(names, page), missing(names, page)


def the_rest(pages):
    daemon = plain(pages["nfqdnd.8"])
    codes = re.findall(r"CMDLINE_\w+ = (\d)", (ROOT / "daemon/control/cmdline.h").read_text())
    assert len(codes) == 4 and not missing(codes, daemon.split("EXIT STATUS")[1]), codes
    codes = re.findall(r"NFQDNCTL_\w+ = (\d)", (ROOT / "daemon/control/nfqdnctl.h").read_text())
    assert len(codes) == 4 and not missing(codes, plain(pages["nfqdnctl.8"]).split("EXIT STATUS")[1]), codes
    codes = re.findall(r"REPLAY_\w+ = (\d)", (ROOT / "daemon/control/replay_cmdline.h").read_text())
    assert len(codes) == 5 and not missing(codes, plain(pages["nfqdn-replay.8"]).split("EXIT STATUS")[1]), codes
    sources = "".join(p.read_text() for p in (ROOT / "daemon").rglob("*.c"))
    signals = set(re.findall(r"sigaddset\(&\w+, (SIG\w+)\)", sources))
    assert {"SIGHUP", "SIGTERM"} <= signals and all(s in daemon.split("SIGNALS")[1] for s in signals), signals
    pages_text = "".join(map(plain, pages.values()))
    environment = {name for name in re.findall(r'getenv\("(\w+)"\)', sources)}
    assert {"NFQDN_SOCKET", "NOTIFY_SOCKET"} <= environment and all(e in pages_text for e in environment), environment
    for file in ("/etc/nfqdn/nfqdn.conf", "/run/nfqdn/control.sock", "/run/nfqdn.lock", "/var/lib/nfqdn/learned", "/var/lib/nfqdn/last-good",
                 "/var/lib/nfqdn/catalog", "/usr/share/nfqdn/data"):
        assert file in daemon, file
    settings_of_update = re.findall(r"^([A-Z0-9_]+)=", (ROOT / "scripts/nfqdn-update").read_text(), re.M)
    internal = {"INTERVAL", "NFQDND", "NFQDNCTL"}
    absent = [s for s in settings_of_update if s not in internal and s not in plain(pages["nfqdn-update.8"])]
    assert len(settings_of_update) > 8 and not absent, absent
    for name, path in pages.items():
        assert not re.search(r"^@\w+@", path.read_text(), re.M), f"{name} has an unfilled place"


def readme(pages):
    """What README.md says to type can be typed, and its configurations pass the check."""
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) < 400, "longer matter belongs into the manual pages"
    commands = set(re.findall(r"^  (\w+)", help_of("nfqdnctl").split("commands:")[1].split("\noptions:")[0], re.M))
    said = re.findall(r"(?:^    |`|; |sudo )nfqdnctl ([a-z]+)([^`;#\n|]*)", text, re.M)
    assert len(said) > 20, said
    for command, rest in said:
        assert command in commands, f"nfqdnctl {command}"
        unknown = set(re.findall(r"--[a-z-]+", rest)) - options_in(help_of("nfqdnctl", command))
        assert not unknown, f"nfqdnctl {command} {unknown}"
    unknown = set(re.findall(r"nfqdnd [^`;#\n|]*?(--[a-z-]+)", text)) - options_in(help_of("nfqdnd"))
    assert not unknown, unknown
    unknown = set(re.findall(r"nfqdn-replay [^`;#\n|]*?(--[a-z-]+)", text)) - options_in(help_of("nfqdn-replay"))
    assert not unknown, unknown
    table = text.split("### When something is wrong")[1].split("##")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 10 and all("`" in row.split("|")[2] for row in rows), rows
    blocks = [b for b in re.findall(r"(?:^    .*\n)+", text, re.M) if re.search(r"^    (gateway|allow|inbound): \{", b, re.M)]
    assert len(blocks) >= 2, blocks
    for block in blocks:
        with tempfile.TemporaryDirectory() as name:
            file = pathlib.Path(name) / "nfqdn.conf"
            head = f'catalog = "{ROOT}/data";'
            file.write_text(block.replace("gateway: {", f"gateway: {{ {head}") if "gateway: {" in block else f'gateway: {{ interfaces = "lan0"; {head} }};\n{block}')
            done = subprocess.run([str(BUILD / "nfqdnd"), "-c", str(file), "--check"], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{block}\n{done.stderr}"


CASES = [
    ("mandoc -Tlint has no warning", linted),
    ("every option and command of the programs", programs),
    ("every setting of nfqdn.conf; its examples pass the daemon's check", settings),
    ("every counter", counters),
    ("every exit status, signal, variable of the environment, file, and setting of nfqdn-update", the_rest),
    ("README.md: its commands and options are there, its configurations pass the check, ten symptoms have a command", readme),
]


def main():
    with tempfile.TemporaryDirectory(prefix="nfqdn-manual-") as name:
        return tap.run(tap.titled(CASES, make_pages(pathlib.Path(name))))


if __name__ == "__main__":
    sys.exit(main())
