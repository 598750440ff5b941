/*
 * strategy: a strategy file (vLLM-Omni from Aug 2026) over the stages of a deploy config: sizes of
 * parallel axes and replicas by model_stage.
 */
#ifndef SF_STAGES_STRATEGY_H
#define SF_STAGES_STRATEGY_H

#include "stages/read.h"

/* True for a file that holds nothing but strategies, and so needs a deploy config beside it. */
bool sf_strategy_is(const sf_node *root);

/*
 * Writes what `root` (a strategy file: `strategies:` or the map of roles itself) declares into the drafts
 * of a deploy config: engine arguments of the axes tp, dp, pp and ep, replicas of stage_replica.  Drafts that
 * it touched have `strategy` set.
 * Codes: SF_E_STRATEGY for an axis, size, routing or owner that the engine refuses, a role that no stage
 * has, a value that the file contradicts, or devices that do not match; SF_E_NOMEM.
 */
sf_code sf_strategy_apply(sf_reading *r, const sf_node *root);

/*
 * The same look at the devices once flags beside the file have been applied (`placed`: the draft with them),
 * and a warning for each flag that beats a strategy.
 */
sf_code sf_strategy_recheck(sf_reading *r, const sf_draft *draft, const sf_draft *placed, const sf_stage *st,
                            size_t n_devices);

#endif
