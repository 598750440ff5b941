#!/usr/bin/env python3
"""Validates what --json writes against docs/schema, with keys that the schema does not know refused.

Usage: schema.py STAGEFIT.  Prints TAP; skips when python3-jsonschema is not there.
"""
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("1..0 # SKIP no python3-jsonschema")
    sys.exit(0)

EXAMPLE = "example:qwen3-omni-2xh100"
CASES = [
    (["demo"], "check", 0),
    (["check", EXAMPLE, "--gpu", "2xA100-40GB"], "check", 1),
    (["explain", EXAMPLE, "--gpu", "2xH100-80GB"], "check", 0),
    (["check", "--gpu", "H100-80GB", "--", "vllm", "serve", "Qwen/Qwen3-8B", "--no-such-flag"], "check", None),
    (["check", "no-such-file.yaml", "--gpu", "H100-80GB"], "check", 2),
    (["check", EXAMPLE], "check", 2),
    (["estimate", "Qwen/Qwen3-8B"], "estimate", None),
    (["estimate", "no-such-model"], "estimate", 2),
    (["gpus"], "list", 0),
    (["models"], "list", 0),
    (["engines"], "list", 0),
    (["pipelines"], "list", 0),
    (["codes"], "list", 0),
    (["explain", "SF7001"], "code", 0),
    (["explain", "SF9999"], "code", 2),
    (["lint", EXAMPLE, "no-such-file.yaml"], "lint", 2),
    (["lint", EXAMPLE], "lint", 0),
    (["migrate", EXAMPLE], "migrate", None),
    (["migrate", "no-such-file.yaml"], "migrate", 2),
    (["accuracy", "tests/golden/cases/accuracy/truth.jsonl", "--models", "tests/golden/cases/accuracy"], "accuracy", 0),
    (["lint"], "usage", 2),
    (["check"], "usage", 2),
    (["check", "a", "--frob"], "usage", 2),
]


def strict(node):
    """Refuses keys that are not listed: the document may grow, but the schema must grow with it."""
    if isinstance(node, dict):
        if "properties" in node and "required" in node:
            node.setdefault("additionalProperties", False)
        for value in node.values():
            strict(value)
    elif isinstance(node, list):
        for value in node:
            strict(value)
    return node


def ledger_adds_up(doc):
    """Entries give the use of their device; used and left give its total."""
    for device in doc["devices"]:
        mine = [e for e in doc["entries"] if e["device"] == device["index"]]
        used = sum(e["bytes"] for e in mine)
        if mine and used != device["used"]["bytes"]:
            return f"entries of GPU {device['index']} give {used}, not {device['used']['bytes']}"
        if device["used"]["bytes"] + device["left"]["bytes"] != device["total"]["bytes"]:
            return f"used and left of GPU {device['index']} are not its total"
    return None


def fault_of(stagefit, args, name, status):
    done = subprocess.run([stagefit, *args, "--json"] if "--" not in args else
                          [stagefit, args[0], "--json", *args[1:]], capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode < 0:
        return f"killed by signal {-done.returncode}"
    if status is not None and done.returncode != status:
        return f"exit {done.returncode}, not {status}: {done.stderr.decode()[:300]}"
    doc = json.loads(done.stdout.decode("utf-8"))
    if doc["status"] != done.returncode:
        return f"status {doc['status']}, but exit {done.returncode}"
    if next(iter(doc)) != "schema" or doc["schema"] != f"stagefit/{name}/1":
        return f"schema {doc['schema']}"
    with open(f"docs/schema/{name}-1.json", encoding="utf-8") as file:
        schema = strict(json.load(file))
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(doc))
    if errors:
        return f"{errors[0].json_path}: {errors[0].message[:200]}"
    return ledger_adds_up(doc) if name == "check" else None


def main():
    bad = False
    print(f"1..{len(CASES)}")
    for number, (args, name, status) in enumerate(CASES, 1):
        try:
            fault = fault_of(sys.argv[1], args, name, status)
        except (ValueError, KeyError) as error:
            fault = repr(error)
        if fault:
            print(f"# {fault}")
            bad = True
        print(f"{'not ok' if fault else 'ok'} {number} - {' '.join(args)}".replace("#", ""))
    return 1 if bad else 0


sys.exit(main())
