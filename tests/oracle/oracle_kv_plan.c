/* oracle_kv_plan: lines of type "kv": the whole planning of a layout. */
#include "oracle_kv.h"

#include <stdio.h>

#include "base/num.h"

static const struct {
    const char *name;
    sf_kv_kind kind;
    bool v4, compressor;
} kinds[] = {
    {"full",                SF_KV_FULL,    false, false},
    {"mla",                 SF_KV_MLA,     false, false},
    {"swa",                 SF_KV_SLIDING, false, false},
    {"chunk",               SF_KV_CHUNKED, false, false},
    {"cross",               SF_KV_CROSS,   false, false},
    {"mamba",               SF_KV_STATE,   false, false},
    {"indexer",             SF_KV_INDEXER, false, false},
    {"mla_v4",              SF_KV_MLA,     true,  false},
    {"indexer_v4",          SF_KV_INDEXER, true,  false},
    {"swa_mla_v4",          SF_KV_SLIDING, true,  false},
    {"compressor_state_v4", SF_KV_SLIDING, true,  true },
};

static sf_kv_store store_of(sf_str dtype)
{
    if (sf_str_is(dtype, "fp8_ds_mla"))
        return SF_KV_STORE_DS_MLA;
    if (sf_str_is(dtype, "int8_per_token_head") || sf_str_is(dtype, "fp8_per_token_head"))
        return SF_KV_STORE_HEAD_SCALED;
    if (sf_str_is(dtype, "int4_per_token_head"))
        return SF_KV_STORE_HEAD_INT4;
    return sf_str_is(dtype, "nvfp4") ? SF_KV_STORE_NVFP4 : SF_KV_STORE_PLAIN;
}

static sf_state_mode mode_of(sf_str mode)
{
    if (sf_str_is(mode, "all"))
        return SF_STATE_ALL;
    return sf_str_is(mode, "align") ? SF_STATE_ALIGN : SF_STATE_NONE;
}

static uint64_t bytes_of_states(const sf_node *shapes, const sf_node *dtypes)
{
    uint64_t sum = 0;

    for (size_t i = 0; shapes && i < shapes->n; i++) {
        const sf_node *shape = shapes->as.items[i];
        uint64_t n = sf_str_is(sf_node_item(dtypes, i)->text, "fp32") ? 4 : 2;

        for (size_t k = 0; k < shape->n; k++)
            n *= (uint64_t)shape->as.items[k]->as.i;
        sum += n;
    }
    return sum;
}

static sf_kv_spec spec_of(line *l, const sf_node *n)
{
    sf_kv_spec s = {
        .block_size = get_u64(n, "block_size"),
        .kv_heads = get_u64(n, "num_kv_heads"),
        .head_size = get_u64(n, "head_size"),
        .store = store_of(get_str(n, "kv_cache_dtype")),
        .dtype_bits = (uint32_t)get_u64(n, "dtype_bytes") * 8,
        .window = get_u64(n, "sliding_window") + get_u64(n, "chunk"),
        .state_bytes = bytes_of_states(sf_node_get(n, "state_shapes"), sf_node_get(n, "state_dtypes")),
        .page_padded = get_u64(n, "page_size_padded"),
        .speculative_blocks = (uint32_t)get_u64(n, "num_speculative_blocks"),
        .state_mode = mode_of(get_str(n, "mamba_cache_mode")),
        .compress_ratio = get_u64(n, "compress_ratio"),
        .alignment = get_u64(n, "alignment"),
        .by_block_stride = get_bool(n, "indexes_kv_by_block_stride"),
    };
    size_t k = 0;

    while (k < sizeof kinds / sizeof *kinds && !sf_str_is(get_str(n, "kind"), kinds[k].name))
        k++;
    if (k == sizeof kinds / sizeof *kinds) {
        printf("%.*s: unknown kind\n", SF_STR_ARG(l->id));
        l->bad = true;
        return s;
    }
    s.kind = kinds[k].kind;
    s.v4 = kinds[k].v4;
    s.v4_compressor = kinds[k].compressor;
    if (s.kind != SF_KV_MLA && s.kind != SF_KV_INDEXER && !s.v4)
        s.head_size_v = s.head_size;
    return s;
}

