/*
 * activation: fitted laws for the profile run.
 * Rule and evidence: docs/numbers.md, "Activation"; constants come from the engine profile.
 */
#include "memory/activation.h"

#include <math.h>

#include "memory/amount.h"
#include "memory/multimodal.h"

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
    bool whole = sf_args_bool(&l->n->stage->args, SF_ARG_enable_expert_parallel, false);
    double width = (double)l->f->moe_intermediate / (whole ? 1 : l->tp), h = (double)l->f->hidden, wide;
    double tokens = l->m, chunk = (double)l->profile->moe_chunk_tokens;

    if (!l->f->experts)
        return 0;
    if (chunk > 0 && tokens > chunk)
        tokens = chunk;
    wide = 2 * width > h ? 2 * width : h;
    return tokens * (double)l->f->experts_per_token * (wide + (width > h ? width : h)) * l->b;
}

/* `last`: the rank ends the pipeline; the others hold hidden states and residuals to be sent on. */
static sf_amount forward_peak(const law *l, bool last)
{
    double dense = l->m * l->b * dense_elements(l);
    double experts = expert_bytes(l);
    double copy = l->tp > 1 ? l->m * (double)l->f->hidden * l->b : 0; /* all-reduce is out of place */
    double sent = last ? 0 : 3 * l->m * (double)l->f->hidden * l->b;
    sf_str formula;

    if (!l->f->hidden)
        return sf_amount_exact(0, SF_STR("no language model"), (sf_str){0});
    if (l->f->experts)
        dense = l->m * l->b * (double)l->f->hidden * l->profile->dense_hidden_factor;
    formula =
        sf_arena_printf(l->arena, "%.0f tokens × %.0f B × (%.*s × %llu hidden%s)%s%s%s", l->m, l->b,
                        SF_STR_ARG(sf_fmt_fixed(l->arena, l->profile->dense_hidden_factor, 1)),
                        (unsigned long long)l->f->hidden, l->f->experts ? "" : " + MLP or attention width",
                        experts > 0 ? " + expert caches" : "", copy > 0 ? " + all-reduce copy" : "",
                        sent > 0 ? " + what the next stage gets" : "");
    return sf_amount_relative(dense + experts + copy + sent, l->profile->forward_band_frac, formula,
                              SF_STR("numbers.md, Activation: forward"));
}

static double sampler_bytes(const law *l, const sf_sampler_law *s, double rows, double vocab)
{
    double per_logit = s->bytes_per_logit + (l->n->dtype == SF_DT_F32 ? l->profile->sampler_fp32_extra : 0);

    return l->m * (double)l->f->hidden * l->b + per_logit * rows * vocab + s->fixed_bytes;
}

static sf_amount sampler_peak(const law *l)
{
    bool v2 = l->n->runner_v2 && l->profile->sampler_v2.bytes_per_logit > 0;
    const sf_sampler_law *s = v2 ? &l->profile->sampler_v2 : &l->profile->sampler;
    const sf_sampler_law *other = &l->profile->sampler_other;
    uint64_t batch = l->n->max_num_batched_tokens;
    double rows = (double)(l->n->max_num_seqs < batch ? l->n->max_num_seqs : batch);
    double vocab = (double)l->f->vocab * (l->profile->sampler_gathers ? 1 : 1 / l->tp);
    double extra = l->n->dtype == SF_DT_F32 ? l->profile->sampler_fp32_extra : 0, low;
    sf_str formula;
    sf_amount x;

    if (!l->f->vocab || l->n->pooling)
        return sf_amount_exact(0,
                               l->n->pooling ? SF_STR("a pooling engine samples nothing")
                                             : SF_STR("no sampling on this rank"),
                               (sf_str){0});
    formula = sf_arena_printf(
        l->arena, "%.0f tokens × %llu hidden × %.0f B + %.*s B × %.0f sequences × %.0f logits + %.*s", l->m,
        (unsigned long long)l->f->hidden, l->b,
        SF_STR_ARG(sf_fmt_fixed(l->arena, s->bytes_per_logit + extra, 2)), rows, vocab,
        SF_STR_ARG(sf_fmt_bytes(l->arena, (uint64_t)s->fixed_bytes)));
    x = sf_amount_relative(sampler_bytes(l, s, rows, vocab), s->band_frac, formula, s->source);
    low = sampler_bytes(l, other, rows, vocab) * (1 - other->band_frac);
    if (v2 || other->bytes_per_logit <= 0 || low >= (double)x.low)
        return x;
    x.low = (int64_t)low; /* which of the two an install has is not known */
    x.formula =
        sf_arena_printf(l->arena, "%.*s (with FlashInfer sampling %.*s B a logit)", SF_STR_ARG(formula),
                        SF_STR_ARG(sf_fmt_fixed(l->arena, other->bytes_per_logit + extra, 2)));
    return x;
}

