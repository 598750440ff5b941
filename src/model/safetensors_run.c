/*
 * safetensors_run: tensors that differ from earlier ones in numbers only, which is nearly all of them: the
 * name is held against the pattern that came next the last time, dtype and shape against the
 * pattern's last row, byte by byte, and only the numbers are read.
 * Must refuse nothing: what it does not take is left as it stands.
 */
#include "model/safetensors_reader.h"
#include "text/swar.h"

/* With this many bytes left no look goes past the end of the text: a quote, the name, its form, "N,N]}". */
enum { OFFSETS_MAX = 64, ROOM = 1 + SF_LIKE_MAX + OFFSETS_MAX };

/* Where the tensor before ended, as digits of the text: the next one nearly always begins there. */
typedef struct last_end {
    const char *digits;
    size_t n;
    uint64_t value;
} last_end;

/* 0,12]} at *p; moves past it. */
static inline bool take_offsets(const char **p, last_end *last, sf_range *ret)
{
    const char *s = *p;

    if (last->n && sf_same_bytes(s, last->digits, last->n) && s[last->n] == ',') {
        ret->begin = last->value;
        s += last->n;
    } else if (!sf_take_number(&s, &ret->begin) || *s != ',') {
        return false;
    }
    last->digits = ++s;
    if (!sf_take_number(&s, &ret->end) || s[0] != ']' || s[1] != '}')
        return false;
    last->n = (size_t)(s - last->digits);
    last->value = ret->end;
    *p = s + 2;
    return true;
}

/* The member whose opening quote is text[at]; gives the byte after it, or 0. */
static inline size_t take_like(sf_header_reader *r, size_t at, last_end *last)
{
    const char *p = r->w.j.text.p + at + 1;
    sf_range range = {.owner_off = r->w.at + at};
    sf_tensor_like like;

    if (r->w.j.text.n - at < ROOM || !sf_tensor_table_follow(r->t, p, &like))
        return 0;
    p += like.len;
    if (!take_offsets(&p, last, &range) || range.begin > range.end || range.end - range.begin != like.bytes ||
        range.end > r->data_size || r->t->tensors >= SF_SAFETENSORS_MAX_TENSORS ||
        sf_tensor_table_add_like(r->t, &like) != SF_KEY_NEW)
        return 0;
    range.owner_len = like.name.len + 2;
    if (!sf_coverage_add(&r->covered, &range)) {
        r->w.j.error = SF_E_NOMEM;
        return 0;
    }
    return (size_t)(p - r->w.j.text.p);
}

bool sf_header_run(sf_header_reader *r)
{
    last_end before = {.n = 0};
    size_t at, end, last = 0;

    if (!sf_json_before_member(&r->w.j, &at))
        return false;
    while ((end = take_like(r, at, &before))) {
        last = end;
        at = end + 1;
        if (r->w.j.text.p[end] != ',' || r->w.j.text.p[at] != '"')
            break;
    }
    if (last)
        sf_json_after_member(&r->w.j, last);
    return last && !r->w.j.error;
}
