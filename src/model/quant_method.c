/*
 * quant_method: which method of data/quantization a config or --quantization means, and whether what the
 * config says can be used.
 * Rule: vLLM config/model.py (_verify_quantization).
 */
#include "model/quant_plan.h"

/* "file/method" of the index becomes the method's map. */
static sf_code find_method(sf_walk *w, sf_str path, const sf_node **ret)
{
    const sf_node *root;
    sf_str file, rest = path;
    sf_code rc;

    sf_str_split(&rest, '/', &file);
    file = sf_arena_printf(w->a, "quantization/%.*s.yaml", SF_STR_ARG(file));
    rc = file.p ? sf_family_data(w->cache, file, w->dg, &root) : SF_E_NOMEM;
    if (rc)
        return rc;
    *ret = sf_node_get_str(sf_node_get(root, "methods"), rest);
    sf_bug_if(!*ret);
    return SF_OK;
}

/* The method's name: quant_method, or what the index guesses it from. */
static sf_code method_name(sf_walk *w, const sf_node *index, const sf_node *config, sf_str *ret)
{
    const sf_node *guesses = sf_node_get(index, "guess"), *own = sf_node_get(config, "quant_method");

    if (!sf_node_absent(own) && own->kind != SF_STRING)
        return sf_diag_error(w->dg, SF_E_QUANT_CONFIG, sf_node_where_key(own, SF_STR("quant_method")),
                             "quant_method is a text such as \"fp8\"", "quant_method is a %s",
                             sf_node_kind_name(own->kind));
    *ret = own && own->kind == SF_STRING ? own->text : (sf_str){0};
    for (uint32_t i = 0; guesses && i < guesses->n; i++) {
        const sf_node *g = guesses->as.items[i];
        sf_binding b = {
            SF_STR("method"), {.kind = SF_VAL_STR, .s = *ret}
        };
        bool yes = false;
        sf_code rc = sf_quant_scope_truth(w->a, config, config, &b, 1, sf_node_get(g, "when"), w->dg, &yes);

        if (rc)
            return rc;
        if (yes) {
            *ret = sf_node_text(g, "method");
            return SF_OK;
        }
    }
    if (ret->n)
        return SF_OK;
    return sf_diag_error(w->dg, SF_E_QUANT_CONFIG, sf_node_where(config),
                         "the config.json that belongs to the weights says quant_method",
                         "quantization_config does not say its quant_method");
}

static sf_code unknown(sf_walk *w, const sf_node *at, sf_str name)
{
    return sf_diag_error(w->dg, SF_E_QUANT_UNKNOWN, sf_node_where(at),
                         "docs/quantization.md lists the formats that are known and shows how one is added",
                         "quantisation `%.*s` is not modelled", SF_STR_ARG(name));
}

/* What stands in the index for a name, or NULL. */
static const sf_node *lookup(const sf_node *index, const char *list, sf_str name)
{
    return sf_node_get_str(sf_node_get(index, list), name);
}

/* --quantization beside a quantised checkpoint must mean the same. */
static sf_code check_wish(sf_walk *w, const sf_node *index, const sf_model_wish *wish, sf_str own)
{
    const sf_node *asked = lookup(index, "methods", wish->quantization), *is = lookup(index, "methods", own);

    if (!wish->quantization.n || sf_str_eq(wish->quantization, own) ||
        (asked && is && sf_str_eq(asked->text, is->text)))
        return SF_OK;
    return sf_diag_error(w->dg, SF_E_QUANT_UNKNOWN,
                         sf_node_where_key(wish->quantization_at, SF_STR("quantization")),
                         "leave quantization out: the checkpoint says what it is",
                         "Quantization method specified in the model config (%.*s) does not match the "
                         "quantization method specified in the `quantization` argument (%.*s).",
                         SF_STR_ARG(own), SF_STR_ARG(wish->quantization));
}

