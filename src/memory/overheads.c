/*
 * overheads: measured quantities, with the bands of their fits.
 * Evidence is in data/engines (per release) and data/pipelines (per stage); nothing is a constant here.
 */
#include "memory/overheads.h"

#include "memory/amount.h"

static sf_amount nothing(const char *why)
{
    return sf_amount_exact(0, sf_str_of(why), (sf_str){0});
}

/* A size member of a fact; absent leaves *ret. */
static sf_code fact_size(const sf_node *fact, const char *key, sf_diags *dg, double *ret)
{
    const sf_node *v = sf_node_get(fact, key);
    uint64_t bytes;

    if (sf_node_absent(v))
        return SF_OK;
    if (v->kind == SF_INT && v->as.i >= 0) {
        *ret = (double)v->as.i;
        return SF_OK;
    }
    if (v->kind == SF_STRING && sf_parse_size(v->text, &bytes)) {
        *ret = (double)bytes;
        return SF_OK;
    }
    return sf_diag_error(dg, SF_E_TYPE, sf_node_where(v), "write 1.5GiB or a number of bytes",
                         "%s is not a size", key);
}

sf_code sf_overheads_fact(sf_arena *a, const sf_node *fact, sf_diags *dg, sf_amount *ret)
{
    double bytes = 0, low, high;
    sf_str source = {0};
    sf_code rc;

    *ret = nothing("none");
    if (sf_node_absent(fact))
        return SF_OK;
    rc = fact_size(fact, "bytes", dg, &bytes);
    low = bytes * 0.75;
    high = bytes * 1.25;
    if (!rc)
        rc = fact_size(fact, "low", dg, &low);
    if (!rc)
        rc = fact_size(fact, "high", dg, &high);
    if (!rc)
        rc = sf_node_read_str(fact, "source", dg, &source);
    if (rc)
        return rc;
    *ret = sf_amount_band(
        bytes, low, high, SF_ORIGIN_MODELLED,
        sf_arena_printf(a, "%.*s, observed for this stage", SF_STR_ARG(sf_fmt_bytes(a, (uint64_t)bytes))),
        source);
    return ret->formula.p ? SF_OK : SF_E_NOMEM;
}

/* One graph a size, and where decode batches have full graphs too, one more up to max_num_seqs. */
static size_t graph_count(const sf_profile *profile, const sf_stage_need *n)
{
    size_t count = n->n_capture_sizes;

    for (size_t i = 0; profile->capture_full_and_piecewise && i < n->n_capture_sizes; i++)
        count += n->capture_sizes[i] <= n->max_num_seqs;
    return count;
}

static void fill_graphs(sf_arena *a, const sf_profile *profile, const sf_stage_need *n, uint64_t layers,
                        sf_rank_need *r)
{
    double reference = profile->graphs_actual.graphs;
    double scale = reference > 0 ? (double)graph_count(profile, n) / reference : 1;
    double actual, est;

    r->part[SF_PART_GRAPHS] =
        nothing(n->stage->kind == SF_STAGE_AR ? "enforce_eager: no CUDA graphs" : "none");
    r->part[SF_PART_GRAPHS_EST] = nothing("not subtracted by this release");
    if (!n->graphs)
        return;
    r->part[SF_PART_GRAPHS] = sf_amount_overhead(a, &profile->graphs_actual, (double)layers, scale);
    if (n->graph_rule != SF_GRAPHS_SUBTRACT)
        return;
    actual = (double)r->part[SF_PART_GRAPHS].bytes;
    est = actual * profile->graph_estimate_factor;
    r->part[SF_PART_GRAPHS_EST] = sf_amount_band(
        est, est * profile->graph_estimate_low_frac, est * profile->graph_estimate_high_frac,
        SF_ORIGIN_MODELLED,
        sf_arena_printf(a, "%.*s × the %.*s that the graphs take; the engine's estimate scatters",
                        SF_STR_ARG(sf_fmt_fixed(a, profile->graph_estimate_factor, 2)),
                        SF_STR_ARG(sf_fmt_bytes(a, (uint64_t)actual))),
        SF_STR("numbers.md, CUDA graphs"));
}

