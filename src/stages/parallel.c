/*
 * parallel: sizes of a diffusion stage and the rules between them.
 * Must not look at devices.  Rules: vllm-omni, diffusion/data.py, DiffusionParallelConfig (Aug 2026).
 */
#include <stdio.h>

#include "stages/parallel.h"

#include "base/num.h"

enum { MAX_SIZE = 4096 };

typedef struct sizes {
    int64_t tp, pp, dp, sp, ulysses, ring, allgather, cfg, vae, shard, replicate, encoder;
    bool hsdp;
    const sf_node *sp_at;
} sizes;

static sf_code wrong(sf_diags *dg, const sf_node *at, const char *key, const char *what)
{
    return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where_key(at, sf_str_of(key)), NULL, "%s", what);
}

/* As pydantic reads an int: 2, 2.0, "2", true. */
static bool as_int(const sf_node *node, int64_t *ret)
{
    if (node->kind == SF_INT)
        *ret = node->as.i;
    else if (node->kind == SF_BOOL)
        *ret = node->as.b;
    else if (node->kind == SF_FLOAT && node->as.f > -1e9 && node->as.f < 1e9 &&
             (double)(int64_t)node->as.f == node->as.f)
        *ret = (int64_t)node->as.f;
    else if (node->kind != SF_STRING || !sf_parse_i64(sf_str_trim(node->text), ret))
        return false;
    return true;
}

static bool as_bool(const sf_node *node, bool *ret)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {
        {"true",  true },
        {"yes",   true },
        {"on",    true },
        {"1",     true },
        {"y",     true },
        {"t",     true },
        {"false", false},
        {"no",    false},
        {"off",   false},
        {"0",     false},
        {"n",     false},
        {"f",     false}
    };

    if (node->kind == SF_BOOL) {
        *ret = node->as.b;
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sf_str_eq_nocase(node->text, sf_str_of(words[i].text))) {
            *ret = words[i].value;
            return true;
        }
    return false;
}

static sf_code read_size(const sf_node *config, const char *key, bool auto_ok, sf_diags *dg, int64_t *ret)
{
    const sf_node *node = sf_node_get(config, key);
    int64_t v;

    if (sf_node_absent(node))
        return SF_OK;
    if (!as_int(node, &v))
        return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where_key(node, sf_str_of(key)),
                             "write a whole number", "%s is a %s where a whole number is needed", key,
                             sf_node_kind_name(node->kind));
    if ((v < 1 && !(auto_ok && v == -1)) || v > MAX_SIZE)
        return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where_key(node, sf_str_of(key)), "write 1 or more",
                             "%s must be at least 1 and at most %d, not %lld", key, MAX_SIZE, (long long)v);
    *ret = v;
    return SF_OK;
}

static sf_code check_keys(const sf_node *config, const sf_keys *keys, sf_diags *dg)
{
    static const char *const lists[] = {"parallel_config", NULL};

    for (uint32_t i = 0; i < config->n; i++) {
        sf_str key = config->as.pairs[i].key, like;
        char hint[128] = "";

        if (sf_keys_has(keys, "parallel_config", key))
            continue;
        like = sf_keys_suggest(keys, lists, false, key);
        if (like.n && like.n < 64)
            snprintf(hint, sizeof hint, "did you mean %.*s?", SF_STR_ARG(like));
        return sf_diag_error(dg, SF_E_STAGE_KEY, sf_node_where_key(config->as.pairs[i].key_at, key), hint,
                             "parallel_config has no key %.*s: the engine refuses it", SF_STR_ARG(key));
    }
    return SF_OK;
}

static sf_code check_mode(const sf_node *config, const char *key, const char *const *known, sf_diags *dg)
{
    const sf_node *node = sf_node_get(config, key);

    if (sf_node_absent(node))
        return SF_OK;
    for (size_t i = 0; known[i]; i++)
        if (sf_str_is(node->text, known[i]))
            return SF_OK;
    return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where_key(node, sf_str_of(key)), NULL,
                         "%s has no value \"%.*s\"", key, SF_STR_ARG(node->text));
}

static sf_code read_sizes(const sf_node *config, sf_diags *dg, sizes *s)
{
    static const char *const vae[] = {"tile", "spatial_shard_height", "spatial_shard_width", NULL};
    static const char *const ulysses[] = {"strict", "advanced_uaa", NULL};
    const struct {
        const char *key;
        int64_t *to;
        bool auto_ok;
    } row[] = {
        {"tensor_parallel_size",    &s->tp,        false},
        {"pipeline_parallel_size",  &s->pp,        false},
        {"data_parallel_size",      &s->dp,        false},
        {"sequence_parallel_size",  &s->sp,        false},
        {"ulysses_degree",          &s->ulysses,   false},
        {"ring_degree",             &s->ring,      false},
        {"allgather_degree",        &s->allgather, false},
        {"cfg_parallel_size",       &s->cfg,       false},
        {"vae_patch_parallel_size", &s->vae,       false},
        {"text_encoder_tp_size",    &s->encoder,   false},
        {"hsdp_shard_size",         &s->shard,     true },
        {"hsdp_replicate_size",     &s->replicate, false}
    };
    const sf_node *hsdp = sf_node_get(config, "use_hsdp");

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_code rc = read_size(config, row[i].key, row[i].auto_ok, dg, row[i].to);

        if (rc)
            return rc;
    }
    s->sp_at = sf_node_get(config, "sequence_parallel_size");
    if (!sf_node_absent(hsdp) && !as_bool(hsdp, &s->hsdp))
        return wrong(dg, hsdp, "use_hsdp", "use_hsdp must be true or false");
    if (s->allgather > 1 && (s->ulysses > 1 || s->ring > 1))
        return wrong(dg, sf_node_get(config, "allgather_degree"), "allgather_degree",
                     "allgather_degree above 1 excludes ulysses_degree and ring_degree above 1");
    if (check_mode(config, "vae_parallel_mode", vae, dg))
        return SF_E_ARG_VALUE;
    return check_mode(config, "ulysses_mode", ulysses, dg);
}

