#!/bin/sh
# What the documents show is run: in README.md and docs/*.md each block that starts with
# "$ stagefit …" must give the lines under it; in the man pages each example line must be understood.
# Usage: manual.sh (SF_TOP and SF_BUILD from the build).  Prints TAP.
set -u
top=${SF_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
build=$(cd "${SF_BUILD:-$top/build}" && pwd)
PATH=$build:$PATH
export PATH
LC_ALL=C TERM=dumb
export LC_ALL TERM
unset COLUMNS NO_COLOR
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0

result()
{
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
    else
        sed -n '1,40s/^/# /p' "$tmp/log"
        echo "not ok $n - $2"
        bad=1
    fi
}

# The files that examples name.
mkdir "$tmp/dir" && cp "$top/data/examples/qwen3-omni-2xh100.yaml" "$tmp/dir/qwen3_omni.yaml" &&
    cp "$tmp/dir/qwen3_omni.yaml" "$tmp/dir/stages.yaml" &&
    cp -R "$top/tests/golden/my-model" "$tmp/dir/my-model" && mkdir "$tmp/dir/models" &&
    cp -R "$top/tests/golden/my-model" "$tmp/dir/models/owner__my-model" &&
    cp "$top/tests/golden/cases/accuracy/truth.jsonl" "$tmp/dir/starts.jsonl" && : >"$tmp/dir/names.tsv"
cd "$tmp/dir" || exit 1

# Blocks of a document: one file a command, the command in the first line.
# "./dev demo" stands for what it runs.
blocks()
{
    awk -v out="$tmp/block" '
        /^```/ { if (file) close(file); file = ""; fence = !fence; next }
        fence && /^\$ (stagefit|\.\/dev demo)/ {
            if (file) close(file)
            file = sprintf("%s.%03d", out, ++n)
            sub(/^\$ /, "")
            sub(/^\.\/dev demo/, "stagefit demo")
        }
        fence && /^\$ / && !/stagefit/ { if (file) close(file); file = "" }
        file { print >file }' "$1"
}

for doc in "$top/README.md" "$top"/docs/*.md; do
    [ -f "$doc" ] || continue
    rm -f "$tmp"/block.*
    blocks "$doc"
    for block in "$tmp"/block.*; do
        [ -f "$block" ] || continue
        command=$(head -n 1 "$block")
        sed 1d "$block" >"$tmp/want"
        sh -c "$command" >"$tmp/got" 2>&1 </dev/null
        # A block that ends in "…" or "..." shows the beginning.
        if tail -n 1 "$tmp/want" | grep -Eq '^(…|\.\.\.)$'; then
            sed -i '$d' "$tmp/want"
            head -n "$(wc -l <"$tmp/want")" "$tmp/got" >"$tmp/head" && mv "$tmp/head" "$tmp/got"
        fi
        diff -u "$tmp/want" "$tmp/got" >"$tmp/log"
        result $? "${doc#"$top"/}: $command"
    done
done

tab=$(printf '\t')
for page in "$top"/docs/man/*.scd; do
    grep "^${tab}stagefit " "$page" >"$tmp/examples" || continue
    while IFS= read -r command; do
        command=${command#"$tab"}
        case $command in
        *' jq '*) command -v jq >/dev/null 2>&1 || continue ;;
        *'| source') command=${command% | source} ;;
        esac
        sh -c "$command" >"$tmp/log" 2>&1 </dev/null
        [ $? -le 1 ]
        result $? "${page##*/}: $command"
    done <"$tmp/examples"
done

echo "1..$n"
[ "$n" -gt 0 ] || bad=1
exit $bad
