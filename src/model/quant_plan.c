/*
 * quant_plan: a method's data and a config, made ready to answer for thousands of modules.
 * Must not know a format by name: which there are is data/quantization/index.yaml.
 */
#include "model/quant_plan.h"

enum { MAX_SKIPS = 6, N_CLASSES = SF_TENSOR_OTHER + 1 };

/* A part of the config that gives some modules their scheme. */
typedef struct group {
    const sf_node *section;
    const sf_name_list *names; /* NULL: all modules */
    unsigned classes;          /* bits of tensor classes that it covers by their kind */
    const sf_quant *found[N_CLASSES];
    bool asked[N_CLASSES];
} group;

struct sf_quant_plan {
    sf_walk *w;
    const sf_node *method, *schemes, *forms;
    const sf_node *config;
    bool takes[N_CLASSES], online, by_layer;
    const sf_name_list *skips[MAX_SKIPS], *keeps;
    size_t n_skips;
    group *groups;
    size_t n_groups;
    const sf_name_list *keyed; /* the names of groups that have one each: groups[i] is entry i */
    group *rest;               /* of modules that no such group covers, or NULL */
    sf_quant *kinds;
    size_t n_kinds;
};

sf_str sf_quant_plan_title(const sf_quant_plan *p)
{
    return sf_node_text(p->method, "title");
}

static unsigned styles_of(const sf_node *match)
{
    unsigned styles = 0;

    for (uint32_t i = 0; match && match->kind == SF_SEQ && i < match->n; i++)
        styles |= sf_name_style(match->as.items[i]->text);
    if (match && match->kind == SF_STRING)
        styles = sf_name_style(match->text);
    return styles ? styles : SF_NAME_EXACT;
}

/* A key of the config, or of its map "quantization" (hf_quant_config.json). */
static const sf_node *config_key(const sf_quant_plan *p, sf_str key)
{
    const sf_node *n = sf_node_path(p->config, key);

    return sf_node_absent(n) ? sf_node_path(sf_node_get(p->config, "quantization"), key) : n;
}

/* The lists of modules that are left alone. */
static sf_code read_skips(sf_quant_plan *p)
{
    const sf_node *skips = sf_node_get(p->method, "skip"), *always = sf_node_get(p->method, "always_skip");
    sf_code rc = SF_OK;

    for (uint32_t i = 0; !rc && skips && i < skips->n && p->n_skips < MAX_SKIPS - 1; i++) {
        const sf_node *s = skips->as.items[i], *names = config_key(p, sf_node_text(s, "key"));

        if (!sf_node_absent(names))
            rc = sf_name_list_new(p->w->a, names, styles_of(sf_node_get(s, "match")), p->w->dg,
                                  &p->skips[p->n_skips++]);
    }
    if (!rc && always)
        rc = sf_name_list_new(p->w->a, sf_node_get(always, "names"), styles_of(sf_node_get(always, "match")),
                              p->w->dg, &p->skips[p->n_skips++]);
    return rc;
}

static sf_tensor_class class_of(sf_str word)
{
    static const char *const words[N_CLASSES] = {
        [SF_TENSOR_LINEAR] = "linear", [SF_TENSOR_EXPERT] = "expert", [SF_TENSOR_EMBED] = "embed",
        [SF_TENSOR_HEAD] = "head",     [SF_TENSOR_NORM] = "norm",     [SF_TENSOR_ROUTER] = "router",
        [SF_TENSOR_SCALE] = "scale",   [SF_TENSOR_OTHER] = "other",
    };

    for (size_t i = 0; i < N_CLASSES; i++)
        if (sf_str_is(word, words[i]))
            return (sf_tensor_class)i;
    sf_bug_if(true);
}

/* Bits of the classes that the words of a list stand for ("Linear" covers linear and expert). */
static unsigned classes_of(const sf_quant_plan *p, const sf_node *names)
{
    const sf_node *words = sf_node_path(p->method, SF_STR("groups.classes"));
    unsigned bits = 0;

    for (uint32_t i = 0; names && names->kind == SF_SEQ && i < names->n; i++) {
        const sf_node *list = sf_node_get_str(words, names->as.items[i]->text);

        for (uint32_t k = 0; list && k < list->n; k++)
            bits |= 1u << class_of(list->as.items[k]->text);
    }
    return bits;
}

