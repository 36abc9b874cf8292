# SPDX-License-Identifier: GPL-2.0-or-later
"""What a device experiences behind the simple gateway, step by step, each checked."""
import json
import re
import time

import dnswire
from netns import elements

FRESH = 200  # names for the burst
EIGHT = ("20.231.128.65", "40.126.53.7", "40.126.53.10", "20.190.181.4", "40.126.53.21", "20.190.181.0", "40.126.53.13", "40.126.53.9")


class Story:
    def __init__(self, lab):
        self.lab, self.number, self.good, self.bad = lab, 0, 0, 0
        self.client, self.internet, self.daemon = lab.nets["client"], lab.nets["internet"], lab.daemons["gateway"]

    # ---- telling ----
    def step(self, text):
        self.number += 1
        print(f"\n{self.number:2}. {text}", flush=True)

    @staticmethod
    def tell(*lines):
        for line in lines:
            print(f"      {line}", flush=True)

    def wants(self, ok, text):
        self.good, self.bad = self.good + bool(ok), self.bad + (not ok)
        self.tell(f"ok: {text}" if ok else f"FAILED: {text}")

    def asks(self, name, six=False):
        began = time.monotonic()
        message = self.client.query("fd00:2::2" if six else "10.2.0.2", name, dnswire.AAAA if six else dnswire.A)
        self.tell(f"the client asks for {name}; the resolver answers in {(time.monotonic() - began) * 1000:.2f} ms:")
        kinds = {dnswire.A: "A", dnswire.AAAA: "AAAA", dnswire.CNAME: "CNAME"}
        self.tell(*(f"  {owner} {ttl} {kinds.get(kind, kind)} {value}" for owner, kind, ttl, value in message.answers))
        return message.addresses()

    def opens(self, text, name, port=443, six=False, net=None, source=None):
        """Asks and connects, the moment the answer is there; an address is connected to as it is."""
        address = name if re.fullmatch(r"[0-9.]+|[0-9a-f:]*:[0-9a-f:]*", name) else next(iter(self.client.query(
            "fd00:2::2" if six else "10.2.0.2", name, dnswire.AAAA if six else dnswire.A).addresses()), None)
        if not address:
            return self.wants(False, f"{text}: no address in the answer")
        attempt = (net or self.client).tcp(address, port, source=source, read=False)
        return self.wants(attempt.result == "open", f"{text}: {'connected in' if attempt.result == 'open' else attempt.result + ' after'} {attempt.seconds * 1000:.2f} ms; {address}")

    def refuses(self, text, address, port=443, net=None, source=None):
        """Refused, and soon: a device must not hang."""
        attempt = (net or self.client).tcp(address, port, source=source, read=False)
        self.wants(attempt.result == "reset" and attempt.seconds < 0.5, f"{text}: {'refused' if attempt.result == 'reset' else attempt.result} after {attempt.seconds * 1000:.2f} ms")

    def in_kernel(self, name_set, address, name):
        found = next((e for e in elements(self.daemon.net, name_set) if e["key"][0] == address), None)
        self.tell(f"nft list set inet nfqdn {name_set}: " + (f"{' . '.join(map(str, found['key']))} expires {found['expires']} s comment \"{found['comment']}\"" if found else "nothing"))
        return bool(found) and (not name or found["comment"].startswith(name))

    def why(self, status, address, port):
        done = self.daemon.ctl("why", address, port, ok=None)
        self.tell(*(f"nfqdnctl why {address} {port}: {line}" for line in done.stdout.splitlines()))
        return done.returncode == status

    # ---- the steps ----
    def play(self):
        print("A client behind a gateway that allows Intune, Power Automate and Power BI, and nothing else.")
        self.tell("client 10.1.0.2 fd00:1::2 -- br-lan, gateway, up0 -- internet: resolver 10.2.0.2, and listeners at every address there is",
                  "a server, 10.1.0.10 tcp/1433, stands beside the client; the gateway forwards its own port 1433 to it",
                  *self.daemon.ctl("status").stdout.split("COUNTER")[0].splitlines())
        for part in (self.third_party, self.as_devices, self.eight, self.others, self.six, self.subnet, self.nobody, self.server, self.burst, self.figures):
            part()
        print(f"\n{self.good} of {self.good + self.bad} behaved", flush=True)
        return 0 if self.good and not self.bad else 1

    def third_party(self):
        self.step("An Intune name that leads into somebody else's network")
        self.refuses("152.195.19.97 before anybody asked for a name", "152.195.19.97")
        self.asks("swda02.manage.microsoft.com")
        self.opens("and now", "152.195.19.97")
        self.wants(self.in_kernel("name4", "152.195.19.97", "swda02.manage.microsoft.com"), "the kernel knows the address, and from which name")
        self.wants(self.why(0, "152.195.19.97", "tcp/443"), "nfqdn tells who opened it")
        done = self.lab.do(["get", "client", "https://swda02.manage.microsoft.com/"])
        self.wants(done.ok, f"HTTPS, with a certificate of the lab's own authority: {done.text}")

    def as_devices(self):
        self.step("Asked for and connected to in one go, as devices do")
        self.opens("Portal.Manage.Microsoft.COM, in mixed case", "Portal.Manage.Microsoft.COM")
        self.opens("go.microsoft.com, through akamaiedge.net", "go.microsoft.com")
        self.opens("naprodimedatapri.azureedge.net, four CNAMEs through trafficmanager.net and t-msedge.net", "naprodimedatapri.azureedge.net")
        self.opens("naprodimedatapri.blob.core.windows.net", "naprodimedatapri.blob.core.windows.net")
        self.step("Six CNAMEs, on port 80")
        self.asks("ctldl.windowsupdate.com")
        self.opens("ctldl.windowsupdate.com", "ctldl.windowsupdate.com", 80)

    def eight(self):
        self.step("A name with eight addresses: each of them is open")
        self.asks("login.microsoftonline.com")
        for address in EIGHT:
            self.opens(address, address)

    def others(self):
        self.step("Power BI and Power Automate")
        for name in ("app.powerbi.com", "api.analysis.windows.net", "make.powerautomate.com", "emea.flow.microsoft.com"):
            self.opens(name, name)

    def six(self):
        self.step("IPv6")
        self.asks("login.microsoft.com", six=True)
        self.opens("an address that ends in zeros", "2603:1027:1:c8::")
        self.wants(self.in_kernel("name6", "2603:1027:1:c8::", "login.microsoft.com"), "the kernel knows it too")
        self.opens("make.powerautomate.com", "make.powerautomate.com", six=True)
        self.refuses("www.example.org", self.asks("www.example.org", six=True)[0])

    def subnet(self):
        self.step("An Intune subnet, without DNS")
        self.opens("104.46.162.97, of 104.46.162.96/27", "104.46.162.97")
        self.refuses("104.46.162.128, the first address beyond it", "104.46.162.128")

    def nobody(self):
        self.step("What nobody allowed is refused at once, so that nothing hangs")
        self.refuses("www.example.org", self.asks("www.example.org")[0])
        self.wants(self.why(1, "93.184.215.14", "tcp/443"), "nfqdn says no")
        self.refuses("evilmanage.microsoft.com, which only ends like an allowed name", self.asks("evilmanage.microsoft.com")[0])
        self.refuses("an allowed address on another port", "152.195.19.97", 8443)
        self.refuses("a resolver of the client's own choice, over TCP", "8.8.8.8", 53)
        self.asks("inside.manage.microsoft.com")
        self.wants(not self.in_kernel("name4", "192.168.77.1", ""), "an allowed name cannot open a private address")

    def server(self):
        self.step("The server behind the gateway")
        for text, source in (("a connector of Power Automate in Europe, 13.69.227.210", "13.69.227.210"), ("another one, 52.178.150.68", "52.178.150.68")):
            self.opens(text, "10.2.0.1", 1433, net=self.internet, source=source)
        for text, source in (("its neighbour, 13.69.227.224", "13.69.227.224"), ("anybody else, 203.0.113.7", "203.0.113.7")):
            self.refuses(text, "10.2.0.1", 1433, net=self.internet, source=source)
        self.opens("the client, on the server's own network", "10.1.0.10", 1433)

    def burst(self):
        self.step(f"{FRESH} names that nobody asked for before, each connected to the moment its answer is there")
        good, worst, asking = 0, 0.0, []
        for i in range(1, FRESH + 1):
            self.lab.zone.add(f"device-{i}.dm.microsoft.com", 60, "A", f"20.33.{i // 250}.{i % 250 + 1}")
        for i in range(1, FRESH + 1):
            began = time.monotonic()
            address = self.client.lookup("10.2.0.2", f"device-{i}.dm.microsoft.com")[0]
            asking.append(time.monotonic() - began)
            attempt = self.client.tcp(address, 443, read=False)
            good, worst = good + (attempt.result == "open"), max(worst, attempt.seconds)
        asking.sort()
        self.wants(good == FRESH, f"{good} of {FRESH}, the longest in {worst * 1000:.2f} ms; an answer took {asking[FRESH // 2] * 1000:.2f} ms (median), {asking[-1] * 1000:.2f} ms (longest)")

    def figures(self):
        status = json.loads(self.daemon.ctl("status", "--json").stdout)
        c = status["counters"]
        print("\nFigures")
        self.tell(f"answers seen {c['answers']}, that taught {c['answers_taught']}, that changed nothing {c['answers_known']}, that no entry allows {c['answers_without_policy']}",
                  f"learned addresses now: {len(self.daemon.learned())}, in {c['transactions']} transactions",
                  f"addresses refused because they are private: {c['refused_reserved']}")
        if c["packets_queued"]:
            self.tell(f"an answer was held for {c['hold_microseconds'] // c['packets_queued']} microseconds on average, {c['hold_microseconds_max']} at most")
