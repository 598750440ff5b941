/*
 * family_use: one part put to use: its section of config.json, its name prefix, parameters and
 * lets; and what a part says beside its tensors (KV layers, widths, encoders).
 */
#include "model/family.h"

#include "base/num.h"

static bool flag_of(const sf_node *map, const char *key)
{
    const sf_node *n = sf_node_get(map, key);

    return n && n->kind == SF_BOOL && n->as.b;
}

/* "file/part", or a part of the same file. */
static sf_code find_part(sf_walk *w, const sf_frame *frame, const sf_node *use, sf_str *ret_file,
                         const sf_node **ret)
{
    sf_where at = sf_node_where(use);
    const sf_node *root;
    sf_str rest, file = frame->file;
    sf_code rc = sf_family_expand(w, frame, sf_node_text(use, "use"), &rest);

    if (!rc && sf_str_find_char(rest, '/') >= 0)
        sf_str_split(&rest, '/', &file);
    if (!rc)
        rc = sf_family_file(w->cache, file, at, w->dg, &root);
    if (rc)
        return rc;
    *ret_file = file;
    *ret = sf_node_get_str(sf_node_get(root, "parts"), rest);
    if (!*ret)
        return sf_diag_error(w->dg, SF_E_EXPR, at, NULL, "family file `%.*s` has no part `%.*s`",
                             SF_STR_ARG(file), SF_STR_ARG(rest));
    return SF_OK;
}

/* The sub-folder's config becomes the root. */
static sf_code enter_sub(sf_walk *w, const sf_node *use, sf_frame *in)
{
    sf_str sub = sf_node_text(use, "subdir");

    if (!sub.n)
        return SF_OK;
    for (size_t i = 0; i < w->ckpt->n_subs; i++)
        if (sf_str_eq(w->ckpt->subs[i].name, sub) && w->ckpt->subs[i].config) {
            in->root = in->section = w->ckpt->subs[i].config;
            in->sub = sub;
            return SF_OK;
        }
    return sf_diag_error(w->dg, SF_E_CONFIG_MISSING, sf_node_where(w->root),
                         "download the whole repository, sub-folders included",
                         "the sub-folder `%.*s` of the model has no config.json", SF_STR_ARG(sub));
}

/* The innermost node that exists on the way to `path`. */
static const sf_node *innermost(const sf_node *root, sf_str path)
{
    sf_str part;

    for (bool more = path.n > 0; more;) {
        const sf_node *next;

        more = sf_str_split(&path, '.', &part);
        next = sf_node_get_str(root, part);
        if (!next)
            break;
        root = next;
    }
    return root;
}

static sf_code enter_section(sf_walk *w, const sf_node *use, sf_frame *in)
{
    sf_str path = sf_node_text(use, "at");
    const sf_node *section;

    if (!path.n)
        return SF_OK;
    section = sf_node_path(in->root, path);
    if (sf_node_absent(section) && flag_of(use, "optional")) {
        static const sf_node empty = {.kind = SF_MAP};

        in->section = &empty;
        return SF_OK;
    }
    if (!sf_node_is(section, SF_MAP))
        return sf_diag_error(w->dg, SF_E_CONFIG_KEY, sf_node_where_key(innermost(in->root, path), path),
                             "the file may be of another model; see --model",
                             "the section `%.*s` is missing or is not a map", SF_STR_ARG(path));
    in->section = section;
    return SF_OK;
}

/* `defaults`: what the configuration class fills in where config.json leaves a key out. */
static sf_code fill_defaults(sf_walk *w, const sf_node *use, sf_frame *in)
{
    const sf_node *defaults = sf_node_get(use, "defaults");

    for (uint32_t i = 0; defaults && defaults->kind == SF_MAP && i < defaults->n; i++) {
        const sf_pair *p = &defaults->as.pairs[i];

        if (sf_node_get_str(in->section, p->key))
            continue;
        in->section = sf_node_with(w->a, in->section, p->key, p->value);
        if (!in->section)
            return SF_E_NOMEM;
    }
    return SF_OK;
}

