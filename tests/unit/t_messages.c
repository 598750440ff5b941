/* messages: the engine's own texts, to the character, for the release ranges in which they differ. */
#include "test.h"

#include "base/num.h"
#include "engine/profile.h"

enum { ARGS = 8 };

typedef struct row {
    const char *spec;
    sf_message message;
    const char *want;
    sf_message_arg args[ARGS];
} row;

/* Version 14 of the formatter crashes on these tables. */
/* clang-format off */
#define B(id, gib) {.name = id, .kind = SF_MSG_BYTES, .count = (int64_t)((gib)*1073741824.0)}
#define C(id, n) {.name = id, .kind = SF_MSG_COUNT_OF, .count = n}
#define N(id, x) {.name = id, .kind = SF_MSG_NUMBER, .number = x}
#define T(id, text) {.name = id, .value = {text, sizeof(text) - 1}}

#define DECREASE " Decrease GPU memory utilization or reduce GPU memory used by other processes."
#define MORE " See https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details."
#define OR_LOWER "or decreasing `max_model_len` when initializing the engine."

static void check(fixture *f, const row *r)
{
    const sf_profile *p;
    size_t n = 0;

    while (n < ARGS && r->args[n].name)
        n++;
    assert_int_equal(sf_profile_find(f->a, sf_str_of(r->spec), false, &f->dg, &p), SF_OK);
    assert_str(sf_profile_message(f->a, p, r->message, r->args, n), r->want);
}

static void check_all(fixture *f, const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(f, &rows[i]);
}

#define CHECK_ALL(rows) check_all(*state, rows, sizeof rows / sizeof *rows)

/* Numbers are rounded as Python's round() in every release; the utilisation is echoed as it was given. */
static void test_free_memory(void **state)
{
    static const row rows[] = {
        {"vllm@0.9.0", SF_MSG_FREE_MEMORY, "", {{0}}},
        {"vllm@0.9.1", SF_MSG_FREE_MEMORY,
         "Free memory on device (31.44/47.38 GiB) on startup is less than desired GPU memory utilization (0.95, 45.01 "
         "GiB)." DECREASE,
         {T("device", "cuda:0"), B("free", 31.44), B("total", 47.38), N("util", 0.95), B("requested", 45.011)}},
        {"vllm@0.13.0", SF_MSG_FREE_MEMORY,
         "Free memory on device (0.49/79.3 GiB) on startup is less than desired GPU memory utilization (0.6, 47.6 "
         "GiB)." DECREASE,
         {T("device", "cuda:0"), B("free", 0.49), B("total", 79.3), N("util", 0.6), B("requested", 47.6)}},
        {"vllm@0.19.0", SF_MSG_FREE_MEMORY,
         "Free memory on device cuda:1 (22.06/23.56 GiB) on startup is less than desired GPU memory utilization (0.95, "
         "22.38 GiB)." DECREASE,
         {T("device", "cuda:1"), B("free", 22.06), B("total", 23.56), N("util", 0.95), B("requested", 22.382)}},
        {"vllm-omni@0.14", SF_MSG_FREE_MEMORY,
         "Free memory on device cuda:0 (111.99/139.8 GiB) on startup is less than desired GPU memory utilization "
         "(0.95, 132.81 GiB)." DECREASE,
         {T("device", "cuda:0"), B("free", 111.99), B("total", 139.8), N("util", 0.95), B("requested", 132.81)}},
    };
    CHECK_ALL(rows);
}

static void test_capping_warning(void **state)
{
#define CAPPED                                                                                                         \
    "Free memory on device cuda:0 (30.5/79.19 GiB) on startup is less than desired GPU memory utilization (0.60, 47.51 " \
    "GiB). Capping requested memory to available free memory (30.5 GiB). This is expected when multiple Omni stages "  \
    "share a GPU; "
    static const row rows[] = {
        {"vllm@0.29.0", SF_MSG_FREE_MEMORY_CAP, "", {{0}}},
        {"vllm-omni@tolerant", SF_MSG_FREE_MEMORY_CAP,
         CAPPED "the per-process NVML accounting in determine_available_memory() will compute the correct KV cache budget.",
         {T("device", "cuda:0"), B("free", 30.5), B("total", 79.19), N("util", 0.6), B("requested", 47.514)}},
        {"vllm-omni@device-level", SF_MSG_FREE_MEMORY_CAP,
         CAPPED "determine_available_memory() profiles the device to size this stage's KV cache budget.",
         {T("device", "cuda:0"), B("free", 30.5), B("total", 79.19), N("util", 0.6), B("requested", 47.514)}},
    };
    CHECK_ALL(rows);
}