/* Groups of a map: each has a list of names, or its key is the name. */
static sf_code read_groups(sf_quant_plan *p, const sf_node *rule, const sf_node *map)
{
    sf_str names = sf_node_text(rule, "names");
    unsigned styles = styles_of(sf_node_get(rule, "match"));
    sf_code rc = SF_OK;

    sf_bug_if(!map);
    if (map->kind != SF_MAP || map->n > SF_QUANT_GROUPS)
        return sf_diag_error(p->w->dg, SF_E_QUANT_CONFIG, sf_node_where(map), NULL,
                             "groups of a quantization_config are a map, and this is a %s",
                             sf_node_kind_name(map->kind));
    p->groups = SF_NEW_ARRAY(p->w->a, group, map->n ? map->n : 1);
    if (!p->groups)
        return SF_E_NOMEM;
    for (uint32_t i = 0; !rc && i < map->n; i++) {
        group *g = &p->groups[p->n_groups++];
        const sf_node *list;

        g->section = map->as.pairs[i].value;
        if (sf_str_starts(map->as.pairs[i].key, SF_STR("-:"))) { /* GPTQ: left alone */
            for (size_t c = 0; c < N_CLASSES; c++)
                g->asked[c] = true;
            continue;
        }
        if (g->section->kind != SF_MAP)
            return sf_diag_error(p->w->dg, SF_E_QUANT_CONFIG, sf_node_where(g->section), NULL,
                                 "a group of quantization_config is a %s and not a map",
                                 sf_node_kind_name(g->section->kind));
        rc = sf_quant_check_keys(p->w, g->section, sf_node_get(rule, "keys"));
        if (rc || sf_str_is(names, "*"))
            continue;
        list = sf_node_get_str(g->section, names);
        g->classes = classes_of(p, list);
        rc = sf_name_list_new(p->w->a, list, styles, p->w->dg, &g->names);
    }
    if (!rc && sf_str_is(names, "*"))
        rc = sf_name_list_new(p->w->a, map, styles, p->w->dg, &p->keyed);
    return rc;
}

static sf_code one_group(sf_quant_plan *p)
{
    p->groups = SF_NEW(p->w->a, group);
    if (!p->groups)
        return SF_E_NOMEM;
    p->groups[0].section = p->config;
    p->groups[0].classes = ~0u;
    p->n_groups = 1;
    return SF_OK;
}

static sf_code read_takes(sf_quant_plan *p)
{
    const sf_node *takes = sf_node_get(p->method, "takes");

    for (uint32_t i = 0; takes && i < takes->n; i++) {
        bool yes;
        sf_code rc = sf_quant_scope_truth(p->w->a, p->config, p->config, NULL, 0, takes->as.pairs[i].value,
                                          p->w->dg, &yes);

        if (rc)
            return rc;
        p->takes[class_of(takes->as.pairs[i].key)] = yes;
    }
    return SF_OK;
}

/* The first of the method's ways to group whose key the config has; exceptions leave the rest to the config itself. */
static sf_code choose_groups(sf_quant_plan *p)
{
    static const char *const ways[] = {"layers", "groups", "exceptions"};

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const sf_node *rule = sf_node_get(p->method, ways[i]);
        const sf_node *map = rule ? config_key(p, sf_node_text(rule, "key")) : NULL;
        sf_code rc;

        if (sf_node_absent(map))
            continue;
        rc = read_groups(p, rule, map);
        if (rc || !sf_str_is(sf_str_of(ways[i]), "exceptions"))
            return rc;
        p->rest = SF_NEW(p->w->a, group);
        if (!p->rest)
            return SF_E_NOMEM;
        p->rest->section = p->config;
        return SF_OK;
    }
    if (sf_node_get(p->method, "groups"))
        return sf_diag_error(p->w->dg, SF_E_QUANT_CONFIG, sf_node_where(p->config),
                             "take the config.json that belongs to the weights",
                             "quantization_config lacks %.*s",
                             SF_STR_ARG(sf_node_text(sf_node_get(p->method, "groups"), "key")));
    return one_group(p);
}

