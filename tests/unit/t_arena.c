/* arena: alignment, its largest size, growth, and what happens when memory is out. */
#include "test.h"

#include <stdlib.h>

static unsigned long allocations, fail_at;

static void *failing_alloc(size_t size)
{
    return ++allocations == fail_at ? NULL : malloc(size);
}

static void test_alignment_and_zeroes(void **state)
{
    fixture *f = *state;

    for (size_t align = 1; align <= 64; align *= 2) {
        char *p = sf_arena_alloc(f->a, 3, align);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % align, 0);
    }
    for (int i = 0; i < 2000; i++) { /* over several chunks */
        uint64_t *v = SF_NEW_ARRAY(f->a, uint64_t, 100);

        assert_non_null(v);
        assert_int_equal(v[0] | v[99], 0);
        memset(v, 0xff, 100 * sizeof *v);
    }
}

static void test_limits(void **state)
{
    sf_arena *a = sf_arena_new(1000);

    (void)state;
    assert_non_null(sf_arena_alloc(a, 600, 1));
    assert_null(sf_arena_alloc(a, 401, 1));
    assert_non_null(sf_arena_alloc(a, 400, 1));
    assert_int_equal(sf_arena_used(a), 1000);
    assert_null(sf_arena_alloc(a, 1, 1));
    assert_null(sf_arena_array(a, SIZE_MAX / 2, 4)); /* the product wraps */
    assert_null(sf_arena_alloc(a, SIZE_MAX, 1));
    sf_arena_free(a);
    sf_arena_free(NULL);
}

static void test_large_ones_keep_the_current_chunk(void **state)
{
    fixture *f = *state;
    char *small = sf_arena_alloc(f->a, 8, 8);
    char *large = sf_arena_alloc(f->a, 10 * 1024 * 1024, 8);
    char *next = sf_arena_alloc(f->a, 8, 8);

    assert_non_null(large);
    assert_ptr_equal(next, small + 8);
}

/* Beyond the small chunks, with and without huge pages at hand. */
static void test_chunks_fill_to_their_end(void **state)
{
    fixture *f = *state;
    enum { N = 6000, SIZE = 1000 };
    static unsigned char *all[N];

    for (size_t i = 0; i < N; i++) {
        all[i] = sf_arena_alloc(f->a, SIZE, 1);
        assert_non_null(all[i]);
        memset(all[i], (int)(i & 0xff), SIZE);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < SIZE; k++)
            assert_true(all[i][k] == (i & 0xff));
}

static void test_growth_copies(void **state)
{
    fixture *f = *state;
    int *v = SF_NEW_ARRAY(f->a, int, 2);
    int *w;

    v[0] = 7;
    v[1] = 8;
    w = sf_arena_grow(f->a, v, 2, 4, sizeof *w);
    assert_int_equal(w[0], 7);
    assert_int_equal(w[1], 8);
    assert_int_equal(w[2] | w[3], 0);
    assert_int_equal(v[0], 7); /* the old one stays */
}

static void test_reset_keeps_the_largest_piece(void **state)
{
    fixture *f = *state;
    char *large;

    sf_arena_reset(f->a); /* of nothing */
    assert_non_null(sf_arena_alloc(f->a, 100, 8));
    large = sf_arena_alloc(f->a, 100000, 8);
    assert_non_null(sf_arena_alloc(f->a, 30000, 8));
    sf_arena_reset(f->a);
    assert_int_equal(sf_arena_used(f->a), 0);
    assert_ptr_equal(sf_arena_alloc(f->a, 100000, 8), large);
    assert_int_equal(sf_arena_used(f->a), 100000);
    assert_non_null(sf_arena_alloc(f->a, 200000, 8));
}

static void test_texts(void **state)
{
    fixture *f = *state;

    assert_str(sf_arena_printf(f->a, "%d-%s", 42, "x"), "42-x");
    assert_string_equal(sf_arena_cstr(f->a, SF_STR("abc")), "abc");
    assert_str(sf_arena_str(f->a, (sf_str){NULL, 0}), "");
}

static void test_no_memory(void **state)
{
    (void)state;
    for (unsigned long n = 1; n <= 3; n++) {
        sf_arena *a;
        bool failed = false;

        allocations = 0;
        fail_at = n;
        sf_alloc_hook(failing_alloc);
        a = sf_arena_new(SIZE_MAX);
        if (a) {
            failed = !sf_arena_alloc(a, 1000, 8) || !sf_arena_alloc(a, 100000, 8);
            assert_non_null(sf_arena_alloc(a, 50000, 8)); /* the next one may work */
        }
        sf_alloc_hook(NULL);
        assert_true(!a || failed);
        sf_arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_alignment_and_zeroes),
        TEST(test_limits),
        TEST(test_large_ones_keep_the_current_chunk),
        TEST(test_chunks_fill_to_their_end),
        TEST(test_growth_copies),
        TEST(test_reset_keeps_the_largest_piece),
        TEST(test_texts),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
