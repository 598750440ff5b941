/* yaml: trees, the place of every value, and every way to refuse a text. */
#include <stdio.h>

#include "test.h"

#include "text/yaml.h"

static const sf_node *parse(fixture *f, const char *text)
{
    const sf_node *root = NULL;

    assert_int_equal(sf_yaml_parse(f->a, sf_str_of(text), SF_STR("f.yaml"), &f->dg, &root), SF_OK);
    assert_non_null(root);
    assert_int_equal(root->kind, SF_MAP);
    return root;
}

static const sf_node *at(const sf_node *root, const char *path)
{
    const sf_node *node = sf_node_path(root, sf_str_of(path));

    assert_non_null(node);
    return node;
}

/* Line, column and bytes of a value. */
static void assert_place(const char *text, const sf_node *node, unsigned line, unsigned col,
                         const char *bytes)
{
    assert_int_equal(node->line, line);
    assert_int_equal(node->col, col);
    assert_true(node->off + node->len <= strlen(text));
    assert_str((sf_str){text + node->off, (size_t)node->len}, bytes);
    assert_str(node->file, "f.yaml");
}

static void test_places(void **state)
{
    static const char text[] = "a: 1\n"
                               "b: 'x y'  # c\n"
                               "\xc3\xa9t\xc3\xa9: [\xe2\x86\x92, {k: \"v\"}]\n"
                               "c:\n"
                               "  - d: |\n"
                               "      one\n"
                               "      two\n"
                               "\n"
                               "    e:\n"
                               "  - &n !!int '7'\n"
                               "f: &m\n"
                               "  # about g\n"
                               "  g: 2\n"
                               "h: *m\n";
    const sf_node *root = parse(*state, text);

    assert_place(text, at(root, "a"), 1, 4, "1");
    assert_place(text, at(root, "b"), 2, 4, "'x y'");
    assert_place(text, root->as.pairs[2].key_at, 3, 1, "\xc3\xa9t\xc3\xa9");
    assert_place(text, root->as.pairs[2].value, 3, 6, "[\xe2\x86\x92, {k: \"v\"}]");
    assert_place(text, sf_node_item(root->as.pairs[2].value, 0), 3, 7, "\xe2\x86\x92");
    assert_place(text, at(sf_node_item(root->as.pairs[2].value, 1), "k"), 3, 14, "\"v\"");
    assert_place(text, at(root, "c[0].d"), 5, 8, "|\n      one\n      two");
    assert_str(at(root, "c[0].d")->text, "one\ntwo\n");
    assert_place(text, at(root, "c[0].e"), 9, 7, "");
    assert_place(text, at(root, "c[1]"), 10, 14, "'7'");
    assert_int_equal(at(root, "c[1]")->as.i, 7);
    assert_place(text, at(root, "f"), 13, 3, "g: 2");
    assert_place(text, at(root, "h.g"), 13, 6, "2");
    assert_true(at(root, "h")->flags & SF_NODE_ALIAS);
    assert_false(at(root, "f")->flags & SF_NODE_ALIAS);
    assert_true(at(root, "b")->flags & SF_NODE_QUOTED);
    assert_true(root->as.pairs[2].value->flags & SF_NODE_FLOW);
    assert_false(at(root, "a")->flags & SF_NODE_QUOTED);
}

static void test_bom_and_line_ends(void **state)
{
    fixture *f = *state;
    const sf_node *root = parse(f, "\xef\xbb\xbf"
                                   "a: 1\r\nb: 2\r\n");

    assert_int_equal(root->as.pairs[0].key_at->col, 1);
    assert_int_equal(root->as.pairs[0].key_at->off, 3);
    assert_int_equal(at(root, "b")->line, 2);
    assert_int_equal(at(root, "b")->off, 12);
    root = parse(f, "a: 1\rb: 2\r");
    assert_int_equal(at(root, "b")->line, 2);
    /* Behind the start it is a letter, also where a line begins. */
    root = parse(f, "a: 1\n\xef\xbb\xbf"
                    "b: \xee\x80\x80\n");
    assert_str(root->as.pairs[1].key, "\xef\xbb\xbf"
                                      "b");
    assert_str(root->as.pairs[1].value->text, "\xee\x80\x80");
    assert_int_equal(root->as.pairs[1].value->off, 11);
}

