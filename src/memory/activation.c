/*
 * activation: fitted laws for the profile run.
 * Rule and evidence: docs/numbers.md, "Activation"; constants come from the engine profile.
 */
#include "memory/activation.h"

#include "memory/amount.h"

typedef struct law {
    sf_arena *arena;
    const sf_profile *profile;
    const sf_stage_need *n;
    const sf_forward *f;
    double m, b, tp; /* tokens of the dummy batch, bytes of an element, tensor parallelism */
} law;

static double at_least_one(uint64_t heads, double tp)
{
    double per_rank = (double)heads / tp;

    return per_rank < 1 ? 1 : per_rank;
}

/* Elements per token that the attention block and the dense MLP keep alive at once. */
static double dense_elements(const law *l)
{
    double h = (double)l->f->hidden * l->profile->dense_hidden_factor;
    double mlp = h + 3.0 * (double)l->f->intermediate / l->tp;
    double q = (double)l->f->q_heads / l->tp * (double)l->f->head_dim;
    double kv = 2.0 * at_least_one(l->f->kv_heads, l->tp) * (double)l->f->head_dim;
    double attention = h + q + kv + q;

    return mlp > attention ? mlp : attention;
}

/* Bytes of the fused experts' intermediates: two caches of `chunk` × k rows. */
static double expert_bytes(const law *l)
{
    double width = (double)l->f->moe_intermediate / l->tp, h = (double)l->f->hidden, wide;
    double tokens = l->m, chunk = (double)l->profile->moe_chunk_tokens;

    if (!l->f->experts)
        return 0;
    if (chunk > 0 && tokens > chunk)
        tokens = chunk;
    wide = 2 * width > h ? 2 * width : h;
    return tokens * (double)l->f->experts_per_token * (wide + (width > h ? width : h)) * l->b;
}

static sf_amount forward_peak(const law *l)
{
    double dense = l->m * l->b * dense_elements(l);
    double experts = expert_bytes(l);
    double copy = l->tp > 1 ? l->m * (double)l->f->hidden * l->b : 0; /* all-reduce is out of place */
    sf_str formula;

    if (!l->f->hidden)
        return sf_amount_exact(0, SF_STR("no language model"), (sf_str){0});
    if (l->f->experts)
        dense = l->m * l->b * (double)l->f->hidden * l->profile->dense_hidden_factor;
    formula =
        sf_arena_printf(l->arena, "%.0f tokens × %.0f B × (%.*s × %llu hidden%s)%s%s", l->m, l->b,
                        SF_STR_ARG(sf_fmt_fixed(l->arena, l->profile->dense_hidden_factor, 1)),
                        (unsigned long long)l->f->hidden, l->f->experts ? "" : " + MLP or attention width",
                        experts > 0 ? " + expert caches" : "", copy > 0 ? " + all-reduce copy" : "");
    return sf_amount_relative(dense + experts + copy, l->profile->forward_band_frac, formula,
                              SF_STR("numbers.md, Activation: forward"));
}

static sf_amount sampler_peak(const law *l)
{
    bool v2 = l->n->runner_v2 && l->profile->sampler_v2.bytes_per_logit > 0;
    const sf_sampler_law *s = v2 ? &l->profile->sampler_v2 : &l->profile->sampler;
    double rows = (double)(l->n->max_num_seqs < l->n->max_num_batched_tokens ? l->n->max_num_seqs
                                                                             : l->n->max_num_batched_tokens);
    double vocab = (double)l->f->vocab * (l->profile->sampler_gathers ? 1 : 1 / l->tp);
    double per_logit = s->bytes_per_logit + (l->n->dtype == SF_DT_F32 ? l->profile->sampler_fp32_extra : 0);
    double bytes = l->m * (double)l->f->hidden * l->b + per_logit * rows * vocab + s->fixed_bytes;
    sf_str formula;

    if (!l->f->vocab)
        return sf_amount_exact(0, SF_STR("no sampling on this rank"), (sf_str){0});
    formula = sf_arena_printf(
        l->arena, "%.0f tokens × %llu hidden × %.0f B + %.*s B × %.0f sequences × %.0f logits + %.*s", l->m,
        (unsigned long long)l->f->hidden, l->b, SF_STR_ARG(sf_fmt_fixed(l->arena, per_logit, 2)), rows, vocab,
        SF_STR_ARG(sf_fmt_bytes(l->arena, (uint64_t)s->fixed_bytes)));
    return sf_amount_relative(bytes, s->band_frac, formula, s->source);
}

