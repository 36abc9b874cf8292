#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/nfqdn-update against an HTTPS server on loopback with certificates of its own, and a daemon that is made up."""
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
SCRIPT = ROOT / "scripts" / "nfqdn-update"
SHELLS = [s.split() for s in os.environ.get("NFQDN_TEST_SHELLS", "sh").split(",")]
CASES = tap.Cases()
case = CASES.case


def equal(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, expected {wanted!r}"


def sets(count=10, **changes):
    return [{"id": 1, "serviceArea": "MEM", "urls": [f"n{i}.example.com" for i in range(count)], "ips": [f"20.1.{i}.0/24" for i in range(count)],
             "tcpPorts": "443", "required": True, **changes}]


def tags(number=10, count=10):
    return {"changeNumber": number, "cloud": "Public",
            "values": [{"name": "PowerBI", "id": "PowerBI", "properties": {"addressPrefixes": [f"20.2.{i}.0/24" for i in range(count)]}}]}


class Server:
    """HTTPS on loopback. `pages`: path without the question mark -> (status, body, headers) or a function of the handler."""

    def __init__(self, folder, name="127.0.0.1"):
        self.pages, self.asked = {}, []
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                        "-addext", f"subjectAltName={'IP' if name[0].isdigit() else 'DNS'}:{name}", "-keyout", str(key), "-out", str(certificate)],
                       check=True, capture_output=True)
        self.certificate = certificate
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path, _, query = self.path.partition("?")
                outer.asked.append((path, query, dict(self.headers)))
                page = outer.pages.get(path, (404, b"not here", {}))
                if callable(page):
                    page = page(self)
                if page is None:
                    return
                status, body, headers = page
                self.send_response(status)
                for key_, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(key_, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.server.handle_error = lambda *_: None  # a client that does not trust us hangs up
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def put(self, path, content, status=200, **headers):
        body = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.pages[path] = (status, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def paths(self):
        paths, self.asked = [a[0] for a in self.asked], []
        return paths

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Daemon:
    """Answers `reload` with the statuses in `answers`, the last one for ever; takes note of what stood in the overlay."""

    def __init__(self, path, overlay):
        self.answers, self.seen, self.closing, self.overlay = [0], [], False, overlay
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)
        self.socket.settimeout(0.05)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while not self.closing:
            try:
                client, _ = self.socket.accept()
            except TimeoutError:
                continue
            with client, client.makefile("rb") as stream:
                stream.readline()
                status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                self.seen.append({p.name: p.read_bytes() for p in self.overlay.glob("*.json")})
                result = {"ok": status == 0, "generation": 2, "errors": status, "problems": []}
                client.sendall(json.dumps({"api": 1, "ok": True, "exit": status, "result": result}).encode() + b"\n")

    def close(self):
        self.closing = True
        self.thread.join()
        self.socket.close()


class World:
    def __init__(self, folder, shell):
        self.folder, self.shell = pathlib.Path(folder), shell
        self.overlay, self.state = self.folder / "overlay", self.folder / "state"
        self.server = Server(self.folder)
        self.socket = self.folder / "control.sock"
        self.overlay.mkdir()
        self.daemon = Daemon(self.socket, self.overlay)
        self.config = self.folder / "nfqdn.conf"
        self.config.write_text(f"""gateway: {{ interfaces = [ "lan0" ]; resolvers = [ "10.2.0.2" ]; catalog = [ "{ROOT}/data", "{self.overlay}" ]; }};
allow: {{ i: {{ service = "intune"; }}; }};
""")
        self.settings = {"CONFIG": self.config, "OVERLAY": self.overlay, "STATE": self.state, "SOCKET": self.socket, "M365_URL": self.server.url,
                         "M365_IMPORT": "--select intune-live", "TAGS_URL": f"{self.server.url}/page", "TAGS_IMPORT": "--select power-bi-live",
                         "CACERT": self.server.certificate, "INTERVAL": 0, "NFQDND": BUILD / "nfqdnd", "NFQDNCTL": BUILD / "nfqdnctl"}
        self.publish("2025120100", sets(), 20251201, tags())

    def publish(self, version, m365, week, tag_file):
        self.server.put("/version/Worldwide", {"instance": "Worldwide", "latest": version})
        self.server.put("/endpoints/Worldwide", m365)
        self.server.put("/page", f'<html><a href="https://example.com/x.json">no</a> <a href="{self.server.url}/dl/ServiceTags_Public_{week}.json">yes</a></html>')
        self.server.put(f"/dl/ServiceTags_Public_{week}.json", tag_file)

    def run(self, status, *parts, **settings):
        path = self.folder / "update.conf"
        path.write_text("".join(f'{k}="{v}"\n' for k, v in {**self.settings, **settings}.items()))
        env = {**{k: v for k, v in os.environ.items() if "proxy" not in k.lower()}, "NFQDN_CATALOG": str(ROOT / "data")}
        done = subprocess.run([*self.shell, str(SCRIPT), str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, env=env, check=False)
        assert done.returncode == status, f"status {done.returncode}, expected {status}\n{done.stdout}"
        for part in parts:
            assert part in done.stdout, f"{part!r} is missing\n{done.stdout}"
        left = [p.name for p in self.state.glob("work.*")] + [p.name for p in self.state.glob("lock")] + [p.name for p in self.overlay.glob(".*")]
        equal(left, [], "what is left lying about")
        return done.stdout

    def files(self):
        return {p.name: p.read_bytes() for p in self.overlay.iterdir()}

    def names(self):
        return [u for r in json.loads((self.overlay / "intune-live.json").read_text())["rows"] for u in r.get("urls", [])]

    def close(self):
        self.daemon.close()
        self.server.close()


def world(function):
    def run():
        for shell in SHELLS:
            with tempfile.TemporaryDirectory(prefix="nfqdn-update-") as folder:
                w = World(folder, shell)
                try:
                    function(w)
                finally:
                    w.close()
    return run


@case("fresh: both lists are fetched, checked, put in place and in force; what is unchanged is not fetched again")
@world
def _(w):
    w.run(0, "taken over: intune-live.json power-bi-live.json")
    equal(w.server.paths(), ["/version/Worldwide", "/endpoints/Worldwide", "/page", "/dl/ServiceTags_Public_20251201.json"], "what was asked")
    equal(sorted(w.files()), ["intune-live.json", "power-bi-live.json"], "the overlay")
    equal([sorted(s) for s in w.daemon.seen], [["intune-live.json", "power-bi-live.json"]], "one reload, with both")
    row = json.loads(w.files()["power-bi-live.json"])["rows"][0]
    equal((row["asOf"], row["source"]["version"]), ("2025-12-01", "10"), "date and version")
    w.run(0, "2025120100 is in force already", "ServiceTags_Public_20251201.json is in force already")
    equal((w.server.paths(), len(w.daemon.seen)), (["/version/Worldwide", "/page"], 1), "the second time")
    w.publish("2025120800", sets(11), 20251208, tags(11, 11))
    w.run(0, "taken over: intune-live.json power-bi-live.json")
    equal(len(w.names()), 11, "names")


@case("the request id is one and stays")
@world
def _(w):
    w.run(0)
    w.publish("2025120800", sets(11), 20251208, tags(11))
    w.run(0)
    ids = {q for p, q, _ in w.server.asked if p.startswith(("/version", "/endpoints"))}
    equal(len(ids), 1, "request ids")
    assert ids.pop().startswith("clientrequestid=") and (w.state / "clientrequestid").read_text().strip().count("-") == 4


@case("it asks once an hour, whoever calls it, and a clock that was set back does not stop it")
@world
def _(w):
    w.run(0, INTERVAL=3600)
    w.server.paths()
    w.run(0, "asked already", INTERVAL=3600)
    equal(w.server.paths(), [], "asked again")
    for name in ("m365", "tags"):
        (w.state / f"{name}.next").write_text(str(int(time.time()) + 10**7))
    w.run(0, "in force already", INTERVAL=3600)


@case("429: Retry-After is honoured, an hour at least; the other list is taken all the same")
@world
def _(w):
    for header, seconds in (({"Retry_After": "7200"}, 7200), ({"Retry_After": "5"}, 3600), ({}, 3600), ({"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 3600),
                            ({"Retry_After": "999999"}, 86400)):
        (w.state / "m365.next").unlink(missing_ok=True)
        w.server.put("/version/Worldwide", "slow down", 429, **header)
        w.run(1, f"to be asked later: in {seconds} s")
        left = int((w.state / "m365.next").read_text()) - time.time()
        assert seconds - 60 < left <= seconds, f"{header}: {left}"
        w.server.paths()
        w.run(0, "m365: asked already")
        assert "/version/Worldwide" not in w.server.paths(), "asked again"
    equal(sorted(w.files()), ["power-bi-live.json"], "the overlay")
    (w.state / "m365.next").unlink()
    w.publish("2025120100", sets(), 20251201, tags())
    w.server.put("/endpoints/Worldwide", "slow down", 429, Retry_After="4000")
    w.run(1, "in 4000 s")


@case("500, 404, garbage, an HTML page, cut off, shrunk, older, no answer: the last good list stays, and the next good one is taken")
@world
def _(w):
    w.run(0)
    good = w.files()

    def cut(handler):
        body = json.dumps(sets(12)).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:len(body) // 2])

    def cut_clean(handler):
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(json.dumps(sets(12)).encode()[:100])

    bad = {"500": (500, b"oops", {}), "404": (404, b"gone", {}), "garbage": (200, b"\x00\xff\x00", {}), "page": (200, b"<html>maintenance</html>", {}),
           "empty": (200, b"", {}), "empty list": (200, b"[]", {}), "shrunk": (200, json.dumps(sets(4)).encode(), {}), "cut": cut, "cut without length": cut_clean,
           "redirect to http": (302, b"", {"Location": "http://127.0.0.1:1/"})}
    w.server.put("/version/Worldwide", {"instance": "Worldwide", "latest": "2025120800"})
    for what, page in bad.items():
        w.server.pages["/endpoints/Worldwide"] = page
        w.run(1, "m365")
        equal(w.files(), good, what)
    for page in ((500, b"", {}), (200, b"<html></html>", {}), (200, b'{"instance": "China", "latest": "2025120800"}', {})):
        w.server.pages["/version/Worldwide"] = page
        w.run(1, "m365")
        equal(w.files(), good, f"version {page}")
    w.publish("2025110100", sets(12), 20251201, tags())
    w.run(1, "older than 2025120100")
    equal(w.files(), good, "older")
    equal(len(w.daemon.seen), 1, "reloads")
    for name, page in {"500": (500, b"", {}), "no link": (200, b"<html></html>", {}), "dead link": (200, f"{w.server.url}/dl/ServiceTags_Public_20261201.json".encode(), {})}.items():
        w.publish("2025120100", sets(), 20251208, {"changeNumber": 12, "cloud": "Public", "values": []})
        w.server.pages["/page"] = page
        w.run(1, "tags")
        equal(w.files(), good, f"tags, {name}")
    w.publish("2025120100", sets(), 20251208, tags(12, 4))
    w.run(1, "loses 6 of 10 prefixes")
    w.publish("2025120800", sets(12), 20251208, tags(12, 12))
    w.run(0, "taken over")
    equal(len(w.names()), 12, "names")


@case("/version may answer with an array of all instances")
@world
def _(w):
    w.server.put("/version/Worldwide", json.dumps([{"instance": "China", "latest": "2030010100"}, {"instance": "Worldwide", "latest": "2025120100"}], indent=1))
    w.run(0, "taken over: intune-live.json")


@case("a certificate that nobody vouches for, or of another name: nothing is taken")
@world
def _(w):
    other = Server(w.folder, "localhost.example")
    try:
        other.pages = w.server.pages
        w.run(1, "SSL", M365_URL=other.url, TAGS_URL=f"{other.url}/page")
        w.run(1, "SSL", M365_URL=other.url, TAGS_URL=f"{other.url}/page", CACERT=other.certificate)
        equal((w.files(), other.paths()), ({}, []), "what came of it")
        w.run(1, "m365", M365_URL=w.server.url.replace("https", "http"))
    finally:
        other.close()


@case("a mirror's file: not fetched again while its tag of the entity stays")
@world
def _(w):
    url = f"{w.server.url}/mirror/tags.json?x=1"

    def page(handler):
        return (304, b"", {}) if handler.headers.get("If-None-Match") == '"one"' else (200, json.dumps(tags()).encode(), {"ETag": '"one"'})

    w.server.pages["/mirror/tags.json"] = page
    w.run(0, "taken over: power-bi-live.json", TAGS_URL=url, M365_IMPORT="")
    w.run(0, "has not changed", TAGS_URL=url, M365_IMPORT="")
    equal(len(w.daemon.seen), 1, "reloads")
    w.server.put("/mirror/tags.json", tags(11, 12), ETag='"two"')
    w.run(0, "taken over: power-bi-live.json", TAGS_URL=url, M365_IMPORT="")
    equal({p for p in w.server.paths()}, {"/mirror/tags.json"}, "what was asked")


@case("a reload that is refused puts the last good lists back, and tells; a new list is taken away again")
@world
def _(w):
    w.daemon.answers = [1]
    w.run(1, "the reload was refused; the last good lists are back")
    equal(w.files(), {}, "there was nothing before")
    w.daemon.answers = [0]
    w.run(0, "taken over")
    good = w.files()
    w.publish("2025120800", sets(11), 20251208, tags(11, 11))
    w.daemon.answers, w.daemon.seen = [1, 0], []
    w.run(1, "the reload was refused")
    equal(w.files(), good, "the last good ones")
    equal((len(w.daemon.seen), w.daemon.seen[1]), (2, good), "the daemon was told to read the old ones again")
    w.daemon.answers = [0]
    w.run(0, "taken over")


@case("lists that nfqdnd --check refuses are not put in place: its words are told")
@world
def _(w):
    w.run(0)
    good = w.files()
    w.config.write_text(w.config.read_text().replace('service = "intune"', 'service = "intunee"'))
    w.publish("2025120800", sets(11), 20251208, tags(11, 11))
    w.run(1, "nfqdnd does not accept the new lists", "intunee", f"{w.config}:2: error")
    equal((w.files(), len(w.daemon.seen)), (good, 1), "the overlay")


@case("without a daemon the lists are there when it starts; a configuration that does not name the overlay is told")
@world
def _(w):
    w.run(0, "taken over", SOCKET=w.folder / "nobody.sock")
    w.publish("2025120800", sets(11), 20251208, tags(11, 11))
    w.config.write_text(w.config.read_text().replace(f', "{w.overlay}"', ""))
    w.run(0, "does not name")


def installed(w, *command, overlay=True):
    """Runs it where the folders of the default catalog stand: the built-in one, and our overlay or none."""
    data = subprocess.run([BUILD / "nfqdnd", "-c", w.config, "--print-config"], stdout=subprocess.PIPE, text=True, check=True).stdout
    data = next(line for line in data.splitlines() if "# Folders with catalog files" in line).split('default [ "')[1].split('"')[0]
    share, lib = os.path.dirname(os.path.dirname(data)), "/var/lib/nfqdn/catalog"
    script = f"""set -e; mkdir -p {share} {w.folder}/built-in/nfqdn; [ -e {w.folder}/built-in/nfqdn/data ] || cp -r {ROOT}/data {w.folder}/built-in/nfqdn/data
mount --bind {w.folder}/built-in {share}; mount -t tmpfs none /var/lib"""
    if overlay:
        script += f"; mkdir -p {lib}; mount --bind {w.overlay} {lib}"
    return ["unshare", *(() if os.getuid() == 0 else ("-r",)), "-m", "sh", "-c", script + '; exec "$@"', "sh", *map(str, command)]


def quiet(command, status=0):
    env = {k: v for k, v in os.environ.items() if k != "NFQDN_CATALOG"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, env=env, check=False)
    equal(done.returncode, status, f"status of {command}\n{done.stdout}")
    return done.stdout


@case("by default the catalog is the built-in folder and, when it is there, the overlay; a folder that is named must be there")
@world
def _(w):
    text = w.config.read_text()
    plain = text.replace(f'catalog = [ "{ROOT}/data", "{w.overlay}" ]; ', "")
    assert plain != text
    w.config.write_text(plain)
    check, shown = (BUILD / "nfqdnd", "-c", w.config, "--check"), (BUILD / "nfqdnctl", "catalog", "show", "intune/intune-live", "--json")
    if subprocess.run(installed(w, "true"), stderr=subprocess.PIPE, check=False).returncode:
        return  # no namespaces of mounts here
    quiet(installed(w, *check, overlay=False))
    quiet(installed(w, *shown, overlay=False), 1)
    w.config.write_text(plain.replace("gateway: {", 'gateway: { catalog = [ "/var/lib/nfqdn/catalog" ];'))
    assert "/var/lib/nfqdn/catalog: error: the catalog folder cannot be read" in quiet(installed(w, *check, overlay=False), 1)
    # what only the overlay has: without it the entry is refused, so that the new lists are checked in their own place
    w.config.write_text(plain.replace('service = "intune"', 'service = "intune"; features = [ "intune-live" ]'))
    assert "intune-live" in quiet(installed(w, *check, overlay=False), 1)
    w.shell = installed(w, *w.shell)
    told = w.run(0, "taken over: intune-live.json power-bi-live.json", OVERLAY="/var/lib/nfqdn/catalog")
    assert "does not name" not in told, told
    quiet(installed(w, *check))
    equal(len(json.loads(quiet(installed(w, *shown)))["rows"]), 1, "rows")
    printed = [line for line in quiet(installed(w, *check[:-1], "--print-config")).splitlines() if line.strip().startswith("catalog =")]
    assert len(printed) == 1 and "/var/lib/nfqdn/catalog" in printed[0], printed
    w.publish("2025120800", [], 20251208, tags(11, 11))
    w.run(1, "m365: not taken", "taken over: power-bi-live.json", OVERLAY="/var/lib/nfqdn/catalog")


@case("one at a time; the lock of a process that is gone does not stop it; one that was killed before the reload is made good")
@world
def _(w):
    w.run(0)
    (w.state / "lock").write_text(str(os.getpid()))
    path = w.folder / "update.conf"
    done = subprocess.run([*w.shell, str(SCRIPT), str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "another one runs" in done.stdout, done.stdout
    ended = subprocess.Popen(["true"])
    ended.wait()
    (w.state / "lock").write_text(str(ended.pid))
    w.run(0, "in force already")
    (w.state / "pending").write_text("")
    w.run(0)
    equal((len(w.daemon.seen), (w.state / "pending").exists()), (2, False), "reloads")


KILLER = """#!/bin/sh
# In place of a command that changes lists or their journal: at the call of that number its caller is killed first, or just after it.
case $* in
*/journal* | *{overlay}/*)
	echo x >>{count}
	if [ "$(wc -l <{count})" -eq {at} ]; then
		[ {after} = 0 ] || {command} "$@"
		kill -9 $PPID
		exit 1
	fi
	;;
esac
exec {command} "$@"
"""


def run_killed(w, at, after):
    """nfqdn-update, killed at its call number `at` that changes lists or their journal; whether it came to that."""
    folder, count = w.folder / "bin", w.folder / "count"
    shutil.rmtree(folder, ignore_errors=True)
    count.unlink(missing_ok=True)
    folder.mkdir()
    for command in ("cp", "mv", "rm", "mkdir"):
        path = folder / command
        path.write_text(KILLER.format(overlay=w.overlay, count=count, at=at, after=after, command=shutil.which(command)))
        path.chmod(0o755)
    env = {**{k: v for k, v in os.environ.items() if "proxy" not in k.lower()}, "NFQDN_CATALOG": str(ROOT / "data"), "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run([*w.shell, str(SCRIPT), str(w.folder / "update.conf")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                          env=env, check=False)
    assert done.returncode in (0, -signal.SIGKILL), f"status {done.returncode}\n{done.stdout}"
    return done.returncode != 0


@case("killed at any step of replacing, it leaves whole files, and the next run goes on with all of the lists: never with half of them")
@world
def _(w):
    def forget_when():
        for path in w.state.glob("*.next"):
            path.unlink()

    w.run(0, INTERVAL=3600)
    old, week, at, mixed, was_killed = w.files(), 20251208, 0, 0, True
    while was_killed and at < 60:
        at += 1
        for after in (0, 1):
            week += 1
            count = 11 + (week & 1)
            w.publish(f"{week}00", sets(count), week, tags(week, count))
            forget_when()
            was_killed = run_killed(w, at, after)
            left = {n: c for n, c in w.files().items() if n.endswith(".json")}
            w.daemon.seen = []
            w.run(0, INTERVAL=3600)
            healed = w.files()
            equal([p.name for p in w.state.iterdir() if p.name.startswith(("journal", "pending"))], [], "what is left")
            forget_when()
            w.run(0, INTERVAL=3600)
            new = w.files()
            assert sorted(new) == sorted(old) and not any(new[n] == old[n] for n in old), "the new lists are there in the end"
            assert healed in (old, new), f"call {at}: half of the lists after the next run"
            assert all(c in (old[n], new[n]) for n, c in left.items()), f"call {at}: neither the old nor the new file"
            mixed += left not in (old, new)
            equal([s for s in w.daemon.seen if s not in (old, new)], [], f"call {at}: reloads that read half of the lists")
            old = new
    assert at > 8 and mixed > 0, f"{at} calls, {mixed} times half of the lists stood there: too few to show anything"


@case("ended in the middle it leaves the old lists, no lock and nothing lying about")
@world
def _(w):
    w.run(0)
    good = w.files()
    w.publish("2025120800", sets(11), 20251208, tags(11, 11))
    asked, go_on = threading.Event(), threading.Event()

    def slow(_):
        asked.set()
        go_on.wait(60)
        return (200, b"[]", {})

    w.server.pages["/endpoints/Worldwide"] = slow
    process = subprocess.Popen([*w.shell, str(SCRIPT), str(w.folder / "update.conf")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    assert asked.wait(60), "it never asked"
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    go_on.set()
    equal((process.returncode != 0, w.files()), (True, good), "afterwards")
    equal([p.name for p in w.state.iterdir() if p.name.startswith(("work", "lock"))], [], "what is left")
    w.publish("2025120800", sets(11), 20251208, tags(11, 11))
    w.run(0, "taken over")


def lacking(_):
    programs = [p for p in ("curl", "openssl") if not shutil.which(p)]
    if programs:
        return f"{' and '.join(programs)} is not there"
    return not os.access(BUILD / "nfqdnctl", os.X_OK) and "nothing is built"


def main():
    signal.alarm(540)
    return tap.run(CASES, lacking)


if __name__ == "__main__":
    sys.exit(main())
