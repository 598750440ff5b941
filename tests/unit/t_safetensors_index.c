/* safetensors_index: the shards of model.safetensors.index.json, and each way it can be wrong. */
#include <stdio.h>

#include "test.h"

#include "model/safetensors.h"

static void test_index(void **state)
{
    fixture *f = *state;
    sf_str *shards = NULL;
    uint64_t tensors = 0;
    size_t n = 0;

    assert_int_equal(
        sf_safetensors_index(f->a,
                             SF_STR("{\"metadata\":{\"total_size\":9},\"weight_map\":{\"a\":\"s2\",\"b\":"
                                    "\"s1\",\"c\":\"s2\",\"d\":\"x/s\\u0033\"}}"),
                             SF_STR("i.json"), &f->dg, &shards, &n, &tensors),
        SF_OK);
    assert_int_equal(n, 3);
    assert_true(tensors == 4);
    assert_str(shards[0], "s1");
    assert_str(shards[1], "s2");
    assert_str(shards[2], "x/s3");
    assert_int_equal(sf_safetensors_index(f->a, SF_STR("{\"weight_map\":{}}"), SF_STR("i.json"), &f->dg,
                                          &shards, &n, &tensors),
                     SF_OK);
    assert_int_equal(n, 0);
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
        sf_str *shards;
        uint64_t tensors;
        size_t n;
        sf_diags dg;

        sf_diags_init(&dg, f->a);
        assert_int_equal(
            sf_safetensors_index(f->a, sf_str_of(row[i].json), SF_STR("i.json"), &dg, &shards, &n, &tensors),
            row[i].code);
        assert_int_equal(dg.n, 1);
        assert_error_at(&dg, row[i].code, 1, row[i].col);
        assert_str(dg.items[0].message, row[i].message);
    }
}

/* The 10,001st weight file is refused where it is named. */
static void test_index_with_too_many_files(void **state)
{
    enum { BYTES = 1 << 19 };
    fixture *f = *state;
    char *text = sf_arena_alloc(f->a, BYTES, 1);
    sf_str *shards;
    uint64_t tensors;
    size_t n_shards, n;

    assert_non_null(text);
    n = (size_t)sprintf(text, "{\"weight_map\":{");
    for (int i = 0; i <= SF_SAFETENSORS_MAX_SHARDS; i++)
        n += (size_t)sprintf(text + n, "%s\n\"t.%d\":\"s%d\"", i ? "," : "", i, i);
    n += (size_t)sprintf(text + n, "}}");
    assert_int_equal(
        sf_safetensors_index(f->a, (sf_str){text, n}, SF_STR("i.json"), &f->dg, &shards, &n_shards, &tensors),
        SF_E_LIMIT);
    assert_error_at(&f->dg, SF_E_LIMIT, SF_SAFETENSORS_MAX_SHARDS + 2, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_index),
        TEST(test_index_refused),
        TEST(test_index_with_too_many_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
