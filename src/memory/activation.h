/*
 * activation: the peak of the profile run over the weights: the largest of three phases
 * (forward pass, encoder, sampler), plus what the encoder leaves behind.
 */
#ifndef SF_MEMORY_ACTIVATION_H
#define SF_MEMORY_ACTIVATION_H

#include "memory/need.h"

/*
 * `last_stage`: this rank holds the LM head and samples.  Fills the phases in `ret_phases` and gives
 * their maximum.  Pure arithmetic; `formula.p` is NULL when memory is out.
 */
sf_amount sf_activation_peak(sf_arena *a, const sf_profile *profile, const sf_stage_need *n, uint64_t tp,
                             bool first_stage, bool last_stage, sf_activation *ret_phases);

#endif
