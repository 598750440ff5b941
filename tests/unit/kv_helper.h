/* kv_helper.h: small KV cases for the unit tests: layers of a few kinds on one pipeline stage. */
#ifndef SF_TESTS_UNIT_KV_HELPER_H
#define SF_TESTS_UNIT_KV_HELPER_H

#include "test.h"

#include "base/num.h"
#include "memory/kv.h"

static inline const sf_profile *engine(fixture *f, const char *spec)
{
    const sf_profile *p = NULL;

    assert_int_equal(sf_profile_find(f->a, sf_str_of(spec), false, &f->dg, &p), SF_OK);
    return p;
}

static inline sf_kv_spec full(uint64_t heads, uint64_t size, uint32_t bits, uint64_t block)
{
    return (sf_kv_spec){.kind = SF_KV_FULL,
                        .block_size = block,
                        .kv_heads = heads,
                        .head_size = size,
                        .head_size_v = size,
                        .dtype_bits = bits};
}

static inline sf_kv_spec sliding(uint64_t heads, uint64_t size, uint32_t bits, uint64_t block,
                                 uint64_t window)
{
    sf_kv_spec s = full(heads, size, bits, block);

    s.kind = SF_KV_SLIDING;
    s.window = window;
    return s;
}

static inline sf_kv_spec mla(uint64_t width, uint32_t bits, uint64_t block)
{
    sf_kv_spec s = full(1, width, bits, block);

    s.kind = SF_KV_MLA;
    s.head_size_v = 0;
    return s;
}

/* A case with its own arrays: up to four specs, each a run of layers, and up to four ranks. */
typedef struct kv_sample {
    sf_kv_spec specs[4];
    sf_kv_run runs[4];
    sf_kv_stage_runs stage[2];
    sf_kv_worker workers[4];
    sf_kv_case c;
} kv_sample;

static inline void sample_init(kv_sample *s, uint64_t len, uint64_t batched)
{
    *s = (kv_sample){0};
    s->c = (sf_kv_case){
        .specs = s->specs,
        .stages = s->stage,
        .n_stages = 1,
        .workers = s->workers,
        .n_workers = 1,
        .dcp = 1,
        .pcp = 1,
        .max_model_len = len,
        .max_num_batched_tokens = batched,
        .in_flight_tokens = batched,
        .cache_block_size = 16,
    };
    s->stage[0].runs = s->runs;
}

static inline void sample_add(kv_sample *s, sf_kv_spec spec, uint32_t layers)
{
    size_t i = s->c.n_specs++;

    assert_true(i < 4);
    s->specs[i] = spec;
    s->runs[i] = (sf_kv_run){(uint32_t)i, layers};
    s->stage[0].n = s->c.n_specs;
}

static inline const sf_kv_result *plan_bytes(fixture *f, const sf_profile *p, kv_sample *s, int64_t available)
{
    const sf_kv_result *r = NULL;

    for (size_t i = 0; i < s->c.n_workers; i++)
        s->workers[i].available = available;
    assert_int_equal(sf_kv_plan(f->a, p, &s->c, &f->dg, &r), SF_OK);
    return r;
}

static inline const sf_kv_result *plan_gib(fixture *f, const sf_profile *p, kv_sample *s, double gib)
{
    return plan_bytes(f, p, s, (int64_t)(gib * (double)SF_GIB));
}

/* `want` lies between the answers for the ends of what a log rounds to `gib` with two decimals. */
static inline void assert_tokens_about(fixture *f, const sf_profile *p, kv_sample *s, double gib,
                                       uint64_t want)
{
    assert_in_range(want, plan_gib(f, p, s, gib - 0.005)->tokens, plan_gib(f, p, s, gib + 0.005)->tokens);
}

static inline void assert_blocks_about(fixture *f, const sf_profile *p, kv_sample *s, double gib,
                                       uint64_t want)
{
    assert_in_range(want, plan_gib(f, p, s, gib - 0.005)->num_blocks,
                    plan_gib(f, p, s, gib + 0.005)->num_blocks);
}

#endif
