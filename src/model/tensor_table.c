/*
 * tensor_table: 90,000 names become a few dozen rows; nothing is allocated per tensor.
 * Must not borrow names, and must not trust a hash: what it finds is compared.
 */
#include "model/tensor_table.h"

/* Steps past others over which an index counts as attacked. */
enum { STEPS_PER_TENSOR = 64, STEPS_FREE = 4096, PATTERNS_MAX = 1 << SF_NUMBER_GROUP_BITS };

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
    sf_number_set_init(&t->seen, a);
    sf_key_set_init(&t->odd, a);
    return t;
}

/* The id at or after slot *at that has this hash; 0 when there is none, *at is then free. */
static uint32_t next_id(sf_id_index *x, uint64_t hash, size_t *at)
{
    for (; x->slots[*at]; *at = (*at + 1) & (x->n_slots - 1)) {
        if (x->hashes[x->slots[*at] - 1] == hash)
            return x->slots[*at];
        x->steps++;
    }
    return 0;
}

static bool grow_index(sf_arena *a, sf_id_index *x)
{
    size_t cap = x->cap ? x->cap * 2 : 64, n_slots = cap * 2;
    uint64_t *hashes = sf_arena_grow(a, x->hashes, x->n, cap, sizeof *hashes);
    uint32_t *slots = hashes ? SF_NEW_ARRAY(a, uint32_t, n_slots) : NULL;

    if (!slots)
        return false;
    for (size_t i = 0; i < x->n; i++) {
        size_t at = (size_t)hashes[i] & (n_slots - 1);

        while (slots[at])
            at = (at + 1) & (n_slots - 1);
        slots[at] = (uint32_t)i + 1;
    }
    x->hashes = hashes;
    x->slots = slots;
    x->cap = cap;
    x->n_slots = n_slots;
    return true;
}

/* Gives the next id the hash and the free slot. */
static uint32_t add_id(sf_id_index *x, uint64_t hash, size_t slot)
{
    x->hashes[x->n] = hash;
    return x->slots[slot] = (uint32_t)++x->n;
}

static bool is_attacked(const sf_tensor_table *t, const sf_id_index *x)
{
    return x->steps > t->tensors * STEPS_PER_TENSOR + STEPS_FREE;
}

/* The number of the name's pattern, which is new when need be. */
static sf_key_added find_pattern(sf_tensor_table *t, const sf_fold *fold, uint32_t *ret)
{
    sf_id_index *x = &t->by_name;
    sf_name_pattern *p;
    uint32_t id;
    size_t at;

    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 64;

        p = sf_arena_grow(t->a, t->patterns, x->n, cap, sizeof *p);
        if (!p || !grow_index(t->a, x))
            return SF_KEY_NO_MEMORY;
        t->patterns = p;
    }
    at = (size_t)fold->hash & (x->n_slots - 1);
    while ((id = next_id(x, fold->hash, &at))) {
        p = &t->patterns[id - 1];
        if (p->numbers == fold->n && sf_fold_is(fold, p->text)) {
            *ret = id - 1;
            return SF_KEY_SEEN;
        }
        x->steps++;
        at = (at + 1) & (x->n_slots - 1);
    }
    if (is_attacked(t, x) || x->n >= PATTERNS_MAX)
        return SF_KEY_HOSTILE;
    p = &t->patterns[x->n];
    *p = (sf_name_pattern){.text = sf_fold_text(t->a, fold), .numbers = fold->n, .last_row = UINT32_MAX};
    if (!p->text.p)
        return SF_KEY_NO_MEMORY;
    *ret = add_id(x, fold->hash, at) - 1;
    return SF_KEY_NEW;
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

static inline sf_key_added count_in_row(sf_tensor_pattern *p, const sf_tensor_row *row)
{
    p->count++;
    p->numel = sf_add_sat(p->numel, row->numel);
    p->bytes = sf_add_sat(p->bytes, row->bytes);
    return SF_KEY_NEW;
}

static bool grow_rows(sf_tensor_table *t)
{
    size_t n = t->by_shape.n, cap = t->by_shape.cap ? t->by_shape.cap * 2 : 64;
    sf_tensor_pattern *rows = sf_arena_grow(t->a, t->rows, n, cap, sizeof *rows);
    uint32_t *row_pattern = rows ? sf_arena_grow(t->a, t->row_pattern, n, cap, sizeof *row_pattern) : NULL;

    if (!row_pattern || !grow_index(t->a, &t->by_shape))
        return false;
    t->rows = rows;
    t->row_pattern = row_pattern;
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
    *p = (sf_tensor_pattern){.name = t->patterns[pattern].text,
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
    if (x->n == x->cap && !grow_rows(t))
        return SF_KEY_NO_MEMORY;
    at = (size_t)hash & (x->n_slots - 1);
    while ((id = next_id(x, hash, &at))) {
        if (t->row_pattern[id - 1] == pattern && row_is(&t->rows[id - 1], row)) {
            t->patterns[pattern].last_row = id - 1;
            return count_in_row(&t->rows[id - 1], row);
        }
        x->steps++;
        at = (at + 1) & (x->n_slots - 1);
    }
    if (is_attacked(t, x))
        return SF_KEY_HOSTILE;
    added = new_row(t, pattern, name, row, &i);
    if (added == SF_KEY_NEW)
        t->patterns[pattern].last_row = add_id(x, hash, at) - 1;
    return added;
}

/* A name that is not a pattern and small numbers: kept as it is. */
static sf_key_added add_odd_name(sf_tensor_table *t, sf_str name)
{
    uint64_t hash = sf_str_hash(name);

    if (sf_key_set_has(&t->odd, name, hash))
        return SF_KEY_SEEN;
    name = sf_arena_str(t->a, name);
    return name.p ? sf_key_set_add(&t->odd, name, hash) : SF_KEY_NO_MEMORY;
}

sf_key_added sf_tensor_table_add(sf_tensor_table *t, const sf_fold *fold, const sf_tensor_row *row)
{
    uint32_t pattern = 0, last;
    sf_key_added added = find_pattern(t, fold, &pattern);

    if (added == SF_KEY_NO_MEMORY || added == SF_KEY_HOSTILE)
        return added;
    added = fold->dense ? sf_number_set_add(&t->seen, pattern, fold->numbers) : add_odd_name(t, fold->name);
    if (added != SF_KEY_NEW)
        return added;
    last = t->patterns[pattern].last_row;
    if (last != UINT32_MAX && row_is(&t->rows[last], row))
        added = count_in_row(&t->rows[last], row);
    else
        added = count_by_shape(t, pattern, fold->name, row);
    if (added != SF_KEY_NEW)
        return added;
    t->tensors++;
    t->numel = sf_add_sat(t->numel, row->numel);
    t->bytes = sf_add_sat(t->bytes, row->bytes);
    return SF_KEY_NEW;
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
    const sf_id_index *x = &t->by_name;
    uint32_t id;
    sf_fold fold;
    size_t at;

    sf_fold_name(name, &fold);
    if (!fold.dense)
        return sf_key_set_has(&t->odd, name, sf_str_hash(name));
    if (!x->n_slots)
        return false;
    for (at = (size_t)fold.hash & (x->n_slots - 1); (id = x->slots[at]); at = (at + 1) & (x->n_slots - 1))
        if (x->hashes[id - 1] == fold.hash && t->patterns[id - 1].numbers == fold.n &&
            sf_fold_is(&fold, t->patterns[id - 1].text))
            return sf_number_set_has(&t->seen, id - 1, fold.numbers);
    return false;
}
