/*
 * diffusion: residency by role and the peak of a request.
 * Rule: vLLM-Omni diffusion/offloader, diffusion/distributed (HSDP), docs/numbers.md, "Diffusion stages";
 * constants are data/engines/diffusion.yaml, figures of a VAE its model family's.
 */
#include "memory/diffusion.h"

#include "memory/amount.h"
#include "text/pack.h"

/* Bytes by role on this rank. */
typedef struct sums {
    double all, encoders, dit, largest_dit; /* of several denoisers one is on the GPU at a time */
    double blocks, block;                   /* of the denoisers: bytes in blocks, and of the largest block */
    size_t dits;
} sums;

static double number(const sf_node *map, const char *key)
{
    const sf_node *v = sf_node_get(map, key);

    return v && v->kind == SF_INT ? (double)v->as.i : v && v->kind == SF_FLOAT ? v->as.f : 0;
}

static sf_code constants(sf_arena *a, const char *section, const sf_node **ret)
{
    const sf_node *root;
    sf_code rc = sf_data_read(a, SF_STR("engines/diffusion.yaml"), &root);

    *ret = rc ? NULL : sf_node_get(root, section);
    return rc;
}

static sums add_up(const sf_rank_need *r)
{
    sums s = {0};

    for (size_t i = 0; i < r->n_shares; i++) {
        const sf_weight_share *w = &r->shares[i];
        double bytes = (double)w->bytes;

        s.all += bytes;
        if (w->role == SF_ROLE_ENCODER)
            s.encoders += bytes;
        if (w->role != SF_ROLE_DIT)
            continue;
        s.dits++;
        s.dit += bytes;
        s.blocks += (double)w->blocks;
        s.largest_dit = bytes > s.largest_dit ? bytes : s.largest_dit;
        s.block = (double)w->block > s.block ? (double)w->block : s.block;
    }
    return s;
}

static bool on(const sf_stage_need *n, sf_arg arg)
{
    return sf_args_bool(&n->stage->args, arg, false);
}

static sf_str gib(sf_arena *a, double bytes)
{
    return sf_fmt_gib(a, (int64_t)bytes);
}

/* What is resident, what the formula says of it, what moves to the host. */
typedef struct residency {
    double bytes, host;
    sf_str formula;
} residency;

/* Denoisers and encoders take turns on the GPU; without an encoder nothing moves. */
static residency model_level(sf_arena *a, const sums *s)
{
    double most = s->largest_dit > s->encoders ? s->largest_dit : s->encoders;
    double rest = s->all - s->dit - s->encoders;

    return (residency){most + rest, s->dit + s->encoders,
                       sf_arena_printf(a, "the larger of denoiser %.*s and encoders %.*s + %.*s that stays",
                                       SF_STR_ARG(gib(a, s->largest_dit)), SF_STR_ARG(gib(a, s->encoders)),
                                       SF_STR_ARG(gib(a, rest)))};
}

/* Blocks stream through; `resident` more of them stay.  `copies`: ranks that share the blocks in host memory. */
static residency layerwise(sf_arena *a, const sums *s, double window, double resident, double copies)
{
    double kept = (window + resident) * s->block;

    kept = kept < s->blocks ? kept : s->blocks;
    return (residency){s->all - s->blocks + kept, s->blocks / copies,
                       sf_arena_printf(a, "%.*s outside of the blocks + %.0f blocks of %.*s",
                                       SF_STR_ARG(gib(a, s->all - s->blocks)), window + resident,
                                       SF_STR_ARG(gib(a, s->block)))};
}

/* Each rank holds its shard of the denoisers and, while a block runs, that block whole. */
static residency sharded(sf_arena *a, const sums *s, uint32_t shard)
{
    return (residency){s->all - s->dit + s->dit / shard + s->block, 0,
                       sf_arena_printf(a, "denoiser %.*s / %u + one block %.*s + %.*s whole",
                                       SF_STR_ARG(gib(a, s->dit)), shard, SF_STR_ARG(gib(a, s->block)),
                                       SF_STR_ARG(gib(a, s->all - s->dit)))};
}

/* False when all weights stay on the GPU. */
static bool moves(sf_arena *a, const sf_stage_need *n, const sums *s, double window, residency *ret)
{
    const sf_parallel *p = &n->stage->parallel;
    bool gather = sf_args_bool(&n->stage->args, SF_ARG_dlo_use_allgather, true);
    int64_t resident = sf_args_i64(&n->stage->args, SF_ARG_dlo_resident_layers, 0);

    if (on(n, SF_ARG_enable_distributed_layerwise_offload) && s->blocks > 0)
        *ret = layerwise(a, s, window, resident > 0 ? (double)resident : 0,
                         gather && p->dp > 1 ? (double)p->dp : 1);
    else if (on(n, SF_ARG_enable_layerwise_offload) && s->blocks > 0)
        *ret = layerwise(a, s, window, 0, 1);
    else if (on(n, SF_ARG_enable_cpu_offload) && s->encoders > 0 && s->dit > 0)
        *ret = model_level(a, s);
    else if (p->hsdp && p->hsdp_shard > 1 && s->dit > 0)
        *ret = sharded(a, s, p->hsdp_shard);
    else
        return false;
    return true;
}

