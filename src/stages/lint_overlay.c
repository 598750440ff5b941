/*
 * lint_overlay: what an overlay takes away without saying so: maps that are replaced whole.
 * Must not report what is still there.  Rule: vllm-omni 10906e3a, config/stage_config.py (docs/pipelines.md).
 */
#include "stages/lint.h"

#include "base/path.h"
#include "stages/merge.h"
#include "stages/overlay.h"
#include "text/yaml.h"

/* "a, b" of the base's keys that the overlay's map lacks; empty: nothing is lost. */
static const char *lost(sf_lint *l, const sf_node *base, const sf_node *over)
{
    const char *text = "";
    unsigned n = 0;

    for (uint32_t i = 0; i < base->n && i < SF_MERGE_KEYS; i++) {
        if (sf_node_get_str(over, base->as.pairs[i].key))
            continue;
        if (++n <= 5)
            text = sf_lint_text(l, "%s%s%.*s", text, n > 1 ? ", " : "", SF_STR_ARG(base->as.pairs[i].key));
    }
    return n > 5 ? sf_lint_text(l, "%s and %u more", text, n - 5) : text;
}

static void compare(sf_lint *l, const sf_pair *over, const sf_node *base)
{
    const char *keys;

    if (!sf_node_is(over->value, SF_MAP) || !sf_node_is(base, SF_MAP) || over->value->n > SF_MERGE_KEYS)
        return;
    keys = lost(l, base, over->value);
    if (!*keys)
        return;
    sf_lint_say(l, SF_WARNING, SF_E_OVERLAY_LOSES, sf_node_where_key(over->key_at, over->key),
                "repeat what is still wanted: this map is replaced, not merged",
                "%.*s replaces the base's map and loses %s", SF_STR_ARG(over->key), keys);
    sf_lint_related(l, sf_node_where(base), "the base's map");
}

static void compare_stage(sf_lint *l, const sf_node *over, const sf_node *base)
{
    for (uint32_t i = 0; i < over->n && i < SF_MERGE_KEYS; i++)
        if (!sf_merge_is_deep_key(over->as.pairs[i].key))
            compare(l, &over->as.pairs[i], sf_node_get_str(base, over->as.pairs[i].key));
}

static const sf_node *stage_of(const sf_node *root, int64_t id)
{
    const sf_node *list = sf_node_get(root, "stages");

    for (uint32_t i = 0; sf_node_is(list, SF_SEQ) && i < list->n; i++) {
        int64_t own;

        if (sf_merge_stage_id(sf_node_get(list->as.items[i], "stage_id"), &own) && own == id)
            return list->as.items[i];
    }
    return NULL;
}

/* The base of the file with its own bases merged in; NULL when there is none, or none that can be read. */
static const sf_node *read_base(sf_lint *l)
{
    const sf_node *base = sf_node_get(l->r->own, "base_config"), *root = NULL;
    sf_str path, text, last;

    if (!sf_node_is(base, SF_STRING) || !base->text.n || !l->r->loader || !l->r->loader->load ||
        sf_str_find(base->text, SF_STR("${")) >= 0)
        return NULL;
    path = sf_path_join(l->a, sf_path_dir(l->r->file), base->text);
    if (!path.p || l->r->loader->load(l->r->loader->ctx, l->a, path, NULL, &text) ||
        sf_yaml_parse(l->a, text, path, NULL, &root) || root->kind != SF_MAP ||
        sf_overlay_read(l->a, root, path, &l->r->era, l->r->loader, NULL, &root, &last))
        return NULL;
    return root;
}

void sf_lint_overlay(sf_lint *l)
{
    const sf_node *base = read_base(l), *list = sf_node_get(l->r->own, "stages");

    if (!base)
        return;
    for (uint32_t i = 0; i < l->r->own->n; i++)
        if (sf_str_is(l->r->own->as.pairs[i].key, "connectors") && !l->r->era.connectors_merged)
            compare(l, &l->r->own->as.pairs[i], sf_node_get(base, "connectors"));
    for (uint32_t i = 0; sf_node_is(list, SF_SEQ) && i < list->n; i++) {
        int64_t id;

        if (sf_merge_stage_id(sf_node_get(list->as.items[i], "stage_id"), &id) && stage_of(base, id))
            compare_stage(l, list->as.items[i], stage_of(base, id));
    }
}
