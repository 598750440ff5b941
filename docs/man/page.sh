#!/bin/sh
# Makes one man page: puts the option table and the diagnostic texts, as the program itself prints
# them, into the hand-written source, and formats it with scdoc.
# Usage: page.sh STAGEFIT SCDOC PAGE.scd OUT
set -eu
stagefit=$1 scdoc=$2 page=$3 out=$4

# The texts are prose: what scdoc would take for markup is escaped.
codes()
{
    "$stagefit" codes --names | while read -r code; do
        printf '*%s* ' "$code"
        "$stagefit" explain "$code" --width 1000 | sed -e "1s/^$code: //" -e 's/[\\*_`<>~#]/\\&/g' -e 's/^\([-.|:[]\)/\\\1/' |
            awk 'NR == 1 { title = $0 } NR > 2 { text = text (text ? " " : "") $0 }
                 END { print title (text ? "++\n" text : "") "\n" }'
    done
}

while IFS= read -r line; do
    case $line in
    '@OPTIONS '*@)
        command=${line#@OPTIONS }
        "$stagefit" __options man "${command%@}"
        ;;
    '@CODES@') codes ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$page" >"$out.scd"
"$scdoc" <"$out.scd" >"$out"
rm -f "$out.scd"