/* Does the user forbid this kind of input? */
static bool modality_off(const sf_stage_need *n, sf_str modality)
{
    const sf_node *limit = sf_node_get_str(n->stage->args.v[SF_ARG_limit_mm_per_prompt].node, modality);

    if (sf_args_bool(&n->stage->args, SF_ARG_language_model_only, false))
        return true;
    if (sf_node_is(limit, SF_MAP))
        limit = sf_node_get(limit, "count");
    return sf_node_is(limit, SF_INT) && limit->as.i == 0;
}

/* The engine profiles the modality with the most tokens per item. */
static const sf_encoder *profiled_encoder(const sf_stage_need *n)
{
    const sf_encoder *best = NULL;

    if (sf_args_bool(&n->stage->args, SF_ARG_skip_mm_profiling, false))
        return NULL;
    for (size_t i = 0; i < n->model->n_encoders; i++) {
        const sf_encoder *e = &n->model->encoders[i];

        if (e->item_tokens && !modality_off(n, e->modality) && (!best || e->item_tokens > best->item_tokens))
            best = e;
    }
    return best;
}

static void encoder_peak(const law *l, sf_activation *act)
{
    const sf_encoder *e = profiled_encoder(l->n);
    double budget, items, tokens, patch;
    sf_str formula;

    act->encoder = act->encoder_kept = sf_amount_exact(0, SF_STR("no encoder is profiled"), (sf_str){0});
    if (!e)
        return;
    budget = l->m > (double)e->item_tokens ? l->m : (double)e->item_tokens;
    items = (double)(uint64_t)(budget / (double)e->item_tokens);
    if (items > (double)l->n->max_num_seqs)
        items = (double)l->n->max_num_seqs;
    tokens = items * (double)e->item_tokens;
    patch = (double)e->hidden + 3.0 * (double)e->intermediate + (double)e->qkv;
    formula = sf_arena_printf(l->arena, "%.0f %.*s items × %llu tokens × %llu patches × %.0f wide × %.0f B",
                              items, SF_STR_ARG(e->modality), (unsigned long long)e->item_tokens,
                              (unsigned long long)e->patches_per_token, patch, l->b);
    act->encoder = sf_amount_relative(tokens * (double)e->patches_per_token * patch * l->b, 0.5, formula,
                                      SF_STR("numbers.md, Activation: encoder"));
    formula = sf_arena_printf(l->arena, "%.0f tokens × %llu wide × %.0f B", tokens,
                              (unsigned long long)e->out_hidden, l->b);
    act->encoder_kept = sf_amount_relative(tokens * (double)e->out_hidden * l->b, 0.1, formula,
                                           SF_STR("numbers.md, Activation: encoder"));
}

static sf_amount larger(sf_amount x, sf_amount y)
{
    return x.bytes >= y.bytes ? x : y;
}

/* `x` with the encoder outputs that stay alive beside it. */
static sf_amount beside(sf_arena *a, sf_amount x, sf_amount kept, const char *what)
{
    const sf_amount both[2] = {x, kept};
    sf_amount sum;

    if (!kept.bytes) {
        x.formula = sf_arena_printf(a, "%s: %.*s", what, SF_STR_ARG(x.formula));
        return x;
    }
    sum = sf_amount_sum(both, 2);
    sum.formula = sf_arena_printf(a, "%s: %.*s; beside the encoder's output: %.*s", what,
                                  SF_STR_ARG(x.formula), SF_STR_ARG(kept.formula));
    sum.source = x.source;
    return sum;
}

sf_amount sf_activation_peak(sf_arena *a, const sf_profile *profile, const sf_stage_need *n, uint64_t tp,
                             bool first_stage, bool last_stage, sf_activation *ret_phases)
{
    law l = {a,
             profile,
             n,
             &n->model->forward,
             (double)n->max_num_batched_tokens,
             (double)sf_dtype_bits(n->dtype) / 8,
             (double)(tp ? tp : 1)};
    sf_activation act;
    sf_amount peak;

    act.forward = forward_peak(&l);
    act.sampler =
        last_stage ? sampler_peak(&l) : sf_amount_exact(0, SF_STR("no sampling on this rank"), (sf_str){0});
    if (first_stage)
        encoder_peak(&l, &act);
    else
        act.encoder = act.encoder_kept = sf_amount_exact(0, SF_STR("no encoder on this rank"), (sf_str){0});
    peak = larger(beside(a, act.forward, act.encoder_kept, "forward pass"),
                  beside(a, act.sampler, act.encoder_kept, "sampler"));
    peak = larger(peak, beside(a, act.encoder, act.encoder_kept, "encoder"));
    *ret_phases = act;
    return peak;
}
