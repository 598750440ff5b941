/* defaults: what a stage's arguments become when they are not given. */
#ifndef SF_MEMORY_DEFAULTS_H
#define SF_MEMORY_DEFAULTS_H

#include "memory/need.h"

/*
 * Fills util, dtype, max_model_len, max_num_seqs, max_num_batched_tokens, kv_override_bytes and the capture
 * sizes of `n` from the stage's arguments, the model, the release and the stage's first device.
 * Codes: SF_E_MODEL_LEN, SF_E_ARG_VALUE, SF_E_NOMEM.
 */
sf_code sf_defaults_fill(sf_arena *a, const sf_profile *profile, const sf_deployment *d, const sf_gpu *gpu,
                         sf_stage_need *n, sf_diags *dg);

/* The stage drafts with prediction layers that the model's family knows (method mtp, qwen3_next_mtp …). */
bool sf_defaults_prediction_layers(const sf_stage *st, const sf_model *m);
/* num_speculative_tokens of the stage; 0 without speculation, or for a number that is none. */
uint32_t sf_defaults_spec_tokens(const sf_stage_need *n);

#endif
