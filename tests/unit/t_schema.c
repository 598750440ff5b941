/* t_schema: the schemas are JSON, hold each key of the tables once, with the type of the argument. */
#include "stages_reading.h"

#include "stages/keys.h"
#include "stages/schema.h"
#include "text/json.h"
#include "text/pack.h"

static const sf_node *schema_of(fixture *f, sf_config_format format)
{
    const sf_node *root = NULL;
    sf_json_writer w;
    sf_buf out;

    sf_buf_init(&out, 1 << 20);
    sf_jw_init(&w, &out, true);
    assert_int_equal(sf_schema_write(f->a, format, &w), SF_OK);
    assert_int_equal(w.depth, 0);
    assert_int_equal(
        sf_json_parse(f->a, sf_arena_str(f->a, sf_buf_str(&out)), SF_STR("schema"), 0, &f->dg, &root),
        SF_OK); /* a key given twice is an error here */
    sf_buf_release(&out);
    return root;
}

static void assert_keys(const sf_node *properties, const sf_keys *keys, const char *list)
{
    const sf_node *names = sf_node_get(keys->lists, list);

    assert_non_null(names);
    for (uint32_t i = 0; i < names->n; i++)
        if (!sf_node_get_str(properties, names->as.items[i]->text))
            fail_msg("%.*s of %s is missing", SF_STR_ARG(names->as.items[i]->text), list);
}

static void test_keys(void **state)
{
    fixture *f = *state;
    const sf_node *deploy = schema_of(f, SF_FORMAT_DEPLOY), *legacy = schema_of(f, SF_FORMAT_LEGACY);
    sf_keys keys;

    assert_int_equal(sf_keys_load(f->a, &keys), SF_OK);
    assert_keys(sf_node_get(deploy, "properties"), &keys, "deploy_top");
    assert_keys(sf_node_get(legacy, "properties"), &keys, "legacy_top");
    assert_keys(sf_node_path(deploy, SF_STR("definitions.stage.properties")), &keys, "deploy_stage");
    assert_keys(sf_node_path(legacy, SF_STR("definitions.stage.properties")), &keys, "legacy_stage");
    assert_keys(sf_node_path(legacy, SF_STR("definitions.runtime.properties")), &keys, "legacy_runtime");
    assert_keys(sf_node_path(legacy, SF_STR("definitions.engine_args.properties")), &keys, "passed_on");
    assert_keys(sf_node_path(deploy, SF_STR("definitions.parallel_config.properties")), &keys,
                "parallel_config");
}

static void assert_type(const sf_node *root, const char *key, const char *type)
{
    sf_str path = SF_STR("definitions.stage.properties");
    const sf_node *p = sf_node_get(sf_node_path(root, path), key);
    const sf_node *first = sf_node_item(sf_node_get(p, "anyOf"), 0);

    assert_non_null(first);
    assert_str(sf_node_item(sf_node_get(first, "type"), 0)->text, type);
}

static void test_types(void **state)
{
    const sf_node *root = schema_of(*state, SF_FORMAT_DEPLOY), *util;

    assert_type(root, "max_num_seqs", "integer");
    assert_type(root, "enforce_eager", "boolean");
    assert_type(root, "dtype", "string");
    assert_type(root, "boundary_ratio", "number");
    util = sf_node_path(root, SF_STR("definitions.stage.properties.gpu_memory_utilization.anyOf[0]"));
    assert_int_equal(sf_node_get(util, "maximum")->as.i, 1);
    assert_str(sf_node_get(root, "$schema")->text, "http://json-schema.org/draft-07/schema#");
}

/* Every fragment of schema.yaml is used: a key that was renamed would stay behind. */
static void test_fragments(void **state)
{
    static const char *const sections[] = {"top", "stage", "parallel_config", "duplex_session"};
    fixture *f = *state;
    const sf_node *both[2] = {schema_of(f, SF_FORMAT_DEPLOY), schema_of(f, SF_FORMAT_LEGACY)}, *own;

    assert_int_equal(sf_data_read(f->a, SF_STR("pipelines/schema.yaml"), &own), SF_OK);
    for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
        const sf_node *list = sf_node_get(own, sections[s]);

        assert_non_null(list);
        for (uint32_t i = 0; i < list->n; i++) {
            sf_str key = list->as.pairs[i].key;
            bool found = false;

            for (int b = 0; b < 2; b++) {
                const sf_node *defs = sf_node_get(both[b], "definitions");

                found |= sf_node_get_str(sf_node_get(both[b], "properties"), key) != NULL;
                for (uint32_t k = 0; k < defs->n; k++)
                    found |= sf_node_get_str(sf_node_get(defs->as.pairs[k].value, "properties"), key) != NULL;
            }
            if (!found)
                fail_msg("%.*s of schema.yaml is no key of a config", SF_STR_ARG(key));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_keys), TEST(test_types), TEST(test_fragments)};

    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