static void test_whole_files(void **state)
{
    static const char *const empty[] = {"",  "# c\n",  "---\n",        "---\n...\n",
                                        "~", "null\n", "\xef\xbb\xbf", "{}"};
    fixture *f = *state;
    const sf_node *root;

    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        assert_int_equal(parse(f, empty[i])->n, 0);
    root = parse(f, "a word\n");
    assert_int_equal(root->n, 1);
    assert_str(root->as.pairs[0].key, "a word");
    assert_int_equal(root->as.pairs[0].value->kind, SF_NULL);
    assert_int_equal(at(parse(f, "%YAML 1.1\n---\na: 1\n...\n"), "a")->as.i, 1);
    assert_int_equal(f->dg.n, 0);
}

static void test_merge_keys(void **state)
{
    fixture *f = *state;
    const sf_node *root = parse(f, "a: &a {x: 1, y: 1, n: {p: 1}}\n"
                                   "b: &b {x: 2, z: 2}\n"
                                   "one: {y: 9, <<: *a}\n"
                                   "list: {<<: [*a, *b]}\n"
                                   "two: {<<: *a, <<: *b, n: {q: 2}}\n"
                                   "quoted: {\"<<\": 5}\n");

    assert_int_equal(at(root, "one.x")->as.i, 1);
    assert_int_equal(at(root, "one.y")->as.i, 9); /* its own wins, wherever it stands */
    assert_int_equal(at(root, "one")->n, 3);
    assert_true(at(root, "one.x")->flags & SF_NODE_MERGED);
    assert_false(at(root, "one.y")->flags & SF_NODE_MERGED);
    assert_false(at(root, "a.x")->flags & SF_NODE_MERGED);
    assert_int_equal(at(root, "one.x")->line, 1);
    assert_int_equal(at(root, "list.x")->as.i, 1); /* the first of a list wins */
    assert_int_equal(at(root, "list.z")->as.i, 2);
    assert_int_equal(at(root, "two.x")->as.i, 2);       /* of two merge keys the last */
    assert_null(sf_node_path(root, SF_STR("two.n.p"))); /* maps inside are not merged */
    assert_int_equal(at(root, "quoted")->as.pairs[0].value->as.i, 5);
    assert_int_equal(sf_node_path(root, SF_STR("one"))->as.pairs[0].value->as.i,
                     1); /* merged ones come first */
}

static void test_tags(void **state)
{
    const sf_node *root =
        parse(*state, "a: !!int '5'\nb: !!str 5\nc: !!float 1\nd: !!bool 'YES'\ne: !!null x\n"
                      "f: !!binary aGVsbG8=\ng: !!seq [1]\nh: ! '7'\ni: !!str\n");

    assert_int_equal(at(root, "a")->as.i, 5);
    assert_str(at(root, "b")->text, "5");
    assert_int_equal(at(root, "b")->kind, SF_STRING);
    assert_true(at(root, "c")->as.f == 1.0);
    assert_true(at(root, "d")->as.b);
    assert_int_equal(at(root, "e")->kind, SF_NULL);
    assert_str(at(root, "f")->text, "hello");
    assert_int_equal(at(root, "g")->n, 1);
    assert_int_equal(at(root, "h")->as.i, 7);
    assert_int_equal(at(root, "i")->kind, SF_STRING);
}

static void test_tabs_where_they_may_stand(void **state)
{
    fixture *f = *state;

    parse(f, "a: 'x\ty'\nb: \"x\ty\"\n#\tc\nc: |\n  x\ty\n\n  \tz\nd: 1 #\tc\ne: 'x'#\tc\n");
    assert_int_equal(f->dg.n, 0);
}

