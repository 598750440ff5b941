/* node: look-ups, and reads that say where a wrong value stands. */
#include "test.h"

#include "text/node.h"

/* {tp: 2, util: 0.9, name: x, on: true, none: null, list: [[7]], big: 99…9}, at made-up places. */
static const sf_node two = {
    .kind = SF_INT, .line = 3, .col = 9, .off = 30, .len = 1, .text = SF_STR("2"), .as.i = 2};
static const sf_node frac = {.kind = SF_FLOAT, .line = 4, .col = 8, .text = SF_STR("0.9"), .as.f = 0.9};
static const sf_node name = {.kind = SF_STRING, .line = 5, .col = 7, .text = SF_STR("x")};
static const sf_node on = {.kind = SF_BOOL, .line = 6, .col = 5, .text = SF_STR("true"), .as.b = true};
static const sf_node none = {.kind = SF_NULL, .line = 7, .col = 6};
static const sf_node seven = {.kind = SF_INT, .line = 8, .col = 9, .text = SF_STR("7"), .as.i = 7};
static const sf_node *const inner_items[] = {&seven};
static const sf_node inner = {.kind = SF_SEQ, .n = 1, .line = 8, .col = 8, .as.items = inner_items};
static const sf_node *const outer_items[] = {&inner};
static const sf_node outer = {.kind = SF_SEQ, .n = 1, .line = 8, .col = 7, .as.items = outer_items};
static const sf_node big = {
    .kind = SF_FLOAT, .line = 9, .col = 6, .text = SF_STR("99999999999999999999"), .as.f = 1e20};
static const sf_pair pairs[] = {
    {SF_STR("tp"),   &name, &two  },
    {SF_STR("util"), &name, &frac },
    {SF_STR("name"), &name, &name },
    {SF_STR("on"),   &name, &on   },
    {SF_STR("none"), &name, &none },
    {SF_STR("list"), &name, &outer},
    {SF_STR("big"),  &name, &big  },
};
static const sf_node map = {.kind = SF_MAP, .n = 7, .line = 1, .col = 1, .as.pairs = pairs};
static const sf_pair root_pairs[] = {
    {SF_STR("a"), &name, &map}
};
static const sf_node root = {.kind = SF_MAP, .n = 1, .line = 1, .col = 1, .as.pairs = root_pairs};

static void test_look_up(void **state)
{
    (void)state;
    assert_ptr_equal(sf_node_get(&map, "tp"), &two);
    assert_null(sf_node_get(&map, "t"));
    assert_null(sf_node_get(NULL, "tp"));
    assert_null(sf_node_get(&two, "tp"));
    assert_ptr_equal(sf_node_item(&outer, 0), &inner);
    assert_null(sf_node_item(&outer, 1));
    assert_null(sf_node_item(&map, 0));
    assert_true(sf_node_absent(NULL));
    assert_true(sf_node_absent(&none));
    assert_false(sf_node_absent(&two));
    assert_false(sf_node_is(NULL, SF_NULL));
}

static void test_path(void **state)
{
    (void)state;
    assert_ptr_equal(sf_node_path(&root, SF_STR("")), &root);
    assert_ptr_equal(sf_node_path(&root, SF_STR("a.tp")), &two);
    assert_ptr_equal(sf_node_path(&root, SF_STR("a.list[0][0]")), &seven);
    assert_ptr_equal(sf_node_path(&outer, SF_STR("[0][0]")), &seven);
    assert_null(sf_node_path(&root, SF_STR("a.list[1]")));
    assert_null(sf_node_path(&root, SF_STR("a.list[0")));
    assert_null(sf_node_path(&root, SF_STR("a.list[-1]")));
    assert_null(sf_node_path(&root, SF_STR("a.list[0]x")));
    assert_null(sf_node_path(&root, SF_STR("a.list[4294967296]")));
    assert_null(sf_node_path(&root, SF_STR("a..tp")));
    assert_null(sf_node_path(&root, SF_STR("b.tp")));
    assert_null(sf_node_path(NULL, SF_STR("b.tp")));
}

static void test_reads(void **state)
{
    fixture *f = *state;
    int64_t i = -5;
    double d = -1;
    bool b = false;
    sf_str s = SF_STR("old");

    assert_int_equal(sf_node_read_i64(&map, "tp", 1, 8, &f->dg, &i), SF_OK);
    assert_int_equal(i, 2);
    assert_int_equal(sf_node_read_f64(&map, "util", &f->dg, &d), SF_OK);
    assert_true(d == 0.9);
    assert_int_equal(sf_node_read_f64(&map, "tp", &f->dg, &d), SF_OK);
    assert_true(d == 2.0);
    assert_int_equal(sf_node_read_bool(&map, "on", &f->dg, &b), SF_OK);
    assert_true(b);
    assert_int_equal(sf_node_read_str(&map, "name", &f->dg, &s), SF_OK);
    assert_str(s, "x");
    /* Absent and null leave the value alone. */
    assert_int_equal(sf_node_read_i64(&map, "none", 1, 8, &f->dg, &i), SF_OK);
    assert_int_equal(sf_node_read_i64(&map, "nowhere", 1, 8, &f->dg, &i), SF_OK);
    assert_int_equal(sf_node_read_i64(NULL, "tp", 1, 8, &f->dg, &i), SF_OK);
    assert_int_equal(i, 2);
    assert_int_equal(f->dg.n, 0);
}

