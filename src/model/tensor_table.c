/*
 * tensor_table: 90,000 names become a few dozen rows; nothing is allocated per tensor.
 * Must not copy names (they are borrowed), and must not trust a hash: rows and names are compared.
 * A number is a part between dots that is all digits: "model.layers.12.mlp" → "model.layers.{}.mlp".
 */
#include "model/tensor_table.h"

#include <endian.h>

#define ONES ((uint64_t)0x0101010101010101)
#define HIGHS ((uint64_t)0x8080808080808080)
#define FACTOR ((uint64_t)0x9e3779b97f4a7c15)

/* Steps over which the rows' table counts as attacked. */
enum { STEPS_PER_TENSOR = 64 };

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline uint64_t load8(const char *p)
{
    uint64_t w;

    memcpy(&w, p, 8);
    return le64toh(w);
}

static inline uint64_t mix(uint64_t h, uint64_t w)
{
    h = (h ^ w) * FACTOR;
    return h ^ h >> 32;
}

/* Up to 7 bytes as one word, without a loop. */
static inline uint64_t load_tail(const char *p, size_t n)
{
    uint32_t a, b;

    if (n >= 4) {
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        return (uint64_t)a << 32 | b;
    }
    if (!n)
        return 0;
    return (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
           (unsigned char)p[n - 1];
}

static inline uint64_t hash_run(uint64_t h, const char *p, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        h = mix(h, load8(p + i));
    return mix(h, load_tail(p + i, n - i) ^ (uint64_t)n << 56);
}

/* At least zero for every byte that is zero, perhaps for more. */
static inline uint64_t zero_bytes(uint64_t w)
{
    return (w - ONES) & ~w & HIGHS;
}

/* The first digit at or after `i` that follows a dot; n when there is none. */
static size_t next_number(const char *p, size_t i, size_t n)
{
    while (i + 8 <= n) { /* eight places at once: a dot before, 0x3X at it */
        uint64_t hits = zero_bytes(load8(p + i - 1) ^ ONES * '.') &
                        zero_bytes((load8(p + i) ^ ONES * 0x30) & ONES * 0xf0);

        for (; hits; hits &= hits - 1) {
            size_t at = i + (size_t)__builtin_ctzll(hits) / 8;

            if (p[at - 1] == '.' && is_digit(p[at]))
                return at;
        }
        i += 8;
    }
    for (; i < n; i++)
        if (p[i - 1] == '.' && is_digit(p[i]))
            return i;
    return n;
}

void sf_fold_name(sf_str name, sf_fold *ret)
{
    const char *p = name.p;
    size_t n = name.n, done = 0, at = n && is_digit(p[0]) ? 0 : 1;
    uint64_t pattern = FACTOR, numbers = 0;

    ret->name = name;
    ret->n = 0;
    if (at)
        at = next_number(p, 1, n);
    while (at < n && ret->n < SF_FOLD_MAX) {
        size_t end = at + 1;

        while (end < n && is_digit(p[end]))
            end++;
        if (end == n || p[end] == '.') {
            ret->from[ret->n] = (uint32_t)at;
            ret->to[ret->n++] = (uint32_t)end;
            pattern = hash_run(pattern, p + done, at - done);
            numbers = hash_run(numbers, p + at, end - at);
            done = end;
        }
        at = next_number(p, end, n);
    }
    ret->pattern_hash = hash_run(pattern, p + done, n - done);
    ret->name_hash = mix(ret->pattern_hash, numbers);
}

sf_tensor_table *sf_tensor_table_new(sf_arena *a)
{
    sf_tensor_table *t = SF_NEW(a, sf_tensor_table);

    if (!t)
        return NULL;
    t->a = a;
    sf_key_set_init(&t->names, a);
    return t;
}

bool sf_tensor_table_reserve(sf_tensor_table *t, size_t n)
{
    return sf_key_set_reserve(&t->names, n);
}

/* The name with {} for its numbers; p is NULL when memory is out. */
static sf_str fold_text(sf_arena *a, const sf_fold *f)
{
    char *text = sf_arena_alloc(a, f->name.n + 2 * (size_t)f->n + 1, 1), *out = text;
    size_t done = 0;

    if (!text)
        return (sf_str){NULL, 0};
    for (unsigned i = 0; i < f->n; i++) {
        memcpy(out, f->name.p + done, f->from[i] - done);
        out += f->from[i] - done;
        *out++ = '{';
        *out++ = '}';
        done = f->to[i];
    }
    memcpy(out, f->name.p + done, f->name.n - done);
    out += f->name.n - done;
    *out = '\0';
    return (sf_str){text, (size_t)(out - text)};
}

/* Whether the folded name is `pattern`, without writing it out. */
static bool fold_is(const sf_fold *f, sf_str pattern)
{
    size_t done = 0, at = 0, len;

    for (unsigned i = 0; i < f->n; i++) {
        len = f->from[i] - done;
        if (pattern.n - at < len + 2 || memcmp(pattern.p + at, f->name.p + done, len) != 0 ||
            pattern.p[at + len] != '{' || pattern.p[at + len + 1] != '}')
            return false;
        at += len + 2;
        done = f->to[i];
    }
    len = f->name.n - done;
    return pattern.n - at == len && memcmp(pattern.p + at, f->name.p + done, len) == 0;
}

static bool row_is(const sf_tensor_pattern *p, const sf_fold *fold, const sf_tensor_row *row)
{
    if (p->dtype != row->dtype || p->n_dims != row->n_dims)
        return false;
    for (size_t i = 0; i < row->n_dims; i++)
        if (p->dims[i] != row->dims[i])
            return false;
    return fold_is(fold, p->name);
}

static bool grow_rows(sf_tensor_table *t)
{
    size_t cap = t->cap ? t->cap * 2 : 64;
    sf_tensor_pattern *rows = sf_arena_grow(t->a, t->rows, t->n, cap, sizeof *rows);
    uint64_t *hashes = rows ? sf_arena_grow(t->a, t->hashes, t->n, cap, sizeof *hashes) : NULL;
    uint32_t *slots = hashes ? SF_NEW_ARRAY(t->a, uint32_t, cap * 2) : NULL;

    if (!slots)
        return false;
    for (size_t i = 0; i < t->n; i++) {
        size_t at = (size_t)hashes[i] & (cap * 2 - 1);

        while (slots[at])
            at = (at + 1) & (cap * 2 - 1);
        slots[at] = (uint32_t)i + 1;
    }
    t->rows = rows;
    t->hashes = hashes;
    t->slots = slots;
    t->cap = cap;
    t->n_slots = cap * 2;
    return true;
}

static sf_key_added new_row(sf_tensor_table *t, const sf_fold *fold, const sf_tensor_row *row, size_t slot,
                            uint64_t hash)
{
    sf_tensor_pattern *p = &t->rows[t->n];

    *p = (sf_tensor_pattern){
        .name = fold_text(t->a, fold), .example = fold->name, .dtype = row->dtype, .n_dims = row->n_dims};
    if (!p->name.p)
        return SF_KEY_NO_MEMORY;
    memcpy(p->dims, row->dims, row->n_dims * sizeof *p->dims);
    p->count = 1;
    p->numel = row->numel;
    p->bytes = row->bytes;
    t->hashes[t->n] = hash;
    t->slots[slot] = (uint32_t)++t->n;
    return SF_KEY_NEW;
}

static sf_key_added count_in_row(sf_tensor_table *t, const sf_fold *fold, const sf_tensor_row *row)
{
    uint64_t hash = mix(fold->pattern_hash, row->dtype);
    size_t at;

    if (t->n == t->cap && !grow_rows(t))
        return SF_KEY_NO_MEMORY;
    for (size_t i = 0; i < row->n_dims; i++)
        hash = mix(hash, row->dims[i]);
    for (at = (size_t)hash & (t->n_slots - 1); t->slots[at]; at = (at + 1) & (t->n_slots - 1)) {
        sf_tensor_pattern *p = &t->rows[t->slots[at] - 1];

        if (t->hashes[t->slots[at] - 1] == hash && row_is(p, fold, row)) {
            p->count++;
            p->numel = sf_add_sat(p->numel, row->numel);
            p->bytes = sf_add_sat(p->bytes, row->bytes);
            return SF_KEY_NEW;
        }
        if (++t->steps > (t->tensors + 1000) * STEPS_PER_TENSOR)
            return SF_KEY_HOSTILE;
    }
    return new_row(t, fold, row, at, hash);
}

sf_key_added sf_tensor_table_add(sf_tensor_table *t, const sf_fold *fold, const sf_tensor_row *row)
{
    sf_key_added added = sf_key_set_add(&t->names, fold->name, fold->name_hash);

    if (added == SF_KEY_NEW)
        added = count_in_row(t, fold, row);
    if (added != SF_KEY_NEW)
        return added;
    t->tensors++;
    t->numel = sf_add_sat(t->numel, row->numel);
    t->bytes = sf_add_sat(t->bytes, row->bytes);
    return SF_KEY_NEW;
}

size_t sf_tensor_table_count(const sf_tensor_table *t)
{
    return t->n;
}

const sf_tensor_pattern *sf_tensor_table_at(const sf_tensor_table *t, size_t i)
{
    return i < t->n ? &t->rows[i] : NULL;
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
    sf_fold fold;

    sf_fold_name(name, &fold);
    return sf_key_set_has(&t->names, name, fold.name_hash);
}
