/*
 * safetensors: the header of a weight file, read once without a tree.  Names are folded
 * into patterns (each run of digits between dots becomes {}), so that 90,000 tensors of a
 * mixture of experts become a few dozen rows.
 *
 * The format: 8 bytes little-endian length N, N bytes of JSON, then the data.  Nothing in it is
 * trusted: N against the file and a cap of 100 MB, every offset pair against the data size,
 * shape × dtype against the pair, no overlap and no hole, names at most once over all files.  Padding
 * after the JSON, an N that is no multiple of 8, keys beside the three that are known, and any
 * order of the tensors are fine: the format's own readers take them (safetensors 0.7, tensor.rs).
 */
#ifndef SF_MODEL_SAFETENSORS_H
#define SF_MODEL_SAFETENSORS_H

#include "base/fs.h"
#include "model/tensor.h"

#define SF_SAFETENSORS_MAX_HEADER ((uint64_t)100 * 1000 * 1000)
enum {
    SF_SAFETENSORS_MAX_TENSORS = 1000 * 1000,
    SF_SAFETENSORS_MAX_SHARDS = 10 * 1000,
    SF_SAFETENSORS_PREFIX = 8,
    SF_SAFETENSORS_LEAST = 64 /* bytes of a file in which the message for what is no weight file is found */
};

/* All tensors whose names differ only in numbers (a part between dots) and that have one dtype and shape. */
typedef struct sf_tensor_pattern {
    sf_str name;    /* with {} */
    sf_str example; /* a real name */
    sf_dtype dtype;
    uint64_t dims[SF_TENSOR_DIMS];
    uint8_t n_dims;
    uint64_t count, bytes, numel;
} sf_tensor_pattern;

typedef struct sf_tensor_table sf_tensor_table; /* opaque: lives in its arena */

sf_tensor_table *sf_tensor_table_new(sf_arena *a);

/*
 * The header's length out of the first 8 bytes (more may be given); SF_E_HEADER when it cannot be true
 * for a file of `file_size`, with a message of its own for what stands in place of weights now and then: a
 * Git LFS pointer, a web page, a pickle, a GGUF file, a download that was only reserved.
 */
sf_code sf_safetensors_length(sf_str first8, uint64_t file_size, sf_str file, sf_diags *dg, uint64_t *ret);

/*
 * Adds the tensors of one header (the JSON bytes only) to the table.  Nothing of `json`
 * is kept.  Codes: SF_E_HEADER, SF_E_JSON, SF_E_UTF8,
 * SF_E_DUP_KEY, SF_E_LIMIT, SF_E_NOMEM, with file, line and column in the header and the byte in the file.
 * After an error the table is of no more use.
 */
sf_code sf_safetensors_add(sf_tensor_table *t, sf_str json, uint64_t file_size, sf_str file, sf_diags *dg);

/*
 * Reads the header of one weight file and adds it.  `guess` is how many bytes the first read asks for: a
 * header that is not longer takes one read.  `scratch` is reset, and best used for the next file again: its
 * memory has been touched then.  Codes: those of sf_safetensors_length, _add and fs->read.
 */
sf_code sf_safetensors_read(sf_tensor_table *t, sf_arena *scratch, const sf_fs *fs, sf_str path,
                            uint64_t guess, sf_diags *dg, uint64_t *ret_file_size);

/* Patterns in the order in which each first appeared. */
size_t sf_tensor_table_count(const sf_tensor_table *t);
const sf_tensor_pattern *sf_tensor_table_at(const sf_tensor_table *t, size_t i);
/* Totals over all files. */
void sf_tensor_table_totals(const sf_tensor_table *t, uint64_t *ret_tensors, uint64_t *ret_numel,
                            uint64_t *ret_bytes);
/* True when a tensor of exactly this name was added (used for the index). */
bool sf_tensor_table_has(const sf_tensor_table *t, sf_str name);

/* What model.safetensors.index.json says. */
typedef struct sf_index {
    sf_str *shards; /* the files it names, sorted, each once */
    size_t n_shards;
    uint64_t tensors; /* that it maps */
} sf_index;

/*
 * Reads the index out of its text.  Names that climb out of the folder are refused.  Codes: SF_E_HEADER,
 * SF_E_JSON, SF_E_UTF8, SF_E_DUP_KEY, SF_E_LIMIT, SF_E_NOMEM.
 */
sf_code sf_safetensors_index(sf_arena *a, sf_str json, sf_str file, sf_diags *dg, sf_index *ret);
/* The same out of a file of at most `max` bytes; `guess` and `scratch` as above.  Also SF_E_TOO_LARGE. */
sf_code sf_safetensors_read_index(sf_arena *a, sf_arena *scratch, const sf_fs *fs, sf_str path,
                                  uint64_t guess, uint64_t max, sf_diags *dg, sf_index *ret);

#endif
