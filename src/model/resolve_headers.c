/*
 * resolve_headers: holds what a family derives from config.json against the headers of the weight
 * files.  Data types come from the headers; a tensor that is missing or has another shape is an
 * error; tensors that no family knows are counted, told, and not loaded.
 */
#include "base/num.h"
#include "model/quant_plan.h"

/* Derived tensors of one folded name and shape. */
typedef struct key {
    sf_str name, sub;
    uint64_t dims[SF_TENSOR_DIMS];
    uint8_t n_dims;
    bool maybe; /* all of them may be absent */
    sf_dtype dtype;
    uint64_t expected, needed, found, dtype_count; /* needed: without those that are not loaded */
} key;

typedef struct check {
    sf_walk *w;
    key *keys;
    size_t n;
    uint32_t *slots; /* key + 1, 0 is free */
    size_t n_slots;
    uint64_t extra_tensors, extra_bytes;
    sf_str extra_example;
} check;

/* Parts of digits only become {}. */
static sf_str fold(sf_arena *a, sf_str name)
{
    char *out = sf_arena_alloc(a, name.n * 2 + 1, 1);
    sf_str rest = name, part;
    size_t n = 0;

    if (!out)
        return (sf_str){0};
    for (bool more = true; more;) {
        bool digits = true;

        more = sf_str_split(&rest, '.', &part);
        for (size_t i = 0; i < part.n; i++)
            digits &= part.p[i] >= '0' && part.p[i] <= '9';
        if (digits && part.n)
            part = SF_STR("{}");
        if (part.n)
            memcpy(out + n, part.p, part.n);
        n += part.n;
        if (more)
            out[n++] = '.';
    }
    return (sf_str){out, n};
}

static uint64_t hash_of(sf_str name, const uint64_t *dims, uint8_t n_dims)
{
    uint64_t h = sf_str_hash(name);

    for (uint8_t i = 0; i < n_dims; i++)
        h = (h ^ dims[i]) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

/* The key, or the free slot where it belongs. */
static uint32_t *find_slot(const check *c, sf_str name, sf_str sub, const uint64_t *dims, uint8_t n_dims)
{
    size_t i = hash_of(name, dims, n_dims) & (c->n_slots - 1);

    for (;; i = (i + 1) & (c->n_slots - 1)) {
        const key *k = c->slots[i] ? &c->keys[c->slots[i] - 1] : NULL;

        if (!k || (k->n_dims == n_dims && sf_str_eq(k->name, name) && sf_str_eq(k->sub, sub) &&
                   (n_dims == 0 || memcmp(k->dims, dims, n_dims * sizeof *dims) == 0)))
            return &c->slots[i];
    }
}

static sf_code add_derived(check *c, const sf_family_tensor *ft)
{
    sf_str name = fold(c->w->a, ft->t.name);
    uint64_t dims[SF_TENSOR_DIMS] = {0};
    uint8_t n_dims = sf_tensor_stored_dims(&ft->t, dims);
    uint32_t *slot;
    key *k;

    if (!name.p)
        return SF_E_NOMEM;
    slot = find_slot(c, name, ft->sub, dims, n_dims);
    if (!*slot) {
        k = &c->keys[c->n++];
        *k = (key){.name = name, .sub = ft->sub, .n_dims = n_dims, .maybe = true};
        memcpy(k->dims, dims, sizeof k->dims);
        *slot = (uint32_t)c->n;
    }
    k = &c->keys[*slot - 1];
    k->maybe &= ft->maybe;
    k->expected = sf_add_sat(k->expected, sf_tensor_stored_count(&ft->t));
    if (ft->t.loaded)
        k->needed = sf_add_sat(k->needed, sf_tensor_stored_count(&ft->t));
    return SF_OK;
}

static sf_code index_derived(check *c)
{
    size_t n = c->w->n_out;

    for (c->n_slots = 64; c->n_slots < 2 * n; c->n_slots *= 2)
        continue;
    c->keys = SF_NEW_ARRAY(c->w->a, key, n);
    c->slots = SF_NEW_ARRAY(c->w->a, uint32_t, c->n_slots);
    if (!c->keys || !c->slots)
        return SF_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        sf_code rc = c->w->out[i].t.in_checkpoint ? add_derived(c, &c->w->out[i]) : SF_OK;

        if (rc)
            return rc;
    }
    return SF_OK;
}

