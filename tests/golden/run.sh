#!/bin/sh
# Golden tests: each folder of cases/ holds `cmd` (a shell line that starts with stagefit), its
# input files, and what must come out: `out`, `err` (absent: nothing) and `exit` (absent: 0).
# The command runs in a copy of its folder, so that places in messages are short.
# Usage: run.sh [--update] [CASE...].  Prints TAP.  The program is $SF_BUILD/stagefit.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${SF_BUILD:-$here/../../build}
update=
if [ "${1:-}" = --update ]; then
    update=1
    shift
fi
PATH=$(cd "$build" && pwd):$PATH
export PATH
LC_ALL=C TERM=dumb
export LC_ALL TERM
unset COLUMNS NO_COLOR
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$here/cases" || exit 1
[ $# -gt 0 ] || set -- *
n=0 bad=0

# expected FILE: what should be there, nothing when the file is absent.
expected()
{
    if [ -f "$1" ]; then cat "$1"; fi
}

# keep FILE CONTENT_FILE: writes an expectation, or removes an empty one.
keep()
{
    if [ -s "$2" ]; then cp "$2" "$1"; else rm -f "$1"; fi
}

echo "1..$#"
for name; do
    n=$((n + 1))
    rm -rf "$tmp/case"
    cp -R "$name" "$tmp/case" && rm -f "$tmp/case/out" "$tmp/case/err" "$tmp/case/exit"
    (cd "$tmp/case" && sh ./cmd) >"$tmp/out" 2>"$tmp/err" </dev/null
    echo $? >"$tmp/exit"
    [ "$(cat "$tmp/exit")" != 0 ] || : >"$tmp/exit"
    if [ -n "$update" ]; then
        for what in out err exit; do keep "$name/$what" "$tmp/$what"; done
    fi
    for what in exit out err; do
        expected "$name/$what" >"$tmp/want"
        diff -u "$tmp/want" "$tmp/$what" >"$tmp/diff" || {
            echo "# $what of $name (- expected, + got):"
            sed -n '3,40s/^/# /p' "$tmp/diff"
            echo differs >"$tmp/case/differs"
        }
    done
    if [ -f "$tmp/case/differs" ]; then
        echo "not ok $n - $name"
        bad=1
    else
        echo "ok $n - $name"
    fi
done
exit $bad
