/*
 * pipeline: which pipeline a config means.  The index (data/pipelines/index.yaml) says what each is
 * recognised by; only the family file of the one that is chosen is read.
 */
#ifndef SF_STAGES_PIPELINE_H
#define SF_STAGES_PIPELINE_H

#include "stages/deployment.h"

typedef struct sf_pipeline_index {
    const sf_node *rows;
} sf_pipeline_index;

sf_code sf_pipeline_index_load(sf_arena *a, sf_pipeline_index *ret);

/* What is known when a pipeline has to be found; empty fields are not known. */
typedef struct sf_pipeline_ask {
    sf_str key; /* said outright; `key_at` is where */
    const sf_node *key_at;
    bool key_any_release; /* said with --pipeline: forks and other releases are fine */
    sf_str model_type, architecture, model;
    const sf_str *model_stages, *archs; /* of the stages of a legacy file */
    size_t n_stages;
    sf_str files[2]; /* the config's name and its last base's */
    sf_str date;     /* of the release; empty: any */
} sf_pipeline_ask;

typedef struct sf_pipeline_found {
    const sf_pipeline *pipeline; /* NULL: none */
    bool by_file_name;
    bool fork;    /* no release registers it */
    bool not_yet; /* the release is older than the pipeline */
} sf_pipeline_found;

/* Code: SF_E_PIPELINE_UNKNOWN for a key that is said outright and unknown (or not in the release). */
sf_code sf_pipeline_choose(sf_arena *a, const sf_pipeline_index *index, const sf_pipeline_ask *ask,
                           sf_diags *dg, sf_pipeline_found *ret);

/* The keys nearest to `key`, for a hint; empty when nothing is near. */
sf_str sf_pipeline_nearest(sf_arena *a, const sf_pipeline_index *index, sf_str key);

/* The stage with this id / that is or once was named `model_stage`; NULL. */
const sf_pipeline_stage *sf_pipeline_stage_by_id(const sf_pipeline *p, int64_t id);
const sf_pipeline_stage *sf_pipeline_stage_by_name(const sf_pipeline *p, sf_str model_stage);

#endif
