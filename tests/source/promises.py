#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What programs may rely on while "api" is 1 (daemon/control/protocol.h): what scripts/api-1.schema.json ever said is required stays, with its type and its
words, and so do commands and their arguments. tests/source/api-1.promises holds it; `promises.py --write` adds what is new, and takes nothing away."""
import copy
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "tests/source/api-1.promises"
SCHEMA = json.loads((ROOT / "scripts/api-1.schema.json").read_text(encoding="utf-8"))


def meant(schema, whole):
    """What a reference leads to."""
    while "$ref" in schema:
        steps, schema = schema["$ref"].split("/")[1:], whole
        for step in steps:
            schema = schema[step]
    return schema


def shape(schema, whole):
    """(types, words) that a value may have."""
    schema = meant(schema, whole)
    if "anyOf" in schema:
        parts = [shape(part, whole) for part in schema["anyOf"]]
        return set().union(*(types for types, _ in parts)), set().union(*(words for _, words in parts))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return {"null" if value is None else "word" for value in values}, {json.dumps(value).replace(" ", "\\u0020") for value in values if value is not None}
    kind = schema.get("type", "any")
    return set([kind] if isinstance(kind, str) else kind), set()


def members(schema, whole, path):
    """(path, required, types, words) of each member below."""
    schema = meant(schema, whole)
    for number, part in enumerate(schema.get("anyOf", [])):
        yield from members(part, whole, f"{path}|{number}" if "properties" in part else path)
    if "items" in schema:
        yield from members(schema["items"], whole, path + "[]")
    for name, value in schema.get("properties", {}).items():
        yield (f"{path}.{name}", name in schema.get("required", []), *shape(value, whole))
        yield from members(value, whole, f"{path}.{name}")


def promises(schema):
    """{path: (types, words)} of what is required; results themselves by their name."""
    found = {name: shape(value, schema) for name, value in schema["$defs"].items()}
    for name, value in schema["$defs"].items():
        found.update({path: (types, words) for path, required, types, words in members(value, schema, name) if required})
    return found


def written(found):
    return [" ".join(["result", path, "|".join(sorted(types)), *sorted(words)]) for path, (types, words) in sorted(found.items())]


def requests():
    """Commands, and members of requests that the server reads."""
    commands = re.findall(r"\bREMOTE\((\w+),", (ROOT / "daemon/control/command_list.h").read_text(encoding="utf-8"))
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "daemon/control").glob("*.c")) if not path.name.startswith("nfqdnctl"))
    keys = set(re.findall(r'(?:control_request_\w+|json_object_get)\((?:call->)?request, "(\w+)"', text))
    return {f"command {name}" for name in commands} | {f"argument {key}" for key in keys}


def broken(schema, asked, lines):
    """What of the promised lines does not hold."""
    found, wrong = promises(schema), []
    for line in lines:
        kind, path, *rest = line.split()
        if kind != "result":
            wrong += [] if line in asked else [f"{line}: is gone"]
            continue
        if path not in found:
            wrong.append(f"{path}: is gone, or no longer required")
            continue
        types, words = found[path]
        if not types <= set(rest[0].split("|")):
            wrong.append(f"{path}: is {'|'.join(sorted(types))}, and was {rest[0]}")
        wrong += [f"{path}: {word} is gone" for word in rest[1:] if word not in words]
    return wrong


def promised():
    return FILE.read_text(encoding="utf-8").splitlines()


def kept():
    wrong = broken(SCHEMA, requests(), promised())
    assert not wrong, "\n".join(["with these \"api\" becomes 2 (daemon/control/protocol.h):", *wrong])


def new_ones():
    missing = sorted(({*written(promises(SCHEMA)), *requests()}) - set(promised()))
    assert not missing, "\n".join(["not promised yet: tests/source/promises.py --write", *missing])


def changed(path, change):
    """A copy of the schema in which `change` was done to the object at `path`."""
    schema = copy.deepcopy(SCHEMA)
    at = schema["$defs"]
    for step in path:
        at = at[step]
    change(at)
    return schema


def sees():
    lines = promised()
    assert len(lines) > 200, len(lines)
    for path, change, told in (
            (("status",), lambda o: o["properties"].pop("queue"), "status.queue: is gone"),
            (("status",), lambda o: o["required"].remove("mode"), "status.mode: is gone, or no longer required"),
            (("learned", "items", "properties", "ttl"), lambda o: o.update(type="string"), "learned[].ttl: is string, and was integer"),
            (("learned", "items", "properties", "address"), lambda o: o.update(type=["string", "null"]), "learned[].address: is null|string, and was string"),
            (("why", "properties", "by", "items", "properties", "via", "enum"), lambda o: o.remove("cidr"), 'why.by[].via: "cidr" is gone'),
            ((), lambda o: o.pop("confirm"), "confirm: is gone")):
        wrong = broken(changed(path, change), requests(), lines)
        assert any(line.startswith(told) for line in wrong), f"{told}: {wrong}"
    assert "command why: is gone" in broken(SCHEMA, requests() - {"command why"}, lines)
    assert "argument address: is gone" in broken(SCHEMA, requests() - {"argument address"}, lines)
    more = changed(("status", "properties"), lambda o: o.update(later={"type": "integer"}))
    assert not broken(more, requests() | {"command later"}, lines), "what is new breaks nothing"


CASES = [
    ("what was promised of \"api\": 1 is kept: members with their types and words, commands, arguments", kept),
    ("what is new is promised from now on", new_ones),
    ("a member that goes, is not sure any more, or is of another type, a word or a command that goes, is seen; what comes is none of it", sees),
]


def main():
    if sys.argv[1:] == ["--write"]:
        old = promised() if FILE.exists() else []
        FILE.write_text("".join(f"{line}\n" for line in sorted({*old, *written(promises(SCHEMA)), *requests()})), encoding="utf-8")
        return 0
    return tap.run(tap.titled(CASES))


if __name__ == "__main__":
    sys.exit(main())
