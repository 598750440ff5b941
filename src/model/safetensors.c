/*
 * safetensors: reads one header member by member, checks it, and counts its tensors.
 * Must not trust a number of the file and must not allocate per tensor.
 * Rules of the format: safetensors 0.7, safetensors/src/tensor.rs (read_metadata, validate).
 */
#include "model/safetensors.h"

#include "model/safetensors_reader.h"

/* Names in messages are cut to this many bytes. */
enum { SHOWN = 160 };

typedef sf_header_reader reader;

static sf_code fail(reader *r, sf_code code, size_t off, size_t len, const char *hint, const char *format,
                    ...) __attribute__((format(printf, 6, 7)));

static sf_code fail(reader *r, sf_code code, size_t off, size_t len, const char *hint, const char *format,
                    ...)
{
    sf_str message;
    va_list args;

    if (r->w.j.error)
        return r->w.j.error;
    if (!r->w.j.dg)
        return r->w.j.error = code;
    va_start(args, format);
    message = sf_arena_vprintf(r->t->a, format, args);
    va_end(args);
    if (!message.p)
        return r->w.j.error = SF_E_NOMEM;
    r->w.j.error =
        sf_diag_error(r->w.j.dg, code, sf_json_where(&r->w.j, off, len), hint, "%.*s", SF_STR_ARG(message));
    return r->w.j.error;
}

/* The tensor's name as the file spells it, for a message. */
static sf_str shown(const reader *r, size_t off, size_t len)
{
    sf_str name = sf_str_sub(r->w.j.text, off + 1, off + len - 1);

    if (name.n > SHOWN)
        for (name.n = SHOWN; name.n && ((unsigned char)name.p[name.n] & 0xc0) == 0x80;)
            name.n--;
    return name;
}

#define NAME_ARG(r) SF_STR_ARG(shown((r), (r)->name_off, (r)->name_len))

static sf_code fail_token(reader *r, const char *what)
{
    return fail(r, SF_E_HEADER, r->w.j.token_off, r->w.j.token_len, NULL, "tensor \"%.*s\": %s", NAME_ARG(r),
                what);
}

static sf_code read_dtype(reader *r, sf_tensor_row *row)
{
    if (sf_json_next(&r->w.j) != SF_JSON_STRING)
        return fail_token(r, "dtype is not a string");
    row->dtype = sf_dtype_of_header(sf_json_raw(&r->w.j));
    if (row->dtype == SF_DT_NONE)
        return fail(r, SF_E_HEADER, r->w.j.token_off, r->w.j.token_len, "a newer stagefit may know it",
                    "tensor \"%.*s\" has the unknown dtype %.*s", NAME_ARG(r),
                    SF_STR_ARG(shown(r, r->w.j.token_off, r->w.j.token_len)));
    return SF_OK;
}

/* Reads numbers up to the end of an array; false after an error. */
static bool read_numbers(reader *r, const char *what, uint64_t *numbers, size_t max, size_t *ret_n)
{
    sf_json_event event;
    size_t n = 0;

    if (sf_json_next(&r->w.j) != SF_JSON_ARRAY) {
        fail(r, SF_E_HEADER, r->w.j.token_off, r->w.j.token_len, NULL, "tensor \"%.*s\": %s is not a list",
             NAME_ARG(r), what);
        return false;
    }
    while ((event = sf_json_next(&r->w.j)) != SF_JSON_ARRAY_END) {
        uint64_t value;

        if (event == SF_JSON_ERROR)
            return false;
        if (n == max) {
            fail(r, SF_E_LIMIT, r->w.j.token_off, r->w.j.token_len, NULL,
                 "tensor \"%.*s\": %s has more than %zu numbers", NAME_ARG(r), what, max);
            return false;
        }
        if (event != SF_JSON_NUMBER || !sf_json_u64(&r->w.j, &value)) {
            fail(r, SF_E_HEADER, r->w.j.token_off, r->w.j.token_len, NULL,
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
        return r->w.j.error;
    row->n_dims = (uint8_t)n;
    return SF_OK;
}

static sf_code read_offsets(reader *r, sf_entry *e)
{
    uint64_t offsets[2];
    size_t n = 0;

    if (!read_numbers(r, "data_offsets", offsets, 2, &n))
        return r->w.j.error;
    if (n != 2)
        return fail_token(r, "data_offsets does not have two numbers");
    e->begin = offsets[0];
    e->end = offsets[1];
    return SF_OK;
}

#define ULL(v) ((unsigned long long)(v))

static sf_code check_size(reader *r, sf_entry *e)
{
    const char *hint = NULL;

    switch (sf_entry_measure(e, r->data_size)) {
    case SF_ENTRY_OVERFLOW:
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, hint,
                    "tensor \"%.*s\": its shape overflows 64 bits", NAME_ARG(r));
    case SF_ENTRY_PARTIAL:
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, hint,
                    "tensor \"%.*s\": %llu elements of %s do not fill whole bytes", NAME_ARG(r),
                    ULL(e->row.numel), sf_dtype_name(e->row.dtype));
    case SF_ENTRY_REVERSED:
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, hint,
                    "tensor \"%.*s\" ends before it begins: [%llu, %llu]", NAME_ARG(r), ULL(e->begin),
                    ULL(e->end));
    case SF_ENTRY_DIFFERS:
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, hint,
                    "tensor \"%.*s\": shape and dtype make %llu bytes, data_offsets %llu", NAME_ARG(r),
                    ULL(e->row.bytes), ULL(e->end - e->begin));
    case SF_ENTRY_BEYOND:
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, "the file is cut short: fetch it again",
                    "tensor \"%.*s\" ends at byte %llu of the data, but the file has only %llu", NAME_ARG(r),
                    ULL(e->end), ULL(r->data_size));
    default:
        return SF_OK;
    }
}

