#!/usr/bin/env python3
"""What other programs make of lint's findings and of the config schemas.

Usage: configs.py STAGEFIT [CORPUS].  SARIF is held against the parts of the standard (2.1.0, section 3) that are
used; the schemas against jsonschema's own rules, good and bad configs, and each config of the corpus.  Prints TAP.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError:
    print("1..0 # SKIP no python3-jsonschema or python3-yaml")
    sys.exit(0)

STAGEFIT = sys.argv[1]
CORPUS = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None

TEXT = {"type": "object", "properties": {"text": {"type": "string", "minLength": 1}}, "required": ["text"],
        "additionalProperties": False}
LOCATION = {
    "type": "object", "additionalProperties": False, "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object", "additionalProperties": False, "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {"type": "object", "additionalProperties": False, "required": ["uri"],
                                     "properties": {"uri": {"type": "string", "pattern": "^[!-~]+$"}}},
                "region": {"type": "object", "additionalProperties": False, "required": ["startLine", "startColumn"],
                           "properties": {"startLine": {"type": "integer", "minimum": 1},
                                          "startColumn": {"type": "integer", "minimum": 1}}}}},
        "logicalLocations": {"type": "array", "items": {
            "type": "object", "additionalProperties": False, "required": ["fullyQualifiedName"],
            "properties": {"fullyQualifiedName": {"type": "string"}}}},
        "message": TEXT}}
SARIF = {
    "type": "object", "additionalProperties": False, "required": ["$schema", "version", "runs"],
    "properties": {
        "$schema": {"type": "string"}, "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "maxItems": 1, "items": {
            "type": "object", "additionalProperties": False, "required": ["tool", "results"],
            "properties": {
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "tool": {"type": "object", "additionalProperties": False, "required": ["driver"], "properties": {
                    "driver": {"type": "object", "additionalProperties": False, "required": ["name", "rules"],
                               "properties": {
                                   "name": {"const": "stagefit"}, "version": {"type": "string"},
                                   "rules": {"type": "array", "uniqueItems": True, "items": {
                                       "type": "object", "additionalProperties": False, "required": ["id"],
                                       "properties": {"id": {"type": "string"}, "shortDescription": TEXT}}}}}}},
                "results": {"type": "array", "items": {
                    "type": "object", "additionalProperties": False, "required": ["message", "locations"],
                    "properties": {
                        "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0},
                        "level": {"enum": ["none", "note", "warning", "error"]}, "message": TEXT,
                        "locations": {"type": "array", "minItems": 1, "items": LOCATION},
                        "relatedLocations": {"type": "array", "items": LOCATION}}}}}}}}}

GOOD = {
    "stages": ["pipeline: qwen3_tts\n", "stages: [{stage_id: 0, devices: '0,1', max_model_len: 8k}]\n",
               "base_config: a.yaml\nstages: [{stage_id: 0, max_num_seqs: '${oc.env:N}', some_key: 1}]\n"],
    "stage_args": ["stage_args: [{stage_id: 0, runtime: {devices: 0}, engine_args: {gpu_memory_utilization: 0.5}}]\n"],
}
BAD = {
    "stages": ["stage_args: []\n", "stages: {}\n", "stages: [{devices: 0}]\n",
               "stages: [{stage_id: 0, gpu_memory_utilization: 90}]\n", "stages: [{stage_id: 0, max_num_seqs: many}]\n",
               "stages: [{stage_id: 0, enforce_eager: 3}]\n", "stages: [{stage_id: 0, devices: [0, 1]}]\n",
               "stages: [{stage_id: 0, parallel_config: {tensor_paralel_size: 2}}]\n",
               "session_mode: half\nstages: []\n"],
    "stage_args": ["stages: []\n", "stage_args: []\n", "stage_args: [{runtime: {}}]\n",
                   "stage_args: [{stage_id: 0, stage_type: vae}]\n",
                   "stage_args: [{stage_id: 0, engine_args: {worker_type: codec}}]\n"],
}

number, bad = 0, False


def result(name, fault):
    global number, bad
    number += 1
    if fault:
        print(f"# {fault}")
        bad = True
    print(f"{'not ok' if fault else 'ok'} {number} - {name}")


def run(*args):
    return subprocess.run([STAGEFIT, *args], capture_output=True, check=False, stdin=subprocess.DEVNULL)


def sarif_fault(folder):
    path = folder / "über a,b.yaml"
    path.write_text("stages:\n  - stage_id: 0\n  - stage_id: 0\n  - {stage_id: 1, devices: '0-3'}\n", encoding="utf-8")
    done = run("lint", str(path), str(folder / "absent.yaml"), "--pipeline", "qwen3_omni_moe", "--format", "sarif")
    doc = json.loads(done.stdout)
    errors = list(jsonschema.Draft202012Validator(SARIF).iter_errors(doc))
    if errors:
        return f"{errors[0].json_path}: {errors[0].message[:200]}"
    rules = [rule["id"] for rule in doc["runs"][0]["tool"]["driver"]["rules"]]
    results = doc["runs"][0]["results"]
    if any(rules[r["ruleIndex"]] != r["ruleId"] for r in results):
        return "a ruleIndex does not lead to its rule"
    levels = {r["level"] for r in results}
    if not {"error", "warning"} <= levels or done.returncode != 2:
        return f"levels {levels}, exit {done.returncode}"
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results}
    return None if any(u.startswith("file:///") and u.endswith("/%C3%BCber%20a,b.yaml") for u in uris) else uris


def github_fault(folder):
    path = folder / "a,b.yaml"
    path.write_text("stages:\n  - {stage_id: 1, devices: '0-3'}\n", encoding="utf-8")
    lines = run("lint", str(path), "--pipeline", "qwen3_omni_moe", "--format", "github").stdout.decode().splitlines()
    pattern = re.compile(r"^::(error|warning|notice) file=[^,:]+a%2Cb\.yaml,line=\d+,col=\d+,title=SF\d{4}::\S.*$")
    wrong = [line for line in lines if line and not pattern.match(line)]
    return wrong[0] if wrong else None if any(line.startswith("::error") for line in lines) else "no error"


class Loader(yaml.SafeLoader):
    """PyYAML with the loader's rule that 1e3 is a number."""


Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789"))


