#!/usr/bin/python3
"""Compares the YAML reader with OmegaConf over PyYAML, the engine's loader.

Usage: yaml_oracle.py YAML_DUMP [CORPUS_DIR]

Every case is loaded by both; kind and value of every key and value must agree, or both must refuse.  STRICTER
lists the cases that are refused on purpose although the engine's loader takes them.  Exit code 77: skipped.
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

try:
    from omegaconf import OmegaConf
except ImportError:
    print("skipped: no omegaconf (apt install python3-omegaconf)")
    sys.exit(77)

SCALARS = """
true True TRUE tRUE false False FALSE yes Yes YES yEs no No NO on On ON off Off OFF oN y n Y N
~ null Null NULL nULL None none nil ??? ${a} ${a.b} \\${x}
0 1 -1 +1 00 -0 010 017 -017 +017 08 09 0777 0o17 0_ 0_7 1_0 1_ _1 1__0 1_000_000 1,000 4G 8k 85% 0,1
0x1F 0X1F 0x1f 0x 0x_ 0x1G -0x10 0x_1 0b101 0b11 0b2 0b 0b_ -0b1 0b1_0
9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 123456789012345678901234567890
0xFFFFFFFFFFFFFFFF 0777777777777777777777777 0x7fffffffffffffff 0x8000000000000000 18446744073709551616
1:30 1:30:00 0:30 01:30 1:60 1:5 1:59 1:590 -1:30 +1:30 1:30.5 -1:30.5 1:30. 0:30.5 1:3:5.25 12:30:45 190:20:30 1_0:30 1:30:
1e3 1E3 1e-3 1e+3 -1e3 +1e3 1.5e3 1.5e+3 1.5e-3 12e03 0e5 08e1 1_0e2 1e 1e+ 1e3.5 e3 .5 +.5 -.5 .5e3 .5e+3 .5e-3 5. -5. 1. 1.e3
._ ._5 .5_0 1_0.5_0 1._ 0.9 0.9f 0.95 1.0.0 1.2.3 -.inf +.inf .inf .Inf .INF .iNF .nan .NaN .NAN -.nan .NAn inf nan
1e308 1e309 -1e309 1e-400 1e400 0.1 0.30000000000000004 1.7976931348623157e308 5e-324 2.5e-324
123456789.123456789123456789 00.5 01.5 .0 0. -0. - -- --- . .. + +- e E
2024-01-01 2024-01-01T00:00:00 1#2 a#b a:b a::b :a a: -a -:a ?a a?b x=y == =a <<a <<< a<<
cuda:0 0-3 "0,1" '0' "true" 'a''b' "a\\nb" "\\x41" "\\u00e9" '' "" !!str\\ 5 http://x.y/z C:\\x key=val a&b a*b a!b a|b a>b a%b a@b a`b
"""

TEXTS = [
    b"", b"# only a comment\n", b"---\n", b"---\n...\n", b"---\na: 1\n...\n", b"%YAML 1.1\n---\na: 1\n", b"word", b"two words\n",
    b"two\nlines\n", b"- a\n- b\n", b"[]", b"42\n", b"true\n", b"null\n", b"~", b"{}", b"{a: 1}", b'{"a": 1, "b": [1, 2]}',
    b"a: 1\na: 2\n", b'a: 1\n"a": 2\n', b"a: 1\n'a': 2\n", b"x:\n  b: 1\n  b: 1\n", b"a: {b: 1, b: 2}\n",
    b"base: &b {x: 1, y: 2}\nm:\n  <<: *b\n  y: 3\n", b"base: &b {x: 1, y: 2}\nm:\n  y: 3\n  <<: *b\n",
    b"a: &a {x: 1}\nb: &b {x: 2, y: 2}\nm:\n  <<: [*a, *b]\n  z: 0\n", b"a: &a {x: 1}\nb: &b {x: 2}\nm:\n  <<: *a\n  <<: *b\n",
    b"a: &a {n: {p: 1}}\nm:\n  <<: *a\n  n: {q: 2}\n", b"m:\n  <<: 5\n", b"m:\n  <<: [1]\n", b"m:\n  <<:\n", b"m: {<<: {a: 1}}\n",
    b'm: {"<<": {a: 1}}\n', b"a: <<\n", b"a: =\n", b"=: 1\n", b"a: [=]\n", b"m:\n  <<: []\n  a: 1\n", b"m:\n  <<: {}\n",
    b"a: &x 1\nb: *x\n", b"b: *x\n", b"a: &x [*x]\n", b"a: &x {b: *x}\n", b"a: &x 1\nb: &x 2\n", b"&k a: 1\nb: *k\n", b"a: &x y\n*x : 1\n",
    b"a: &x\nb: *x\n", b"a: 1\n---\nb: 2\n", b"a: 1\n--- \n", b"a: @x\n", b"a: `x\n", b"a: %x\n", b"a: &\n", b"a: *\n", b"a: !\n",
    b"\xef\xbb\xbfa: 1\n", b"\xef\xbb\xbf# c\n", b"\xef\xbb\xbf", b"a: 1\n\xef\xbb\xbfb: 2\n", b"a: 1\r\nb: 2\r\n", b"a: 1\rb: 2\r",
    b"\ta: 1\n", b"a:\t1\n", b"a: 1\t\n", b"a: 1\t# c\n", b"a: 1 #\tc\n", b"a: 'x\ty'\n", b'a: "x\ty"\n', b"a: x\ty\n", b"a: |\n  x\ty\n",
    b"a: |\t\n  x\n", b"a: [1,\t2]\n", b"-\ta\n", b"a:\n\tb: 1\n", b"a:\n \tb\n", b"a: {b:\t1}\n", b"#\tc\na: 1\n", b"a: 1\n\t\nb: 2\n",
    b"a: 1\n \t \nb: 2\n", b"a: \"x\n\ty\"\n", b"a: 'x'\t\n", b"a: >\n  x\n\ty\n", b"a: 1\n\t# c\n", b"a: \tb\n", b"a: x #c\t\n", b"[a]\t\n",
    b"a: 1\x00\n", b"a: \x01\n", b"a: \x7f\n", b"a: \xc2\x85b: 1\n", b"a: \xc2\x80\n", b"a: \xff\n", b"a: \xc3\n", b"a: \xed\xa0\x80\n",
    b"\xff\xfea\x00:\x00 \x001\x00", b"\xfe\xff\x00a\x00:\x00 \x001", b"a: \xef\xbf\xbe\n", b"a: \xf0\x9f\x98\x80\n", b"a: x\xe2\x80\xa8y\n",
    b"? a\n: 1\n", b"? [a]\n: 1\n", b"? {a: 1}\n: 1\n", b"? a\n", b": 1\n", b"~: 1\n", b"null: 1\n", b"1: a\n", b"1.5: a\n", b"true: a\n",
    b"yes: a\nno: b\n", b"0x1F: a\n", b"a: {b, c}\n", b"a: {b: , c: }\n", b"a: [1, , 2]\n", b"a: [1, 2,]\n", b"a: {b: 1,}\n", b"a: [b: 1]\n",
    b"a: [b: 1, c]\n", b"a: {b:1}\n", b'a: {"b":1}\n', b"a: [a:1]\n", b"a: [x\n", b"a: {x\n", b"a: 'x\n", b'a: "x\n', b"a: ]\n", b"a: }\n",
    b"a: b: c\n", b"a\nb: 1\n", b"a:\n- 1\n- 2\n", b"a:\n  - 1\n - 2\n", b"a: - 1\n", b"- a\nb: 1\n", b"a: 1\n- b\n", b"a: 1\n  b: 2\n", b"  a: 1\nb: 2\n",
    b"a:\n    b: 1\n  c: 2\n", b"a: |\n  x\n  y\n", b"a: |-\n  x\n", b"a: |+\n  x\n\n", b"a: >\n  x\n  y\n\n  z\n", b"a: >-\n  x\n", b"a: |2\n   x\n",
    b"a: |\n", b"a: |\nb: 1\n", b"a: | # c\n  x\n", b"a: |x\n", b"a: x\n  y\n  z\n", b"a: x\n\n  y\n", b"a: 'x\n  y'\n", b'a: "x\\\n  y"\n',
    b"a: !!int '5'\n", b"a: !!int 0x1F\n", b"a: !!int x\n", b"a: !!float 1\n", b"a: !!float '1e3'\n", b"a: !!float x\n", b"a: !!float .inf\n",
    b"a: !!bool 'yes'\n", b"a: !!bool TrUe\n", b"a: !!bool x\n", b"a: !!str 5\n", b"a: !!str\n", b"a: !!null x\n", b"a: !!null\n", b"a: !!set {a}\n",
    b"a: !!binary aGk=\n", b"a: !!binary |\n  aGVs\n  bG8=\n", b"a: !!python/name:os.system x\n", b"a: !local x\n", b"a: !!seq [1]\n", b"a: !!map {b: 1}\n",
    b"a: !!map [1]\n", b"a: !!seq {b: 1}\n", b"a: !!str [1]\n", b"a: !!int [1]\n", b"a: !!omap [a: 1]\n", b"a: !!timestamp 2024-01-01\n",
    b"a: ! 5\n", b"a: ! '5'\n", b"a: !!str &x 5\nb: *x\n", b"a: &x !!int '5'\n", b"a: &x !!map\n  b: 1\n", b"a: !!int &x\n", b"a: &x\n  # c\n  b: 1\n",
    b"a: \"\\z\"\n", b"a: \"\\x4\"\n", b"a: '\\z'\n", b"a: \"\\0\"\n", b"a: \"\\t\\\\ \\/\"\n", b"a: # c\n  1\n", b"a: 1 # c\n", b"a: 'x'#c\n", b"a: [1]#c\n",
    b"a: \"x\" y\n", b"a: 'x' : y\n", b"a:\n  ? b\n  : c\n", b"%TAG ! tag:x,2000:\n---\na: 1\n", b"%FOO bar\n---\na: 1\n", b"%YAML 1.1\n%YAML 1.1\n---\na: 1\n",
    b"%YAML 2.0\n---\na: 1\n", b"a: 1\n...\n", b"a: 1\n...\nb: 2\n", b"...\n", b"a: -\n", b"a: [-]\n", b"a: [-1, - 1]\n", b"a: ?\n", b"a: -1\n", b"a: - \n",
    b"a: [[[[[[1]]]]]]\n", b"a: {? b : c}\n", b"a: [? b : c]\n", b"a: 'it''s'\n", b"a: \"\"\nb: ''\n", b"a: ,\n", b"a: [a b, c d]\n", b"a: a, b\n", b"a: a]b\n",
    b"a: x: y\n", b"a: x:y\n", b"a: x :y\n", b"a: x #y\n", b"a: #y\n", b"a:\n\n\n  b: 1\n\n", b"a: 1\n\n\n", b"a : 1\n", b"'a' : 1\n", b"a: 0,1\nb: 0, 1\n",
    b"a: ${b}\nb: 1\n", b"a: ???\n", b"x: {a: &a [1, 2], b: *a, c: *a}\n", b"a: 1e3\nb: 1e-3\nc: .5\n", b"k" * 1100 + b": 1\n",
]
# Refused although the loader takes them.
STRICTER = [
    (b"1: a\n1: b\n", "the same number twice: the loader keeps the last"),
    (b"yes: a\ntrue: b\n", "the same boolean twice"),
    (b"1: a\n'1': b\n", "a number and a text that look the same"),
    (b"- a\n- b\n", "a list: the loader takes it, no stage config is one"),
    (b"[]", "an empty list"),
    (b"a: !!omap [a: 1]\n", "a tag that no stage config needs"),
    (b"%FOO bar\n---\na: 1\n", "a directive that YAML does not know"),
]


def kinds(v):
    if v is None:
        return ["null"]
    if isinstance(v, bool):
        return ["bool", "true" if v else "false"]
    if isinstance(v, int):
        return ["int", str(v)] if -(1 << 63) <= v < 1 << 63 else ["float", repr(float(v)) if abs(v) < 1 << 1023 else "inf"]
    if isinstance(v, float):
        return ["float", "nan" if math.isnan(v) else repr(v)]
    if isinstance(v, bytes):
        return ["str", v.decode("latin-1")]
    if isinstance(v, str):
        return ["str", v]
    if isinstance(v, list):
        return ["list", [kinds(x) for x in v]]
    return ["map", [[kinds(k), kinds(x)] for k, x in v.items()]]


def engine(path):
    """What OmegaConf makes of a file; ["error", …] when it refuses."""
    try:
        return kinds(OmegaConf.to_container(OmegaConf.load(path), resolve=False))
    except (Exception, RecursionError) as e:  # pylint: disable=broad-except
        return ["error", type(e).__name__ + ": " + str(e).split("\n")[0][:70]]


def ours(dump, paths):
    out = []
    for i in range(0, len(paths), 200):
        p = subprocess.run([dump, *paths[i:i + 200]], check=True, stdout=subprocess.PIPE)
        out += [json.loads(line) for line in p.stdout.decode("utf-8", "surrogateescape").split("\n") if line]
    return out


def main():
    dump, corpus = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    texts = [b"v: " + w.replace("\\ ", " ").encode() + b"\n" for w in SCALARS.replace("\\ ", "\x01").split()]
    texts = [t.replace(b"\x01", b" ") for t in texts] + TEXTS
    stricter = dict(STRICTER)
    texts += [t for t, _ in STRICTER if t not in texts]
    failed = 0
    with tempfile.TemporaryDirectory() as d:
        names = []
        for i, t in enumerate(texts):
            names.append(str(pathlib.Path(d) / f"{i}.yaml"))
            pathlib.Path(names[-1]).write_bytes(t)
        files = sorted(str(p) for p in pathlib.Path(corpus).rglob("*.y*ml")) if corpus and pathlib.Path(corpus).is_dir() else []
        for name, got in zip(names + files, ours(dump, names + files)):
            want = engine(name)
            text = texts[names.index(name)] if name in names else name
            if text in stricter:
                good = got[0] == "error" and want[0] != "error"
            else:
                good = got[0] == want[0] == "error" or got == want
            if not good:
                failed += 1
                print(f"differs: {text!r:.90}\n  engine {want!r:.200}\n  ours   {got!r:.200}")
    if not files:
        print("skipped: no corpus of stage configs")
    n = len(texts) + len(files)
    print(f"{n - failed} passed, {failed} failed, {0 if files else 1} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