/* --quantization of a checkpoint that is not quantised. */
static sf_code online_method(sf_walk *w, const sf_node *index, const sf_model_wish *wish, const sf_node **ret)
{
    sf_where at = sf_node_where_key(wish->quantization_at, SF_STR("quantization"));
    const sf_node *row = lookup(index, "online", wish->quantization);

    if (row)
        return find_method(w, row->text, ret);
    if (lookup(index, "methods", wish->quantization))
        return sf_diag_error(
            w->dg, SF_E_QUANT_UNKNOWN, at,
            "name a checkpoint that was quantised so, or take fp8 or bitsandbytes, which the "
            "engine makes while loading",
            "Cannot find the config file for %.*s: the checkpoint is not quantised",
            SF_STR_ARG(wish->quantization));
    return sf_diag_error(
        w->dg, SF_E_QUANT_UNKNOWN, at, "leave quantization out to see the unquantised figures",
        "quantization %.*s of an unquantised checkpoint is not modelled", SF_STR_ARG(wish->quantization));
}

/* What a key of the config must be, where it is given. */
static sf_code check_key(sf_walk *w, const sf_node *section, sf_str key, const sf_node *rule)
{
    const sf_node *v = sf_node_get_str(section, key), *one_of = sf_node_get(rule, "one_of");
    sf_str kind = sf_node_text(rule, "kind");
    bool ok = true, needed = sf_node_get(rule, "needed") && sf_node_get(rule, "needed")->as.b;

    if (sf_node_absent(v)) {
        if (!needed)
            return SF_OK;
        return sf_diag_error(w->dg, SF_E_QUANT_CONFIG, sf_node_where(section),
                             "take the config.json that belongs to the weights",
                             "quantization_config lacks %.*s", SF_STR_ARG(key));
    }
    if (sf_str_is(kind, "integer"))
        ok = v->kind == SF_INT;
    else if (sf_str_is(kind, "size"))
        ok = v->kind == SF_INT && v->as.i > 0 && v->as.i <= 1 << 20;
    else if (sf_str_is(kind, "group"))
        ok = v->kind == SF_INT && (v->as.i == -1 || v->as.i > 0) && v->as.i <= 1 << 20;
    else if (sf_str_is(kind, "bool"))
        ok = v->kind == SF_BOOL;
    else if (sf_str_is(kind, "text"))
        ok = v->kind == SF_STRING;
    else if (sf_str_is(kind, "map"))
        ok = v->kind == SF_MAP;
    else if (sf_str_is(kind, "pair"))
        ok = v->kind == SF_SEQ && v->n == 2 && v->as.items[0]->kind == SF_INT && v->as.items[0]->as.i > 0 &&
             v->as.items[1]->kind == SF_INT && v->as.items[1]->as.i > 0;
    if (ok && one_of) {
        ok = false;
        for (uint32_t i = 0; i < one_of->n; i++)
            ok |= sf_str_eq_nocase(one_of->as.items[i]->text, v->text);
    }
    if (ok)
        return SF_OK;
    return sf_diag_error(w->dg, SF_E_QUANT_CONFIG, sf_node_where_key(v, key), sf_node_text(rule, "hint").p,
                         "%.*s of quantization_config is %s%.*s, which is no value for it", SF_STR_ARG(key),
                         v->text.n ? "" : sf_node_kind_name(v->kind), SF_STR_ARG(v->text));
}

sf_code sf_quant_check_keys(sf_walk *w, const sf_node *section, const sf_node *keys)
{
    sf_code rc = SF_OK;

    for (uint32_t i = 0; !rc && keys && i < keys->n; i++)
        rc = check_key(w, section, keys->as.pairs[i].key, keys->as.pairs[i].value);
    return rc;
}

sf_code sf_quant_method(sf_walk *w, const sf_model_wish *wish, const sf_node *config, const sf_node **ret)
{
    const sf_node *index, *row, *at;
    sf_str name = {0};
    sf_code rc = sf_family_data(w->cache, SF_STR("quantization/index.yaml"), w->dg, &index);

    if (!rc && !config)
        return online_method(w, index, wish, ret);
    if (!rc && config->kind != SF_MAP)
        rc = sf_diag_error(w->dg, SF_E_QUANT_CONFIG, sf_node_where(config), NULL,
                           "quantization_config is a %s and not a map", sf_node_kind_name(config->kind));
    if (!rc)
        rc = method_name(w, index, config, &name);
    if (!rc)
        rc = check_wish(w, index, wish, name);
    if (rc)
        return rc;
    row = lookup(index, "methods", name);
    at = sf_node_get(config, "quant_method");
    return row ? find_method(w, row->text, ret) : unknown(w, at ? at : config, name);
}
