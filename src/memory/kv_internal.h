/*
 * kv_internal: what the parts of the KV planning share: working copies of the layer specs
 * (unification changes block sizes and pages), the list of layers, and groups.
 * Nothing here is seen outside src/memory/kv_*.c and kv's own tests.
 */
#ifndef SF_MEMORY_KV_INTERNAL_H
#define SF_MEMORY_KV_INTERNAL_H

#include "memory/kv.h"

/* No model has as many; keeps a hostile config from taking time. */
enum { SF_KV_MAX_LAYERS = 1 << 14, SF_KV_MAX_WORKERS = 1 << 12, SF_KV_MAX_SPECS = 1 << 11 };

/* Not a stage: the whole model. */
#define SF_KV_ALL_STAGES UINT32_MAX

typedef struct sf_kv_work_spec {
    sf_kv_spec s;
    uint64_t page; /* bytes of a block, as `s` stands */
} sf_kv_work_spec;

/* The layers of one spec in a group: how many, and how many on each pipeline stage. */
typedef struct sf_kv_share {
    uint32_t spec, n;
    uint32_t *on_stage;
} sf_kv_share;

typedef struct sf_kv_work_group {
    bool uniform;  /* each layer keeps its own page */
    uint32_t spec; /* what all layers count as; of the first layer when uniform */
    sf_kv_share *shares;
    size_t n_shares;
    uint32_t n_layers, n_slots;
    uint32_t *on_stage; /* layers per pipeline stage */
} sf_kv_work_group;

/* Layers that were grouped together: the whole model, or one pipeline stage where stages group alone. */
typedef struct sf_kv_view {
    const uint32_t *layers; /* indices in dict order */
    size_t n_layers;
    sf_kv_work_group *groups;
    size_t n_groups, cap;
    bool packed;         /* DeepSeek-V4: several uniform-type groups over one pool */
    sf_kv_share *shares; /* all layers by spec, before grouping */
    size_t n_shares;
} sf_kv_view;

typedef struct sf_kv_work {
    sf_arena *a;
    const sf_profile *profile;
    const sf_kv_rules *r;
    const sf_kv_case *c;
    sf_diags *dg;
    sf_kv_work_spec *specs; /* the case's own */
    sf_kv_work_spec *made;  /* after conversion and unification, same index */
    uint32_t *alias;        /* the first spec that is the same as this one, per made spec */
    size_t n_specs;
    uint32_t *layer_spec, *layer_stage;
    size_t n_layers;
    sf_kv_view *views;
    size_t n_views;   /* 1, or one per stage */
    sf_kv_share *own; /* layers by the case's specs */
    size_t n_own;
    int64_t *available; /* per worker, as the fit test sees it */
    uint64_t max_model_len;
    sf_str *log;
    size_t n_log, cap_log;
    uint64_t *needed, *estimated; /* per fit test */
    int64_t *checked;
    sf_kv_result *out;
    sf_code rc; /* the first failure that is ours: out of memory, out of range */
} sf_kv_work;

/* kv_page.c */
uint64_t sf_kv_spec_pages(const sf_kv_work *w, const sf_kv_spec *s, uint64_t len);
bool sf_kv_spec_same(const sf_kv_spec *x, const sf_kv_spec *y);
bool sf_kv_is_full(const sf_kv_spec *s); /* full attention, MLA, indexer */
bool sf_kv_set_page(sf_kv_work *w, sf_kv_work_spec *spec);

/* kv_group.c: fills view->groups from made[]; false: w->rc or w->out->error is set. */
bool sf_kv_group_view(sf_kv_work *w, sf_kv_view *view);
/* alias[i]: the first spec that is the same as spec i: a family lists layers in runs, and a spec may come back. */
void sf_kv_find_aliases(sf_kv_work *w);
bool sf_kv_is_uniform_type(const sf_kv_work *w, const sf_kv_view *view);
/* Adds a group of `n` layers (in dict order); `slots` are reserved for it. */
bool sf_kv_add_group(sf_kv_work *w, sf_kv_view *view, const uint32_t *layers, size_t n, bool uniform);
/* Layers by spec, in order of first appearance. */
bool sf_kv_make_shares(sf_kv_work *w, const uint32_t *layers, size_t n, sf_kv_share **ret, size_t *ret_n);
bool sf_kv_refuse(sf_kv_work *w, sf_kv_error error, const char *error_class, sf_str text);

