/* bundled: the list and the files of data/deploy belong together, and places in them are theirs. */
#include "test.h"

#include "base/embed.h"
#include "stages/bundled.h"
#include "stages/deployment.h"
#include "text/yaml.h"

static sf_bundled find(fixture *f, const char *pipeline)
{
    sf_bundled b;

    assert_int_equal(sf_bundled_find(f->a, sf_str_of(pipeline), &b), SF_OK);
    return b;
}

/* Every file is listed under its own pipeline, says so, names its source and has stages. */
static void test_files(void **state)
{
    fixture *f = *state;
    sf_str name, bytes;
    size_t n = 0;

    for (size_t i = 0; sf_embed_at(i, &name, &bytes); i++) {
        const sf_node *root;
        sf_bundled b;
        sf_str text;

        if (!sf_str_starts(name, SF_STR("deploy/")))
            continue;
        assert_int_equal(sf_yaml_parse(f->a, bytes, name, &f->dg, &root), SF_OK);
        assert_int_equal(sf_bundled_find(f->a, sf_node_get(root, "pipeline")->text, &b), SF_OK);
        assert_true(sf_str_eq(name, sf_arena_printf(f->a, "deploy/%.*s.yaml",
                                                    SF_STR_ARG(sf_node_get(root, "pipeline")->text))));
        assert_true(sf_bundled_text(f->a, b.path, &text));
        assert_ptr_equal(text.p, bytes.p);
        assert_true(sf_str_find(bytes, b.file) > 0 && sf_str_find(bytes, b.commit) > 0);
        assert_int_equal(b.commit.n, 8);
        assert_true(sf_node_get(root, "stages")->n > 0);
        n++;
    }
    assert_true(n >= 49);
}

/* No pipeline is listed without its file. */
static void test_list(void **state)
{
    fixture *f = *state;
    const sf_pipeline *list;
    size_t n, found = 0;
    sf_str text;

    assert_int_equal(sf_pipeline_list(f->a, &f->dg, &list, &n), SF_OK);
    for (size_t i = 0; i < n; i++) {
        sf_bundled b;

        assert_int_equal(sf_bundled_find(f->a, list[i].key, &b), SF_OK);
        if (b.path.n)
            assert_true(sf_bundled_text(f->a, b.path, &text));
        found += b.path.n != 0;
    }
    assert_true(found >= 49);
    assert_int_equal(find(f, "audex_s2s").path.n, 0);
    assert_int_equal(find(f, "").path.n, 0);
}

static void test_paths(void **state)
{
    fixture *f = *state;
    sf_str text;

    assert_str(find(f, "bagel").path, "bundled:bagel");
    assert_str(find(f, "bagel").file, "vllm_omni/deploy/bagel.yaml");
    assert_str(find(f, "moss_tts_delay").file, "vllm_omni/deploy/moss_tts.yaml");
    assert_false(sf_bundled_text(f->a, SF_STR("bagel"), &text));
    assert_false(sf_bundled_text(f->a, SF_STR("bundled:"), &text));
    assert_false(sf_bundled_text(f->a, SF_STR("bundled:../models/index"), &text));
    assert_false(sf_bundled_text(f->a, SF_STR("example:bagel"), &text));
}

/* The talker runs on GPU 1: with one GPU that is an error at its line of the bundled file. */
static void test_place(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = {.platform = SF_STR("cuda"), .visible = 1};
    sf_bundled b = find(f, "qwen3_omni_moe");
    const sf_deployment *d;
    sf_str text;

    assert_int_equal(sf_profile_find(f->a, SF_STR("vllm-omni@2026-09"), true, &f->dg, &wish.profile), SF_OK);
    assert_true(sf_bundled_text(f->a, b.path, &text));
    assert_int_equal(sf_stages_read(f->a, text, b.path, NULL, &wish, &f->dg, &d), SF_E_DEVICE_OUTSIDE);
    assert_int_equal(f->dg.items[0].at.line, 12);
    assert_int_equal(f->dg.items[0].at.col, 14);
    assert_str(f->dg.items[0].at.file, "bundled:qwen3_omni_moe");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_files), TEST(test_list), TEST(test_paths), TEST(test_place)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
