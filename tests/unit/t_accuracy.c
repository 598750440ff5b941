/* accuracy: rows of measured starts, words of arguments, scores, and one row through the public interface. */
#include "test.h"

#include "logs/accuracy.h"
#include "logs/alias.h"
#include "logs/words.h"
#include "text/json.h"

#include <math.h>

static const sf_node *json(fixture *f, const char *text)
{
    const sf_node *root = NULL;

    assert_int_equal(sf_json_parse(f->a, sf_str_of(text), SF_STR("row"), 0, &f->dg, &root), SF_OK);
    return root;
}

static sf_truth read_row(fixture *f, const char *text)
{
    sf_truth t;

    assert_int_equal(sf_truth_read(f->a, json(f, text), &f->dg, &t), SF_OK);
    return t;
}

static void test_row(void **state)
{
    sf_truth t = read_row(
        *state, "{\"id\": \"a\", \"model\": \"o/m\", \"vllm_version\": \"0.8.5\", \"engine\": \"V0\","
                "\"tensor_parallel\": 2, \"max_model_len\": 2048, \"gpu_memory_utilization\": 0.5,"
                "\"model_loading_gib\": 6.2473, \"available_kv_gib\": 1.7, \"kv_tokens\": 100,"
                "\"other_args\": \"enable_lora max_lora_rank=64 (by hand)\","
                "\"speculative\": \"SpeculativeConfig(method='mtp', num_spec_tokens=3)\"}");

    assert_str(t.in.engine, "vllm-v0@0.8.5");
    assert_true(t.in.release_given);
    assert_int_equal(sf_args_i64(&t.in.args, SF_ARG_tensor_parallel_size, 1), 2);
    assert_int_equal(sf_args_i64(&t.in.args, SF_ARG_max_lora_rank, 0), 64);
    assert_true(sf_args_bool(&t.in.args, SF_ARG_enable_lora, false));
    assert_str(sf_node_get(t.in.args.v[SF_ARG_speculative_config].node, "method")->text, "mtp");
    assert_int_equal(sf_node_get(t.in.args.v[SF_ARG_speculative_config].node, "num_speculative_tokens")->as.i,
                     3);
    assert_int_equal(t.in.n_ignored, 1);
    assert_true(fabs(t.seen.loading.half - 0.00005) < 1e-12);
    assert_true(fabs(t.seen.kv_available.half - 0.005) < 1e-12); /* JSON dropped the zero of 1.70 */
    assert_true(fabs(t.seen.tokens.half - 0.5) < 1e-12);
    assert_false(sf_printed_given(t.seen.graphs));
    assert_true(t.seen.usable_weights);
}

static void test_refused(void **state)
{
    fixture *f = *state;
    sf_truth t;

    assert_int_equal(sf_truth_read(f->a, json(f, "[1]"), &f->dg, &t), SF_E_TRUTH);
    assert_error_at(&f->dg, SF_E_TRUTH, 1, 1);
    assert_int_equal(sf_truth_read(f->a, json(f, "{\"model\": \"m\"}"), &f->dg, &t), SF_E_TRUTH);
    assert_int_equal(sf_truth_read(f->a, json(f, "{\"id\": \"a\", \"model\": 5}"), &f->dg, &t), SF_E_TYPE);
    assert_error_at(&f->dg, SF_E_TYPE, 1, 22);
}

static void test_words(void **state)
{
    static const struct {
        const char *text;
        sf_arg arg;
        int64_t value;
        size_t ignored;
    } row[] = {
        {"--block-size=128 --foo",                     SF_ARG_block_size,                   128, 1},
        {"--max-num-seqs 64, defaults",                SF_ARG_max_num_seqs,                 64,  1},
        {"--no-enable-prefix-caching",                 SF_ARG_enable_prefix_caching,        0,   0},
        {"enable_prefix_caching=True; x='a; b'",       SF_ARG_enable_prefix_caching,        1,   1},
        {"decode_context_parallel_size=8",             SF_ARG_decode_context_parallel_size, 8,   0},
        {"compilation_config={'mode': <A: 3>, 'b': 1", SF_ARG_compilation_config,           -1,  1},
        {"--max-num-seqs",                             SF_ARG_max_num_seqs,                 -1,  1},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_str *ignored;
        sf_args args = {0};
        size_t n;

        assert_int_equal(sf_words_args(f->a, sf_str_of(row[i].text), &args, &ignored, &n), SF_OK);
        assert_int_equal(n, row[i].ignored);
        if (sf_arg_kind(row[i].arg) == SF_ARG_BOOL)
            assert_int_equal(sf_args_bool(&args, row[i].arg, !row[i].value), row[i].value);
        else if (row[i].value >= 0)
            assert_int_equal(sf_args_i64(&args, row[i].arg, -1), row[i].value);
        else
            assert_false(sf_args_has(&args, row[i].arg));
    }
}

static void test_score(void **state)
{
    const sf_pair_seen pairs[] = {
        {SF_STR("a"), 101, 99,  103, 100, 0.5},
        {SF_STR("b"), 90,  89,  91,  100, 0.5},
        {SF_STR("c"), 100, 100, 100, 0,   0.5},
        {SF_STR("d"), 204, 199, 209, 200, 0.5},
    };
    fixture *f = *state;
    sf_score s;

    assert_int_equal(sf_score_of(f->a, pairs, 4, &s), SF_OK);
    assert_int_equal(s.n, 3);
    assert_true(fabs(s.median_abs_pct - 2) < 1e-9);
    assert_true(fabs(s.mean_abs_pct - 13.0 / 3) < 1e-9);
    assert_true(fabs(s.worst_pct + 10) < 1e-9);
    assert_str(s.worst_id, "b");
    assert_true(fabs(s.in_band_pct - 200.0 / 3) < 1e-9);
    assert_int_equal(sf_score_of(f->a, pairs, 0, &s), SF_OK);
    assert_int_equal(s.n, 0);
}

static void test_alias(void **state)
{
    const sf_str text = SF_STR("model_id\tbase_dir\tquantization\n"
                               "o/a\to__base\tnone\t-\tlikely\tsource\t{\"vocab_size\": 5}\n"
                               "o/b\to__base\tawq-int4-g128\n");
    fixture *f = *state;
    sf_alias a;

    assert_true(sf_alias_find(f->a, text, SF_STR("o/a"), &a));
    assert_str(a.base_dir, "o__base");
    assert_int_equal(a.quantization.n, 0);
    assert_int_equal(sf_node_get(a.overrides, "vocab_size")->as.i, 5);
    assert_true(sf_alias_find(f->a, text, SF_STR("o/b"), &a));
    assert_str(a.quantization, "awq-int4-g128");
    assert_false(sf_alias_find(f->a, text, SF_STR("o/c"), &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_row), TEST(test_refused), TEST(test_words), TEST(test_score),
                                       TEST(test_alias)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
