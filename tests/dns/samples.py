# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples that are text, as DNS messages in FOLDER, one file each, for ldns_diff: chains that others wrote down
(*.json: a list of {"rr": [[owner, TTL or null, type, data], ...]}) and IPv4 packets in hexadecimal (*.hex).
Usage: samples.py FOLDER FILE..."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402


def records(owner, ttl, kind, data):
    """"a | b" are alternatives, "... a" leaves steps out, a CNAME set is a chain without its owners."""
    ttl = 60 if ttl is None else ttl
    if kind in ("A", "AAAA"):
        return [dnswire.address(owner, address, ttl) for address in data.split()]
    if kind == "CNAME":
        return [dnswire.cname(owner, data.split(" | ")[0].split()[-1], ttl)]
    if kind == "CNAME set":
        names = [owner, *data.split()]
        return [dnswire.cname(one, other, ttl) for one, other in zip(names, names[1:])]
    raise ValueError(f"{kind} is not known here")


def main():
    folder, headers = pathlib.Path(sys.argv[1]), 20 + 8
    for source in map(pathlib.Path, sys.argv[2:]):
        if source.suffix == ".hex":
            (folder / source.name).write_bytes(bytes.fromhex(source.read_text(encoding="ascii"))[headers:])
            continue
        for number, chain in enumerate(json.loads(source.read_text(encoding="utf-8"))):
            answers = [record for row in chain["rr"] for record in records(*row)]
            message = dnswire.response(number, answers[0].owner, dnswire.A, answers)
            (folder / f"{source.stem}-{number}").write_bytes(message)


if __name__ == "__main__":
    main()
