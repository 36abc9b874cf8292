#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration as JSON, by standard input: it means what the same in our own syntax means, its errors name the line, and the schema
made of the table of settings tells the same. tests/unit/config/ has the samples; what turns them into JSON is here, and not nfqdn's."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))
import tap  # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
NFQDND = str(BUILD / "nfqdnd")
SAMPLES = [path for path in sorted((ROOT / "tests/unit/config").glob("*.conf")) if not path.name.startswith("syntax-")]
TOKEN = re.compile(r"""(?P<space>[ \t\r]+|\#[^\n]*|//[^\n]*)|(?P<block>/\*.*?\*/)|(?P<line>\n)|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<punctuation>[{}()\[\]:=;,])
                       |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|[0-9.]+(?:[eE][-+]?\d+)?)L{0,2}(?![\w-]))|(?P<word>[A-Za-z*][\w*-]*)|(?P<other>.)""", re.S | re.X)
CLOSERS = "}])"


class NotThis(Exception):
    """The sample's syntax is wrong, so that it has no counterpart in JSON."""


def plain(text):
    return re.sub(r"\\(x[0-9a-fA-F]{2}|.)", lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" and len(m[1]) == 3 else {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}.get(m[1], m[1]), text)


def scalar(kind, value):
    if kind == "text":
        return json.dumps(plain(value))
    if kind == "number":
        digits = value.rstrip("L").lstrip("+")
        return str(int(digits, 16)) if "x" in digits.lower() else digits
    return value.lower() if value.lower() in ("true", "false") else json.dumps(value)


def to_json(text):
    """The same in JSON, each token on the line where it was."""
    out, comma, value, texts = [], "", False, None
    for match in TOKEN.finditer(text):
        kind, token = match.lastgroup, match[0]
        if kind in ("space", "block", "line"):
            out.append("\n" * token.count("\n") or " ")
        elif kind == "punctuation" and token in ";,":
            comma, value, texts = ",", False, None
        elif kind == "punctuation" and token in CLOSERS:
            out.append(token.replace(")", "]"))
            comma, value, texts = "", True, None
        elif kind == "other":
            raise NotThis(f"{token!r}")
        elif kind == "punctuation":
            out.append((comma if token in "{[(" else "") + token.replace("=", ":").replace("(", "["))
            comma, value, texts = "" if token in "{[(" else comma, False, None
        elif kind == "text" and texts is not None:  # texts side by side are one
            out[texts] = json.dumps(json.loads(out[texts].lstrip(",")) + plain(match["text"])).join(("," if out[texts][0] == "," else "", ""))
        else:
            out.append((comma or ("," if value else "")) + scalar(kind, match["text"] if kind == "text" else token))
            comma, value, texts = "", True, len(out) - 1 if kind == "text" else None
    made = "{" + "".join(out) + "}"
    try:
        json.loads(made, object_pairs_hook=once)
    except ValueError as error:
        raise NotThis(str(error)) from error
    return made


def once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("twice")
    return dict(pairs)


def nfqdnd(text, *words):
    """Status, standard output, and what is told as (line, severity, setting, text)."""
    done = subprocess.run([NFQDND, "-c", "-", *words], input=text, capture_output=True, text=True, timeout=60, check=False)
    told = [re.fullmatch(r"<stdin>:(?:(\d+):)? (error|warning): (?:([\w.*-]+(?:\[\d+\])?): )?(.*)", line) for line in done.stderr.splitlines()]
    assert all(told), done.stderr
    return done.returncode, done.stdout, [(int(m[1] or 0), m[2], m[3], m[4]) for m in told]


def samples():
    """Path, text, its JSON."""
    made = []
    for path in SAMPLES:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        try:
            text.encode("utf-8")
            made.append((path, text, to_json(text)))
        except (NotThis, UnicodeEncodeError):
            pass
    return made


def schema():
    if jsonschema is None:
        raise tap.Skip("python3-jsonschema is not installed")
    clean = {k: v for k, v in os.environ.items() if k not in ("B", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CFLAGS", "SAN", "WERROR")}
    with tempfile.TemporaryDirectory(prefix="nfqdn-schema-") as folder:
        target = f"{folder}/nfqdn.conf.schema.json"
        subprocess.run(["make", "-s", f"B={folder}", target], cwd=ROOT, env=clean, check=True, stdout=subprocess.DEVNULL)
        made = json.loads(pathlib.Path(target).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(made)
    return made, jsonschema.Draft202012Validator(made)


def advice(text):
    """What is alike in both syntaxes: not the example of a group."""
    return text.split(": write ")[0]


def both_syntaxes():
    """every sample means the same as JSON: the same settings, or the same problems on the same lines"""
    good = bad = 0
    for path, text, as_json in samples():
        own, other = nfqdnd(text, "--print-config"), nfqdnd(as_json, "--print-config")
        assert own[0] == other[0], f"{path.name}: {own}\n{other}\n{as_json}"
        assert own[1] == other[1], f"{path.name}: {own[1]}\n{other[1]}"
        told = [[(line, severity, setting, advice(text)) for line, severity, setting, text in problems] for problems in (own[2], other[2])]
        if any("does not fit in" in t[3] for t in told[0]):  # our syntax is read in two steps, and this is of the first
            continue
        assert told[0] == told[1], f"{path.name}:\n{told[0]}\n{told[1]}"
        good, bad = good + (own[0] == 0), bad + (own[0] != 0)
    assert good >= 20 and bad >= 45, f"{good} good, {bad} bad"
    print(f"# {good} that load, {bad} that do not, of {len(SAMPLES)}")


def lines_are_right():
    """an error in JSON is told with the line it stands on, wherever that is"""
    wrong = {"interfacs": ["lan0"], "mode": "enforced", "lifetime": {"min": "x", "max": 5000000000}, "resolvers": [["10.2.0.2"], 7], "queue": 3, "nat64": {}, "verify": None}
    value = {"gateway": wrong, "allow": {"a": {"names": ["*.example.net", "b..test"], "ports": "tcp/0"}, "b": [], "c": {"clients": "10.1.0.0/33"}}, "gatway": {}}
    for indent in (0, 1, 7, None):
        text = json.dumps(value, indent=indent)
        wanted = {"interfacs": "gateway.interfacs", "enforced": "gateway.mode", '"x"': "gateway.lifetime.min", "5000000000": "gateway.lifetime.max", "7": "gateway.resolvers[1]",
                  '"queue"': "gateway.queue", '"nat64"': "gateway.nat64", "b..test": "allow.a.names[1]", "tcp/0": "allow.a.ports", '"b"': "allow.b", "10.1.0.0/33": "allow.c.clients", '"gatway"': "gatway"}
        status, _, told = nfqdnd(text, "--print-config")
        assert status == 1, told
        for part, setting in wanted.items():
            line = 1 + text[:text.index(part)].count("\n")
            assert any((line, setting) == (at, where) for at, _, where, _ in told), f"{setting} on line {line} is not in {told}"
        assert any('write "queue": { ... }' in text for _, _, _, text in told), told


def what_is_no_configuration():
    """what is no JSON, what is too deep, too large, twice there or badly named is refused with what would be right"""
    deep = '{"gateway": ' + '{"lifetime": ' * 20 + "1" + "}" * 21
    for text, part in (("{", "not JSON"), ('{"gateway": {},\n "gateway": {}}', "duplicate"), ('{"gateway":\n{"table": "\\u0000"}}', "not JSON"), ('{"a":' * 3000 + "1" + "}" * 3000, ""), (deep, "too deep"),
                       ("{} x", "not JSON"), ("{}", 'write "gateway": { "interfaces"'), ("", "write gateway: {"), ('{"gateway": {"table": 99999999999999999999}}', "not JSON"), ('{"allow": {"1web": {}}}', "begins with a letter"),
                       ('{"allow": {"a\\nb": {}}}', "begins with a letter"), ("[]", ""), ('{"gateway": {"table": "a\\nb", "interfaces": "lan0"}}', "control character"),
                       ('{"gateway": {"mode": "mark", "interfaces": "lan0"}}', 'write "mark": 65536'), ("{" + " " * (16 << 20) + "}", "larger than 16 MiB"), ("# " + "x" * (16 << 20), "larger than 16 MiB")):
        done = subprocess.run([NFQDND, "-c", "-", "--print-config"], input=text, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and part in done.stderr and "<stdin>" in done.stderr, f"{text[:60]}: {done.stderr[:500]}"
        assert all(line.startswith("<stdin>:") for line in done.stderr.splitlines()), done.stderr[:500]
    lawful = json.dumps({"gateway": {"interfaces": "lan0", "mode": "audit", "nat64": None, "lifetime": None}, "inbound": None})
    status, out, _ = nfqdnd(" \n\t" + lawful + " " * ((16 << 20) - len(lawful) - 3), "--print-config")
    assert status == 0 and "audit" in out, "the largest one"


def schema_and_samples():
    """the schema made of the table takes every sample that loads, and what it refuses does not load"""
    _, validator = schema()
    refused = 0
    for path, _, as_json in samples():
        errors = [f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in validator.iter_errors(json.loads(as_json))]
        status, _, told = nfqdnd(as_json, "--print-config")
        assert status == 1 or not errors, f"{path.name}: {errors}"
        assert status == 0 or told
        refused += bool(errors)
    assert refused >= 20, refused
    print(f"# {refused} samples are refused by the schema already")


def settings(group, path=()):
    for name, rows in group["properties"].items():
        if "properties" in rows:
            yield from settings(rows, (*path, name))
        else:
            yield (*path, name), rows


def value_at(path, value):
    """A configuration with this one setting, and what an entry needs besides."""
    made = {"gateway": {"interfaces": "lan0", "resolvers": "10.2.0.2", "mark": 16}}
    if path[0] != "gateway":
        made[path[0]] = {"web": {"service": "intune"} if path[0] == "allow" else {"service": "power-automate", "to": "10.1.0.10", "ports": "tcp/1433"}}
        path = (path[0], "web", *path[1:])
    at = made
    for name in path[:-1]:
        at = at.setdefault(name, {})
    at[path[-1]] = value
    return made


def schema_and_table():
    """the schema and the daemon agree on every setting: its type, its bounds, its words, its default, and null for left out"""
    made, validator = schema()
    top = made["properties"]
    rows = [(("gateway", *path), row) for path, row in settings(top["gateway"])]
    for kind in ("allow", "inbound"):
        rows += [((kind, *path), row) for path, row in settings(top[kind]["additionalProperties"])]
    assert len(rows) > 60, len(rows)
    for path, row in rows:
        flat = json.dumps(row)
        tried = [([[]], False), (1.5, False), ({"a": 1}, False), (None, True)]
        if '"minimum"' in flat:
            low, high = int(re.search(r'"minimum": (-?\d+)', flat)[1]), int(re.search(r'"maximum": (-?\d+)', flat)[1])
            tried += [(low - 1, False), (low, True), (high, True), (high + 1, False)]
        tried += [(word, True) for word in row.get("enum", []) if word] + ([("no such", False)] if "enum" in row else [])
        tried += [(row["default"], True)] if "default" in row else []
        for value, right in tried:
            config = value_at(path, value)
            _, _, told = nfqdnd(json.dumps(config), "--print-config")
            name = ".".join(path) if path[0] == "gateway" else ".".join((path[0], "web", *path[1:]))
            own = [t for t in told if t[1] == "error" and (t[2] or "").split("[")[0] == name and re.search("range|expected|not known|found where|out of", t[3])]
            assert validator.is_valid(config) == right, f"{name} = {value!r}: the schema says {not right}"
            assert bool(own) != right, f"{name} = {value!r}: nfqdnd says {told}"


if __name__ == "__main__":
    sys.exit(tap.run([both_syntaxes, lines_are_right, what_is_no_configuration, schema_and_samples, schema_and_table]))