sf_code sf_diffusion_weights(sf_arena *a, const sf_stage_need *n, uint64_t allocated, sf_rank_need *r)
{
    const sf_node *law;
    sums s = add_up(r);
    residency x;
    sf_code rc = constants(a, "offload", &law);

    r->host = sf_amount_exact(0, SF_STR("no weights are kept in host memory"), (sf_str){0});
    if (rc || !moves(a, n, &s, number(law, "blocks"), &x))
        return rc;
    if (!x.formula.p)
        return SF_E_NOMEM;
    r->part[SF_PART_WEIGHTS] =
        sf_amount_band(x.bytes, x.bytes * number(law, "low"), x.bytes * number(law, "high"),
                       SF_ORIGIN_MODELLED, x.formula, sf_node_text(law, "source"));
    if (x.host > 0)
        r->host = sf_amount_exact((uint64_t)x.host, SF_STR("pinned copies of what is offloaded"),
                                  sf_node_text(law, "source"));
    else if ((double)allocated > x.bytes) /* HSDP: loaded whole, then sharded */
        r->weights_loading += allocated - (uint64_t)x.bytes;
    return SF_OK;
}

/* Elements of the run's type per latent token, the widths that tensor parallelism divides divided. */
static double token_elements(const sf_stage_need *n, const sf_node *law)
{
    const sf_diffusion *d = &n->model->diffusion;
    double tp = n->stage->tp ? (double)n->stage->tp : 1, h = (double)d->hidden;
    double attention = h * (number(law, "attention") - 2) / tp + 2 * h;
    double mlp = h * number(law, "hidden") + (double)d->intermediate * number(law, "inner") / tp;

    return attention > mlp ? attention : mlp;
}

static double tokens_of(const sf_diffusion *d, const sf_picture *p)
{
    double side = (double)(d->scale ? d->scale : 8) * (double)(d->patch ? d->patch : 1);
    uint64_t latents =
        d->scale_t > 1 ? (p->frames - 1) / d->scale_t + 1 : p->frames; /* the first stands alone */
    double frames = (double)latents;
    double across = (double)p->width / side, down = (double)p->height / side;

    across = across < 1 ? 1 : across;
    down = down < 1 ? 1 : down;
    return across * down * frames / (double)(d->patch_t ? d->patch_t : 1);
}

static sf_code denoise(sf_arena *a, const sf_stage_need *n, const sf_picture *p, sf_amount *ret)
{
    const sf_diffusion *d = &n->model->diffusion;
    uint32_t sp = n->stage->parallel.sp ? n->stage->parallel.sp : 1;
    double width = (double)sf_dtype_bits(n->dtype) / 8;
    const sf_node *law;
    sf_code rc = constants(a, "denoise", &law);
    double tokens, elements, bytes;

    if (rc)
        return rc;
    tokens = (tokens_of(d, p) + (d->joint ? (double)d->text_tokens : 0)) / sp;
    elements = token_elements(n, law);
    bytes = tokens * elements * width * (double)p->batch;
    *ret = sf_amount_band(bytes, bytes * number(law, "low"), bytes * number(law, "high"), SF_ORIGIN_MODELLED,
                          sf_arena_printf(a, "denoising: %.0f tokens × %.0f elements × %.0f B%s", tokens,
                                          elements, width, p->batch > 1 ? " × batch" : ""),
                          sf_node_text(law, "source"));
    return ret->formula.p ? SF_OK : SF_E_NOMEM;
}

/* Pixels that one pass of the VAE looks at: all of a picture, or a tile. */
static double pixels_of(const sf_stage_need *n, const sf_picture *p, const sf_node *law)
{
    const sf_diffusion *d = &n->model->diffusion;
    uint32_t patch = n->stage->parallel.vae_patch;
    double pixels = (double)p->width * (double)p->height, tile = (double)d->tile * (double)d->tile;

    if ((on(n, SF_ARG_vae_use_tiling) || patch > 1) && tile > 0 && tile * number(law, "tile_margin") < pixels)
        pixels = tile * number(law, "tile_margin");
    if (patch > 1)
        pixels = pixels / patch * number(law, "patch_margin");
    return pixels;
}

/* `elements` per pixel; the frames of one chunk, where the VAE works in chunks. */
static sf_code vae_pass(sf_arena *a, const sf_stage_need *n, const sf_picture *p, const char *what,
                        uint64_t elements, sf_amount *ret)
{
    const sf_diffusion *d = &n->model->diffusion;
    double width = d->vae_float32 ? 4 : (double)sf_dtype_bits(n->dtype) / 8;
    double batch = on(n, SF_ARG_vae_use_slicing) ? 1 : (double)p->batch;
    uint64_t frames = d->chunk && d->chunk < p->frames ? d->chunk : p->frames;
    const sf_node *law;
    sf_code rc = constants(a, "decode", &law);
    double pixels, bytes;

    if (rc)
        return rc;
    pixels = pixels_of(n, p, law);
    bytes = pixels * (double)frames * (double)elements * width * batch;
    *ret = sf_amount_band(
        bytes, bytes * number(law, "low"), bytes * number(law, "high"), SF_ORIGIN_MODELLED,
        sf_arena_printf(a, "VAE %s: %.0f pixels%s × %llu elements × %.0f B%s", what, pixels,
                        frames > 1 ? sf_arena_printf(a, " × %llu frames", (unsigned long long)frames).p : "",
                        (unsigned long long)elements, width, batch > 1 ? " × batch" : ""),
        d->decode_source);
    return ret->formula.p ? SF_OK : SF_E_NOMEM;
}

