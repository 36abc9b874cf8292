#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`reload --confirm`: the new policy is in force at once, and goes back by itself, whole, unless it is confirmed."""
import json
import pathlib
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import PATIENCE, ROOT, case, check, expect, give, main, until  # noqa: E402

# The time to confirm that shall pass, and one that shall not.
SHORT, LONG = str(max(2, int(2 * PATIENCE))), "600"
WEB = 'web: { names = "*.example.net"; };'
ORG = 'org: { names = "*.example.org"; };'
OLD = 'old: { addresses = "20.120.0.0/24"; };'
NEW = 'new: { addresses = "20.122.0.0/24"; };'
ZONE = {"www.example.net": ["20.121.0.1", "2603:1030::121"], "www.example.org": ["20.121.0.2"], "other.example.org": ["20.121.0.3"]}


def results(t, *addresses):
    return [t.client.tcp(address).result for address in addresses]


def old_is_in_force(t, what):
    expect(results(t, "20.121.0.1", "20.120.0.1", "20.122.0.1", "20.121.0.2"), ["open", "open", "reset", "reset"], what)


def new_is_in_force(t, what):
    expect(results(t, "20.121.0.1", "20.120.0.1", "20.122.0.1"), ["reset", "reset", "open"], what)


def begin(t, **gateway):
    """A daemon with the old policy, which has learned."""
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + OLD, **gateway)
    t.client.lookup("10.2.0.2", "www.example.net")
    until(lambda: (d.folder / "state/last-good/nfqdn.conf").exists(), "the last good policy is kept")
    return d


def attempt(t, d, seconds, allow=ORG + NEW, ok=True):
    d.write(t.config(allow=allow))
    return d.ctl("reload", "--confirm", seconds, ok=ok)


def gone_back(d):
    until(lambda: d.status()["unconfirmed"] is not None, "it goes back", int(SHORT) + 5)


@case("not confirmed in time: ranges, names and learned addresses, with what is left of their life, come back by themselves", tags=["smoke", "kernel"])
def in_time(t):
    d = begin(t)
    life = d.knows("20.121.0.1")["expires_in"]
    old_is_in_force(t, "before")
    told = attempt(t, d, SHORT)
    check("goes back in" in told.stdout, told.stdout)
    status = d.status()
    check(0 <= status["confirm_in"] <= int(SHORT), f"confirm_in {status['confirm_in']}")
    new_is_in_force(t, "at once")
    t.client.lookup("10.2.0.2", "www.example.org")
    gone_back(d)
    until(lambda: d.knows("20.121.0.1"), "the learned address comes back")
    old_is_in_force(t, "afterwards")
    status = d.status()
    expect((status["confirm_in"], status["unconfirmed"], status["generation"], status["counters"]["reloads_undone"]), (None, "time", 3, 1), "status")
    back = d.knows("20.121.0.1")
    check(0 <= life - back["expires_in"] <= 30 * PATIENCE, f"life: {life} before, {back['expires_in']} afterwards")
    expect((back["names"], d.knows("20.121.0.2")), (["www.example.net"], None), "names; and what the other policy had learned")
    check(any("was not confirmed" in w for w in status["warnings"]) and "was not confirmed (time)" in d.log(), "status and log say so")
    check("careful" in d.ctl("status").stdout, "and so does the text")


@case("confirmed in time it stays, also over a start; a second confirm has nothing to confirm", tags=["smoke"])
def confirmed(t):
    d = begin(t)
    expect(d.ctl("confirm", ok=1).stderr, "nfqdnctl: no reload waits to be confirmed\n", "before")
    attempt(t, d, LONG)
    expect(d.json("confirm"), {"api": 1, "kept": True, "generation": 2}, "confirm")
    status = d.status()
    expect((status["confirm_in"], status["unconfirmed"]), (None, None), "status")
    d.ctl("confirm", ok=1)
    new_is_in_force(t, "confirmed")
    until(lambda: "20.122.0.0" in (d.folder / "state/last-good/nfqdn.conf").read_text(), "the last good policy is the new one")
    d.kill()
    d.start()
    new_is_in_force(t, "after a start")
    check(not (d.folder / "state/unconfirmed").exists(), "no mark is left")
    d.reload()


