/* oracle_kv_derive: lines of type "model_derivation": heads out of the raw config.json. */
#include "oracle_kv.h"

#include <stdio.h>

#include "base/fs.h"
#include "base/num.h"
#include "text/json.h"

static const sf_node *read_config(line *l)
{
    sf_str dir = get_str(l->input, "model_dir"), where = get_str(l->input, "text_config_path"), text;
    sf_str path = sf_arena_printf(l->a, "%.*s/models/%.*s/config.json", SF_STR_ARG(l->data), SF_STR_ARG(dir));
    const sf_node *root;

    if (sf_fs_read_all(&sf_fs_posix, l->a, path, (uint64_t)1 << 24, &l->dg, &text) != SF_OK ||
        sf_json_parse(l->a, text, path, SF_JSON_NONFINITE, &l->dg, &root) != SF_OK)
        return NULL;
    return where.n ? sf_node_path(root, where) : root;
}

void run_derivation(line *l)
{
    const sf_node *text = read_config(l), *ranks = sf_node_get(l->expect, "kv_heads_per_rank");
    sf_heads h;

    if (!text || sf_heads_of_config(l->profile, text, &l->dg, &h) != SF_OK) {
        printf("%.*s: refused\n", SF_STR_ARG(l->id));
        l->bad = true;
        return;
    }
    check_u64(l, "head_size", get_u64(l->expect, "head_size"), h.head_size);
    check_u64(l, "total_num_kv_heads", get_u64(l->expect, "total_num_kv_heads"), h.kv_heads);
    check_u64(l, "is_mla", get_bool(l->expect, "is_mla"), h.is_mla);
    for (size_t i = 0; i < ranks->n; i++) {
        uint64_t tp, got;

        if (!sf_parse_u64(ranks->as.pairs[i].key, &tp))
            continue;
        sf_kv_heads_of_rank(h.is_mla ? 1 : h.kv_heads, tp, &got);
        check_u64(l, "kv_heads_per_rank", (uint64_t)ranks->as.pairs[i].value->as.i, got);
    }
}
