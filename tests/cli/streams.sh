#!/bin/sh
# Where output goes: colour, width, a closed pipe, a full disk, standard input.
# Usage: streams.sh STAGEFIT.  Prints TAP.
set -u
stagefit=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset COLUMNS NO_COLOR
n=0 bad=0
esc=$(printf '\033')

result()
{
    rc=$?
    n=$((n + 1))
    if [ "$rc" -eq 0 ]; then
        echo "ok $n - $1"
    else
        sed 's/^/# /' "$tmp/err"
        echo "not ok $n - $1"
        bad=1
    fi
}

: >"$tmp/err"
"$stagefit" gpus >"$tmp/out" 2>"$tmp/err" && ! grep -q "$esc" "$tmp/out" && awk 'length > 80 { exit 1 }' "$tmp/out"
result 'a pipe gets 80 columns without colour'

"$stagefit" gpus --color always 2>"$tmp/err" | grep -q "$esc"
result '--color always colours a pipe'

COLUMNS=50 "$stagefit" gpus 2>"$tmp/err" | awk 'length > 50 { bad = 1 } length > 40 { wide = 1 } END { exit bad || !wide }'
result 'COLUMNS is the width'

COLUMNS=50 "$stagefit" gpus --width 100 2>"$tmp/err" | awk 'length > 80 { wide = 1 } END { exit !wide }'
result '--width beats COLUMNS'

if command -v script >/dev/null 2>&1; then
    TERM=xterm script -qec "$stagefit gpus" /dev/null </dev/null 2>"$tmp/err" | grep -q "$esc"
    result 'a terminal gets colour'
    NO_COLOR=1 TERM=xterm script -qec "$stagefit gpus" /dev/null </dev/null >"$tmp/out" 2>"$tmp/err"
    [ -s "$tmp/out" ] && ! grep -q "$esc" "$tmp/out"
    result 'NO_COLOR is honoured'
    TERM=dumb script -qec "$stagefit gpus" /dev/null </dev/null >"$tmp/out" 2>"$tmp/err"
    [ -s "$tmp/out" ] && ! grep -q "$esc" "$tmp/out"
    result 'a dumb terminal gets no colour'
else
    for what in 'a terminal gets colour' 'NO_COLOR is honoured' 'a dumb terminal gets no colour'; do
        n=$((n + 1))
        echo "ok $n - $what # SKIP no script(1)"
    done
fi

{ "$stagefit" gpus --json 2>"$tmp/err"; } | :
[ ! -s "$tmp/err" ]
result 'a closed pipe is no error'

(trap '' PIPE; "$stagefit" gpus --json 2>"$tmp/err"; echo $? >"$tmp/rc") | :
[ ! -s "$tmp/err" ] && [ "$(cat "$tmp/rc")" -eq 0 ]
result 'a closed pipe is no error when the signal is ignored'

if [ -w /dev/full ]; then
    "$stagefit" gpus >/dev/full 2>"$tmp/err"
    [ $? -eq 3 ] && grep -q '^stagefit: cannot write the answer: ' "$tmp/err"
    result 'a full disk is said, exit 3'
else
    n=$((n + 1))
    echo "ok $n - a full disk is said, exit 3 # SKIP no /dev/full"
fi

printf 'stage_args: [\n' | "$stagefit" check - --gpu H100-80GB >"$tmp/out" 2>"$tmp/err"
[ $? -eq 2 ] && [ ! -s "$tmp/out" ] && grep -q '^error SF2001: ' "$tmp/err"
result 'a broken config on standard input: its place, exit 2'

head -c 9000000 /dev/zero | "$stagefit" check - --gpu H100-80GB >"$tmp/out" 2>"$tmp/err"
[ $? -eq 2 ] && grep -q 'at most 8 MiB' "$tmp/err"
result 'too much on standard input is refused'

"$stagefit" check - --gpu H100-80GB <&- >"$tmp/out" 2>"$tmp/err"
[ $? -eq 3 ] && grep -q 'cannot read standard input' "$tmp/err"
result 'standard input that is closed: exit 3'

LC_ALL=C.UTF-8 "$stagefit" gpus >"$tmp/a" 2>"$tmp/err" && LC_ALL=C "$stagefit" gpus >"$tmp/b" 2>"$tmp/err" && cmp -s "$tmp/a" "$tmp/b"
result 'the locale changes nothing in a pipe'

echo "1..$n"
exit $bad
