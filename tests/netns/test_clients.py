#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulated devices behind a gateway (`scripts/lab clients`): what they see of it, and that a gateway which does something else is seen to."""
import csv
import json
import pathlib
import signal
import subprocess
import sys
import threading
import time
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import crowd  # noqa: E402
from lab import D, Lab, LabError, POLICY  # noqa: E402
from netns import case, check, expect, main, until  # noqa: E402

WITHOUT_POWER_BI = "\n".join(line for line in POLICY.read_text(encoding="utf-8").splitlines() if "power-bi" not in line)


def results(out):
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


def planned(*words):
    done = subprocess.run([str(crowd.PROGRAM), "list", str(D / "names"), *words], capture_output=True, encoding="utf-8", check=True)
    return done.stdout.splitlines()


@case("300 devices: each name of the policy opens, no other does, by IPv4 and IPv6; the gateway's figures stand in a table, a plot and a line a second")
def opens_and_refuses(t):
    lab = Lab(t, "many-clients", seed=7, settings='kernel-assist = "off";').up()
    out = t.folder / "out"
    done = lab.do(["clients", "300", "seconds=3", "think=1", f"out={out}"])
    told = results(out)
    check(done.ok and told["good"], done.text)
    last, gateway = told["last"], told["samples"][-1]["gateway"]
    check(last["allowed"]["first"] > 300, "names of the policy opened at the first packet")
    check(last["other"]["refused"] > 100, "other names were refused")
    expect({key: last[part][key] for part in ("allowed", "other") for key in ("silent", "failed")}, {"silent": 0, "failed": 0}, "that was all there was")
    expect(last["allowed"]["refused"] + last["other"]["first"] + last["other"]["later"], 0, "refused of the policy, and open of others")
    # What they ask for is the plan of this seed, at its times, whatever they were answered.
    expect(last["actions"], len(planned("--clients", "300", "--seconds", "3", "--think", "1", "--seed", "7")), "connections of the plan")
    check(last["remembered"] > 0, "what is remembered is not asked for")
    check(gateway["learned"] > 50 and gateway["transactions"] > 10, f"learned {gateway['learned']} in {gateway['transactions']} commits")
    check({e["family"] for e in lab.daemons["gateway"].learned()} == {"ipv4", "ipv6"}, "of both families")
    expect(sum(count for _, count in told["hold"]), gateway["answers"] - told["samples"][0]["gateway"]["answers"], "answers whose hold time is told")
    table = (out / "table.txt").read_text(encoding="utf-8")
    check(table in done.text + "\n" and "learned addresses" in table and "commits a second" in table and "hold time of" in table, table)
    with open(out / "samples.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    check(len(rows) >= 4 and float(rows[-1]["gateway_memory"]) > 1 << 20 and rows[-1]["allowed_first"] == str(last["allowed"]["first"]), rows[-1])
    plot = xml.dom.minidom.parse(str(out / "plot.svg"))
    check(len(plot.getElementsByTagName("polyline")) == 6 and len(plot.getElementsByTagName("rect")) > 10, "lines and bars")
    check("lab_clients" not in lab.nets["internet"].run("nft list tables").stdout and "10.64." not in lab.nets["client"].run("ip route show table local").stdout, "nothing is left of it")


@case("a policy that lacks some of the names, and a gateway that lets pass what it should not, are seen: with name, client and address")
def wrongs_are_seen(t):
    lab = Lab(t, "many-clients", WITHOUT_POWER_BI, seed=7, settings='kernel-assist = "off";').up()
    out = t.folder / "out"
    done = lab.do(["clients", "100", "seconds=2", "think=0.3", "family=4", f"out={out}"])
    told = results(out)
    check(not done.ok and told["last"]["allowed"]["refused"] > 0, done.text)
    check({s["name"] for s in told["surprises"]} <= {"app.powerbi.com", *(f"api{i}.analysis.windows.net" for i in range(1, 21))}, f"only those of Power BI: {told['surprises']}")
    check("app.powerbi.com" in done.text and "Connection refused" in done.text and "10.64.0." in done.text, done.text)
    expect(len(told["surprises"]), min(20, told["last"]["surprises"]), "surprises told one by one")
    daemon = lab.daemons["gateway"]
    daemon.reload(daemon.config.replace('mode = "enforce"', 'mode = "audit"'))
    done = lab.do(["clients", "50", "seconds=1", "think=0.3", "family=4", f"out={out}"])
    told = results(out)
    check(not done.ok and told["last"]["other"]["first"] > 0 and "open" in {s["surprise"] for s in told["surprises"]}, done.text)


@case("the same seed is the same plan, another one another; more devices leave the first ones' plans as they are")
def plans_repeat(t):
    del t
    words = ("--clients", "50", "--seconds", "20", "--think", "5")
    one = planned(*words, "--seed", "7")
    check(len(one) > 100, "connections in the plan")
    expect(planned(*words, "--seed", "7"), one, "the same seed")
    check(planned(*words, "--seed", "8") != one, "another seed")
    more = planned("--clients", "90", *words[2:], "--seed", "7")
    expect([line for line in more if int(line.split()[1]) < 50], one, "of more devices, the first fifty")


@case("what `clients` cannot do is told, with what would be right")
def mistakes(t):
    lab = Lab(t, "simple", seed=7, settings='kernel-assist = "off";').up()

    def wrong(*words):
        try:
            done = lab.do(["clients", *words])
        except LabError as error:
            return str(error)
        except AssertionError as error:
            return str(error)
        check(not done.ok, f"clients {words}: {done.text}")
        return done.text

    check("right would be: clients N [seconds=60]" in wrong(), "no number")
    check("right would be: clients N" in wrong("many"), "a word")
    check("10.1.0.0/24 has room for 244 of 300 clients; --topology many-clients" in wrong("300"), "no room")
    check("family=4 the only choice" in wrong("3", "family=5"), "a family")
    check("--seconds wants a number from 0.1 to 86400" in wrong("3", "seconds=0"), "no time")
    check("No such file" in wrong("3", "names=/nowhere/names"), "no names")
    names = t.folder / "names"
    names.write_text("allowed 443 www.example.net 60=1/1\nallowed 443 mail.example.net\n", encoding="ascii")
    check(f"{names}:2: right would be: allowed|other PORT NAME" in wrong("3", f"names={names}"), "a line that is none")
    check(lab.do(["clients", "20", "seconds=1", "think=0.3"]).ok, "and a few devices fit in here")


@case("while they run, faults strike: a daemon that is killed lets nothing new in, and a second run is refused")
def meanwhile(t):
    lab = Lab(t, "many-clients", seed=7, settings='kernel-assist = "off";').up()
    out, seen, ended = t.folder / "out", [], []
    thread = threading.Thread(target=lambda: ended.append(lab.do(["clients", "100", "seconds=4", "think=0.5", f"out={out}"], seen.append)), daemon=True)
    thread.start()
    until(lambda: seen, "they run")
    try:
        lab.do(["clients", "3"])
        check(False, "a second run began")
    except LabError as error:
        check("runs in this lab already" in str(error), error)
    lab.do(["fault", "daemon-killed"])
    until(lambda: ended, "the run ends", 30)
    thread.join()
    told = results(out)
    check(not ended[0].ok and told["last"]["allowed"]["refused"] > 0 and told["last"]["allowed"]["first"] > 0, ended[0].text)
    expect(told["last"]["unanswered"], 0, "questions that nobody answered")
    expect(told["samples"][-1]["gateway"], None, "nfqdnd at the end")


@case("where few sockets may be had, what has no place is left out and counted; addresses that are none of the host's are told")
def few_sockets(t):
    net = t.net("alone")
    names = t.folder / "names"
    names.write_text("allowed 53 www.example.net 60=1/4\n", encoding="ascii")
    words = [str(crowd.PROGRAM), "run", str(names), "--resolver", "127.0.0.1", "--from", "10.64.0.1", "--clients=200", "--seconds=1", "--think=0.2", "--hold=60"]
    done = net.run(words, ok=False)
    check(done.returncode == 1 and "10.64.0.1 is no address of this host" in done.stderr, done.stderr)
    # Any address is: so the responder's port 53 is where they connect, too.
    net.ip("route add local 0.0.0.0/0 dev lo table local")
    few = ["sh", "-c", 'ulimit -n 120 && exec "$@"', "sh"]
    t.program(net, [*few, str(crowd.PROGRAM), "serve", str(names), "53"], lambda: net.lookup("127.0.0.1", "www.example.net"))
    told = [json.loads(line) for line in net.run([*few, *words]).stdout.splitlines()]
    last = told[-1]
    check(last["skipped"] > 500 and 80 < last["sockets_most"] <= 88, last)
    expect((last["actions"], last["allowed"]["failed"]), (last["skipped"] + last["allowed"]["first"] + last["allowed"]["later"], 0), "all others opened")
    more = json.loads(net.run(words).stdout.splitlines()[-1])
    expect((more["skipped"], more["allowed"]["failed"], more["unanswered"]), (0, 0, 0), "with sockets enough, even where the other side has few")


@case("devices that the machine had no time for take up their plan where it should be, and take nothing for silence that was answered meanwhile")
def stalled(t):
    net = t.net("alone")
    net.ip("route add local 0.0.0.0/0 dev lo table local")
    names = t.folder / "names"
    names.write_text("allowed 53 n{1-2000}.example.net 60=1/4\n", encoding="ascii")
    t.program(net, [str(crowd.PROGRAM), "serve", str(names), "53"], lambda: net.lookup("127.0.0.1", "n1.example.net"))
    words = ["--clients=1000", "--seconds=2", "--think=0.5", "--seed=7"]
    process = net.popen([str(crowd.PROGRAM), "run", str(names), "--resolver", "127.0.0.1", "--from", "10.64.0.1", "--hold=0.1", *words], stdout=subprocess.PIPE, encoding="utf-8")
    with process:
        told = [json.loads(process.stdout.readline())]
        # Much is due then; and when it is under way, longer than a stub resolver waits.
        for pause, meanwhile in ((0.9, 0.01), (2.2, 0)):
            process.send_signal(signal.SIGSTOP)
            time.sleep(pause)
            process.send_signal(signal.SIGCONT)
            time.sleep(meanwhile)
        told += [json.loads(line) for line in process.stdout]
    last = told[-1]
    plan = subprocess.run([str(crowd.PROGRAM), "list", str(names), *words], capture_output=True, encoding="utf-8", check=True).stdout.splitlines()
    expect((last["actions"], last["unanswered"], last["allowed"]["silent"], last["surprises"]), (len(plan), 0, 0, 0), "plan, given up")
    check(last["again"] < 200, f"asked again: {last['again']} of {last['asked']}")
    check(last["late_most"] > 0.8, f"that they were late is told: {last['late_most']} s")


if __name__ == "__main__":
    main()
