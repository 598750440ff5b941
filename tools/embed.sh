#!/bin/sh
# Writes an assembler file that holds every file of a folder, sorted by name in bytes.  YAML files are
# packed (src/text/pack.h) but for those under examples/ and deploy/, which are read as text.
# Usage: tools/embed.sh DATA_DIR PACK_TOOL OUT.S DEPFILE
set -eu
LC_ALL=C
export LC_ALL
dir=$1 pack=$2 out=$3 dep=$4
packed=$out.d
mkdir -p "$packed"
list=$(cd "$dir" && find . -type f ! -name '*~' ! -name '.*' | sed 's|^\./||' | sort)
{
    printf '.section .rodata\n'
    i=0
    for f in $list; do
        file=$dir/$f
        case $f in
        examples/* | deploy/*) ;;
        *.yaml)
            file=$PWD/$packed/$i
            "$pack" "$f" "$dir/$f" "$file" || exit 1
            ;;
        esac
        printf '.balign 8\nsf_e%d: .incbin "%s"\nsf_e%d_end: .byte 0\nsf_n%d: .asciz "%s"\n' $i "$file" $i $i "$f"
        i=$((i + 1))
    done
    printf '.balign 8\n.globl sf_embed_count\n.hidden sf_embed_count\n.type sf_embed_count, %%object\n.size sf_embed_count, 8\nsf_embed_count: .quad %d\n' $i
    printf '.section .data.rel.ro,"aw"\n.balign 8\n.globl sf_embed_table\n.hidden sf_embed_table\n.type sf_embed_table, %%object\nsf_embed_table:\n'
    n=$i
    i=0
    while [ $i -lt "$n" ]; do
        printf '.quad sf_n%d, sf_e%d, sf_e%d_end\n' $i $i $i
        i=$((i + 1))
    done
    printf '.size sf_embed_table, .-sf_embed_table\n.section .note.GNU-stack,"",%%progbits\n'
} >"$out"
{
    printf '%s:' "$out"
    for f in $list; do printf ' %s/%s' "$dir" "$f"; done
    find "$dir" -type d -exec printf ' %s' {} \; # a folder changes when a file comes or goes
    printf '\n'
} >"$dep"
