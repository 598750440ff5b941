/*
 * report_sample: answers built by hand, so that the writers are tested apart from the
 * arithmetic: three stages on two GPUs (the figures add up, but they are nobody's measurements).
 */
#ifndef SF_TESTS_UNIT_REPORT_SAMPLE_H
#define SF_TESTS_UNIT_REPORT_SAMPLE_H

#include "base/num.h"
#include "report/view.h"

#define MIB(n) ((int64_t)(n) * (int64_t)SF_MIB)

enum { SAMPLE_ENTRIES = 32 };

typedef struct sample {
    sf_profile profile;
    sf_gpu gpus[2];
    sf_inventory inventory;
    sf_stage stages[3];
    sf_deployment deployment;
    sf_model model;
    sf_rank_need ranks[4]; /* thinker on 0 and 1, talker on 1, code2wav on 0 */
    sf_weight_share share;
    sf_stage_need needs[3];
    sf_need need;
    uint64_t kv_bytes[2][2];
    uint64_t needed[1];
    sf_kv_result kv[2];
    int64_t requested[3][2], free[3][2];
    sf_stage_report stage_reports[3];
    sf_entry entries[SAMPLE_ENTRIES];
    sf_device_report devices[2];
    sf_event events[2];
    sf_replay replay;
    sf_diags dg;
    sf_check_view view;
} sample;

static inline sf_amount sample_exact(int64_t bytes)
{
    return (sf_amount){
        bytes, bytes, bytes, SF_ORIGIN_EXACT, SF_STR("sum of the tensors"), SF_STR("config.json")};
}

static inline sf_amount sample_about(int64_t bytes)
{
    return (sf_amount){bytes,
                       bytes - MIB(100),
                       bytes + MIB(200),
                       SF_ORIGIN_MODELLED,
                       SF_STR("8,192 tokens × 2,048 × 2 B"),
                       SF_STR("numbers.md, activation")};
}

static inline void sample_entry(sample *s, uint32_t device, size_t stage, uint32_t rank, sf_part part,
                                sf_amount amount)
{
    s->entries[s->replay.n_entries++] = (sf_entry){
        .device = device,
        .stage = stage,
        .rank = rank,
        .part = part,
        .amount = amount,
        .in_budget = part != SF_PART_CONTEXT,
        .resident = part != SF_PART_ACTIVATION,
    };
    s->devices[device].used += amount.bytes;
    s->devices[device].used_low += amount.low;
    s->devices[device].used_high += amount.high;
}

/* One rank with its parts in MiB. */
static inline void sample_rank(sample *s, size_t stage, sf_rank_need *rank, const int64_t *mib)
{
    static const sf_part parts[] = {SF_PART_CONTEXT, SF_PART_WEIGHTS, SF_PART_ACTIVATION, SF_PART_GRAPHS,
                                    SF_PART_KV};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        sf_amount amount = parts[i] == SF_PART_WEIGHTS || parts[i] == SF_PART_KV ? sample_exact(MIB(mib[i]))
                                                                                 : sample_about(MIB(mib[i]));

        if (!mib[i])
            continue;
        rank->part[parts[i]] = amount;
        sample_entry(s, rank->device, stage, rank->rank, parts[i], amount);
    }
    rank->shares = &s->share;
    rank->n_shares = 1;
}

