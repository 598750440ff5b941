/*
 * profile_fold: from the fields of data/engines/vllm*.yaml to sf_profile.
 * Must not know releases: the tables name fields and their types only.
 */
#include "engine/profile_fold.h"

#include "base/num.h"

typedef enum field_kind { F_BOOL, F_INT, F_I64, F_U64, F_F64, F_STR, F_ENUM } field_kind;

typedef struct field {
    const char *name;
    field_kind kind;
    size_t at;
    const char *const *words; /* F_ENUM: in the order of the enum, NULL at the end */
} field;

static const char *const check_words[] = {"none", "strict", "cap", NULL};
static const char *const requested_words[] = {"float", "ceil", NULL};
static const char *const budget_words[] = {"v0", "all_used", "delta", "consumed", "process", NULL};
static const char *const graph_words[] = {"outside", "logged", "subtract", NULL};
static const char *const number_words[] = {"fixed2", "round2", NULL};
static const char *const order_words[] = {"serial_id", "parallel", "groups_by_text", "groups_by_overlap",
                                          NULL};

#define AT(member) offsetof(sf_profile, member)
#define FIELD(member, kind)                                                                                  \
    {                                                                                                        \
#member, kind, AT(member), NULL                                                                      \
    }
#define ENUM(member, words)                                                                                  \
    {                                                                                                        \
#member, F_ENUM, AT(member), words                                                                   \
    }

static const field profile_fields[] = {
    FIELD(v0, F_BOOL),
    {"util",         F_F64, AT(default_util_frac),  NULL},
    ENUM(check, check_words),
    ENUM(requested, requested_words),
    FIELD(nccl_in_budget, F_BOOL),
    FIELD(context_in_budget, F_BOOL),
    ENUM(kv_budget, budget_words),
    FIELD(kv_floor_zero, F_BOOL),
    FIELD(kv_bytes_flag, F_BOOL),
    FIELD(buffers_in_budget, F_BOOL),
    ENUM(graphs, graph_words),
    ENUM(graphs_v2, graph_words),
    ENUM(number, number_words),
    FIELD(chunked, F_BOOL),
    FIELD(chunk_threshold, F_I64),
    FIELD(async_default, F_BOOL),
    FIELD(dense_hidden_factor, F_F64),
    FIELD(forward_band_frac, F_F64),
    {"sampler_fp32", F_F64, AT(sampler_fp32_extra), NULL},
    FIELD(sampler_gathers, F_BOOL),
    {"moe_chunk",    F_I64, AT(moe_chunk_tokens),   NULL},
    FIELD(attention_scalars, F_I64),
    FIELD(drops_unused_encoders, F_BOOL),
    FIELD(large_segments_whole, F_BOOL),
    FIELD(online_quant_whole, F_BOOL),
    FIELD(max_len_auto, F_BOOL),
    FIELD(lora_experts, F_BOOL),
    FIELD(lora_vocabulary, F_I64),
    FIELD(fp32_auto_half, F_BOOL),
    FIELD(omni, F_BOOL),
    FIELD(format, F_STR),
    FIELD(mrv2_models, F_STR), /* mrv2_add appends, this replaces */
    ENUM(order, order_words),
    FIELD(has_admission, F_BOOL),
};

#define KV(member, kind)                                                                                     \
    {                                                                                                        \
#member, kind, AT(kv.member), NULL                                                                   \
    }

