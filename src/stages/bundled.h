/*
 * bundled: the deploy configs that vLLM-Omni itself brings for its pipelines, as far as they are data here
 * (data/deploy): what a start without --deploy-config takes.
 */
#ifndef SF_STAGES_BUNDLED_H
#define SF_STAGES_BUNDLED_H

#include "base/arena.h"
#include "base/diag.h"

typedef struct sf_bundled {
    sf_str path;    /* "bundled:qwen3_omni_moe", for sf_bundled_text and for messages */
    sf_str file;    /* of vLLM-Omni: "vllm_omni/deploy/qwen3_omni_moe.yaml" */
    sf_str commit;  /* of vLLM-Omni, where the facts were read */
    sf_str release; /* the month of that commit */
} sf_bundled;

/* The deploy config of a pipeline; an empty path when none is at hand.  Code: SF_E_NOMEM. */
sf_code sf_bundled_find(sf_arena *a, sf_str pipeline, sf_bundled *ret);

/* The text behind "bundled:KEY"; false for any other path. */
bool sf_bundled_text(sf_arena *a, sf_str path, sf_str *ret);

#endif
