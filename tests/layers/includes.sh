#!/bin/sh
# Reads every #include "…" under src and fails on an arrow that points back.  The order is that of
# the design: base, text, then engine, model and gpu side by side, stages, memory, startup, plan,
# logs, report, api, then cli, tui and serve.  probe and hub stand on text, gpu and model.  The programs
# (cli, tui, serve) know the public header and their own folder only.  libyaml is known in src/text alone.
# Usage: includes.sh [SRC].  Prints TAP.
set -eu
src=${1:-$(dirname "$0")/../../src}
# shellcheck disable=SC2016 # awk's own $
find "$src" -name '*.[ch]' | LC_ALL=C sort | xargs awk '
    BEGIN {
        split("base 0 text 1 engine 2 model 2 gpu 2 stages 3 memory 4 startup 5 plan 6 logs 7 report 8 api 9 " \
              "cli 10 tui 10 serve 10", w, " ")
        for (i = 1; i in w; i += 2)
            rank[w[i]] = w[i + 1] + 0
        split("base text gpu model", low, " ")
        for (i in low)
            side_may[low[i]] = 1
    }

    function folder(path,    n, part) {
        n = split(path, part, "/")
        return n > 1 ? part[n - 1] : ""
    }

    function fault(text) {
        bad++
        print "# " FILENAME ":" FNR ": " text
    }

    FNR == 1 {
        me = FILENAME
        sub(/\/[^\/]*$/, "", me)
        while (me != "" && !(me ~ /(^|\/)src\/[^\/]+$/) && me ~ /src\/.*\//)
            sub(/\/[^\/]*$/, "", me) # a folder below a layer, such as base/codes
        sub(/.*\//, "", me)
        files++
        if (!(me in rank) && me != "probe" && me != "hub")
            fault("folder " me " has no place among the layers")
    }

    /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
        name = $0
        sub(/^[^<"]*[<"]/, "", name)
        sub(/[>"].*/, "", name)
        if (name == "yaml.h" && me != "text")
            fault("libyaml is known in src/text only")
        if ($0 !~ /"/) {
            if (rank[me] == 10 && name ~ /^(base|text|api|report)\//)
                fault("write \"" name "\"")
            next
        }
        seen++
        to = name
        sub(/\/.*/, "", to)
        if (name !~ /\//)
            to = me # a header of the same folder
        if (rank[me] == 10 && name != "stagefit/stagefit.h" && to != me)
            fault("a program may include stagefit/stagefit.h and its own headers, not " name)
        else if (to == "stagefit" && !(rank[me] >= 9))
            fault("the public header is for api and above")
        else if (to == me || to == "stagefit")
            next
        else if (me == "probe" || me == "hub") {
            if (!(to in side_may))
                fault(me " may not include " name)
        } else if (to == "probe" || to == "hub") {
            if (rank[me] < 9)
                fault("only api and above may include " name)
        } else if (!(to in rank))
            fault("no such layer: " name)
        else if (rank[to] >= rank[me])
            fault(me " may not include " name)
    }

    END {
        print "1..1"
        print (bad || !seen ? "not " : "") "ok 1 - " files " files, " seen " includes, " bad + 0 " that point back"
        exit bad || !seen
    }'
