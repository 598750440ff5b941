/*
 * gpu_parts: what the files of this folder share.  Not for use outside src/gpu.
 */
#ifndef SF_GPU_GPU_PARTS_H
#define SF_GPU_GPU_PARTS_H

#include "gpu/gpu.h"

/* data/gpus/totals.yaml, in bytes. */
typedef struct sf_gpu_fit {
    double nvml_offset, nvml_per_byte, nvml_band;
    double nominal_ratio, nominal_low, nominal_high; /* bytes per byte of the vendor's gigabytes */
} sf_gpu_fit;

/* What descriptions are read against: loaded once for a description or a file. */
typedef struct sf_gpu_book {
    sf_gpu_fit fit;
    const sf_gpu_model *models;
    size_t n;
} sf_gpu_book;

/* Code: SF_E_NOMEM. */
sf_code sf_gpu_book_read(sf_arena *a, sf_gpu_book *ret);
sf_code sf_gpu_fit_read(sf_arena *a, sf_gpu_fit *ret);
/* What nvidia-smi prints for a card whose runtime total is known: the fit the other way round. */
uint64_t sf_gpu_nvml_of_runtime(const sf_gpu_fit *fit, uint64_t runtime);
/* A catalogue text; broken rows are a bug of ours and abort. */
sf_code sf_gpu_catalogue_parse(sf_arena *a, sf_str text, const sf_gpu_fit *fit, const sf_gpu_model **ret,
                               size_t *ret_n);

enum { SF_GPU_CHOICES = 4 };

/* Catalogue entries whose name or alias is `text`; the number of them, the first SF_GPU_CHOICES in `found`. */
size_t sf_gpu_match(const sf_gpu_book *book, sf_str text, size_t *found);
/* Up to SF_GPU_CHOICES entries with the most similar names, the best first. */
size_t sf_gpu_nearest(const sf_gpu_book *book, sf_str text, size_t *found);
/* "A100-40GB or A100-80GB" for a hint; `p` is NULL when memory is out. */
sf_str sf_gpu_choices(sf_arena *a, const sf_gpu_book *book, const size_t *found, size_t n);

/* One description, read; 0 or NULL where nothing was said. */
typedef struct sf_gpu_wish {
    sf_where at, index_at, free_at, used_at, total_at;
    sf_code code; /* of errors: SF_E_GPU_SPEC, SF_E_GPU_INVENTORY */
    sf_str name;  /* as written */
    uint64_t index, count;
    bool has_index, has_name, has_total, has_free, has_used;
    bool name_is_free; /* a name outside the catalogue will do when the total is given */
    uint64_t total, free, used;
} sf_gpu_wish;

/* Adds `count` devices, or none and one error. */
sf_code sf_inventory_place(sf_arena *a, sf_inventory *inv, const sf_gpu_book *book, const sf_gpu_wish *wish,
                           sf_diags *dg);

#endif
