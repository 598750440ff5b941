#!/usr/bin/env python3
"""Every diagnostic code of cases.tsv is provoked as a user would, and says where and what to do.

Usage: run.py STAGEFIT.  Prints TAP.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))


def name_of(code):
    for file in sorted(os.listdir(os.path.join(TOP, "src/base/codes"))):
        with open(os.path.join(TOP, "src/base/codes", file), encoding="utf-8") as text:
            found = re.search(r"^X\((\w+), %s," % code[2:], text.read(), re.MULTILINE)
            if found:
                return found[1]
    return None


def place_of(diagnostic):
    at = diagnostic.get("at") or {}
    if at.get("line"):
        return "%s:%d:%d" % (at["file"], at["line"], at["column"])
    return at.get("file") or "-"


def diagnostics(document):
    """Those of the answer, and of the files of a lint."""
    yield from document["diagnostics"]
    for file in document.get("files", []):
        yield from file["diagnostics"]


def provoke(program, code, severity, place, status, command):
    """What differs from the row, as a list of lines."""
    env = dict(os.environ, PATH=os.path.dirname(os.path.abspath(program)) + ":" + os.environ["PATH"], LC_ALL="C")
    with tempfile.TemporaryDirectory() as folder:
        work = os.path.join(folder, "files")
        shutil.copytree(os.path.join(HERE, "files"), work)
        run = subprocess.run(["sh", "-c", command], cwd=work, env=env, capture_output=True, check=False,
                             stdin=subprocess.DEVNULL, timeout=20)
    wrong = []
    if run.returncode != int(status):
        wrong.append("exit status %d, not %s" % (run.returncode, status))
    try:
        all_of_them = list(diagnostics(json.loads(run.stdout)))
    except ValueError:
        return wrong + ["no JSON document: %r" % run.stdout[:200]]
    own = [d for d in all_of_them if d["code"] == code]
    if not own:
        return wrong + ["not among " + ", ".join(d["code"] for d in all_of_them)]
    if (own[0]["severity"], place_of(own[0])) != (severity, place):
        wrong.append("%s at %s, not %s at %s" % (own[0]["severity"], place_of(own[0]), severity, place))
    if not own[0]["message"] or not own[0].get("hint"):
        wrong.append("without message or hint: %s" % own[0]["message"])
    return wrong


def named_test(code, path):
    with open(os.path.join(TOP, path), encoding="utf-8") as text:
        return [] if re.search(r"SF_E_%s\b|\b%s\b" % (name_of(code), code[2:]), text.read()) else ["%s does not name it" % path]


def main():
    with open(os.path.join(HERE, "cases.tsv"), encoding="utf-8") as table:
        rows = [line.rstrip("\n").split("\t") for line in table if line.strip() and not line.startswith("#")]
    print("1..%d" % len(rows))
    bad = 0
    for n, row in enumerate(rows, 1):
        wrong = named_test(row[0], row[2]) if row[1] == "test" else provoke(sys.argv[1], *row)
        bad += bool(wrong)
        for line in wrong:
            print("#", line)
        print("%s %d - %s %s" % ("not ok" if wrong else "ok", n, row[0], name_of(row[0])))
    return 1 if bad else 0


sys.exit(main())