/* True when one of the prefixes covers the name; "sub/" in front of a prefix is for a sub-folder. */
static bool covered(const sf_node *prefixes, sf_str sub, sf_str name)
{
    for (uint32_t i = 0; prefixes && i < prefixes->n; i++) {
        sf_str prefix = prefixes->as.items[i]->text, folder = {0};

        if (sf_str_find_char(prefix, '/') >= 0)
            sf_str_split(&prefix, '/', &folder);
        if (sf_str_eq(folder, sub) && sf_str_starts(name, prefix))
            return true;
    }
    return false;
}

/* A pattern that the family does not know. */
static sf_code add_extra(check *c, const sf_tensor_pattern *p, sf_str sub, bool loaded)
{
    sf_walk *w = c->w;
    sf_family_tensor *out;

    c->extra_tensors += p->count;
    c->extra_bytes = sf_add_sat(c->extra_bytes, p->bytes);
    if (!c->extra_example.n)
        c->extra_example = p->example;
    if (w->n_out == SF_FAMILY_TENSORS)
        return SF_OK; /* counted above all the same */
    if (w->n_out == w->cap_out) {
        out = sf_arena_grow(w->a, w->out, w->n_out, w->cap_out * 2 + 64, sizeof *out);
        if (!out)
            return SF_E_NOMEM;
        w->out = out;
        w->cap_out = w->cap_out * 2 + 64;
    }
    out = &w->out[w->n_out++];
    *out = (sf_family_tensor){.sub = sub};
    out->t = (sf_tensor){.name = p->name,
                         .component = SF_STR("not in the family"),
                         .n_dims = p->n_dims,
                         .in_checkpoint = true,
                         .loaded = loaded,
                         .disk_dtype = p->dtype,
                         .cls = SF_TENSOR_OTHER,
                         .repeat = (uint32_t)p->count,
                         .experts = 1,
                         .origin = SF_ORIGIN_EXACT};
    memcpy(out->t.dims, p->dims, sizeof out->t.dims);
    return SF_OK;
}

static sf_code match_table(check *c, const sf_tensor_table *table, sf_str sub, const sf_node *keeps,
                           const sf_node *loads)
{
    size_t n = sf_tensor_table_count(table);

    for (size_t i = 0; i < n; i++) {
        const sf_tensor_pattern *p = sf_tensor_table_at(table, i);
        uint32_t slot = *find_slot(c, p->name, sub, p->dims, p->n_dims);
        key *k = slot ? &c->keys[slot - 1] : NULL;

        if (k) {
            k->found = sf_add_sat(k->found, p->count);
            if (p->count > k->dtype_count) {
                k->dtype = p->dtype;
                k->dtype_count = p->count;
            }
        } else if (c->w->quant && sf_quant_plan_beside(c->w->quant, p->name)) {
            continue; /* scales of the cache: scalars that every layer has anyway */
        } else if (!keeps || covered(keeps, sub, p->example)) {
            sf_code rc = add_extra(c, p, sub, covered(loads, sub, p->example));

            if (rc)
                return rc;
        }
    }
    return SF_OK;
}

static sf_str shape_text(sf_arena *a, const uint64_t *dims, uint8_t n_dims)
{
    sf_str s = SF_STR("[");

    for (uint8_t i = 0; i < n_dims; i++)
        s = sf_arena_printf(a, "%.*s%s%llu", SF_STR_ARG(s), i ? ", " : "", (unsigned long long)dims[i]);
    return sf_arena_printf(a, "%.*s]", SF_STR_ARG(s));
}

