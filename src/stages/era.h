/*
 * era: how the release in force reads a stage config (data/pipelines/eras.yaml): what a
 * devices text means, what max_batch_size does, whether flags reach the stages.
 */
#ifndef SF_STAGES_ERA_H
#define SF_STAGES_ERA_H

#include "engine/profile.h"

typedef enum sf_cli_rule { SF_CLI_NONE, SF_CLI_BELOW, SF_CLI_ABOVE } sf_cli_rule;
typedef enum sf_batch_rule { SF_BATCH_ONLINE, SF_BATCH_LOADER, SF_BATCH_IGNORED } sf_batch_rule;

typedef struct sf_era {
    sf_str from, source;
    bool devices_verbatim;
    sf_batch_rule max_batch_size;
    bool unknown_is_error;
    sf_cli_rule cli; /* of legacy files; deploy files always let flags win */
    bool connectors_merged;
    bool replica_counts_all_ranks;
    bool interpolation_self;
} sf_era;

/* The row for the profile's date; NULL takes the newest. */
sf_code sf_era_find(sf_arena *a, const sf_profile *profile, sf_era *ret);

#endif
