/*
 * tensor_names: finds the pattern of a name, then one bit for its numbers.
 * Must not trust a hash: what it finds is compared in full.
 */
#include "model/tensor_names.h"

#include "text/swar.h"

/* Half a step is what chance gives at this load (Knuth, TAOCP 3, 6.4: linear probing). */
enum { STEPS_PER_CALL = 64, STEPS_FREE = 4096, PATTERNS_MAX = 1 << SF_NUMBER_GROUP_BITS };

/* The longest pattern that is followed: with its numbers, its quote and a word to spare. */
enum { FOLLOWED_MAX = SF_FOLLOW_MAX - SF_FOLD_DENSE_MAX * SF_FOLD_DENSE_DIGITS - 1 - SF_SWAR_SLACK };

bool sf_id_index_reserve(sf_arena *a, sf_id_index *x)
{
    size_t cap = x->cap ? x->cap * 2 : 64, n_slots = cap * 2;
    uint64_t *hashes;
    uint32_t *slots;

    if (x->n < x->cap)
        return true;
    hashes = sf_arena_grow(a, x->hashes, x->n, cap, sizeof *hashes);
    slots = hashes ? SF_NEW_ARRAY(a, uint32_t, n_slots) : NULL;
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

size_t sf_id_index_start(sf_id_index *x, uint64_t hash)
{
    x->calls++;
    return ((size_t)hash - 1) & (x->n_slots - 1); /* sf_id_index_next moves first */
}

uint32_t sf_id_index_next(sf_id_index *x, uint64_t hash, size_t *at)
{
    for (;; x->steps++) {
        *at = (*at + 1) & (x->n_slots - 1);
        if (!x->slots[*at])
            return 0;
        if (x->hashes[x->slots[*at] - 1] == hash)
            return x->slots[*at];
    }
}

bool sf_id_index_is_attacked(const sf_id_index *x)
{
    return x->steps > x->calls * STEPS_PER_CALL + STEPS_FREE;
}

uint32_t sf_id_index_add(sf_id_index *x, uint64_t hash, size_t slot)
{
    x->hashes[x->n] = hash;
    return x->slots[slot] = (uint32_t)++x->n;
}

void sf_tensor_names_init(sf_tensor_names *names, sf_arena *a)
{
    *names = (sf_tensor_names){.a = a, .last = SF_NO_PATTERN};
    sf_number_set_init(&names->seen, a);
    sf_key_set_init(&names->odd, a);
}

static bool pattern_is(const sf_name_pattern *p, const sf_fold *fold)
{
    return p->numbers == fold->n && sf_fold_is(fold, p->text);
}

static bool room_for_pattern(sf_tensor_names *names)
{
    sf_id_index *x = &names->index;
    size_t cap = x->cap;
    sf_name_pattern *p;

    if (x->n < cap)
        return true;
    if (!sf_id_index_reserve(names->a, x))
        return false;
    p = sf_arena_grow(names->a, names->patterns, x->n, x->cap, sizeof *p);
    if (!p) { /* the index must not be larger than what it stands for */
        x->cap = cap;
        return false;
    }
    names->patterns = p;
    return true;
}

/* Sets what sf_tensor_names_follow needs, where a name of the pattern fits into what it looks at. */
static void describe(sf_name_pattern *p, const sf_fold *fold)
{
    uint32_t done = 0;

    if (fold->n > SF_FOLD_DENSE_MAX || p->text.n > FOLLOWED_MAX)
        return;
    for (unsigned i = 0; i < fold->n; i++) {
        p->pieces[i] = (uint8_t)(fold->from[i] - done);
        done = fold->to[i];
    }
    p->pieces[fold->n] = (uint8_t)(fold->name.n - done);
    p->plain = true;
    for (size_t i = 0; i < p->text.n; i++)
        p->plain &= p->text.p[i] >= ' ' && p->text.p[i] <= '~' && p->text.p[i] != '"' && p->text.p[i] != '\\';
}

/* The number of the name's pattern, which is new when need be. */
static sf_key_added find_pattern(sf_tensor_names *names, const sf_fold *fold, uint32_t *ret)
{
    sf_id_index *x = &names->index;
    sf_name_pattern *p;
    uint32_t id;
    size_t at;

    if (!room_for_pattern(names))
        return SF_KEY_NO_MEMORY;
    at = sf_id_index_start(x, fold->hash);
    while ((id = sf_id_index_next(x, fold->hash, &at))) {
        if (pattern_is(&names->patterns[id - 1], fold)) {
            *ret = id - 1;
            return SF_KEY_SEEN;
        }
        x->steps++;
    }
    if (sf_id_index_is_attacked(x) || x->n >= PATTERNS_MAX)
        return SF_KEY_HOSTILE;
    p = &names->patterns[x->n];
    *p = (sf_name_pattern){.text = sf_fold_text(names->a, fold),
                           .numbers = fold->n,
                           .last_row = SF_NO_ROW,
                           .next = SF_NO_PATTERN};
    if (!p->text.p)
        return SF_KEY_NO_MEMORY;
    describe(p, fold);
    *ret = sf_id_index_add(x, fold->hash, at) - 1;
    return SF_KEY_NEW;
}

/* A name that is not a pattern and small numbers: kept as it is. */
static sf_key_added add_odd_name(sf_tensor_names *names, sf_str name)
{
    uint64_t hash = sf_str_hash(name);

    if (sf_key_set_has(&names->odd, name, hash))
        return SF_KEY_SEEN;
    name = sf_arena_str(names->a, name);
    return name.p ? sf_key_set_add(&names->odd, name, hash) : SF_KEY_NO_MEMORY;
}

sf_key_added sf_tensor_names_add(sf_tensor_names *names, const sf_fold *fold, uint32_t *ret_pattern)
{
    sf_key_added added = find_pattern(names, fold, ret_pattern);

    if (added == SF_KEY_NO_MEMORY || added == SF_KEY_HOSTILE)
        return added;
    if (names->last != SF_NO_PATTERN)
        names->patterns[names->last].next = *ret_pattern;
    names->last = *ret_pattern;
    if (!fold->dense)
        return add_odd_name(names, fold->name);
    return sf_number_set_add(&names->seen, *ret_pattern, fold->numbers);
}

/* The digits at p as a number of the dense form; 0 digits when they are none. */
static inline unsigned dense_number(const char *p, uint64_t *ret)
{
    uint64_t value = (unsigned char)p[0] - (uint64_t)'0', digit;
    unsigned n = 1;

    if (value > 9)
        return 0;
    for (; n <= SF_FOLD_DENSE_DIGITS && (digit = (unsigned char)p[n] - (uint64_t)'0') <= 9; n++)
        value = value * 10 + digit;
    *ret = value;
    return value >> SF_FOLD_DENSE_BITS || (p[0] == '0' && n > 1) ? 0 : n;
}

bool sf_tensor_names_follow(const sf_tensor_names *names, const char *p, sf_known_name *ret)
{
    uint32_t next = names->last == SF_NO_PATTERN ? SF_NO_PATTERN : names->patterns[names->last].next;
    const sf_name_pattern *pattern;
    const char *piece, *start = p;
    uint64_t numbers = 0, number;

    if (next == SF_NO_PATTERN || !names->patterns[next].plain)
        return false;
    pattern = &names->patterns[next];
    piece = pattern->text.p;
    for (unsigned i = 0;; i++) {
        size_t n = pattern->pieces[i];
        unsigned digits;

        if (!sf_same_bytes(piece, p, n))
            return false;
        p += n;
        if (i == pattern->numbers)
            break;
        digits = dense_number(p, &number);
        if (!digits)
            return false;
        numbers = numbers << SF_FOLD_DENSE_BITS | number;
        piece += n + 2; /* and the {} */
        p += digits;
    }
    *ret = (sf_known_name){.pattern = next, .len = (size_t)(p - start), .numbers = numbers};
    return *p == '"';
}

sf_key_added sf_tensor_names_add_known(sf_tensor_names *names, const sf_known_name *known)
{
    names->last = known->pattern;
    return sf_number_set_add(&names->seen, known->pattern, known->numbers);
}

bool sf_tensor_names_has(const sf_tensor_names *names, sf_str name)
{
    sf_id_index x = names->index; /* the search counts its steps in it */
    uint32_t id;
    sf_fold fold;
    size_t at;

    sf_fold_name(name, &fold);
    if (!fold.dense)
        return sf_key_set_has(&names->odd, name, sf_str_hash(name));
    if (!x.n_slots)
        return false;
    at = sf_id_index_start(&x, fold.hash);
    while ((id = sf_id_index_next(&x, fold.hash, &at)))
        if (pattern_is(&names->patterns[id - 1], &fold))
            return sf_number_set_has(&names->seen, id - 1, fold.numbers);
    return false;
}
