/*
 * overheads: what a process takes beside tensors that follow from the model: context,
 * communicators, growth outside torch, CUDA graphs, the runner's buffers, codec graph pools.
 */
#ifndef SF_MEMORY_OVERHEADS_H
#define SF_MEMORY_OVERHEADS_H

#include "memory/need.h"

/* Fills every part of `r` but weights, activation and KV.  `slack`: reserved less allocated after loading. */
sf_code sf_overheads_fill(sf_arena *a, const sf_profile *profile, const sf_stage_need *n, uint64_t slack,
                          uint64_t layers_here, sf_diags *dg, sf_rank_need *r);

/*
 * A figure of the pipeline's data: {bytes: …, low: …, high: …, source: …} with sizes as people write
 * them.  An absent node gives zero.  Codes: SF_E_TYPE, SF_E_RANGE.
 */
sf_code sf_overheads_fact(sf_arena *a, const sf_node *fact, sf_diags *dg, sf_amount *ret);

#endif
