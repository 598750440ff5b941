/* path: file names as text; names out of files that must stay inside a folder. */
#include "test.h"

#include "base/path.h"

static void test_parts(void **state)
{
    fixture *f = *state;

    assert_str(sf_path_join(f->a, SF_STR("a"), SF_STR("b")), "a/b");
    assert_str(sf_path_join(f->a, SF_STR("a/"), SF_STR("b")), "a/b");
    assert_str(sf_path_join(f->a, SF_STR("a"), SF_STR("/b")), "/b");
    assert_str(sf_path_join(f->a, SF_STR(""), SF_STR("b")), "b");
    assert_str(sf_path_dir(SF_STR("x/y/z.yaml")), "x/y");
    assert_str(sf_path_dir(SF_STR("z.yaml")), "");
    assert_str(sf_path_dir(SF_STR("/z")), "/");
    assert_str(sf_path_base(SF_STR("x/y/z.yaml")), "z.yaml");
    assert_str(sf_path_base(SF_STR("x/y//")), "y");
}

static void test_names_stay_inside(void **state)
{
    static const char *const bad[] = {"", "/etc/passwd", "..", "../x", "a/../../x", "a/.."};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sf_path_is_inside(sf_str_of(bad[i])));
    assert_false(sf_path_is_inside(SF_STR("a\0b")));
    assert_true(sf_path_is_inside(SF_STR("model-00001-of-2.safetensors")));
    assert_str(sf_path_join(f->a, SF_STR("dir"), SF_STR("model-00001-of-2.safetensors")),
               "dir/model-00001-of-2.safetensors");
    assert_true(sf_path_is_inside(SF_STR("sub/..x/a..b")));
    assert_str(sf_path_join(f->a, SF_STR("dir"), SF_STR("sub/..x/a..b")), "dir/sub/..x/a..b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_parts), TEST(test_names_stay_inside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
