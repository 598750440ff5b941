/*
 * inventory_json: the devices of an inventory file.
 * Must not pass over a key that it does not know.  The format: docs/json.md, "stagefit/gpus/1".
 */
#include "base/num.h"
#include "gpu/gpu_parts.h"

/* A size: a text such as "79.19GiB", or bytes. */
static sf_code read_size(const sf_node *map, const char *key, sf_diags *dg, bool *ret_has, uint64_t *ret,
                         sf_where *ret_at)
{
    const sf_node *node = sf_node_get(map, key);

    if (sf_node_absent(node))
        return SF_OK;
    *ret_has = true;
    *ret_at = sf_node_where_key(node, sf_str_of(key));
    if (sf_node_is(node, SF_INT) && node->as.i >= 0) {
        *ret = (uint64_t)node->as.i;
        return SF_OK;
    }
    if (sf_node_is(node, SF_STRING) && sf_parse_size(node->text, ret))
        return SF_OK;
    return sf_diag_error(dg, SF_E_GPU_INVENTORY, *ret_at, "write a size such as \"79.19GiB\", or bytes",
                         "\"%s\" is not a size", key);
}

static sf_code check_keys(const sf_node *gpu, sf_diags *dg)
{
    static const char *const known[] = {"index", "name", "total", "free", "used"};

    for (uint32_t i = 0; i < gpu->n; i++) {
        const sf_pair *p = &gpu->as.pairs[i];
        bool found = false;

        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            found |= sf_str_is(p->key, known[k]);
        if (!found)
            return sf_diag_error(dg, SF_E_GPU_INVENTORY, sf_node_where(p->key_at),
                                 "keys of a GPU are index, name, total, free, used", "unknown key \"%.*s\"",
                                 SF_STR_ARG(sf_str_sub(p->key, 0, 60)));
    }
    return SF_OK;
}

static sf_code read_gpu(const sf_node *gpu, sf_diags *dg, sf_gpu_wish *w)
{
    const sf_node *name, *index;
    sf_code rc;

    if (!sf_node_is(gpu, SF_MAP))
        return sf_diag_error(dg, SF_E_GPU_INVENTORY, sf_node_where(gpu), "write {\"name\": \"H100-80GB\"}",
                             "a GPU must be an object, not a %s", sf_node_kind_name(gpu->kind));
    rc = check_keys(gpu, dg);
    if (rc)
        return rc;
    name = sf_node_get(gpu, "name");
    index = sf_node_get(gpu, "index");
    *w = (sf_gpu_wish){.at = sf_node_where(sf_node_absent(name) ? gpu : name),
                       .code = SF_E_GPU_INVENTORY,
                       .count = 1,
                       .name_is_free = true,
                       .name = SF_STR("GPU")};
    if (!sf_node_absent(name) && (name->kind != SF_STRING || !name->text.n))
        return sf_diag_error(dg, SF_E_GPU_INVENTORY, w->at, "write a name such as \"H100-80GB\"",
                             "\"name\" is not a text");
    w->has_name = !sf_node_absent(name);
    if (w->has_name)
        w->name = name->text;
    w->index_at = sf_node_where(index);
    w->has_index = !sf_node_absent(index);
    if (w->has_index && (index->kind != SF_INT || index->as.i < 0))
        return sf_diag_error(dg, SF_E_GPU_INVENTORY, w->index_at, "count GPUs from 0",
                             "\"index\" is not a number of a GPU");
    if (w->has_index)
        w->index = (uint64_t)index->as.i;
    rc = read_size(gpu, "total", dg, &w->has_total, &w->total, &w->total_at);
    if (!rc)
        rc = read_size(gpu, "free", dg, &w->has_free, &w->free, &w->free_at);
    if (!rc)
        rc = read_size(gpu, "used", dg, &w->has_used, &w->used, &w->used_at);
    if (!rc && !w->has_name && !w->has_total)
        rc = sf_diag_error(dg, SF_E_GPU_INVENTORY, w->at, "add \"name\" or \"total\"",
                           "neither name nor total is given");
    return rc;
}

static const char shape_hint[] =
    "write {\"schema\": \"stagefit/gpus/1\", \"gpus\": [{\"name\": \"H100-80GB\"}]}";

sf_code sf_inventory_add_json(sf_arena *a, sf_inventory *inv, const sf_node *root, sf_diags *dg)
{
    const sf_node *gpus = sf_node_get(root, "gpus"), *schema = sf_node_get(root, "schema");
    sf_inventory all = *inv;
    sf_gpu_book book;
    sf_code rc;

    if (!sf_node_is(schema, SF_STRING) || !sf_str_is(schema->text, "stagefit/gpus/1"))
        return sf_diag_error(dg, SF_E_GPU_INVENTORY, sf_node_where(schema ? schema : root), shape_hint,
                             "\"schema\" is not \"stagefit/gpus/1\"");
    if (!sf_node_is(gpus, SF_SEQ) || !gpus->n)
        return sf_diag_error(dg, SF_E_GPU_INVENTORY, sf_node_where(gpus ? gpus : root), shape_hint,
                             "\"gpus\" is not a list of GPUs");
    rc = sf_gpu_book_read(a, &book);
    for (uint32_t i = 0; !rc && i < gpus->n; i++) {
        sf_gpu_wish w;

        rc = read_gpu(gpus->as.items[i], dg, &w);
        if (!rc)
            rc = sf_inventory_place(a, &all, &book, &w, dg);
    }
    if (!rc)
        *inv = all;
    return rc;
}
