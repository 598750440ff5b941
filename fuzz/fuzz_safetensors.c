/*
 * fuzz_safetensors: the input is a weight file.  Whatever it says, the rows add up to the totals, the
 * quick form and the JSON reader agree, and so do reading whole and reading from a file.
 */
#include <stdint.h>
#include <stdlib.h>

#include "model/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(x) ((x) ? (void)0 : abort())

enum { PADDING = 1024 };

typedef struct totals {
    uint64_t tensors, numel, bytes;
} totals;

static totals totals_of(const sf_tensor_table *t)
{
    totals all, sum = {0, 0, 0};

    sf_tensor_table_totals(t, &all.tensors, &all.numel, &all.bytes);
    for (size_t i = 0; i < sf_tensor_table_count(t); i++) {
        const sf_tensor_pattern *p = sf_tensor_table_at(t, i);

        must(p->count > 0 && sf_tensor_table_has(t, p->example));
        sum.tensors += p->count;
        sum.numel = sf_add_sat(sum.numel, p->numel);
        sum.bytes = sf_add_sat(sum.bytes, p->bytes);
    }
    must(sum.tensors == all.tensors && sum.numel == all.numel && sum.bytes == all.bytes);
    return all;
}

static sf_code add(sf_arena *a, sf_str json, uint64_t data, totals *ret)
{
    sf_tensor_table *t = sf_tensor_table_new(a);
    sf_diags dg;
    sf_code rc;

    sf_diags_init(&dg, a);
    if (!t)
        return SF_E_NOMEM;
    rc = sf_safetensors_add(t, json, SF_SAFETENSORS_PREFIX + json.n + data, SF_STR("x"), &dg);
    must(rc == SF_E_NOMEM || dg.n == (rc != SF_OK));
    if (!rc)
        *ret = totals_of(t);
    if (!rc)
        must(ret->bytes == data);
    return rc;
}

static sf_code read_input(void *ctx, sf_arena *a, sf_str path, uint64_t off, uint64_t max, sf_diags *dg,
                          sf_str *ret, uint64_t *ret_size)
{
    const sf_str *whole = ctx;
    size_t to = max > whole->n - off ? whole->n : (size_t)(off + max);

    (void)path;
    (void)dg;
    *ret = sf_arena_str(a, sf_str_sub(*whole, (size_t)off, to));
    if (ret_size)
        *ret_size = whole->n;
    return ret->p ? SF_OK : SF_E_NOMEM;
}

/* From a file, with a first window that ends anywhere. */
static void check_windows(sf_arena *a, sf_str file, uint64_t guess, sf_code want, const totals *plain)
{
    const sf_fs fs = {&file, read_input, NULL, NULL};
    sf_arena *scratch = sf_arena_new((size_t)1 << 26);
    sf_tensor_table *t = sf_tensor_table_new(a);
    uint64_t size = 0;
    sf_diags dg;
    sf_code rc;

    if (!t || !scratch)
        goto out;
    sf_diags_init(&dg, a);
    rc = sf_safetensors_read(t, scratch, &fs, SF_STR("x"), guess, &dg, &size);
    if (rc == SF_E_NOMEM)
        goto out;
    must(rc == want && dg.n == (rc != SF_OK));
    if (!rc) {
        totals read = totals_of(t);

        must(plain->tensors == read.tensors && plain->numel == read.numel && size == file.n);
    }
out:
    sf_arena_free(scratch);
}

static void check_header(sf_arena *a, sf_str file, sf_str json)
{
    uint64_t data = file.n - SF_SAFETENSORS_PREFIX - json.n;
    char *padded = sf_arena_alloc(a, json.n + PADDING, 1);
    totals plain = {0, 0, 0}, quick = {0, 0, 0};
    sf_code rc, same;

    if (!padded)
        return;
    /* With room behind it, members are looked at in the writer's own form first. */
    memcpy(padded, json.p, json.n);
    memset(padded + json.n, ' ', PADDING);
    rc = add(a, json, data, &plain);
    same = add(a, (sf_str){padded, json.n + PADDING}, data, &quick);
    if (rc == SF_E_NOMEM || same == SF_E_NOMEM)
        return;
    must(rc == same || (rc && same)); /* a text cut short may be refused for another reason */
    if (!rc)
        must(plain.tensors == quick.tensors && plain.numel == quick.numel && plain.bytes == quick.bytes);
    check_windows(a, file, SF_SAFETENSORS_LEAST, rc, &plain);
    check_windows(a, file, SF_SAFETENSORS_LEAST + json.n * 5 / 8, rc, &plain);
}

/* As text and as a file whose first window ends anywhere. */
static void check_index(sf_arena *a, sf_str file)
{
    const sf_fs fs = {&file, read_input, NULL, NULL};
    const uint64_t guess[] = {1, 16, file.n / 2};
    sf_arena *scratch = sf_arena_new((size_t)1 << 26);
    sf_index index = {0}, same = {0};
    sf_diags dg;
    sf_code rc;

    sf_diags_init(&dg, a);
    rc = sf_safetensors_index(a, file, SF_STR("x"), &dg, &index);
    must(rc ? dg.n == 1 || dg.failed : index.n_shards <= index.tensors);
    for (size_t i = 0; scratch && rc != SF_E_NOMEM && i < sizeof guess / sizeof *guess; i++) {
        sf_code other =
            sf_safetensors_read_index(a, scratch, &fs, SF_STR("x"), guess[i], file.n, NULL, &same);

        must(other == rc || other == SF_E_NOMEM);
        if (!other)
            must(same.n_shards == index.n_shards && same.tensors == index.tensors);
    }
    sf_arena_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sf_str file = {(const char *)data, size};
    sf_arena *a = sf_arena_new((size_t)1 << 26);
    uint64_t n = 0;
    sf_diags dg;

    if (!a)
        return 0;
    sf_diags_init(&dg, a);
    if (!sf_safetensors_length(sf_str_sub(file, 0, 16), size, SF_STR("x"), &dg, &n)) {
        must(n <= size - SF_SAFETENSORS_PREFIX && dg.n == 0);
        check_header(a, file, sf_str_sub(file, SF_SAFETENSORS_PREFIX, SF_SAFETENSORS_PREFIX + (size_t)n));
    } else {
        must(dg.n == 1);
    }
    check_index(a, file);
    sf_arena_free(a);
    return 0;
}
