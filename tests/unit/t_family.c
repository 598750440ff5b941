/* family: the format of the family files and the walk over them. */
#include "model_helper.h"

#include "base/embed.h"
#include "model/family.h"

/* Resolves a config against one family file of the test's own, which knows architecture T. */
static sf_code with_family(fixture *f, const char *family, const char *json, const sf_model **ret)
{
    static const sf_str names[] = {
        {"models/index.yaml",      17},
        {"models/families/t.yaml", 22}
    };
    static sf_str texts[2];
    sf_model_cache *cache = sf_model_cache_new(f->a);
    sf_model_wish wish = {.cache = cache};

    texts[0] = SF_STR("architectures: {T: t}\n");
    texts[1] = sf_str_of(family);
    cache->extra_names = names;
    cache->extra_texts = texts;
    cache->n_extra = 2;
    return resolve_text(f, json, &wish, ret);
}

#define CONFIG                                                                                               \
    "{\"architectures\": [\"T\"], \"h\": 8, \"layers\": 5, \"dense\": [0, 3], \"rates\": [2, 3], \"sub\": "  \
    "{\"h\": 3}}"

/* Every `use` of a tree, wherever it stands, leads to a part. */
static void check_uses(fixture *f, sf_model_cache *cache, sf_str file, const sf_node *n)
{
    if (n->kind == SF_SEQ)
        for (uint32_t i = 0; i < n->n; i++)
            check_uses(f, cache, file, n->as.items[i]);
    if (n->kind != SF_MAP)
        return;
    for (uint32_t i = 0; i < n->n; i++) {
        const sf_pair *p = &n->as.pairs[i];
        sf_str rest = p->value->text, from = file;
        const sf_node *root = NULL;

        if (!sf_str_is(p->key, "use") || sf_str_starts(rest, SF_STR("<"))) {
            check_uses(f, cache, file, p->value);
            continue;
        }
        if (sf_str_find_char(rest, '/') >= 0)
            sf_str_split(&rest, '/', &from);
        assert_int_equal(sf_family_file(cache, from, (sf_where){0}, &f->dg, &root), SF_OK);
        assert_non_null(sf_node_get_str(sf_node_get(root, "parts"), rest));
    }
}

static void test_index_is_in_step(void **state)
{
    fixture *f = *state;
    sf_model_cache *cache = sf_model_cache_new(f->a);
    sf_str *names = NULL, path, bytes;
    size_t n = 0, listed = 0;
    const sf_node *index = NULL, *types;

    assert_int_equal(sf_families_list(f->a, &f->dg, &names, &n), SF_OK);
    for (size_t i = 0; i < n; i++) {
        sf_family_entry e;
        bool found = false;

        assert_int_equal(sf_family_find(cache, names[i], &f->dg, &found, &e), SF_OK);
        assert_true(found && e.node);
        if (e.part.n)
            assert_non_null(sf_node_get_str(sf_node_get(e.node, "parts"), e.part));
    }
    assert_int_equal(sf_family_index(cache, &f->dg, &index), SF_OK);
    types = sf_node_get(index, "model_types");
    for (uint32_t i = 0; i < types->n; i++)
        assert_non_null(sf_node_get_str(sf_node_get(index, "architectures"), types->as.pairs[i].value->text));
    /* and every architecture of every file is in the index */
    for (size_t i = 0; sf_embed_at(i, &path, &bytes); i++) {
        const sf_node *root = NULL, *archs;
        sf_str file = sf_str_sub(path, strlen("models/families/"), path.n - strlen(".yaml"));

        if (!sf_str_starts(path, SF_STR("models/families/")))
            continue;
        assert_int_equal(sf_family_file(cache, file, (sf_where){0}, &f->dg, &root), SF_OK);
        check_uses(f, cache, file, root);
        archs = sf_node_get(root, "architectures");
        for (uint32_t k = 0; archs && k < archs->n; k++, listed++)
            assert_non_null(sf_node_get_str(sf_node_get(index, "architectures"), archs->as.pairs[k].key));
    }
    assert_true(listed >= 18 && listed <= n);
}

