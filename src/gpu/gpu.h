/*
 * gpu: the devices that a deployment runs on.  Totals are what the CUDA runtime reports
 * (cudaMemGetInfo), because the engine multiplies that; how each is known is kept.
 */
#ifndef SF_GPU_GPU_H
#define SF_GPU_GPU_H

#include "base/diag.h"
#include "text/node.h"

typedef enum sf_total_how {
    SF_TOTAL_RUNTIME, /* catalogue: read from a program that prints the runtime's total */
    SF_TOTAL_NVML,    /* catalogue: NVML total less the correction fitted over cards with both */
    SF_TOTAL_NOMINAL, /* catalogue: vendor's gigabytes only, with a wide band */
    SF_TOTAL_GIVEN,   /* the user typed it */
} sf_total_how;

/* One model of GPU. */
typedef struct sf_gpu_model {
    sf_str name; /* "NVIDIA H100 80GB HBM3" */
    const sf_str *aliases;
    size_t n_aliases;
    sf_str vendor;                                     /* "nvidia", "amd", "ascend", "intel" */
    uint64_t marketing_gb;                             /* 0 unknown */
    uint64_t nvml_total;                               /* bytes; 0 unknown */
    uint64_t runtime_total, runtime_low, runtime_high; /* bytes; 0 unknown */
    sf_total_how how;
    unsigned capability; /* 90 for 9.0; 0 unknown or not NVIDIA */
    bool unified_memory;
    double bandwidth_gbps; /* 0 unknown */
    sf_str link;           /* "nvlink4", … or empty */
    sf_str note;
    sf_str source; /* an address (without https://) at which facts of the row were read */
} sf_gpu_model;

/* The catalogue, in file order.  Data: data/gpus/gpus.tsv, data/gpus/totals.yaml.  Code: SF_E_NOMEM. */
sf_code sf_gpu_catalogue(sf_arena *a, sf_diags *dg, const sf_gpu_model **ret, size_t *ret_n);

/* One device of the inventory. */
typedef struct sf_gpu {
    uint32_t index;
    sf_str name;
    const sf_gpu_model *model; /* NULL: only a size is known */
    uint64_t total, total_low, total_high;
    sf_total_how how;
    uint64_t used;   /* by other tenants before anything starts */
    bool used_known; /* the user said free= or used= */
    unsigned capability;
    uint64_t nvml_total; /* for the batch defaults; estimated from total when no catalogue has it */
    sf_str note;         /* how total is known, one line */
} sf_gpu;

typedef struct sf_inventory {
    const sf_gpu *gpus; /* ordered by index, indices unique but not always dense */
    size_t n;
} sf_inventory;

/*
 * Adds one description to the list:
 *   "2xH100-80GB", "H100", "0=RTX4090", "4=2xL40S", "24GiB", "2x24GiB"; "@gpus.json" is handled by the caller;
 *   each with ",free=70GiB", ",used=3GiB" or ",total=79.1GiB" behind.  Names match aliases without regard to
 *   case, blanks, dashes; "NVIDIA" in front may be left out.  Without an index the lowest free ones are taken.
 * Nothing is added on failure.  Codes: SF_E_GPU_SPEC (also for a name that means several GPUs, with the choices
 * in the hint), SF_E_GPU_UNKNOWN (with the nearest names in the hint), SF_E_GPU_NO_TOTAL, SF_E_NOMEM.
 */
sf_code sf_inventory_add(sf_arena *a, sf_inventory *inv, sf_str spec, sf_diags *dg);

/*
 * Adds the devices of an inventory file (JSON): {"schema": "stagefit/gpus/1", "gpus": [{"index": 0,
 * "name": "H100-80GB", "total": "79.19GiB" | bytes, "free": …, "used": …}, …]}.  A name outside the catalogue will do
 * when the total is given.  Codes: SF_E_GPU_INVENTORY, SF_E_GPU_UNKNOWN, SF_E_GPU_NO_TOTAL, SF_E_NOMEM.
 */
sf_code sf_inventory_add_json(sf_arena *a, sf_inventory *inv, const sf_node *root, sf_diags *dg);

/* The device with this index, or NULL. */
const sf_gpu *sf_inventory_find(const sf_inventory *inv, uint32_t index);

/* "79.19 GiB: catalogue, as the CUDA runtime prints it" … for the report. */
const char *sf_total_how_text(sf_total_how how);

#endif
