/*
 * resolve: from a checkpoint and a stage's wish to the model that the accounting works on.
 * Must not know any architecture: the family files do.
 */
#include "base/nearest.h"
#include "base/num.h"
#include "model/family.h"

enum { MERGE_DEPTH = 8 };

/* What is going to be walked. */
typedef struct target {
    sf_family_entry entry;
    const sf_node *part; /* the map with `tensors`, `use`, `keeps` */
    sf_str part_name;
    bool assumed;
} target;

/* `over` on top of `base`: maps are merged, everything else is replaced. */
static const sf_node *merge(sf_arena *a, const sf_node *base, const sf_node *over, unsigned depth)
{
    if (!sf_node_is(over, SF_MAP) || !sf_node_is(base, SF_MAP) || depth > MERGE_DEPTH)
        return over;
    for (uint32_t i = 0; i < over->n && base; i++) {
        const sf_pair *p = &over->as.pairs[i];
        const sf_node *old = sf_node_get_str(base, p->key),
                      *value = old ? merge(a, old, p->value, depth + 1) : p->value;

        base = value ? sf_node_with(a, base, p->key, value) : NULL;
    }
    return base;
}

static const struct sf_checkpoint_sub *find_sub(const sf_checkpoint *ckpt, sf_str name)
{
    for (size_t i = 0; i < ckpt->n_subs; i++)
        if (sf_str_eq(ckpt->subs[i].name, name))
            return &ckpt->subs[i];
    return NULL;
}

/* The config and the headers of the folder that the stage reads. */
static sf_code choose_root(sf_walk *w, const sf_model_wish *wish)
{
    const struct sf_checkpoint_sub *sub = wish->subdir.n ? find_sub(w->ckpt, wish->subdir) : NULL;

    w->root = sub ? sub->config : w->ckpt->config;
    w->headers = sub ? sub->headers : w->ckpt->headers;
    if (!w->root || (wish->subdir.n && !sub))
        return sf_diag_error(w->dg, SF_E_CONFIG_MISSING, (sf_where){.file = w->ckpt->dir},
                             "download the whole repository, sub-folders included",
                             "%s%.*s of `%.*s` has no config.json",
                             wish->subdir.n ? "the sub-folder " : "the folder", SF_STR_ARG(wish->subdir),
                             SF_STR_ARG(w->ckpt->name));
    if (wish->hf_overrides && sf_node_is(wish->hf_overrides, SF_MAP)) {
        w->root = merge(w->a, w->root, wish->hf_overrides, 0);
        if (!w->root)
            return SF_E_NOMEM;
    }
    return SF_OK;
}

static sf_str string_of(const sf_node *map, const char *key)
{
    const sf_node *n = sf_node_get(map, key);

    return sf_node_is(n, SF_STRING) ? n->text : (sf_str){0};
}

