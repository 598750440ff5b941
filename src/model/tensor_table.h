/*
 * tensor_table: the table behind safetensors.h.  Only safetensors*.c and
 * tensor_table.c include it.
 */
#ifndef SF_MODEL_TENSOR_TABLE_H
#define SF_MODEL_TENSOR_TABLE_H

#include "model/fold.h"
#include "model/number_set.h"
#include "model/safetensors.h"

/* Finds ids (1, 2, …) by hash; the caller compares what they stand for. */
typedef struct sf_id_index {
    uint64_t *hashes; /* of id i + 1 */
    uint32_t *slots;  /* id, 0 is free */
    size_t n, cap, n_slots;
    uint64_t steps;   /* past other ids, over all calls */
} sf_id_index;

/* One pattern, of whatever dtypes and shapes. */
typedef struct sf_name_pattern {
    sf_str text;
    unsigned numbers;
    uint32_t last_row; /* the row that was counted last: the next is mostly the same */
} sf_name_pattern;

struct sf_tensor_table {
    sf_arena *a;
    sf_id_index by_name;
    sf_name_pattern *patterns;
    sf_id_index by_shape;
    sf_tensor_pattern *rows;
    uint32_t *row_pattern; /* of each row */
    sf_number_set seen; /* names that are a pattern and small numbers */
    sf_key_set odd;     /* the other names, copied */
    uint64_t tensors, numel, bytes;
};

/* One checked tensor. */
typedef struct sf_tensor_row {
    sf_dtype dtype;
    uint64_t dims[SF_TENSOR_DIMS];
    uint8_t n_dims;
    uint64_t numel, bytes;
} sf_tensor_row;

/* SF_KEY_SEEN: the name is there already, and nothing was counted. */
sf_key_added sf_tensor_table_add(sf_tensor_table *t, const sf_fold *fold, const sf_tensor_row *row);

#endif
