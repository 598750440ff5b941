/* buf: growth, its largest size, and writers that look only at the end. */
#include "test.h"

#include "base/buf.h"

static void test_growth(void **state)
{
    sf_buf b;

    (void)state;
    sf_buf_init(&b, 1 << 20);
    assert_int_equal(sf_buf_str(&b).n, 0);
    for (int i = 0; i < 1000; i++)
        sf_buf_printf(&b, "%03d,", i);
    sf_buf_fill(&b, '.', 300);
    sf_buf_add_text(&b, "end");
    sf_buf_add_char(&b, '!');
    assert_false(b.failed);
    assert_int_equal(b.n, 4304);
    assert_memory_equal(b.p, "000,001,", 8);
    assert_string_equal(b.p + 4300, "end!");
    sf_buf_release(&b);
    sf_buf_release(&b);
    sf_buf_release(NULL);
}

static void test_limit_stays_failed(void **state)
{
    sf_buf b;

    (void)state;
    sf_buf_init(&b, 10);
    sf_buf_add_text(&b, "0123456789");
    assert_false(b.failed);
    sf_buf_add_char(&b, 'x');
    assert_true(b.failed);
    sf_buf_printf(&b, "%s", "");
    sf_buf_fill(&b, ' ', SIZE_MAX);
    assert_true(b.failed);
    assert_string_equal(b.p, "0123456789");
    sf_buf_release(&b);
    assert_false(b.failed);
    assert_int_equal(b.max, 10);
}

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

static void test_no_memory_keeps_what_was_there(void **state)
{
    sf_buf b;

    (void)state;
    sf_buf_init(&b, 1 << 20);
    sf_buf_add_text(&b, "kept");
    sf_alloc_hook(no_memory);
    sf_buf_fill(&b, 'x', 5000);
    sf_alloc_hook(NULL);
    assert_true(b.failed);
    assert_string_equal(b.p, "kept");
    sf_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_growth),
        TEST(test_limit_stays_failed),
        TEST(test_no_memory_keeps_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
