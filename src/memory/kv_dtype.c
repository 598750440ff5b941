/*
 * kv_dtype: how K and V are stored: the flag, what the checkpoint asks for by itself, and what sparse
 * attention makes of it.
 * Must not know block sizes.
 * Rules: docs/kv-cache.md, from vLLM utils/torch_utils.py, config/model.py and the MLA backends.
 */
#include "memory/kv_model.h"

#include "base/num.h"

static bool starts(sf_str s, const char *head)
{
    return sf_str_starts(s, sf_str_of(head));
}

/* An 8-bit float scheme such as {"num_bits": 8, "type": "float"}. */
static bool scheme_is_fp8(const sf_node *scheme)
{
    const sf_node *bits = sf_node_get(scheme, "num_bits");

    return sf_node_is(bits, SF_INT) && bits->as.i == 8 && sf_str_is(sf_node_text(scheme, "type"), "float");
}

/* ModelOpt: kv_cache_quant_algo or kv_cache_scheme, at the top or under "quantization". */
static sf_str modelopt_dtype(const sf_node *q)
{
    const sf_node *inner = sf_node_get(q, "quantization");
    sf_str algo = sf_node_text(q, "kv_cache_quant_algo");

    if (!algo.n)
        algo = sf_node_text(inner, "kv_cache_quant_algo");
    if (sf_str_eq_nocase(algo, SF_STR("fp8")))
        return SF_STR("fp8");
    if (sf_str_eq_nocase(algo, SF_STR("nvfp4")))
        return SF_STR("nvfp4");
    if (sf_str_eq_nocase(sf_node_text(q, "kv_cache_scheme"), SF_STR("fp8")))
        return SF_STR("fp8");
    return scheme_is_fp8(sf_node_get(q, "kv_cache_scheme")) ? SF_STR("fp8") : SF_STR("auto");
}

/* ModelOpt's configs say so, or give quant_algo and no method. */
static bool is_modelopt(const sf_node *q)
{
    sf_str method = sf_node_text(q, "quant_method");

    if (method.n)
        return starts(method, "modelopt");
    return sf_node_text(q, "quant_algo").n || sf_node_text(sf_node_get(q, "quantization"), "quant_algo").n;
}

/* The flag after the checkpoint had its say. */
static sf_str asked_dtype(const sf_kv_rules *r, const sf_model *m, sf_str flag)
{
    sf_str method = sf_node_text(m->quantization, "quant_method");
    bool is_auto = !flag.n || sf_str_is(flag, "auto");

    if (is_auto && r->modelopt_kv_auto && is_modelopt(m->quantization))
        return modelopt_dtype(m->quantization);
    if (sf_str_is(method, "compressed-tensors") && r->kv_scheme_rule != SF_KV_SCHEME_IGNORED &&
        !sf_node_absent(sf_node_get(m->quantization, "kv_cache_scheme")) &&
        (is_auto || r->kv_scheme_rule == SF_KV_SCHEME_FORCES))
        return SF_STR("fp8");
    return is_auto ? SF_STR("auto") : flag;
}

/* Sparse latent attention, that is. */
static bool has_indexer(const sf_model *m)
{
    bool indexer = false, latent = false;

    for (size_t i = 0; i < m->n_kv; i++) {
        indexer |= m->kv[i].kind == SF_KV_INDEXER;
        latent |= m->kv[i].kind == SF_KV_MLA;
    }
    return indexer && latent;
}

/* Sparse latent attention keeps fp8 as 656-byte tokens, on SM120 even by default; SM100 has plain fp8. */
static bool sparse_packs(const sf_kv_rules *r, sf_str dtype, unsigned capability)
{
    bool fp8 = starts(dtype, "fp8");

    if (r->sparse_fp8_is_ds_mla)
        return fp8;
    if (capability / 10 == 12)
        return fp8 || sf_str_is(dtype, "auto");
    return fp8 && capability / 10 != 10;
}

static sf_kv_format plain(sf_str name, uint32_t bits)
{
    return (sf_kv_format){.name = name, .store = SF_KV_STORE_PLAIN, .bits = bits};
}

static bool named_format(sf_str name, sf_kv_format *ret)
{
    static const struct {
        const char *name;
        sf_kv_store store;
        uint32_t bits;
    } row[] = {
        {"float16",             SF_KV_STORE_PLAIN,       16},
        {"half",                SF_KV_STORE_PLAIN,       16},
        {"bfloat16",            SF_KV_STORE_PLAIN,       16},
        {"float32",             SF_KV_STORE_PLAIN,       32},
        {"fp8",                 SF_KV_STORE_PLAIN,       8 },
        {"fp8_e4m3",            SF_KV_STORE_PLAIN,       8 },
        {"fp8_e5m2",            SF_KV_STORE_PLAIN,       8 },
        {"fp8_inc",             SF_KV_STORE_PLAIN,       8 },
        {"fp8_ds_mla",          SF_KV_STORE_DS_MLA,      8 },
        {"int8_per_token_head", SF_KV_STORE_HEAD_SCALED, 8 },
        {"fp8_per_token_head",  SF_KV_STORE_HEAD_SCALED, 8 },
        {"int4_per_token_head", SF_KV_STORE_HEAD_INT4,   8 },
        {"nvfp4",               SF_KV_STORE_NVFP4,       8 },
        {"nvfp4_4over6",        SF_KV_STORE_NVFP4,       8 },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (sf_str_is(name, row[i].name)) {
            *ret = (sf_kv_format){.name = name, .store = row[i].store, .bits = row[i].bits};
            return true;
        }
    return false;
}

sf_code sf_kv_format_of(const sf_profile *profile, const sf_model *m, const sf_kv_wish *wish, sf_diags *dg,
                        sf_kv_format *ret)
{
    sf_str name = asked_dtype(&profile->kv, m, wish->kv_cache_dtype);
    sf_kv_format f;

    if (has_indexer(m) && sparse_packs(&profile->kv, name, wish->capability)) {
        *ret = (sf_kv_format){.name = SF_STR("fp8_ds_mla"), .store = SF_KV_STORE_DS_MLA, .bits = 8};
        return SF_OK;
    }
    if (sf_str_is(name, "auto")) {
        *ret = plain(SF_STR("auto"), sf_dtype_bits(wish->model_dtype));
        return SF_OK;
    }
    if (!named_format(name, &f))
        return sf_diag_error(dg, SF_E_KV_UNKNOWN, (sf_where){0},
                             "auto, bfloat16, float16, fp8, fp8_e4m3, fp8_e5m2, fp8_ds_mla, nvfp4 and the "
                             "…_per_token_head types are known",
                             "kv_cache_dtype \"%.*s\" is not modelled", SF_STR_ARG(name));
    *ret = f;
    return SF_OK;
}
