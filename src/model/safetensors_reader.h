/*
 * safetensors_reader: the reader of one header, in one piece or in windows.  Only
 * safetensors.c and safetensors_read.c include it.
 */
#ifndef SF_MODEL_SAFETENSORS_READER_H
#define SF_MODEL_SAFETENSORS_READER_H

#include "model/coverage.h"
#include "model/safetensors_entry.h"
#include "model/safetensors_window.h"

typedef struct sf_header_reader {
    sf_tensor_table *t;
    sf_window w;
    uint64_t data_size;
    sf_coverage covered;
    size_t name_off, name_len; /* token of the tensor at hand */
    bool has_metadata;
} sf_header_reader;

/* Begins with the first text, of which only the start is looked at; `data_size`: bytes after the header. */
sf_code sf_header_start(sf_header_reader *r, sf_tensor_table *t, sf_str text, uint64_t data_size, sf_str file,
                        sf_diags *dg);
/* Reads members as far as the text goes: go_on of sf_window_run. */
sf_code sf_header_members(void *reader);
/*
 * Reads members that are like earlier ones, as long as they come one after another.  False when there is
 * none: the next member, and whatever is wrong with it, is left to the other ways of reading.
 */
bool sf_header_run(sf_header_reader *r);
/* After the end: no hole, no overlap, nothing left over.  The text must be the whole for its message. */
sf_code sf_header_finish(sf_header_reader *r);
/* The same, without a message. */
bool sf_header_is_covered(sf_header_reader *r);

#endif