static const sf_kv_stage_runs *stages_of(line *l, const sf_node *stages)
{
    sf_kv_stage_runs *list = SF_NEW_ARRAY(l->a, sf_kv_stage_runs, stages->n);

    for (size_t i = 0; i < stages->n; i++) {
        const sf_node *runs = stages->as.items[i];
        sf_kv_run *r = SF_NEW_ARRAY(l->a, sf_kv_run, runs->n);

        for (size_t k = 0; k < runs->n; k++)
            r[k] = (sf_kv_run){(uint32_t)sf_node_item(runs->as.items[k], 0)->as.i,
                               (uint32_t)sf_node_item(runs->as.items[k], 1)->as.i};
        list[i] = (sf_kv_stage_runs){r, runs->n};
    }
    return list;
}

static sf_kv_case case_of(line *l)
{
    const sf_node *in = l->input, *specs = sf_node_get(in, "specs"), *workers = sf_node_get(in, "workers");
    const sf_node *parallel = sf_node_get(in, "parallel");
    sf_kv_spec *s = SF_NEW_ARRAY(l->a, sf_kv_spec, specs->n);
    sf_kv_worker *w = SF_NEW_ARRAY(l->a, sf_kv_worker, workers->n);

    for (size_t i = 0; i < specs->n; i++)
        s[i] = spec_of(l, specs->as.items[i]);
    for (size_t i = 0; i < workers->n; i++)
        w[i] = (sf_kv_worker){(uint32_t)get_u64(workers->as.items[i], "stage"),
                              sf_node_get(workers->as.items[i], "available_bytes")->as.i};
    return (sf_kv_case){
        .specs = s,
        .n_specs = specs->n,
        .stages = stages_of(l, sf_node_get(in, "stages")),
        .n_stages = sf_node_get(in, "stages")->n,
        .workers = w,
        .n_workers = workers->n,
        .dcp = get_u64(parallel, "dcp"),
        .pcp = 1,
        .max_model_len = get_u64(in, "max_model_len"),
        .auto_fit = get_bool(in, "auto_fit"),
        .max_num_batched_tokens = get_u64(in, "max_num_batched_tokens"),
        .in_flight_tokens = get_u64(in, "in_flight_tokens"),
        .cache_block_size = get_u64(in, "cache_block_size"),
        .encoder_tokens = get_u64(in, "max_num_encoder_input_tokens"),
        .blocks_override = get_u64(in, "num_gpu_blocks_override"),
        .disable_hybrid = get_bool(in, "disable_hybrid_kv_cache_manager"),
        .num_spec_tokens = (uint32_t)get_u64(in, "num_spec_tokens"),
    };
}

/* 0.10.2 has no class of its own for MLA. */
static const char *kind_name(const line *l, const sf_kv_group *g)
{
    if (g->uniform_type)
        return "uniform_type";
    if (g->kind == SF_KV_MLA && l->profile->kv.group_per_stage)
        return "full";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].kind == g->kind)
            return kinds[i].name;
    return "?";
}

static void check_groups(line *l, const sf_kv_result *r)
{
    const sf_node *groups = sf_node_get(l->expect, "groups");
    uint64_t *pages = SF_NEW_ARRAY(l->a, uint64_t, r->n_groups);

    check_u64(l, "groups", groups->n, r->n_groups);
    for (size_t i = 0; i < groups->n && i < r->n_groups; i++) {
        const sf_node *g = groups->as.items[i];

        check_str(l, "groups.kind", get_str(g, "kind"), sf_str_of(kind_name(l, &r->groups[i])));
        check_u64(l, "groups.n_layers", get_u64(g, "n_layers"), r->groups[i].n_layers);
        check_u64(l, "groups.block_size", get_u64(g, "block_size"), r->groups[i].block_size);
        check_u64(l, "groups.page_size", get_u64(g, "page_size"), r->groups[i].page_size);
        if (sf_node_get(g, "n_slots"))
            check_u64(l, "groups.n_slots", get_u64(g, "n_slots"), r->groups[i].n_slots);
    }
    for (size_t i = 0; i < r->n_groups; i++)
        pages[i] = r->groups[i].pages;
    check_list(l, "pages_per_group", sf_node_get(l->expect, "pages_per_group"), pages, r->n_groups);
}