static inline void sample_stage(sample *s, size_t i, const char *name, sf_stage_kind kind, double util,
                                sf_rank_need *ranks, size_t n_ranks)
{
    s->stages[i] = (sf_stage){.id = (int64_t)i,
                              .name = sf_str_of(name),
                              .kind = kind,
                              .tp = (uint32_t)n_ranks,
                              .pp = 1,
                              .dp = 1,
                              .n_replicas = 1};
    s->needs[i] = (sf_stage_need){.stage = &s->stages[i],
                                  .model = &s->model,
                                  .util_frac = util,
                                  .util_given = true,
                                  .max_model_len = 65536,
                                  .max_num_seqs = 64,
                                  .max_num_batched_tokens = 8192,
                                  .dtype = SF_DT_BF16,
                                  .has_kv = kind == SF_STAGE_AR,
                                  .ranks = ranks,
                                  .n_ranks = n_ranks};
    s->stage_reports[i] = (sf_stage_report){.need = &s->needs[i],
                                            .reached = true,
                                            .started = true,
                                            .requested = (int64_t)((double)s->gpus[0].total * util),
                                            .requested_uncapped = (int64_t)((double)s->gpus[0].total * util),
                                            .rank_requested = s->requested[i],
                                            .rank_free = s->free[i],
                                            .max_model_len = 65536,
                                            .longest_len = 65536};
    for (size_t k = 0; k < n_ranks; k++) {
        s->requested[i][k] = s->stage_reports[i].requested;
        s->free[i][k] = MIB(70000);
    }
}

static inline void sample_machine(sample *s)
{
    s->profile = (sf_profile){.engine = SF_STR("vllm-omni"),
                              .release = SF_STR("2026-08"),
                              .date = SF_STR("2026-08-20"),
                              .vllm_release = SF_STR("0.27.0"),
                              .omni = true,
                              .requested = SF_REQUESTED_CEIL};
    for (uint32_t g = 0; g < 2; g++) {
        s->gpus[g] = (sf_gpu){.index = g,
                              .name = SF_STR("NVIDIA H100 80GB HBM3"),
                              .total = (uint64_t)MIB(81090),
                              .total_low = (uint64_t)MIB(81000),
                              .total_high = (uint64_t)MIB(81100),
                              .how = SF_TOTAL_RUNTIME,
                              .note = SF_STR("79.19 GiB: catalogue, as the CUDA runtime prints it")};
        s->devices[g] = (sf_device_report){.gpu = &s->gpus[g], .total = MIB(81090)};
    }
    s->inventory = (sf_inventory){s->gpus, 2};
}

static inline void sample_cache(sample *s, size_t i, int64_t kv_mib, uint64_t tokens, double concurrency)
{
    s->kv_bytes[i][0] = s->kv_bytes[i][1] = (uint64_t)MIB(kv_mib);
    s->needed[0] = (uint64_t)MIB(3072);
    s->kv[i] = (sf_kv_result){.num_blocks = tokens / 16,
                              .block_bytes = 786432,
                              .worker_bytes = s->kv_bytes[i],
                              .concurrency = concurrency,
                              .tokens = tokens,
                              .n_tests = 1,
                              .needed = s->needed,
                              .max_model_len = 65536};
    s->stage_reports[i].kv = &s->kv[i];
    s->stage_reports[i].kv_available = MIB(kv_mib);
    s->stage_reports[i].kv_low = MIB(kv_mib - 200);
    s->stage_reports[i].kv_high = MIB(kv_mib + 100);
}

static inline void sample_verdict(sample *s)
{
    for (size_t g = 0; g < 2; g++) {
        s->devices[g].left = s->devices[g].total - s->devices[g].used;
        s->devices[g].left_low = s->devices[g].total - s->devices[g].used_high;
        s->devices[g].left_high = s->devices[g].total - s->devices[g].used_low;
        s->devices[g].n_ranks = 2;
    }
    s->devices[0].util_sum = 0.7;
    s->devices[1].util_sum = 0.9;
    s->events[0] = (sf_event){.kind = SF_EVENT_CHECK, .free_before = MIB(80000), .free_after = MIB(80000)};
    s->events[1] = (sf_event){.kind = SF_EVENT_LOAD, .free_before = MIB(80000), .free_after = MIB(49000)};
    s->replay.verdict = SF_STARTS;
    s->replay.events = s->events;
    s->replay.n_events = 2;
    s->replay.entries = s->entries;
    s->replay.devices = s->devices;
    s->replay.n_devices = 2;
    s->replay.stages = s->stage_reports;
    s->replay.n_stages = 3;
}

