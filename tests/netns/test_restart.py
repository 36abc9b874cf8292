#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stops, crashes, starts and reloads: what was learned stays, what is not allowed goes, and nothing opens meanwhile."""
import os
import pathlib
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import NFQDND, PATIENCE, case, check, element, elements, expect, give, main, until  # noqa: E402

# The unit of short lives: a second, more on a slow machine.
S = max(1, int(PATIENCE))
WEB = 'web: { names = "*.example.net"; };'
ORG = 'org: { names = "*.example.org"; };'
CLOUD = 'cloud: { addresses = "20.120.0.0/24"; };'
ZONE = {"www.example.net": ["20.121.0.1", "2603:1030::121"], "www.example.org": ["20.121.0.2"], "both.example.net": ["20.121.0.3"], "both.example.org": ["20.121.0.3"],
        "later.example.net": ["20.121.0.4"]}


def learn(t, *names):
    for qname in names:
        t.client.lookup("10.2.0.2", qname)


def flush(t, d, ok=True):
    done = t.gw.run([NFQDND, "-c", str(d.file), "--flush"], ok=False)
    expect(done.returncode == 0, ok, f"--flush: status {done.returncode}, {done.stderr}")
    return done


class Watch(threading.Thread):
    """Connects again and again; remembers what did not end as it must."""

    def __init__(self, t, wanted):
        super().__init__()
        self.t, self.wanted, self.count, self.wrong, self.over = t, wanted, 0, [], threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            for address, result in self.wanted.items():
                attempt = self.t.client.tcp(address, seconds=2)
                self.count += 1
                if attempt.result != result:
                    self.wrong.append(f"{address}: {attempt}, not {result}")

    def end(self):
        self.over.set()
        self.join()
        check(self.count > 10, f"only {self.count} connections were tried")
        check(not self.wrong, f"{len(self.wrong)} of {self.count} connections: " + "; ".join(self.wrong[:10]))


@case("SIGTERM leaves the table: learned and listed addresses stay open, DNS passes, nothing new is learned", tags=["smoke"])
def sigterm(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + CLOUD)
    learn(t, "www.example.net")
    t.client.lookup("10.2.0.2", "www.example.net", dnswire.AAAA)
    before = t.gw.run("nft -s list table inet nfqdn").stdout
    d.stop()
    expect(t.gw.run("nft -s list table inet nfqdn").stdout.count("20.121.0.1"), before.count("20.121.0.1"), "elements")
    learn(t, "later.example.net")
    expect([t.client.tcp(a).result for a in ("20.121.0.1", "2603:1030::121", "20.120.0.9", "20.121.0.4", "20.121.0.2")], ["open", "open", "open", "reset", "reset"], "after SIGTERM")
    check(not d.socket_path.exists(), "the control socket is gone")


@case("a second start takes the table over with its learned addresses, without a gap", tags=["brief", "kernel", "smoke"])
def adopt(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + CLOUD)
    learn(t, "www.example.net")
    t.client.lookup("10.2.0.2", "www.example.net", dnswire.AAAA)
    before = {e["address"]: e for e in d.learned()}
    watch = Watch(t, {"20.121.0.1": "open", "2603:1030::121": "open", "20.120.0.1": "open", "20.121.0.2": "reset"})
    try:
        for way in ("stop", "kill", "stop"):
            getattr(d, way)()
            d.start()
    finally:
        watch.end()
    after = {e["address"]: e for e in d.learned()}
    expect(sorted(after), sorted(before), "learned addresses")
    for address, element_before in before.items():
        expect(after[address]["names"], element_before["names"], f"names of {address}")
        check(0 <= element_before["expires_in"] - after[address]["expires_in"] <= 30 * S, f"life of {address}: {element_before['expires_in']} before, {after[address]['expires_in']} after")
    expect(d.counters()["elements_adopted"], 2, "elements taken over")
    # It learns on, refreshes what it took over, and lets it end.
    learn(t, "later.example.net", "www.example.net")
    expect(t.client.tcp("20.121.0.4").result, "open", "learned after the start")


@case("kill -9: DNS passes, what is known stays; elements end by the kernel's own timeout", tags=["kernel", "smoke"])
def killed(t):
    t.simple()
    server = t.dns(t.inet, ZONE, ttl=1)
    d = t.gateway(allow=WEB, lifetime={"grace": 0, "min": 1, "max": 60})
    learn(t, "www.example.net")
    d.kill()
    expect(t.client.lookup("10.2.0.2", "later.example.net"), ["20.121.0.4"], "DNS")
    expect((t.client.tcp("20.121.0.1").result, t.client.tcp("20.121.0.4").result), ("open", "reset"), "known and unknown address")
    check(0 < element(t.gw, "20.121.0.1")["expires"] <= 32, "the kernel will end it")
    expect(server.count("later.example.net"), 1, "questions: none was repeated")