/* What the headers have under the same name in another shape; empty when there is nothing. */
static sf_str other_shape(const check *c, const sf_tensor_table *table, const key *k)
{
    size_t n = table ? sf_tensor_table_count(table) : 0;

    for (size_t i = 0; i < n; i++) {
        const sf_tensor_pattern *p = sf_tensor_table_at(table, i);

        if (sf_str_eq(p->name, k->name))
            return sf_arena_printf(c->w->a, "%llu of %.*s", (unsigned long long)p->count,
                                   SF_STR_ARG(shape_text(c->w->a, p->dims, p->n_dims)));
    }
    return (sf_str){0};
}

static const sf_tensor_table *table_of(const sf_walk *w, sf_str sub)
{
    if (!sub.n)
        return w->headers;
    for (size_t i = 0; i < w->ckpt->n_subs; i++)
        if (sf_str_eq(w->ckpt->subs[i].name, sub))
            return w->ckpt->subs[i].headers;
    return NULL;
}

static sf_code differ(check *c, const key *k, size_t others)
{
    sf_walk *w = c->w;
    sf_str shape = shape_text(w->a, k->dims, k->n_dims), other = other_shape(c, table_of(w, k->sub), k);

    return sf_diag_error(
        w->dg, SF_E_TENSORS_DIFFER, sf_node_where(w->root),
        "config.json and the weight files must be of one model and one download",
        "config.json asks for %llu tensor%s `%.*s` of shape %.*s, the weight files have %llu%s%.*s"
        " (%zu more kinds of tensors differ)",
        (unsigned long long)k->expected, k->expected == 1 ? "" : "s", SF_STR_ARG(k->name), SF_STR_ARG(shape),
        (unsigned long long)k->found, other.n ? ", and " : "", SF_STR_ARG(other), others);
}

/* The role of the tensors of a sub-folder; false when none of the first `n` is stored there. */
static bool sub_used(const sf_walk *w, size_t n, sf_str sub, sf_role *ret)
{
    for (size_t i = 0; i < n; i++)
        if (sf_str_eq(w->out[i].sub, sub)) {
            *ret = w->out[i].t.role;
            return true;
        }
    return false;
}

/* What is stored in sub-folder `s` - 1 (0: the folder itself) in place of what was derived. */
static sf_code replace_folder(check *c, const sf_node *keeps, size_t s, bool used, sf_role role)
{
    sf_walk *w = c->w;
    sf_str sub = s ? w->ckpt->subs[s - 1].name : (sf_str){0};
    const sf_tensor_table *table = s ? w->ckpt->subs[s - 1].headers : w->headers;
    sf_code rc = SF_OK;

    for (size_t i = 0; !rc && table && i < sf_tensor_table_count(table); i++) {
        const sf_tensor_pattern *p = sf_tensor_table_at(table, i);
        size_t n = w->n_out;

        if (keeps ? covered(keeps, sub, p->example) : used)
            rc = add_extra(c, p, sub, true);
        if (!rc && w->n_out > n && used && s) { /* a folder of a pipeline stays the component that it is */
            w->out[n].t.component = sub;
            w->out[n].t.role = role;
        }
    }
    return rc;
}

/* The headers in place of what was derived. */
static sf_code replace(check *c, const sf_node *keeps)
{
    enum { FOLDERS = 65 }; /* folder.c reads 64 sub-folders at most */
    sf_walk *w = c->w;
    bool used[FOLDERS] = {true};
    sf_role role[FOLDERS] = {SF_ROLE_NONE};

    sf_diag_warning(w->dg, SF_E_TENSORS_DIFFER, sf_node_where(w->root),
                    "sizes are exact; how tensor parallelism cuts them is assumed",
                    "the weight files have other tensors than the family `%.*s` expects: theirs are taken",
                    SF_STR_ARG(w->model->family));
    for (size_t s = 0; s < w->ckpt->n_subs && s + 1 < FOLDERS; s++)
        used[s + 1] = sub_used(w, w->n_out, w->ckpt->subs[s].name, &role[s + 1]);
    w->n_out = 0;
    for (size_t s = 0; s <= w->ckpt->n_subs && s < FOLDERS; s++) {
        sf_code rc = replace_folder(c, keeps, s, used[s], role[s]);

        if (rc)
            return rc;
    }
    w->model->headers_read = true;
    return SF_OK;
}