static sf_code refuse(reader *r, sf_key_added added)
{
    if (added == SF_KEY_NO_MEMORY)
        return r->w.j.error = SF_E_NOMEM;
    if (added == SF_KEY_HOSTILE)
        return fail(r, SF_E_LIMIT, r->name_off, r->name_len, NULL, "tensor names that are made to collide");
    return fail(r, SF_E_DUP_KEY, r->name_off, r->name_len,
                "remove the weight file that does not belong to the model", "tensor \"%.*s\" is there twice",
                NAME_ARG(r));
}

enum { HAS_DTYPE = 1, HAS_SHAPE = 2, HAS_OFFSETS = 4, HAS_ALL = 7 };

/* One of the keys of a tensor; adds its bit to *has. */
static sf_code read_field(reader *r, sf_entry *e, unsigned *has)
{
    sf_str key = sf_json_raw(&r->w.j);
    unsigned bit = sf_str_eq(key, SF_STR("dtype"))          ? HAS_DTYPE
                   : sf_str_eq(key, SF_STR("shape"))        ? HAS_SHAPE
                   : sf_str_eq(key, SF_STR("data_offsets")) ? HAS_OFFSETS
                                                            : 0;

    if (*has & bit)
        return fail(r, SF_E_DUP_KEY, r->w.j.token_off, r->w.j.token_len, NULL,
                    "tensor \"%.*s\": %.*s given twice", NAME_ARG(r), SF_STR_ARG(key));
    *has |= bit;
    if (bit == HAS_DTYPE)
        return read_dtype(r, &e->row);
    if (bit == HAS_SHAPE)
        return read_shape(r, &e->row);
    if (bit == HAS_OFFSETS)
        return read_offsets(r, e);
    return sf_json_skip(&r->w.j, sf_json_next(&r->w.j));
}

/* Counts a measured tensor. */
static sf_key_added count(reader *r, const sf_entry *e)
{
    sf_fold fold;

    sf_fold_name(e->name, &fold);
    return sf_tensor_table_add(r->t, &fold, &e->row, e->form);
}

static sf_code cover(reader *r, const sf_entry *e)
{
    sf_range range = {e->begin, e->end, r->w.at + r->name_off, r->name_len};

    if (!sf_coverage_add(&r->covered, &range))
        r->w.j.error = SF_E_NOMEM;
    return r->w.j.error;
}

/* The value of one tensor, whose name has just been read. */
static sf_code read_tensor(reader *r)
{
    sf_entry e = {.begin = 0};
    unsigned has = 0;
    sf_json_event event;
    sf_key_added added;

    if (sf_json_decode(&r->w.j, r->t->a, &e.name))
        return r->w.j.error;
    if (sf_json_next(&r->w.j) != SF_JSON_OBJECT)
        return fail_token(r, "expected {\"dtype\", \"shape\", \"data_offsets\"}");
    while ((event = sf_json_next(&r->w.j)) == SF_JSON_KEY)
        if (read_field(r, &e, &has))
            return r->w.j.error;
    if (event == SF_JSON_ERROR)
        return r->w.j.error;
    if (has != HAS_ALL)
        return fail(r, SF_E_HEADER, r->name_off, r->name_len, NULL, "tensor \"%.*s\" has no %s", NAME_ARG(r),
                    !(has & HAS_DTYPE)   ? "dtype"
                    : !(has & HAS_SHAPE) ? "shape"
                                         : "data_offsets");
    if (check_size(r, &e))
        return r->w.j.error;
    if (r->t->tensors >= SF_SAFETENSORS_MAX_TENSORS)
        return fail(r, SF_E_LIMIT, r->name_off, r->name_len, NULL, "more than %d tensors",
                    SF_SAFETENSORS_MAX_TENSORS);
    added = count(r, &e);
    return added == SF_KEY_NEW ? cover(r, &e) : refuse(r, added);
}

/*
 * Takes a member in the writer's own form.  False leaves it, and whatever is wrong with it, to the JSON
 * reader; a name that is there already counts twice nowhere.
 */
