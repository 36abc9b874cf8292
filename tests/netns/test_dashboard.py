#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The Grafana dashboard and the alerts of scripts/, asked of a real Prometheus that reads the metrics of a real daemon."""
import http.client
import http.server
import json
import pathlib
import re
import shutil
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import ROOT, Skip, case, check, expect, main, until  # noqa: E402

ALLOW = 'web: { names = [ "*.example.net" ]; }; intune: { service = "intune"; features = "core"; };'
DASHBOARD, ALERTS = ROOT / "scripts/grafana-dashboard.json", ROOT / "scripts/prometheus-alerts.yml"
METRIC = re.compile(r"\b(?:nfqdn|node)_[a-z0-9_]+")


class Metrics(http.server.HTTPServer):
    """What node_exporter would serve: the textfile, written anew all the time, and when it was written."""

    def __init__(self, t, d):
        super().__init__(("127.0.0.1", 9100), Handler, bind_and_activate=False)
        self.socket = t.gw.socket()
        self.d, self.path, self.text, self.closing = d, t.folder / "nfqdn.prom", "", threading.Event()
        self.server_bind()
        self.server_activate()
        for work in (self.serve_forever, self.collect):
            threading.Thread(target=work, daemon=True).start()

    def collect(self):
        try:
            while not self.closing.wait(0.2):  # who reads them does not wait for a busy machine
                self.d.ctl("metrics", "--textfile", str(self.path), ok=None)
                self.text = self.path.read_text() + f'node_textfile_mtime_seconds{{file="{self.path}"}} {time.time()}\n'
        except OSError:
            pass  # the case is over


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.text.encode())

    def log_message(self, *_):
        pass


class Prometheus:
    def __init__(self, t, d):
        if not shutil.which("prometheus"):
            raise Skip("prometheus is not installed")
        self.net, self.server = t.gw, Metrics(t, d)
        config = {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}, "rule_files": [str(ALERTS)],
                  "scrape_configs": [{"job_name": "node", "static_configs": [{"targets": ["127.0.0.1:9100"]}]}]}
        file = t.folder / "prometheus.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        t.program(t.gw, ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={t.folder}/tsdb", "--web.listen-address=127.0.0.1:9090", "--log.level=error"],
                  self.ready, 30)

    def ask(self, path, **arguments):
        connection = http.client.HTTPConnection("127.0.0.1", 9090, timeout=10)
        connection.sock = self.net.socket()
        connection.sock.settimeout(10)
        try:
            connection.sock.connect(("127.0.0.1", 9090))
            connection.request("GET", path + ("?" + urllib.parse.urlencode(arguments) if arguments else ""))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def ready(self):
        return self.ask("/-/ready")[0] == 200

    def query(self, text):
        """The samples of an expression; an error of Prometheus is one of the case."""
        status, body = self.ask("/api/v1/query", query=text)
        check(status == 200, f"{text}: {body}")
        return json.loads(body)["data"]["result"]

    def names(self):
        return set(json.loads(self.ask("/api/v1/label/__name__/values")[1])["data"])

    def alerts(self):
        """{name: (health, state, expression)}"""
        groups = json.loads(self.ask("/api/v1/rules", type="alert")[1])["data"]["groups"]
        return {rule["name"]: (rule["health"], rule["state"], rule["query"]) for group in groups for rule in group["rules"]}


def started(t):
    """A daemon that has learned, denied and written its state, and a Prometheus that has seen it do so."""
    t.simple()
    t.dns(t.inet, {"*.example.net": ["20.1.2.3"]})
    d = t.gateway(allow=ALLOW, state_interval=1)
    prometheus = Prometheus(t, d)
    until(lambda: prometheus.query("nfqdn_up == 1"), "the first scrape", 10)
    for number in range(5):
        t.client.lookup("10.2.0.2", f"n{number}.example.net")
        t.client.tcp("20.9.9.9")
    until(lambda: prometheus.query("nfqdn_answers_taught_total > 0 and increase(nfqdn_answers_total[1m]) > 0"), "the second scrape", 10)
    until(lambda: prometheus.query("nfqdn_state_written_timestamp_seconds"), "the state file", 10)
    return d, prometheus


@case("each query of the dashboard has an answer, and each panel's metrics are there", seconds=90)
def dashboard(t):
    _, prometheus = started(t)
    text = json.loads(DASHBOARD.read_text())
    expect(text["templating"]["list"][1]["query"], "label_values(nfqdn_up, instance)", "gateways to choose from")
    queries = [(panel["title"], target["expr"]) for panel in text["panels"] for target in panel["targets"]]
    check(len(queries) > 40, "queries")
    names = prometheus.names()
    for title, expression in queries:
        expression = expression.replace("$instance", ".*").replace("$__rate_interval", "1m")
        check("$" not in expression, f"{title}: a variable that is not known: {expression}")
        expect(set(METRIC.findall(expression)) - names, set(), f"{title}: metrics that nobody tells")
        check(prometheus.query(expression), f"{title}: no answer to {expression}")
    ids = [panel["id"] for panel in text["panels"]]
    expect(len(ids), len(set(ids)), "ids of panels")
    expect(prometheus.query("nfqdn_nothing"), [], "what is not there has no answer")


@case("alerts: promtool and Prometheus take them, their metrics are there, all is quiet while all is well, and a dead daemon is seen", seconds=90)
def alerts(t):
    d, prometheus = started(t)
    done = t.gw.run(["promtool", "check", "rules", str(ALERTS)], ok=False)
    expect(done.returncode, 0, "promtool check rules: " + done.stdout + done.stderr)
    until(lambda: all(health == "ok" for health, _, _ in prometheus.alerts().values()), "each was evaluated", 10)
    names, found = prometheus.names(), prometheus.alerts()
    check(len(found) > 10, f"alerts: {len(found)}")
    for name, (_, _, expression) in found.items():
        expect(set(METRIC.findall(expression)) - names, set(), f"{name}: metrics that nobody tells")
    old = {name for name, (_, state, _) in found.items() if state != "inactive"} - {"NfqdnListOld"}  # whose clock is the calendar
    expect(old, set(), "alerts while all is well")
    d.reload(d.config.replace("web:", "web"), ok=1)
    until(lambda: prometheus.alerts()["NfqdnReloadRefused"][1] == "firing", "a refused reload fires", 15)
    d.stop()
    until(lambda: prometheus.alerts()["NfqdnDown"][1] == "pending", "a dead daemon is seen", 15)


if __name__ == "__main__":
    main()