/* The engine profiles the modality with the most tokens per item. */
static const sf_encoder *profiled_encoder(const law *l)
{
    const sf_stage_need *n = l->n;
    const sf_encoder *best = NULL;

    if (sf_args_bool(&n->stage->args, SF_ARG_skip_mm_profiling, false))
        return NULL;
    for (size_t i = 0; i < n->model->n_encoders; i++) {
        const sf_encoder *e = &n->model->encoders[i];

        if (e->item_tokens && sf_items_per_prompt(l->profile, &n->stage->args, e->modality) >= 1 &&
            (!best || e->item_tokens > best->item_tokens))
            best = e;
    }
    return best;
}

/* Whole items that the profile run feeds: what the encoder's budget holds, and what prompts may hold. */
static double profiled_items(const law *l, const sf_encoder *e)
{
    double size = (double)e->item_tokens, budget = l->m > size ? l->m : size;
    double prompt = floor((double)l->n->max_model_len / size),
           limit = sf_items_per_prompt(l->profile, &l->n->stage->args, e->modality);
    double most = (double)l->n->max_num_seqs * (prompt < limit ? prompt : limit),
           items = floor(budget / size);

    items = most < items ? most : items;
    return items < 1 ? 1 : items;
}

static void encoder_peak(const law *l, sf_activation *act)
{
    const sf_encoder *e = profiled_encoder(l);
    bool whole = sf_encoders_whole(&l->n->stage->args);
    double items, tokens, patch, patches, held;
    sf_str formula;

    act->encoder = act->encoder_kept = sf_amount_exact(0, SF_STR("no encoder is profiled"), (sf_str){0});
    if (!e)
        return;
    items = profiled_items(l, e);
    tokens = items * (double)e->item_tokens;
    patches = tokens * (double)e->patches_per_token;
    held = e->held ? (double)e->held : 3;
    patch = (double)e->hidden + held * (double)e->intermediate / (whole ? 1 : l->tp) + (double)e->qkv;
    formula = sf_arena_printf(l->arena, "%.0f %.*s items × %llu tokens × %llu patches × %.0f wide × %.0f B",
                              items, SF_STR_ARG(e->modality), (unsigned long long)e->item_tokens,
                              (unsigned long long)e->patches_per_token, patch, l->b);
    act->encoder =
        sf_amount_relative(patches * patch * l->b, 0.5, formula, SF_STR("numbers.md, Activation: encoder"));
    formula =
        sf_arena_printf(l->arena, "(%.0f tokens × %llu wide + %.0f patches × %llu values) × %.0f B", tokens,
                        (unsigned long long)e->out_hidden, patches, (unsigned long long)e->input, l->b);
    act->encoder_kept =
        sf_amount_relative((tokens * (double)e->out_hidden + patches * (double)e->input) * l->b, 0.1, formula,
                           SF_STR("numbers.md, Activation: encoder"));
}

/* The larger of two phases; whichever it turns out to be, the peak is not below either. */
static sf_amount larger(sf_amount x, sf_amount y)
{
    sf_amount most = x.bytes >= y.bytes ? x : y;

    most.low = x.low >= y.low ? x.low : y.low;
    most.high = x.high >= y.high ? x.high : y.high;
    return most;
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

    act.forward = forward_peak(&l, last_stage);
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