@case("confirm --undo goes back at once; the file that was not confirmed is taken by no plain reload and no SIGHUP until it changes", tags=["smoke"])
def undone(t):
    d = begin(t)
    attempt(t, d, LONG)
    new_is_in_force(t, "tried")
    expect(d.json("confirm", "--undo"), {"api": 1, "kept": False, "generation": 3}, "undo")
    old_is_in_force(t, "undone")
    check("not confirmed" in d.reload(ok=1).stdout, "a plain reload says why it is refused")
    refused = d.counters()["reloads_refused"]
    d.signal(signal.SIGHUP)
    until(lambda: d.counters()["reloads_refused"] == refused + 1, "SIGHUP is refused")
    old_is_in_force(t, "still")
    expect(d.status()["unconfirmed"], "undo", "status")
    d.reload(t.config(allow=ORG + NEW) + "# looked at\n")
    new_is_in_force(t, "the changed file")
    expect((d.status()["unconfirmed"], (d.folder / "state/unconfirmed").exists()), (None, False), "nothing is left of it")


@case("while one waits: plain reloads and SIGHUP are refused, a bad one changes nothing, a second one takes its place with the same way back", tags=["smoke"])
def twice(t):
    d = begin(t)
    attempt(t, d, LONG)
    check("waits to be confirmed" in d.reload(ok=1).stdout, "a plain reload is refused")
    d.signal(signal.SIGHUP)
    until(lambda: d.counters()["reloads_refused"] == 2, "SIGHUP, too")
    d.write("gateway: { nonsense = 1; };")
    d.ctl("reload", "--confirm", SHORT, ok=1)
    check(d.status()["confirm_in"] > int(SHORT), "the first one waits on")
    new_is_in_force(t, "the first one")
    attempt(t, d, SHORT, allow=ORG)
    expect(results(t, "20.122.0.1", "20.120.0.1"), ["reset", "reset"], "the second one")
    gone_back(d)
    until(lambda: d.knows("20.121.0.1"), "what the first one took away comes back")
    old_is_in_force(t, "back to what was before both")


@case("killed while one waits: the next start takes the last good policy, says so, and the same file needs to be confirmed", tags=["smoke"])
def killed(t):
    d = begin(t)
    attempt(t, d, LONG)
    new_is_in_force(t, "tried")
    d.kill()
    d.start()
    old_rules = results(t, "20.120.0.1", "20.122.0.1")
    expect(old_rules, ["open", "reset"], "after the start")
    expect((d.status()["unconfirmed"], d.status()["confirm_in"]), ("restart", None), "status")
    check("was tried and not confirmed: the last good policy is in force" in d.log(), d.log())
    d.reload(ok=1)
    d.kill()
    d.start()
    expect(results(t, "20.120.0.1", "20.122.0.1"), ["open", "reset"], "and after another one")
    d.ctl("reload", "--confirm", LONG)
    new_is_in_force(t, "tried again")
    d.ctl("confirm")
    d.kill()
    d.start()
    expect(d.status()["unconfirmed"], None, "confirmed")
    new_is_in_force(t, "after the last start")


@case("killed while one waits, and the file was changed meanwhile: it is the administrator's, and taken")
def killed_and_changed(t):
    d = begin(t)
    attempt(t, d, LONG)
    d.kill()
    d.write(t.config(allow=OLD + NEW))
    d.start()
    expect(results(t, "20.120.0.1", "20.122.0.1"), ["open", "open"], "after the start")
    expect((d.status()["unconfirmed"], (d.folder / "state/unconfirmed").exists()), (None, False), "no mark is left")


@case("ended while one waits: the table that stays behind is that of the policy before")
def ended(t):
    d = begin(t)
    attempt(t, d, LONG)
    d.stop()
    old_is_in_force(t, "after SIGTERM")
    d.start()
    old_is_in_force(t, "after a start")
    expect(d.status()["unconfirmed"], "restart", "status")


