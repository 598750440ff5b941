/* name_list, name_regex: which modules an entry of a quantisation config covers. */
#include "test.h"

#include "model/name_list.h"
#include "model/name_regex.h"
#include "text/json.h"

static void test_regex(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } row[] = {
        {".*self_attn.*",                          "model.layers.3.self_attn.q_proj",      true },
        {".*self_attn.*",                          "model.layers.3.mlp.up_proj",           false},
        {".*mlp\\.(gate|up|gate_up|down)_proj.*",  "model.layers.0.mlp.down_proj",         true },
        {".*mlp\\.(gate|up|gate_up|down)_proj.*",  "model.layers.0.mlp.experts.1.w_proj",  false},
        {".*mlp.gate$",                            "model.layers.0.mlp.gate",              true },
        {".*mlp.gate$",                            "model.layers.0.mlp.gate_proj",         false},
        {"model",                                  "model.layers.0",                       true },
        {"layers",                                 "model.layers.0",                       false},
        {"^model\\.layers\\.(\\d+)\\.",            "model.layers.12.mlp",                  true },
        {"model\\.layers\\.(5[6-9]|6[0-3])\\.mlp", "model.layers.57.mlp.up_proj",          true },
        {"model\\.layers\\.(5[6-9]|6[0-3])\\.mlp", "model.layers.55.mlp.up_proj",          false},
        {"(?!.*experts).*mlp.*",                   "model.layers.1.mlp.up_proj",           true },
        {"(?!.*experts).*mlp.*",                   "model.layers.1.mlp.experts.0.w",       false},
        {"(?=.*proj).*layers\\.1\\b",              "model.layers.1.q_proj",                false},
        {"a{2,3}b?$",                              "aaab",                                 true },
        {"a{2,3}b?$",                              "ab",                                   false},
        {"(a|ab)(c|bcd)$",                         "abcd",                                 true },
        {"[^.]+\\.[a-c_]+",                        "x1.cab_",                              true },
        {"(((a*)*)*)*b",                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false},
        {"",                                       "anything",                             true },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_name_regex *re;
        sf_code rc = sf_name_regex_compile(f->a, sf_str_of(row[i].pattern), &re);

        if (strstr(row[i].pattern, "\\b")) { /* outside the subset */
            assert_int_equal(rc, SF_E_EXPR);
            continue;
        }
        assert_int_equal(rc, SF_OK);
        if (sf_name_regex_match(re, sf_str_of(row[i].name)) != row[i].matches)
            fail_msg("%s against %s", row[i].pattern, row[i].name);
    }
}

static void test_broken_regex(void **state)
{
    static const char *const row[] = {
        "(a", "a)", "[a", "*a", "a{2", "a{3,2}", "a{99}", "\\", "(?<a>b)", "\\1", "((((((((((a))))))))))"};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_name_regex *re;

        if (sf_name_regex_compile(f->a, sf_str_of(row[i]), &re) != SF_E_EXPR)
            fail_msg("%s is taken", row[i]);
    }
}

static void test_styles(void **state)
{
    static const struct {
        unsigned styles;
        const char *list, *name;
        bool covers;
    } row[] = {
        {SF_NAME_EXACT,              "[\"lm_head\"]",                 "lm_head",                  true },
        {SF_NAME_EXACT,              "[\"a.b\"]",                     "a.b.c",                    false},
        {SF_NAME_PREFIX,             "[\"a.b\"]",                     "a.b.c",                    true },
        {SF_NAME_PREFIX,             "[\"a.b\"]",                     "a.bc",                     false},
        {SF_NAME_PREFIX,             "[\"m.layers.1\"]",              "m.layers.10.mlp",          false},
        {SF_NAME_SUFFIX,             "[\"gate\"]",                    "m.layers.3.mlp.gate",      true },
        {SF_NAME_SUFFIX,             "[\"gate\"]",                    "m.layers.3.mlp.up_gate",   false},
        {SF_NAME_CONTAINS,           "[\"visual\"]",                  "visual.blocks.3.attn.qkv", true },
        {SF_NAME_CONTAINS,           "[\"layers.1.\"]",               "m.layers.1.mlp",           true },
        {SF_NAME_COMPONENT,          "[\"lm_head\", \"gate\"]",       "m.layers.3.gate.x",        true },
        {SF_NAME_COMPONENT,          "[\"gate\"]",                    "m.layers.3.gate_proj",     false},
        {SF_NAME_GLOB,               "[\"m.layers.1*\"]",             "m.layers.17.mlp",          true },
        {SF_NAME_GLOB,               "[\"m.layers.1.*\"]",            "m.layers.17.mlp",          false},
        {SF_NAME_GLOB,               "[\"*.attn.*\"]",                "layers.4.attn.wq_b",       true },
        {SF_NAME_GLOB,               "[\"m.layers.?.x\"]",            "m.layers.5.x",             true },
        {SF_NAME_RE | SF_NAME_EXACT, "[\"re:.*gate$\", \"head\"]",    "m.layers.5.gate",          true },
        {SF_NAME_RE | SF_NAME_EXACT, "[\"re:.*gate$\", \"head\"]",    "head",                     true },
        {SF_NAME_RE_SEARCH,          "{\"-:layers\\\\.1\\\\.\": {}}", "m.layers.1.mlp",           true },
        {SF_NAME_EXACT,              "\"lm_head\"",                   "lm_head",                  true },
        {SF_NAME_EXACT,              "[]",                            "lm_head",                  false},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_str name = sf_str_of(row[i].name);
        const sf_name_list *l;
        const sf_node *n;
        size_t at;

        assert_int_equal(sf_json_parse(f->a, sf_str_of(row[i].list), SF_STR("c.json"), 0, &f->dg, &n), SF_OK);
        assert_int_equal(sf_name_list_new(f->a, n, row[i].styles, &f->dg, &l), SF_OK);
        if (sf_name_list_covers(l, name, sf_name_number(name), &at) != row[i].covers)
            fail_msg("%s against %s", row[i].list, row[i].name);
    }
}

static void test_entries_that_are_no_names(void **state)
{
    fixture *f = *state;
    const sf_name_list *l;
    const sf_node *n;

    assert_int_equal(sf_json_parse(f->a, SF_STR("[\"a\",\n 7]"), SF_STR("c.json"), 0, &f->dg, &n), SF_OK);
    assert_int_equal(sf_name_list_new(f->a, n, SF_NAME_EXACT, &f->dg, &l), SF_E_QUANT_CONFIG);
    assert_error_at(&f->dg, SF_E_QUANT_CONFIG, 2, 2);
    assert_int_equal(sf_json_parse(f->a, SF_STR("[\"re:(\"]"), SF_STR("c.json"), 0, &f->dg, &n), SF_OK);
    assert_int_equal(sf_name_list_new(f->a, n, SF_NAME_RE, &f->dg, &l), SF_E_QUANT_CONFIG);
    assert_error_at(&f->dg, SF_E_QUANT_CONFIG, 1, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_regex),
        TEST(test_broken_regex),
        TEST(test_styles),
        TEST(test_entries_that_are_no_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
