/* weights under tensor and pipeline parallelism: what the ranks hold together is the checkpoint and what is repeated. */
#include "model_helper.h"

#include "memory/need.h"
#include "memory/weights_cut.h"

static uint64_t rank_bytes(fixture *f, const sf_model *m, uint64_t tp, uint64_t pp, uint32_t pp_rank,
                           const uint64_t *layers)
{
    sf_weights_wish wish = {.tp = tp,
                            .pp = pp,
                            .pp_rank = pp_rank,
                            .pp_layers = layers,
                            .dtype = SF_DT_BF16,
                            .attention_scalars = 4};
    sf_weights got = {0};

    assert_int_equal(sf_weights_of_rank(f->a, m, &wish, &f->dg, &got), SF_OK);
    return got.tensor_bytes;
}

/* Each pipeline rank builds its own rotary cache: 131072 positions of 128 in bf16. */
static void test_pipeline_ranks_add_up(void **state)
{
    static const uint64_t even[] = {16, 16}, uneven[] = {20, 12};
    fixture *f = *state;
    const sf_model *m = model_of(f, "meta-llama/Llama-3.1-8B", "");
    uint64_t rope = (uint64_t)131072 * 128 * 2, whole = 2 * 8030261248u + 32 * 4 * 4;
    uint64_t first = rank_bytes(f, m, 1, 2, 0, even), last = rank_bytes(f, m, 1, 2, 1, even);
    uint64_t layer = 2 * (uint64_t)218112000 + 4 * 4;

    assert_int_equal(rank_bytes(f, m, 1, 1, 0, NULL), whole + rope);
    assert_int_equal(first + last, whole + 2 * rope);
    assert_int_equal(first + 4 * layer, rank_bytes(f, m, 1, 2, 0, uneven));
    assert_int_equal(last - 4 * layer, rank_bytes(f, m, 1, 2, 1, uneven));
}

/* A q/k/v that is stored as one matrix: of ten KV heads at tp 4 the engine makes none, of 32 it divides. */
static void test_one_matrix_for_qkv(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "microsoft/phi-4", "");
    const sf_tensor *t = tensor_of(m, "model.layers.{}.self_attn.qkv_proj.weight");
    sf_weights_wish wish = {.tp = 4, .pp = 1, .dtype = SF_DT_BF16};
    uint64_t numel = 0;

    assert_non_null(t);
    assert_int_equal(sf_weights_cut(m, t, &wish, &f->dg, &numel), SF_E_TP_DIVIDE);
    wish.tp = 20; /* two query heads, and one of ten KV heads on two ranks each */
    assert_int_equal(sf_weights_cut(m, t, &wish, &f->dg, &numel), SF_OK);
    assert_int_equal(numel, (uint64_t)(2 + 2) * 128 * 5120);
    wish.tp = 2;
    assert_int_equal(sf_weights_cut(m, t, &wish, &f->dg, &numel), SF_OK);
    assert_int_equal(numel, (uint64_t)(20 + 2 * 5) * 128 * 5120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_pipeline_ranks_add_up), TEST(test_one_matrix_for_qkv)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
