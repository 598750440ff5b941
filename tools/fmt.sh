#!/bin/sh
# Formats the C files that git knows (.clang-format).  --check changes nothing and fails when one differs.
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files '*.c' '*.h')
if [ "${1:-}" = --check ]; then
    bad=0 good=0
    for f in $files; do
        if clang-format --dry-run -Werror "$f" >/dev/null 2>&1; then
            good=$((good + 1))
        else
            echo "not formatted: $f (./dev fmt)"
            bad=$((bad + 1))
        fi
    done
    echo "$good passed, $bad failed, 0 skipped"
    [ "$bad" -eq 0 ]
    exit
fi
# shellcheck disable=SC2086 # a list of names without blanks
clang-format -i $files
