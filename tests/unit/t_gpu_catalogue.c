/* gpu catalogue: every row reads, totals are those of the evidence, the fit is that of the rows. */
#include <math.h>
#include <stdlib.h>

#include "test.h"

#include "base/embed.h"
#include "base/num.h"
#include "gpu/gpu_parts.h"

static const sf_gpu_model *models;
static size_t n_models;

static void load(fixture *f)
{
    assert_int_equal(sf_gpu_catalogue(f->a, &f->dg, &models, &n_models), SF_OK);
}

static const sf_gpu_model *by_name(const char *name)
{
    for (size_t i = 0; i < n_models; i++)
        if (sf_str_is(models[i].name, name))
            return &models[i];
    return NULL;
}

static double gib(uint64_t bytes)
{
    return (double)bytes / (double)SF_GIB;
}

static void test_every_row_is_sound(void **state)
{
    fixture *f = *state;

    load(f);
    assert_true(n_models >= 78);
    for (size_t i = 0; i < n_models; i++) {
        const sf_gpu_model *m = &models[i];

        assert_true(m->name.n && m->vendor.n && m->n_aliases && m->aliases[0].n);
        assert_true(m->runtime_low <= m->runtime_total && m->runtime_total <= m->runtime_high);
        if (m->nvml_total)
            assert_true(m->runtime_total <= m->nvml_total);
        if (m->runtime_total)
            assert_true(m->source.n > 0);
        for (size_t k = 0; k < i; k++)
            assert_false(sf_str_eq(models[k].name, m->name));
    }
}

/* The first alias names one card only: hints print it as what to type. */
static void test_first_aliases_are_unique(void **state)
{
    size_t found[SF_GPU_CHOICES];
    fixture *f = *state;
    sf_gpu_book book;

    load(f);
    assert_int_equal(sf_gpu_book_read(f->a, &book), SF_OK);
    for (size_t i = 0; i < n_models; i++) {
        assert_int_equal(sf_gpu_match(&book, models[i].aliases[0], found), 1);
        assert_int_equal(found[0], i);
        assert_int_equal(sf_gpu_match(&book, models[i].name, found), 1);
        assert_int_equal(found[0], i);
    }
}

static void test_known_totals(void **state)
{
    const sf_gpu_model *m;

    load(*state);
    m = by_name("NVIDIA H100 80GB HBM3");
    assert_non_null(m);
    assert_int_equal(m->how, SF_TOTAL_RUNTIME);
    assert_int_equal(m->runtime_total, (uint64_t)(79.19 * (double)SF_GIB + 0.5));
    assert_true(gib(m->runtime_low) < 79.12 && gib(m->runtime_high) > 79.19);
    assert_int_equal(m->nvml_total, 81559 * SF_MIB);
    assert_int_equal(m->capability, 90);
    assert_true(m->bandwidth_gbps == 3350);
    m = by_name("NVIDIA RTX PRO 6000 Blackwell Workstation Edition");
    assert_int_equal(m->capability, 120);
    m = by_name("NVIDIA GB10");
    assert_true(m->unified_memory && m->capability == 121);
    m = by_name("AMD Instinct MI300X");
    assert_int_equal(m->capability, 0);
    assert_str(m->vendor, "amd");
}

/* A total that is derived says so, and its band holds readings of unknown form factor. */
static void test_derived_totals(void **state)
{
    const sf_gpu_model *m;

    load(*state);
    m = by_name("NVIDIA H100 PCIe"); /* 79.11 GiB was read on an H100 of unknown form factor */
    assert_int_equal(m->how, SF_TOTAL_NVML);
    assert_true(gib(m->runtime_low) < 79.11 && gib(m->runtime_high) > 79.11);
    m = by_name("NVIDIA A40"); /* the vendor's gigabytes only */
    assert_int_equal(m->how, SF_TOTAL_NOMINAL);
    assert_true(gib(m->runtime_high) - gib(m->runtime_low) > 4);
    m = by_name("NVIDIA Thor"); /* memory shared with the system */
    assert_int_equal(m->runtime_total, 0);
    assert_int_equal(by_name("Gaudi3")->runtime_total, 0);
}

/* totals.yaml holds the least-squares line over the rows that have both totals, and its band covers them. */
static void test_nvml_fit_is_that_of_the_rows(void **state)
{
    fixture *f = *state;
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, slope, offset;
    sf_gpu_fit fit;

    load(f);
    assert_int_equal(sf_gpu_fit_read(f->a, &fit), SF_OK);
    for (size_t i = 0; i < n_models; i++) {
        double x = gib(models[i].nvml_total), y = x - gib(models[i].runtime_total);

        if (models[i].how != SF_TOTAL_RUNTIME || !models[i].nvml_total ||
            !sf_str_is(models[i].vendor, "nvidia"))
            continue;
        n++, sx += x, sy += y, sxx += x * x, sxy += x * y;
        assert_true(fabs(y - fit.nvml_offset / (double)SF_GIB - fit.nvml_per_byte * x) <=
                    fit.nvml_band / (double)SF_GIB);
    }
    assert_true(n >= 20);
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
    offset = (sy - slope * sx) / n;
    assert_true(fabs(slope - fit.nvml_per_byte) < 0.00001);
    assert_true(fabs(offset - fit.nvml_offset / (double)SF_GIB) < 0.001);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void test_nominal_ratio_is_that_of_the_rows(void **state)
{
    fixture *f = *state;
    double ratio[256];
    size_t n = 0;
    sf_gpu_fit fit;

    load(f);
    assert_int_equal(sf_gpu_fit_read(f->a, &fit), SF_OK);
    for (size_t i = 0; i < n_models && n < 256; i++)
        if (models[i].how == SF_TOTAL_RUNTIME && models[i].marketing_gb && !models[i].unified_memory)
            ratio[n++] = gib(models[i].runtime_total) / (double)models[i].marketing_gb;
    assert_true(n >= 30);
    qsort(ratio, n, sizeof *ratio, compare_doubles);
    assert_true(fabs(ratio[n / 2] - fit.nominal_ratio) < 0.002);
    assert_true(fit.nominal_low <= ratio[0] + 1e-9 && ratio[0] < fit.nominal_low + 0.002);
    assert_true(fit.nominal_high >= ratio[n - 1] - 1e-9 && ratio[n - 1] > fit.nominal_high - 0.002);
}

static void test_nvml_estimate_goes_back(void **state)
{
    fixture *f = *state;
    sf_gpu_fit fit;
    uint64_t nvml;

    load(f);
    assert_int_equal(sf_gpu_fit_read(f->a, &fit), SF_OK);
    nvml = sf_gpu_nvml_of_runtime(&fit, by_name("NVIDIA H200 NVL")->runtime_total);
    assert_true(fabs(gib(nvml) - 143771.0 / 1024) < 0.001);
}

static void test_no_memory(void **state)
{
    fixture *f = *state;
    sf_arena *small = sf_arena_new(4096);

    assert_int_equal(sf_gpu_catalogue(small, &f->dg, &models, &n_models), SF_E_NOMEM);
    assert_int_equal(f->dg.n, 0);
    sf_arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_row_is_sound),
        TEST(test_first_aliases_are_unique),
        TEST(test_known_totals),
        TEST(test_derived_totals),
        TEST(test_nvml_fit_is_that_of_the_rows),
        TEST(test_nominal_ratio_is_that_of_the_rows),
        TEST(test_nvml_estimate_goes_back),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
