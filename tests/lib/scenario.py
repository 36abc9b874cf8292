# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios: a folder with `topology`, `policy.conf`, `zone` and `settings` (each may be missing) and `steps`. tests/README.md tells how one is written."""
import pathlib
import re

import lab
import labdns
import netns
import topology
from netns import Failed, Skip, until

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "scenarios"
FILES = ("topology", "policy.conf", "zone", "settings", "steps")
RIGHT = "[within SECONDS] [expect [not]] COMMAND... [=> TEXT]"


class ScenarioError(ValueError):
    """FILE:LINE: what is wrong; what would be right."""


class Step:
    """One line. `wanted`: whether the command must say yes. `text`: what it must tell besides."""

    def __init__(self, path, number, line):
        self.path, self.number, self.line = path, number, line
        words = self.words_of(line)
        self.seconds, self.wanted, self.text = None, True, None
        if words[0] == "within":
            if len(words) < 3 or not re.fullmatch(r"\d+(\.\d+)?", words[1]):
                raise self.error(f"right would be: {RIGHT}")
            self.seconds, words = float(words[1]), words[2:]
        if words[0] == "expect":
            words = words[1:]
            if words and words[0] == "not":
                self.wanted, words = False, words[1:]
        if "=>" in words:
            cut = words.index("=>")
            self.text, words = " ".join(words[cut + 1:]), words[:cut]
            if not self.text:
                raise self.error("after `=>` comes the text that must be told")
        if not words or words[0] not in lab.COMMANDS:
            raise self.error(f"no command `{words[0] if words else ''}`; right would be: {RIGHT}, with one of: {' '.join(lab.COMMANDS)}")
        self.words = words

    def words_of(self, line):
        try:
            return lab.split(line)
        except lab.LabError as error:
            raise self.error(str(error)) from None

    def error(self, text):
        return ScenarioError(f"{self.path}:{self.number}: {text}")

    def run(self, laboratory):
        """Raises Failed, with the line and what was seen."""
        told = "nothing"

        def so():
            nonlocal told
            done = laboratory.do(self.words)
            told = done.text or ("yes" if done.ok else "no")
            return done.ok == self.wanted and (self.text is None or self.text in done.text)

        try:
            ok = so()
            if not ok and self.seconds is not None:
                until(so, self.line, self.seconds)
                ok = True
        except Failed as error:
            ok, told = False, told if self.seconds is not None else str(error)
        except lab.LabLacks as error:
            raise Skip(str(error)) from None
        except lab.LabError as error:
            raise Failed(f"{self.path}:{self.number}: {self.line}: {error}") from None
        if not ok:
            raise Failed(f"{self.path}:{self.number}: {self.line}: it told: {told} (seed {laboratory.seed})")


class Scenario:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        if not (self.folder / "steps").is_file():
            raise ScenarioError(f"{self.folder}: no file `steps` in it; a scenario is a folder with {', '.join(FILES)}")
        strange = [p.name for p in self.folder.iterdir() if p.name not in FILES and not p.name.startswith(".")]
        if strange:
            raise ScenarioError(f"{self.folder}: nothing reads `{strange[0]}`; there may be {', '.join(FILES)}")
        self.title, self.seed, self.steps = self.folder.name, None, []
        for number, line in enumerate((self.folder / "steps").read_text(encoding="utf-8").splitlines(), 1):
            self.read(number, line.strip())
        if not any(step.line.split()[0] in ("expect", "within") for step in self.steps):
            raise ScenarioError(f"{self.folder}/steps: no `expect` in it: it could not fail")
        self.topology = topology.Topology(self.folder / "topology" if (self.folder / "topology").exists() else topology.find("simple"))

    def read(self, number, line):
        word, _, rest = line.partition(" ")
        if not line or line.startswith("#"):
            return
        if word == "title":
            self.title = rest.strip()
        elif word == "seed":
            if not rest.strip().isdigit():
                raise ScenarioError(f"{self.folder}/steps:{number}: right would be: seed NUMBER")
            self.seed = int(rest)
        else:
            self.steps.append(Step(self.folder / "steps", number, line))

    def text(self, name):
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else None

    def run(self, t):
        """In a case of tests/lib/netns.py."""
        zones = [lab.ZONE, *([self.folder / "zone"] if (self.folder / "zone").exists() else [])]
        laboratory = lab.Lab(t, self.topology, self.text("policy.conf"), zones, self.seed, self.text("settings") or "")
        try:
            laboratory.up()
        except Failed as error:
            if "Unknown device type" in str(error):
                raise Skip("an interface of the topology is of a kind that this kernel lacks") from None
            raise
        for step in self.steps:
            step.run(laboratory)
        laboratory.close()


def register(folder):
    """As a case of this program; a folder that is wrong is one that fails."""
    try:
        scenario = Scenario(folder)
        title, run = scenario.title, scenario.run
    except (ScenarioError, topology.TopologyError, labdns.ZoneError, OSError) as error:
        title, told = pathlib.Path(folder).name, str(error)

        def run(_):
            raise Failed(told)

    netns.case(f"{pathlib.Path(folder).name}: {title}")(run)


def folders(folder=FOLDER):
    return sorted(path for path in folder.iterdir() if path.is_dir())
