/* fuzz_yaml: any bytes are read or refused with one error; what is read stands inside the text. */
#include <stdlib.h>

#include "text/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const sf_node *node, size_t size, unsigned depth)
{
    if (depth > SF_YAML_DEPTH + 1 || node->line == 0 || node->col == 0 || node->off > size ||
        node->len > size - node->off)
        abort();
    /* What an alias names was looked at in its own place: following it again could take 9^9 steps. */
    if (node->flags & (SF_NODE_ALIAS | SF_NODE_MERGED))
        return;
    for (uint32_t i = 0; node->kind == SF_SEQ && i < node->n; i++)
        check(node->as.items[i], size, depth + 1);
    for (uint32_t i = 0; node->kind == SF_MAP && i < node->n; i++) {
        if (node->as.pairs[i].key_at->kind == SF_NULL || node->as.pairs[i].key_at->kind >= SF_SEQ)
            abort();
        check(node->as.pairs[i].value, size, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sf_arena *a = sf_arena_new((size_t)1 << 28);
    const sf_node *root = NULL;
    sf_diags dg;
    sf_code rc;

    if (!a)
        return 0;
    sf_diags_init(&dg, a);
    rc = sf_yaml_parse(a, (sf_str){(const char *)data, size}, SF_STR("fuzz.yaml"), &dg, &root);
    if (rc && rc != SF_E_NOMEM && (dg.n != 1 || dg.items[0].code != rc || root))
        abort();
    if (!rc) {
        if (dg.n || root->kind != SF_MAP)
            abort();
        check(root, size, 0);
    }
    sf_arena_free(a);
    return 0;
}