/* "bfloat16", or an expression that gives such a name; `auto` is the stage's. */
static sf_code dtype_key(sf_walk *w, const sf_frame *in, const sf_node *use, const char *key, sf_dtype *ret)
{
    const sf_node *n = sf_node_get(use, key);
    sf_value v;
    sf_code rc;

    if (!n)
        return SF_OK;
    if (sf_str_is(n->text, "auto")) {
        *ret = SF_DT_NONE;
        return SF_OK;
    }
    *ret = sf_dtype_of_torch(n->text);
    if (*ret != SF_DT_NONE)
        return SF_OK;
    rc = sf_family_eval(w, in, n, &v);
    if (rc)
        return rc;
    *ret = v.kind == SF_VAL_STR ? sf_dtype_of_torch(v.s) : SF_DT_NONE;
    if (*ret == SF_DT_NONE)
        return sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(v.node ? v.node : n), NULL,
                             "`%.*s` is not a data type", SF_STR_ARG(v.kind == SF_VAL_STR ? v.s : n->text));
    return SF_OK;
}

/* `with` of the use, then the part's `params` that it left out, then its lets; the outer use comes first. */
static sf_code bind_part(sf_walk *w, const sf_frame *in, const sf_node *use, const sf_node *part)
{
    const sf_node *with = sf_node_get(use, "with"), *outer = sf_node_get(in->outer, "with");
    const sf_node *const maps[] = {with, sf_node_get(part, "params"), sf_node_get(part, "let")};

    for (size_t m = 0; m < sizeof maps / sizeof *maps; m++)
        for (uint32_t i = 0; maps[m] && maps[m]->kind == SF_MAP && i < maps[m]->n; i++) {
            const sf_pair *p = &maps[m]->as.pairs[i];
            sf_value v;
            sf_code rc;

            if (m < 2 && ((m == 1 && sf_node_get_str(with, p->key)) || sf_node_get_str(outer, p->key)))
                continue;
            rc = sf_family_eval(w, in, p->value, &v);
            if (!rc)
                rc = sf_family_bind(w, p->key, v, sf_node_where(p->value));
            if (rc)
                return rc;
        }
    return SF_OK;
}

/* `needs` of a part: what must hold of the config, the key to point at, and the rule in words. */
static sf_code check_needs(sf_walk *w, const sf_frame *in, const sf_node *part)
{
    const sf_node *needs = sf_node_get(part, "needs");

    for (uint32_t i = 0; needs && i < needs->n; i++) {
        const sf_node *need = needs->as.items[i], *that = sf_node_get(need, "that");
        sf_str key = sf_node_text(need, "key");
        const sf_node *at = sf_node_path(in->section, key);
        bool holds = true;
        sf_code rc = SF_OK;

        if (!that || !sf_node_text(need, "says").n)
            return sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(need), NULL,
                                 "a need has `that`, `key` and `says`");
        rc = sf_family_truth(w, in, that->text, sf_node_where(that), &holds);
        if (!rc && !holds)
            rc = sf_diag_error(w->dg, SF_E_CONFIG_VALUE,
                               at ? sf_node_where(at) : sf_node_where_key(in->section, key),
                               "take the config.json that belongs to the weights", "%.*s",
                               SF_STR_ARG(sf_node_text(need, "says")));
        if (rc)
            return rc;
    }
    return SF_OK;
}