/* The name that config.json gives itself, and its node. */
static sf_str own_architecture(const sf_node *root, const sf_node **ret_node)
{
    const sf_node *n = sf_node_item(sf_node_get(root, "architectures"), 0);
    static const char *const keys[] = {"_class_name", "model_type"};

    if (sf_node_is(n, SF_STRING)) {
        *ret_node = n;
        return n->text;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (string_of(root, keys[i]).n) {
            *ret_node = sf_node_get(root, keys[i]);
            return (*ret_node)->text;
        }
    *ret_node = root;
    return (sf_str){0};
}

/* The known architectures that are most like `name`: "A, B, C". */
static sf_str nearest(sf_arena *a, const sf_node *map, sf_str name)
{
    sf_nearest list = {0};

    for (uint32_t i = 0; map && i < map->n; i++)
        sf_nearest_offer(&list, map->as.pairs[i].key, name);
    return sf_nearest_text(a, &list);
}

static sf_code arch_unknown(sf_walk *w, const sf_node *index, sf_str name, const sf_node *at)
{
    sf_str like = nearest(w->a, sf_node_get(index, "architectures"), name);
    sf_str hint = sf_arena_printf(
        w->a,
        "--assume full-attention treats it as a dense decoder; `stagefit models` lists what is "
        "known%s%.*s",
        like.n ? "; spelled alike: " : "", SF_STR_ARG(like));

    if (!hint.p)
        return SF_E_NOMEM;
    if (!name.n)
        return sf_diag_error(w->dg, SF_E_ARCH_UNKNOWN, sf_node_where(at), hint.p,
                             "config.json names no architecture and no model_type");
    return sf_diag_error(w->dg, SF_E_ARCH_UNKNOWN, sf_node_where(at), hint.p,
                         "architecture `%.*s` is not known", SF_STR_ARG(name));
}

static sf_code find_entry(sf_walk *w, const sf_model_wish *wish, target *t)
{
    const sf_node *index, *at, *row;
    sf_str own = own_architecture(w->root, &at), asked = wish->architecture.n ? wish->architecture : own;
    bool found = false;
    sf_code rc = sf_family_index(w->cache, w->dg, &index);

    if (!rc)
        rc = sf_family_find(w->cache, asked, w->dg, &found, &t->entry);
    if (!rc && !found && wish->architecture.n)
        rc = sf_family_find(w->cache, own, w->dg, &found, &t->entry);
    if (rc || found)
        return rc;
    row = sf_node_get_str(sf_node_get(index, "model_types"), string_of(w->root, "model_type"));
    if (row)
        return sf_family_find(w->cache, row->text, w->dg, &found, &t->entry);
    row = sf_node_get(index, "diffusers"); /* any pipeline whose components are known */
    if (row && w->ckpt->index && w->root == w->ckpt->index && own.n) {
        rc = sf_family_find(w->cache, row->text, w->dg, &found, &t->entry);
        t->entry.architecture = own;
        return rc;
    }
    if (!wish->assume_full_attention)
        return arch_unknown(w, index, own.n ? own : asked, at);
    t->assumed = true;
    sf_diag_warning(w->dg, SF_E_ARCH_UNKNOWN, sf_node_where(at), NULL,
                    "architecture `%.*s` is not known: a dense decoder with full attention is assumed",
                    SF_STR_ARG(own));
    rc = sf_family_find(w->cache, string_of(index, "assumed"), w->dg, &found, &t->entry);
    t->entry.architecture = own;
    return rc;
}

/* False for a part that this checkpoint does not have, by the part's own `when`. */
static sf_code part_there(sf_walk *w, const sf_node *part, bool *ret)
{
    sf_frame frame = {.root = w->root, .section = w->root};
    const sf_node *when = sf_node_get(part, "when");

    *ret = true;
    return when ? sf_family_truth(w, &frame, when->text, sf_node_where(when), ret) : SF_OK;
}

/* The part that is asked for, the one that the name stands for, or the one that plain vLLM serves. */
static sf_code choose_part(sf_walk *w, const sf_model_wish *wish, target *t)
{
    const sf_node *parts = sf_node_get(t->entry.node, "parts");
    sf_str name = wish->part.n ? wish->part : t->entry.part, hint = {0};
    bool there;

    t->part = t->entry.node;
    if (!parts)
        return SF_OK;
    if (!name.n)
        name = string_of(t->entry.node, "serves");
    t->part_name = name;
    t->part = sf_node_get_str(parts, name);
    if (t->part) {
        sf_code rc = part_there(w, t->part, &there);

        if (rc || there)
            return rc;
        return sf_diag_error(w->dg, SF_E_UNKNOWN_NAME, sf_node_where(w->root),
                             "take a checkpoint that has it, or leave the stage out",
                             "this checkpoint of `%.*s` has no part `%.*s`",
                             SF_STR_ARG(t->entry.architecture), SF_STR_ARG(name));
    }
    for (uint32_t i = 0; i < parts->n; i++)
        hint = sf_arena_printf(w->a, "%.*s%s%.*s", SF_STR_ARG(hint),
                               i ? ", " : "its parts: ", SF_STR_ARG(parts->as.pairs[i].key));
    return sf_diag_error(w->dg, SF_E_UNKNOWN_NAME, sf_node_where(w->root), hint.p,
                         "architecture `%.*s` has no part `%.*s`", SF_STR_ARG(t->entry.architecture),
                         SF_STR_ARG(name));
}

static sf_dtype dtype_of_map(const sf_node *map)
{
    sf_str name = string_of(map, "torch_dtype");

    return sf_dtype_of_torch(name.n ? name : string_of(map, "dtype"));
}

/* Says the innermost section on the way to `path` that has a dtype. */
static sf_dtype find_dtype(const sf_node *root, sf_str path)
{
    sf_dtype best = dtype_of_map(root);
    sf_str part;

    for (bool more = path.n > 0; more && root;) {
        sf_dtype d;

        more = sf_str_split(&path, '.', &part);
        root = sf_node_get_str(root, part);
        d = dtype_of_map(root);
        best = d != SF_DT_NONE ? d : best;
    }
    return best;
}

/* The dtype that most bytes of the weights have; packed and 8-bit types are none that a model runs in. */
static sf_dtype weights_dtype(const sf_tensor_table *t)
{
    uint64_t bytes[SF_DT_COUNT] = {0};
    sf_dtype best = SF_DT_NONE;

    for (size_t i = 0; t && i < sf_tensor_table_count(t); i++) {
        const sf_tensor_pattern *p = sf_tensor_table_at(t, i);

        if (sf_dtype_bits(p->dtype) < 16 || p->dtype == SF_DT_I32 || p->dtype == SF_DT_I64)
            continue;
        bytes[p->dtype] = sf_add_sat(bytes[p->dtype], p->bytes);
        if (bytes[p->dtype] > bytes[best] || best == SF_DT_NONE)
            best = p->dtype;
    }
    return best;
}

static void set_dtype(sf_walk *w)
{
    sf_model *m = w->model;

    m->dtype = find_dtype(w->root, w->text_path);
    if (m->dtype == SF_DT_NONE)
        m->dtype = dtype_of_map(w->ckpt->config);
    if (m->dtype == SF_DT_NONE)
        m->dtype = weights_dtype(w->headers);
    m->dtype_known = m->dtype != SF_DT_NONE;
    if (!m->dtype_known)
        m->dtype = SF_DT_BF16;
}

/* An assumed layout: where headers are at hand the weights are what they say. */
static sf_code check_headers(sf_walk *w, const target *t)
{
    const sf_node *keeps = sf_node_get(t->part, "keeps"), *approximate = sf_node_get(t->part, "approximate");
    bool soft = t->assumed || (approximate && approximate->kind == SF_BOOL && approximate->as.b);

    return sf_resolve_headers(w, keeps, sf_node_get(t->part, "loads"), soft);
}

static sf_code finish_tensors(sf_walk *w, bool assumed)
{
    sf_tensor *tensors = SF_NEW_ARRAY(w->a, sf_tensor, w->n_out);

    if (!tensors)
        return SF_E_NOMEM;
    for (size_t i = 0; i < w->n_out; i++) {
        tensors[i] = w->out[i].t;
        if (tensors[i].disk_dtype == SF_DT_NONE)
            tensors[i].disk_dtype = w->model->dtype;
        if (assumed)
            tensors[i].origin = SF_ORIGIN_ASSUMED;
    }
    w->model->tensors = tensors;
    w->model->n_tensors = w->n_out;
    return SF_OK;
}

static sf_code walk_target(sf_walk *w, const target *t)
{
    sf_frame frame = {.root = w->root,
                      .section = w->root,
                      .file = t->entry.file,
                      .component = SF_STR("text"),
                      .repeat = 1,
                      .experts = 1};
    static const sf_node empty = {.kind = SF_SEQ};
    sf_code rc = sf_family_bind(w, SF_STR("empty"), sf_value_node(&empty), (sf_where){0});

    if (!rc && w->mm)
        rc = sf_family_bind(w, SF_STR("mm"), sf_value_node(w->mm), (sf_where){0});

    w->top = t->part;
    if (string_of(t->part, "component").n)
        frame.component = string_of(t->part, "component");
    return rc ? rc : sf_family_walk(w, &frame, t->part);
}

static sf_code new_walk(sf_arena *a, const sf_checkpoint *ckpt, const sf_model_wish *wish, sf_diags *dg,
                        sf_walk **ret)
{
    sf_walk *w = SF_NEW(a, sf_walk);

    if (!w)
        return SF_E_NOMEM;
    *w = (sf_walk){
        .a = a, .dg = dg, .ckpt = ckpt, .model = SF_NEW(a, sf_model), .components = wish->components};
    w->mm = sf_node_is(wish->mm_processor_kwargs, SF_MAP) ? wish->mm_processor_kwargs : NULL;
    w->cache = wish->cache ? wish->cache : sf_model_cache_new(a);
    if (!w->cache || !w->model)
        return SF_E_NOMEM;
    *ret = w;
    return choose_root(w, wish);
}

static void set_names(sf_walk *w, const target *t)
{
    sf_model *m = w->model;

    m->name = w->ckpt->name;
    m->architecture = t->entry.architecture;
    m->part = t->part_name;
    m->family = t->entry.file;
    m->source = w->ckpt->source;
    m->config = w->root;
    m->assumed = t->assumed || w->ckpt->assumed;
    m->embeds = w->ckpt->embeds;
}

/* The checkpoint's own quantisation, or the one that the engine is asked for. */
static sf_code quantise(sf_walk *w, const sf_model_wish *wish, const target *t)
{
    static const char *const keys[] = {"quantization_config", "compression_config"};
    const sf_node *const places[] = {w->root, w->model->text};
    const sf_node *found = NULL;
    bool in_text = false;

    for (size_t p = 0; p < 2; p++)
        for (size_t k = 0; !found && k < 2; k++)
            if (!sf_node_absent(sf_node_get(places[p], keys[k]))) {
                found = sf_node_get(places[p], keys[k]);
                in_text = p == 1 && places[1] != places[0];
            }
    if (!found)
        found = w->ckpt->quantization;
    w->model->quantization = found;
    if (!found && wish->quantize_text_only && t->part_name.n &&
        !sf_str_eq(t->part_name, string_of(t->entry.node, "serves")))
        return SF_OK; /* a stage beside the language model */
    return sf_quant_apply(w, wish, found, found ? in_text : wish->quantize_text_only);
}

sf_code sf_model_resolve(sf_arena *a, const sf_checkpoint *ckpt, const sf_model_wish *wish, sf_diags *dg,
                         const sf_model **ret)
{
    target t = {0};
    sf_walk *w;
    sf_model *m;
    sf_code rc = new_walk(a, ckpt, wish, dg, &w);

    if (!rc)
        rc = find_entry(w, wish, &t);
    if (!rc)
        rc = choose_part(w, wish, &t);
    if (rc)
        return rc;
    set_names(w, &t);
    rc = walk_target(w, &t);
    if (rc)
        return rc;
    m = w->model;
    m->model_type = string_of(m->text, "model_type").n ? string_of(m->text, "model_type")
                                                       : string_of(w->root, "model_type");
    set_dtype(w);
    if (m->text && m->n_kv)
        sf_resolve_max_len(a, m->text, m);
    rc = quantise(w, wish, &t);
    if (!rc)
        rc = check_headers(w, &t);
    if (!rc)
        rc = finish_tensors(w, t.assumed);
    if (!rc)
        *ret = m;
    return rc;
}

sf_code sf_model_parts(sf_arena *a, const sf_checkpoint *ckpt, const sf_model_wish *wish, sf_diags *dg,
                       sf_str **ret, size_t *ret_n)
{
    const sf_node *parts;
    target t = {0};
    sf_walk *w;
    sf_str *names;
    sf_code rc = new_walk(a, ckpt, wish, dg, &w);

    if (!rc)
        rc = find_entry(w, wish, &t);
    if (rc)
        return rc;
    parts = sf_node_get(t.entry.node, "parts");
    names = SF_NEW_ARRAY(a, sf_str, parts ? parts->n : 1);
    if (!names)
        return SF_E_NOMEM;
    *ret_n = parts ? 0 : 1;
    for (uint32_t i = 0; parts && i < parts->n; i++) {
        bool there;

        rc = part_there(w, parts->as.pairs[i].value, &there);
        if (rc)
            return rc;
        if (there)
            names[(*ret_n)++] = parts->as.pairs[i].key;
    }
    *ret = names;
    return SF_OK;
}
