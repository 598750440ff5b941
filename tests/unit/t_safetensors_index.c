/* safetensors_index: the shards of model.safetensors.index.json, and each way it can be wrong. */
#include <stdio.h>

#include "test.h"

#include "model/safetensors.h"

static void test_index(void **state)
{
    fixture *f = *state;
    sf_index index = {0};

    assert_int_equal(
        sf_safetensors_index(f->a,
                             SF_STR("{\"metadata\":{\"total_size\":9},\"weight_map\":{\"a\":\"s2\",\"b\":"
                                    "\"s1\",\"c\":\"s2\",\"d\":\"x/s\\u0033\"}}"),
                             SF_STR("i.json"), &f->dg, &index),
        SF_OK);
    assert_int_equal(index.n_shards, 3);
    assert_true(index.tensors == 4);
    assert_str(index.shards[0], "s1");
    assert_str(index.shards[1], "s2");
    assert_str(index.shards[2], "x/s3");
    assert_int_equal(
        sf_safetensors_index(f->a, SF_STR("{\"weight_map\":{}}"), SF_STR("i.json"), &f->dg, &index), SF_OK);
    assert_int_equal(index.n_shards, 0);
}

static void test_index_refused(void **state)
{
    /* clang-format off */
    static const struct {
        const char *json;
        sf_code code;
        unsigned col;
        const char *message;
    } row[] = {
        {"[]", SF_E_HEADER, 1, "the index is not a JSON object"},
        {"{}", SF_E_HEADER, 2, "the index has no weight_map"},
        {"{\"weight_map\":[]}", SF_E_HEADER, 15, "weight_map is not a map of tensors to files"},
        {"{\"weight_map\":{\"a\":1}}", SF_E_HEADER, 20, "the index gives a tensor no file name"},
        {"{\"weight_map\":{\"a\":\"../x\"}}",
         SF_E_HEADER, 20, "the index names a file outside the model's folder"},
        {"{\"weight_map\":{\"a\":\"/etc/x\"}}",
         SF_E_HEADER, 20, "the index names a file outside the model's folder"},
        {"{\"weight_map\":{\"a\":\"\"}}",
         SF_E_HEADER, 20, "the index names a file outside the model's folder"},
        {"{\"weight_map\":{\"a\":\"x\\u0000\"}}",
         SF_E_HEADER, 20, "the index names a file outside the model's folder"},
        {"{\"weight_map\":{\"a.1\":\"x\",\"a.1\":\"y\"}}",
         SF_E_DUP_KEY, 26, "the index lists a tensor twice"},
        {"{\"weight_map\":{},\"weight_map\":{}}", SF_E_DUP_KEY, 18, "weight_map given twice"},
        {"{\"weight_map\":{\"a\":\"x\"}", SF_E_JSON, 24, "expected ',' or '}', but the text ends here"},
    };
    /* clang-format on */
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_index index;
        sf_diags dg;

        sf_diags_init(&dg, f->a);
        assert_int_equal(sf_safetensors_index(f->a, sf_str_of(row[i].json), SF_STR("i.json"), &dg, &index),
                         row[i].code);
        assert_int_equal(dg.n, 1);
        assert_error_at(&dg, row[i].code, 1, row[i].col);
        assert_str(dg.items[0].message, row[i].message);
    }
}

enum { ENTRIES = 3000, BYTES = 1 << 19 };

/* The 10,001st weight file is refused where it is named. */
static void test_index_with_too_many_files(void **state)
{
    fixture *f = *state;
    char *text = sf_arena_alloc(f->a, BYTES, 1);
    sf_index index;
    size_t n;

    assert_non_null(text);
    n = (size_t)sprintf(text, "{\"weight_map\":{");
    for (int i = 0; i <= SF_SAFETENSORS_MAX_SHARDS; i++)
        n += (size_t)sprintf(text + n, "%s\n\"t.%d\":\"s%d\"", i ? "," : "", i, i);
    n += (size_t)sprintf(text + n, "}}");
    assert_int_equal(sf_safetensors_index(f->a, (sf_str){text, n}, SF_STR("i.json"), &f->dg, &index),
                     SF_E_LIMIT);
    assert_error_at(&f->dg, SF_E_LIMIT, SF_SAFETENSORS_MAX_SHARDS + 2, 11);
}

/* An index as it is written, with `odd` in place of entry 2000; entry i is in file i / 1000. */
static sf_str many_entries(fixture *f, const char *odd, const char *blanks)
{
    char *text = sf_arena_alloc(f->a, BYTES, 1);
    size_t n;

    assert_non_null(text);
    n = (size_t)sprintf(text, "{\n  \"metadata\": {\n    \"total_size\": 12\n  },\n  \"weight_map\": {");
    for (int i = 0; i < ENTRIES; i++) {
        n += (size_t)sprintf(text + n, "%s%s", i ? "," : "", blanks);
        if (i == 2000 && odd)
            n += (size_t)sprintf(text + n, "%s", odd);
        else
            n += (size_t)sprintf(text + n,
                                 "\"m.layers.%d.e.%d.up_proj.weight\": \"model-%05d-of-00003.safetensors\"",
                                 i / 100, i % 100, i / 1000);
    }
    n += (size_t)sprintf(text + n, "\n  }\n}\n");
    return (sf_str){text, n};
}