static const field kv_fields[] = {
    KV(hybrid_manager, F_BOOL),
    KV(attention_first_order, F_BOOL),
    KV(group_per_stage, F_BOOL),
    KV(groups_consecutive, F_BOOL),
    KV(uniform_type, F_BOOL),
    KV(uniform_type_whole_model, F_BOOL),
    KV(group_ratio, F_F64),
    KV(unify_pages, F_BOOL),
    KV(unify_pads, F_BOOL),
    KV(unify_promotes_swa, F_BOOL),
    KV(unify_pads_state, F_BOOL),
    KV(merge_specs, F_BOOL),
    KV(dsv4_block_rule, F_INT),
    KV(fit_test, F_INT),
    KV(auto_fit, F_BOOL),
    KV(override_in_fit_test, F_BOOL),
    KV(pages_sum_of_cdivs, F_BOOL),
    KV(in_flight_batches, F_BOOL),
    KV(cross_len_batch, F_BOOL),
    KV(tokens_rule, F_INT),
    KV(tokens_per_worker, F_BOOL),
    KV(one_group_cache_block, F_BOOL),
    KV(dcp_multiplies_groups, F_BOOL),
    KV(mla_align, F_U64),
    KV(mamba_spec_pages, F_BOOL),
    KV(mamba_modes, F_BOOL),
    KV(mamba_len_pages, F_BOOL),
    KV(mamba_all_spec, F_BOOL),
    KV(state_prefix, F_INT),
    KV(state_prefix_default, F_BOOL),
    KV(hybrid_align, F_INT),
    KV(kda_three_states, F_BOOL),
    KV(qwen35_ssm_dtype, F_BOOL),
    KV(chunked_disables_hybrid, F_BOOL),
    KV(modelopt_kv_auto, F_BOOL),
    KV(kv_scheme_rule, F_INT),
    KV(mla_block_rule, F_INT),
    KV(sparse_fp8_is_ds_mla, F_BOOL),
    KV(swa_own_block, F_BOOL),
    KV(wide_block, F_BOOL),
    KV(wide_head_types, F_STR),
};

