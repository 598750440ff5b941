# Sizes of C code: prints "FILE LINES" and "FILE:FUNCTION LINES" for whatever is over the limits
# (a file of 600 lines, a function of 60 from its opening brace to its closing one).
# A function starts at a line that is "{" alone, in the first column.
function name_of(text) {
    sub(/\(.*/, "", text)
    sub(/[ \t]+$/, "", text)
    sub(/.*[^A-Za-z0-9_]/, "", text)
    return text
}

FNR == 1 {
    if (file != "" && lines > 600)
        print file, lines
    file = FILENAME
    head = ""
    start = 0
}

{ lines = FNR }

/^[A-Za-z_].*\(/ { head = $0 }

/^\{/ { start = FNR; what = name_of(head) }

/^\}/ {
    if (start && what != "" && FNR - start + 1 > 60)
        print file ":" what, FNR - start + 1
    start = 0
    head = ""
}

END {
    if (lines > 600)
        print file, lines
}
