#!/bin/sh
# Writes an assembler file that holds every file of a folder, sorted by name in bytes.
# Usage: tools/embed.sh DATA_DIR OUT.S DEPFILE
set -eu
LC_ALL=C
export LC_ALL
dir=$1 out=$2 dep=$3
list=$(cd "$dir" && find . -type f ! -name '*~' | sed 's|^\./||' | sort)
{
    printf '.section .rodata\n'
    i=0
    for f in $list; do
        printf '.balign 8\nsf_e%d: .incbin "%s/%s"\nsf_e%d_end: .byte 0\nsf_n%d: .asciz "%s"\n' $i "$dir" "$f" $i $i "$f"
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
    # The folders too: a file that comes or goes changes theirs.
    for f in $(cd "$dir" && find . -type d | sed 's|^\./||' | sort) $list; do printf ' %s/%s' "$dir" "$f"; done
    printf '\n'
} >"$dep"
