#!/bin/sh
# Checks the sizes of functions and files against tools/limits.allow, a list of today's
# exceptions that may only shrink: a new one, a grown one and one that is no longer needed all fail.
# Prints TAP.
set -eu
cd "$(dirname "$0")/.."
LC_ALL=C
export LC_ALL
over=$(find src -name '*.[ch]' | sort | xargs awk -f tools/limits.awk)
{ [ -z "$over" ] || printf '%s\n' "$over"; } | awk '
    FILENAME != "-" && /^[^#]/ { allowed[$1] = $2; next }
    FILENAME == "-" {
        seen[$1] = 1
        if (!($1 in allowed))
            bad[$1] = "is " $2 " lines long (functions: 60, files: 600)"
        else if ($2 > allowed[$1])
            bad[$1] = "grew from " allowed[$1] " to " $2 " lines"
        else if ($2 < allowed[$1])
            bad[$1] = "shrank to " $2 " lines: lower the figure in tools/limits.allow"
    }
    END {
        for (name in allowed)
            if (!(name in seen))
                bad[name] = "is within the limits: take it out of tools/limits.allow"
        print "1..1"
        for (name in bad)
            print "# " name " " bad[name]
        n = 0
        for (name in bad)
            n++
        print (n ? "not " : "") "ok 1 - functions and files are within their limits"
        exit n > 0
    }' tools/limits.allow -
