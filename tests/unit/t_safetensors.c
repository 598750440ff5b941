/* safetensors: each way a header can lie, with its place; folding into patterns. */
#include <stdio.h>

#include "test.h"

#include "model/number_set.h"
#include "model/safetensors.h"

#define FILE_NAME SF_STR("m.safetensors")

static sf_tensor_table *table(fixture *f)
{
    sf_tensor_table *t = sf_tensor_table_new(f->a);

    assert_non_null(t);
    return t;
}

/* Adds a header that has `data` bytes of data behind it. */
static sf_code add(sf_tensor_table *t, const char *json, uint64_t data, sf_diags *dg)
{
    return sf_safetensors_add(t, sf_str_of(json), 8 + strlen(json) + data, FILE_NAME, dg);
}

#define A(name, dtype, shape, offsets)                                                                       \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void test_accepted(void **state)
{
    /* Rows of macros crash clang-format 14. */
    /* clang-format off */
    static const struct {
        const char *json;
        uint64_t data, tensors, numel;
    } row[] = {
        {"{}", 0, 0, 0},
        {"{}       ", 0, 0, 0},
        {"{\"__metadata__\":{\"format\":\"pt\"}}", 0, 0, 0},
        {"{\"__metadata__\":null}", 0, 0, 0},
        {"{" A("a", "BF16", "[2,3]", "[0,12]") "}", 12, 1, 6},
        {"{" A("a", "F32", "[]", "[0,4]") "}", 4, 1, 1},
        {"{" A("a", "F32", "[0,5]", "[0,0]") "}", 0, 1, 0},
        {"{" A("a", "F32", "[1]", "[0,4]") "," A("z", "F32", "[0]", "[4,4]") "," A("b", "U8", "[2]", "[4,6]") "}",
         6, 3, 3},
        {"{" A("b", "U8", "[2]", "[4,6]") "," A("a", "F32", "[1]", "[0,4]") "}", 6, 2, 3},
        {"{" A("c", "U8", "[2]", "[6,8]") "," A("a", "F32", "[1]", "[0,4]") "," A("b", "U8", "[2]", "[4,6]") "}",
         8, 3, 5},
        {"{" A("a", "F4", "[4]", "[0,2]") "}", 2, 1, 4},
        {"{ \"a\" : { \"data_offsets\" : [ 0 , 2 ], \"extra\": [1,{}], \"shape\": [2], \"dtype\":\"I8\" } } \n", 2, 1, 2},
        {"{\"\\u0061.\\n\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, 1, 1},
        {"{" A("\xc3\xa9", "U8", "[1,1,1,1,1,1]", "[0,1]") "}", 1, 1, 1},
    };
    /* clang-format on */
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_tensor_table *t = table(f);
        uint64_t tensors, numel, bytes;

        if (add(t, row[i].json, row[i].data, &f->dg))
            print_message("row %zu: %s\n", i, f->dg.items[0].message.p);
        assert_int_equal(f->dg.n, 0);
        sf_tensor_table_totals(t, &tensors, &numel, &bytes);
        assert_true(tensors == row[i].tensors);
        assert_true(numel == row[i].numel);
        assert_true(bytes == row[i].data);
    }
}

#define T0 A("t", "U8", "[1]", "[0,1]")
#define LONG64 "18446744073709551616"

