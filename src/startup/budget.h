/*
 * budget: the memory that a release leaves for the KV cache of one rank: requested less what
 * the release subtracts.  Rule: docs/numbers.md, "KV cache memory".
 */
#ifndef SF_STARTUP_BUDGET_H
#define SF_STARTUP_BUDGET_H

#include "memory/need.h"

/* Does the release take this part off the requested memory?  The one place that says so. */
bool sf_budget_has(const sf_profile *profile, sf_part part, bool process_known);

/* What is subtracted from the requested memory on this rank, with its band. */
sf_amount sf_budget_charges(sf_arena *a, const sf_profile *profile, const sf_rank_need *r, int64_t other_use,
                            bool process_known);

#endif
