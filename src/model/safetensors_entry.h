/*
 * safetensors_entry: one tensor of a header as numbers, and the form in which the format's own
 * writer puts it: "name":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}
 */
#ifndef SF_MODEL_SAFETENSORS_ENTRY_H
#define SF_MODEL_SAFETENSORS_ENTRY_H

#include "model/tensor_table.h"

typedef struct sf_entry {
    sf_str name;
    sf_tensor_row row; /* numel and bytes are set by sf_entry_measure */
    uint64_t begin, end;
    sf_str form; /* in the writer's form: the text from the name's closing quote to the first offset */
} sf_entry;

/*
 * Reads a member in the writer's form whose opening quote is text[at].  Gives the byte after it, or 0 when
 * it has any other form (blanks, escapes, characters beyond ASCII, another order) or `text` may end in it:
 * the JSON reader must then see to it.
 */
size_t sf_entry_read_usual(sf_str text, size_t at, sf_entry *ret);

typedef enum sf_entry_fault {
    SF_ENTRY_GOOD,
    SF_ENTRY_OVERFLOW, /* elements or bytes pass 64 bits */
    SF_ENTRY_PARTIAL,  /* the last byte is not full */
    SF_ENTRY_REVERSED, /* begin > end */
    SF_ENTRY_DIFFERS,  /* shape and dtype need other than end - begin */
    SF_ENTRY_BEYOND,   /* ends after the data */
} sf_entry_fault;

/* Sets numel and bytes and holds them against the offsets. */
sf_entry_fault sf_entry_measure(sf_entry *e, uint64_t data_size);

#endif
