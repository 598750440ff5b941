#!/bin/sh
# The pre-commit hook (./dev hooks installs it): what can be said in a few seconds.
set -eu
cd "$(git rev-parse --show-toplevel)"
files=$(git diff --cached --name-only --diff-filter=ACM -- '*.c' '*.h')
if [ -n "$files" ] && command -v clang-format >/dev/null; then
    # shellcheck disable=SC2086
    clang-format --dry-run -Werror $files || {
        echo 'pre-commit: run ./dev fmt' >&2
        exit 1
    }
fi
sh tools/limits.sh
sh tests/layers/includes.sh