static void test_no_kv(void **state)
{
    static const row rows[] = {
        {"vllm@0.7.2", SF_MSG_NO_KV,
         "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.",
         {{0}}},
        {"vllm@0.13.0", SF_MSG_NO_KV,
         "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.",
         {{0}}},
        {"vllm@0.14.0", SF_MSG_NO_KV,
         "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the "
         "engine." MORE,
         {{0}}},
        {"vllm@0.22.0", SF_MSG_NO_KV,
         "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine "
         "(this flag also controls CPU memory reservation on the CPU backend, despite its name)." MORE,
         {{0}}},
    };
    CHECK_ALL(rows);
}

static void test_kv_too_short(void **state)
{
    static const row rows[] = {
        {"vllm@0.7.2", SF_MSG_KV_SHORT,
         "The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in KV cache "
         "(23648). Try increasing `gpu_memory_utilization` " OR_LOWER,
         {C("len", 32768), C("tokens", 23648)}},
        {"vllm@0.8.0", SF_MSG_KV_SHORT,
         "To serve at least one request with the models's max seq len (1048576), (24.00 GB KV cache is needed, which is "
         "larger than the available KV cache memory (9.97 GB). Try increasing `gpu_memory_utilization` " OR_LOWER,
         {C("len", 1048576), B("needed", 24), B("available", 9.97), C("estimate", 1)}},
        {"vllm@0.9.0", SF_MSG_KV_SHORT,
         "To serve at least one request with the models's max seq len (1048576), (24.00 GiB KV cache is needed, which is "
         "larger than the available KV cache memory (9.97 GiB). Based on the available memory, Try increasing "
         "`gpu_memory_utilization` " OR_LOWER,
         {C("len", 1048576), B("needed", 24), B("available", 9.97)}},
        {"vllm@0.13.0", SF_MSG_KV_SHORT,
         "To serve at least one request with the models's max seq len (40960), (5.60 GiB KV cache is needed, which is "
         "larger than the available KV cache memory (4.50 GiB). Based on the available memory, the estimated maximum "
         "model length is 32768. Try increasing `gpu_memory_utilization` " OR_LOWER,
         {C("len", 40960), B("needed", 5.6), B("available", 4.5), C("estimate", 32768)}},
        {"vllm@0.13.0", SF_MSG_KV_SHORT, /* two spaces where the sentence was */
         "To serve at least one request with the models's max seq len (40960), (5.60 GiB KV cache is needed, which is "
         "larger than the available KV cache memory (0.01 GiB).  Try increasing `gpu_memory_utilization` " OR_LOWER,
         {C("len", 40960), B("needed", 5.6), B("available", 0.01)}},
        {"vllm@0.14.0", SF_MSG_KV_SHORT,
         "To serve at least one request with the models's max seq len (262144), (24.0 GiB KV cache is needed, which is "
         "larger than the available KV cache memory (3.18 GiB). Based on the available memory, the estimated maximum "
         "model length is 34736. Try increasing `gpu_memory_utilization` " OR_LOWER MORE,
         {C("len", 262144), B("needed", 24), B("available", 3.18), C("estimate", 34736)}},
        {"vllm@0.14.0", SF_MSG_KV_SHORT,
         "To serve at least one request with the models's max seq len (262144), (24.0 GiB KV cache is needed, which is "
         "larger than the available KV cache memory (0.1 GiB). Try increasing `gpu_memory_utilization` " OR_LOWER MORE,
         {C("len", 262144), B("needed", 24), B("available", 0.1)}},
        {"vllm@0.22.0", SF_MSG_KV_SHORT,
         "To serve at least one request with the model's max seq len (196608), (23.25 GiB KV cache is needed, which is "
         "larger than the available KV cache memory (22.5 GiB). Based on the available memory, the estimated maximum "
         "model length is 190256. Try increasing `gpu_memory_utilization` (which also controls CPU memory on the CPU "
         "backend) " OR_LOWER MORE,
         {C("len", 196608), B("needed", 23.25), B("available", 22.5), C("estimate", 190256)}},
    };
    CHECK_ALL(rows);
}

