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

# row TITLE TARGET_MS TARGET_MIB EXIT "FLOOR COMMAND" COMMAND...
# Fails when the command ends with another exit code: that would not be the answer that is timed.
row()
{
    title=$1 ms=$2 mib=$3 want=$4 floor=$5
    shift 5
    got=$("$bench/timer" "$runs" "$@")
    if [ "${got##* }" != "$want" ]; then
        echo "bench: $title: exit code ${got##* }, not $want: $*" >&2
        "$@" >&2 || :
        exit 1
    fi
    # shellcheck disable=SC2086 # a command without blanks in its words
    least=$("$bench/timer" "$runs" $floor)
    echo "$got $least" | awk -v title="$title" -v ms="$ms" -v mib="$mib" '{
        verdict = ($1 / 1000 <= ms && $3 / 1024 <= mib) ? "PASS" : "over"
        printf "%-40s %7.2f ms (least %.2f) %5.1f MiB  floor %.2f ms  target %s ms, %s MiB  %s\n",
            title, $1 / 1000, $2 / 1000, $3 / 1024, $5 / 1000, ms, mib, verdict
    }'
}

make "$models/omni" "$bench/make_model" Qwen/Qwen3-Omni-30B-A3B-Instruct "$models/omni" 15
make "$models/moe-one" "$bench/make_header" "$models/moe-one" 1
make "$models/moe-shards" "$bench/make_header" "$models/moe-shards" 163

echo "medians of $runs runs, whole processes, files in the page cache"
row 'empty process' 5 30 0 "$bench/floor" "$bench/floor"
row 'stagefit --version' 5 30 0 "$bench/floor" "$program" --version
row 'check, 3 stages, model from the catalogue' 5 30 0 "$bench/floor" \
    "$program" check examples/qwen3-omni-2xh100.yaml --gpu 2xH100-80GB
row 'check, 3 stages, local model folder' 5 30 0 "$bench/floor $(echo "$models"/omni/*.safetensors)" \
    "$program" check examples/qwen3-omni-2xh100.yaml --gpu 2xH100-80GB --model "$models/omni"
row 'one header of 91,089 tensors' 15 30 0 "$bench/floor $models/moe-one/model.safetensors" \
    "$program" estimate "$models/moe-one" --gpu 8xH100-80GB
row '163 headers, 91,089 tensors' 60 30 0 "$bench/floor $(echo "$models"/moe-shards/*.safetensors)" \
    "$program" estimate "$models/moe-shards" --gpu 8xH100-80GB
corpus=${SF_CORPUS:-../shared/data}/omni-configs
if [ -d "$corpus" ]; then
    # shellcheck disable=SC2046 # names without blanks
    row "lint, $(find "$corpus" -name '*.yaml' | wc -l) configs" 300 64 1 "$bench/floor $(find "$corpus" -name '*.yaml' | tr '\n' ' ')" \
        "$program" lint $(find "$corpus" -name '*.yaml')
else
    echo "lint, all configs: skipped, no corpus"
fi
