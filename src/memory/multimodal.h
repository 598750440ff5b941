/*
 * multimodal: what a stage's arguments say of images, videos and sound: how many a prompt may hold,
 * and which encoders are left out because of it.
 */
#ifndef SF_MEMORY_MULTIMODAL_H
#define SF_MEMORY_MULTIMODAL_H

#include "memory/need.h"

/*
 * Items that a prompt may hold of the kind of "image video" that has the most; V1 sets no limit by itself
 * (INFINITY), V0 allows one.
 */
double sf_items_per_prompt(const sf_profile *profile, const sf_args *args, sf_str modalities);

/* Bits of the model's modalities whose items are limited to none, where the release then makes no encoder. */
uint8_t sf_modalities_unused(const sf_profile *profile, const sf_args *args);

/* mm_encoder_tp_mode "data": every rank has the whole encoder. */
bool sf_encoders_whole(const sf_args *args);

#endif