static sf_code enter(sf_walk *w, const sf_frame *frame, const sf_node *use, sf_frame *in)
{
    sf_str name, component = sf_node_text(use, "component");
    sf_code rc;

    *in = *frame;
    if (++in->depth > SF_FAMILY_DEPTH)
        return sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(use), NULL,
                             "parts that use parts: more than %d deep", SF_FAMILY_DEPTH);
    if (component.n && !in->foreign) /* a folder of a pipeline is one component */
        in->component = component;
    in->made |= flag_of(use, "made");
    in->skip |= flag_of(use, "skip");
    rc = enter_sub(w, use, in);
    if (!rc)
        rc = enter_section(w, use, in);
    if (!rc)
        rc = fill_defaults(w, use, in);
    if (!rc)
        rc = sf_family_expand(w, frame, sf_node_text(use, "name"), &name);
    if (!rc && name.n) {
        in->prefix = sf_arena_printf(w->a, "%.*s%.*s.", SF_STR_ARG(frame->prefix), SF_STR_ARG(name));
        rc = in->prefix.p ? SF_OK : SF_E_NOMEM;
    }
    if (!rc)
        rc = dtype_key(w, in, use, "disk", &in->disk);
    if (!rc)
        rc = dtype_key(w, in, use, "run", &in->run);
    return rc;
}

/* The names that hold inside: given, the part's own, then those around; an outer use's come before. */
static sf_code enter_names(sf_walk *w, const sf_frame *frame, const sf_node *use, const sf_node *part,
                           sf_frame *in)
{
    sf_family_names *names = SF_NEW_ARRAY(w->a, sf_family_names, 2);
    const sf_node *given = sf_node_get(use, "names"), *own = sf_node_get(part, "names");

    if (!names)
        return SF_E_NOMEM;
    if (frame->outer) {
        names[0] = (sf_family_names){sf_node_get(frame->outer, "names"), given, &names[1]};
        names[1] = (sf_family_names){NULL, own, frame->names->up};
    } else {
        names[0] = (sf_family_names){given, own, frame->names};
    }
    in->names = names;
    return SF_OK;
}

/* The items that a part is for: its `for`, else those of its encoders. */
static uint8_t modalities_of(const sf_node *part)
{
    const sf_node *encoder = sf_node_get(part, "encoder");
    unsigned bits = sf_modality_bits(sf_node_text(part, "for"));

    if (!encoder || encoder->kind != SF_SEQ)
        return (uint8_t)(bits | sf_modality_bits(sf_node_text(encoder, "modality")));
    for (uint32_t i = 0; i < encoder->n; i++)
        bits |= sf_modality_bits(sf_node_text(encoder->as.items[i], "modality"));
    return (uint8_t)bits;
}

/* What the innermost part of a use says of layers and widths. */
static sf_code use_facts(sf_walk *w, const sf_frame *in, const sf_node *use, const sf_node *part)
{
    sf_code rc = SF_OK;

    if (in->serves)
        rc = sf_family_facts(w, in, use, part);
    return rc ? rc : sf_family_encoder(w, in, part);
}

sf_code sf_family_use(sf_walk *w, const sf_frame *frame, const sf_node *use)
{
    size_t mark = w->n_bindings;
    const sf_node *part, *also = sf_node_get(use, "also");
    bool same; /* the part is another one under names and parameters of its own */
    sf_frame in;
    sf_code rc = enter(w, frame, use, &in);

    if (!rc)
        rc = find_part(w, frame, use, &in.file, &part);
    if (!rc)
        rc = enter_names(w, frame, use, part, &in);
    if (!rc)
        rc = sf_family_role(w, sf_node_get(use, "role") ? use : part, &in.role);
    if (rc)
        return rc;
    same = sf_node_get(part, "use") != NULL;
    if (!in.made)
        in.modalities |= modalities_of(part);
    if (!frame->inner)
        in.serves = frame->serves || flag_of(use, "serves") || use == w->top;
    in.inner = frame->inner || !same;
    rc = bind_part(w, &in, use, part);
    in.outer = same ? use : NULL;
    if (!rc)
        rc = check_needs(w, &in, part);
    if (!rc)
        rc = sf_family_walk(w, &in, part);
    if (!rc)
        rc = sf_family_diffusion(w, &in, part);
    in.outer = frame->outer;
    for (uint32_t i = 0; !rc && also && also->kind == SF_SEQ && i < also->n; i++)
        rc = sf_family_emit(w, &in, also->as.items[i]);
    if (!rc && !frame->inner && !same)
        rc = use_facts(w, &in, use, part);
    w->n_bindings = mark;
    return rc;
}
