/* amount: bands, sums, limits. */
#include "test.h"

#include "memory/amount.h"

static void test_relative_band(void **state)
{
    sf_amount x = sf_amount_relative(1000, 0.25, SF_STR("f"), SF_STR("s"));

    (void)state;
    assert_int_equal(x.bytes, 1000);
    assert_int_equal(x.low, 750);
    assert_int_equal(x.high, 1250);
    assert_int_equal(x.origin, SF_ORIGIN_MODELLED);
}

/* Independent half-widths add as squares do: 3 and 4 make 5, on each side by itself. */
static void test_sum_adds_squares(void **state)
{
    const sf_amount items[] = {
        {100, 97,  112, SF_ORIGIN_MODELLED, {0}, {0}},
        {200, 196, 205, SF_ORIGIN_ASSUMED,  {0}, {0}},
        {50,  50,  50,  SF_ORIGIN_EXACT,    {0}, {0}},
    };
    sf_amount sum = sf_amount_sum(items, 3);

    (void)state;
    assert_int_equal(sum.bytes, 350);
    assert_int_equal(sum.low, 345);
    assert_int_equal(sum.high, 363);
    assert_int_equal(sum.origin, SF_ORIGIN_ASSUMED);
    assert_int_equal(sf_amount_sum(NULL, 0).bytes, 0);
    assert_int_equal(sf_amount_sum(&items[2], 1).origin, SF_ORIGIN_EXACT);
}

/* 0.36 + 0.0158 × layers GiB, the law of CUDA graphs, halved. */
static void test_overhead(void **state)
{
    fixture *f = *state;
    const sf_overhead o = {.base_bytes = 1000,
                           .per_layer_bytes = 10,
                           .low_bytes = 100,
                           .high_bytes = 200,
                           .source = SF_STR("runs")};
    sf_amount x = sf_amount_overhead(f->a, &o, 32, 1), half = sf_amount_overhead(f->a, &o, 32, 0.5);

    assert_int_equal(x.bytes, 1320);
    assert_int_equal(x.low, 1220);
    assert_int_equal(x.high, 1520);
    assert_int_equal(half.bytes, 660);
    assert_int_equal(half.low, 610);
    assert_int_equal(half.high, 760);
    assert_str(x.formula, "1000 B + 10 B × 32 layers");
    assert_str(half.formula, "(1000 B + 10 B × 32 layers) × 0.50");
}

/* What no machine has is cut off, so that sums cannot overflow. */
static void test_limits(void **state)
{
    const int64_t most = (int64_t)1 << 52;
    sf_amount x = sf_amount_exact(UINT64_MAX, (sf_str){0}, (sf_str){0}), both[2];

    (void)state;
    assert_int_equal(x.bytes, most);
    assert_int_equal(sf_amount_relative(1e300, 0.5, (sf_str){0}, (sf_str){0}).high, most);
    assert_int_equal(sf_amount_band(-1e300, -1e300, 0, SF_ORIGIN_MODELLED, (sf_str){0}, (sf_str){0}).bytes,
                     -most);
    both[0] = both[1] = x;
    assert_int_equal(sf_amount_sum(both, 2).bytes, most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_relative_band), TEST(test_sum_adds_squares),
                                       TEST(test_overhead), TEST(test_limits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