static void test_refused(void **state)
{
    /* clang-format off */
    static const struct {
        const char *json;
        uint64_t data;
        sf_code code;
        unsigned line, col;
        const char *message;
    } row[] = {
        {"", 0, SF_E_HEADER, 1, 1, "the header is not a JSON object"},
        {"[]", 0, SF_E_HEADER, 1, 1, "the header is not a JSON object"},
        {"\xef\xbb\xbf{}", 0, SF_E_HEADER, 1, 1, "the header is not a JSON object"},
        {"{", 0, SF_E_JSON, 1, 2, "expected a key in double quotes, but the text ends here"},
        {"{}}", 0, SF_E_JSON, 1, 3, "expected nothing after the value, found '}'"},
        {"{" T0 ",}", 1, SF_E_JSON, 1, 54, "expected a key in double quotes, found '}'"},
        {"{\"t\":1}", 0, SF_E_HEADER, 1, 6,
         "tensor \"t\": expected {\"dtype\", \"shape\", \"data_offsets\"}"},
        {"{\"t\":{\"dtype\":1}}", 0, SF_E_HEADER, 1, 15, "tensor \"t\": dtype is not a string"},
        {"{" A("t", "F12", "[1]", "[0,1]") "}", 1, SF_E_HEADER, 1, 15,
         "tensor \"t\" has the unknown dtype F12"},
        {"{\"t\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, SF_E_HEADER, 1, 2,
         "tensor \"t\" has no shape"},
        {"{\"t\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, SF_E_HEADER, 1, 2, "tensor \"t\" has no dtype"},
        {"{\n\"t\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, SF_E_HEADER, 2, 1,
         "tensor \"t\" has no data_offsets"},
        {"{\"t\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1]}}", 1, SF_E_DUP_KEY, 1, 20,
         "tensor \"t\": dtype given twice"},
        {"{" A("t", "U8", "2", "[0,1]") "}", 1, SF_E_HEADER, 1, 28, "tensor \"t\": shape is not a list"},
        {"{" A("t", "U8", "[-1]", "[0,1]") "}", 1, SF_E_HEADER, 1, 29,
         "tensor \"t\": shape holds something other than whole numbers"},
        {"{" A("t", "U8", "[1.0]", "[0,1]") "}", 1, SF_E_HEADER, 1, 29,
         "tensor \"t\": shape holds something other than whole numbers"},
        {"{" A("t", "U8", "[\"1\"]", "[0,1]") "}", 1, SF_E_HEADER, 1, 29,
         "tensor \"t\": shape holds something other than whole numbers"},
        {"{" A("t", "U8", "[" LONG64 "]", "[0,1]") "}", 1, SF_E_HEADER, 1, 29,
         "tensor \"t\": shape holds something other than whole numbers"},
        {"{" A("t", "U8", "[1,1,1,1,1,1,1]", "[0,1]") "}", 1, SF_E_LIMIT, 1, 41,
         "tensor \"t\": shape has more than 6 numbers"},
        {"{" A("t", "U8", "[1]", "[0]") "}", 1, SF_E_HEADER, 1, 49,
         "tensor \"t\": data_offsets does not have two numbers"},
        {"{" A("t", "U8", "[1]", "[0,1,2]") "}", 1, SF_E_LIMIT, 1, 52,
         "tensor \"t\": data_offsets has more than 2 numbers"},
        {"{" A("t", "U8", "[1]", "[0,NaN]") "}", 1, SF_E_JSON, 1, 50, "expected a value, found 'N'"},
        {"{" A("t", "U8", "[4294967296,4294967296]", "[0,1]") "}", 1, SF_E_HEADER, 1, 2,
         "tensor \"t\": its shape overflows 64 bits"},
        {"{" A("t", "F64", "[4294967296,1073741824]", "[0,1]") "}", 1, SF_E_HEADER, 1, 2,
         "tensor \"t\": its shape overflows 64 bits"},
        {"{" A("t", "F4", "[3]", "[0,2]") "}", 2, SF_E_HEADER, 1, 2,
         "tensor \"t\": 3 elements of F4 do not fill whole bytes"},
        {"{" A("t", "U8", "[1]", "[2,1]") "}", 2, SF_E_HEADER, 1, 2,
         "tensor \"t\" ends before it begins: [2, 1]"},
        {"{" A("t", "F32", "[1]", "[0,2]") "}", 2, SF_E_HEADER, 1, 2,
         "tensor \"t\": shape and dtype make 4 bytes, data_offsets 2"},
        {"{" A("t", "F32", "[2]", "[0,8]") "}", 7, SF_E_HEADER, 1, 2,
         "tensor \"t\" ends at byte 8 of the data, but the file has only 7"},
        {"{" T0 "}", 5, SF_E_HEADER, 1, 1, "4 bytes after the last tensor belong to none"},
        {"{" A("t", "U8", "[1]", "[3,4]") "}", 4, SF_E_HEADER, 1, 2,
         "3 bytes before tensor \"t\" belong to none"},
        {"{" T0 "," A("u", "U8", "[1]", "[2,3]") "}", 3, SF_E_HEADER, 1, 54,
         "1 bytes before tensor \"u\" belong to none"},
        {"{" A("t", "U8", "[4]", "[0,4]") "," A("u", "U8", "[2]", "[2,4]") "}", 4, SF_E_HEADER, 1, 54,
         "tensor \"u\" starts at byte 2 of the data, inside another tensor"},
        {"{" T0 "," A("u", "U8", "[1]", "[0,1]") "}", 1, SF_E_HEADER, 1, 54,
         "tensor \"u\" starts at byte 0 of the data, inside another tensor"},
        {"{" T0 "," A("t", "U8", "[1]", "[1,2]") "}", 2, SF_E_DUP_KEY, 1, 54, "tensor \"t\" is there twice"},
        {"{" T0 ",\"\\u0074\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, SF_E_DUP_KEY, 1, 54,
         "tensor \"\\u0074\" is there twice"},
        {"{" A("t.007", "U8", "[1]", "[0,1]") "," A("t.007", "U8", "[1]", "[1,2]") "}", 2, SF_E_DUP_KEY, 1, 58,
         "tensor \"t.007\" is there twice"},
        {"{\"__metadata__\":3}", 0, SF_E_HEADER, 1, 17, "__metadata__ is not a map of strings"},
        {"{\"__metadata__\":{\"a\":1}}", 0, SF_E_HEADER, 1, 22, "__metadata__ is not a map of strings"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, SF_E_DUP_KEY, 1, 20, "__metadata__ given twice"},
        {"{\"a\xff\":{}}", 0, SF_E_UTF8, 1, 4, "text is not valid UTF-8"},
        {"{" A("t", "U8", "[[1]]", "[0,1]") "}", 1, SF_E_HEADER, 1, 29,
         "tensor \"t\": shape holds something other than whole numbers"},
        {"{" A("t", "U8", "[01]", "[0,1]") "}", 1, SF_E_JSON, 1, 29, "a number starts with a zero"},
    };
    /* clang-format on */
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_diags dg;
        sf_code rc;

        sf_diags_init(&dg, f->a);
        rc = add(table(f), row[i].json, row[i].data, &dg);
        if (rc != row[i].code || dg.n != 1 || dg.items[0].at.col != row[i].col)
            print_message("row %zu: %s\n", i, row[i].json);
        assert_int_equal(rc, row[i].code);
        assert_int_equal(dg.n, 1);
        assert_error_at(&dg, row[i].code, row[i].line, row[i].col);
        assert_str(dg.items[0].message, row[i].message);
        assert_int_equal(dg.items[0].at.off >= 8, 1);
    }
}

