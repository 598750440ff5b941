#!/bin/sh
# The public header is plain C99 and C++, and every function in it is in the version script and
# nowhere else.  Prints TAP.
set -u
cd "${SF_TOP:-$(dirname "$0")/../..}" || exit 1
header=include/stagefit/stagefit.h
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

result()
{
    if [ "$1" -eq 0 ]; then
        echo "ok $2"
    else
        sed 's/^/# /' "$tmp/log"
        echo "not ok $2"
        bad=1
    fi
}

echo '1..5'
printf '#include <stagefit/stagefit.h>\n#include <stagefit/stagefit.h>\nint main(void) { return 0; }\n' >"$tmp/x.c"
cp "$tmp/x.c" "$tmp/x.cc"
gcc -std=c99 -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only "$tmp/x.c" 2>"$tmp/log"
result $? '1 - a C99 program can include it'
if command -v g++ >/dev/null; then
    g++ -std=c++98 -pedantic -Wall -Wextra -Werror -Wno-long-long -Iinclude -fsyntax-only "$tmp/x.cc" 2>"$tmp/log"
    result $? '2 - a C++ program can include it'
else
    echo 'ok 2 - a C++ program can include it # SKIP no g++'
fi
tr '\n' ' ' <$header | grep -oE 'STAGEFIT_API [^;]*;' | grep -oE 'stagefit_[a-z_]+ *\(' | tr -d ' (' | sort >"$tmp/declared"
sed -n 's/^ *\(stagefit_[a-z_]*\);.*/\1/p' src/api/stagefit.map | sort >"$tmp/mapped"
diff "$tmp/declared" "$tmp/mapped" >"$tmp/log" && [ -s "$tmp/declared" ]
result $? '3 - the version script names what the header declares'
nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$tmp/exported"
diff "$tmp/declared" "$tmp/exported" >"$tmp/log"
result $? '4 - the shared library exports just that'
nm -D --undefined-only "$1" | awk '$2 ~ /^(sf|stagefit)_/ { print $2 }' >"$tmp/log"
[ ! -s "$tmp/log" ]
result $? '5 - and misses nothing of ours'
exit $bad
