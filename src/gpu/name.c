/*
 * name: which GPU a text means.
 * Must not pick one of several: "A100" is refused by the caller with the choices.  Names are compared
 * without case, blanks, dashes and the maker's words in front.
 */
#include "gpu/gpu_parts.h"

enum { NAME_MAX_LEN = 64 };

typedef struct plain_name {
    char text[NAME_MAX_LEN];
    size_t n;
} plain_name;

static bool drop_front(plain_name *p, const char *word)
{
    size_t n = strlen(word);

    if (p->n <= n || memcmp(p->text, word, n) != 0)
        return false;
    memmove(p->text, p->text + n, p->n - n);
    p->n -= n;
    return true;
}

/* "NVIDIA GeForce RTX 4090" and "rtx-4090" are both "rtx4090"; "A100 80G" is "a10080gb". */
static bool make_plain(sf_str s, plain_name *ret)
{
    static const char *const makers[] = {"nvidia", "geforce",  "tesla",  "quadro",
                                         "amd",    "instinct", "radeon", "intel"};
    bool dropped = true;

    ret->n = 0;
    for (size_t i = 0; i < s.n; i++) {
        sf_str rest = sf_str_sub(s, i, s.n);
        char c = s.p[i];

        if (sf_str_eq_nocase(sf_str_sub(rest, 0, 3), SF_STR("(r)")))
            i += 2;
        else if (sf_str_eq_nocase(sf_str_sub(rest, 0, 4), SF_STR("(tm)")))
            i += 3;
        else if (!strchr(" -_()[]/", c)) {
            if (ret->n == NAME_MAX_LEN - 1 || !c)
                return false;
            ret->text[ret->n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
    }
    while (dropped) {
        dropped = false;
        for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
            dropped |= drop_front(ret, makers[i]);
    }
    if (ret->n > 1 && ret->text[ret->n - 1] == 'g' && ret->text[ret->n - 2] >= '0' &&
        ret->text[ret->n - 2] <= '9')
        ret->text[ret->n++] = 'b';
    return ret->n > 0;
}

static sf_str plain_str(const plain_name *p)
{
    return (sf_str){p->text, p->n};
}

/* Most names differ in their last letter already, which saves the work of making them plain. */
static bool may_be(sf_str own, const plain_name *wanted)
{
    char c = own.n ? (char)(own.p[own.n - 1] | 0x20) : ')';

    return c < '0' || c == 'g' || c > 'z' || c == wanted->text[wanted->n - 1];
}

static bool is_plain_name(sf_str own, const plain_name *wanted)
{
    plain_name plain;

    return may_be(own, wanted) && make_plain(own, &plain) && sf_str_eq(plain_str(&plain), plain_str(wanted));
}

static bool is_name_of(const sf_gpu_model *m, const plain_name *wanted)
{
    if (is_plain_name(m->name, wanted))
        return true;
    for (size_t i = 0; i < m->n_aliases; i++)
        if (is_plain_name(m->aliases[i], wanted))
            return true;
    return false;
}

size_t sf_gpu_match(const sf_gpu_book *book, sf_str text, size_t *found)
{
    size_t count = 0;
    plain_name wanted;

    if (!make_plain(text, &wanted))
        return 0;
    for (size_t i = 0; i < book->n; i++)
        if (is_name_of(&book->models[i], &wanted)) {
            if (count < SF_GPU_CHOICES)
                found[count] = i;
            count++;
        }
    return count;
}

/* How far apart two names are; less is nearer.  A name that contains the other is near, however long. */
static unsigned name_distance(sf_str a, sf_str b)
{
    enum { FAR = 20 };
    size_t shorter = a.n < b.n ? a.n : b.n;

    if (shorter >= 2 && (sf_str_starts(a, b) || sf_str_starts(b, a)))
        return 1;
    if (shorter >= 3 && (sf_str_find(a, b) >= 0 || sf_str_find(b, a) >= 0))
        return 2;
    return sf_str_distance(a, b, FAR);
}

static unsigned model_distance(const sf_gpu_model *m, const plain_name *wanted)
{
    unsigned best = UINT32_MAX;
    plain_name own;

    for (size_t i = 0; i < m->n_aliases; i++)
        if (make_plain(m->aliases[i], &own)) {
            unsigned d = name_distance(plain_str(wanted), plain_str(&own));

            best = d < best ? d : best;
        }
    return best;
}

size_t sf_gpu_nearest(const sf_gpu_book *book, sf_str text, size_t *found)
{
    unsigned distance[SF_GPU_CHOICES];
    size_t count = 0;
    plain_name wanted;

    if (!make_plain(text, &wanted))
        return 0;
    for (size_t i = 0; i < book->n; i++) {
        unsigned d = model_distance(&book->models[i], &wanted);
        size_t at = count;

        if (d > 2 && d > wanted.n / 3)
            continue;
        while (at > 0 && distance[at - 1] > d)
            at--;
        if (at == SF_GPU_CHOICES)
            continue;
        count += count < SF_GPU_CHOICES;
        for (size_t k = count - 1; k > at; k--) {
            distance[k] = distance[k - 1];
            found[k] = found[k - 1];
        }
        distance[at] = d;
        found[at] = i;
    }
    return count;
}

sf_str sf_gpu_choices(sf_arena *a, const sf_gpu_book *book, const size_t *found, size_t n)
{
    sf_str text = SF_STR("");

    for (size_t i = 0; i < n && text.p; i++) {
        const char *between = i == 0 ? "" : i + 1 == n ? " or " : ", ";
        sf_str alias = sf_arena_str(a, book->models[found[i]].aliases[0]);

        if (!alias.p)
            return alias;
        for (size_t k = 0; k < alias.n; k++) { /* the arena's copy is ours to change */
            char *c = (char *)(uintptr_t)alias.p + k;

            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
        }
        text = sf_arena_printf(a, "%.*s%s%.*s", SF_STR_ARG(text), between, SF_STR_ARG(alias));
    }
    return text;
}
