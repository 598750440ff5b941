/*
 * tensor_table: the table behind safetensors.h, and the folding of names into patterns.
 * Only safetensors*.c and tensor_table.c include it.
 */
#ifndef SF_MODEL_TENSOR_TABLE_H
#define SF_MODEL_TENSOR_TABLE_H

#include "model/safetensors.h"
#include "text/key_set.h"

/* Numbers in one name beyond these stay as they are. */
enum { SF_FOLD_MAX = 12 };

/* Where the numbers of a name stand, and hashes of the name with and without them. */
typedef struct sf_fold {
    sf_str name;
    unsigned n;
    uint32_t from[SF_FOLD_MAX], to[SF_FOLD_MAX];
    uint64_t pattern_hash, name_hash;
} sf_fold;

struct sf_tensor_table {
    sf_arena *a;
    sf_tensor_pattern *rows;
    uint64_t *hashes; /* of each row */
    size_t n, cap;
    uint32_t *slots;  /* row + 1, 0 is free */
    size_t n_slots;
    uint64_t steps;   /* past other rows, over all calls */
    sf_key_set names;
    uint64_t tensors, numel, bytes;
};

void sf_fold_name(sf_str name, sf_fold *ret);

/* Adds one checked tensor, of which name, dtype, dims, numel and bytes are set. */
typedef struct sf_tensor_row {
    sf_dtype dtype;
    uint64_t dims[SF_TENSOR_DIMS];
    uint8_t n_dims;
    uint64_t numel, bytes;
} sf_tensor_row;
sf_key_added sf_tensor_table_add(sf_tensor_table *t, const sf_fold *fold, const sf_tensor_row *row);

#endif
