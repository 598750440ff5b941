/* kv_sizes: capture sizes, pipeline partition, padded vocabulary, heads out of config.json. */
#include "kv_helper.h"

#include "text/json.h"

static const sf_node *json(fixture *f, const char *text)
{
    const sf_node *n = NULL;

    assert_int_equal(sf_json_parse(f->a, sf_str_of(text), SF_STR("config.json"), 0, &f->dg, &n), SF_OK);
    return n;
}

static void test_partition(void **state)
{
    static const struct {
        uint64_t layers, pp;
        const char *user;
        uint64_t want[4];
    } row[] = {
        {61, 2, "",      {31, 30}        },
        {62, 4, "",      {15, 16, 16, 15}},
        {26, 4, "",      {6, 7, 7, 6}    },
        {48, 2, "20,28", {20, 28}        },
        {48, 1, "",      {48}            },
    };
    fixture *f = *state;
    uint64_t *got;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(
            sf_pp_partition(f->a, row[i].layers, row[i].pp, sf_str_of(row[i].user), &f->dg, &got), SF_OK);
        for (size_t k = 0; k < row[i].pp; k++)
            assert_int_equal(got[k], row[i].want[k]);
    }
    assert_int_equal(sf_pp_partition(f->a, 32, 2, SF_STR("16,15"), &f->dg, &got), SF_E_ARG_VALUE);
    assert_error_at(&f->dg, SF_E_ARG_VALUE, 0, 0);
    assert_str(sf_diags_last_error(&f->dg)->message,
               "sum(partitions)=31 does not match num_hidden_layers=32.");
    assert_int_equal(sf_pp_partition(f->a, 32, 4, SF_STR("16,16"), &f->dg, &got), SF_E_ARG_VALUE);
    assert_int_equal(sf_pp_partition(f->a, 32, 2, SF_STR("a,b"), &f->dg, &got), SF_E_ARG_VALUE);
    assert_int_equal(sf_pp_partition(f->a, 32, 0, SF_STR(""), &f->dg, &got), SF_E_RANGE);
}

static void test_vocabulary(void **state)
{
    (void)state;
    assert_int_equal(sf_vocab_padded(151936), 151936);
    assert_int_equal(sf_vocab_padded(32001), 32064);
    assert_int_equal(sf_vocab_padded(0), 0);
}

static void check_sizes(fixture *f, const char *release, uint64_t seqs, uint64_t batched, uint32_t spec,
                        unsigned sm, size_t n, uint64_t last)
{
    uint64_t *got;
    size_t k;

    assert_int_equal(
        sf_capture_sizes(f->a, engine(f, release), seqs, batched, spec, sm, -1, NULL, &f->dg, &got, &k),
        SF_OK);
    assert_int_equal(k, n);
    assert_int_equal(got[n - 1], last);
}

static void test_capture(void **state)
{
    fixture *f = *state;

    check_sizes(f, "vllm@0.8.5", 1024, 8192, 0, 90, 67, 512);
    check_sizes(f, "vllm@0.10.2", 1, 8192, 0, 90, 3, 4);
    check_sizes(f, "vllm@0.12.0", 1, 8192, 0, 90, 2, 2);
    check_sizes(f, "vllm@0.12.0", 4, 8192, 3, 90, 4, 8);
    check_sizes(f, "vllm@0.19.0", 4, 8192, 3, 90, 7, 32);
    check_sizes(f, "vllm@0.19.0", 1024, 8192, 0, 100, 51, 512);
    check_sizes(f, "vllm@0.28.0", 1024, 8192, 0, 100, 83, 1024);
    check_sizes(f, "vllm@0.20.0", 1024, 100, 0, 90, 15, 96); /* max_num_batched_tokens is not a step */
    check_sizes(f, "vllm@0.21.0", 1024, 100, 0, 90, 16, 100);
    check_sizes(f, "vllm-v0@0.7.2", 256, 8192, 0, 90, 35, 256);
    check_sizes(f, "vllm-v0@0.7.2", 100, 8192, 0, 90, 16, 104);
}