/* The whole answer: STARTS. */
static inline void sample_init(sample *s, sf_arena *a)
{
    static const int64_t thinker[] = {560, 31000, 2860, 512, 13250}, talker[] = {530, 8700, 900, 300, 13840};
    static const int64_t code2wav[] = {530, 420, 0, 0, 0};

    memset(s, 0, sizeof *s);
    sample_machine(s);
    s->share = (sf_weight_share){SF_STR("text"), (uint64_t)MIB(30000), 15000000000u};
    s->model = (sf_model){.name = SF_STR("Qwen/Qwen3-Omni-30B-A3B-Instruct"),
                          .architecture = SF_STR("Qwen3OmniMoeForConditionalGeneration"),
                          .source = SF_STR("catalogue")};
    for (uint32_t r = 0; r < 4; r++)
        s->ranks[r] = (sf_rank_need){.rank = r == 1, .device = r == 1 || r == 2};
    sample_stage(s, 0, "thinker", SF_STAGE_AR, 0.6, &s->ranks[0], 2);
    sample_stage(s, 1, "talker", SF_STAGE_AR, 0.3, &s->ranks[2], 1);
    sample_stage(s, 2, "code2wav", SF_STAGE_GENERATION, 0.1, &s->ranks[3], 1);
    sample_cache(s, 0, 13250, 283904, 4.332);
    sample_cache(s, 1, 13840, 725696, 11.073);
    sample_rank(s, 0, &s->ranks[0], thinker);
    sample_rank(s, 2, &s->ranks[3], code2wav);
    sample_rank(s, 0, &s->ranks[1], thinker);
    sample_rank(s, 1, &s->ranks[2], talker);
    sample_verdict(s);
    s->deployment = (sf_deployment){.format = SF_FORMAT_LEGACY,
                                    .source = SF_STR("qwen3.yaml"),
                                    .model = s->model.name,
                                    .model_why = SF_STR("the usual checkpoint of the pipeline"),
                                    .stages = s->stages,
                                    .n_stages = 3};
    s->need = (sf_need){s->needs, 3};
    sf_diags_init(&s->dg, a);
    s->view = (sf_check_view){.profile = &s->profile,
                              .deployment = &s->deployment,
                              .inventory = &s->inventory,
                              .need = &s->need,
                              .replay = &s->replay,
                              .diags = &s->dg};
}

/* Makes it an answer that fails at the talker's check, with findings and a warning about the input. */
static inline void sample_fail(sample *s)
{
    static const char text[] = "ValueError: Free memory on device cuda:1 (31.5/79.19 GiB) on startup is less "
                               "than desired GPU memory "
                               "utilization (0.5, 39.6 GiB). Decrease GPU memory utilization or reduce GPU "
                               "memory used by other processes.";
    sf_where at = {
        .file = SF_STR("qwen3.yaml"), .line = 12, .col = 7, .key = SF_STR("stage_args[1].engine_args")};

    s->events[1] = (sf_event){.kind = SF_EVENT_CHECK,
                              .stage = 1,
                              .device = 1,
                              .free_before = MIB(32256),
                              .free_after = MIB(32256),
                              .failed = true,
                              .code = SF_E_FREE_MEMORY,
                              .text = SF_STR(text)};
    s->replay.verdict = SF_FAILS;
    s->replay.first_failure = &s->events[1];
    s->stage_reports[1].started = s->stage_reports[2].started = s->stage_reports[2].reached = false;
    sf_diag_warning(&s->dg, SF_E_STAGE_KEY, at, "write \"devices\"", "key \"device\" is not known");
    sf_diag_error(&s->dg, SF_E_FREE_MEMORY, at, "set gpu_memory_utilization to 0.39",
                  "stage 1 (talker) asks for 39.60 GiB of GPU 1, 31.50 GiB are free");
}

#endif
