/*
 * parallel: parallel_config of a diffusion stage: which sizes, how many ranks.
 */
#ifndef SF_STAGES_PARALLEL_H
#define SF_STAGES_PARALLEL_H

#include "stages/deployment.h"
#include "stages/keys.h"

/* `config` NULL or null: all ones.  Codes: SF_E_ARG_VALUE, SF_E_STAGE_KEY. */
sf_code sf_parallel_read(const sf_node *config, const sf_keys *keys, sf_diags *dg, sf_parallel *ret);

/* `num_gpus` ranks in all: data parallelism is what is left.  Code: SF_E_ARG_VALUE at `at`. */
sf_code sf_parallel_fill(sf_parallel *p, int64_t num_gpus, const sf_node *at, sf_diags *dg);

#endif
