/*
 * allocator: what PyTorch's caching allocator counts as allocated, so that "Model loading
 * took" is reproduced to the printed digit.  A model of c10/cuda/CUDACachingAllocator.cpp: requests
 * are rounded to 512 bytes, small ones come from 2-MiB segments, large ones from 20-MiB or
 * 2-MiB-rounded segments, best fit, and a block whose remainder is too small is counted whole.
 */
#ifndef SF_MEMORY_ALLOCATOR_H
#define SF_MEMORY_ALLOCATOR_H

#include "base/arena.h"

typedef struct sf_allocator sf_allocator; /* lives in its arena */

typedef struct sf_allocator_rules {
    bool expandable_segments; /* PYTORCH_CUDA_ALLOC_CONF: every block is split at 512 bytes */
    uint64_t max_split;       /* tensors of at least this are never split; 0: no limit */
} sf_allocator_rules;

sf_allocator *sf_allocator_new(sf_arena *a, sf_allocator_rules rules);
/* One tensor of `bytes` that stays.  False: out of memory, or the sum passes UINT64_MAX. */
bool sf_allocator_add(sf_allocator *al, uint64_t bytes);
/* allocated_bytes.all.current: blocks in use, counted as the allocator counts them. */
uint64_t sf_allocator_allocated(const sf_allocator *al);
/* reserved_bytes.all.current: segments taken from the device. */
uint64_t sf_allocator_reserved(const sf_allocator *al);

#endif
