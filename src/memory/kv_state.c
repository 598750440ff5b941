/*
 * kv_state: shapes of the states that Mamba, gated delta nets, short convolutions and linear
 * attention keep per request, on one rank.
 * Must not know block sizes: kv_hybrid does.
 * Rules: docs/kv-cache.md, from vLLM model_executor/layers/mamba/mamba_utils.py.
 */
#include "base/num.h"
#include "memory/kv.h"

enum { PARAM_MAX = 1 << 24 };

/* The parameters of one layer; the first that is missing or does not divide is reported once. */
typedef struct reader {
    const sf_state_layer *layer;
    sf_diags *dg;
    sf_code rc;
} reader;

static uint64_t param(reader *r, const char *name)
{
    const sf_node *n = sf_node_get(r->layer->params, name);

    if (sf_node_is(n, SF_INT) && n->as.i > 0 && n->as.i <= PARAM_MAX)
        return (uint64_t)n->as.i;
    if (!r->rc)
        r->rc =
            sf_diag_error(r->dg, SF_E_CONFIG_KEY, sf_node_where_key(r->layer->params, sf_str_of(name)),
                          "the model family has to compute it from config.json",
                          "a %.*s state needs %s, a whole number from 1", SF_STR_ARG(r->layer->kind), name);
    return 1;
}

static uint64_t optional(const reader *r, const char *name, uint64_t otherwise)
{
    const sf_node *n = sf_node_get(r->layer->params, name);

    return sf_node_is(n, SF_INT) && n->as.i > 0 && n->as.i <= PARAM_MAX ? (uint64_t)n->as.i : otherwise;
}

static uint64_t share(reader *r, uint64_t whole, const char *what)
{
    if (whole % r->layer->tp == 0)
        return whole / r->layer->tp;
    if (!r->rc)
        r->rc = sf_diag_error(r->dg, SF_E_TP_DIVIDE, sf_node_where(r->layer->params),
                              "choose a tensor_parallel_size that divides it",
                              "tensor_parallel_size %llu does not divide the %llu %s of the state layers",
                              (unsigned long long)r->layer->tp, (unsigned long long)whole, what);
    return 1;
}

static sf_state_shape shape2(uint64_t x, uint64_t y, uint32_t bits)
{
    return (sf_state_shape){
        {x, y, 0},
        2, bits
    };
}

static sf_state_shape shape3(uint64_t x, uint64_t y, uint64_t z, uint32_t bits)
{
    return (sf_state_shape){
        {x, y, z},
        3, bits
    };
}

/* Rows of a convolution's window: one less than its kernel, and one per speculative token where it keeps them. */
static uint64_t window(reader *r, const char *kernel, bool speculative)
{
    return param(r, kernel) - 1 + (speculative ? r->layer->spec_tokens : 0);
}

static size_t mamba1(reader *r, sf_state_shape *ret)
{
    uint64_t width = share(r, param(r, "intermediate_size"), "channels");

    ret[0] = shape2(window(r, "conv_kernel", false), width, r->layer->conv_bits);
    ret[1] = shape2(width, param(r, "state_size"), r->layer->ssm_bits);
    return 2;
}

static size_t mamba2(reader *r, sf_state_shape *ret)
{
    uint64_t groups = param(r, "n_groups"), state = param(r, "state_size"), tp = r->layer->tp;
    uint64_t width = param(r, "intermediate_size") + 2 * (groups % tp ? tp : groups) * state;

    ret[0] = shape2(window(r, "conv_kernel", true), share(r, width, "channels"), r->layer->conv_bits);
    ret[1] =
        shape3(share(r, param(r, "num_heads"), "heads"), param(r, "head_dim"), state, r->layer->ssm_bits);
    return 2;
}