static void check_layers(line *l, const sf_kv_result *r)
{
    const sf_node *rows = sf_node_get(l->expect, "group_layers_per_worker");

    for (size_t i = 0; i < rows->n; i++) {
        uint64_t *got = SF_NEW_ARRAY(l->a, uint64_t, r->group_columns);

        for (size_t k = 0; k < r->worker_groups[i]; k++)
            got[k] = r->group_layers[i * r->group_columns + k];
        check_list(l, "group_layers_per_worker", rows->as.items[i], got, r->worker_groups[i]);
    }
}

/* A number, or a list with one per worker. */
static void check_concurrency(line *l, const sf_kv_result *r, size_t n_workers)
{
    const sf_node *want = sf_node_get(l->expect, "max_concurrency");
    const sf_node *copy = sf_node_get(l->expect, "max_concurrency_scheduler");

    for (size_t i = 0; i < n_workers; i++) {
        const sf_node *w = want->kind == SF_SEQ ? sf_node_item(want, i) : want;

        check_f64(l, "max_concurrency", w->kind == SF_INT ? (double)w->as.i : w->as.f,
                  r->worker_concurrency[i]);
    }
    if (copy)
        check_f64(l, "max_concurrency_scheduler", copy->kind == SF_INT ? (double)copy->as.i : copy->as.f,
                  r->scheduler_concurrency);
}

/* A number, or a list with one per worker where they differ. */
static void check_tokens(line *l, const sf_kv_result *r, size_t n_workers)
{
    const sf_node *want = sf_node_get(l->expect, "kv_tokens_reported");

    if (want->kind == SF_SEQ)
        check_list(l, "kv_tokens_reported", want, r->worker_tokens, n_workers);
    for (size_t i = 0; i < n_workers && want->kind != SF_SEQ; i++)
        check_u64(l, "kv_tokens_reported", (uint64_t)want->as.i, r->worker_tokens[i]);
}

static void check_plan(line *l, const sf_kv_result *r, const sf_kv_case *c)
{
    check_groups(l, r);
    check_layers(l, r);
    check_list(l, "num_blocks_per_worker", sf_node_get(l->expect, "num_blocks_per_worker"), r->worker_blocks,
               c->n_workers);
    check_u64(l, "num_blocks", get_u64(l->expect, "num_blocks"), r->num_blocks);
    check_list(l, "kv_tensor_bytes_per_worker", sf_node_get(l->expect, "kv_tensor_bytes_per_worker"),
               r->worker_bytes, c->n_workers);
    if (sf_node_get(l->expect, "packed_block_stride_per_worker"))
        check_list(l, "packed_block_stride_per_worker",
                   sf_node_get(l->expect, "packed_block_stride_per_worker"), r->worker_block_bytes,
                   c->n_workers);
    check_concurrency(l, r, c->n_workers);
    check_tokens(l, r, c->n_workers);
}

void run_kv(line *l)
{
    sf_kv_case c = case_of(l);
    const sf_kv_result *r;
    uint64_t *checked;

    if (l->bad || sf_kv_plan(l->a, l->profile, &c, &l->dg, &r) != SF_OK) {
        l->bad = true;
        printf("%.*s: no plan\n", SF_STR_ARG(l->id));
        return;
    }
    checked = SF_NEW_ARRAY(l->a, uint64_t, r->n_tests);
    for (size_t i = 0; i < r->n_tests; i++)
        checked[i] = (uint64_t)r->checked[i];
    check_list(l, "page_sizes", sf_node_get(l->expect, "page_sizes"), r->page_sizes, c.n_specs);
    check_list(l, "needed_bytes", sf_node_get(l->expect, "needed_bytes"), r->needed, r->n_tests);
    check_list(l, "checked_available_bytes", sf_node_get(l->expect, "checked_available_bytes"), checked,
               r->n_tests);
    check_list(l, "estimated_max_len", sf_node_get(l->expect, "estimated_max_len"), r->estimated_len,
               r->n_tests);
    check_str(l, "error_type", get_str(l->expect, "error_type"), r->error_class);
    check_str(l, "error_text", get_str(l->expect, "error_text"), r->error_text);
    check_lines(l, "log", sf_node_get(l->expect, "log"), r->log, r->n_log);
    if (sf_node_get(l->expect, "auto_fit_max_model_len"))
        check_u64(l, "auto_fit_max_model_len", get_u64(l->expect, "auto_fit_max_model_len"),
                  r->max_model_len);
    if (sf_node_get(l->expect, "groups") && !r->error)
        check_plan(l, r, &c);
}
