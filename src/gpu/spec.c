/*
 * spec: a description of GPUs as it is typed: [INDEX=][COUNTx]NAME-or-SIZE[,free=…][,used=…][,total=…].
 * Must not read files: "@gpus.json" is handled by the caller.
 */
#include "base/num.h"
#include "gpu/gpu_parts.h"

enum { MAX_LEN = 400 };

typedef struct spec {
    sf_str text;
    sf_diags *dg;
    const sf_gpu_book *book;
} spec;

/* The place of a part of the text; col counts characters. */
static sf_where where(const spec *s, sf_str part)
{
    size_t off = part.p ? (size_t)(part.p - s->text.p) : 0;

    return (sf_where){.file = SF_STR("--gpu"),
                      .line = 1,
                      .col = (uint32_t)sf_utf8_count(sf_str_sub(s->text, 0, off)) + 1,
                      .off = off,
                      .len = part.n};
}

static sf_code bad(const spec *s, sf_str part, const char *hint, const char *what)
{
    if (!part.n)
        return sf_diag_error(s->dg, SF_E_GPU_SPEC, where(s, part), hint, "%s", what);
    return sf_diag_error(s->dg, SF_E_GPU_SPEC, where(s, part), hint, "\"%.*s\": %s",
                         SF_STR_ARG(sf_str_sub(part, 0, 60)), what);
}

static size_t span_digits(sf_str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

/* "2x", "2 x ", "2*" in front of something; false when there is no count ("7900xtx" has none: it is a name). */
static bool take_count(sf_str *text, uint64_t *ret)
{
    size_t n = span_digits(*text), i = n;

    while (i < text->n && text->p[i] == ' ')
        i++;
    if (n == 0 || i + 1 >= text->n || !strchr("xX*", text->p[i]) ||
        !sf_parse_u64(sf_str_sub(*text, 0, n), ret))
        return false;
    *text = sf_str_trim(sf_str_sub(*text, i + 1, text->n));
    return text->n > 0;
}

static sf_code read_option(const spec *s, sf_str option, sf_gpu_wish *w)
{
    static const char hint[] = "write a size with its unit, as in free=70GiB";
    sf_str key, value = option;
    bool has_value = sf_str_split(&value, '=', &key), *has = NULL;
    uint64_t *size = NULL;
    sf_where *at = NULL;

    key = sf_str_trim(key);
    if (sf_str_is(key, "free")) {
        has = &w->has_free, size = &w->free, at = &w->free_at;
    } else if (sf_str_is(key, "used")) {
        has = &w->has_used, size = &w->used, at = &w->used_at;
    } else if (sf_str_is(key, "total")) {
        has = &w->has_total, size = &w->total, at = &w->total_at;
    } else {
        return bad(s, option,
                   "behind a comma stand free=, used= or total=", "unknown part of a GPU description");
    }
    value = sf_str_trim(value);
    if (!has_value || !sf_parse_size(value, size) || span_digits(value) == value.n)
        return bad(s, option, hint, "not a size");
    if (*has)
        return bad(s, option, "leave one of them out", "given twice");
    *has = true;
    *at = where(s, option);
    return SF_OK;
}

/* "0=" in front. */
static sf_code take_index(const spec *s, sf_str *head, sf_gpu_wish *w)
{
    sf_str rest = *head, index;

    if (!sf_str_split(&rest, '=', &index))
        return SF_OK;
    index = sf_str_trim(index);
    w->index_at = where(s, index);
    if (!index.n || span_digits(index) != index.n || !sf_parse_u64(index, &w->index))
        return bad(s, index, "write the number of a GPU before the =, as in 0=RTX4090", "not a GPU index");
    w->has_index = true;
    *head = sf_str_trim(rest);
    return SF_OK;
}

static bool is_card(const spec *s, sf_str text)
{
    size_t found[SF_GPU_CHOICES];

    return sf_gpu_match(s->book, text, found) > 0;
}

/* NAME or SIZE, with a count in front. */
static sf_code read_head(const spec *s, sf_str head, sf_gpu_wish *w)
{
    static const char hint[] = "write a name or a size, as in H100-80GB, 2xL40S, 24GiB";
    sf_code rc = take_index(s, &head, w);
    sf_str counted = head;
    uint64_t count, size;

    if (rc)
        return rc;
    if (!head.n)
        return bad(s, head, hint, "no GPU is named");
    if (take_count(&counted, &count) && !is_card(s, head)) {
        head = counted;
        w->count = count;
    }
    w->at = where(s, head);
    w->name = head;
    if (span_digits(head) == head.n && !is_card(s, head))
        return bad(s, head, "add a unit, as in 24GiB", "a number without a unit");
    if (span_digits(head) == head.n || !sf_parse_size(head, &size) ||
        is_card(s, head)) { /* "910b" is no size */
        w->has_name = true;
        return SF_OK;
    }
    if (w->has_total)
        return bad(s, head, "leave total= out", "the size is given twice");
    w->has_total = true;
    w->total = size;
    w->total_at = w->at;
    return SF_OK;
}

sf_code sf_inventory_add(sf_arena *a, sf_inventory *inv, sf_str text, sf_diags *dg)
{
    sf_gpu_book book;
    spec s = {text, dg, &book};
    sf_gpu_wish w = {.code = SF_E_GPU_SPEC, .count = 1};
    sf_str rest = text, head, option;
    sf_code rc = SF_OK;

    if (text.n > MAX_LEN)
        return bad(&s, sf_str_sub(text, 0, 0), "give each kind of GPU an option of its own",
                   "description is too long");
    if (!sf_utf8_valid(text, NULL))
        return bad(&s, sf_str_sub(text, 0, 0), NULL, "description is not valid UTF-8");
    for (bool more = sf_str_split(&rest, ',', &head); more && !rc;) {
        more = sf_str_split(&rest, ',', &option);
        rc = read_option(&s, sf_str_trim(option), &w);
    }
    if (!rc)
        rc = sf_gpu_book_read(a, &book);
    if (!rc)
        rc = read_head(&s, sf_str_trim(head), &w);
    return rc ? rc : sf_inventory_place(a, inv, &book, &w, dg);
}
