#!/bin/sh
# The layer and limit checks must be able to fail: small trees with one fault each.  Prints TAP.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0

result()
{
    n=$((n + 1))
    if [ "$1" = "$2" ]; then
        echo "ok $n - $3"
    else
        echo "not ok $n - $3"
        bad=$((bad + 1))
    fi
}

# arrow WANT FOLDER INCLUDE: the check's answer for one file with one include.
arrow()
{
    rm -rf "$tmp/src"
    mkdir -p "$tmp/src/$2" "$tmp/src/base"
    printf '#include "base/a.h"\n' >"$tmp/src/base/a.c"
    printf '#include %s\n' "$3" >"$tmp/src/$2/x.c"
    if sh "$here/includes.sh" "$tmp/src" >/dev/null; then got=passes; else got=fails; fi
    result "$got" "$1" "$2 includes $3: $1"
}

# symbols WANT FOLDER CODE: the check's answer for one object.
symbols()
{
    printf '%s\n' "$3" >"$tmp/x.c"
    gcc -c -o "$tmp/x.o" "$tmp/x.c"
    rm -f "$tmp/lib$2.a"
    ar rcs "$tmp/lib$2.a" "$tmp/x.o"
    if sh "$here/symbols.sh" "$2" "$tmp/lib$2.a" >/dev/null; then got=passes; else got=fails; fi
    result "$got" "$1" "$2 with $3: $1"
}

# limit WANT LINES: the answer for a function of so many lines.
limit()
{
    mkdir -p "$tmp/t"
    { printf 'int f(void)\n{\n'; yes ';' | head -n "$(($2 - 2))"; printf '}\n'; } >"$tmp/t/x.c"
    if [ -z "$(awk -f "$top/tools/limits.awk" "$tmp/t/x.c")" ]; then got=within; else got=over; fi
    result "$got" "$1" "a function of $2 lines is $1"
}

echo '1..17'
arrow passes text '"base/str.h"'
arrow passes text '"text/node.h"'
arrow passes api '"probe/probe.h"'
arrow passes cli '"stagefit/stagefit.h"'
arrow fails base '"text/node.h"'
arrow fails engine '"model/model.h"'
arrow fails memory '"startup/replay.h"'
arrow fails stages '"hub/hub.h"'
arrow fails probe '"stages/deployment.h"'
arrow fails cli '"base/str.h"'
arrow fails gpu '<yaml.h>'
arrow fails newfolder '"base/str.h"'
symbols passes text 'void *memcpy(void *, const void *, unsigned long); void *f(void *a, void *b) { return memcpy(a, b, 9); }'
symbols fails text 'char *getenv(const char *); char *f(void) { return getenv("A"); }'
symbols fails memory 'int open(const char *, int, ...); int f(void) { return open("a", 0); }'
limit within 60
limit over 61
exit "$((bad > 0))"