/* A VAE of which nothing is known: a share of the stage's weights. */
static sf_code unknown_decode(sf_arena *a, const sf_stage_need *n, sf_amount *ret)
{
    const sf_node *law;
    sf_code rc = constants(a, "decode_unknown", &law);
    double weights = 0;

    for (size_t i = 0; !rc && i < n->model->n_tensors; i++) {
        const sf_tensor *t = &n->model->tensors[i];

        weights +=
            (double)sf_tensor_numel(t) * (double)sf_tensor_count(t) * (double)sf_dtype_bits(n->dtype) / 8;
    }
    if (rc)
        return rc;
    *ret = sf_amount_band(weights * number(law, "share"), weights * number(law, "low"),
                          weights * number(law, "high"), SF_ORIGIN_ASSUMED,
                          SF_STR("VAE decode: a tenth of the weights, for want of a measurement"),
                          SF_STR("numbers.md, Diffusion stages"));
    return SF_OK;
}

/* The larger of two passes; the allocator may still hold blocks of the smaller one, so its half goes on top. */
static void larger(sf_amount *most, const sf_amount *x)
{
    const sf_amount *less = x->bytes > most->bytes ? most : x, *more = x->bytes > most->bytes ? x : most;
    sf_amount sum = *more;

    sum.low = more->low > less->low ? more->low : less->low;
    sum.high = (more->high > less->high ? more->high : less->high) + less->bytes / 2;
    *most = sum;
}

sf_code sf_diffusion_peak(sf_arena *a, const sf_stage_need *n, const sf_picture *picture, sf_amount *ret)
{
    const sf_diffusion *d = &n->model->diffusion;
    sf_amount pass;
    sf_code rc = SF_OK;

    *ret = sf_amount_exact(0, SF_STR("nothing is known of a request"), (sf_str){0});
    if (d->hidden)
        rc = denoise(a, n, picture, ret);
    if (rc || !d->scale)
        return rc;
    rc = d->decode_elements ? vae_pass(a, n, picture, "decode", d->decode_elements, &pass)
                            : unknown_decode(a, n, &pass);
    if (rc)
        return rc;
    larger(ret, &pass);
    if (!d->encodes || !d->encode_elements)
        return SF_OK;
    rc = vae_pass(a, n, picture, "encode", d->encode_elements, &pass);
    if (!rc)
        larger(ret, &pass);
    return rc;
}

/* The warm-up, held by the allocator from then on. */
static sf_code warm_up(sf_arena *a, const sf_stage_need *n, sf_amount *ret)
{
    const sf_diffusion *d = &n->model->diffusion;
    sf_picture small = {.frames = 1, .batch = 1};
    const sf_node *law;
    sf_amount image;
    sf_code rc = constants(a, "warmup", &law);

    small.width = small.height = (uint64_t)number(law, "side");
    if (!rc)
        rc = sf_diffusion_peak(a, n, &small, ret);
    if (rc || !d->encodes || !d->encode_elements)
        return rc;
    small.width = small.height = (uint64_t)number(law, "image_side");
    rc = vae_pass(a, n, &small, "encode", d->encode_elements, &image);
    if (!rc)
        larger(ret, &image);
    return rc;
}

sf_code sf_diffusion_activation(sf_arena *a, const sf_stage_need *n, const sf_picture *request,
                                sf_rank_need *r)
{
    sf_amount *warm = &r->part[SF_PART_ACTIVATION], *more = &r->part[SF_PART_REQUEST], peak;
    sf_code rc = warm_up(a, n, warm);

    *more = sf_amount_exact(0, SF_STR("no request is asked for: --resolution"), (sf_str){0});
    if (rc)
        return rc;
    warm->formula = sf_arena_printf(a, "warm-up, kept by the allocator: %.*s", SF_STR_ARG(warm->formula));
    if (!warm->formula.p)
        return SF_E_NOMEM;
    if (!request || !request->width)
        return SF_OK;
    rc = sf_diffusion_peak(a, n, request, &peak);
    if (rc)
        return rc;
    *more = peak;
    more->bytes = peak.bytes > warm->bytes ? peak.bytes - warm->bytes : 0;
    more->low = peak.low > warm->bytes ? peak.low - warm->bytes : 0;
    more->high = peak.high > warm->bytes ? peak.high - warm->bytes : 0;
    more->formula = sf_arena_printf(a, "%.*s, beyond the %.*s of the warm-up", SF_STR_ARG(peak.formula),
                                    SF_STR_ARG(gib(a, (double)warm->bytes)));
    return more->formula.p ? SF_OK : SF_E_NOMEM;
}
