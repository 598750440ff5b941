/*
 * embed: the files of data/ that are part of the program (read-only, placed there by
 * tools/embed.sh through the assembler's .incbin).
 */
#ifndef SF_BASE_EMBED_H
#define SF_BASE_EMBED_H

#include "base/str.h"

/* The file data/<name>; false when there is none. */
bool sf_embed_find(sf_str name, sf_str *ret);
/* Name of the i-th file in byte order; false past the last. */
bool sf_embed_at(size_t i, sf_str *ret_name, sf_str *ret_bytes);

#endif
