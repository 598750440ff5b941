/*
 * resolve_len: max_model_len as the engine derives it when nobody gives one.
 * vLLM config/model.py, _get_and_verify_max_len: the least of the keys below, then rope scaling.  The
 * tokenizer's own limit is not looked at: it is not among the files that are read.
 */
#include "model/family.h"

static const char *const length_keys[] = {
    "max_position_embeddings", "n_positions",         "max_seq_len",    "seq_length", "model_max_length",
    "max_target_positions",    "max_sequence_length", "max_seq_length", "seq_len",
};

static bool read_length(const sf_node *map, const char *key, double *ret)
{
    const sf_node *n = sf_node_get(map, key);

    if (sf_node_is(n, SF_INT) && n->as.i > 0)
        *ret = (double)n->as.i;
    else if (sf_node_is(n, SF_FLOAT) && n->as.f > 0 && n->as.f < 1e15)
        *ret = n->as.f;
    else
        return false;
    return true;
}

/* The factor of the rope scaling, and where the length starts from. */
static void apply_rope(sf_arena *a, const sf_node *text, const sf_node *rope, double *len, sf_str *why)
{
    sf_str type =
        sf_node_text(rope, "rope_type").n ? sf_node_text(rope, "rope_type") : sf_node_text(rope, "type");
    double factor = 1, original = 0;
    sf_str said;

    if (sf_str_is(type, "longrope") || sf_str_is(type, "su")) {
        if (read_length(rope, "original_max_position_embeddings", &original) ||
            read_length(text, "original_max_position_embeddings", &original)) {
            *len = original;
            *why = SF_STR("original_max_position_embeddings");
        }
        return;
    }
    if (sf_str_is(type, "llama3") || sf_str_starts(sf_node_text(text, "model_type"), SF_STR("gemma3")) ||
        !read_length(rope, "factor", &factor))
        return;
    if (sf_str_is(type, "yarn") && read_length(rope, "original_max_position_embeddings", &original)) {
        *len = original;
        *why = SF_STR("original_max_position_embeddings");
    }
    *len *= factor;
    said = sf_arena_printf(a, "%.*s x rope factor", SF_STR_ARG(*why));
    if (said.p)
        *why = said;
}

void sf_resolve_max_len(sf_arena *a, const sf_node *text, sf_model *m)
{
    const sf_node *rope = sf_node_get(text, "rope_scaling");
    double len = 0, v;
    sf_str why = {0};

    for (size_t i = 0; i < sizeof length_keys / sizeof *length_keys; i++)
        if (read_length(text, length_keys[i], &v) && (!why.n || v < len)) {
            len = v;
            why = sf_str_of(length_keys[i]);
        }
    if (read_length(text, "model_max_length", &v)) { /* overrides the others */
        len = v;
        why = SF_STR("model_max_length");
    }
    if (!why.n) {
        len = 2048;
        why = SF_STR("the engine's default: the config has no length");
    } else {
        apply_rope(a, text, sf_node_absent(rope) ? sf_node_get(text, "rope_parameters") : rope, &len, &why);
    }
    if (len < 1 || len > 1e15)
        return;
    m->max_model_len = (uint64_t)len;
    m->max_model_len_why = why;
}