static const field capture_fields[] = {
    {"max",       F_I64,  AT(capture_max),                NULL},
    {"max_sm100", F_I64,  AT(capture_max_sm100),          NULL},
    {"by_seqs",   F_BOOL, AT(capture_by_seqs),            NULL},
    {"full",      F_BOOL, AT(capture_full_and_piecewise), NULL},
    {"spec",      F_BOOL, AT(capture_spec_factor),        NULL},
    {"appends_m", F_BOOL, AT(capture_appends_m),          NULL},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const message_names[SF_MSG_COUNT] = {
    [SF_MSG_FREE_MEMORY] = "free_memory",
    [SF_MSG_FREE_MEMORY_CAP] = "free_memory_cap",
    [SF_MSG_NO_KV] = "no_kv",
    [SF_MSG_KV_SHORT] = "kv_short",
    [SF_MSG_AUTO_FIT_NONE] = "auto_fit_none",
    [SF_MSG_WEIGHTS] = "weights",
    [SF_MSG_KV_AVAILABLE] = "kv_available",
    [SF_MSG_KV_TOKENS] = "kv_tokens",
    [SF_MSG_CONCURRENCY] = "concurrency",
    [SF_MSG_GRAPHS] = "graphs",
    [SF_MSG_ADMISSION] = "admission",
    [SF_MSG_KV_PADDING] = "kv_padding",
    [SF_MSG_KV_DCP] = "kv_dcp",
    [SF_MSG_KV_OVERRIDE] = "kv_override",
    [SF_MSG_KV_HYBRID_OFF] = "kv_hybrid_off",
    [SF_MSG_KV_PROMOTED] = "kv_promoted",
    [SF_MSG_KV_PAGES] = "kv_pages",
    [SF_MSG_KV_NOT_ONE_TYPE] = "kv_not_one_type",
    [SF_MSG_KV_WINDOWS] = "kv_windows",
    [SF_MSG_AUTO_FIT_LOWER] = "auto_fit_lower",
    [SF_MSG_AUTO_FIT_WHOLE] = "auto_fit_whole",
    [SF_MSG_STATE_BLOCK] = "state_block",
    [SF_MSG_STATE_PADDING] = "state_padding",
    [SF_MSG_STATE_SETUP] = "state_setup",
    [SF_MSG_STATE_NO_PREFIX] = "state_no_prefix",
    [SF_MSG_STATE_MODE] = "state_mode",
    [SF_MSG_STATE_EXPERIMENTAL] = "state_experimental",
    [SF_MSG_KV_AVAILABLE_FALLBACK] = "kv_available_fallback",
};

static sf_code bad_field(const sf_node *at, sf_str name, sf_diags *dg)
{
    return sf_diag_error(
        dg, SF_E_TYPE, sf_node_where_key(at, name), "fields and values are listed in docs/engines.md",
        "\"%.*s\" is not a field of an engine release, or has the wrong type", SF_STR_ARG(name));
}

static bool set_number(void *to, field_kind kind, const sf_node *v)
{
    if (v->kind != SF_INT && !(v->kind == SF_FLOAT && kind == F_F64))
        return false;
    switch (kind) {
    case F_INT:
        if (v->as.i < INT32_MIN || v->as.i > INT32_MAX)
            return false;
        *(int *)to = (int)v->as.i;
        return true;
    case F_I64:
        *(int64_t *)to = v->as.i;
        return true;
    case F_U64:
        if (v->as.i < 0)
            return false;
        *(uint64_t *)to = (uint64_t)v->as.i;
        return true;
    default:
        *(double *)to = v->kind == SF_INT ? (double)v->as.i : v->as.f;
        return true;
    }
}

static bool set_word(void *to, const char *const *words, const sf_node *v)
{
    for (unsigned i = 0; words[i]; i++)
        if (sf_str_is(v->text, words[i])) {
            memcpy(to, &i, sizeof i); /* enums of this struct are unsigned int */
            return true;
        }
    return false;
}

static bool set_field(sf_profile *p, const field *f, const sf_node *v)
{
    void *to = (char *)p + f->at;

    switch (f->kind) {
    case F_BOOL:
        if (v->kind != SF_BOOL)
            return false;
        *(bool *)to = v->as.b;
        return true;
    case F_STR:
        *(sf_str *)to = v->text;
        return v->kind == SF_STRING;
    case F_ENUM:
        return set_word(to, f->words, v);
    default:
        return set_number(to, f->kind, v);
    }
}

static const field *find_field(const field *fields, size_t n, sf_str name)
{
    for (size_t i = 0; i < n; i++)
        if (sf_str_is(name, fields[i].name))
            return &fields[i];
    return NULL;
}

static sf_code set_map(sf_profile *p, const field *fields, size_t n, const sf_node *map, sf_diags *dg)
{
    if (!sf_node_is(map, SF_MAP))
        return bad_field(map, map->text, dg);
    for (size_t i = 0; i < map->n; i++) {
        const sf_pair *pair = &map->as.pairs[i];
        const field *f = find_field(fields, n, pair->key);

        if (!f || !set_field(p, f, pair->value))
            return bad_field(pair->value, pair->key, dg);
    }
    return SF_OK;
}

/* Two integers of a list such as [16384, 8192]. */
static bool pair_of(const sf_node *list, int64_t *ret_a, int64_t *ret_b)
{
    const sf_node *x = sf_node_item(list, 0), *y = sf_node_item(list, 1);

    if (!sf_node_is(x, SF_INT) || !sf_node_is(y, SF_INT) || list->n != 2)
        return false;
    *ret_a = x->as.i;
    *ret_b = y->as.i;
    return true;
}

static sf_code set_batch(sf_profile *p, const sf_node *rows, sf_diags *dg)
{
    if (!sf_node_is(rows, SF_SEQ) || rows->n > SF_BATCH_ROWS)
        return bad_field(rows, SF_STR("batch"), dg);
    p->n_batch = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const sf_node *row = rows->as.items[i];
        sf_batch_default d = {0};
        int64_t gib = 0;

        if (sf_node_read_i64(row, "min_gib", 0, 1 << 20, dg, &gib) ||
            sf_node_read_str(row, "names", dg, &d.name_has) ||
            sf_node_read_str(row, "not", dg, &d.name_lacks) ||
            sf_node_read_i64(row, "seqs", 1, 1 << 20, dg, &d.max_num_seqs))
            return SF_E_TYPE;
        if (!pair_of(sf_node_get(row, "tokens"), &d.batched_tokens_llm, &d.batched_tokens_server))
            return bad_field(row, SF_STR("tokens"), dg);
        d.min_total_bytes = (uint64_t)gib * SF_GIB;
        p->batch[p->n_batch++] = d;
    }
    return SF_OK;
}

