/*
 * safetensors: reads one header with the pull reader, checks it, and counts its tensors.
 * Must not trust a number of the file and must not allocate per tensor.
 * Rules of the format: safetensors 0.7, safetensors/src/tensor.rs (read_metadata, validate).
 */
#include "model/safetensors.h"

#include "model/coverage.h"
#include "model/tensor_table.h"
#include "text/json.h"

/* Names in messages are cut to this many bytes. */
enum { SHOWN = 160, BYTES_PER_TENSOR = 112 };

typedef struct reader {
    sf_tensor_table *t;
    sf_json j;
    uint64_t data_size;
    sf_coverage covered;
    size_t name_off, name_len; /* token of the tensor at hand */
    sf_str last_dtype;         /* text of the last one: most tensors of a file have the same */
    sf_dtype dtype;
} reader;

static sf_code fail(reader *r, sf_code code, size_t off, size_t len, const char *hint, const char *format,
                    ...) __attribute__((format(printf, 6, 7)));

static sf_code fail(reader *r, sf_code code, size_t off, size_t len, const char *hint, const char *format,
                    ...)
{
    sf_str message;
    va_list args;

    if (r->j.error)
        return r->j.error;
    va_start(args, format);
    message = sf_arena_vprintf(r->t->a, format, args);
    va_end(args);
    if (!message.p)
        return r->j.error = SF_E_NOMEM;
    r->j.error =
        sf_diag_error(r->j.dg, code, sf_json_where(&r->j, off, len), hint, "%.*s", SF_STR_ARG(message));
    return r->j.error;
}

/* The tensor's name as the file spells it, for a message. */
static sf_str shown(const reader *r, size_t off, size_t len)
{
    sf_str name = sf_str_sub(r->j.text, off + 1, off + len - 1);

    if (name.n > SHOWN)
        for (name.n = SHOWN; name.n && ((unsigned char)name.p[name.n] & 0xc0) == 0x80;)
            name.n--;
    return name;
}

#define NAME_ARG(r) SF_STR_ARG(shown((r), (r)->name_off, (r)->name_len))

static sf_code fail_token(reader *r, const char *what)
{
    return fail(r, SF_E_HEADER, r->j.token_off, r->j.token_len, NULL, "tensor \"%.*s\": %s", NAME_ARG(r),
                what);
}

static sf_code read_dtype(reader *r, sf_tensor_row *row)
{
    sf_str text;

    if (sf_json_next(&r->j) != SF_JSON_STRING)
        return fail_token(r, "dtype is not a string");
    text = sf_json_raw(&r->j);
    if (!sf_str_eq(text, r->last_dtype)) {
        r->last_dtype = text;
        r->dtype = sf_dtype_of_header(text);
    }
    row->dtype = r->dtype;
    if (row->dtype == SF_DT_NONE)
        return fail(r, SF_E_HEADER, r->j.token_off, r->j.token_len, "a newer stagefit may know it",
                    "tensor \"%.*s\" has the unknown dtype %.*s", NAME_ARG(r),
                    SF_STR_ARG(shown(r, r->j.token_off, r->j.token_len)));
    return SF_OK;
}

/* Reads numbers up to the end of an array; false after an error. */
static bool read_numbers(reader *r, const char *what, uint64_t *numbers, size_t max, size_t *ret_n)
{
    sf_json_event event;
    size_t n = 0;

    if (sf_json_next(&r->j) != SF_JSON_ARRAY) {
        fail(r, SF_E_HEADER, r->j.token_off, r->j.token_len, NULL, "tensor \"%.*s\": %s is not a list",
             NAME_ARG(r), what);
        return false;
    }
    while ((event = sf_json_next(&r->j)) != SF_JSON_ARRAY_END) {
        uint64_t value;

        if (event == SF_JSON_ERROR)
            return false;
        if (n == max) {
            fail(r, SF_E_LIMIT, r->j.token_off, r->j.token_len, NULL,
                 "tensor \"%.*s\": %s has more than %zu numbers", NAME_ARG(r), what, max);
            return false;
        }
        if (event != SF_JSON_NUMBER || !sf_json_u64(&r->j, &value)) {
            fail(r, SF_E_HEADER, r->j.token_off, r->j.token_len, NULL,
                 "tensor \"%.*s\": %s holds something other than whole numbers", NAME_ARG(r), what);
            return false;
        }
        numbers[n++] = value;
    }
    *ret_n = n;
    return true;
}

static sf_code read_shape(reader *r, sf_tensor_row *row)
{
    size_t n = 0;

    if (!read_numbers(r, "shape", row->dims, SF_TENSOR_DIMS, &n))
        return r->j.error;
    row->n_dims = (uint8_t)n;
    return SF_OK;
}

