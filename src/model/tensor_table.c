/*
 * tensor_table: 90,000 names become a few dozen rows; nothing is allocated per tensor.
 * Must not borrow names, and must not trust a hash: what it finds is compared.
 */
#include "model/tensor_table.h"

#include "text/swar.h"

static inline uint64_t mix(uint64_t h, uint64_t w)
{
    h = (h ^ w) * (uint64_t)0x9e3779b97f4a7c15;
    return h ^ h >> 32;
}

sf_tensor_table *sf_tensor_table_new(sf_arena *a)
{
    sf_tensor_table *t = SF_NEW(a, sf_tensor_table);

    if (!t)
        return NULL;
    t->a = a;
    sf_tensor_names_init(&t->names, a);
    return t;
}

static inline bool row_is(const sf_tensor_pattern *p, const sf_tensor_row *row)
{
    if (p->dtype != row->dtype || p->n_dims != row->n_dims)
        return false;
    for (size_t i = 0; i < row->n_dims; i++)
        if (p->dims[i] != row->dims[i])
            return false;
    return true;
}

static inline sf_key_added count_in_row(sf_tensor_table *t, uint32_t row, uint64_t numel, uint64_t bytes)
{
    sf_tensor_pattern *p = &t->rows[row];

    p->count++;
    p->numel = sf_add_sat(p->numel, numel);
    p->bytes = sf_add_sat(p->bytes, bytes);
    return SF_KEY_NEW;
}

/* Keeps how a row is written.  Only when it comes again: a header of a million rows must not cost more. */
static sf_key_added keep_form(sf_tensor_table *t, uint32_t id, const sf_tensor_row *row, sf_str form)
{
    char *copy;

    if (t->row_form[id].text.n || !form.n || form.n > SF_FORM_MAX - SF_SWAR_SLACK)
        return SF_KEY_NEW;
    copy = sf_arena_alloc(t->a, form.n + SF_SWAR_SLACK, 1);
    if (!copy)
        return SF_KEY_NO_MEMORY;
    memcpy(copy, form.p, form.n);
    memset(copy + form.n, 0, SF_SWAR_SLACK);
    t->row_form[id] = (sf_row_form){
        {copy, form.n},
        row->numel, row->bytes
    };
    return SF_KEY_NEW;
}

static bool room_for_row(sf_tensor_table *t)
{
    sf_id_index *x = &t->by_shape;
    size_t cap = x->cap;
    sf_tensor_pattern *rows;
    uint32_t *row_pattern;
    sf_row_form *row_form;

    if (x->n < cap)
        return true;
    if (!sf_id_index_reserve(t->a, x))
        return false;
    rows = sf_arena_grow(t->a, t->rows, x->n, x->cap, sizeof *rows);
    row_pattern = rows ? sf_arena_grow(t->a, t->row_pattern, x->n, x->cap, sizeof *row_pattern) : NULL;
    row_form = row_pattern ? sf_arena_grow(t->a, t->row_form, x->n, x->cap, sizeof *row_form) : NULL;
    if (!row_form) {
        x->cap = cap;
        return false;
    }
    t->rows = rows;
    t->row_pattern = row_pattern;
    t->row_form = row_form;
    return true;
}

static sf_key_added new_row(sf_tensor_table *t, uint32_t pattern, sf_str name, const sf_tensor_row *row,
                            size_t *ret)
{
    sf_tensor_pattern *p = &t->rows[t->by_shape.n];
    sf_str example = sf_arena_str(t->a, name);

    if (!example.p)
        return SF_KEY_NO_MEMORY;
    *ret = t->by_shape.n;
    *p = (sf_tensor_pattern){.name = t->names.patterns[pattern].text,
                             .example = example,
                             .dtype = row->dtype,
                             .n_dims = row->n_dims,
                             .count = 1,
                             .numel = row->numel,
                             .bytes = row->bytes};
    memcpy(p->dims, row->dims, row->n_dims * sizeof *p->dims);
    t->row_pattern[*ret] = pattern;
    return SF_KEY_NEW;
}

