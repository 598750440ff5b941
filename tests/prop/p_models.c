/*
 * models: properties of weights and cache over every model of the catalogue, on as many ranks as it divides into.
 * Nothing here knows a family.
 */
#include "../unit/model_helper.h"

#include "memory/need.h"

enum { MAX_TP = 16 };

typedef struct subject {
    fixture *f;
    const sf_profile *profile;
    const sf_model *m;
    sf_str name;
} subject;

/* Weights of one rank; false when the model does not divide. */
static bool weights(const subject *s, uint64_t tp, uint32_t rank, sf_weights *ret)
{
    sf_weights_wish wish = {.tp = tp,
                            .pp = 1,
                            .tp_rank = rank,
                            .dtype = SF_DT_BF16,
                            .attention_scalars = 7,
                            .batched_tokens = 8192};
    sf_diags quiet;

    sf_diags_init(&quiet, s->f->a);
    return sf_weights_of_rank(s->f->a, s->m, &wish, &quiet, ret) == SF_OK;
}

/* Tensors that a process has once stand in each run of layers. */
static bool seen_before(const sf_model *m, size_t i)
{
    const sf_tensor *t = &m->tensors[i];

    for (size_t k = 0; k < i; k++)
        if (m->tensors[k].once && sf_str_eq(m->tensors[k].name, t->name) &&
            m->tensors[k].n_dims == t->n_dims &&
            memcmp(m->tensors[k].dims, t->dims, t->n_dims * sizeof *t->dims) == 0)
            return true;
    return false;
}

/* A copy of what is not divided, on each rank: the rest of the sum over the ranks. */
static uint64_t replicated(const sf_model *m, uint64_t tp, bool *ret_sure)
{
    uint64_t more = 0;

    *ret_sure = true;
    for (size_t i = 0; i < m->n_tensors; i++) {
        const sf_tensor *t = &m->tensors[i];
        uint64_t all = sf_tensor_numel(t) * t->repeat * (t->experts ? t->experts : 1);
        uint64_t row = t->n_dims && t->dims[0] ? all / t->dims[0] : 0;

        /* Quantised matrices, groups and the components of diffusion pipelines have rules of their own. */
        if (t->quant || t->packed || t->role || t->shard == SF_SHARD_GROUPS || t->shard == SF_SHARD_QKV)
            *ret_sure = false;
        /* Scalars have bytes and no parameters; copies exist beside quantised matrices only. */
        if (t->cls == SF_TENSOR_SCALE || t->dequantised || (t->once && seen_before(m, i)))
            continue;
        if (t->once)
            all = sf_tensor_numel(t);
        if (!t->loaded)
            continue;
        if (t->shard == SF_SHARD_NONE || (t->shard == SF_SHARD_ROW && t->n_dims < 2))
            more += all * (tp - 1);
        else if (t->shard == SF_SHARD_KV && tp > t->units)
            more += all * (tp / t->units - 1);
        else if (t->shard == SF_SHARD_VOCAB)
            more += row * ((t->dims[0] + 63) / 64 * 64 - t->dims[0]);
    }
    return more;
}

/* On twice the ranks none holds more; together they hold all of it, and what is on each of them. */
static void check_ranks(const subject *s, unsigned *sums)
{
    sf_weights one, before;

    if (!weights(s, 1, 0, &one))
        return;
    before = one;
    for (uint64_t tp = 2; tp <= MAX_TP; tp *= 2) {
        uint64_t sum = 0, more;
        bool divides = true, sure;
        sf_weights w = {0};

        for (uint32_t r = 0; r < tp && divides; r++) {
            divides = weights(s, tp, r, &w);
            sum += w.params;
            if (divides && w.tensor_bytes > before.tensor_bytes)
                fail_msg("%.*s: %llu bytes on each of %llu ranks, %llu on half of them", SF_STR_ARG(s->name),
                         (unsigned long long)w.tensor_bytes, (unsigned long long)tp,
                         (unsigned long long)before.tensor_bytes);
        }
        if (!divides)
            return;
        assert_true(sum >= one.params);
        more = replicated(s->m, tp, &sure);
        /* One rank pads its vocabulary too. */
        if (sure) {
            uint64_t padding = replicated(s->m, 1, &sure);

            if (sum != one.params - padding + more)
                fail_msg("%.*s: %llu ranks hold %llu parameters, not %llu and %llu copies",
                         SF_STR_ARG(s->name), (unsigned long long)tp, (unsigned long long)sum,
                         (unsigned long long)(one.params - padding), (unsigned long long)more);
            ++*sums;
        }
        before = w;
    }
}

/* A longer request needs no less of the cache. */
static void check_lengths(const subject *s, unsigned *lengths)
{
    sf_kv_wish wish = {.tp = 1,
                       .pp = 1,
                       .dcp = 1,
                       .pcp = 1,
                       .model_dtype = SF_DT_BF16,
                       .kv_cache_dtype = SF_STR("auto"),
                       .max_model_len = 1 << 20,
                       .max_num_batched_tokens = 8192,
                       .max_num_seqs = 256,
                       .mamba_cache_dtype = SF_STR("auto"),
                       .mamba_ssm_cache_dtype = SF_STR("auto")};
    uint64_t before = 0;
    sf_diags quiet;
    sf_kv_case c;

    sf_diags_init(&quiet, s->f->a);
    if (!s->m->n_kv || sf_kv_case_of_model(s->f->a, s->profile, s->m, &wish, &quiet, &c))
        return;
    for (uint64_t len = 1; len <= 1 << 20; len = len * 3 + 1) {
        uint64_t needed = 0;

        if (sf_kv_needed(s->f->a, s->profile, &c, len, &quiet, &needed))
            return;
        if (needed < before)
            fail_msg("%.*s: %llu tokens need %llu bytes, fewer need %llu", SF_STR_ARG(s->name),
                     (unsigned long long)len, (unsigned long long)needed, (unsigned long long)before);
        before = needed;
    }
    ++*lengths;
}

static void check_model(const subject *base, sf_str name, unsigned *sums, unsigned *lengths)
{
    sf_arena *a = sf_arena_new((size_t)512 << 20);
    fixture f = {.a = a};
    subject s = *base;
    const sf_checkpoint *c;
    sf_str *parts;
    size_t n;

    assert_non_null(a);
    sf_diags_init(&f.dg, a);
    s.f = &f;
    s.name = name;
    assert_int_equal(sf_catalogue_find(a, name, &f.dg, &c), SF_OK);
    assert_int_equal(sf_model_parts(a, c, &(sf_model_wish){0}, &f.dg, &parts, &n), SF_OK);
    for (size_t i = 0; i < n; i++) {
        if (sf_model_resolve(a, c, &(sf_model_wish){.part = parts[i]}, &f.dg, &s.m))
            continue;
        check_ranks(&s, sums);
        check_lengths(&s, lengths);
    }
    sf_arena_free(a);
}

static void test_catalogue(void **state)
{
    subject s = {.f = *state};
    unsigned sums = 0, lengths = 0;
    sf_str *names;
    size_t n;

    assert_int_equal(sf_profile_find(s.f->a, SF_STR("vllm@0.19.0"), false, &s.f->dg, &s.profile), SF_OK);
    assert_int_equal(sf_catalogue_list(s.f->a, &names, &n), SF_OK);
    for (size_t i = 0; i < n; i++)
        check_model(&s, names[i], &sums, &lengths);
    print_message("# %zu models, %u sums over ranks, %u caches\n", n, sums, lengths);
    assert_true(sums > 100);
    assert_true(lengths > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_catalogue)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