static sf_amount buffers(sf_arena *a, const sf_profile *profile, const sf_stage_need *n, uint64_t slack)
{
    double embeds = n->model && n->model->n_encoders
                        ? (double)n->max_num_batched_tokens * (double)n->model->forward.hidden *
                              (double)sf_dtype_bits(n->dtype) / 8
                        : 0;
    sf_amount parts[2] = {sf_amount_overhead(a, &profile->buffers, 0, 1),
                          sf_amount_band(embeds + (double)slack, embeds + (double)slack,
                                         embeds + (double)slack, SF_ORIGIN_EXACT, (sf_str){0}, (sf_str){0})};
    sf_amount sum = sf_amount_sum(parts, 2);

    sum.formula =
        sf_arena_printf(a, "%.*s of the runner + %.*s of the allocator's slack%s",
                        SF_STR_ARG(sf_fmt_bytes(a, (uint64_t)parts[0].bytes)),
                        SF_STR_ARG(sf_fmt_bytes(a, slack)), embeds > 0 ? " + input embeddings" : "");
    sum.source = profile->buffers.source;
    sum.origin = SF_ORIGIN_MODELLED;
    return sum;
}

/* Memory that the model itself keeps outside of the KV cache, for each request it may run. */
static sf_code add_model_owned(sf_arena *a, const sf_stage_need *n, const sf_node *facts, sf_diags *dg,
                               sf_amount *buffers)
{
    sf_amount own, both[2];
    int64_t requests = (int64_t)n->max_num_seqs;
    sf_code rc = sf_overheads_fact(a, sf_node_get(facts, "model_owned"), dg, &own);

    if (rc || !own.bytes)
        return rc;
    both[0] = *buffers;
    both[1] = sf_amount_band((double)own.bytes * (double)requests, (double)own.low * (double)requests,
                             (double)own.high * (double)requests, own.origin, own.formula, own.source);
    *buffers = sf_amount_sum(both, 2);
    buffers->formula = sf_arena_printf(a, "%.*s + %lld requests of the model's own state",
                                       SF_STR_ARG(both[0].formula), (long long)requests);
    buffers->source = own.source;
    return buffers->formula.p ? SF_OK : SF_E_NOMEM;
}

sf_code sf_overheads_fill(sf_arena *a, const sf_profile *profile, const sf_stage_need *n, uint64_t slack,
                          uint64_t layers_here, sf_diags *dg, sf_rank_need *r)
{
    const sf_node *facts = n->stage->pipeline ? n->stage->pipeline->facts : NULL;
    bool torch_serves = n->stage->kind == SF_STAGE_AR;
    bool eager = sf_args_bool(&n->stage->args, SF_ARG_enforce_eager, false);
    sf_code rc;

    r->part[SF_PART_CONTEXT] = sf_amount_overhead(a, &profile->context, 0, 1);
    r->part[SF_PART_NCCL] = n->stage->world > 1 ? sf_amount_overhead(a, &profile->nccl_per_rank, 0, 1)
                                                : nothing("a single rank has no communicators");
    r->part[SF_PART_NON_TORCH] = sf_amount_overhead(
        a, torch_serves && n->stage->tp > 1 ? &profile->non_torch_tpn : &profile->non_torch_tp1, 0, 1);
    if (torch_serves)
        r->part[SF_PART_BUFFERS] = buffers(a, profile, n, slack);
    else
        r->part[SF_PART_BUFFERS] =
            sf_amount_exact(slack, SF_STR("the allocator's slack after loading"), (sf_str){0});
    rc = add_model_owned(a, n, facts, dg, &r->part[SF_PART_BUFFERS]);
    if (rc)
        return rc;
    r->part[SF_PART_POOL] =
        sf_amount_exact(n->stage->gpu_pool_bytes, SF_STR("connector memory pools on the GPU"), (sf_str){0});
    r->part[SF_PART_CODEC_GRAPHS] = nothing(torch_serves ? "none" : "enforce_eager: no codec graphs");
    if (!eager) {
        rc = sf_overheads_fact(a, sf_node_get(facts, "codec_graphs"), dg, &r->part[SF_PART_CODEC_GRAPHS]);
        if (rc)
            return rc;
    }
    fill_graphs(a, profile, n, layers_here, r);
    return SF_OK;
}
