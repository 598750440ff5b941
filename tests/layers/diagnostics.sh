#!/bin/sh
# Each diagnostic code has one number, a long text in data/diagnostics and a case in tests/codes that provokes it.
# Prints TAP.
set -eu
cd "${SF_TOP:-$(dirname "$0")/../..}"
LC_ALL=C
export LC_ALL
rows=$(cat src/base/codes/*.def | sed -n 's/^X(\([A-Z0-9_]*\), \([0-9]*\), .*/\1 \2/p')
texts=$(sed -n 's/^SF\([0-9]*\):.*/\1/p' data/diagnostics/*.yaml)
n=0 bad=0

# result TEXT FAULTS
result()
{
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        printf '%s\n' "$2" | sed 's/^/# /'
        echo "not ok $n - $1"
        bad=1
    fi
}

echo '1..4'
result 'no number or name is used twice' "$(for c in 1 2; do printf '%s\n' "$rows" | cut -d' ' -f$c | sort | uniq -d; done)"
result 'each code has a long text' "$(printf '%s\n' "$rows" | while read -r name number; do
    printf '%s\n' "$texts" | grep -qx "$number" || echo "SF$number ($name) has none in data/diagnostics"
done)"
result 'each long text belongs to a code, once' "$({
    printf '%s\n' "$texts" | sort | uniq -d
    printf '%s\n' "$texts" | while read -r number; do
        printf '%s\n' "$rows" | cut -d' ' -f2 | grep -qx "$number" || echo "SF$number is no code"
    done
} | sed 's/^/in data\/diagnostics: /')"
result 'each code is provoked by a case of tests/codes' "$(printf '%s\n' "$rows" | while read -r name number; do
    grep -q "^SF$number	" tests/codes/cases.tsv || echo "SF_E_$name (SF$number) has no row in tests/codes/cases.tsv"
done)"
exit $bad
