/* oracle_kv_hybrid: lines of type "hybrid_block_size": state shapes and the alignment of blocks. */
#include "oracle_kv.h"

#include <stdio.h>

static sf_str kind_of(sf_str name)
{
    if (sf_str_is(name, "short"))
        return SF_STR("short_conv");
    return sf_str_is(name, "lin") ? SF_STR("linear") : name;
}

static uint32_t bits_of(const sf_node *dtypes, size_t i)
{
    const sf_node *n = sf_node_item(dtypes, i);

    return n && sf_str_is(n->text, "fp32") ? 32 : 16;
}

static void check_shapes(line *l, const sf_state_shape *shapes, size_t n)
{
    const sf_node *want = sf_node_get(l->expect, "state_shapes");

    check_u64(l, "state_shapes", want->n, n);
    for (size_t i = 0; i < n && i < want->n; i++)
        check_list(l, "state_shapes", want->as.items[i], shapes[i].dims, shapes[i].n_dims);
}

void run_hybrid(line *l)
{
    const sf_node *in = l->input, *dtypes = sf_node_get(in, "state_dtypes");
    sf_state_layer layer = {
        .kind = kind_of(get_str(in, "state_kind")),
        .params = sf_node_get(in, "state_params"),
        .tp = get_u64(in, "tp"),
        .spec_tokens = (uint32_t)get_u64(in, "num_spec_tokens"),
        .conv_bits = bits_of(dtypes, 0),
        .ssm_bits = bits_of(dtypes, dtypes->n - 1),
    };
    uint64_t width = sf_str_is(get_str(in, "kv_cache_dtype"), "auto") ? 2 : 1;
    sf_hybrid_wish wish = {
        .mla = get_bool(in, "mla"),
        .head_size = get_u64(in, "attn_head_size"),
        .capability = (unsigned)get_u64(in, "sm"),
        .user_block = get_u64(in, "user_block_size"),
        .max_model_len = get_u64(in, "max_model_len"),
        .chunk = get_u64(in, "mamba_chunk_size"),
        .supports_prefix_caching = get_bool(in, "supports_mamba_prefix_caching"),
        .prefix_caching = get_bool(in, "prefix_caching"),
        .mode = get_str(in, "requested_mode"),
        .model = SF_STR("X"),
    };
    static const char *const modes[] = {"none", "align", "all"};
    sf_state_shape shapes[SF_STATE_SHAPES];
    sf_hybrid h;
    size_t n;

    wish.token_bytes = get_u64(in, "attn_kv_heads_rank") * wish.head_size * width * (wish.mla ? 1 : 2);
    if (sf_state_shapes(&l->profile->kv, &layer, &l->dg, shapes, &n) != SF_OK ||
        !sf_state_bytes(shapes, n, &wish.state_bytes) ||
        sf_hybrid_align(l->a, l->profile, &wish, &l->dg, &h) != SF_OK) {
        printf("%.*s: refused\n", SF_STR_ARG(l->id));
        l->bad = true;
        return;
    }
    check_shapes(l, shapes, n);
    check_u64(l, "block_size", get_u64(l->expect, "block_size"), h.block_size);
    check_u64(l, "mamba_block_size", get_u64(l->expect, "mamba_block_size"), h.state_block);
    check_u64(l, "mamba_page_size_padded", get_u64(l->expect, "mamba_page_size_padded"), h.page_padded);
    check_str(l, "mamba_cache_mode", get_str(l->expect, "mamba_cache_mode"), sf_str_of(modes[h.mode]));
    check_u64(l, "prefix_caching", get_bool(l->expect, "prefix_caching"), h.prefix_caching);
    check_lines(l, "log", sf_node_get(l->expect, "log"), h.log, h.n_log);
}