static sf_code memory_read(void *ctx, sf_arena *a, sf_str path, uint64_t off, uint64_t max, sf_diags *dg,
                           sf_str *ret, uint64_t *ret_file_size)
{
    const sf_str *bytes = ctx;

    (void)path;
    (void)dg;
    *ret = sf_arena_str(a, sf_str_sub(*bytes, (size_t)off, (size_t)(off + max)));
    if (ret_file_size)
        *ret_file_size = bytes->n;
    return ret->p ? SF_OK : SF_E_NOMEM;
}

static sf_code read_file(fixture *f, sf_str text, uint64_t guess, sf_index *ret)
{
    const sf_fs fs = {&text, memory_read, NULL, NULL};
    sf_arena *scratch = sf_arena_new((size_t)1 << 28);
    sf_code rc;

    assert_non_null(scratch);
    rc = sf_safetensors_read_index(f->a, scratch, &fs, SF_STR("i.json"), guess, BYTES, &f->dg, ret);
    sf_arena_free(scratch);
    return rc;
}

/* As a text and as a file in windows, of which the first ends anywhere. */
static void test_index_in_windows(void **state)
{
    static const char *const blanks[] = {"\n    ", "", " ", "\r\n\t",
                                         "                                        "};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        sf_str text = many_entries(f, NULL, blanks[i]);
        sf_index index;

        assert_int_equal(sf_safetensors_index(f->a, text, SF_STR("i.json"), &f->dg, &index), SF_OK);
        assert_true(index.n_shards == 3 && index.tensors == ENTRIES);
        for (uint64_t guess = 1; guess < 200; guess++) {
            assert_int_equal(read_file(f, text, guess, &index), SF_OK);
            assert_true(index.n_shards == 3 && index.tensors == ENTRIES);
            assert_str(index.shards[2], "model-00002-of-00003.safetensors");
        }
    }
    assert_int_equal(f->dg.n, 0);
}

/* What is wrong in the middle of many entries has its place in the whole. */
static void test_index_with_an_odd_entry(void **state)
{
    /* clang-format off */
    static const struct {
        const char *odd;
        sf_code code; /* SF_OK: it is fine */
        unsigned col;
        size_t shards;
    } row[] = {
        {"\"m.layers.20.e.0.up_proj.weight\": \"model-00001-of-00003.safetensors\"", SF_OK, 0, 3},
        {"\"m.layers.20.e.0.up_proj.weight\" : \"model-00001-of-00003.safetensors\" ", SF_OK, 0, 3},
        {"\"m.layers.20.e.0.up_proj.weight\":\"model-00001-of-00003.safetensors\"", SF_OK, 0, 3},
        {"\"m.layers.20.e.0.up_proj.weight\": \"model-00001-of-00003.safetensor\"", SF_OK, 0, 4},
        {"\"m.layers.20.e.0.up_proj.weight\": \"model-00001-of-00003.safetensors2\"", SF_OK, 0, 4},
        {"\"m.layers.20.e.0.up_proj.weight\": \"\\u006dodel-00001-of-00003.safetensors\"", SF_OK, 0, 3},
        {"\"m.layers.20.e.00.up_proj.weight\": \"x\"", SF_OK, 0, 4},
        {"\"m.layers.3.e.7.up_proj.weight\": \"model-00001-of-00003.safetensors\"", SF_E_DUP_KEY, 5, 0},
        {"\"m.layers.20.e.0.up_proj.weight\": \"model-00001-of-00003.safetensors", SF_E_JSON, 73, 0},
        {"\"m.layers.20.e.0.up_proj.weight\"; \"model-00001-of-00003.safetensors\"", SF_E_JSON, 37, 0},
        {"\"m.layers.20.e.0.up_proj.weight\": 7", SF_E_HEADER, 39, 0},
        {"\"m.layers.20.e.0.up_proj.weight\": \"../x\"", SF_E_HEADER, 39, 0},
    };
    /* clang-format on */
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_str text = many_entries(f, row[i].odd, "\n    ");

        for (uint64_t guess = 4096; guess < 2 * BYTES; guess += 33331) {
            sf_index index = {0};
            sf_code rc = read_file(f, text, guess, &index);

            if (rc != row[i].code)
                print_message("row %zu, guess %u\n", i, (unsigned)guess);
            assert_int_equal(rc, row[i].code);
            if (rc)
                assert_error_at(&f->dg, rc, 2006, row[i].col);
            assert_true(index.n_shards == row[i].shards);
        }
    }
}

/* A number at the end of a window, and text behind the index. */
static void test_index_ends_of_windows(void **state)
{
    static const sf_str text = {"{\"a\":12345,\"weight_map\":{\"t\":\"s\"}}   x", 38};
    fixture *f = *state;
    sf_index index;

    for (uint64_t guess = 1; guess < 39; guess++) {
        assert_int_equal(read_file(f, sf_str_sub(text, 0, 36), guess, &index), SF_OK);
        assert_true(index.n_shards == 1 && index.tensors == 1);
        assert_int_equal(read_file(f, text, guess, &index), SF_E_JSON);
        assert_error_at(&f->dg, SF_E_JSON, 1, 38);
    }
    for (uint64_t guess = 1; guess < 16; guess++) {
        assert_int_equal(read_file(f, SF_STR("{\"metadata\":{}} "), guess, &index), SF_E_HEADER);
        assert_error_at(&f->dg, SF_E_HEADER, 1, 15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_index),
        TEST(test_index_refused),
        TEST(test_index_with_too_many_files),
        TEST(test_index_in_windows),
        TEST(test_index_with_an_odd_entry),
        TEST(test_index_ends_of_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
