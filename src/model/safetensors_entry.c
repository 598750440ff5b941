/*
 * safetensors_entry: reads the usual form of a tensor five times as fast as the JSON reader.
 * Must leave everything that is not exactly this form to the JSON reader, errors too.
 * The form: safetensors/src/tensor.rs, serialize (serde_json without blanks, fields in this order).
 */
#include "model/safetensors_entry.h"

#include "text/swar.h"

/* The longest body: the fixed text, the longest dtype, all dims and both offsets in SF_SWAR_DIGITS digits. */
enum { BODY_MAX = 320, DTYPE_MAX = 12 };

/* The closing quote of a plain ASCII string that goes on at `i`; n when it is anything else. */
static inline size_t plain_end(const char *p, size_t i, size_t n)
{
    for (; i + 8 <= n; i += 8) {
        uint64_t w = sf_load8(p + i), stop = sf_string_ends(w) | (w & SF_HIGHS);

        if (stop) {
            i += sf_first_byte(stop);
            return p[i] == '"' ? i : n;
        }
    }
    return n;
}

#define TAKE(p, literal)                                                                                     \
    (memcmp((p), (literal), sizeof(literal) - 1) == 0 ? ((p) += sizeof(literal) - 1, true) : false)

static inline bool take_shape(const char **p, sf_tensor_row *row)
{
    row->n_dims = 0;
    if (**p == ']')
        return true;
    for (;; ++*p) {
        if (row->n_dims == SF_TENSOR_DIMS || !sf_take_number(p, &row->dims[row->n_dims]))
            return false;
        row->n_dims++;
        if (**p != ',')
            return **p == ']';
    }
}

size_t sf_entry_read_usual(sf_str text, size_t at, sf_entry *ret)
{
    size_t close = plain_end(text.p, at + 1, text.n);
    const char *p = text.p + close, *dtype;

    if (text.n - close < BODY_MAX)
        return 0;
    if (!TAKE(p, "\":{\"dtype\":\""))
        return 0;
    dtype = p;
    while (*p != '"' && p - dtype < DTYPE_MAX)
        p++;
    ret->row.dtype = sf_dtype_of_header((sf_str){dtype, (size_t)(p - dtype)});
    if (ret->row.dtype == SF_DT_NONE || !TAKE(p, "\",\"shape\":[") || !take_shape(&p, &ret->row))
        return 0;
    if (!TAKE(p, "],\"data_offsets\":["))
        return 0;
    ret->form = (sf_str){text.p + close, (size_t)(p - text.p) - close};
    if (!sf_take_number(&p, &ret->begin) || !TAKE(p, ",") || !sf_take_number(&p, &ret->end) || !TAKE(p, "]}"))
        return 0;
    ret->name = (sf_str){text.p + at + 1, close - at - 1};
    return (size_t)(p - text.p);
}

sf_entry_fault sf_entry_measure(sf_entry *e, uint64_t data_size)
{
    uint64_t numel = 1, bits;

    for (size_t i = 0; i < e->row.n_dims; i++)
        if (!sf_mul(numel, e->row.dims[i], &numel))
            return SF_ENTRY_OVERFLOW;
    e->row.numel = numel;
    if (!sf_mul(numel, sf_dtype_bits(e->row.dtype), &bits) &&
        !sf_dtype_bytes(e->row.dtype, numel, &e->row.bytes))
        return SF_ENTRY_OVERFLOW;
    if (!sf_dtype_bytes(e->row.dtype, numel, &e->row.bytes))
        return SF_ENTRY_PARTIAL;
    if (e->begin > e->end)
        return SF_ENTRY_REVERSED;
    if (e->end - e->begin != e->row.bytes)
        return SF_ENTRY_DIFFERS;
    return e->end > data_size ? SF_ENTRY_BEYOND : SF_ENTRY_GOOD;
}
