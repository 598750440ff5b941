#!/bin/sh
# Runs PROGRAM over files of ../shared/data, or says that they are not there.
# Usage: tests/with-corpus.sh PROGRAM [FILE...]
set -eu
program=$1
shift
data=${SF_CORPUS:-$(dirname "$0")/../../shared/data}
if [ ! -d "$data" ]; then
    echo "1..0 # SKIP skipped: no corpus"
    exit 0
fi
for arg; do
    shift
    if [ ! -e "$data/$arg" ]; then
        echo "1..0 # SKIP skipped: no corpus ($arg)"
        exit 0
    fi
    set -- "$@" "$data/$arg"
done
exec "$program" "$@"