static void test_capture_of_the_user(void **state)
{
    fixture *f = *state;
    const sf_profile *p = engine(f, "vllm@0.19.0");
    uint64_t *got;
    size_t n;

    assert_int_equal(
        sf_capture_sizes(f->a, p, 256, 2048, 0, 90, -1, json(f, "[64, 1, 64, 32, 4096]"), &f->dg, &got, &n),
        SF_OK);
    assert_int_equal(n, 3);
    assert_int_equal(got[2], 64);
    assert_int_equal(sf_capture_sizes(f->a, p, 256, 8192, 0, 90, 300, NULL, &f->dg, &got, &n), SF_OK);
    assert_int_equal(n, 37);
    assert_int_equal(got[36], 288);
    assert_int_equal(
        sf_capture_sizes(f->a, p, 256, 2048, 0, 90, -1, json(f, "{\"a\":\n [1, \"x\"]}"), &f->dg, &got, &n),
        SF_E_ARG_VALUE);
    assert_error_at(&f->dg, SF_E_ARG_VALUE, 1, 1);
    assert_int_equal(
        sf_capture_sizes(f->a, p, 256, 2048, 0, 90, -1, json(f, "[1,\n \"x\"]"), &f->dg, &got, &n),
        SF_E_ARG_VALUE);
    assert_error_at(&f->dg, SF_E_ARG_VALUE, 2, 2);
    assert_int_equal(sf_capture_sizes(f->a, p, 256, UINT64_MAX, 0, 90, INT64_MAX, NULL, &f->dg, &got, &n),
                     SF_E_RANGE);
}

static void check_heads(fixture *f, const char *release, const char *text, uint64_t size, uint64_t heads,
                        bool is_mla)
{
    sf_heads h;

    assert_int_equal(sf_heads_of_config(engine(f, release), json(f, text), &f->dg, &h), SF_OK);
    assert_int_equal(h.head_size, size);
    assert_int_equal(h.kv_heads, heads);
    assert_int_equal(h.is_mla, is_mla);
}

static void test_heads(void **state)
{
    static const char v32[] =
        "{\"model_type\":\"deepseek_v32\",\"num_attention_heads\":128,\"hidden_size\":7168,"
        "\"num_key_value_heads\":128,\"kv_lora_rank\":512,\"qk_rope_head_dim\":64}";
    static const char gemma4[] =
        "{\"model_type\":\"gemma4_text\",\"num_attention_heads\":16,\"head_dim\":256,"
        "\"global_head_dim\":512,\"num_key_value_heads\":8}";
    fixture *f = *state;
    sf_heads h;
    uint64_t n;

    check_heads(f, "vllm@0.19.0",
                "{\"num_attention_heads\":32,\"hidden_size\":4096,\"num_key_value_heads\":8}", 128, 8, false);
    check_heads(f, "vllm@0.19.0", "{\"num_attention_heads\":32,\"hidden_size\":4096}", 128, 32, false);
    check_heads(f, "vllm@0.10.2", v32, 56, 128, false); /* not in that release's list */
    check_heads(f, "vllm@0.11.0", v32, 576, 128, true);
    check_heads(f, "vllm@0.12.0", gemma4, 256, 8, false);
    check_heads(f, "vllm@0.19.0", gemma4, 512, 8, false);
    check_heads(f, "vllm@0.28.0", gemma4, 256, 8, false);
    check_heads(f, "vllm@0.19.0",
                "{\"model_type\":\"falcon\",\"num_attention_heads\":71,\"hidden_size\":4544,"
                "\"multi_query\":true}",
                64, 1, false);
    check_heads(f, "vllm@0.19.0",
                "{\"model_type\":\"dbrx\",\"n_heads\":48,\"d_model\":6144,"
                "\"attn_config\":{\"kv_n_heads\":8}}",
                128, 8, false);
    check_heads(f, "vllm@0.19.0",
                "{\"model_type\":\"nemotron-nas\",\"num_attention_heads\":64,\"hidden_size\":8192,"
                "\"block_configs\":[{\"attention\":{\"no_op\":true}},"
                "{\"attention\":{\"n_heads_in_group\":8}}]}",
                128, 8, false);
    assert_int_equal(
        sf_heads_of_config(engine(f, "vllm@0.19.0"), json(f, "\n {\"hidden_size\":4096}"), &f->dg, &h),
        SF_E_CONFIG_KEY);
    assert_error_at(&f->dg, SF_E_CONFIG_KEY, 2, 2);
    assert_true(sf_kv_heads_of_rank(4, 8, &n));
    assert_int_equal(n, 1);
    assert_false(sf_kv_heads_of_rank(6, 4, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_partition),           TEST(test_vocabulary), TEST(test_capture),
        TEST(test_capture_of_the_user), TEST(test_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