static void test_weights_and_cache_lines(void **state)
{
    static const row rows[] = {
        {"vllm@0.7.2", SF_MSG_WEIGHTS, "Loading model weights took 14.9888 GB", {B("weights", 14.98881)}},
        {"vllm@0.8.0", SF_MSG_WEIGHTS, "Model loading took 14.9888 GB", {B("weights", 14.98881)}},
        {"vllm@0.8.0", SF_MSG_WEIGHTS, "Model loading took 14.9888 GB and 3.250000 seconds",
         {B("weights", 14.98881), N("seconds", 3.25)}},
        {"vllm@0.10.2", SF_MSG_WEIGHTS, "Model loading took 7.5000 GiB", {B("weights", 7.5)}},
        {"vllm@0.13.0", SF_MSG_WEIGHTS, "Model loading took 7.5000 GiB memory", {B("weights", 7.5)}},
        {"vllm@0.19.0", SF_MSG_WEIGHTS, "Model loading took 7.5 GiB memory", {B("weights", 7.5)}},
        {"vllm@0.9.0", SF_MSG_KV_AVAILABLE, "", {B("available", 1)}},
        {"vllm@0.13.0", SF_MSG_KV_AVAILABLE, "Available KV cache memory: -2.10 GiB", {B("available", -2.1)}},
        {"vllm@0.19.0", SF_MSG_KV_AVAILABLE, "Available KV cache memory: -2.1 GiB", {B("available", -2.1)}},
        {"vllm-omni@nvml", SF_MSG_KV_AVAILABLE, "Available KV cache memory: 37.18 GiB (process-scoped)",
         {B("available", 37.18)}},
        {"vllm-omni@tolerant", SF_MSG_KV_AVAILABLE_FALLBACK, "Available KV cache memory: 37.18 GiB (profiling fallback)",
         {B("available", 37.18)}},
        {"vllm-omni@device-level", SF_MSG_KV_AVAILABLE, "Available KV cache memory: 37.18 GiB (device-level profiling)",
         {B("available", 37.18)}},
        {"vllm@0.7.2", SF_MSG_KV_AVAILABLE, "the rest of the memory reserved for KV Cache is 2.33GiB.",
         {B("available", 2.33)}},
        {"vllm@0.7.2", SF_MSG_KV_AVAILABLE,
         "model weights take 27.57GiB; non_torch_memory takes 0.11GiB; PyTorch activation peak memory takes 1.49GiB; the "
         "rest of the memory reserved for KV Cache is 2.33GiB.",
         {B("weights", 27.57), B("non_torch", 0.11), B("activation", 1.49), B("available", 2.33)}},
        {"vllm@0.6.5", SF_MSG_KV_TOKENS, "# GPU blocks: 1952, # CPU blocks: 2048", {C("blocks", 1952), C("cpu_blocks", 2048)}},
        {"vllm@0.7.2", SF_MSG_KV_TOKENS, "# cuda blocks: 1952", {C("blocks", 1952)}},
        {"vllm@0.19.0", SF_MSG_KV_TOKENS, "GPU KV cache size: 451,744 tokens", {C("tokens", 451744)}},
        {"vllm@0.28.0", SF_MSG_KV_TOKENS,
         "GPU KV cache size: 451,744 tokens, Maximum concurrency for 131,072 tokens per request: 3.45x",
         {C("tokens", 451744), C("len", 131072), N("concurrency", 3.4465)}},
        {"vllm@0.19.0", SF_MSG_CONCURRENCY, "Maximum concurrency for 131,072 tokens per request: 3.45x",
         {C("len", 131072), N("concurrency", 3.4465)}},
        {"vllm@0.7.2", SF_MSG_CONCURRENCY, "Maximum concurrency for 131072 tokens per request: 3.45x",
         {C("len", 131072), N("concurrency", 3.4465)}},
        {"vllm@0.28.0", SF_MSG_CONCURRENCY, "", {C("len", 131072), N("concurrency", 3.4465)}},
        {"vllm@0.19.0", SF_MSG_GRAPHS, "Graph capturing finished, took 0.90 GiB", {B("graphs", 0.9)}},
        {"vllm@0.19.0", SF_MSG_GRAPHS, "Graph capturing finished in 12 secs, took 0.90 GiB",
         {N("seconds", 12), B("graphs", 0.9)}},
    };
    CHECK_ALL(rows);
}

