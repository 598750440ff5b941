/*
 * diffusion: a rank of a diffusion stage: what of its weights is on the GPU under offloading and HSDP, what
 * of them is in host memory, and what a request takes beside them.
 */
#ifndef SF_MEMORY_DIFFUSION_H
#define SF_MEMORY_DIFFUSION_H

#include "memory/need.h"

/* Weights, host memory and load peak of `r`, whose shares are known; `allocated`: all of them on the GPU. */
sf_code sf_diffusion_weights(sf_arena *a, const sf_stage_need *n, uint64_t allocated, sf_rank_need *r);

/* Warm-up run and request of `r`. */
sf_code sf_diffusion_activation(sf_arena *a, const sf_stage_need *n, const sf_picture *request,
                                sf_rank_need *r);

/* The law of one picture by itself: the largest of encoding, denoising and decoding. */
sf_code sf_diffusion_peak(sf_arena *a, const sf_stage_need *n, const sf_picture *picture, sf_amount *ret);

#endif