static void test_layers_of_two_kinds(void **state)
{
    static const char family[] =
        "architectures:\n  T:\n    use: all\nparts:\n  all:\n    layers: layers\n    tensors:\n"
        "      - layers: layers\n        name: l\n        kinds: {d: 'contains(dense, i)'}\n"
        "        rows:\n"
        "          - n.weight [h] norm\n"
        "          - mlp.weight [2*h, h] column when d\n"
        "          - experts: 4\n            name: e\n            when: '!d'\n            rows:\n"
        "              - w.weight [h, h] column -> w13_weight\n";
    static const struct {
        const char *name;
        uint32_t first, repeat, experts;
    } row[] = {
        {"l.{}.n.weight",      0, 1, 1},
        {"l.{}.mlp.weight",    0, 1, 1},
        {"l.{}.n.weight",      1, 2, 1},
        {"l.{}.e.{}.w.weight", 1, 2, 4},
        {"l.{}.n.weight",      3, 1, 1},
        {"l.{}.mlp.weight",    3, 1, 1},
        {"l.{}.n.weight",      4, 1, 1},
        {"l.{}.e.{}.w.weight", 4, 1, 4},
    };
    fixture *f = *state;
    const sf_model *m = NULL;

    assert_int_equal(with_family(f, family, CONFIG, &m), SF_OK);
    assert_int_equal(m->n_tensors, sizeof row / sizeof *row);
    for (size_t i = 0; i < m->n_tensors; i++) {
        assert_str(m->tensors[i].name, row[i].name);
        assert_int_equal(m->tensors[i].first_layer, row[i].first);
        assert_int_equal(m->tensors[i].repeat, row[i].repeat);
        assert_int_equal(m->tensors[i].experts, row[i].experts);
        assert_int_equal(m->tensors[i].pp, SF_PP_LAYER);
    }
    assert_int_equal(m->tensors[3].cls, SF_TENSOR_EXPERT);
    assert_true(m->tensors[1].block != m->tensors[2].block && m->tensors[2].block == m->tensors[3].block);
}

static void test_loops_names_and_lets(void **state)
{
    static const char family[] =
        "architectures:\n  T:\n    tensors:\n      - use: a\n        at: sub\n        name: x\n        "
        "component: part\n"
        "        names: {w: kernel}\n        with: {scale: h + 1}\n"
        "parts:\n  a:\n    params: {scale: 9, other: 2}\n    names: {w: weight, b: <w>_bias}\n    tensors:\n"
        "      - each: $.rates\n        from: 4\n        name: up.{}.conv\n        let: {c: v * scale}\n     "
        "   rows:\n"
        "          - <w> [c, other] disk(float32) run(float16)\n"
        "          - repeat: 3\n            name: r\n            rows:\n              - <b> [i + 1]\n"
        "      - 'tail.{scale + 1}.<w> [h]'\n";
    fixture *f = *state;
    const sf_model *m = NULL;

    assert_int_equal(with_family(f, family, CONFIG, &m), SF_OK);
    assert_int_equal(m->n_tensors, 5);
    assert_str(m->tensors[0].name, "x.up.4.conv.kernel");
    assert_int_equal(m->tensors[0].dims[0], 8);
    assert_int_equal(m->tensors[0].dims[1], 2);
    assert_int_equal(m->tensors[0].disk_dtype, SF_DT_F32);
    assert_int_equal(m->tensors[0].run_dtype, SF_DT_F16);
    assert_str(m->tensors[0].component, "part");
    assert_str(m->tensors[1].name, "x.up.4.conv.r.{}.kernel_bias");
    assert_int_equal(m->tensors[1].repeat, 3);
    assert_str(m->tensors[2].name, "x.up.5.conv.kernel");
    assert_int_equal(m->tensors[2].dims[0], 12);
    assert_str(m->tensors[4].name, "x.tail.5.kernel");
    assert_int_equal(m->tensors[4].dims[0], 3);
}

static void test_caches_of_every_kind(void **state)
{
    static const char family[] =
        "architectures:\n  T:\n    use: all\nparts:\n  all:\n    layers: layers\n    tensors:\n      - w "
        "[h]\n    kv:\n"
        "      - kind: if(i % 2, 'state', 'mla')\n        heads: 1\n        size: if(i % 2, 0, 576)\n"
        "        state_kind: if(i % 2, 'mamba2', '')\n        state: {heads: h, width: i * 2}\n"
        "      - kind: \"'indexer'\"\n        when: i == 2\n        heads: 1\n        size: 132\n";
    fixture *f = *state;
    const sf_model *m = NULL;

    assert_int_equal(with_family(f, family, CONFIG, &m), SF_OK);
    assert_int_equal(m->n_kv, 6);
    assert_int_equal(m->kv[0].kind, SF_KV_MLA);
    assert_int_equal(m->kv[0].head_size, 576);
    assert_int_equal(m->kv[0].head_size_v, 0);
    assert_int_equal(m->kv[1].kind, SF_KV_STATE);
    assert_str(m->kv[1].state_kind, "mamba2");
    assert_int_equal(sf_node_get(m->kv[1].state, "width")->as.i, 2);
    assert_int_equal(m->kv[3].kind, SF_KV_INDEXER);
    assert_int_equal(m->kv[3].first_layer, 2);
}