static sf_code hsdp_world(const sizes *s, const sf_node *config, sf_diags *dg, sf_parallel *ret)
{
    const sf_node *at = sf_node_get(config, "use_hsdp"), *shard_at = sf_node_get(config, "hsdp_shard_size");
    int64_t other = s->sp * s->cfg, shard = s->shard;

    if (s->tp > 1 || s->dp > 1 || s->pp > 1)
        return wrong(dg, at, "use_hsdp", "HSDP does not go with tensor, data or pipeline parallelism");
    if (shard == -1) {
        if (other == 1)
            return wrong(dg, at, "use_hsdp",
                         "hsdp_shard_size cannot be derived when all other sizes are 1: write it");
        if (other % s->replicate)
            return wrong(dg, at, "use_hsdp", "hsdp_replicate_size does not divide the number of ranks");
        shard = other / s->replicate;
    }
    if (other != 1 && shard * s->replicate != other)
        return wrong(dg, shard_at ? shard_at : at, "hsdp_shard_size",
                     "hsdp_shard_size × hsdp_replicate_size is not the number of ranks");
    ret->hsdp = true;
    ret->hsdp_shard = (uint32_t)shard;
    ret->hsdp_replicate = (uint32_t)s->replicate;
    if (other == 1)
        ret->world = (uint32_t)(shard * s->replicate);
    return SF_OK;
}

sf_code sf_parallel_read(const sf_node *config, const sf_keys *keys, sf_diags *dg, sf_parallel *ret)
{
    sizes s = {1, 1, 1, 1, 1, 1, 1, 1, 1, -1, 1, 1, false, NULL};
    int64_t sp, world;
    sf_code rc;

    *ret = (sf_parallel){1, 1, 1, 1, 1, 1, false, 1, 1, 1, 1};
    if (sf_node_absent(config))
        return SF_OK;
    if (config->kind != SF_MAP)
        return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where_key(config, SF_STR("parallel_config")),
                             "write parallel_config: {tensor_parallel_size: 2}",
                             "parallel_config is a %s where a map is needed",
                             sf_node_kind_name(config->kind));
    rc = check_keys(config, keys, dg);
    if (!rc)
        rc = read_sizes(config, dg, &s);
    if (rc)
        return rc;
    sp = s.allgather > 1 ? s.allgather : s.ulysses * s.ring;
    if (!sf_node_absent(s.sp_at) && s.sp != sp)
        return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where_key(s.sp_at, SF_STR("sequence_parallel_size")),
                             "leave it out, or set ulysses_degree and ring_degree",
                             "sequence_parallel_size is %lld, but the degrees multiply to %lld",
                             (long long)s.sp, (long long)sp);
    s.sp = sp;
    /* Six factors of at most 4096 do not reach 2^63, but the product has to be a number of ranks. */
    world = s.tp * s.pp <= MAX_SIZE && s.dp * sp <= MAX_SIZE ? s.tp * s.pp * s.dp * sp * s.cfg : INT64_MAX;
    if (world > MAX_SIZE)
        return wrong(dg, config, "parallel_config", "parallel_config asks for more than 4096 ranks");
    *ret = (sf_parallel){(uint32_t)s.tp,
                         (uint32_t)s.pp,
                         (uint32_t)s.dp,
                         (uint32_t)sp,
                         (uint32_t)s.cfg,
                         (uint32_t)world,
                         false,
                         1,
                         1,
                         (uint32_t)s.vae,
                         (uint32_t)s.encoder};
    return s.hsdp ? hsdp_world(&s, config, dg, ret) : SF_OK;
}

sf_code sf_parallel_fill(sf_parallel *p, int64_t num_gpus, const sf_node *at, sf_diags *dg)
{
    int64_t others = (int64_t)p->tp * p->pp * p->sp * p->cfg;

    if (num_gpus < 1 || num_gpus > MAX_SIZE || num_gpus % others)
        return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where_key(at, SF_STR("num_gpus")), NULL,
                             "num_gpus (%lld) must be a multiple of the other parallel sizes (%lld)",
                             (long long)num_gpus, (long long)others);
    p->dp = (uint32_t)(num_gpus / others);
    p->world = (uint32_t)num_gpus;
    return SF_OK;
}