def schema_of(name):
    return json.loads(run("schema", name).stdout)


def configs_fault(validator, texts, wanted):
    for text in texts:
        if validator.is_valid(yaml.load(text, Loader)) != wanted:
            return f"{'refused' if wanted else 'accepted'}: {text!r}"
    return None


def corpus_fault(validators):
    seen = 0
    for path in sorted(CORPUS.rglob("*.yaml")):
        doc = yaml.load(path.read_text(encoding="utf-8"), Loader)
        if not isinstance(doc, dict) or ("strategies" in doc and "stages" not in doc):
            continue
        name = "stage_args" if "stage_args" in doc else "stages"
        error = next(validators[name].iter_errors(doc), None)
        if error and not str(error.instance).startswith("__"):  # templates have words for numbers
            return f"{path}: {error.json_path}: {error.message[:200]}"
        seen += not error
    return None if seen > 200 else f"only {seen} configs"


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        result("findings as SARIF", sarif_fault(folder))
        result("findings as annotations", github_fault(folder))
    validators = {}
    for name in ("stages", "stage_args"):
        schema = schema_of(name)
        jsonschema.Draft7Validator.check_schema(schema)
        validators[name] = jsonschema.Draft7Validator(schema)
        result(f"schema {name} takes good configs", configs_fault(validators[name], GOOD[name], True))
        result(f"schema {name} refuses bad ones", configs_fault(validators[name], BAD[name], False))
    if CORPUS and CORPUS.is_dir():
        result("the schemas take each config of the corpus", corpus_fault(validators))
    else:
        print("# skipped: no corpus")
    print(f"1..{number}")
    return 1 if bad else 0


sys.exit(main())
