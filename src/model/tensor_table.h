/*
 * tensor_table: the table behind safetensors.h.  Only safetensors*.c and
 * tensor_table.c include it.
 */
#ifndef SF_MODEL_TENSOR_TABLE_H
#define SF_MODEL_TENSOR_TABLE_H

#include "model/safetensors.h"
#include "model/tensor_names.h"

struct sf_tensor_table {
    sf_arena *a;
    sf_tensor_names names;
    sf_id_index by_shape;
    sf_tensor_pattern *rows;
    uint32_t *row_pattern; /* of each row */
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
