/*
 * kv_heads: head size and number of KV heads as the engine reads them out of config.json.
 * Must not know layers: some models differ by layer, which their family says.
 * Rules: docs/kv-cache.md, from vLLM config/model.py and transformers_utils/model_arch_config_convertor.py.
 */
#include "base/num.h"
#include "memory/kv.h"

enum { HEADS_MAX = 1 << 24 };

/* A whole number from 1 under one of the names; 0 when there is none. */
static uint64_t number(const sf_node *map, const char *key)
{
    const sf_node *n = sf_node_get(map, key);

    return sf_node_is(n, SF_INT) && n->as.i > 0 && n->as.i <= HEADS_MAX ? (uint64_t)n->as.i : 0;
}

static uint64_t first_number(const sf_node *map, const char *const *keys, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n && !v; i++)
        v = number(map, keys[i]);
    return v;
}

static bool in_list(sf_str list, sf_str word)
{
    sf_str part, rest = list;
    bool more = list.n > 0;

    while (more) {
        more = sf_str_split(&rest, ',', &part);
        if (sf_str_eq(sf_str_trim(part), word))
            return true;
    }
    return false;
}

static uint64_t query_heads(const sf_node *text)
{
    static const char *const keys[] = {"num_attention_heads", "n_head", "n_heads", "num_heads"};

    return first_number(text, keys, sizeof keys / sizeof *keys);
}

/* Nemotron-NAS: the first block that has attention stands for all. */
static uint64_t nas_heads(const sf_node *text)
{
    const sf_node *blocks = sf_node_get(text, "block_configs");

    for (size_t i = 0; blocks && blocks->kind == SF_SEQ && i < blocks->n; i++) {
        const sf_node *attention = sf_node_get(blocks->as.items[i], "attention");
        const sf_node *none = sf_node_get(attention, "no_op");
        uint64_t in_group = number(attention, "n_heads_in_group");

        if (in_group && !(sf_node_is(none, SF_BOOL) && none->as.b))
            return query_heads(text) / in_group;
    }
    return 0;
}

static bool is_set(const sf_node *map, const char *key)
{
    const sf_node *n = sf_node_get(map, key);

    return sf_node_is(n, SF_BOOL) && n->as.b;
}

static uint64_t total_kv_heads(const sf_node *text, sf_str type)
{
    static const char *const keys[] = {"n_head_kv", "num_kv_heads", "num_key_value_heads",
                                       "multi_query_group_num", "num_attention_groups"};
    uint64_t heads;

    if (sf_str_is(type, "falcon") && is_set(text, "multi_query") && !is_set(text, "new_decoder_architecture"))
        return 1;
    if (sf_str_is(type, "mpt") || sf_str_is(type, "dbrx")) {
        heads = number(sf_node_get(text, "attn_config"), "kv_n_heads");
        return heads ? heads : query_heads(text);
    }
    if (sf_str_is(type, "nemotron-nas"))
        return nas_heads(text);
    heads = first_number(text, keys, sizeof keys / sizeof *keys);
    return heads ? heads : query_heads(text);
}

/* Latent attention by the release's list of model types, where the config has what it takes. */
static bool uses_mla(const sf_profile *p, const sf_node *text, sf_str type)
{
    if (!in_list(p->mla_model_types, type))
        return false;
    return !sf_node_absent(sf_node_get(text, "kv_lora_rank")) ||
           (!sf_node_absent(sf_node_get(text, "compress_ratios")) && number(text, "head_dim"));
}

static uint64_t head_size(const sf_profile *p, const sf_node *text, sf_str type, bool mla)
{
    uint64_t dim = number(text, "head_dim"), heads = query_heads(text), wide;

    if (mla && number(text, "kv_lora_rank"))
        return number(text, "kv_lora_rank") + number(text, "qk_rope_head_dim");
    if (sf_str_is(type, "zamba2") && number(text, "attention_head_dim"))
        return number(text, "attention_head_dim");
    if (in_list(p->kv.wide_head_types, type)) {
        wide = number(text, "global_head_dim");
        dim = wide > dim ? wide : dim;
    }
    if (!dim)
        dim = number(text, "hidden_size_per_head");
    if (!dim && heads) {
        static const char *const keys[] = {"hidden_size", "n_embd", "d_model"};

        dim = first_number(text, keys, sizeof keys / sizeof *keys) / heads;
    }
    return dim;
}

sf_code sf_heads_of_config(const sf_profile *profile, const sf_node *text, sf_diags *dg, sf_heads *ret)
{
    const sf_node *type_node = sf_node_get(text, "model_type");
    sf_str type = sf_node_is(type_node, SF_STRING) ? type_node->text : (sf_str){NULL, 0};
    sf_heads h = {.is_mla = uses_mla(profile, text, type), .kv_heads = total_kv_heads(text, type)};

    h.head_size = head_size(profile, text, type, h.is_mla);
    if (!h.head_size || !h.kv_heads)
        return sf_diag_error(
            dg, SF_E_CONFIG_KEY,
            sf_node_where_key(text, h.kv_heads ? SF_STR("head_dim") : SF_STR("num_attention_heads")),
            "config.json of a text model has num_attention_heads and hidden_size or head_dim",
            "the size or number of the attention heads is not in the config");
    *ret = h;
    return SF_OK;
}

bool sf_kv_heads_of_rank(uint64_t kv_heads, uint64_t tp, uint64_t *ret)
{
    *ret = kv_heads / tp ? kv_heads / tp : 1;
    return kv_heads % tp == 0 || tp % kv_heads == 0;
}
