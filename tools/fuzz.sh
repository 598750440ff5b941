#!/bin/sh
# Runs each libFuzzer program of a folder for some seconds, starting from the seeds; what it finds
# stays beside the program and is not added to the seeds.
# Usage: tools/fuzz.sh FOLDER SECONDS
set -eu
dir=$1 seconds=$2
passed=0 failed=0
for program in "$dir"/fuzz_*; do
    if [ ! -x "$program" ] || [ -d "$program" ]; then continue; fi
    name=${program##*/fuzz_}
    found=$dir/found/$name
    mkdir -p "$found"
    if "$program" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$found/" "$found" "fuzz/corpus/$name" >"$dir/$name.log" 2>&1; then
        passed=$((passed + 1))
        printf '  %-20s %s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log")"
    else
        failed=$((failed + 1))
        printf '  %-20s FAILED, see %s\n' "$name" "$dir/$name.log"
        tail -40 "$dir/$name.log"
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
