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

/* A tied head needs the embedding on the last rank too; one that is not tied stands there alone. */
static void test_tied_over_pipeline(void **state)
{
    static const uint64_t two[] = {14, 14}, ranks[] = {18, 18};
    fixture *f = *state;
    const sf_model *tied = model_of(f, "Qwen/Qwen2.5-1.5B-Instruct", ""),
                   *own = model_of(f, "Qwen/Qwen3-8B", "");
    uint64_t rope = (uint64_t)32768 * 128 * 2, embed = (uint64_t)151936 * 1536 * 2, scalars = 28 * 4 * 4;
    uint64_t sum = rank_bytes(f, tied, 1, 2, 0, two) + rank_bytes(f, tied, 1, 2, 1, two);

    assert_int_equal(sum, 2 * 1543714304u + scalars + embed + 2 * rope);
    sum = rank_bytes(f, own, 1, 2, 0, ranks) + rank_bytes(f, own, 1, 2, 1, ranks);
    assert_int_equal(sum, 2 * 8190735360u + 36 * 4 * 4 + 2 * (uint64_t)40960 * 128 * 2);
}

/*
 * Qwen3-30B-A3B has four KV heads: at tp 8 each is on two ranks, so k and v of tp 4; norms, router and rotary cache are on
 * every rank.  A vocabulary that is no multiple of 64 is filled up: granite's 49155 to 49216.
 */
static void test_repeated_and_padded(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "Qwen/Qwen3-30B-A3B", ""),
                   *g = model_of(f, "ibm-granite/granite-3.1-8b-instruct", "");
    sf_weights_wish wish = {.tp = 8, .pp = 1, .dtype = SF_DT_BF16};
    uint64_t at8 = 0, at4 = 0;

    assert_int_equal(
        sf_weights_cut(m, tensor_of(m, "model.layers.{}.self_attn.k_proj.weight"), &wish, &f->dg, &at8),
        SF_OK);
    wish.tp = 4;
    assert_int_equal(
        sf_weights_cut(m, tensor_of(m, "model.layers.{}.self_attn.k_proj.weight"), &wish, &f->dg, &at4),
        SF_OK);
    assert_int_equal(at8, at4);
    assert_int_equal(at8, 128 * 2048);
    wish.tp = 2;
    assert_int_equal(sf_weights_cut(g, tensor_of(g, "model.embed_tokens.weight"), &wish, &f->dg, &at8),
                     SF_OK);
    assert_int_equal(at8, (uint64_t)49216 / 2 * 4096);
    assert_int_equal(
        sf_weights_cut(m, tensor_of(m, "model.layers.{}.input_layernorm.weight"), &wish, &f->dg, &at4),
        SF_OK);
    assert_int_equal(at4, 2048);
}

/* Whole experts on each rank of an expert-parallel group, one more on the first where they do not divide. */
static void test_experts(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "Qwen/Qwen3-30B-A3B", "");
    const sf_tensor *t = tensor_of(m, "model.layers.{}.mlp.experts.{}.down_proj.weight");
    sf_weights_wish wish = {.tp = 2, .pp = 1, .ep = 6, .dtype = SF_DT_BF16};
    uint64_t sum = 0;

    assert_non_null(t);
    for (wish.ep_rank = 0; wish.ep_rank < 6; wish.ep_rank++) {
        uint64_t numel = 0;

        assert_int_equal(sf_weights_cut(m, t, &wish, &f->dg, &numel), SF_OK);
        assert_int_equal(numel, (uint64_t)(wish.ep_rank < 2 ? 22 : 21) * 768 * 2048);
        sum += numel;
    }
    assert_int_equal(sum, (uint64_t)128 * 768 * 2048);
}

/* mRoPE keeps four times the positions, longrope a short and a long table, YaRN the original length by its factor. */
static void test_rotary_tables(void **state)
{
    static const struct {
        const char *rope;
        uint64_t rows;
    } row[] = {
        {"{\"type\": \"default\"}",                                                                 32768       },
        {"{\"mrope_section\": [16, 24, 24]}",                                                       4 * 32768   },
        {"{\"rope_type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 32768}", 131072      },
        {"{\"type\": \"longrope\", \"original_max_position_embeddings\": 4096}",                    32768 + 4096},
        {"{\"rope_type\": \"linear\", \"factor\": 2.0}",                                            65536       },
        {"{\"rope_type\": \"llama3\", \"factor\": 8.0}",                                            32768       },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_str text = sf_arena_printf(f->a,
                                      "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 1024, "
                                      "\"intermediate_size\": 4096, \"num_attention_heads\": 8, "
                                      "\"num_hidden_layers\": 4, \"vocab_size\": 32000, "
                                      "\"max_position_embeddings\": 32768, \"rope_scaling\": %s}",
                                      row[i].rope);
        const sf_model *m = NULL;
        uint64_t rows = 0;

        assert_int_equal(resolve_text(f, text.p, NULL, &m), SF_OK);
        for (size_t k = 0; k < m->n_tensors; k++)
            rows = m->tensors[k].once ? m->tensors[k].dims[0] : rows;
        assert_int_equal(rows, row[i].rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_pipeline_ranks_add_up),
                                       TEST(test_one_matrix_for_qkv),
                                       TEST(test_tied_over_pipeline),
                                       TEST(test_repeated_and_padded),
                                       TEST(test_experts),
                                       TEST(test_rotary_tables)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
