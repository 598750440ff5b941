/*
 * tensor_table: the table behind safetensors.h.  Only safetensors*.c and
 * tensor_table.c include it.
 */
#ifndef SF_MODEL_TENSOR_TABLE_H
#define SF_MODEL_TENSOR_TABLE_H

#include "model/safetensors.h"
#include "model/tensor_names.h"

/* How the tensors of a row are written, and what one of them has. */
typedef struct sf_row_form {
    sf_str text; /* between name and offsets; empty until a row's second tensor in the writer's form */
    uint64_t numel, bytes;
} sf_row_form;

struct sf_tensor_table {
    sf_arena *a;
    sf_tensor_names names;
    sf_id_index by_shape;
    sf_tensor_pattern *rows;
    uint32_t *row_pattern; /* of each row */
    sf_row_form *row_form;
    uint64_t tensors, numel, bytes;
};

/* One checked tensor. */
typedef struct sf_tensor_row {
    sf_dtype dtype;
    uint64_t dims[SF_TENSOR_DIMS];
    uint8_t n_dims;
    uint64_t numel, bytes;
} sf_tensor_row;

/*
 * SF_KEY_SEEN: the name is there already, and nothing was counted.  `form` is the text from the name's closing
 * quote to the first offset when it was in the writer's form, else empty.
 */
sf_key_added sf_tensor_table_add(sf_tensor_table *t, const sf_fold *fold, const sf_tensor_row *row,
                                 sf_str form);

/* A tensor that is like an earlier one: its name has a known pattern, its dtype and shape are a known row's. */
typedef struct sf_tensor_like {
    sf_known_name name;
    uint32_t row;
    size_t len;     /* up to the first offset */
    uint64_t bytes; /* that its dtype and shape make */
} sf_tensor_like;

/* Bytes of text in which sf_tensor_table_follow may look. */
enum { SF_FORM_MAX = 240, SF_LIKE_MAX = SF_FOLLOW_MAX + SF_FORM_MAX };

/* As sf_tensor_names_follow, from the byte after the name's opening quote on. */
bool sf_tensor_table_follow(const sf_tensor_table *t, const char *p, sf_tensor_like *ret);
/* Counts what sf_tensor_table_follow has found. */
sf_key_added sf_tensor_table_add_like(sf_tensor_table *t, const sf_tensor_like *like);

#endif