static sf_code read_offsets(reader *r, uint64_t offsets[2])
{
    size_t n = 0;

    if (!read_numbers(r, "data_offsets", offsets, 2, &n))
        return r->j.error;
    return n == 2 ? SF_OK : fail_token(r, "data_offsets does not have two numbers");
}

/* Counts elements and bytes and holds them against the offsets. */
static sf_code check_size(reader *r, sf_tensor_row *row, const uint64_t offsets[2])
{
    const char *hint = NULL;

    row->numel = 1;
    for (size_t i = 0; i < row->n_dims; i++)
        if (!sf_mul(row->numel, row->dims[i], &row->numel))
            return fail(r, SF_E_HEADER, r->name_off, r->name_len, hint,
                        "tensor \"%.*s\": its shape overflows 64 bits", NAME_ARG(r));
    if (!sf_dtype_bytes(row->dtype, row->numel, &row->bytes))
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, hint,
                    "tensor \"%.*s\": %llu elements of %s do not fill whole bytes", NAME_ARG(r),
                    (unsigned long long)row->numel, sf_dtype_name(row->dtype));
    if (offsets[0] > offsets[1])
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, hint,
                    "tensor \"%.*s\" ends before it begins: [%llu, %llu]", NAME_ARG(r),
                    (unsigned long long)offsets[0], (unsigned long long)offsets[1]);
    if (offsets[1] - offsets[0] != row->bytes)
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, hint,
                    "tensor \"%.*s\": shape and dtype make %llu bytes, data_offsets %llu", NAME_ARG(r),
                    (unsigned long long)row->bytes, (unsigned long long)(offsets[1] - offsets[0]));
    if (offsets[1] > r->data_size)
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, "the file is cut short: fetch it again",
                    "tensor \"%.*s\" ends at byte %llu of the data, but the file has only %llu", NAME_ARG(r),
                    (unsigned long long)offsets[1], (unsigned long long)r->data_size);
    return SF_OK;
}

static sf_code refuse(reader *r, sf_key_added added)
{
    if (added == SF_KEY_NO_MEMORY)
        return r->j.error = SF_E_NOMEM;
    if (added == SF_KEY_HOSTILE)
        return fail(r, SF_E_LIMIT, r->name_off, r->name_len, NULL, "tensor names that are made to collide");
    return fail(r, SF_E_DUP_KEY, r->name_off, r->name_len,
                "remove the weight file that does not belong to the model", "tensor \"%.*s\" is there twice",
                NAME_ARG(r));
}

enum { HAS_DTYPE = 1, HAS_SHAPE = 2, HAS_OFFSETS = 4, HAS_ALL = 7 };

/* One of the keys of a tensor; adds its bit to *has. */
static sf_code read_field(reader *r, sf_tensor_row *row, uint64_t offsets[2], unsigned *has)
{
    sf_str key = sf_json_raw(&r->j);
    unsigned bit = sf_str_eq(key, SF_STR("dtype"))          ? HAS_DTYPE
                   : sf_str_eq(key, SF_STR("shape"))        ? HAS_SHAPE
                   : sf_str_eq(key, SF_STR("data_offsets")) ? HAS_OFFSETS
                                                            : 0;

    if (*has & bit)
        return fail(r, SF_E_DUP_KEY, r->j.token_off, r->j.token_len, NULL,
                    "tensor \"%.*s\": %.*s given twice", NAME_ARG(r), SF_STR_ARG(key));
    *has |= bit;
    if (bit == HAS_DTYPE)
        return read_dtype(r, row);
    if (bit == HAS_SHAPE)
        return read_shape(r, row);
    if (bit == HAS_OFFSETS)
        return read_offsets(r, offsets);
    return sf_json_skip(&r->j, sf_json_next(&r->j));
}

