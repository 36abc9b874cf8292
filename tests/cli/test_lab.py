#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab as people use it. All of it in a network and a /run of its own, so that the machine's are not touched."""
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "scripts/lab.d")]
import rootless  # noqa: E402
import tap  # noqa: E402
from tap import Skip, expect, until  # noqa: E402

LAB = str(ROOT / "scripts/lab")
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
PATIENCE = float(os.environ.get("NFQDN_TEST_PATIENCE", "1"))
ALLOWED, ADDRESS, OTHER = "swda02.manage.microsoft.com", "152.195.19.97", "www.example.org"
FOLDER = pathlib.Path(tempfile.gettempdir(), f"nfqdn-test-lab-{os.getpid()}")


def own(name):
    """A lab's name that no other run of this program has: /run is each run's own, but the folder for `ip netns exec`, /etc/netns, is the machine's."""
    return f"t{os.getpid()}-{name}"


def lab(*words, status=0, before=(), **options):
    done = subprocess.run([*before, LAB, *words], capture_output=True, encoding="utf-8", errors="replace", timeout=60 * PATIENCE, check=False, **options)
    if done.returncode != status:
        raise AssertionError(f"lab {' '.join(words)}: status {done.returncode}, want {status}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def check(value, what):
    if not value:
        raise AssertionError(what)


def pids(name):
    return [int(line.split()[0]) for line in pathlib.Path("/run/nfqdn-lab", name, "pids").read_text(encoding="ascii").splitlines()]


def nothing_left(name, processes):
    check(not pathlib.Path("/run/nfqdn-lab", name).exists(), "the lab's folder is gone")
    check(not [p for p in os.listdir("/run/netns") if p.startswith(name + "-")], "no namespace has its name")
    check(not list(pathlib.Path("/etc").glob(f"netns/{name}-*")), "nothing is left in /etc/netns")
    until(lambda: not any(map(tap.lives, processes)), "all of its processes ended", 10 * PATIENCE)


def two_by_name():
    """two labs stand side by side, answer by status, output and exit code, and leave nothing"""
    for name in (own("one"), own("two")):
        check(f'The lab "{name}" runs' in lab("up", "--name", name, "--seed", "7"), "up says how to look around")
    check("runs already" in lab("up", "--name", own("one"), status=1), "the same name twice")
    expect(sorted(line.split()[0] for line in lab("list").splitlines()), [own("one"), own("two")])
    lab("refused", ADDRESS, "--name", own("one"))
    lab("open", ADDRESS, "--name", own("one"), status=1)
    lab("open", ALLOWED, "--name", own("one"))
    lab("refused", ADDRESS, "--name", own("two"))
    check("is it `open`?" in lab("opne", ALLOWED, "--name", own("two"), status=2), "a command that is not there")
    check("is it `up`?" in lab("upp", status=2) and "topologies" in lab("nonsense", status=2), "nor that, without any lab")
    check("scripts/lab exec client -- id" in lab("run", "client", "id", status=2), "a program in a node")
    check("no nfqdnd on `standby`; there is one on: gateway" in lab("sync", "gateway", "standby", "--name", own("two"), status=2), "a gateway that is not there")
    check("no nfqdnd on `client`" in lab("fault", "daemon-killed", "on=client", "--name", own("two"), status=2), "nor for a fault")
    check("no setting `secnds=3` of clients" in lab("clients", "5", "secnds=3", "--name", own("two"), status=2), "a setting")
    check("seed 7" in lab("fault", "dns-drop", "share=50", "--name", own("two")).replace("=", " "), "the seed is told")
    check("fault dns-drop share=50 seed=7" in lab("status", "--name", own("two")), "and by status")
    described = json.loads(lab("status", "--json", "--name", own("two")))
    expect((described["nodes"]["client"]["interfaces"]["eth0"], described["faults"][0]["fault"]), (["10.1.0.2/24", "fd00:1::2/64"], "dns-drop share=50 seed=7"))
    check(tap.lives(described["nfqdn"]["gateway"]["pid"]), "the daemon's process")
    lab("exec", "--name", own("one"), "--", "sh", "-c", "exit 7", status=7)
    check("nameserver 10.2.0.2" in lab("exec", "--name", own("one"), "--", "cat", "/etc/resolv.conf"), "resolvers")
    check(lab("exec", "--name", own("one"), "--", "curl", "-sS", f"https://{ALLOWED}/").startswith(ALLOWED), "the lab's CA is trusted")
    check(ADDRESS in lab("exec", "gateway", "--name", own("one"), "--", "nfqdnctl", "learned"), "nfqdnctl finds its daemon")
    check("no node `gatway`" in lab("exec", "gatway", "--name", own("one"), "--", "true", status=2), "a node that is not there")
    check("10.1.0.2" in subprocess.run(["ip", "netns", "exec", f"{own('one')}-client", "ip", "addr"], capture_output=True, encoding="utf-8", check=True).stdout, "ip netns exec")
    for name in (own("one"), own("two")):
        processes = pids(name)
        check(len(processes) > 1, "its processes are known")
        lab("down", "--name", name)
        nothing_left(name, processes)
    check(f"no lab named '{own('one')}'" in lab("down", "--name", own("one"), status=1), "down twice")


def at_once():
    """of two that start under one name at the same time one gets it, and the other harms nothing"""
    both = [subprocess.Popen([LAB, "up", "--name", own("race")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
    expect(sorted(process.wait(60 * PATIENCE) for process in both), [0, 1])
    lab("open", ALLOWED, "--name", own("race"))
    expect([p.name for p in pathlib.Path("/run/nfqdn-lab").iterdir()], [own("race")])
    lab("down", "--name", own("race"))


def killed():
    """a lab whose keeper was killed by kill -9 is listed so, swept by `down`, and replaced by `up`"""
    for sweep in (("down",), ("up",)):
        lab("up", "--name", own("killed"))
        processes = pids(own("killed"))
        os.kill(processes[0], signal.SIGKILL)
        until(lambda: "was killed" in lab("list"), "the list says so", 10)
        check("does not answer" in lab("status", "--name", own("killed"), status=1), "it does not answer")
        lab(*sweep, "--name", own("killed"))
        until(lambda: not any(map(tap.lives, processes)), "what it left is gone", 10 * PATIENCE)
    lab("down", "--name", own("killed"))


def interrupted():
    """`run` and `up` that a signal ends leave nothing, whenever it comes"""
    for number, words, seen in ((signal.SIGINT, ("run",), "gateway"), (signal.SIGTERM, ("run",), "2. Asked"), (signal.SIGTERM, ("up",), "")):
        with subprocess.Popen([LAB, *words, "--name", own("stopped")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8") as process:
            if seen == "gateway":
                until(lambda: pathlib.Path("/run/nfqdn-lab", own("stopped"), "gateway").exists(), "it begins", 20 * PATIENCE)
            elif seen:
                for line in process.stdout:
                    if seen in line:
                        break
            else:
                until(lambda: pathlib.Path("/run/nfqdn-lab", own("stopped"), "pids").exists(), "it begins", 20 * PATIENCE)
            processes = pids(own("stopped"))
            process.send_signal(number)
            check(process.wait(30 * PATIENCE) != 0, "the status tells")
        nothing_left(own("stopped"), processes)
    # When the folder appears it must be removed already by whoever is told to stop: found by a signal at that very moment.
    for number in 7 * (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with subprocess.Popen([LAB, "up", "--name", own("stopped")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while not pathlib.Path("/run/nfqdn-lab", own("stopped")).exists() and process.poll() is None:
                pass
            process.send_signal(number)
            check(process.wait(30 * PATIENCE) != 0, "the status tells")
        nothing_left(own("stopped"), [])
    # When it says that the lab runs, it does, and nothing says otherwise.
    with subprocess.Popen([LAB, "up", "--name", own("stopped")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8") as process:
        check(any("runs. Look around" in line for line in process.stdout), "it says so")
        process.send_signal(signal.SIGHUP)
        expect(process.wait(30 * PATIENCE), 0)
    lab("down", "--name", own("stopped"))


def strangers_folder():
    """a folder in /tmp that somebody else made is no lab's: nothing in it is believed, nothing is put there"""
    evil = FOLDER / "evil"
    victim = evil / "nfqdn-lab-0" / "victim"
    victim.mkdir(parents=True)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        start = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[19]
        (victim / "pids").write_text(f"{process.pid} {start}\n", encoding="ascii")
        for owner, mode in ((pwd.getpwnam("nobody").pw_uid, 0o755), (0, 0o777)):
            os.chown(evil / "nfqdn-lab-0", owner, -1)
            os.chmod(evil / "nfqdn-lab-0", mode)
            environment = dict(os.environ, TMPDIR=str(evil))
            expect(lab("list", env=environment), "")
            check("no lab named 'victim'" in lab("down", "--name", "victim", status=1, env=environment), "down")
            check("belongs to somebody else" in lab("up", "--rootless", "--name", "x", status=1, env=environment), "up")
            check(tap.lives(process.pid), "the process that it names lives")
        os.chmod(evil / "nfqdn-lab-0", 0o700)
        lab("down", "--name", "victim", env=environment)
        check(process.wait(20) != 0, "from a folder of our own it is ended")


def mistakes():
    """what `up` cannot do is told, and leaves nothing"""
    wrong = FOLDER / "wrong.topology"
    wrong.write_text("host client\nhots other\n", encoding="ascii")
    for words, want in ((("--topology", "nosuch"), "no topology `nosuch`; there are: bridge"), (("--topology", str(wrong)), f"{wrong}:2: no statement `hots`; is it `host`?"),
                        (("--policy", "/nowhere/x"), "No such file"), (("--zone", str(wrong)), f"{wrong}:1: right would be: NAME [TTL]"),
                        (("--set", "mood = 1;"), "mood"), (("--set", "resolvers = [ \"10.1.0.0/99\" ];"), "10.1.0.0/99")):
        check(want in lab("up", "--name", own("wrong"), *words, status=1), f"{words} tells {want}")
        check(not pathlib.Path("/run/nfqdn-lab", own("wrong")).exists(), "nothing is left")
    check("a name has letters" in lab("up", "--name", "../x", status=2), "a name that is a path")
    check("no nfqdnd and nfqdnctl" in lab("up", "--name", own("wrong"), status=1, env=dict(os.environ, NFQDN_BUILD="/nowhere")), "not built")
    for name in lab("topologies").splitlines():
        check(re.match(r"[a-z-]+ +\S", name), "each topology has a title")


def attached():
    """`attach` moves an interface of the machine in: a device behind it gets an address, resolves, and is filtered; `down` gives it back"""
    if not shutil.which("busybox") or not shutil.which("dnsmasq"):
        raise Skip("needs busybox and dnsmasq")
    subprocess.run(["ip", "netns", "add", "phone"], check=True)
    subprocess.run(["ip", "link", "add", "wifi0", "type", "veth", "peer", "name", "eth0", "netns", "phone"], check=True)
    phone = ["ip", "netns", "exec", "phone"]
    subprocess.run([*phone, "ip", "link", "set", "eth0", "up"], check=True)
    lab("up", "--name", own("attach"))
    check("no interface `wifi1` here" in lab("attach", "wifi1", "--name", own("attach"), status=2), "one that is not there")
    check("there are: gateway:br-lan" in lab("attach", "wifi0", "gateway:br0", "--name", own("attach"), status=2), "a bridge that is not there")
    check("wifi0 is a port of gateway:br-lan; DHCP from 10.1.0.100" in lab("attach", "wifi0", "--name", own("attach")), "attach tells")
    check(not pathlib.Path("/sys/class/net/wifi0").exists() or "wifi0" not in subprocess.run(["ip", "-br", "link"], capture_output=True, encoding="utf-8", check=True).stdout, "gone from here")
    script = FOLDER / "udhcpc"
    script.write_text('#!/bin/sh\n[ "$1" = bound ] || exit 0\nip addr add $ip/$mask dev $interface && ip route add default via $router\necho "$dns" >"$0.dns"\n', encoding="ascii")
    script.chmod(0o755)
    subprocess.run([*phone, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-t", "20", "-T", "1", "-s", str(script)], check=True, capture_output=True, timeout=60 * PATIENCE)
    expect((FOLDER / "udhcpc.dns").read_text(encoding="ascii").strip(), "10.2.0.2")
    probe = [*phone, str(ROOT / "scripts/lab.d/probe")]
    expect(subprocess.run([*probe, "reach", ADDRESS, "443"], capture_output=True, encoding="utf-8", check=False).stdout.split()[0], "reset")
    subprocess.run([*probe, "ask", ALLOWED, "--at", "10.2.0.2"], check=True, capture_output=True)
    expect(subprocess.run([*probe, "knock", ADDRESS, "443"], capture_output=True, encoding="utf-8", check=False).stdout.split()[0], "open")
    lab("down", "--name", own("attach"))
    shown = json.loads(subprocess.run(["ip", "-j", "link", "show"], capture_output=True, encoding="utf-8", check=True).stdout)
    check("wifi0" in [link["ifname"] for link in shown], "the interface is here again")
    subprocess.run(["ip", "netns", "del", "phone"], check=True)


def scenarios():
    """`scenario` runs any folder's, prints TAP, writes JUnit's XML, and its status says whether all was so"""
    folder = FOLDER / "mine"
    folder.mkdir()
    (folder / "steps").write_text("title mine\nexpect refused 20.3.0.1\nexpect open 20.3.0.1\n", encoding="ascii")
    good = str(ROOT / "tests/scenarios/pain-22-denied-by-name")
    text = lab("scenario", good, str(folder), "--junit", str(FOLDER / "junit.xml"), status=1)
    check("\nok 1 - pain-22-denied-by-name: " in text and "\nnot ok 2 - mine: mine\n" in text and f"{folder}/steps:3: expect open 20.3.0.1" in text, text)
    suite = xml.parse(FOLDER / "junit.xml").getroot()[0]
    expect((suite.get("tests"), suite.get("failures"), suite[1][0].tag), ("2", "1", "failure"))


def need_user_namespaces():
    """Skips where they cannot be made: in a chroot, in most containers."""
    found = rootless.reasons()
    done = subprocess.run(["unshare", "--user", "--net", "--mount", "true"], stderr=subprocess.PIPE, encoding="utf-8", check=False)
    if found or done.returncode:
        raise Skip("; ".join(found or [done.stderr.strip()]))


def scenario_rootless():
    """`scenario --rootless` runs it in namespaces of its own"""
    need_user_namespaces()
    lab("scenario", str(ROOT / "tests/scenarios/pain-22-denied-by-name"), "--rootless", env=dict(os.environ, TMPDIR=str(FOLDER)))


def many_devices():
    """`clients` tells on the way and at the end, by status, table and plot, answers others meanwhile, and ends with who asked for it"""
    lab("up", "--name", own("many"), "--topology", "many-clients", "--seed", "7")
    text = lab("clients", "40", "seconds=2", "think=0.3", "--name", own("many"), "out=clients", "--seed", "9", cwd=FOLDER)
    check("40 devices for 2 s" in text and "seed 9" in text and "hold time of" in text and f"{FOLDER}/clients: table.txt, plot.svg" in text, text)
    check((FOLDER / "clients/plot.svg").exists(), "the plot is there")
    with subprocess.Popen([LAB, "clients", "40", "seconds=600", "think=1", "--name", own("many")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8") as process:
        try:
            until(lambda: any(b"--seconds=600" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids(own("many")) if tap.lives(pid)), "it runs", 10 * PATIENCE)
            check("runs in this lab already" in lab("clients", "1", "--name", own("many"), status=2), "a second run")
            lab("open", ALLOWED, "--name", own("many"))
        finally:
            process.send_signal(signal.SIGINT)
        text = process.communicate(timeout=20 * PATIENCE)[0]
        check(process.returncode == 0 and "40 devices for 600 s" not in text and "hold time of" in text, f"Ctrl-C: what there is until then: {process.returncode} {text}")
    until(lambda: not subprocess.run([LAB, "clients", "9", "seconds=1", "think=0.2", "--name", own("many")], capture_output=True, check=False).returncode, "another run may begin", 10 * PATIENCE)
    # A reader that went away is no error of ours, and a program in a node dies of it as anywhere.
    done = subprocess.run(["sh", "-c", f"({LAB} ctl metrics --name {own('many')}; echo $? >&2) | true"], capture_output=True, encoding="utf-8", check=False)
    check("Traceback" not in done.stderr and done.stderr.strip() in ("0", "141"), done.stderr)
    done = subprocess.run(["sh", "-c", f"({LAB} exec --name {own('many')} -- yes; echo $? >&2) | true"], capture_output=True, encoding="utf-8", check=False)
    expect(done.stderr.strip(), "141")
    processes = pids(own("many"))
    lab("down", "--name", own("many"))
    nothing_left(own("many"), processes)


def unprivileged():
    """without root: the whole story, as a user who may nothing, and nothing is left"""
    nobody = pwd.getpwnam("nobody")
    before = ["setpriv", "--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all"]
    if subprocess.run([*before, "test", "-x", str(BUILD / "nfqdnd"), "-a", "-r", LAB], check=False).returncode:
        raise Skip(f"nobody cannot read {ROOT}")
    need_user_namespaces()
    folder = FOLDER / "nobody"
    folder.mkdir()
    shutil.chown(folder, nobody.pw_uid, nobody.pw_gid)
    environment = dict(os.environ, TMPDIR=str(folder), HOME="/nowhere")
    check("needs root" in lab("up", before=before, env=environment, cwd="/", status=1), "without --rootless")
    text = lab("run", before=before, env=dict(environment, ROOTLESS="1"), cwd="/")
    check(re.search(r"^(\d+) of \1 behaved$", text, re.MULTILINE), text[-300:])
    lab("up", "--rootless", before=before, env=environment, cwd="/")
    check("5 devices" in lab("clients", "5", "seconds=1", "think=0.2", before=before, env=environment, cwd="/"), "some devices")
    lab("down", before=before, env=environment, cwd="/")
    lab("up", "--rootless", "--topology", "nat", before=before, env=environment, cwd="/")
    try:
        check("0\n" in lab("exec", "gateway", "--", "id", "-u", before=before, env=environment, cwd="/"), "root of its own")
        check("lab-gateway" in lab("exec", "--", "ip", "netns", "list", before=before, env=environment, cwd="/"), "a /run of its own")
        lab("open", ALLOWED, before=before, env=environment, cwd="/")
        check("--topology many-clients" in lab("clients", "300", before=before, env=environment, cwd="/", status=2), "no room for so many")
        check("such as NAT, hides who asks" in lab("clients", "5", before=before, env=environment, cwd="/", status=2), "behind NAT")
        check("this wants root" in lab("attach", "eth9", before=before, env=environment, cwd="/", status=2), "attach")
    finally:
        lab("down", before=before, env=environment, cwd="/")
    expect(list(folder.iterdir()), [])


def forbidden():
    """where user namespaces are forbidden, what forbids them is told, and what allows them"""
    proc = FOLDER / "proc"
    (proc / "self/ns").mkdir(parents=True)
    (proc / "self/ns/user").write_text("", encoding="ascii")
    expect(rootless.reasons(proc), [])
    for key, value, fine in (("kernel.unprivileged_userns_clone", "0", "1"), ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"), ("user.max_user_namespaces", "0", "1000"),
                             ("user.max_net_namespaces", "0", "1000")):
        path = proc / "sys" / key.replace(".", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n", encoding="ascii")
        check(len(rootless.reasons(proc)) == 1 and rootless.reasons(proc)[0].startswith(f"{key} is {value}") and "sudo sysctl " + key in rootless.reasons(proc)[0], key)
        path.write_text(fine + "\n", encoding="ascii")
        expect(rootless.reasons(proc), [])


def forbidden_for_real():
    """where no more user namespaces may be made, `up --rootless` tells the setting"""
    need_user_namespaces()
    # No more of them within one of our own.
    script = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    text = lab("up", "--rootless", "--name", own("forbidden"), before=["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"], status=1,
               env=dict(os.environ, TMPDIR=str(FOLDER)))
    check("no lab without root here" in text and "user.max_user_namespaces is 0: sudo sysctl" in text, text)


CASES = [two_by_name, at_once, killed, interrupted, strangers_folder, mistakes, attached, scenarios, scenario_rootless, many_devices, unprivileged, forbidden, forbidden_for_real]


def main():
    if os.geteuid():
        print("1..0 # SKIP needs root, for a network of its own")
        return 0
    if "inside" not in sys.argv[1:]:
        script = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip link set lo up && exec "$@"'
        os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script, "sh", sys.executable, __file__, "inside", *sys.argv[1:]])
    wanted = [case for case in CASES if len(sys.argv) == 2 or case.__name__ in sys.argv[2:]]
    FOLDER.mkdir(mode=0o755)
    began = time.monotonic()
    try:
        return tap.run(wanted)
    finally:
        for left in pathlib.Path("/run/nfqdn-lab").glob(own("*")):  # by a case that failed
            subprocess.run([LAB, "down", "--name", left.name], check=False)
        shutil.rmtree(FOLDER, ignore_errors=True)
        print(f"# {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
