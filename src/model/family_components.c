/*
 * family_components: the folders of a diffusers checkpoint.  model_index.json names a library and a class
 * for each; data/models/index.yaml says which part of a family file a class is.
 * Must not know any class: the index does.
 */
#include "model/family.h"

enum { PAIR = 2 };

static sf_str text_of(const sf_node *n)
{
    return sf_node_is(n, SF_STRING) ? n->text : (sf_str){0};
}

/* The class of an entry of model_index.json; empty for settings and for components that are left out. */
static sf_str class_of(const sf_node *value)
{
    if (!sf_node_is(value, SF_SEQ) || value->n != PAIR)
        return (sf_str){0};
    return text_of(sf_node_item(value, 1));
}

static bool in_list(const sf_node *list, sf_str name)
{
    for (uint32_t i = 0; list && i < list->n; i++)
        if (sf_str_eq(text_of(list->as.items[i]), name))
            return true;
    return false;
}

/* Tokenizers, schedulers and the like hold no weights: known by the end of the class name. */
static bool has_weights(const sf_node *index, sf_str class)
{
    const sf_node *without = sf_node_get(index, "without_weights");

    for (uint32_t i = 0; without && i < without->n; i++)
        if (sf_str_ends(class, text_of(without->as.items[i])))
            return false;
    return true;
}

static const sf_node *config_of(const sf_walk *w, sf_str folder)
{
    for (size_t i = 0; i < w->ckpt->n_subs; i++)
        if (sf_str_eq(w->ckpt->subs[i].name, folder))
            return w->ckpt->subs[i].config;
    return NULL;
}

/* The published config that stands in for one that is not at hand: the first whose `when` is true. */
static sf_code stand_in(sf_walk *w, const sf_frame *frame, const sf_node *item, sf_str folder,
                        const sf_node **ret)
{
    const sf_node *rows = sf_node_get_str(sf_node_get(item, "stand_in"), folder), *file, *name;
    sf_code rc = SF_OK;

    *ret = NULL;
    for (uint32_t i = 0; rows && i < rows->n && !*ret; i++) {
        const sf_node *row = rows->as.items[i], *when = sf_node_get(row, "when");
        bool yes = true;

        if (when)
            rc = sf_family_truth(w, frame, when->text, sf_node_where(when), &yes);
        if (!rc && yes)
            rc = sf_family_file(w->cache, frame->file, sf_node_where(row), w->dg, &file);
        if (rc)
            return rc;
        name = sf_node_get(row, "config");
        *ret = yes ? sf_node_get_str(sf_node_get(file, "configs"), text_of(name)) : NULL;
        if (yes && !*ret)
            return sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(row), NULL, "there is no such config");
    }
    if (*ret)
        sf_diag_note(w->dg, SF_E_CONFIG_MISSING, sf_node_where_key(w->root, folder),
                     "download the whole repository, sub-folders included",
                     "the sub-folder `%.*s` has no config.json: the published sizes are taken",
                     SF_STR_ARG(folder));
    return SF_OK;
}

static sf_code no_config(sf_walk *w, sf_str folder)
{
    return sf_diag_error(w->dg, SF_E_CONFIG_MISSING, sf_node_where_key(w->root, folder),
                         "download the whole repository, sub-folders included",
                         "the sub-folder `%.*s` of the model has no config.json", SF_STR_ARG(folder));
}

/* A language model that serves by itself elsewhere: its family, without what the engine adds. */
static sf_code walk_family(sf_walk *w, sf_frame *in, sf_str class)
{
    sf_family_entry e;
    const sf_node *part;
    bool found = false;
    sf_code rc = sf_family_find(w->cache, class, w->dg, &found, &e);

    if (rc)
        return rc;
    if (!found)
        return sf_diag_error(w->dg, SF_E_ARCH_UNKNOWN, sf_node_where_key(w->root, in->sub),
                             "data/models/index.yaml, components, lists the classes that are known",
                             "the component `%.*s` is a `%.*s`, which is not known", SF_STR_ARG(in->sub),
                             SF_STR_ARG(class));
    part = sf_node_get(e.node, "parts");
    if (part)
        part = sf_node_get_str(part, e.part.n ? e.part : text_of(sf_node_get(e.node, "serves")));
    in->file = e.file;
    in->role = SF_ROLE_ENCODER;
    return sf_family_walk(w, in, part ? part : e.node);
}

static sf_code walk_class(sf_walk *w, sf_frame *in, const sf_node *index, sf_str class)
{
    const sf_node *row = sf_node_get_str(sf_node_get(index, "components"), class);
    const sf_node *family = sf_node_get(row, "family");

    return row && !family ? sf_family_use(w, in, row) : walk_family(w, in, family ? family->text : class);
}

static sf_dtype dtype_of(const sf_node *config)
{
    sf_str name = text_of(sf_node_get(config, "torch_dtype"));

    return sf_dtype_of_torch(name.n ? name : text_of(sf_node_get(config, "dtype")));
}

/* One folder: its own config, names without a prefix, its own data type on disk. */
static sf_code walk_component(sf_walk *w, const sf_frame *frame, const sf_node *item, const sf_node *index,
                              const sf_pair *p)
{
    const sf_node *run = sf_node_get_str(sf_node_get(item, "run"), p->key);
    sf_frame in = *frame;
    sf_code rc = SF_OK;

    in.section = config_of(w, p->key);
    if (!in.section) {
        rc = stand_in(w, frame, item, p->key, &in.section);
        in.modelled = true;
    }
    if (rc || !in.section)
        return rc ? rc : no_config(w, p->key);
    in.root = in.section;
    in.sub = in.component = p->key;
    in.inner = true; /* nothing in a component serves requests of its own */
    in.serves = false;
    in.outer = NULL;
    in.names = NULL;
    in.foreign = true;
    in.disk = dtype_of(in.section);
    if (run)
        in.run = sf_dtype_of_torch(run->text);
    return walk_class(w, &in, index, class_of(p->value));
}

sf_code sf_family_components(sf_walk *w, const sf_frame *frame, const sf_node *item)
{
    const sf_node *index, *list = w->ckpt->index, *elsewhere = sf_node_get(item, "elsewhere");
    const sf_node *encodes = sf_node_get(item, "encodes");
    sf_code rc = sf_family_index(w->cache, w->dg, &index);

    w->model->diffusion.encodes = encodes && encodes->kind == SF_BOOL && encodes->as.b;
    if (!rc && !list)
        return sf_diag_error(w->dg, SF_E_CONFIG_MISSING, (sf_where){.file = w->ckpt->dir},
                             "name the folder that holds model_index.json",
                             "a diffusers pipeline has a model_index.json, this folder has none");
    for (uint32_t i = 0; !rc && i < list->n; i++) {
        const sf_pair *p = &list->as.pairs[i];
        sf_str class = class_of(p->value);

        if (!class.n || !has_weights(index, class) || in_list(elsewhere, p->key) ||
            (w->components && !in_list(w->components, p->key)))
            continue;
        rc = walk_component(w, frame, item, index, p);
    }
    return rc;
}