static bool take_usual(reader *r)
{
    sf_entry e;
    size_t at, end;

    if (!sf_json_before_member(&r->w.j, &at))
        return false;
    end = sf_entry_read_usual(r->w.j.text, at, &e);
    if (!end || sf_entry_measure(&e, r->data_size) != SF_ENTRY_GOOD ||
        r->t->tensors >= SF_SAFETENSORS_MAX_TENSORS || count(r, &e) != SF_KEY_NEW)
        return false;
    r->name_off = at;
    r->name_len = e.name.n + 2;
    sf_json_after_member(&r->w.j, end);
    return cover(r, &e) == SF_OK;
}

/* `__metadata__`: a map of strings, or null. */
static sf_code read_metadata(reader *r)
{
    sf_json_event event = sf_json_next(&r->w.j);

    if (event == SF_JSON_NULL)
        return SF_OK;
    if (event == SF_JSON_OBJECT) {
        while ((event = sf_json_next(&r->w.j)) == SF_JSON_KEY)
            if (sf_json_next(&r->w.j) != SF_JSON_STRING)
                break;
        if (event == SF_JSON_OBJECT_END)
            return SF_OK;
    }
    return fail(r, SF_E_HEADER, r->w.j.token_off, r->w.j.token_len, NULL,
                "__metadata__ is not a map of strings");
}

static sf_code read_member(reader *r)
{
    r->name_off = r->w.j.token_off;
    r->name_len = r->w.j.token_len;
    if (!sf_str_eq(sf_json_raw(&r->w.j), SF_STR("__metadata__")))
        return read_tensor(r);
    if (r->has_metadata)
        return fail(r, SF_E_DUP_KEY, r->name_off, r->name_len, NULL, "__metadata__ given twice");
    if (!read_metadata(r))
        r->has_metadata = true;
    return r->w.j.error;
}

sf_code sf_header_start(sf_header_reader *r, sf_tensor_table *t, sf_str text, uint64_t data_size, sf_str file,
                        sf_diags *dg)
{
    *r = (reader){.t = t, .data_size = data_size};
    sf_json_init(&r->w.j, text, file, 0, dg);
    r->w.j.base = SF_SAFETENSORS_PREFIX;
    sf_coverage_init(&r->covered, t->a);
    if (!sf_str_starts(text, SF_STR("{")) || sf_json_next(&r->w.j) != SF_JSON_OBJECT)
        return fail(r, SF_E_HEADER, 0, 1, "this is no safetensors file", "the header is not a JSON object");
    return SF_OK;
}

sf_code sf_header_members(void *ctx)
{
    reader *r = ctx;

    for (;;) {
        sf_json_event event;

        if (sf_header_run(r) || take_usual(r))
            continue;
        if (r->w.j.error)
            return r->w.j.error;
        r->w.before = r->w.j;
        event = sf_json_next(&r->w.j);
        if (event != SF_JSON_KEY) { /* the end, and after it padding at most */
            if (event != SF_JSON_ERROR)
                sf_json_next(&r->w.j);
            return r->w.j.error;
        }
        if (read_member(r))
            return r->w.j.error;
    }
}

bool sf_header_is_covered(sf_header_reader *r)
{
    const sf_range *bad = NULL;
    uint64_t end = 0;

    return sf_coverage_check(&r->covered, &end, &bad) && end == r->data_size;
}

sf_code sf_header_finish(sf_header_reader *r)
{
    const sf_range *bad = NULL;
    uint64_t end = 0;
    sf_str name;

    if (sf_coverage_check(&r->covered, &end, &bad)) {
        if (end == r->data_size)
            return SF_OK;
        return fail(r, SF_E_HEADER, 0, 1, "the file was written by a broken tool, or has something behind it",
                    "%llu bytes after the last tensor belong to none", ULL(r->data_size - end));
    }
    name = shown(r, bad->owner_off, bad->owner_len);
    if (bad->begin > end)
        return fail(r, SF_E_HEADER, bad->owner_off, bad->owner_len, NULL,
                    "%llu bytes before tensor \"%.*s\" belong to none", ULL(bad->begin - end),
                    SF_STR_ARG(name));
    return fail(r, SF_E_HEADER, bad->owner_off, bad->owner_len, NULL,
                "tensor \"%.*s\" starts at byte %llu of the data, inside another tensor", SF_STR_ARG(name),
                ULL(bad->begin));
}

sf_code sf_safetensors_add(sf_tensor_table *t, sf_str json, uint64_t file_size, sf_str file, sf_diags *dg)
{
    uint64_t rest = file_size < SF_SAFETENSORS_PREFIX ? 0 : file_size - SF_SAFETENSORS_PREFIX;
    sf_header_reader r;
    sf_code rc;

    if (rest < json.n)
        return sf_diag_error(dg, SF_E_HEADER, (sf_where){.file = file},
                             "the file is cut short: fetch it again", "the header is longer than the file");
    rc = sf_header_start(&r, t, json, rest - json.n, file, dg);
    if (!rc)
        rc = sf_header_members(&r);
    return rc ? rc : sf_header_finish(&r);
}
