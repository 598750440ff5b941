#!/bin/sh
# Prints speed and peak memory of the whole program beside a floor (an empty process; reading the
# same bytes) and the target.  Medians of RUNS runs.  Never fails on time: machines differ.
# Usage: bench/run.sh BUILD_DIR [RUNS]
set -eu
cd "$(dirname "$0")/.."
build=$1 runs=${2:-50}
bench=$build/bench
models=$build/bench-models
program=$build/stagefit

# make FOLDER COMMAND...: makes a model folder once.
make()
{
    dir=$1
    shift
    [ -f "$dir/done" ] && return 0
    rm -rf "$dir"
    mkdir -p "$dir"
    "$@" >/dev/null
    touch "$dir/done"
}

# row TITLE TARGET_MS TARGET_MIB "FLOOR COMMAND" COMMAND...
row()
{
    title=$1 ms=$2 mib=$3 floor=$4
    shift 4
    got=$("$bench/timer" "$runs" "$@")
    # shellcheck disable=SC2086 # a command without blanks in its words
    least=$("$bench/timer" "$runs" $floor)
    echo "$got $least" | awk -v title="$title" -v ms="$ms" -v mib="$mib" '{
        verdict = ($1 / 1000 <= ms && $3 / 1024 <= mib) ? "PASS" : "over"
        printf "%-40s %7.2f ms (least %.2f) %5.1f MiB  floor %.2f ms  target %s ms, %s MiB  %s%s\n",
            title, $1 / 1000, $2 / 1000, $3 / 1024, $5 / 1000, ms, mib, verdict, ($4 > 1 ? " (exit " $4 ")" : "")
    }'
}

make "$models/omni" "$bench/make_model" Qwen/Qwen3-Omni-30B-A3B-Instruct "$models/omni" 15
make "$models/one" "$bench/make_header" "$models/one" 1
make "$models/shards" "$bench/make_header" "$models/shards" 163

echo "medians of $runs runs, whole processes, files in the page cache"
row 'empty process' 5 30 "$bench/floor" "$bench/floor"
row 'stagefit --version' 5 30 "$bench/floor" "$program" --version
row 'check, 3 stages, model from the catalogue' 5 30 "$bench/floor" \
    "$program" check examples/qwen3-omni-2xh100.yaml --gpu 2xH100-80GB
row 'check, 3 stages, local model folder' 5 30 "$bench/floor $(echo "$models"/omni/*.safetensors)" \
    "$program" check examples/qwen3-omni-2xh100.yaml --gpu 2xH100-80GB --model "$models/omni"
row 'one header of 90,000 tensors' 15 30 "$bench/floor $models/one/model.safetensors" \
    "$program" estimate "$models/one" --gpu 8xH100-80GB
row '163 headers, 90,000 tensors' 60 30 "$bench/floor $(echo "$models"/shards/*.safetensors)" \
    "$program" estimate "$models/shards" --gpu 8xH100-80GB
corpus=${SF_CORPUS:-../shared/data}/omni-configs
if [ -d "$corpus" ]; then
    # shellcheck disable=SC2046 # names without blanks
    row "lint, $(find "$corpus" -name '*.yaml' | wc -l) configs" 300 64 "$bench/floor $(find "$corpus" -name '*.yaml' | tr '\n' ' ')" \
        "$program" lint $(find "$corpus" -name '*.yaml')
else
    echo "lint, all configs: skipped, no corpus"
fi