/* The usual form and the JSON reader must agree: the same header, compact and with blanks. */
static void test_both_forms(void **state)
{
    static const char compact[] =
        "{\"__metadata__\":{\"format\":\"pt\"}," A("m.layers.0.q.weight", "BF16", "[4,2]", "[0,16]") "," A(
            "m.layers.1.q.weight", "BF16", "[4,2]", "[16,32]") "," A("m.layers.2.q.weight", "BF16", "[8,2]",
                                                                     "[32,64]") "," A("m.norm", "F32", "[3]",
                                                                                      "[64,76]") "}";
    fixture *f = *state;

    for (int form = 0; form < 2; form++) {
        char text[2048];
        size_t n = 0;
        sf_tensor_table *t = table(f);
        const sf_tensor_pattern *p;

        for (const char *c = compact; *c; c++) {
            text[n++] = *c;
            if (form && (*c == ',' || *c == ':'))
                text[n++] = ' ';
        }
        memset(text + n, ' ', 512); /* room: the usual form is not looked for in the last bytes */
        text[n + 512] = '\0';
        assert_int_equal(add(t, text, 76, &f->dg), SF_OK);
        assert_int_equal(sf_tensor_table_count(t), 3);
        p = sf_tensor_table_at(t, 0);
        assert_str(p->name, "m.layers.{}.q.weight");
        assert_str(p->example, "m.layers.0.q.weight");
        assert_int_equal(p->dtype, SF_DT_BF16);
        assert_int_equal(p->n_dims, 2);
        assert_true(p->dims[0] == 4 && p->dims[1] == 2);
        assert_true(p->count == 2 && p->numel == 16 && p->bytes == 32);
        p = sf_tensor_table_at(t, 1);
        assert_str(p->name, "m.layers.{}.q.weight");
        assert_true(p->dims[0] == 8 && p->count == 1);
        assert_str(sf_tensor_table_at(t, 2)->name, "m.norm");
        assert_null(sf_tensor_table_at(t, 3));
        assert_true(sf_tensor_table_has(t, SF_STR("m.layers.1.q.weight")));
        assert_false(sf_tensor_table_has(t, SF_STR("m.layers.3.q.weight")));
        assert_false(sf_tensor_table_has(t, SF_STR("m.layers.01.q.weight")));
        assert_false(sf_tensor_table_has(t, SF_STR("other")));
    }
}