static sf_code append(sf_arena *a, sf_str *list, const sf_node *more)
{
    if (more->kind != SF_STRING)
        return SF_E_TYPE;
    *list = list->n ? sf_arena_printf(a, "%.*s,%.*s", SF_STR_ARG(*list), SF_STR_ARG(more->text)) : more->text;
    return list->p ? SF_OK : SF_E_NOMEM;
}

static sf_code set_messages(sf_fold *fold, const sf_node *map, sf_diags *dg)
{
    for (size_t i = 0; i < map->n; i++) {
        const sf_pair *pair = &map->as.pairs[i];
        size_t m = 0;

        while (m < SF_MSG_COUNT && !sf_str_is(pair->key, message_names[m]))
            m++;
        if (m == SF_MSG_COUNT)
            return bad_field(pair->value, pair->key, dg);
        fold->message[m] = sf_node_absent(pair->value) ? (sf_str){NULL, 0} : pair->value->text;
    }
    return SF_OK;
}

static bool set_estimate(sf_profile *p, const sf_node *list)
{
    double *to[] = {&p->graph_estimate_factor, &p->graph_estimate_low_frac, &p->graph_estimate_high_frac};

    for (size_t i = 0; i < COUNT(to); i++) {
        const sf_node *v = sf_node_item(list, i);

        if (!v || !set_number(to[i], F_F64, v))
            return false;
    }
    return true;
}

/* Fields that are more than one value; SF_E_TYPE without a diagnostic when `key` is none of them. */
static sf_code set_special(sf_arena *a, sf_fold *fold, sf_str key, const sf_node *v, sf_diags *dg,
                           bool *ret_known)
{
    sf_profile *p = &fold->p;

    *ret_known = true;
    if (sf_str_is(key, "kv"))
        return set_map(p, kv_fields, COUNT(kv_fields), v, dg);
    if (sf_str_is(key, "batch"))
        return set_batch(p, v, dg);
    if (sf_str_is(key, "messages"))
        return set_messages(fold, v, dg);
    if (sf_str_is(key, "mla_add"))
        return append(a, &p->mla_model_types, v);
    if (sf_str_is(key, "lora_add"))
        return append(a, &p->lora_models, v);
    if (sf_str_is(key, "mrv2_add"))
        return append(a, &p->mrv2_models, v);
    *ret_known =
        sf_fold_set_law(fold, key, v) ||
        (sf_str_is(key, "unchunked_tokens") && pair_of(v, &p->unchunked_tokens, &p->unchunked_tokens_mm)) ||
        (sf_str_is(key, "graph_estimate") && set_estimate(p, v));
    return SF_OK;
}

/* capture: steps is a pair, the rest are plain fields. */
static sf_code set_capture(sf_profile *p, const sf_node *map, sf_diags *dg)
{
    for (size_t i = 0; i < map->n; i++) {
        const sf_pair *pair = &map->as.pairs[i];
        const field *f = find_field(capture_fields, COUNT(capture_fields), pair->key);

        if (f ? !set_field(p, f, pair->value)
              : !sf_str_is(pair->key, "steps") ||
                    !pair_of(pair->value, &p->capture_step_small, &p->capture_step_large))
            return bad_field(pair->value, pair->key, dg);
    }
    return SF_OK;
}

sf_code sf_fold_apply(sf_arena *a, sf_fold *fold, const sf_node *changes, sf_diags *dg)
{
    if (!sf_node_is(changes, SF_MAP))
        return bad_field(changes, SF_STR("changes"), dg);
    for (size_t i = 0; i < changes->n; i++) {
        const sf_pair *pair = &changes->as.pairs[i];
        const field *f = find_field(profile_fields, COUNT(profile_fields), pair->key);
        bool known = true;
        sf_code rc = SF_OK;

        if (f)
            known = set_field(&fold->p, f, pair->value);
        else if (sf_str_is(pair->key, "capture"))
            rc = set_capture(&fold->p, pair->value, dg);
        else
            rc = set_special(a, fold, pair->key, pair->value, dg, &known);
        if (rc)
            return rc;
        if (!known)
            return bad_field(pair->value, pair->key, dg);
    }
    return SF_OK;
}
