/*
 * safetensors: the header of a weight file, read once without a tree.  Names are folded
 * into patterns (each run of digits between dots becomes {}), so that 90,000 tensors of a
 * mixture of experts become a few dozen rows.
 *
 * The format: 8 bytes little-endian length N, N bytes of JSON, then the data.  Nothing in it is
 * trusted: N against the file and a cap of 100 MB, every offset pair against the data size,
 * shape × dtype against the pair, no overlap and no hole, names at most once.
 */
#ifndef SF_MODEL_SAFETENSORS_H
#define SF_MODEL_SAFETENSORS_H

#include "base/diag.h"
#include "model/tensor.h"

#define SF_SAFETENSORS_MAX_HEADER ((uint64_t)100 * 1000 * 1000)
enum { SF_SAFETENSORS_MAX_TENSORS = 1000 * 1000, SF_SAFETENSORS_PREFIX = 8 };

/* All tensors whose names differ only in numbers and that have one dtype and shape. */
typedef struct sf_tensor_pattern {
    sf_str name;     /* with {} */
    sf_str example;  /* a real name */
    sf_dtype dtype;
    uint64_t dims[SF_TENSOR_DIMS];
    uint8_t n_dims;
    uint64_t count, bytes, numel;
} sf_tensor_pattern;

typedef struct sf_tensor_table sf_tensor_table; /* opaque: lives in its arena */

sf_tensor_table *sf_tensor_table_new(sf_arena *a);

/* The header's length out of the first 8 bytes; SF_E_HEADER when it cannot be true for a file of `file_size`. */
sf_code sf_safetensors_length(sf_str first8, uint64_t file_size, sf_str file, sf_diags *dg, uint64_t *ret);

/*
 * Adds the tensors of one header (the JSON bytes only) to the table.  Borrowed text is
 * copied where it is kept.  Codes: SF_E_HEADER, SF_E_JSON, SF_E_DUP_KEY, SF_E_LIMIT, SF_E_NOMEM,
 * with file, line, column and the tensor's name.
 */
sf_code sf_safetensors_add(sf_tensor_table *t, sf_str json, uint64_t file_size, sf_str file, sf_diags *dg);

/* Patterns in the order in which each first appeared. */
size_t sf_tensor_table_count(const sf_tensor_table *t);
const sf_tensor_pattern *sf_tensor_table_at(const sf_tensor_table *t, size_t i);
/* Totals over all files. */
void sf_tensor_table_totals(const sf_tensor_table *t, uint64_t *ret_tensors, uint64_t *ret_numel,
                            uint64_t *ret_bytes);
/* True when a tensor of exactly this name was added (used for the index). */
bool sf_tensor_table_has(const sf_tensor_table *t, sf_str name);

/*
 * model.safetensors.index.json: the shard files it names, sorted, each once, and how many
 * tensors it maps.  Names that climb out of the folder are refused.
 */
sf_code sf_safetensors_index(sf_arena *a, sf_str json, sf_str file, sf_diags *dg, sf_str **ret_shards,
                             size_t *ret_n, uint64_t *ret_tensors);

#endif
