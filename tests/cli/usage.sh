#!/bin/sh
# The command line: what is refused, with which words and exit code; what --help promises.
# Usage: usage.sh STAGEFIT.  Prints TAP.
set -u
stagefit=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0

# result NAME: says how the last command went.
result()
{
    rc=$?
    n=$((n + 1))
    if [ "$rc" -eq 0 ]; then
        echo "ok $n - $1"
    else
        sed 's/^/# out: /' "$tmp/out"
        sed 's/^/# err: /' "$tmp/err"
        echo "not ok $n - $1"
        bad=1
    fi
}

run()
{
    "$stagefit" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    echo $? >"$tmp/rc"
}

# refused WORDS COMMAND...: exit 2, nothing on standard output, these words on standard error.
refused()
{
    words=$1
    shift
    run "$@"
    [ "$(cat "$tmp/rc")" -eq 2 ] && [ ! -s "$tmp/out" ] && grep -qF -- "$words" "$tmp/err" &&
        grep -q '^stagefit: ' "$tmp/err"
    result "refused: stagefit $*"
}

refused "unknown command 'chek'; did you mean 'check'?" chek
refused "did you mean 'stagefit check a.yaml'?" a.yaml
refused "'stagefit --help' lists the commands" frobnicate
refused "'check' needs something to check; name a stage config" check
refused "'check' takes one config, not 2 words" check a.yaml b.yaml
refused "unknown option '--gpuu' of 'check'; did you mean --gpu?" check a.yaml --gpuu H100
refused "go into --set KEY=VALUE" check a.yaml --tensor-parallel-size 2
refused "unknown option '-q' of 'gpus'; see 'stagefit gpus --help'" gpus -q
refused 'option --gpu needs a value; write --gpu SPEC' check a.yaml --gpu
refused 'option --json takes no value; write --json alone' check a.yaml --json=yes
refused "'max_model_len' is not KEY=VALUE" check a.yaml --set max_model_len
refused "'=1' is not KEY=VALUE" check a.yaml --set =1
refused "'10' is not a width" check a.yaml --width 10
refused "'1001' is not a width" check a.yaml --width 1001
refused "'x' is not a width" check a.yaml --width x
refused "'0' is not a length" estimate m --context 0
refused "'99999999999999999999' is not a length" estimate m --context 99999999999999999999
refused "'red' is not a value of --color; use auto, always or never" gpus --color red
refused "'half' is not a value of --assume" check a.yaml --assume half
refused "'estimate' needs a MODEL" estimate
refused "'estimate' takes one MODEL" estimate a b
refused "'gpus' takes no operands" gpus H100
refused "'demo' takes no operands" demo a.yaml
refused "no completion for 'csh'; bash, zsh and fish are known" completion csh
refused "'completion' needs the name of a shell" completion

run
[ "$(cat "$tmp/rc")" -eq 2 ] && [ ! -s "$tmp/out" ] && grep -q '^Usage: stagefit COMMAND' "$tmp/err"
result 'without a command: the usage on standard error'

run check --json
[ "$(cat "$tmp/rc")" -eq 2 ] && grep -q '"schema": "stagefit/usage/1"' "$tmp/out" && grep -q '"code": "SF1010"' "$tmp/out"
result '--json: a wrong command line is a document too'

esc=$(printf '\033[31m')
run "$esc"
[ "$(cat "$tmp/rc")" -eq 2 ] && ! grep -qF "$esc" "$tmp/err" && grep -qF 'x1b[31m' "$tmp/err"
result 'a word with control characters is shown escaped'

run --version
[ "$(cat "$tmp/rc")" -eq 0 ] && grep -Eq '^stagefit [0-9]+\.[0-9]+\.[0-9]+$' "$tmp/out"
result '--version'

run --help
sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' "$tmp/out" >"$tmp/commands"
[ "$(cat "$tmp/rc")" -eq 0 ] && [ "$(wc -l <"$tmp/commands")" -ge 10 ] && awk 'length > 80 { exit 1 }' "$tmp/out"
result '--help lists the commands in 80 columns'

while read -r command; do
    run "$command" --help
    cp "$tmp/out" "$tmp/help"
    run help "$command"
    [ "$(cat "$tmp/rc")" -eq 0 ] && cmp -s "$tmp/help" "$tmp/out" && grep -q "^Usage: stagefit $command " "$tmp/out" &&
        awk 'length > 80 { exit 1 }' "$tmp/out"
    result "help of $command in 80 columns"
done <"$tmp/commands"

echo "1..$n"
exit $bad
