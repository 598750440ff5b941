/*
 * inputs: files, folders, GPU descriptions and settings of a request.
 * The place where the pure layers get their bytes from.
 */
#include "api/inputs.h"

#include "base/embed.h"
#include "base/path.h"
#include "model/folder.h"
#include "stages/bundled.h"
#include "text/json.h"
#include "text/yaml.h"

static const char example_prefix[] = "example:";

/* Bundled examples are read like files: "example:qwen3-omni-2xh100". */
static bool find_example(sf_inputs *in, sf_str path, sf_str *ret)
{
    sf_str name;

    if (!sf_str_starts(path, sf_str_of(example_prefix)))
        return false;
    name = sf_arena_printf(in->arena, "examples/%.*s.yaml",
                           SF_STR_ARG(sf_str_sub(path, sizeof example_prefix - 1, path.n)));
    return name.p && sf_embed_find(name, ret);
}

static sf_code load_text(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str *ret)
{
    sf_inputs *in = ctx;

    if (find_example(in, path, ret) || sf_bundled_text(in->arena, path, ret))
        return SF_OK;
    return sf_fs_read_all(in->session->fs, a, path, SF_CONFIG_MAX_BYTES, dg, ret);
}

void sf_inputs_init(sf_inputs *in, const stagefit *sf, stagefit_result *r, const stagefit_request *req)
{
    *in = (sf_inputs){.session = sf, .arena = r->arena, .dg = &r->dg, .req = *req};
    in->loader = (sf_loader){in, load_text};
}

sf_code sf_inputs_config(sf_inputs *in, sf_config *c)
{
    sf_code rc = SF_OK;

    if (c->read)
        return SF_OK;
    c->file = c->path;
    if (in->req.config_text && !c->path.n) {
        c->text = (sf_str){in->req.config_text, in->req.config_len};
        c->file = SF_STR("(text)");
        if (in->req.config_dir)
            c->file = sf_path_join(in->arena, sf_str_of(in->req.config_dir), c->file);
        rc = c->file.p ? SF_OK : SF_E_NOMEM;
    } else {
        rc = load_text(in, in->arena, c->path, in->dg, &c->text);
    }
    c->read = rc == SF_OK;
    return rc;
}

sf_code sf_inputs_tree(sf_inputs *in, sf_config *c)
{
    sf_code rc = sf_inputs_config(in, c);

    if (!rc && !c->root && sf_yaml_parse(in->arena, c->text, c->file, NULL, &c->root) == SF_E_NOMEM)
        rc = SF_E_NOMEM;
    return rc;
}

static sf_code add_inventory_file(sf_inputs *in, sf_inventory *inv, sf_str path)
{
    const sf_node *root;
    sf_str text;
    sf_code rc = sf_fs_read_all(in->session->fs, in->arena, path, SF_CONFIG_MAX_BYTES, in->dg, &text);

    if (!rc)
        rc = sf_json_parse(in->arena, text, path, 0, in->dg, &root);
    return rc ? rc : sf_inventory_add_json(in->arena, inv, root, in->dg);
}

sf_code sf_inputs_gpus(sf_inputs *in, sf_inventory *ret)
{
    sf_inventory inv = {0};

    if (!in->req.n_gpus)
        return sf_diag_error(in->dg, SF_E_USAGE, (sf_where){0},
                             "--gpu 2xH100-80GB, --gpu 24GiB or --gpu @inventory.json",
                             "which GPUs? none are described");
    for (size_t i = 0; i < in->req.n_gpus; i++) {
        sf_str spec = sf_str_of(in->req.gpus[i]);
        sf_code rc = spec.n && spec.p[0] == '@' ? add_inventory_file(in, &inv, sf_str_sub(spec, 1, spec.n))
                                                : sf_inventory_add(in->arena, &inv, spec, in->dg);

        if (rc)
            return rc;
    }
    *ret = inv;
    return SF_OK;
}

/* A value of the command line is typed as YAML types it, or is JSON when it looks like it. */
static sf_code setting_value(sf_inputs *in, sf_str text, const sf_node **ret)
{
    sf_node *n;

    if (text.n && (text.p[0] == '{' || text.p[0] == '['))
        return sf_json_parse(in->arena, text, SF_STR("--set"), 0, in->dg, ret);
    n = SF_NEW(in->arena, sf_node);
    if (!n)
        return SF_E_NOMEM;
    sf_yaml_type_scalar(text, n);
    n->file = SF_STR("--set");
    *ret = n;
    return SF_OK;
}