/* Counts a tensor whose pattern's last row has another dtype or shape. */
static sf_key_added count_by_shape(sf_tensor_table *t, uint32_t pattern, sf_str name,
                                   const sf_tensor_row *row)
{
    sf_id_index *x = &t->by_shape;
    uint64_t hash = mix(mix(1, pattern), (uint64_t)row->dtype << 8 | row->n_dims);
    sf_key_added added;
    uint32_t id;
    size_t at, i;

    for (i = 0; i < row->n_dims; i++)
        hash = mix(hash, row->dims[i]);
    if (!room_for_row(t))
        return SF_KEY_NO_MEMORY;
    at = sf_id_index_start(x, hash);
    while ((id = sf_id_index_next(x, hash, &at))) {
        if (t->row_pattern[id - 1] == pattern && row_is(&t->rows[id - 1], row)) {
            t->names.patterns[pattern].last_row = id - 1;
            return count_in_row(t, id - 1, row->numel, row->bytes);
        }
        x->steps++;
    }
    if (sf_id_index_is_attacked(x))
        return SF_KEY_HOSTILE;
    added = new_row(t, pattern, name, row, &i);
    if (added == SF_KEY_NEW)
        t->names.patterns[pattern].last_row = sf_id_index_add(x, hash, at) - 1;
    return added;
}

static inline void count_in_all(sf_tensor_table *t, uint64_t numel, uint64_t bytes)
{
    t->tensors++;
    t->numel = sf_add_sat(t->numel, numel);
    t->bytes = sf_add_sat(t->bytes, bytes);
}

sf_key_added sf_tensor_table_add(sf_tensor_table *t, const sf_fold *fold, const sf_tensor_row *row,
                                 sf_str form)
{
    uint32_t pattern = 0, last;
    sf_key_added added = sf_tensor_names_add(&t->names, fold, &pattern);

    if (added != SF_KEY_NEW)
        return added;
    last = t->names.patterns[pattern].last_row;
    if (last != SF_NO_ROW && row_is(&t->rows[last], row)) {
        count_in_row(t, last, row->numel, row->bytes);
        added = keep_form(t, last, row, form);
    } else {
        added = count_by_shape(t, pattern, fold->name, row);
    }
    if (added == SF_KEY_NEW)
        count_in_all(t, row->numel, row->bytes);
    return added;
}

bool sf_tensor_table_follow(const sf_tensor_table *t, const char *p, sf_tensor_like *ret)
{
    const sf_row_form *form;

    if (!sf_tensor_names_follow(&t->names, p, &ret->name))
        return false;
    ret->row = t->names.patterns[ret->name.pattern].last_row;
    if (ret->row == SF_NO_ROW)
        return false;
    form = &t->row_form[ret->row];
    ret->len = ret->name.len + form->text.n;
    ret->bytes = form->bytes;
    return form->text.n && sf_same_bytes(form->text.p, p + ret->name.len, form->text.n);
}

sf_key_added sf_tensor_table_add_like(sf_tensor_table *t, const sf_tensor_like *like)
{
    const sf_row_form *form = &t->row_form[like->row];
    sf_key_added added = sf_tensor_names_add_known(&t->names, &like->name);

    if (added != SF_KEY_NEW)
        return added;
    count_in_row(t, like->row, form->numel, form->bytes);
    count_in_all(t, form->numel, form->bytes);
    return added;
}

size_t sf_tensor_table_count(const sf_tensor_table *t)
{
    return t->by_shape.n;
}

const sf_tensor_pattern *sf_tensor_table_at(const sf_tensor_table *t, size_t i)
{
    return i < t->by_shape.n ? &t->rows[i] : NULL;
}

void sf_tensor_table_totals(const sf_tensor_table *t, uint64_t *ret_tensors, uint64_t *ret_numel,
                            uint64_t *ret_bytes)
{
    *ret_tensors = t->tensors;
    *ret_numel = t->numel;
    *ret_bytes = t->bytes;
}

bool sf_tensor_table_has(const sf_tensor_table *t, sf_str name)
{
    return sf_tensor_names_has(&t->names, name);
}
