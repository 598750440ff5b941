#!/bin/sh
# Man pages and completions hold every option, and load in their programs.
# Usage: pages.sh STAGEFIT MAN_DIR (the folder with the built pages).  Prints TAP.
set -u
stagefit=$1 man=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0

result()
{
    rc=$?
    n=$((n + 1))
    if [ "$rc" -eq 0 ]; then
        echo "ok $n - $1"
    else
        [ ! -s "$tmp/log" ] || sed 's/^/# /' "$tmp/log"
        echo "not ok $n - $1"
        bad=1
    fi
    : >"$tmp/log"
}

skip()
{
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

commands=$("$stagefit" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p')

options_of()
{
    "$stagefit" "$1" --help | sed -n 's/^  .. *--\([a-z-]*\).*/\1/p; s/^  -.,* --\([a-z-]*\).*/\1/p' | sort -u
}

page_of()
{
    case $1 in
    gpus | models | engines | pipelines | codes) echo "$man/stagefit-list.1" ;;
    *) echo "$man/stagefit-$1.1" ;;
    esac
}

: >"$tmp/log"
for command in $commands; do
    if [ ! -f "$man/stagefit.1" ]; then
        skip "page of $command" 'no scdoc'
        continue
    fi
    page=$(page_of "$command")
    # In the page a dash is written as \-.
    sed 's/\\-/-/g; s/\\f[A-Z]//g' "$page" >"$tmp/page"
    [ -n "$(options_of "$command")" ] &&
        for option in $(options_of "$command"); do
            grep -q -- "--$option" "$tmp/page" || echo "no --$option in $page"
        done >"$tmp/log" && [ ! -s "$tmp/log" ] && sed 's/\\-/-/g; s/\\f[A-Z]//g' "$man/stagefit.1" | grep -qw "$command"
    result "page of $command names each option"
done

if [ -f "$man/stagefit-diagnostics.7" ]; then
    "$stagefit" codes --names | while read -r code; do
        grep -q "$code" "$man/stagefit-diagnostics.7" || echo "no $code in stagefit-diagnostics(7)"
    done >"$tmp/log"
    [ -n "$("$stagefit" codes --names)" ] && [ ! -s "$tmp/log" ]
    result 'stagefit-diagnostics(7) holds each code'
else
    skip 'stagefit-diagnostics(7) holds each code' 'no scdoc'
fi

if command -v mandoc >/dev/null 2>&1 && [ -f "$man/stagefit.1" ]; then
    for page in "$man"/stagefit*.[17]; do
        mandoc -T lint -W error "$page" || echo "$page"
    done >"$tmp/log" 2>&1
    [ ! -s "$tmp/log" ]
    result 'the pages are well formed'
else
    skip 'the pages are well formed' 'no mandoc, or no pages'
fi

for shell in bash zsh fish; do
    "$stagefit" completion $shell >"$tmp/completion.$shell"
    for command in $commands; do
        grep -qw -- "$command" "$tmp/completion.$shell" || echo "no $command"
        for option in $(options_of "$command"); do
            grep -qw -- "$option" "$tmp/completion.$shell" || echo "no --$option"
        done
    done >"$tmp/log"
    [ ! -s "$tmp/log" ]
    result "completion of $shell names each command and option"
    if command -v $shell >/dev/null 2>&1; then
        $shell -n "$tmp/completion.$shell" 2>"$tmp/log"
        result "$shell reads its completion"
    else
        skip "$shell reads its completion" "no $shell"
    fi
done

if command -v bash >/dev/null 2>&1; then
    PATH=$(dirname "$stagefit"):$PATH bash -c '. "$1"
        try() { COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _stagefit; [ "${COMPREPLY[*]}" = "$1" ] ||
            { echo "${*:2}: ${COMPREPLY[*]}"; exit 1; }; }
        try "estimate explain engines" stagefit e
        try "--platform" stagefit check --pl
        try "auto always" stagefit gpus --color a
        try "bash zsh fish" stagefit completion ""
        names=$(stagefit engines --names)
        COMP_WORDS=(stagefit check --engine ""); COMP_CWORD=3; _stagefit
        [ "${#COMPREPLY[@]}" -eq "$(printf "%s\n" "$names" | wc -l)" ]' bash "$tmp/completion.bash" >"$tmp/log" 2>&1
    result 'bash completes commands, options, values and names'
else
    skip 'bash completes commands, options, values and names' 'no bash'
fi
if command -v fish >/dev/null 2>&1; then
    fish -c ". $tmp/completion.fish; complete -C 'stagefit check --pl'" 2>"$tmp/log" | grep -q '^--platform'
    result 'fish completes an option'
else
    skip 'fish completes an option' 'no fish'
fi

echo "1..$n"
exit $bad
