# SPDX-License-Identifier: GPL-2.0-or-later
"""A certificate authority for the lab, and servers that answer for any name: HTTP, and HTTPS with a certificate made for the name that is asked for."""
import ipaddress
import re
import socket
import ssl
import subprocess
import threading

from netns import plain

HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*$")
SECONDS = 10


class Authority:
    """Makes certificates by openssl. `certificate` is what clients trust; the key never leaves its folder."""

    def __init__(self, folder):
        self.folder, self.contexts, self.lock = folder, {}, threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.certificate, self.key, self.leaf = folder / "ca.pem", folder / "ca.key", folder / "leaf.key"

    def run(self, *words, text=None):
        return subprocess.run(["openssl", *map(str, words)], input=text, capture_output=True, check=True, cwd=self.folder, encoding="ascii").stdout

    def ready(self):
        """Made when the first one asks: a lab whose clients do not speak TLS needs none."""
        with self.lock:
            if not self.leaf.exists():
                self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.certificate,
                         "-days", "30", "-subj", "/CN=nfqdn lab CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
                self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.leaf)
        return self.certificate

    def context(self, name):
        """A server's TLS context for a name or an address."""
        self.ready()
        with self.lock:
            if name not in self.contexts:
                self.contexts[name] = self.make(name)
            return self.contexts[name]

    def make(self, name):
        alternative = f"IP:{name}" if is_address(name) else f"DNS:{name}"
        request = self.run("req", "-new", "-key", self.leaf, "-subj", "/CN=nfqdn lab")
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName={alternative}\nextendedKeyUsage=serverAuth\n", encoding="ascii")
        chain = self.folder / "leaf.pem"
        chain.write_text(self.run("x509", "-req", "-CA", self.certificate, "-CAkey", self.key, "-days", "30", "-extfile", extensions, text=request), encoding="ascii")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, self.leaf)
        return context


def is_address(text):
    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:
        return False


class Web:
    """HTTP or HTTPS at every address of a namespace: tells in one line for which name it was reached, where, and from whom."""

    def __init__(self, case, net, port, authority=None):
        self.authority = authority
        listening = net.socket(socket.AF_INET6)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(("::", port))
        listening.listen(4096)
        case.loop.add(listening, lambda: self.on_connection(listening))

    def on_connection(self, listening):
        sock, source = listening.accept()
        threading.Thread(target=self.serve, args=(sock, source), daemon=True).start()

    def serve(self, sock, source):
        sock.settimeout(SECONDS)
        here = sock.getsockname()
        try:
            with self.secured(sock) if self.authority else sock as stream:
                request = b""
                while b"\r\n\r\n" not in request and len(request) < 65536:
                    more = stream.recv(65536)
                    if not more:
                        return
                    request += more
                host = next((line.split(b":", 1)[1].strip().decode("latin-1") for line in request.split(b"\r\n") if line.lower().startswith(b"host:")), "-")
                body = f"{host} reached at {plain(here[0])} port {here[1]} from {plain(source[0])}\n".encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                stream.sendall(head + body)
        except OSError:  # TLS errors included: the client's to tell
            pass

    def secured(self, sock):
        def on_name(stream, name, _):
            if name and not HOST.match(name):
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            stream.context = self.authority.context(name or plain(stream.getsockname()[0]))
            return None

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = on_name
        return context.wrap_socket(sock, server_side=True)