@case("what was taken over ends when its life ends")
def adopted_ends(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=2 * S)
    d = t.gateway(allow=WEB, lifetime={"grace": S, "min": 0, "max": 60})
    learn(t, "www.example.net")
    d.kill()
    d.start()
    check(d.knows("20.121.0.1")["expires_in"] <= 3 * S, "the life left")
    until(lambda: not elements(t.gw, "name4"), "the element is deleted", 6)
    expect(t.client.tcp("20.121.0.1").result, "reset", "afterwards")


@case("a start with another policy drops what it no longer allows")
def adopt_less(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + ORG + CLOUD)
    learn(t, "www.example.net", "www.example.org", "both.example.net", "both.example.org")
    d.stop()
    d.write(t.config(allow=ORG.replace("};", 'ports = [ "tcp/443", "tcp/80" ]; };')))
    d.start()
    expect(sorted(e["address"] for e in d.learned()), ["20.121.0.2"] if not d.knows("20.121.0.3") else ["20.121.0.2", "20.121.0.3"], "learned")
    expect([t.client.tcp(a).result for a in ("20.121.0.1", "20.121.0.2", "20.120.0.1")], ["reset", "open", "reset"], "after the start")
    learn(t, "both.example.org")
    expect((t.client.tcp("20.121.0.3", 443).result, t.client.tcp("20.121.0.3", 80).result), ("open", "open"), "the shared address when asked for again")


@case("a reload that removes an entry removes its elements and keeps the others, with the life they had", tags=["smoke"])
def reload_removes(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + ORG + CLOUD)
    learn(t, "www.example.net", "www.example.org", "both.example.net", "both.example.org")
    before = element(t.gw, "20.121.0.2")
    generation = d.status()["generation"]
    d.reload(t.config(allow=ORG))
    expect(sorted(e["address"] for e in d.learned()), ["20.121.0.2", "20.121.0.3"], "learned")
    expect(d.knows("20.121.0.3")["entries"], ["org"], "the shared address belongs to the other entry now")
    expect([t.client.tcp(a).result for a in ("20.121.0.1", "20.121.0.2", "20.121.0.3", "20.120.0.1")], ["reset", "open", "open", "reset"], "after the reload")
    after = element(t.gw, "20.121.0.2")
    check(after["timeout"] == before["timeout"] and 0 <= before["expires"] - after["expires"] <= 10 * S, f"the element that stays was not touched: {before}, {after}")
    check(d.status()["generation"] > generation, "the generation moved")
    d.ctl("wait", "generation", str(generation + 1), "--timeout", "5")
    expect(d.counters()["elements_dropped"], 1, "elements dropped")