static size_t gdn(reader *r, sf_state_shape *ret)
{
    uint64_t k_dim = param(r, "head_k_dim"), v_dim = param(r, "head_v_dim"),
             v_heads = param(r, "num_v_heads");
    uint64_t width = 2 * k_dim * param(r, "num_k_heads") + v_dim * v_heads;

    ret[0] = shape2(window(r, "conv_kernel_size", true), share(r, width, "channels"), r->layer->conv_bits);
    ret[1] = shape3(share(r, v_heads, "value heads"), v_dim, k_dim, r->layer->ssm_bits);
    return 2;
}

static size_t short_conv(reader *r, sf_state_shape *ret)
{
    uint64_t width = share(r, param(r, "intermediate_size"), "channels");

    ret[0] = shape2(window(r, "conv_kernel", false), width, r->layer->conv_bits);
    return 1;
}

static size_t linear(reader *r, sf_state_shape *ret)
{
    uint64_t dim = param(r, "head_dim");

    ret[0] = shape3(share(r, param(r, "num_heads"), "heads"), dim, dim, r->layer->ssm_bits);
    return 1;
}

/* Older releases keep the convolutions of q, k and v apart; the bytes are the same. */
static size_t kda(reader *r, const sf_kv_rules *rules, sf_state_shape *ret)
{
    uint64_t heads = param(r, "num_heads"), dim = param(r, "head_dim"),
             rows = window(r, "conv_kernel_size", false);
    uint64_t k = optional(r, "num_k_heads", heads) * optional(r, "head_k_dim", dim);
    uint32_t bits = r->layer->conv_bits;
    size_t n = 0;

    if (rules->kda_three_states) {
        ret[n++] = shape2(rows, share(r, heads * dim, "channels"), bits);
        ret[n++] = shape2(rows, share(r, k, "channels"), bits);
        ret[n++] = shape2(rows, share(r, k, "channels"), bits);
    } else {
        ret[n++] = shape2(rows, share(r, heads * dim + 2 * k, "channels"), bits);
    }
    ret[n++] = shape3(share(r, heads, "heads"), dim, dim, r->layer->ssm_bits);
    return n;
}

sf_code sf_state_shapes(const sf_kv_rules *rules, const sf_state_layer *layer, sf_diags *dg,
                        sf_state_shape ret[SF_STATE_SHAPES], size_t *ret_n)
{
    static const struct {
        const char *kind;
        size_t (*shapes)(reader *r, sf_state_shape *ret);
    } kinds[] = {
        {"mamba1",     mamba1    },
        {"mamba2",     mamba2    },
        {"gdn",        gdn       },
        {"short_conv", short_conv},
        {"linear",     linear    },
    };
    sf_state_shape shapes[SF_STATE_SHAPES];
    reader r = {.layer = layer, .dg = dg};
    size_t n = 0;

    if (!layer->tp)
        return sf_diag_error(dg, SF_E_RANGE, (sf_where){0}, "tensor_parallel_size is 1 or more",
                             "tensor_parallel_size is out of range");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (sf_str_is(layer->kind, kinds[i].kind))
            n = kinds[i].shapes(&r, shapes);
    if (sf_str_is(layer->kind, "kda"))
        n = kda(&r, rules, shapes);
    if (!n)
        return sf_diag_error(dg, SF_E_KV_UNKNOWN, sf_node_where(layer->params),
                             "mamba1, mamba2, gdn, short_conv, linear and kda are known",
                             "state layers of the kind \"%.*s\" are not modelled", SF_STR_ARG(layer->kind));
    if (r.rc)
        return r.rc;
    memcpy(ret, shapes, n * sizeof *shapes);
    *ret_n = n;
    return SF_OK;
}

bool sf_state_bytes(const sf_state_shape *shapes, size_t n, uint64_t *ret)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t bytes = shapes[i].bits;

        for (uint32_t k = 0; k < shapes[i].n_dims; k++)
            if (!sf_mul(bytes, shapes[i].dims[k], &bytes))
                return false;
        if (!sf_add(sum, bytes / 8, &sum))
            return false;
    }
    *ret = sum;
    return true;
}
