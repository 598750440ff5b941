/*
 * overlay: follows base_config from the overlay to the last base, then merges back.
 * Must not open files: texts come through the loader.  Rules: vllm-omni, config/stage_config.py (Aug 2026).
 */
#include "stages/overlay.h"

#include "base/path.h"
#include "stages/interp.h"
#include "stages/merge.h"
#include "text/yaml.h"

static sf_code bad_base(sf_diags *dg, const sf_node *at, const char *hint, sf_str path, const char *why)
{
    return sf_diag_error(dg, SF_E_BASE_CONFIG, sf_node_where_key(at, SF_STR("base_config")), hint,
                         "base_config \"%.*s\" %s", SF_STR_ARG(path), why);
}

static sf_code load_base(sf_arena *a, const sf_loader *loader, const sf_node *at, sf_str path, sf_diags *dg,
                         const sf_node **ret)
{
    static const char hint[] = "the path is taken from the folder of the file that names it";
    sf_str text;
    sf_code rc;

    if (!loader || !loader->load)
        return bad_base(dg, at, "give the config as a file", path,
                        "cannot be followed: there is no folder to look in");
    rc = loader->load(loader->ctx, a, path, NULL, &text);
    if (rc == SF_E_NOMEM)
        return rc;
    if (rc)
        return bad_base(dg, at, hint, path,
                        rc == SF_E_NOT_FOUND      ? "does not exist"
                        : rc == SF_E_IS_DIRECTORY ? "is a folder"
                        : rc == SF_E_TOO_LARGE    ? "is larger than the limit"
                                                  : "cannot be read");
    rc = sf_yaml_parse(a, text, path, dg, ret);
    if (!rc && (*ret)->kind != SF_MAP)
        rc = sf_diag_error(dg, SF_E_CONFIG_SHAPE, sf_node_where(*ret), NULL,
                           "a base config is a %s where a map is needed", sf_node_kind_name((*ret)->kind));
    return rc;
}

/* The text of base_config; empty when there is none. */
static sf_code base_of(const sf_node *root, sf_diags *dg, const sf_node **ret_at, sf_str *ret)
{
    const sf_node *base = sf_node_get(root, "base_config");

    *ret = (sf_str){0};
    *ret_at = base;
    if (sf_node_absent(base))
        return SF_OK;
    if (base->kind != SF_STRING)
        return sf_diag_error(dg, SF_E_BASE_CONFIG, sf_node_where_key(base, SF_STR("base_config")),
                             "write base_config: path/of/the/base.yaml",
                             "base_config is a %s where a path is needed", sf_node_kind_name(base->kind));
    if (!base->text.n)
        return bad_base(dg, base, "write base_config: path/of/the/base.yaml", base->text, "is a folder");
    *ret = base->text;
    return SF_OK;
}

static sf_code refuse_stage_args(const sf_node *root, sf_diags *dg)
{
    const sf_node *old = sf_node_get(root, "stage_args");

    if (!old)
        return SF_OK;
    return sf_diag_error(dg, SF_E_FORMAT_OLD, sf_node_where_key(old, SF_STR("stage_args")),
                         "move the sizes under `stages:`; the pipeline brings the rest",
                         "stage_args in a deploy config: the engine refuses the file");
}

static sf_code without_base(sf_arena *a, const sf_node *root, const sf_node **ret)
{
    sf_merge m;

    *ret = root;
    if (!sf_node_get(root, "base_config"))
        return SF_OK;
    sf_merge_init(&m, a, root);
    sf_merge_drop(&m, SF_STR("base_config"));
    *ret = sf_merge_node(&m);
    return *ret ? SF_OK : SF_E_NOMEM;
}

sf_code sf_overlay_read(sf_arena *a, const sf_node *root, sf_str file, const sf_era *era,
                        const sf_loader *loader, sf_diags *dg, const sf_node **ret, sf_str *ret_base)
{
    const sf_node *trees[SF_OVERLAY_FILES], *at;
    sf_str files[SF_OVERLAY_FILES], base;
    size_t n = 0;
    sf_code rc;

    for (;;) {
        rc = refuse_stage_args(root, dg);
        if (!rc)
            rc = sf_interp_resolve(a, root, root, dg, &root);
        if (!rc)
            rc = base_of(root, dg, &at, &base);
        if (rc)
            return rc;
        files[n] = file;
        trees[n++] = root;
        if (!base.n)
            break;
        file = sf_path_join(a, sf_path_dir(file), base);
        if (!file.p)
            return SF_E_NOMEM;
        for (size_t i = 0; i < n; i++)
            if (sf_str_eq(files[i], file))
                return bad_base(dg, at, "a file cannot be its own base", base,
                                "leads back to a file of the chain");
        if (n == SF_OVERLAY_FILES)
            return bad_base(dg, at, "flatten the chain", base,
                            "makes a chain of more than 16 files, or goes in a circle");
        rc = load_base(a, loader, at, file, dg, &root);
        if (rc)
            return rc;
    }
    *ret_base = files[n - 1];
    root = trees[n - 1];
    for (size_t i = n - 1; i-- > 0 && !rc;)
        rc = sf_merge_files(a, era, root, trees[i], dg, &root);
    return rc ? rc : without_base(a, root, ret);
}