/* The value of one tensor, whose name has just been read. */
static sf_code read_tensor(reader *r)
{
    sf_tensor_row row = {.dtype = SF_DT_NONE};
    uint64_t offsets[2] = {0, 0};
    unsigned has = 0;
    sf_json_event event;
    sf_key_added added;
    sf_fold fold;
    sf_str name;

    if (sf_json_decode(&r->j, r->t->a, &name))
        return r->j.error;
    sf_fold_name(name, &fold);
    if (sf_json_next(&r->j) != SF_JSON_OBJECT)
        return fail_token(r, "expected {\"dtype\", \"shape\", \"data_offsets\"}");
    while ((event = sf_json_next(&r->j)) == SF_JSON_KEY)
        if (read_field(r, &row, offsets, &has))
            return r->j.error;
    if (event == SF_JSON_ERROR)
        return r->j.error;
    if (has != HAS_ALL)
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, NULL, "tensor \"%.*s\" has no %s", NAME_ARG(r),
                    !(has & HAS_DTYPE)   ? "dtype"
                    : !(has & HAS_SHAPE) ? "shape"
                                         : "data_offsets");
    if (check_size(r, &row, offsets))
        return r->j.error;
    added = sf_tensor_table_add(r->t, &fold, &row);
    if (added != SF_KEY_NEW)
        return refuse(r, added);
    if (r->t->tensors > SF_SAFETENSORS_MAX_TENSORS)
        return fail(r, SF_E_LIMIT, r->name_off, r->name_len, NULL, "more than %d tensors",
                    SF_SAFETENSORS_MAX_TENSORS);
    if (!sf_coverage_add(&r->covered, &(sf_range){offsets[0], offsets[1], r->name_off, r->name_len}))
        return r->j.error = SF_E_NOMEM;
    return SF_OK;
}

/* `__metadata__`: a map of strings, or null. */
static sf_code read_metadata(reader *r)
{
    sf_json_event event = sf_json_next(&r->j);

    if (event == SF_JSON_NULL)
        return SF_OK;
    if (event == SF_JSON_OBJECT) {
        while ((event = sf_json_next(&r->j)) == SF_JSON_KEY)
            if (sf_json_next(&r->j) != SF_JSON_STRING)
                break;
        if (event == SF_JSON_OBJECT_END)
            return SF_OK;
    }
    return fail(r, SF_E_HEADER, r->j.token_off, r->j.token_len, NULL, "__metadata__ is not a map of strings");
}

static sf_code check_coverage(reader *r)
{
    const sf_range *bad = NULL;
    unsigned long long at;
    uint64_t end = 0;
    sf_str name;

    if (sf_coverage_check(&r->covered, &end, &bad)) {
        if (end == r->data_size)
            return SF_OK;
        return fail(r, SF_E_HEADER, 0, 1, "the file was written by a broken tool, or is two files in one",
                    "%llu bytes after the last tensor belong to none",
                    (unsigned long long)(r->data_size - end));
    }
    at = bad->begin;
    name = shown(r, bad->owner_off, bad->owner_len);
    if (bad->begin > end)
        return fail(r, SF_E_HEADER, bad->owner_off, bad->owner_len, NULL,
                    "%llu bytes before tensor \"%.*s\" belong to none", at - (unsigned long long)end,
                    SF_STR_ARG(name));
    return fail(r, SF_E_HEADER, bad->owner_off, bad->owner_len, NULL,
                "tensor \"%.*s\" starts at byte %llu of the data, inside another tensor", SF_STR_ARG(name),
                at);
}

sf_code sf_safetensors_add(sf_tensor_table *t, sf_str json, uint64_t file_size, sf_str file, sf_diags *dg)
{
    reader r = {.t = t};
    bool metadata = false;
    sf_json_event event;

    sf_json_init(&r.j, json, file, 0, dg);
    r.j.base = SF_SAFETENSORS_PREFIX;
    sf_coverage_init(&r.covered, t->a);
    if (file_size < SF_SAFETENSORS_PREFIX || file_size - SF_SAFETENSORS_PREFIX < json.n)
        return fail(&r, SF_E_HEADER, 0, 0, "the file is cut short: fetch it again",
                    "the header is longer than the file");
    r.data_size = file_size - SF_SAFETENSORS_PREFIX - json.n;
    if (!sf_tensor_table_reserve(t, (size_t)t->tensors + json.n / BYTES_PER_TENSOR))
        return SF_E_NOMEM;
    event = sf_json_next(&r.j);
    if (event != SF_JSON_OBJECT)
        return fail(&r, SF_E_HEADER, 0, 1, "this is no safetensors file", "the header is not a JSON object");
    while ((event = sf_json_next(&r.j)) == SF_JSON_KEY) {
        r.name_off = r.j.token_off;
        r.name_len = r.j.token_len;
        if (sf_str_eq(sf_json_raw(&r.j), SF_STR("__metadata__"))) {
            if (metadata)
                return fail(&r, SF_E_DUP_KEY, r.name_off, r.name_len, NULL, "__metadata__ given twice");
            metadata = true;
            if (read_metadata(&r))
                return r.j.error;
        } else if (read_tensor(&r)) {
            return r.j.error;
        }
    }
    if (event == SF_JSON_ERROR || sf_json_next(&r.j) == SF_JSON_ERROR)
        return r.j.error;
    return check_coverage(&r);
}
