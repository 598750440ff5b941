/*
 * unmodelled: says what is left out instead of leaving it out in silence.
 * The list is also in docs/limits.md; a test keeps the two together.
 */
#include "memory/unmodelled.h"

#include "memory/defaults.h"

/* Set to something other than off, zero or none. */
static bool is_on(const sf_node *v)
{
    switch (v ? v->kind : SF_NULL) {
    case SF_NULL:
        return false;
    case SF_BOOL:
        return v->as.b;
    case SF_INT:
        return v->as.i != 0;
    case SF_FLOAT:
        return v->as.f < 0 || v->as.f > 0;
    case SF_STRING:
        return !sf_str_is(v->text, "auto") && !sf_str_is(v->text, "generate");
    default:
        return true;
    }
}

static const struct {
    sf_arg arg;
    const char *what;
} left_out[] = {
    {SF_ARG_speculative_config, "the drafter is not known: its weights and cache are not counted"},
    {SF_ARG_enable_sleep_mode,  "the pool allocator of sleep mode is not modelled"               },
    {SF_ARG_kv_transfer_config, "a KV connector's buffers are not counted"                       },
};

sf_str sf_unmodelled_at(size_t i)
{
    return i < sizeof left_out / sizeof *left_out ? sf_str_of(sf_arg_name(left_out[i].arg)) : (sf_str){0};
}

/* Proposals that need no model, a drafter that is counted with its target, or the model's own prediction layers. */
static bool drafts_are_counted(const sf_stage *st, const sf_model *m)
{
    static const char *const proposals[] = {"ngram", "[ngram]", "suffix"};
    const sf_node *spec = st->args.v[SF_ARG_speculative_config].node;
    const sf_node *method = sf_node_get(spec, "method"), *model = sf_node_get(spec, "model");

    for (size_t i = 0; i < sizeof proposals / sizeof *proposals; i++)
        if ((sf_node_is(method, SF_STRING) && sf_str_is(method->text, proposals[i])) ||
            (sf_node_is(model, SF_STRING) && sf_str_is(model->text, proposals[i])))
            return true;
    return (m && m->draft) || sf_defaults_prediction_layers(st, m);
}

sf_code sf_unmodelled_check(const sf_stage *st, const sf_model *m, sf_diags *dg)
{
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) {
        const sf_node *v = st->args.v[left_out[i].arg].node;

        if (left_out[i].arg == SF_ARG_speculative_config && drafts_are_counted(st, m))
            continue;
        if (is_on(v))
            sf_diag_warning(dg, SF_E_NOT_MODELLED,
                            sf_node_where_key(v, sf_str_of(sf_arg_name(left_out[i].arg))),
                            "docs/limits.md lists what is not modelled", "stage %lld: %s", (long long)st->id,
                            left_out[i].what);
    }
    return SF_OK;
}
