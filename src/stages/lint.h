/*
 * lint: what is wrong or doubtful in a stage config that can be read.  A rule is a function and a row of
 * the table in lint.c; it reports with sf_lint_say and never fails but for memory.  docs/lint.md lists them.
 */
#ifndef SF_STAGES_LINT_H
#define SF_STAGES_LINT_H

#include "stages/read.h"

/* Findings of one rule that are told, and places (ranks on GPUs) that are looked at: more is no config. */
enum { SF_LINT_SAID = 50, SF_LINT_SLOTS = 4096 };

/* A rank on a GPU, by GPU, then stage. */
typedef struct sf_lint_slot {
    uint32_t device;
    uint32_t stage; /* index into the deployment */
} sf_lint_slot;

typedef struct sf_lint {
    sf_arena *a;
    sf_reading *r;
    const sf_deployment *d;    /* the stages that could be worked out */
    const sf_profile *profile; /* NULL: no release is known, and rules that need one find nothing */
    const sf_node *data;       /* data/pipelines/lint.yaml */
    const sf_lint_slot *slots;
    size_t n_slots;
    sf_code first; /* of the errors found */
    unsigned said; /* by the rule that runs */
    bool no_memory;
} sf_lint;

/* Runs the rules for r->wish->lint after a reading that gave `rc`; gives `rc` or the first error found. */
sf_code sf_lint_rules(sf_reading *r, sf_code rc);

void sf_lint_say(sf_lint *l, sf_severity severity, sf_code code, sf_where at, const char *hint,
                 const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Gives what was said last a second place. */
void sf_lint_related(sf_lint *l, sf_where at, const char *text);
/* printf for hints; "" when memory is out. */
const char *sf_lint_text(sf_lint *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The place of a value of a stage, with the key path "stages[stage_id=1].key". */
sf_where sf_lint_where(sf_lint *l, const sf_draft *draft, const sf_node *value, sf_str key);
/* The draft that a stage was made of. */
const sf_draft *sf_lint_draft(const sf_lint *l, const sf_stage *st);
/* Where the file speaks of a stage; its list of stages when it does not. */
const sf_node *sf_lint_stage_node(const sf_lint *l, const sf_stage *st);
/* True when two stages, replicas apart, are the same. */
bool sf_lint_same_stage(const sf_lint *l, size_t a, size_t b);

/* lint_wiring.c */
void sf_lint_two_formats(sf_lint *l);
void sf_lint_stage_order(sf_lint *l);
void sf_lint_sources(sf_lint *l);
void sf_lint_edges(sf_lint *l);
void sf_lint_connector_ends(sf_lint *l);
void sf_lint_ends(sf_lint *l);
void sf_lint_missing_entries(sf_lint *l);
/* lint_values.c */
void sf_lint_yaml_reading(sf_lint *l);
void sf_lint_runtime_keys(sf_lint *l);
void sf_lint_batched_tokens(sf_lint *l);
void sf_lint_mm_profiling(sf_lint *l);
void sf_lint_parallel_init(sf_lint *l);
/* lint_sharing.c */
void sf_lint_util_default(sf_lint *l);
void sf_lint_util_sum(sf_lint *l);
void sf_lint_util_unused(sf_lint *l);
void sf_lint_device_sets(sf_lint *l);
void sf_lint_start_order(sf_lint *l);
void sf_lint_graphs(sf_lint *l);
/* lint_features.c */
void sf_lint_conflicts(sf_lint *l);
void sf_lint_unsupported(sf_lint *l);
void sf_lint_loaded_more(sf_lint *l);
void sf_lint_gpu_pools(sf_lint *l);
/* lint_overlay.c */
void sf_lint_overlay(sf_lint *l);

#endif