static sf_code fill_plan(sf_quant_plan *p)
{
    sf_walk *w = p->w;
    sf_code rc = sf_family_data(w->cache, SF_STR("quantization/schemes.yaml"), w->dg, &p->schemes);

    if (!rc)
        rc = sf_family_data(w->cache, SF_STR("quantization/forms.yaml"), w->dg, &p->forms);
    if (!rc)
        rc = sf_quant_check_keys(w, p->config, sf_node_get(p->method, "keys"));
    if (!rc)
        rc = read_takes(p);
    if (!rc)
        rc = read_skips(p);
    if (!rc)
        rc = choose_groups(p);
    p->kinds = SF_NEW_ARRAY(w->a, sf_quant, SF_QUANT_KINDS);
    p->by_layer = sf_node_get(p->method, "by_layer") != NULL;
    return rc || p->kinds ? rc : SF_E_NOMEM;
}

sf_code sf_quant_plan_new(sf_walk *w, const sf_model_wish *wish, const sf_node *config, sf_quant_plan **ret)
{
    sf_quant_plan *p;
    sf_code rc;

    if (!config && !wish->quantization.n)
        return SF_OK;
    p = SF_NEW(w->a, sf_quant_plan);
    if (!p)
        return SF_E_NOMEM;
    *p = (sf_quant_plan){.w = w, .config = config ? config : sf_quant_nothing(), .online = !config};
    rc = sf_quant_method(w, wish, config, &p->method);
    if (!rc)
        rc = fill_plan(p);
    if (!rc)
        *ret = p;
    return rc;
}

static bool same_value(const sf_value *a, const sf_value *b)
{
    return a->kind == b->kind &&
           (a->kind == SF_VAL_STR ? sf_str_eq(a->s, b->s) : a->i == b->i && a->node == b->node);
}

static bool same_kind(const sf_quant *a, const sf_quant *b)
{
    if (a->node != b->node || a->n_params != b->n_params)
        return false;
    for (size_t i = 0; i < a->n_params; i++)
        if (!sf_str_eq(a->params[i].name, b->params[i].name) ||
            !same_value(&a->params[i].value, &b->params[i].value))
            return false;
    return true;
}

/* `with` of the rule, then the scheme's own defaults. */
static sf_code bind_params(const sf_quant_plan *p, const sf_node *with, const sf_binding *known,
                           size_t n_known, sf_quant *q)
{
    const sf_node *const maps[] = {with, sf_node_get(q->node, "params")};

    for (size_t m = 0; m < sizeof maps / sizeof *maps; m++)
        for (uint32_t i = 0; maps[m] && i < maps[m]->n; i++) {
            const sf_pair *pair = &maps[m]->as.pairs[i];
            sf_value v = sf_value_i64(pair->value->as.i);
            sf_code rc = SF_OK;

            if (m && sf_node_get_str(with, pair->key))
                continue;
            sf_bug_if(q->n_params == SF_QUANT_PARAMS);
            if (pair->value->kind != SF_INT)
                rc = sf_quant_scope_eval(p->w->a, p->config, q->section, known, n_known, pair->value->text,
                                         sf_node_where(pair->value), p->w->dg, &v);
            if (rc)
                return rc;
            v.node = v.kind == SF_VAL_NODE ? v.node : NULL;
            q->params[q->n_params++] = (sf_binding){pair->key, v};
        }
    return SF_OK;
}

/* One object for equal schemes, so that layers of one kind stay together. */
static sf_code intern(sf_quant_plan *p, const sf_quant *q, const sf_quant **ret)
{
    for (size_t i = 0; i < p->n_kinds; i++)
        if (same_kind(&p->kinds[i], q)) {
            *ret = &p->kinds[i];
            return SF_OK;
        }
    if (p->n_kinds == SF_QUANT_KINDS)
        return sf_diag_error(p->w->dg, SF_E_LIMIT, sf_node_where(p->config), NULL,
                             "quantization_config has more than %d kinds of layers", SF_QUANT_KINDS);
    p->kinds[p->n_kinds] = *q;
    *ret = &p->kinds[p->n_kinds++];
    return SF_OK;
}

