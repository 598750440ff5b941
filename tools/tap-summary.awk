# Reads meson's testlog.json (one JSON object a line), counts the TAP tests of each program and
# prints a line for each, what a failed one printed, and at the end "N passed, N failed, N skipped".
# A program that crashed, stopped early or ran into its time limit has failed at least once.
# Without TAP a closing line "N passed, N failed[, N skipped]" counts, or else the exit code.

# The value of a string member, JSON escapes undone but for \u.
function member(line, key,    at, text) {
    at = index(line, "\"" key "\": \"")
    if (!at)
        return ""
    text = substr(line, at + length(key) + 5)
    gsub(/\\\\/, "\001", text)
    gsub(/\\"/, "\002", text)
    text = substr(text, 1, index(text, "\"") - 1)
    gsub(/\\n/, "\n", text)
    gsub(/\\t/, "\t", text)
    gsub(/\\r/, "", text)
    gsub(/\\u001b/, "", text)
    gsub(/\002/, "\"", text)
    gsub(/\001/, "\\", text)
    return text
}

# Sets run, passed, failed, skipped, planned, bad (the lines of failed tests), tap, reason.
function count(text,    lines, n, i, l, words) {
    run = passed = failed = skipped = tap = 0
    planned = -1
    bad = reason = ""
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++) {
        l = lines[i]
        if (l ~ /^1\.\.[0-9]+/) {
            tap = 1
            planned = (planned < 0 ? 0 : planned) + substr(l, 4) + 0
            if (l ~ /# *SKIP/) {
                skipped++
                reason = l
                sub(/.*# *SKIP */, "", reason)
            }
        } else if (l ~ /^ok/) {
            tap = 1
            run++
            if (l ~ /# *SKIP/)
                skipped++
            else
                passed++
        } else if (l ~ /^not ok.*# *SKIP/) { # cmocka's way to say that a test was skipped
            tap = 1
            run++
            skipped++
        } else if (l ~ /^not ok/) {
            tap = 1
            run++
            failed++
            bad = bad "      " l "\n"
        } else if (l ~ /^(\[[^]]*\] |[a-z]+: )?[0-9]+ passed, [0-9]+ failed/ && !tap) {
            sub(/^[^0-9]*/, "", l)
            split(l, words, /[ ,]+/)
            passed = words[1] + 0
            failed = words[3] + 0
            skipped = words[6] == "skipped" ? words[5] + 0 : 0
            closing = 1
        }
    }
}

function show(text, most,    lines, n, i) {
    n = split(text, lines, "\n")
    for (i = n > most ? n - most + 1 : 1; i <= n; i++)
        if (lines[i] != "")
            print "      | " lines[i]
}

{
    name = member($0, "name")
    sub(/^[^:]*:/, "", name)
    sub(/^[a-z+ ]* \/ /, "", name)
    result = member($0, "result")
    out = member($0, "stdout")
    err = member($0, "stderr")
    closing = 0
    count(out)
    if (tap && planned > run) {
        bad = bad "      " (planned - run) " of " planned " tests did not run\n"
        failed += planned - run
    }
    if (result == "SKIP") {
        if (!skipped)
            skipped = 1
    } else if (result == "FAIL" && tap && skipped && !failed && index($0, "\"returncode\": 0,")) {
        result = "OK" # cmocka's skipped tests
    } else if (result != "OK" && !failed) {
        failed = 1
        bad = bad "      " result "\n"
    } else if (!tap && !closing && result == "OK") {
        passed = 1
    }
    line = sprintf("  %-28s %6d passed", name, passed)
    if (failed)
        line = line sprintf(", %d FAILED", failed)
    if (skipped)
        line = line sprintf(", %d skipped", skipped) (reason == "" ? "" : " (" reason ")")
    print line
    if (failed) {
        printf "%s", bad
        show(out, 40)
        show(err, 40)
    }
    all_passed += passed
    all_failed += failed
    all_skipped += skipped
}

END {
    printf "%d passed, %d failed, %d skipped\n", all_passed, all_failed, all_skipped
    exit all_failed > 0 || all_passed == 0
}