/* Every refusal: code, line, column. */
static void test_refused(void **state)
{
    static const struct {
        const char *text;
        sf_code code;
        unsigned line, col;
    } row[] = {
        {"a: 1\na: 2\n",           SF_E_DUP_KEY, 2, 1 },
        {"a: 1\n'a': 2\n",         SF_E_DUP_KEY, 2, 1 },
        {"x: {b: 1, b: 2}\n",      SF_E_DUP_KEY, 1, 11},
        {"1: a\n0x1: b\n",         SF_E_DUP_KEY, 2, 1 },
        {"yes: a\ntrue: b\n",      SF_E_DUP_KEY, 2, 1 },
        {"a: 1\n\tb: 2\n",         SF_E_YAML,    2, 1 },
        {"a:\t1\n",                SF_E_YAML,    1, 3 },
        {"a: 1\t\n",               SF_E_YAML,    1, 5 },
        {"a: 1\t# c\n",            SF_E_YAML,    1, 5 },
        {"a: x\ty\n",              SF_E_YAML,    1, 5 },
        {"a: |\t\n  x\n",          SF_E_YAML,    1, 5 },
        {"a: [1,\t2]\n",           SF_E_YAML,    1, 7 },
        {"a: 'x'\t\n",             SF_E_YAML,    1, 7 },
        {"a: @x\n",                SF_E_YAML,    1, 4 },
        {"a: b: c\n",              SF_E_YAML,    1, 5 },
        {"a:\n  b: 1\n c: 2\n",    SF_E_YAML,    3, 2 },
        {"a: [1\n",                SF_E_YAML,    2, 1 },
        {"a: 'x\n",                SF_E_YAML,    2, 1 },
        {"a: 1\n---\nb: 2\n",      SF_E_YAML,    2, 1 },
        {"a: *x\n",                SF_E_YAML,    1, 4 },
        {"a: &x [*x]\n",           SF_E_YAML,    1, 8 },
        {"a: &x 1\nb: &x 2\n",     SF_E_YAML,    2, 4 },
        {"a: !local x\n",          SF_E_YAML,    1, 4 },
        {"a: !!set {b}\n",         SF_E_YAML,    1, 4 },
        {"a: !!int x\n",           SF_E_YAML,    1, 4 },
        {"a: !!map [1]\n",         SF_E_YAML,    1, 4 },
        {"a: !!binary '*'\n",      SF_E_YAML,    1, 4 },
        {"a: <<\n",                SF_E_YAML,    1, 4 },
        {"a: [=]\n",               SF_E_YAML,    1, 5 },
        {"a: 0x_\n",               SF_E_YAML,    1, 4 },
        {"a:\n  <<: 5\n",          SF_E_YAML,    2, 7 },
        {"a:\n  <<: [1]\n",        SF_E_YAML,    2, 8 },
        {"~: 1\n",                 SF_E_YAML,    1, 1 },
        {": 1\n",                  SF_E_YAML,    1, 1 },
        {"? [a]\n: 1\n",           SF_E_YAML,    1, 3 },
        {"? {a: 1}\n: 1\n",        SF_E_YAML,    1, 3 },
        {"- a\n",                  SF_E_YAML,    1, 1 },
        {"42\n",                   SF_E_YAML,    1, 1 },
        {"a: \x01\n",              SF_E_YAML,    1, 4 },
        {"a: \xc2\x80\n",          SF_E_YAML,    1, 4 },
        {"a: \xef\xbf\xbf\n",      SF_E_YAML,    1, 4 },
        {"\xc3\xa9: 1\nb: \xff\n", SF_E_UTF8,    2, 4 },
        {"a: \xed\xa0\x80\n",      SF_E_UTF8,    1, 4 },
        {"\xff\xfe"
         "a",             SF_E_UTF8,    1, 1 },
        {"a: \"\\z\"\n",           SF_E_YAML,    1, 5 },
        {"%FOO\n---\na: 1\n",      SF_E_YAML,    1, 5 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_node *root = NULL;

        sf_diags_init(&f->dg, f->a);
        assert_int_equal(sf_yaml_parse(f->a, sf_str_of(row[i].text), SF_STR("f.yaml"), &f->dg, &root),
                         row[i].code);
        assert_error_at(&f->dg, row[i].code, row[i].line, row[i].col);
        assert_int_equal(f->dg.n, 1);
        assert_str(f->dg.items[0].at.file, "f.yaml");
        assert_null(root);
    }
}

static void test_texts_of_errors(void **state)
{
    fixture *f = *state;
    const sf_node *root;
    const sf_diag *d;

    assert_int_equal(sf_yaml_parse(f->a, SF_STR("a: 1\nb: 2\na: 3\n"), SF_STR("f"), &f->dg, &root),
                     SF_E_DUP_KEY);
    d = sf_diags_last_error(&f->dg);
    assert_str(d->message, "key \"a\" given twice in one mapping");
    assert_str(d->related, "first given here");
    assert_int_equal(d->related_at.line, 1);
    assert_int_equal(sf_yaml_parse(f->a, SF_STR("a:\n  b: 1\n c: 2\n"), SF_STR("f"), &f->dg, &root),
                     SF_E_YAML);
    d = sf_diags_last_error(&f->dg);
    assert_str(d->message, "while parsing a block mapping did not find expected key");
    assert_int_equal(d->related_at.line, 1);
    assert_true(sf_str_find(d->hint, SF_STR("indentation")) >= 0);
    assert_int_equal(sf_yaml_parse(f->a, (sf_str){"a: 1\0", 5}, SF_STR("f"), &f->dg, &root), SF_E_YAML);
    assert_str(sf_diags_last_error(&f->dg)->message, "control character U+0000");
    assert_error_at(&f->dg, SF_E_YAML, 1, 5);
}

/* `count` copies of `part` between `head` and `tail`. */
static sf_str repeat(fixture *f, const char *head, const char *part, size_t count, const char *tail)
{
    size_t h = strlen(head), n = strlen(part), t = strlen(tail);
    char *p = sf_arena_alloc(f->a, h + n * count + t, 1);

    assert_non_null(p);
    memcpy(p, head, h);
    for (size_t i = 0; i < count; i++)
        memcpy(p + h + i * n, part, n);
    memcpy(p + h + n * count, tail, t);
    return (sf_str){p, h + n * count + t};
}

static sf_code parse_code(fixture *f, sf_str text)
{
    const sf_node *root;

    return sf_yaml_parse(f->a, text, SF_STR("f"), &f->dg, &root);
}

static void test_limits(void **state)
{
    fixture *f = *state;
    sf_str text;

    assert_int_equal(parse_code(f, repeat(f, "a: ", "[", 1000000, "")), SF_E_LIMIT);
    assert_error_at(&f->dg, SF_E_LIMIT, 1, 67); /* the map and 63 lists are open */
    assert_int_equal(parse_code(f, repeat(f, "", "- ", 100000, "x")), SF_E_LIMIT);
    assert_int_equal(parse_code(f, repeat(f, "a: ", "{a: ", 1000, "")), SF_E_LIMIT);
    /* The list has a weight of 1001 with itself: 998 of them, and a few values beside, are all that may be. */
    text = repeat(f, "a: &a [", "1,", 999, "1]\nb: [");
    assert_int_equal(parse_code(f, repeat(f, sf_arena_cstr(f->a, text), "*a,", 997, "1]\n")), SF_OK);
    assert_int_equal(parse_code(f, repeat(f, sf_arena_cstr(f->a, text), "*a,", 998, "1]\n")), SF_E_LIMIT);
    assert_int_equal(parse_code(f, repeat(f, "a: '", "x", SF_YAML_MAX_BYTES, "'")), SF_E_LIMIT);
    assert_int_equal(parse_code(f, repeat(f, "", "%TAG !x! tag:x,2000:\n", 100, "---\na: 1\n")), SF_E_LIMIT);
    assert_error_at(&f->dg, SF_E_LIMIT, 17, 1);
}

/* Nine levels of nine aliases each: 9^9 values when written out. */
static void test_alias_bomb(void **state)
{
    fixture *f = *state;
    sf_str text = SF_STR("a: &a [x, x, x, x, x, x, x, x, x]\n");

    for (char c = 'b'; c <= 'i'; c++)
        text = sf_arena_printf(f->a, "%.*s%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n",
                               SF_STR_ARG(text), c, c, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1,
                               c - 1);
    assert_int_equal(parse_code(f, text), SF_E_LIMIT);
    assert_true(sf_diags_last_error(&f->dg)->at.line >= 6);
    assert_int_equal(parse_code(f, sf_str_sub(text, 0, 45)), SF_E_YAML); /* cut inside a list */
}

static void test_many_keys(void **state)
{
    fixture *f = *state;
    sf_arena *texts = sf_arena_new((size_t)1 << 26);
    char *p = sf_arena_alloc(texts, 30000 * 14 + 20, 1);
    size_t n = 0;
    const sf_node *root;

    for (int i = 0; i < 30000; i++)
        n += (size_t)snprintf(p + n, 16, "k%d: 1\n", i);
    assert_int_equal(sf_yaml_parse(f->a, (sf_str){p, n}, SF_STR("f"), &f->dg, &root), SF_OK);
    assert_int_equal(root->n, 30000);
    assert_str(root->as.pairs[29999].key, "k29999");
    memcpy(p + n, "k7: 2\n", 6);
    assert_int_equal(sf_yaml_parse(f->a, (sf_str){p, n + 6}, SF_STR("f"), &f->dg, &root), SF_E_DUP_KEY);
    assert_error_at(&f->dg, SF_E_DUP_KEY, 30001, 1);
    assert_int_equal(f->dg.items[0].related_at.line, 8);
    sf_arena_free(texts);
}

static void test_many_anchors(void **state)
{
    fixture *f = *state;
    sf_arena *texts = sf_arena_new((size_t)1 << 24);
    char *p = sf_arena_alloc(texts, 65537 * 20, 1);
    size_t n = 0;

    assert_non_null(p);
    for (int i = 0; i < 65537; i++)
        n += (size_t)snprintf(p + n, 20, "- &a%d\n", i);
    assert_int_equal(parse_code(f, (sf_str){p, n}), SF_E_LIMIT);
    assert_error_at(&f->dg, SF_E_LIMIT, 65537, 3);
    sf_arena_free(texts);
}

/* Entries that a merge key brings count like those behind an alias. */
static void test_merge_bomb(void **state)
{
    fixture *f = *state;
    sf_str text = SF_STR("a: &a {");

    for (int i = 0; i < 500; i++)
        text = sf_arena_printf(f->a, "%.*sk%d: 1, ", SF_STR_ARG(text), i);
    text = sf_arena_printf(f->a, "%.*s}\nb: {<<: [", SF_STR_ARG(text));
    assert_int_equal(parse_code(f, repeat(f, text.p, "*a,", 10, "]}\n")), SF_OK);
    assert_int_equal(parse_code(f, repeat(f, text.p, "*a,", 1000, "]}\n")), SF_E_LIMIT);
}

static void test_no_memory(void **state)
{
    static const char text[] = "a: &x {k: 1, l: [1, 2]}\nb: {<<: *x, l: !!binary aGk=}\n";
    fixture *f = *state;
    bool good = false;

    for (size_t max = 0; max < 40000 && !good; max += 61) {
        sf_arena *small = sf_arena_new(max);
        const sf_node *root;
        sf_code rc = sf_yaml_parse(small, SF_STR(text), SF_STR("f"), &f->dg, &root);

        assert_true(rc == SF_E_NOMEM || rc == SF_OK);
        good = rc == SF_OK;
        sf_arena_free(small);
    }
    assert_true(good);
    assert_int_equal(f->dg.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_places),       TEST(test_bom_and_line_ends),
        TEST(test_whole_files),  TEST(test_merge_keys),
        TEST(test_tags),         TEST(test_tabs_where_they_may_stand),
        TEST(test_refused),      TEST(test_texts_of_errors),
        TEST(test_limits),       TEST(test_alias_bomb),
        TEST(test_many_keys),    TEST(test_merge_bomb),
        TEST(test_many_anchors), TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
