/* diag: what is kept, counted and printed of a problem; the code table. */
#include "test.h"

#include "base/embed.h"

static void test_kept_once_and_counted(void **state)
{
    fixture *f = *state;
    sf_where at = {.file = SF_STR("a.yaml"), .line = 3, .col = 5};

    assert_int_equal(sf_diag_error(&f->dg, SF_E_RANGE, at, "use 1", "value %d", 7), SF_E_RANGE);
    assert_int_equal(sf_diag_error(&f->dg, SF_E_RANGE, at, "use 1", "value %d", 7), SF_E_RANGE);
    assert_int_equal(f->dg.n, 1);
    sf_diag_warning(&f->dg, SF_E_RANGE, at, NULL, "value %d", 7); /* another severity: another diagnostic */
    sf_diag_note(&f->dg, SF_E_RANGE, (sf_where){0}, NULL, "elsewhere");
    assert_int_equal(f->dg.n, 3);
    assert_int_equal(f->dg.errors, 1);
    assert_int_equal(f->dg.warnings, 1);
    assert_error_at(&f->dg, SF_E_RANGE, 3, 5);
    assert_str(sf_diags_last_error(&f->dg)->message, "value 7");
    assert_str(sf_diags_last_error(&f->dg)->hint, "use 1");
}

static void test_many_and_related(void **state)
{
    fixture *f = *state;
    sf_where at = {.file = SF_STR("a.yaml")};

    for (at.line = 1; at.line <= 100; at.line++)
        sf_diag_error(&f->dg, SF_E_DUP_KEY, at, NULL, "key given twice");
    assert_int_equal(f->dg.errors, 100);
    at.line = 1;
    sf_diag_related(&f->dg, at, "first given here");
    assert_str(f->dg.items[99].related, "first given here");
    assert_int_equal(f->dg.items[99].related_at.line, 1);
}

static void test_no_list_and_no_memory(void **state)
{
    sf_arena *a = sf_arena_new(8);
    sf_diags dg;

    (void)state;
    assert_int_equal(sf_diag_error(NULL, SF_E_YAML, (sf_where){0}, NULL, "lost"), SF_E_YAML);
    sf_diag_related(NULL, (sf_where){0}, "lost");
    sf_diags_init(&dg, a);
    assert_int_equal(sf_diag_error(&dg, SF_E_YAML, (sf_where){0}, NULL, "too long for it"), SF_E_NOMEM);
    assert_true(dg.failed);
    assert_null(sf_diags_last_error(&dg));
    sf_arena_free(a);
}

static void test_code_table(void **state)
{
    size_t n = 0;

    (void)state;
    for (; sf_code_at(n); n++) {
        int code = sf_code_at(n);

        assert_non_null(sf_code_title(code));
        assert_in_range(code, 1001, 9999);
        for (size_t i = 0; i < n; i++)
            assert_int_not_equal(sf_code_at(i), code);
    }
    assert_true(n > 40);
    assert_string_equal(sf_code_title(SF_E_DUP_KEY), "key given twice in one mapping");
    assert_null(sf_code_title(1));
    assert_string_equal(sf_severity_name(SF_WARNING), "warning");
}

static void test_embedded_files(void **state)
{
    sf_str name, bytes, last = SF_STR("");
    size_t n = 0;

    (void)state;
    for (; sf_embed_at(n, &name, &bytes); n++) {
        sf_str found;

        assert_true(sf_str_cmp(last, name) < 0);
        assert_true(sf_embed_find(name, &found));
        assert_true(found.p == bytes.p && found.n == bytes.n);
        last = name;
    }
    assert_true(n > 0);
    assert_true(sf_embed_find(SF_STR("diagnostics/base.yaml"), &bytes));
    assert_true(sf_str_find(bytes, SF_STR("SF1001")) >= 0);
    assert_false(sf_embed_find(SF_STR("diagnostics/absent.yaml"), &bytes));
    assert_false(sf_embed_find(SF_STR(""), &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kept_once_and_counted), TEST(test_many_and_related),
        TEST(test_no_list_and_no_memory), TEST(test_code_table),
        TEST(test_embedded_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