@case("the mode, a group with its learned addresses, and lists come back, too; a newer list is taken by a plain reload")
def groups_and_lists(t):
    t.simple()
    t.dns(t.inet, ZONE)
    lists = t.folder / "lists"
    shutil.copytree(ROOT / "data", lists)
    row = {"feature": "f", "id": "r", "title": "t", "ips": ["20.130.0.0/24"], "tcpPorts": "443", "required": True, "cloud": ["public"], "direction": "outbound",
           "state": "published", "asOf": "2026-01-01", "source": {"document": "https://example.net/", "section": "s"}}

    def write(prefix):
        row["ips"] = [prefix]
        (lists / "mine.json").write_text(json.dumps({"format": 1, "service": "mine", "title": "Mine", "rows": [row]}), encoding="utf-8")
        for path in (lists, *lists.iterdir()):
            give(path)

    write("20.130.0.0/24")
    mine = 'mine: { service = "mine"; };'
    kiosk = 'kiosk: { names = "*.example.net"; clients = "10.1.0.0/24"; };'
    d = t.gateway(allow=mine + kiosk, catalog=[str(lists)])
    until(lambda: (d.folder / "state/last-good/nfqdn.conf").exists(), "the last good policy is kept")
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(results(t, "20.121.0.1", "20.130.0.1", "20.131.0.1"), ["open", "open", "reset"], "before")
    write("20.131.0.0/24")
    d.write(t.config(allow=mine, catalog=[str(lists)], mode="audit"))
    d.ctl("reload", "--confirm", LONG)
    expect((d.status()["mode"], d.learned()), ("audit", []), "tried")
    d.ctl("confirm", "--undo")
    expect(d.status()["mode"], "enforce", "the mode")
    expect(results(t, "20.121.0.1", "20.130.0.1", "20.131.0.1"), ["open", "open", "reset"], "afterwards")
    # Only a list was tried: the configuration is the one in force.
    d.write(d.config.replace('mode = "audit";', "").replace(mine, mine + kiosk))
    d.reload()
    expect(results(t, "20.131.0.1"), ["open"], "with the new list")
    write("20.132.0.0/24")
    d.ctl("reload", "--confirm", LONG)
    d.ctl("confirm", "--undo")
    expect(results(t, "20.131.0.1", "20.132.0.1"), ["open", "reset"], "a list that was undone")
    d.reload(ok=1)
    write("20.133.0.0/24")
    d.reload()
    expect(results(t, "20.133.0.1"), ["open"], "a newer list")


@case("a state folder that cannot be written is told, and it goes back all the same")
def no_state(t):
    d = begin(t)
    shutil.rmtree(d.folder / "state")
    (d.folder / "state").write_text("in the way")
    check("cannot be written" in attempt(t, d, SHORT).stdout, "the answer tells")
    gone_back(d)
    old_is_in_force(t, "afterwards")


@case("bounds: 1 to 86400 seconds, not with --dry-run; nothing else is taken")
def bounds(t):
    t.simple()
    d = t.gateway(allow=OLD)
    for wrong in ("0", "86401", "-1", "x", "", "2.5", "99999999999999999999"):
        d.ctl("reload", f"--confirm={wrong}", ok=2)
    d.ctl("reload", "--confirm", "5", "--dry-run", ok=2)
    d.ctl("status", "--undo", ok=2)
    for wrong in (0, 86401, -1, "5", 2.5, True):
        answer = d.ask({"api": 1, "command": "reload", "confirm": wrong})
        expect((answer["ok"], answer["exit"]), (False, 2), f"confirm {wrong!r}")
    d.ctl("reload", "--confirm", "86400")
    check(86390 - 60 * PATIENCE <= d.status()["confirm_in"] <= 86400, "a day")
    expect(d.status()["generation"], 2, "reloads")


if __name__ == "__main__":
    main()