/* What is not loaded is not stored either, such as the prediction layers of a quantised copy. */
static bool without_unloaded(const key *k)
{
    return k->needed < k->expected && k->found == k->needed;
}

/* Every key whose table is at hand must have been found as often as it is expected. */
static size_t judge(const check *c, const key **ret_first)
{
    const key *first = NULL;
    size_t bad = 0;

    for (size_t i = 0; i < c->n; i++) {
        const key *k = &c->keys[i];

        if (!table_of(c->w, k->sub) || k->found == k->expected || without_unloaded(k) ||
            (k->maybe && k->found == 0))
            continue;
        bad++;
        if (!first)
            first = k;
    }
    *ret_first = first;
    return bad;
}

/* Data types of the headers; `maybe` tensors that are not there go. */
static void take_over(check *c, size_t n_derived)
{
    sf_walk *w = c->w;
    size_t n = 0;

    for (size_t i = 0; i < w->n_out; i++) {
        sf_family_tensor *ft = &w->out[i];

        if (i < n_derived && ft->t.in_checkpoint && table_of(w, ft->sub)) {
            uint64_t dims[SF_TENSOR_DIMS] = {0};
            uint8_t n_dims = sf_tensor_stored_dims(&ft->t, dims);
            const key *k = &c->keys[*find_slot(c, fold(w->a, ft->t.name), ft->sub, dims, n_dims) - 1];

            if (k->found == 0 || (!ft->t.loaded && without_unloaded(k)))
                continue;
            ft->t.disk_dtype = k->dtype;
        } else if (i < n_derived && ft->maybe) {
            continue;
        }
        w->out[n++] = *ft;
    }
    w->n_out = n;
}

static void drop_maybe(sf_walk *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n_out; i++)
        if (!w->out[i].maybe)
            w->out[n++] = w->out[i];
    w->n_out = n;
}

static void tell_extra(const check *c)
{
    sf_walk *w = c->w;

    if (!c->extra_tensors)
        return;
    sf_diag_warning(w->dg, SF_E_TENSORS_DIFFER, sf_node_where(w->root), "they are not counted as loaded",
                    "%llu tensors (%.*s) of the weight files are not in the family `%.*s`, such as `%.*s`",
                    (unsigned long long)c->extra_tensors, SF_STR_ARG(sf_fmt_bytes(w->a, c->extra_bytes)),
                    SF_STR_ARG(w->model->family), SF_STR_ARG(c->extra_example));
}

sf_code sf_resolve_headers(sf_walk *w, const sf_node *keeps, const sf_node *loads, bool soft)
{
    check c = {.w = w};
    const key *first;
    size_t n_derived = w->n_out, differing;
    bool any = w->headers != NULL;
    sf_role role;
    sf_code rc;

    for (size_t i = 0; i < w->ckpt->n_subs; i++)
        any |= w->ckpt->subs[i].headers != NULL;
    if (!any) {
        drop_maybe(w);
        return SF_OK;
    }
    rc = index_derived(&c);
    if (!rc && w->headers)
        rc = match_table(&c, w->headers, (sf_str){0}, keeps, loads);
    for (size_t i = 0; !rc && i < w->ckpt->n_subs; i++)
        if (w->ckpt->subs[i].headers && (keeps || sub_used(w, n_derived, w->ckpt->subs[i].name, &role)))
            rc = match_table(&c, w->ckpt->subs[i].headers, w->ckpt->subs[i].name, keeps, loads);
    if (rc)
        return rc;
    differing = judge(&c, &first);
    if (differing)
        return soft ? replace(&c, keeps) : differ(&c, first, differing - 1);
    take_over(&c, n_derived);
    tell_extra(&c);
    w->model->headers_read = true;
    return SF_OK;
}
