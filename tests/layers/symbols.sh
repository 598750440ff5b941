#!/bin/sh
# A pure layer computes and does nothing else: the functions that its library takes from outside
# must be on this list (so no open, getenv, time, socket, printf, exit, malloc).  Memory comes from arenas
# and buffers, files through an sf_fs that is handed in.  Prints TAP.
# Usage: symbols.sh LAYER LIBRARY
set -eu
layer=$1 library=$2
nm -u "$library" | awk -v layer="$layer" '
    BEGIN {
        n = split("bcmp memchr memcmp memcpy memmem memmove memrchr memset strchr strcmp strcspn strlen strncmp " \
            "strnlen strrchr strspn strstr strtol qsort bsearch snprintf vsnprintf " \
            "ceil exp exp2 fabs floor fmax fmin fmod frexp ldexp llrint llround log log10 log2 lrint lround modf " \
            "nearbyint nextafter pow rint round sqrt trunc " \
            "__stack_chk_fail _GLOBAL_OFFSET_TABLE_", w, " ")
        for (i = 1; i <= n; i++)
            allowed[w[i]] = 1
        split("sf_fs_posix sf_alloc_hook sf_alloc", w, " ") # of base, but not for the layers above it
        for (i in w)
            denied[w[i]] = 1
    }
    $1 == "U" {
        name = $2
        plain = name
        sub(/^__isoc99_/, "", plain)
        sub(/^__/, "", plain)
        sub(/_chk$/, "", plain)
        if (name ~ /^__(asan|ubsan|sanitizer|sancov|gcov|lsan)/ || name ~ /^(llvm_gcov|__start___|__stop___)/)
            next
        seen++
        if (name in denied)
            bad[name] = 1
        else if (name ~ /^sf_/ || name in allowed || plain in allowed)
            next
        else if (layer == "text" && name ~ /^yaml_/)
            next
        else
            bad[name] = 1
    }
    END {
        print "1..1"
        n = 0
        for (name in bad) {
            print "# src/" layer " may not call " name
            n++
        }
        print (n ? "not " : "") "ok 1 - " layer " is pure (" seen + 0 " names from outside)"
        exit n > 0
    }'