/* A tensor that is in two files of one model is refused, with the second file's place. */
static void test_two_files(void **state)
{
    fixture *f = *state;
    sf_tensor_table *t = table(f);

    assert_int_equal(add(t, "{" A("a.0", "U8", "[1]", "[0,1]") "}", 1, &f->dg), SF_OK);
    assert_int_equal(add(t, "{" A("a.1", "U8", "[1]", "[0,1]") "}", 1, &f->dg), SF_OK);
    assert_int_equal(add(t, "{" A("a.0", "U8", "[1]", "[0,1]") "}", 1, &f->dg), SF_E_DUP_KEY);
    assert_error_at(&f->dg, SF_E_DUP_KEY, 1, 2);
}

static void put_length(char *p, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        p[i] = (char)(n >> (8 * i));
}

static void test_length(void **state)
{
    /* clang-format off */
    static const struct {
        uint64_t n, file_size;
        const char *message; /* NULL: fine */
    } row[] = {
        {2, 10, NULL},
        {3, 11, NULL}, /* older writers did not pad to 8 */
        {100000000, 100000008, NULL},
        {0, 0, "the file is empty"},
        {2, 7, "the file is shorter than the length of a header"},
        {0, 4096, "the header has the length 0"},
        {3, 10, "the header has 3 bytes, the whole file only 10"},
        {100000001, UINT64_MAX, "the header would have 100000001 bytes, at most 100000000 are allowed"},
        {UINT64_MAX, 4096, "the header would have 18446744073709551615 bytes, at most 100000000 are allowed"},
    };
    /* clang-format on */
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char first[8];
        uint64_t got = 0;
        sf_code rc;

        put_length(first, row[i].n);
        rc = sf_safetensors_length((sf_str){first, 8}, row[i].file_size, FILE_NAME, &f->dg, &got);
        assert_int_equal(rc, row[i].message ? SF_E_HEADER : SF_OK);
        assert_true(got == (row[i].message ? 0 : row[i].n));
        if (row[i].message)
            assert_str(sf_diags_last_error(&f->dg)->message, row[i].message);
    }
}