/* Mistakes of a family file are told with their place in it. */
static void test_mistakes(void **state)
{
#define PART "architectures:\n  T:\n    use: a\nparts:\n  a:\n    tensors:\n"
    static const struct {
        const char *family;
        unsigned line, col;
    } row[] = {
        {PART "      - w\n",                 7, 10},
        {PART "      - w [h\n",              7, 13},
        {PART "      - w [h] wrong\n",       7, 15},
        {PART "      - w [h] heads(\n",      7, 15},
        {PART "      - w [h] when\n",        7, 19},
        {PART "      - w [1,1,1,1,1,1,1]\n", 7, 26},
        {PART "      - '{w [h]'\n",          7, 15},
        {PART "      - use: b\n",            7, 9 },
        {PART "      - use: nofile/b\n",     7, 9 },
        {PART "      - use: a\n",            7, 9 }, /* without end */
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fixture *f = *state;
        const sf_model *m = NULL;

        f->dg.n = f->dg.errors = 0;
        assert_int_equal(with_family(f, row[i].family, CONFIG, &m), SF_E_EXPR);
        assert_int_equal(f->dg.errors, 1);
        assert_error_at(&f->dg, SF_E_EXPR, row[i].line, row[i].col);
        assert_str(sf_diags_last_error(&f->dg)->at.file, "data/models/families/t.yaml");
    }
}

/* What a part needs of the config: the key's place and the rule. */
static void test_needs(void **state)
{
    static const char family[] =
        "architectures:\n  T:\n    use: a\nparts:\n  a:\n    needs:\n"
        "      - {that: layers % 2 == 0, key: layers, says: an odd number of layers}\n"
        "    tensors:\n      - w [h] groups(2, 1)\n";
    fixture *f = *state;
    const sf_model *m = NULL;

    assert_int_equal(with_family(f, family, "{\"architectures\": [\"T\"], \"h\": 8,\n \"layers\": 5}", &m),
                     SF_E_CONFIG_VALUE);
    assert_error_at(&f->dg, SF_E_CONFIG_VALUE, 2, 12);
    assert_str(sf_diags_last_error(&f->dg)->message, "an odd number of layers");
    f->dg.n = f->dg.errors = 0;
    assert_int_equal(with_family(f, family, "{\"architectures\": [\"T\"], \"h\": 8, \"layers\": 4}", &m),
                     SF_OK);
    assert_int_equal(m->tensors[0].units, 2);
    assert_int_equal(m->tensors[0].unit_rows, 1);
}

/* Sizes of a hostile config end in one error, at once. */
static void test_hostile_sizes(void **state)
{
    static const struct {
        const char *json;
        sf_code code;
    } row[] = {
        {"\"hidden_size\": 9223372036854775807, \"num_hidden_layers\": 2", SF_E_EXPR},
        {"\"hidden_size\": 64, \"num_hidden_layers\": 2000000000",         SF_E_EXPR},
        {"\"hidden_size\": 1099511627776, \"num_hidden_layers\": 9999",    SF_E_EXPR},
        {"\"hidden_size\": 0, \"num_hidden_layers\": 2",                   SF_E_EXPR},
        {"\"hidden_size\": {}, \"num_hidden_layers\": 2",                  SF_E_EXPR},
        {"\"hidden_size\": 1e300, \"num_hidden_layers\": 2",               SF_E_EXPR},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fixture *f = *state;
        sf_str json = sf_arena_printf(f->a,
                                      "{\"architectures\": [\"LlamaForCausalLM\"], \"vocab_size\": 128, "
                                      "\"num_attention_heads\": 4, \"intermediate_size\": 128, "
                                      "\"max_position_embeddings\": 32, %s}",
                                      row[i].json);
        const sf_model *m = NULL;

        f->dg.n = f->dg.errors = 0;
        assert_int_equal(resolve_text(f, json.p, NULL, &m), row[i].code);
        assert_int_equal(f->dg.errors, 1);
        assert_int_equal(sf_diags_last_error(&f->dg)->at.line, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_index_is_in_step),
        TEST(test_layers_of_two_kinds),
        TEST(test_loops_names_and_lets),
        TEST(test_caches_of_every_kind),
        TEST(test_mistakes),
        TEST(test_hostile_sizes),
        TEST(test_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