/* kv_unify.c */
bool sf_kv_convert_windows(sf_kv_work *w, const sf_kv_view *view);
bool sf_kv_unify(sf_kv_work *w, const sf_kv_view *view, bool *ret_promoted);

/* kv_packed.c: DeepSeek-V4. */
bool sf_kv_group_packed(sf_kv_work *w, sf_kv_view *view);
/* Bytes that the block count is divided by, and bytes that the fit test counts per block. */
uint64_t sf_kv_packed_block(sf_kv_work *w, const sf_kv_view *view, uint32_t stage);
uint64_t sf_kv_packed_unit(sf_kv_work *w, const sf_kv_view *view, uint32_t stage);

/* kv_blocks.c; `stage` may be SF_KV_ALL_STAGES */
uint32_t sf_kv_share_on(const sf_kv_share *s, uint32_t stage);
uint32_t sf_kv_slots(const sf_kv_view *view, uint32_t stage); /* most layers of any group */
/* Bytes of a block of the group: one layer's page, or the sum of the pages when uniform. */
uint64_t sf_kv_group_page(const sf_kv_work *w, const sf_kv_work_group *g, uint32_t stage);
uint64_t sf_kv_group_pages(const sf_kv_work *w, const sf_kv_work_group *g, uint64_t len);
bool sf_kv_one_uniform(const sf_kv_view *view);
const sf_kv_view *sf_kv_view_of(const sf_kv_work *w, size_t worker);
/* Bytes that one block takes over all pools of a rank. */
uint64_t sf_kv_block_bytes(sf_kv_work *w, const sf_kv_view *view, uint32_t stage);
/* Blocks that one request takes, as the concurrency is counted. */
uint64_t sf_kv_request_blocks(const sf_kv_work *w, const sf_kv_view *view, uint32_t stage);
/* The same in the scheduler's copy, where a group counts as its first layer does. */
uint64_t sf_kv_scheduler_blocks(const sf_kv_work *w, const sf_kv_view *view, uint32_t stage);
bool sf_kv_count_blocks(sf_kv_work *w, size_t worker, uint64_t *ret);
bool sf_kv_override_available(sf_kv_work *w);

/* kv_report.c */
void sf_kv_report_worker(sf_kv_work *w, size_t worker, uint64_t blocks);
bool sf_kv_fill_result(sf_kv_work *w, const uint64_t *worker_blocks);

/* kv_fit.c: what one request needs on a rank (or in the whole model), as the release's test sees it. */
typedef struct sf_kv_demand {
    const sf_kv_view *view; /* NULL: the test precedes grouping */
    uint32_t stage;
    uint64_t unit; /* bytes per block */
} sf_kv_demand;
sf_kv_demand sf_kv_demand_of(sf_kv_work *w, size_t worker);
uint64_t sf_kv_demand_at(const sf_kv_work *w, const sf_kv_demand *d, uint64_t len); /* saturates */
bool sf_kv_fit_worker(sf_kv_work *w, size_t worker);
bool sf_kv_fit_all(sf_kv_work *w);
bool sf_kv_auto_fit(sf_kv_work *w);

/* kv_log.c: a line is kept once; an absent template logs nothing. */
void sf_kv_log_line(sf_kv_work *w, sf_str line);
void sf_kv_log(sf_kv_work *w, sf_message message, const sf_message_arg *args, size_t n);
sf_str sf_kv_message(sf_kv_work *w, sf_message message, const sf_message_arg *args, size_t n);
sf_str sf_kv_text_u64(sf_kv_work *w, uint64_t v);
int64_t sf_kv_i64(uint64_t v);                         /* stops at the largest */
bool sf_kv_nomem(sf_kv_work *w);                       /* false, rc set */
bool sf_kv_too_large(sf_kv_work *w, const char *what); /* false, rc set, one diagnostic */

#endif