static void test_not_a_weight_file(void **state)
{
    /* clang-format off */
    static const struct {
        sf_str head;
        const char *message;
    } row[] = {
        {SF_STR("version https://git-lfs.github.com/spec/v1\n"),
         "this is a Git LFS pointer, not the file itself"},
        {SF_STR("<!DOCTYPE html>"), "this is a web page, not a weight file"},
        {SF_STR("<html lang=en>"), "this is a web page, not a weight file"},
        {SF_STR("{\"error\":\"Repository not found\"}"), "this is JSON text, not a weight file"},
        {SF_STR("PK\3\4\0\0\0\0\0\0\0\0"), "this is a PyTorch file, not safetensors"},
        {SF_STR("\x80\2}q\0(X\6\0"), "this is a Python pickle, not safetensors"},
        {SF_STR("GGUF\3\0\0\0\xff\0\0\0"), "this is a GGUF file, not safetensors"},
    };
    /* clang-format on */
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t n;

        assert_int_equal(sf_safetensors_length(row[i].head, 1000000, FILE_NAME, &f->dg, &n), SF_E_HEADER);
        assert_str(sf_diags_last_error(&f->dg)->message, row[i].message);
        assert_true(sf_diags_last_error(&f->dg)->hint.n > 0);
    }
}

/* Many shapes of one name, many names of one shape: rows grow, nothing is lost. */
static void test_many_rows(void **state)
{
    fixture *f = *state;
    sf_tensor_table *t = table(f);
    uint64_t tensors, numel, bytes, want = 0;

    for (unsigned i = 1; i <= 3000; i++) {
        char json[256];

        snprintf(json, sizeof json,
                 "{\"a.%u\":{\"dtype\":\"U8\",\"shape\":[%u],\"data_offsets\":[0,%u]},"
                 "\"n%u.%u\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[%u,%u]}}",
                 i, i, i, i, i, i, i + 1);
        assert_int_equal(add(t, json, i + 1, &f->dg), SF_OK);
        want += i + 1;
    }
    sf_tensor_table_totals(t, &tensors, &numel, &bytes);
    assert_true(tensors == 6000 && bytes == want && numel == want);
    assert_int_equal(sf_tensor_table_count(t), 6000);
    assert_str(sf_tensor_table_at(t, 5998)->example, "a.3000");
    assert_str(sf_tensor_table_at(t, 5999)->name, "n3000.{}");
}

static void test_number_set(void **state)
{
    fixture *f = *state;
    sf_number_set set;

    sf_number_set_init(&set, f->a);
    assert_false(sf_number_set_has(&set, 0, 0));
    for (uint32_t g = 0; g < 40; g++)
        for (uint64_t n = 0; n < 3000; n += 7)
            assert_int_equal(sf_number_set_add(&set, g, n * n), SF_KEY_NEW);
    assert_int_equal(sf_number_set_add(&set, 39, 49), SF_KEY_SEEN);
    assert_true(sf_number_set_has(&set, 0, 0));
    assert_true(sf_number_set_has(&set, 12, 14 * 14));
    assert_false(sf_number_set_has(&set, 12, 14 * 14 + 1));
    assert_false(sf_number_set_has(&set, 40, 0));
}

static void test_no_memory(void **state)
{
    static const char json[] = "{" A("a.0", "U8", "[1]", "[1,2]") "," A("b.007", "U8", "[1]", "[0,1]") "}";
    fixture *f = *state;
    bool done = false;

    for (size_t max = 512; !done; max += 256) {
        sf_arena *a = sf_arena_new(max);
        sf_tensor_table *t = sf_tensor_table_new(a);
        sf_code rc = t ? add(t, json, 2, &f->dg) : SF_E_NOMEM;

        assert_true(rc == SF_OK || rc == SF_E_NOMEM);
        done = rc == SF_OK;
        sf_arena_free(a);
    }
    assert_int_equal(f->dg.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_accepted),  TEST(test_refused),    TEST(test_both_forms),
        TEST(test_two_files), TEST(test_length),     TEST(test_not_a_weight_file),
        TEST(test_many_rows), TEST(test_number_set), TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
