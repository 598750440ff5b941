/* oracle_kv_other: lines of the types "pp_partition", "vocab_padding" and "cudagraph_sizes". */
#include "oracle_kv.h"

#include <stdio.h>

#include "base/num.h"

void run_partition(line *l)
{
    uint64_t pp = get_u64(l->input, "pp"), *got;
    sf_str error = get_str(l->expect, "error_text");
    sf_code rc = sf_pp_partition(l->a, get_u64(l->input, "num_hidden_layers"), pp,
                                 get_str(l->input, "vllm_pp_layer_partition"), &l->dg, &got);

    check_u64(l, "refused", error.n != 0, rc != SF_OK);
    if (rc != SF_OK)
        check_str(l, "error_text", error, l->dg.n ? l->dg.items[0].message : SF_STR(""));
    else if (!l->bad)
        check_list(l, "layers_per_stage", sf_node_get(l->expect, "layers_per_stage"), got, pp);
}

void run_vocab(line *l)
{
    const sf_node *ranks = sf_node_get(l->expect, "per_rank");
    uint64_t padded = sf_vocab_padded(get_u64(l->input, "vocab_size"));

    check_u64(l, "padded", get_u64(l->expect, "padded"), padded);
    for (size_t i = 0; i < ranks->n; i++) {
        uint64_t tp;

        if (!sf_parse_u64(ranks->as.pairs[i].key, &tp))
            continue;
        if (sf_node_absent(ranks->as.pairs[i].value))
            check_u64(l, "divides", false, padded % tp == 0);
        else
            check_u64(l, "per_rank", (uint64_t)ranks->as.pairs[i].value->as.i, padded / tp);
    }
}

void run_capture(line *l)
{
    const sf_node *most = sf_node_get(l->input, "user_max_capture_size");
    uint64_t *got = NULL;
    size_t n = 0;

    if (get_bool(l->input, "enforce_eager")) {
        check_u64(l, "count", get_u64(l->expect, "count"), 0);
        return;
    }
    if (sf_capture_sizes(l->a, l->profile, get_u64(l->input, "max_num_seqs"),
                         get_u64(l->input, "max_num_batched_tokens"),
                         (uint32_t)get_u64(l->input, "num_spec_tokens"), (unsigned)get_u64(l->input, "sm"),
                         sf_node_absent(most) ? -1 : most->as.i, sf_node_get(l->input, "user_capture_sizes"),
                         &l->dg, &got, &n) != SF_OK) {
        printf("%.*s: refused\n", SF_STR_ARG(l->id));
        l->bad = true;
        return;
    }
    check_u64(l, "count", get_u64(l->expect, "count"), n);
    check_list(l, "sizes", sf_node_get(l->expect, "sizes"), got, n);
}