@case("thousands of learned addresses are taken over at a start, and all go with their entry")
def thousands(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.{126 + ('org' in q.name)}.{int(q.name.split('.')[0][1:])}.{i}", 300) for i in range(200)])
    d = t.gateway(allow=WEB + ORG)
    for i in range(15):
        for zone in ("net", "org"):
            expect(len(t.client.query("10.2.0.2", f"n{i}.example.{zone}", edns=4096).addresses()), 200, "addresses in an answer")
    expect(len(d.learned()), 6000, "learned")
    d.kill()
    d.start()
    expect((len(d.learned()), d.counters()["elements_adopted"]), (6000, 6000), "taken over")
    d.reload(t.config(allow=ORG))
    until(lambda: len(elements(t.gw, "name4")) == 3000, "the kernel has what stays")
    expect(({e["address"].split(".")[1] for e in d.learned()}, len(d.learned())), ({"127"}, 3000), "learned after the reload")
    expect([t.client.tcp(a).result for a in ("20.126.0.1", "20.126.14.199", "20.127.0.1", "20.127.14.199")], ["reset", "reset", "open", "open"], "after the reload")
    d.kill()
    d.write(t.config(allow=WEB))
    d.start()
    expect((d.learned(), elements(t.gw, "name4")), ([], []), "after a start with another policy")


@case("a reload changes ports, ranges and groups of what is there")
def reload_changes(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + CLOUD)
    learn(t, "www.example.net")
    d.reload(t.config(allow='web: { names = "*.example.net"; ports = [ "tcp/80" ]; }; cloud: { addresses = "20.122.0.0/24"; };'))
    expect([t.client.tcp(a, p).result for a, p in (("20.121.0.1", 443), ("20.120.0.1", 443), ("20.122.0.1", 443))], ["reset", "reset", "open"], "after the reload")
    learn(t, "www.example.net")
    expect((t.client.tcp("20.121.0.1", 80).result, t.client.tcp("20.121.0.1", 443).result), ("open", "reset"), "the new port, after another answer")


@case("a SIGHUP reloads too", tags=["smoke"])
def sighup(t):
    t.simple()
    d = t.gateway(allow=CLOUD)
    d.write(t.config(allow=CLOUD.replace("20.120", "20.123")))
    d.signal(signal.SIGHUP)
    until(lambda: d.status()["generation"] >= 2, "the reload is done")
    expect((t.client.tcp("20.123.0.1").result, t.client.tcp("20.120.0.1").result), ("open", "reset"), "after SIGHUP")


@case("a packet sent at any moment of twenty reloads sees the old policy or the new one", tags=["kernel", "smoke"])
def during_reloads(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + CLOUD)
    learn(t, "www.example.net", "www.example.org")
    watch = Watch(t, {"20.121.0.1": "open", "20.120.0.1": "open", "20.121.0.2": "reset", "20.124.0.1": "reset"})
    try:
        for number in range(20):
            other = "".join(f'e{number}x{i}: {{ addresses = "20.{130 + number}.{i}.0/24"; names = "*.n{number}x{i}.test"; }};' for i in range(50))
            d.reload(t.config(allow=WEB + CLOUD + other))
    finally:
        watch.end()
    expect(d.counters()["reloads"], 21, "policies applied")


@case("a bad reload is refused with what is wrong, and the old policy stays", tags=["smoke"])
def bad_reload(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + CLOUD)
    learn(t, "www.example.net")
    good, status = d.config, d.status()
    bad = {"a syntax error": good.replace("gateway: {", "gateway: {{"), "an unknown setting": good.replace("web: {", "web: { prots = \"tcp/1\";"),
           "a broken address": good.replace("20.120.0.0/24", "20.120.0.0/33"), "another table": good.replace("gateway: {", 'gateway: { table = "other";'),
           "an empty file": ""}
    for text, config in bad.items():
        done = d.reload(config, ok=1)
        check("nfqdn.conf" in done.stdout + done.stderr, f"{text}: the file is named: {done.stdout}{done.stderr}")
        d.signal(signal.SIGHUP)
        expect([t.client.tcp(a).result for a in ("20.121.0.1", "20.120.0.1", "20.121.0.2")], ["open", "open", "reset"], f"with {text}")
    d.file.unlink()
    expect(d.reload(ok=1).returncode, 1, "a file that is not there")
    until(lambda: d.counters()["reloads_refused"] == 2 * len(bad) + 1, "refused reloads are counted")
    expect((d.status()["generation"], d.knows("20.121.0.1") is not None), (status["generation"], True), "generation, learned")
    d.reload(good)


@case("a table of that name that is not ours is not touched, and the start is refused", tags=["smoke"])
def foreign_table(t):
    t.simple()
    t.gw.nft("table inet nfqdn {\n set mine {\n type ipv4_addr\n elements = { 1.2.3.4 }\n }\n chain c {\n type filter hook forward priority 5\n counter\n }\n}\n")
    before = t.gw.run("nft -s list ruleset").stdout
    d = t.daemon(t.gw, t.config(allow=CLOUD), ready=False)
    expect(d.process.wait(10 * PATIENCE), 4, "exit status")
    d.ended = True
    check("nfqdn" in d.log() and "table" in d.log(), f"the message names the table: {d.log()}")
    expect(t.gw.run("nft -s list ruleset").stdout, before, "the ruleset")
    flush(t, d, ok=False)
    expect(t.gw.run("nft -s list ruleset").stdout, before, "the ruleset after --flush")


@case("a second daemon for one table is refused and disturbs nothing; --flush is refused while one runs, and removes the table afterwards", tags=["smoke"])
def second_daemon(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + CLOUD)
    learn(t, "www.example.net")
    second = t.daemon(t.gw, t.config(allow=CLOUD, name="second", queue={"first": 5}), name="second", ready=False)
    expect(second.process.wait(10 * PATIENCE), 4, "exit status of the second")
    second.ended = True
    check(second.log().strip(), "it says why")
    flush(t, d, ok=False)
    expect([t.client.tcp(a).result for a in ("20.121.0.1", "20.120.0.1", "20.121.0.2")], ["open", "open", "reset"], "the first goes on")
    learn(t, "later.example.net")
    expect(t.client.tcp("20.121.0.4").result, "open", "and learns")
    d.stop()
    flush(t, d)
    check("nfqdn" not in t.gw.run("nft list tables").stdout, "the table is gone")
    flush(t, d)


@case("a control socket of a dead daemon is replaced, one of a living daemon is not taken")
def control_socket(t):
    t.simple()
    d = t.gateway(allow=CLOUD)
    d.kill()
    check(d.socket_path.exists(), "the dead daemon's socket is there")
    d.start()
    second = t.daemon(t.gw, t.config(allow=CLOUD, name="second", table="other", queue={"first": 5}, control=str(d.socket_path)), name="second", ready=False)
    expect(second.process.wait(10 * PATIENCE) in (1, 4), True, "the second is refused")
    second.ended = True
    expect(d.status()["table"], "nfqdn", "the first still answers")


def boot(t, d, config):
    d.write(config)
    d.arguments = ["--boot", str(d.folder / "state")]
    d.start()


@case("at boot with a bad configuration the last good policy is in force", tags=["smoke"])
def boot_last_good(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB + CLOUD)
    good = d.config
    d.stop()
    flush(t, d)
    boot(t, d, good.replace("gateway: {", "gateway: { nonsense = 1;"))
    learn(t, "www.example.net", "www.example.org")
    expect([t.client.tcp(a).result for a in ("20.121.0.1", "20.120.0.1", "20.121.0.2")], ["open", "open", "reset"], "after the boot")
    check("nonsense" in d.log(), "the log tells what is wrong")
    # Repaired, it is applied.
    d.reload(good.replace("20.120", "20.125"))
    expect((t.client.tcp("20.125.0.1").result, t.client.tcp("20.120.0.1").result), ("open", "reset"), "after the repair")


@case("at boot with a bad configuration and no good one before: DNS and nothing", tags=["smoke"])
def boot_closed(t):
    t.simple()
    t.second_segment()
    t.dns(t.inet, ZONE)
    config = t.config(allow=WEB + CLOUD)
    # Started by hand: its control socket is where "DNS and nothing" has it, not where the bad file says.
    folder = t.folder / "nfqdnd"
    (folder / "state").mkdir(parents=True)
    give(folder / "state")
    (folder / "nfqdn.conf").write_text(config.replace("gateway: {", "gateway: { nonsense = 1;"), encoding="utf-8")
    with open(t.folder / "boot.log", "wb") as log:
        process = t.gw.popen([NFQDND, "-c", str(folder / "nfqdn.conf"), "--boot", str(folder / "state")], stdout=log, stderr=log)
    t.programs.append((process, t.folder / "boot.log"))
    until(lambda: t.gw.run("nft list table inet nfqdn", ok=False).returncode == 0 and t.client.tcp("20.120.0.1").result == "reset", "it denies")
    expect(t.client.lookup("10.2.0.2", "www.example.net"), ["20.121.0.1"], "DNS")
    for address in ("20.121.0.1", "20.120.0.1"):
        expect((t.client.tcp(address).result, t.client2.tcp(address).result), ("reset", "reset"), address)
    expect(process.poll(), None, "it stays")


@case("without --boot a bad configuration is refused with status 1 and leaves the kernel alone")
def bad_start(t):
    t.simple()
    d = t.daemon(t.gw, t.config(allow=CLOUD).replace("gateway: {", "gateway: { nonsense = 1;"), ready=False)
    expect(d.process.wait(10 * PATIENCE), 1, "exit status")
    d.ended = True
    check("nonsense" in d.log() and "nfqdn.conf:1" in d.log(), f"the message names setting, file and line: {d.log()}")
    expect(t.gw.run("nft list ruleset").stdout, "", "the ruleset")


@case("a start that cannot bind its queue leaves no table behind that denies all")
def queue_taken(t):
    t.simple()
    first = t.gateway(allow=CLOUD)
    second = t.daemon(t.gw, t.config(allow=CLOUD, name="second", table="second", interfaces=["lan7"]), name="second", ready=False)
    expect(second.process.wait(10 * PATIENCE), 4, "exit status")
    second.ended = True
    check("queue" in second.log(), f"it says why: {second.log()}")
    expect(t.client.tcp("20.120.0.1").result, "open", "the first goes on")
    expect(t.gw.run("nft list tables").stdout.count("table inet"), 1, "tables")
    first.stop()


@case("it ends on SIGINT as on SIGTERM, also while clients of the control socket hang on; nfqdnctl wait waits for the next start")
def sigint(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB)
    waiting = t.gw.popen([str(pathlib.Path(NFQDND).parent / "nfqdnctl"), "-s", str(d.socket_path), "wait", "learned", "www.example.net", "--timeout", "60"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: d.counters()["control_requests"] > 3, "nfqdnctl waits")
    d.signal(signal.SIGINT)
    expect(d.process.wait(5 * PATIENCE), 0, "exit status")
    d.ended = True
    expect((os.path.exists(d.socket_path), waiting.poll()), (False, None), "the socket is gone, nfqdnctl waits")
    d.start()
    learn(t, "www.example.net")
    expect(waiting.wait(5 * PATIENCE), 0, "nfqdnctl saw it")


if __name__ == "__main__":
    main()