static sf_where set_where(sf_str text)
{
    return (sf_where){.file = SF_STR("--set"), .line = 1, .col = 1, .len = text.n};
}

static sf_code unknown_setting(sf_inputs *in, sf_str key)
{
    const sf_flags *flags;
    sf_str near, hint = SF_STR("names are the engine's, such as max_model_len or tensor_parallel_size");
    sf_code rc = sf_flags_load(in->arena, in->dg, &flags);

    if (rc)
        return rc;
    near = sf_flag_suggest(flags, sf_str_trim(key));
    if (near.n)
        hint = sf_arena_printf(in->arena, "did you mean %.*s?", SF_STR_ARG(near));
    if (!hint.p)
        return SF_E_NOMEM;
    return sf_diag_error(in->dg, SF_E_ARG_UNKNOWN, set_where(key), hint.p,
                         "--set %.*s is not an argument that the accounting reads", SF_STR_ARG(key));
}

sf_code sf_inputs_settings(sf_inputs *in, sf_args *ret)
{
    sf_args args = {0};

    for (size_t i = 0; i < in->req.n_set; i++) {
        sf_str key, rest = sf_str_of(in->req.set[i]);
        const sf_node *value;
        sf_arg arg;
        sf_code rc;

        if (!sf_str_split(&rest, '=', &key))
            return sf_diag_error(in->dg, SF_E_USAGE, set_where(rest), "--set max_model_len=8192",
                                 "--set %s has no value", in->req.set[i]);
        if (!sf_arg_find(sf_str_trim(key), &arg))
            return unknown_setting(in, key);
        rc = setting_value(in, sf_str_trim(rest), &value);
        if (!rc)
            rc = sf_args_set(in->arena, &args, arg, value, SF_FROM_CLI, in->dg);
        if (rc)
            return rc;
    }
    *ret = args;
    return SF_OK;
}

static bool looks_like_path(sf_str name)
{
    return sf_str_starts(name, SF_STR("/")) || sf_str_starts(name, SF_STR("./")) ||
           sf_str_starts(name, SF_STR("../")) || sf_str_ends(name, SF_STR("/")) || sf_str_is(name, ".") ||
           sf_str_is(name, "..");
}

static sf_code read_checkpoint(sf_inputs *in, sf_str name, const sf_checkpoint **ret)
{
    const sf_fs *fs = in->session->fs;
    sf_fs_kind kind = fs->kind(fs->ctx, name);
    sf_where at = {.file = name};

    if (kind == SF_FS_DIR)
        return sf_folder_read(in->arena, fs, name, in->dg, ret);
    if (kind == SF_FS_FILE)
        return sf_diag_error(in->dg, SF_E_MODEL_UNKNOWN, at, "name the folder that holds config.json",
                             "a model is a folder or a name, and this is a file");
    if (looks_like_path(name))
        return sf_diag_error(in->dg, SF_E_NOT_FOUND, at, "check the path of the model folder",
                             "no such folder");
    return sf_catalogue_find(in->arena, name, in->dg, ret);
}

sf_code sf_inputs_checkpoint(sf_inputs *in, sf_str name, const sf_checkpoint **ret)
{
    sf_code rc;

    for (size_t i = 0; i < in->n_loaded; i++)
        if (sf_str_eq(in->loaded[i].name, name)) {
            *ret = in->loaded[i].checkpoint;
            return SF_OK;
        }
    rc = read_checkpoint(in, name, ret);
    if (rc)
        return rc;
    if (in->n_loaded == in->cap_loaded) {
        size_t cap = in->cap_loaded ? in->cap_loaded * 2 : 4;
        sf_loaded *grown = sf_arena_grow(in->arena, in->loaded, in->n_loaded, cap, sizeof *grown);

        if (!grown)
            return SF_E_NOMEM;
        in->loaded = grown;
        in->cap_loaded = cap;
    }
    in->loaded[in->n_loaded++] = (sf_loaded){name, *ret};
    return SF_OK;
}