static void test_wrong_types(void **state)
{
    fixture *f = *state;
    int64_t i = 5;
    double d = 5;
    bool b = true;
    sf_str s = SF_STR("old");

    assert_int_equal(sf_node_read_i64(&map, "util", 1, 8, &f->dg, &i), SF_E_TYPE);
    assert_error_at(&f->dg, SF_E_TYPE, 4, 8);
    assert_str(sf_diags_last_error(&f->dg)->message,
               "\"util\" must be a whole number, not a number with a fraction");
    assert_str(sf_diags_last_error(&f->dg)->at.key, "util");
    assert_int_equal(sf_node_read_i64(&map, "on", 1, 8, &f->dg, &i), SF_E_TYPE);
    assert_error_at(&f->dg, SF_E_TYPE, 6, 5);
    assert_int_equal(sf_node_read_f64(&map, "name", &f->dg, &d), SF_E_TYPE);
    assert_error_at(&f->dg, SF_E_TYPE, 5, 7);
    assert_int_equal(sf_node_read_bool(&map, "tp", &f->dg, &b), SF_E_TYPE);
    assert_error_at(&f->dg, SF_E_TYPE, 3, 9);
    assert_int_equal(sf_node_read_str(&map, "list", &f->dg, &s), SF_E_TYPE);
    assert_error_at(&f->dg, SF_E_TYPE, 8, 7);
    assert_int_equal(f->dg.errors, 5); /* one each */
    assert_int_equal(i, 5);
    assert_true(d == 5 && b);
    assert_str(s, "old");
}

static void test_ranges(void **state)
{
    fixture *f = *state;
    int64_t i = 5;

    assert_int_equal(sf_node_read_i64(&map, "tp", 3, 8, &f->dg, &i), SF_E_RANGE);
    assert_error_at(&f->dg, SF_E_RANGE, 3, 9);
    assert_str(sf_diags_last_error(&f->dg)->message, "\"tp\" is 2; it must be from 3 to 8");
    assert_int_equal(sf_node_read_i64(&map, "tp", 3, INT64_MAX, &f->dg, &i), SF_E_RANGE);
    assert_str(sf_diags_last_error(&f->dg)->message, "\"tp\" is 2; it must be at least 3");
    assert_int_equal(sf_node_read_i64(&map, "tp", INT64_MIN, 1, &f->dg, &i), SF_E_RANGE);
    assert_str(sf_diags_last_error(&f->dg)->message, "\"tp\" is 2; it must be at most 1");
    /* An integer that no int64 holds is out of range, not of another type. */
    assert_int_equal(sf_node_read_i64(&map, "big", INT64_MIN, INT64_MAX, &f->dg, &i), SF_E_RANGE);
    assert_error_at(&f->dg, SF_E_RANGE, 9, 6);
    assert_int_equal(i, 5);
}

static void test_with(void **state)
{
    fixture *f = *state;
    const sf_node *more = sf_node_with(f->a, &map, SF_STR("new"), &seven);
    const sf_node *changed = sf_node_with(f->a, &map, SF_STR("tp"), sf_node_new_i64(f->a, -12));
    const sf_node *fresh = sf_node_with(f->a, NULL, SF_STR("k"), sf_node_new_str(f->a, SF_STR("v")));

    assert_int_equal(more->n, 8);
    assert_ptr_equal(sf_node_get(more, "new"), &seven);
    assert_ptr_equal(sf_node_get(more, "tp"), &two);
    assert_int_equal(more->as.pairs[7].key_at->line, 8);
    assert_int_equal(changed->n, 7);
    assert_int_equal(sf_node_get(changed, "tp")->as.i, -12);
    assert_str(changed->as.pairs[0].value->text, "-12");
    assert_ptr_equal(changed->as.pairs[0].key_at, &name);
    assert_int_equal(map.as.pairs[0].value->as.i, 2); /* the old one is untouched */
    assert_int_equal(fresh->n, 1);
    assert_str(sf_node_get(fresh, "k")->text, "v");
}

static void test_with_no_memory(void **state)
{
    fixture *f = *state;
    sf_arena *small = sf_arena_new(16);

    (void)f;
    assert_null(sf_node_with(small, &map, SF_STR("new"), &seven));
    assert_null(sf_node_new_str(small, SF_STR("x")));
    assert_null(sf_node_new_i64(small, 1));
    sf_arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_look_up), TEST(test_path), TEST(test_reads),          TEST(test_wrong_types),
        TEST(test_ranges),  TEST(test_with), TEST(test_with_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
