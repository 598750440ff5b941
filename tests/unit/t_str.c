/* str: comparing, splitting, UTF-8. */
#include "test.h"

static void test_split_keeps_empty_parts(void **state)
{
    sf_str rest = SF_STR("a,,b"), part;

    (void)state;
    assert_true(sf_str_split(&rest, ',', &part));
    assert_str(part, "a");
    assert_true(sf_str_split(&rest, ',', &part));
    assert_str(part, "");
    assert_false(sf_str_split(&rest, ',', &part));
    assert_str(part, "b");
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(sf_str_distance(SF_STR("devices"), SF_STR("device"), 3), 1);
    assert_int_equal(sf_str_distance(SF_STR("tensor"), SF_STR("tesnor"), 3), 1);
    assert_int_equal(sf_str_distance(SF_STR("abc"), SF_STR("xyz"), 2), 3);
    assert_int_equal(sf_str_distance(SF_STR(""), SF_STR("ab"), 5), 2);
}

static void test_utf8(void **state)
{
    size_t at = 99;

    (void)state;
    assert_true(sf_utf8_valid(SF_STR("plain text and \xc3\xa9\xe2\x86\x92\xf0\x9f\x98\x80"), &at));
    assert_false(sf_utf8_valid(SF_STR("0123456789\xc0\x80"), &at));
    assert_int_equal(at, 10);
    assert_false(sf_utf8_valid(SF_STR("\xed\xa0\x80"), &at)); /* a surrogate */
    assert_false(sf_utf8_valid(SF_STR("\xe2\x86"), &at));
    assert_int_equal(sf_utf8_count(SF_STR("a\xe2\x86\x92"
                                          "b")),
                     3);
}

static void test_trim_and_find(void **state)
{
    (void)state;
    assert_str(sf_str_trim(SF_STR(" \t x y \r\n")), "x y");
    assert_int_equal(sf_str_find(SF_STR("hello"), SF_STR("ll")), 2);
    assert_int_equal(sf_str_find(SF_STR("hello"), SF_STR("lll")), -1);
    assert_true(sf_str_eq_nocase(SF_STR("GiB"), SF_STR("gib")));
    assert_int_equal(sf_str_cmp(SF_STR("a"), SF_STR("ab")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_split_keeps_empty_parts),
        TEST(test_distance),
        TEST(test_utf8),
        TEST(test_trim_and_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
