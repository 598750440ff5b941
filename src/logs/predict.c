/*
 * predict: a one-stage deployment out of a row's inputs, through account and replay.
 * Must not read a file.
 */
#include "logs/predict.h"

#include "memory/amount.h"
#include "startup/budget.h"

static uint32_t ranks_of(const sf_truth_inputs *in)
{
    int64_t n = sf_args_i64(&in->args, SF_ARG_tensor_parallel_size, 1) *
                sf_args_i64(&in->args, SF_ARG_pipeline_parallel_size, 1) *
                sf_args_i64(&in->args, SF_ARG_data_parallel_size, 1);

    return n > 0 && n < 4096 ? (uint32_t)n : 1;
}

/* "NVIDIA GB10 (DGX Spark)" without what stands in brackets. */
static sf_str plain_name(sf_str name)
{
    ptrdiff_t open = sf_str_find_char(name, '(');

    return sf_str_trim(open > 0 ? sf_str_sub(name, 0, (size_t)open) : name);
}

static sf_code add(sf_arena *a, sf_inventory *inv, uint32_t count, sf_str what, const sf_truth_inputs *in)
{
    sf_str spec = sf_arena_printf(a, "%ux%.*s", count, SF_STR_ARG(what));

    if (spec.p && in->gpu_free_gib > 0)
        spec = sf_arena_printf(a, "%.*s,free=%.2fGiB", SF_STR_ARG(spec), in->gpu_free_gib);
    return spec.p ? sf_inventory_add(a, inv, spec, NULL) : SF_E_NOMEM;
}

sf_code sf_predict_gpus(sf_arena *a, const sf_truth_inputs *in, sf_inventory *ret, bool *ret_known)
{
    uint32_t ranks = ranks_of(in), count = in->gpu_count > ranks ? in->gpu_count : ranks;
    sf_code rc = SF_E_GPU_UNKNOWN;

    *ret_known = true;
    *ret = (sf_inventory){0};
    if (in->gpu.n)
        rc = add(a, ret, count, in->gpu, in);
    if (rc && rc != SF_E_NOMEM && plain_name(in->gpu).n) {
        *ret = (sf_inventory){0};
        rc = add(a, ret, count, plain_name(in->gpu), in);
    }
    if (rc && rc != SF_E_NOMEM && in->gpu_total_gib > 0) {
        *ret = (sf_inventory){0};
        rc = add(a, ret, count, sf_arena_printf(a, "%.2fGiB", in->gpu_total_gib), in);
    }
    if (!rc || rc == SF_E_NOMEM)
        return rc;
    *ret_known = false;
    *ret = (sf_inventory){0};
    return add(a, ret, count, SF_STR("80GiB"), &(sf_truth_inputs){0});
}

static sf_code deployment(sf_arena *a, const sf_truth_inputs *in, const sf_deployment **ret)
{
    sf_deployment *d = SF_NEW(a, sf_deployment);
    sf_stage *st = SF_NEW(a, sf_stage);
    uint32_t n = ranks_of(in), *devices = SF_NEW_ARRAY(a, uint32_t, n);

    if (!d || !st || !devices)
        return SF_E_NOMEM;
    for (uint32_t i = 0; i < n; i++)
        devices[i] = i;
    *st = (sf_stage){.name = SF_STR("engine"),
                     .kind = SF_STAGE_AR,
                     .args = in->args,
                     .devices = devices,
                     .n_devices = n,
                     .n_replicas = 1,
                     .tp = (uint32_t)sf_args_i64(&in->args, SF_ARG_tensor_parallel_size, 1),
                     .pp = (uint32_t)sf_args_i64(&in->args, SF_ARG_pipeline_parallel_size, 1),
                     .dp = (uint32_t)sf_args_i64(&in->args, SF_ARG_data_parallel_size, 1),
                     .world = n,
                     .model = in->model};
    *d = (sf_deployment){.source = SF_STR("row"),
                         .model = in->model,
                         .stages = st,
                         .n_stages = 1,
                         .served_by = SF_STR("serve")};
    *ret = d;
    return SF_OK;
}

/* What the engine's log calls non-torch memory: what the release charges of it. */
static sf_amount non_torch(const sf_profile *profile, const sf_rank_need *r)
{
    static const sf_part parts[] = {SF_PART_NON_TORCH, SF_PART_CONTEXT, SF_PART_NCCL};
    sf_amount list[3];
    size_t n = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (sf_budget_has(profile, parts[i], true))
            list[n++] = r->part[parts[i]];
    return sf_amount_sum(list, n);
}

sf_code sf_predict(sf_arena *a, const sf_profile *profile, const sf_model *model, const sf_truth_inputs *in,
                   const sf_inventory *inv, sf_diags *dg, sf_prediction *ret)
{
    const sf_account_options opt = {.host_pids = true};
    const sf_deployment *d = NULL;
    const sf_rank_need *r;
    const sf_need *need = NULL;
    sf_code rc = deployment(a, in, &d);

    *ret = (sf_prediction){.profile = profile};
    if (!rc)
        rc = sf_account(a, profile, d, &model, inv, &opt, dg, &need);
    if (!rc)
        rc = sf_replay_start(a, profile, d, need, inv, &opt, dg, &ret->replay);
    if (rc)
        return rc;
    ret->need = &need->stages[0];
    r = &ret->need->ranks[0];
    ret->weights = r->part[SF_PART_WEIGHTS];
    ret->activation = r->part[SF_PART_ACTIVATION];
    ret->graphs = r->part[SF_PART_GRAPHS];
    ret->non_torch = non_torch(profile, r);
    ret->kv = ret->replay->stages[0].kv;
    if (ret->kv)
        ret->kv_available = (sf_amount){.bytes = ret->replay->stages[0].kv_available,
                                        .low = ret->replay->stages[0].kv_low,
                                        .high = ret->replay->stages[0].kv_high};
    if (!ret->replay->nominal_ok && ret->replay->first_failure)
        ret->failure = ret->replay->first_failure->code;
    return SF_OK;
}

sf_code sf_predict_given(sf_arena *a, const sf_prediction *p, int64_t available, sf_diags *dg,
                         const sf_kv_result **ret)
{
    sf_kv_case c = p->need->kv;
    sf_kv_worker *workers = SF_NEW_ARRAY(a, sf_kv_worker, p->need->n_ranks);

    if (!workers)
        return SF_E_NOMEM;
    for (size_t i = 0; i < p->need->n_ranks; i++)
        workers[i] = (sf_kv_worker){p->need->ranks[i].pp_rank, available};
    c.workers = workers;
    c.n_workers = p->need->n_ranks;
    return sf_kv_plan(a, p->profile, &c, dg, ret);
}
