#!/bin/sh
# Installs into a temporary folder and builds examples/use_library.c against what lies there with
# pkg-config: shared, then static.  Prints TAP.
# Usage: run.sh BUILD_DIR (CC and SF_SANITIZE come from the build)
set -u
build=$1
cd "${SF_TOP:-$(dirname "$0")/../..}" || exit 1
cc=${CC:-cc}
sanitize=
[ "${SF_SANITIZE:-none}" = none ] || sanitize="-fsanitize=$SF_SANITIZE"
MESON=/usr/bin/meson
[ -x "$MESON" ] || MESON=meson
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
        sed 's/^/# /' "$tmp/log"
        echo "not ok $n - $1"
        bad=1
    fi
}

there()
{
    for f; do
        ls "$tmp/root$f" >/dev/null 2>>"$tmp/log" || return 1
    done
}

echo '1..8'
"$MESON" install -C "$build" --no-rebuild --destdir "$tmp/root" >"$tmp/log" 2>&1
result 'installs into a folder of its own'

pc=$(find "$tmp/root" -name stagefit.pc)
prefix=$(sed -n 's/^prefix=//p' "$pc")
lib=$(dirname "$(dirname "$pc")")
PKG_CONFIG_LIBDIR=$(dirname "$pc"):$(pkg-config --variable pc_path pkg-config)
PKG_CONFIG_SYSROOT_DIR=$tmp/root
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
: >"$tmp/log"
there "$prefix/bin/stagefit" "$prefix/include/stagefit/stagefit.h"
result 'program and header are there'
[ -L "$lib/libstagefit.so" ] && [ -e "$lib/libstagefit.so.0" ] && [ -f "$lib/libstagefit.a" ]
result 'shared library with its names, static library'
[ "$(pkg-config --modversion stagefit 2>"$tmp/log")" = "$("$tmp/root$prefix/bin/stagefit" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+')" ]
result 'pkg-config and the program tell the same version'

# A clean prefix: the sysroot's yaml is the system's.
flags=$(pkg-config --cflags --libs stagefit 2>"$tmp/log")
# shellcheck disable=SC2086 # flags
$cc -std=c99 -pedantic -Wall -Wextra -Werror $sanitize examples/use_library.c $flags -o "$tmp/shared" 2>"$tmp/log"
result 'the example builds against the shared library'
run()
{
    "$1" 2xH100-80GB vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 2 >"$tmp/out" 2>"$tmp/log"
    rc=$?
    cat "$tmp/out" >>"$tmp/log"
    [ $rc -eq 0 ] && grep -q H100 "$tmp/out"
}
LD_LIBRARY_PATH=$lib run "$tmp/shared"
result 'and answers'
# shellcheck disable=SC2086,SC2046
$cc -std=c99 -Wall -Wextra -Werror $sanitize examples/use_library.c -I"$tmp/root$prefix/include" "$lib/libstagefit.a" \
    $(PKG_CONFIG_SYSROOT_DIR='' pkg-config --libs yaml-0.1) -lm -o "$tmp/static" 2>"$tmp/log"
result 'the example builds against the static library'
run "$tmp/static"
result 'and answers'
exit $bad