static sf_code make_kind(sf_quant_plan *p, const sf_node *section, const sf_node *rule,
                         const sf_binding *known, size_t n_known, const sf_quant **ret)
{
    sf_str use = sf_node_text(rule, "use");
    sf_quant q = {.scheme = use, .config = p->config, .section = section, .online = p->online};
    sf_code rc;

    if (sf_str_is(use, "none")) {
        *ret = NULL;
        return SF_OK;
    }
    q.node = sf_node_get_str(sf_node_get(p->schemes, "schemes"), use);
    sf_bug_if(!q.node);
    q.form = sf_node_get_str(sf_node_get(p->forms, "forms"), sf_node_text(q.node, "form"));
    sf_bug_if(!q.form);
    rc = bind_params(p, sf_node_get(rule, "with"), known, n_known, &q);
    return rc ? rc : intern(p, &q, ret);
}

/* The first scheme of the method whose condition holds in a section. */
static sf_code choose_scheme(sf_quant_plan *p, const sf_node *section, const sf_quant_module *m,
                             const sf_quant **ret)
{
    const sf_node *rules = sf_node_get(p->method, "schemes");
    sf_binding known[] = {
        {SF_STR("is_expert"), sf_value_i64(m->cls == SF_TENSOR_EXPERT)},
        {SF_STR("is_head"),   sf_value_i64(m->cls == SF_TENSOR_HEAD)  },
        {SF_STR("is_embed"),  sf_value_i64(m->cls == SF_TENSOR_EMBED) },
        {SF_STR("name"),      {.kind = SF_VAL_STR, .s = m->name}      },
        {SF_STR("layer"),     sf_value_i64(m->layer)                  },
        {SF_STR("layers"),    sf_value_i64(m->layers)                 },
        {SF_STR("model"),     sf_value_node(p->w->root)               }, /* the whole of config.json */
    };
    size_t n_known = sizeof known / sizeof *known;

    for (uint32_t i = 0; i < rules->n; i++) {
        const sf_node *rule = rules->as.items[i];
        bool yes;
        sf_code rc = sf_quant_scope_truth(p->w->a, p->config, section, known, n_known,
                                          sf_node_get(rule, "when"), p->w->dg, &yes);

        if (rc)
            return rc;
        if (yes)
            return make_kind(p, section, rule, known, n_known, ret);
    }
    return sf_diag_error(p->w->dg, SF_E_QUANT_UNKNOWN, sf_node_where(section),
                         "docs/quantization.md lists the formats that are known",
                         "%.*s: this kind of quantisation is not modelled (it is asked for %.*s)",
                         SF_STR_ARG(sf_quant_plan_title(p)), SF_STR_ARG(m->name));
}

static bool is_covered(const sf_name_list *l, const sf_quant_module *m, uint64_t number, size_t *ret)
{
    return sf_name_list_covers(l, m->name, number, ret) ||
           (m->fused.n && sf_name_list_covers(l, m->fused, number, ret));
}

/* The group of a module: by name first, then by its kind. */
static group *find_group(const sf_quant_plan *p, const sf_quant_module *m, uint64_t number)
{
    size_t at;

    if (p->keyed)
        return is_covered(p->keyed, m, number, &at) ? &p->groups[at] : p->rest;
    for (size_t i = 0; i < p->n_groups; i++)
        if (p->groups[i].names && is_covered(p->groups[i].names, m, number, &at))
            return &p->groups[i];
    for (size_t i = 0; i < p->n_groups; i++)
        if (p->groups[i].classes >> m->cls & 1)
            return &p->groups[i];
    return NULL;
}

sf_code sf_quant_plan_of(sf_quant_plan *p, const sf_quant_module *m, const sf_quant **ret)
{
    uint64_t number = sf_name_number(m->name);
    group *g;
    size_t at;
    sf_code rc;

    *ret = NULL;
    if (!p->takes[m->cls])
        return SF_OK;
    for (size_t i = 0; i < p->n_skips; i++)
        if (is_covered(p->skips[i], m, number, &at))
            return SF_OK;
    g = find_group(p, m, number);
    if (!g)
        return SF_OK;
    if (!g->asked[m->cls] || p->by_layer) {
        rc = choose_scheme(p, g->section, m, &g->found[m->cls]);
        if (rc)
            return rc;
        g->asked[m->cls] = true;
    }
    *ret = g->found[m->cls];
    return SF_OK;
}

bool sf_quant_plan_beside(const sf_quant_plan *p, sf_str name)
{
    const sf_node *tails = sf_node_get(p->method, "beside");

    for (uint32_t i = 0; tails && i < tails->n; i++)
        if (sf_str_ends(name, tails->as.items[i]->text))
            return true;
    return false;
}