/* "eagle", "eagle3" or empty: as given, else by the name (vLLM config/speculative.py). */
static sf_str head_kind(const sf_node *spec, sf_str model)
{
    sf_str method = sf_node_text(spec, "method");

    if (sf_str_is(method, "eagle") || sf_str_is(method, "eagle3"))
        return method;
    if (method.n)
        return (sf_str){0};
    if (sf_str_find(model, SF_STR("eagle3-")) >= 0 || sf_str_find(model, SF_STR("EAGLE3-")) >= 0)
        return SF_STR("eagle3");
    return sf_str_find(model, SF_STR("eagle-")) >= 0 || sf_str_find(model, SF_STR("EAGLE-")) >= 0
               ? SF_STR("eagle")
               : (sf_str){0};
}

static bool is_proposal(sf_str name)
{
    return sf_str_is(name, "ngram") || sf_str_is(name, "[ngram]") || sf_str_is(name, "suffix");
}

/* The class that the engine gives to a head: "Eagle" or "Eagle3" before the config's own. */
static sf_str head_class(sf_arena *a, const sf_checkpoint *ckpt, sf_str kind)
{
    const sf_node *n = sf_node_item(sf_node_get(ckpt->config, "architectures"), 0);
    sf_str own = sf_node_is(n, SF_STRING) ? n->text : (sf_str){0};

    if (sf_str_starts(own, SF_STR("Eagle")) || sf_str_ends(own, SF_STR("Eagle3")))
        return own;
    return sf_arena_printf(a, "%s%.*s", sf_str_is(kind, "eagle3") ? "Eagle3" : "Eagle", SF_STR_ARG(own));
}

sf_code sf_inputs_draft(sf_inputs *in, const sf_stage *st, const sf_model *m, const sf_model **ret)
{
    const sf_node *spec = st->args.v[SF_ARG_speculative_config].node;
    const sf_node *tp = sf_node_get(spec, "draft_tensor_parallel_size");
    sf_str method = sf_node_text(spec, "method"), name = sf_node_text(spec, "model"),
           kind = head_kind(spec, name);
    sf_model_wish wish = {.cache = in->families};
    const sf_checkpoint *ckpt = NULL;
    const sf_model *draft = NULL;
    bool plain = !method.n || sf_str_is(method, "draft_model");
    sf_diags quiet, *said = in->dg;
    sf_code rc;

    *ret = m;
    if (!name.n || is_proposal(name) || (!kind.n && !plain))
        return SF_OK;
    sf_diags_init(&quiet, in->arena);
    in->dg = &quiet; /* what cannot be found is not counted, and that is said elsewhere */
    rc = sf_inputs_checkpoint(in, name, &ckpt);
    if (!rc && kind.n)
        wish.architecture = head_class(in->arena, ckpt, kind);
    if (!rc)
        rc = sf_model_resolve(in->arena, ckpt, &wish, &quiet, &draft);
    in->dg = said;
    if (rc == SF_E_NOMEM)
        return rc;
    if (rc || (kind.n && !sf_str_eq(draft->architecture, wish.architecture)))
        return SF_OK;
    return sf_model_with_draft(in->arena, m, draft,
                               sf_node_is(tp, SF_INT) && tp->as.i == 1 && st->tp > 1 ? st->tp : 0, ret);
}

sf_code sf_inputs_model(sf_inputs *in, const sf_deployment *d, const sf_stage *st, const sf_model **ret)
{
    sf_model_wish wish = {
        .part = st->part,
        .subdir = st->subdir,
        .components = st->pipeline ? sf_node_get(st->pipeline->facts, "components") : NULL,
        .hf_overrides = st->args.v[SF_ARG_hf_overrides].node,
        .quantization_at = st->args.v[SF_ARG_quantization].node,
        .quantize_text_only = d->format != SF_FORMAT_NONE,
        .mm_processor_kwargs = st->args.v[SF_ARG_mm_processor_kwargs].node,
        .assume_full_attention = (in->req.flags & STAGEFIT_ASSUME_FULL_ATTENTION) != 0,
    };
    const sf_checkpoint *ckpt = NULL;
    sf_code rc;

    if (st->kind != SF_STAGE_GENERATION) /* codecs have no layers that it would touch */
        wish.quantization = sf_args_str(&st->args, SF_ARG_quantization, (sf_str){0});
    if (d->format != SF_FORMAT_NONE)
        wish.architecture = st->architecture;
    if (!in->families)
        in->families = sf_model_cache_new(in->arena);
    wish.cache = in->families;
    rc = wish.cache ? sf_inputs_checkpoint(in, st->model.n ? st->model : d->model, &ckpt) : SF_E_NOMEM;
    return rc ? rc : sf_model_resolve(in->arena, ckpt, &wish, in->dg, ret);
}