static void test_fit_and_state_lines(void **state)
{
    static const row rows[] = {
        {"vllm@0.13.0", SF_MSG_AUTO_FIT_NONE, "", {{0}}},
        {"vllm@0.14.0", SF_MSG_AUTO_FIT_NONE,
         "Cannot auto-fit max_model_len: not enough GPU memory available to serve even a single token. Try increasing "
         "`gpu_memory_utilization`.",
         {{0}}},
        {"vllm@0.15.0", SF_MSG_AUTO_FIT_LOWER,
         "Auto-fit max_model_len: reduced from 163840 to 95680 to fit in available GPU memory (4.28 GiB available for KV "
         "cache)",
         {C("from", 163840), C("len", 95680), B("available", 4.28)}},
        {"vllm@0.15.0", SF_MSG_AUTO_FIT_LOWER,
         "Auto-fit max_model_len: reduced from 163840 to 9568 to fit in available GPU memory (1.7 GiB available for KV "
         "cache)",
         {C("from", 163840), C("len", 9568), B("available", 1.7)}},
        {"vllm@0.12.0", SF_MSG_KV_PADDING, "Add 1 padding layers, may waste at most 7.14% KV cache memory",
         {C("layers", 1), N("percent", 7.142857)}},
        {"vllm@0.10.2", SF_MSG_KV_DCP, "Multiplying the GPU KV cache size by the dcp_world_size 2.",
         {C("cp", 2), C("pcp", 1), C("dcp", 2)}},
        {"vllm@0.20.0", SF_MSG_KV_DCP,
         "Multiplying the GPU KV cache size by the cp_world_size 4 (pcp_world_size 1 * dcp_world_size 4).",
         {C("cp", 4), C("pcp", 1), C("dcp", 4)}},
        {"vllm@0.21.0", SF_MSG_KV_DCP, "", {C("cp", 4), C("pcp", 1), C("dcp", 4)}},
        {"vllm@0.19.0", SF_MSG_KV_PAGES,
         "The page size of the layer is not divisible by the maximum page size. Cannot unify by adjusting block_size.",
         {T("layer", "L3")}},
        {"vllm@0.26.0", SF_MSG_KV_PAGES,
         "Layer L3: page size is not divisible by the maximum page size and cannot be padded. Padding is only supported "
         "for attention layers whose backend indexes KV pages by the block stride (indexes_kv_by_block_stride is True).",
         {T("layer", "L3")}},
        {"vllm@0.11.0", SF_MSG_STATE_SETUP,
         "Hybrid or mamba-based model detected: disabling prefix caching since it is not yet supported.\n"
         "Hybrid or mamba-based model detected: setting cudagraph mode to FULL_AND_PIECEWISE in order to optimize "
         "performance.",
         {{0}}},
        {"vllm@0.20.0", SF_MSG_STATE_MODE,
         "Mamba cache mode is set to 'align' for X by default when prefix caching is enabled",
         {T("mode", "align"), T("model", "X")}},
        {"vllm@0.20.0", SF_MSG_STATE_PADDING,
         "Padding mamba page size by 100.00% to ensure that mamba page size and attention page size are exactly equal.",
         {N("percent", 100)}},
    };
    CHECK_ALL(rows);
}

static void test_admission(void **state)
{
    static const row rows[] = {
        {"vllm-omni@tolerant", SF_MSG_ADMISSION, "", {{0}}},
        {"vllm-omni@device-level", SF_MSG_ADMISSION,
         "parallel_stage_init admission failed — per-device budget exceeds capacity. Lower gpu_memory_utilization, reduce "
         "co-located stages, or disable parallel_stage_init. device 0: need 83.19 GiB > 79.19 GiB (contributors [0, 1])",
         {C("device", 0), B("need", 83.19), B("capacity", 79.19), T("contributors", "0, 1")}},
    };
    CHECK_ALL(rows);
}

/* A value that is missing outside of [[ ]] is seen as a gap; numbers follow the release. */
static void test_gaps_and_numbers(void **state)
{
    fixture *f = *state;
    static const row gap = {"vllm@0.19.0", SF_MSG_WEIGHTS, "Model loading took ? GiB memory", {{0}}};
    const sf_profile *p;

    check(f, &gap);
    assert_int_equal(sf_profile_find(f->a, SF_STR("0.13"), false, &f->dg, &p), SF_OK);
    assert_str(sf_profile_gib(f->a, p, 24 * 1073741824.0), "24.00");
    assert_int_equal(sf_profile_find(f->a, SF_STR("0.14"), false, &f->dg, &p), SF_OK);
    assert_str(sf_profile_gib(f->a, p, 24 * 1073741824.0), "24.0");
}

/* clang-format on */
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_free_memory),  TEST(test_capping_warning),         TEST(test_no_kv),
        TEST(test_kv_too_short), TEST(test_weights_and_cache_lines), TEST(test_fit_and_state_lines),
        TEST(test_admission),    TEST(test_gaps_and_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
