#!/bin/sh
# Everything that reads the code without running it; prints a line a check and the closing line.
# Warnings: gcc and clang with -Werror.  gcc's analyzer at -O1, cppcheck, clang-tidy (.clang-tidy says
# which checks and why), shellcheck, size limits.
set -u
cd "$(dirname "$0")/.." || exit 3
MESON=/usr/bin/meson
[ -x "$MESON" ] || MESON=meson
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

check()
{
    name=$1
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        printf '  %-12s ok\n' "$name"
    else
        failed=$((failed + 1))
        printf '  %-12s FAILED\n' "$name"
        tail -60 "$log"
    fi
}

# warnings COMPILER FOLDER
warnings()
{
    [ -f "$2/build.ninja" ] || CC=$1 "$MESON" setup "$2" -Dwerror_dev=true -Dtests=auto -Dbench=true || return 1
    ninja -C "$2"
}

# One object after the other, with the flags of the build but nothing to link.
sources()
{
    git ls-files 'src/*.c' 'src/**/*.c' | sort -u
}

FLAGS='-DSTAGEFIT_VERSION=__func__ -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -Iinclude -Isrc/cli'

analyzer()
{
    # Off: leaks (arenas own what is taken from them) and uninitialised values (gcc 12 loses track of structs
    # passed by value; valgrind and -Wmaybe-uninitialized look for those).
    # shellcheck disable=SC2086
    sources | xargs -P 2 -n 1 gcc $FLAGS -O1 -fanalyzer -Werror -Wno-analyzer-malloc-leak \
        -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-too-complex -c -o /dev/null
}

with_cppcheck()
{
    # shellcheck disable=SC2086
    sources | xargs cppcheck -q -j 2 --std=c11 --language=c --enable=warning,portability,performance \
        --inline-suppr --suppress=missingIncludeSystem \
        --error-exitcode=1 -Isrc -Iinclude -D__GNUC__=12
}

tidy()
{
    # shellcheck disable=SC2086
    sources | xargs -P 2 -n 4 clang-tidy --quiet --warnings-as-errors='*' -p build-lint-clang
}

scripts()
{
    # shellcheck disable=SC2046 # names without blanks
    shellcheck dev .ci/run $(git ls-files '*.sh')
}

check gcc warnings gcc build-lint
check clang warnings clang build-lint-clang
check analyzer analyzer
check cppcheck with_cppcheck
check clang-tidy tidy
check shellcheck scripts
check limits sh tools/limits.sh
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
