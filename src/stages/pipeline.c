/*
 * pipeline: the pipelines of data/pipelines as structures.
 * Must not know any pipeline by name.
 */
#include "stages/pipeline.h"

#include "text/pack.h"

const char *sf_stage_kind_name(sf_stage_kind kind)
{
    static const char *const names[] = {"ar", "generation", "diffusion"};

    return names[kind];
}

static sf_code read_data(sf_arena *a, sf_str file, const sf_node **ret)
{
    sf_str name = sf_arena_printf(a, "pipelines/%.*s", SF_STR_ARG(file));
    const sf_node *root;
    sf_code rc;

    if (!name.p)
        return SF_E_NOMEM;
    rc = sf_data_read(a, name, &root);
    if (rc)
        return rc;
    *ret = sf_node_get(root, "pipelines");
    sf_bug_if(!sf_node_is(*ret, SF_SEQ));
    return SF_OK;
}

sf_code sf_pipeline_index_load(sf_arena *a, sf_pipeline_index *ret)
{
    return read_data(a, SF_STR("index.yaml"), &ret->rows);
}

static sf_str text_of(const sf_node *map, const char *key)
{
    const sf_node *v = sf_node_get(map, key);

    return v ? v->text : (sf_str){0};
}

static bool list_has(const sf_node *row, const char *key, sf_str value)
{
    const sf_node *list = sf_node_get(row, key);

    for (size_t i = 0; value.n && list && i < list->n; i++)
        if (sf_str_eq(list->as.items[i]->text, value))
            return true;
    return false;
}

static void fill_stage(const sf_node *node, sf_pipeline_stage *ret)
{
    const sf_node *id = sf_node_get(node, "id"), *part = sf_node_get(node, "part");
    sf_str kind = text_of(node, "kind");

    *ret = (sf_pipeline_stage){
        .id = id ? id->as.i : 0,
        .model_stage = text_of(node, "model_stage"),
        .kind = sf_str_is(kind, "ar")           ? SF_STAGE_AR
                : sf_str_is(kind, "generation") ? SF_STAGE_GENERATION
                                                : SF_STAGE_DIFFUSION,
        .architecture = text_of(node, "architecture"),
        .subdir = text_of(node, "subdir"),
        .facts = sf_node_get(node, "facts"),
        .multimodal = sf_node_get(node, "multimodal") != NULL,
        .once_named = sf_node_get(node, "once_named"),
    };
    ret->part = part ? part->text : ret->model_stage;
}

static sf_code fill(sf_arena *a, const sf_node *node, sf_pipeline *ret)
{
    const sf_node *stages = sf_node_get(node, "stages"), *async = sf_node_get(node, "async_chunk");
    sf_pipeline_stage *list;

    sf_bug_if(!sf_node_is(stages, SF_SEQ));
    list = SF_NEW_ARRAY(a, sf_pipeline_stage, (size_t)stages->n + 1);
    if (!list)
        return SF_E_NOMEM;
    for (uint32_t i = 0; i < stages->n; i++)
        fill_stage(stages->as.items[i], &list[i]);
    *ret = (sf_pipeline){.key = text_of(node, "key"),
                         .model = text_of(node, "model"),
                         .title = text_of(node, "title"),
                         .stages = list,
                         .n_stages = stages->n,
                         .async_chunk_ok = async && async->as.b,
                         .source = text_of(node, "source")};
    return SF_OK;
}

/* The pipeline of an index row, from its family's file. */
static sf_code load(sf_arena *a, const sf_node *row, const sf_pipeline **ret)
{
    const sf_node *list;
    sf_pipeline *p = SF_NEW(a, sf_pipeline);
    sf_str key = text_of(row, "key");
    sf_code rc = read_data(a, text_of(row, "in"), &list);

    if (rc)
        return rc;
    if (!p)
        return SF_E_NOMEM;
    for (uint32_t i = 0; i < list->n; i++)
        if (sf_str_eq(text_of(list->as.items[i], "key"), key)) {
            *ret = p;
            return fill(a, list->as.items[i], p);
        }
    sf_bug(__FILE__, __LINE__, "a pipeline of the index is not in its file");
}

static const sf_node *row_of_key(const sf_pipeline_index *index, sf_str key)
{
    for (uint32_t i = 0; i < index->rows->n; i++) {
        const sf_node *row = index->rows->as.items[i];

        if (sf_str_eq(text_of(row, "key"), key) || list_has(row, "aliases", key))
            return row;
    }
    return NULL;
}

sf_str sf_pipeline_nearest(sf_arena *a, const sf_pipeline_index *index, sf_str key)
{
    unsigned best = 7;
    sf_str found = {0};

    for (uint32_t i = 0; key.n <= 64 && i < index->rows->n; i++) {
        sf_str k = text_of(index->rows->as.items[i], "key");
        unsigned d = sf_str_starts(k, key) || sf_str_starts(key, k) ? 1 : sf_str_distance(key, k, best);

        if (d < best) {
            best = d;
            found = k;
        }
    }
    return found.n
               ? sf_arena_printf(a, "did you mean %.*s? `stagefit pipelines` lists them", SF_STR_ARG(found))
               : SF_STR("`stagefit pipelines` lists them");
}

static bool in_release(const sf_node *row, sf_str date)
{
    sf_str since = text_of(row, "since"), until = text_of(row, "until");

    if (sf_node_get(row, "fork"))
        return false;
    return !date.n ||
           ((!since.n || sf_str_cmp(since, date) <= 0) && (!until.n || sf_str_cmp(date, until) < 0));
}

static sf_code by_key(sf_arena *a, const sf_pipeline_index *index, const sf_pipeline_ask *ask, sf_diags *dg,
                      const sf_node **ret)
{
    const sf_node *row = row_of_key(index, ask->key);
    sf_where at = ask->key_at ? sf_node_where_key(ask->key_at, SF_STR("pipeline")) : (sf_where){0};
    sf_str hint;

    *ret = row;
    if (row && (ask->key_any_release || in_release(row, ask->date)))
        return SF_OK;
    if (row) {
        sf_str since = text_of(row, "since");

        hint = since.n
                   ? sf_arena_printf(a, "it came with %.*s: choose a later release with --engine",
                                     SF_STR_ARG(since))
                   : sf_arena_printf(a, "--pipeline %.*s reads the file all the same", SF_STR_ARG(ask->key));
        return hint.p ? sf_diag_error(dg, SF_E_PIPELINE_UNKNOWN, at, hint.p,
                                      "this release has no pipeline %.*s", SF_STR_ARG(ask->key))
                      : SF_E_NOMEM;
    }
    hint = sf_pipeline_nearest(a, index, ask->key);
    return hint.p ? sf_diag_error(dg, SF_E_PIPELINE_UNKNOWN, at, hint.p, "pipeline \"%.*s\" is not known",
                                  SF_STR_ARG(ask->key))
                  : SF_E_NOMEM;
}

/* "Qwen/Qwen3-Omni-30B" as the registry compares it: "qwen3_omni_30b". */
static sf_str normalised(sf_str model, char *space, size_t size)
{
    size_t n = 0, start = model.n;

    while (start && model.p[start - 1] != '/')
        start--;
    for (size_t i = start; i < model.n && n < size; i++) {
        char c = model.p[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        space[n++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
    }
    return (sf_str){space, n};
}

static const sf_node *by_model(const sf_pipeline_index *index, const sf_pipeline_ask *ask)
{
    const sf_node *best = NULL;
    char space[128];
    sf_str name = normalised(ask->model, space, sizeof space);
    size_t longest = 0;

    for (uint32_t i = 0; ask->model.n && i < index->rows->n; i++) {
        const sf_node *row = index->rows->as.items[i];
        sf_str key = text_of(row, "key");

        if (!in_release(row, ask->date))
            continue;
        if (sf_str_eq(text_of(row, "model"), ask->model))
            return row;
        if (key.n > longest && sf_str_find(name, key) >= 0) {
            longest = key.n;
            best = row;
        }
    }
    return best;
}

/* Stages of the file that the row has under the same name. */
static size_t names_in_row(const sf_node *row, const sf_pipeline_ask *ask)
{
    size_t n = 0;

    for (size_t i = 0; i < ask->n_stages; i++)
        n += list_has(row, "stages", ask->model_stages[i]) || list_has(row, "once", ask->model_stages[i]);
    return n;
}

static bool class_matches(const sf_node *row, const sf_pipeline_ask *ask)
{
    for (size_t i = 0; ask->archs && i < ask->n_stages; i++)
        if (list_has(row, "archs", ask->archs[i]) || list_has(row, "classes", ask->archs[i]))
            return true;
    return false;
}

static bool file_matches(const sf_node *row, sf_str file, size_t *longest)
{
    const sf_node *files = sf_node_get(row, "files");
    sf_str key = text_of(row, "key");
    bool hit = false;

    for (size_t i = 0; file.n && i <= (files ? files->n : 0); i++) {
        sf_str name = i ? files->as.items[i - 1]->text : key;

        if (name.n > *longest && sf_str_starts(file, name)) {
            *longest = name.n;
            hit = true;
        }
    }
    return hit;
}

/* How well a row fits what is known besides file names; 0: not at all. */
static int score(const sf_node *row, const sf_pipeline_ask *ask)
{
    const sf_node *stages = sf_node_get(row, "stages");
    size_t names = names_in_row(row, ask);
    size_t longest = 0;
    int s = 0;

    if (list_has(row, "types", ask->model_type) ||
        (ask->model_type.n && sf_str_eq(ask->model_type, text_of(row, "key"))) ||
        list_has(row, "aliases", ask->model_type))
        s += 400;
    if (list_has(row, "archs", ask->architecture) ||
        (ask->architecture.n && sf_str_eq(ask->architecture, text_of(row, "diffusers"))))
        s += 200;
    if (class_matches(row, ask))
        s += 100;
    if (!s || (ask->n_stages && !names))
        return 0;
    if (ask->n_stages && names == ask->n_stages)
        s += 20;
    if (ask->n_stages && stages && stages->n == ask->n_stages)
        s += 10;
    if (file_matches(row, ask->files[0], &longest))
        s += 5;
    if (!in_release(row, ask->date))
        s -= 8; /* less than a matching number of stages */
    return s > 0 ? s : 0;
}

static const sf_node *by_score(const sf_pipeline_index *index, const sf_pipeline_ask *ask)
{
    const sf_node *best = NULL;
    int top = 0;

    for (uint32_t i = 0; i < index->rows->n; i++) {
        const sf_node *row = index->rows->as.items[i];
        int s = score(row, ask);

        if (s > top && (!ask->date.n || ask->n_stages || in_release(row, ask->date))) {
            top = s;
            best = row;
        }
    }
    return best;
}

static const sf_node *by_file(const sf_pipeline_index *index, const sf_pipeline_ask *ask)
{
    const sf_node *best = NULL;

    for (int f = 0; f < 2 && !best; f++) {
        size_t longest = 0;

        for (uint32_t i = 0; i < index->rows->n; i++) {
            const sf_node *row = index->rows->as.items[i];

            if (ask->n_stages && !names_in_row(row, ask))
                continue;
            if (file_matches(row, ask->files[f], &longest))
                best = row;
        }
    }
    return best;
}

sf_code sf_pipeline_choose(sf_arena *a, const sf_pipeline_index *index, const sf_pipeline_ask *ask,
                           sf_diags *dg, sf_pipeline_found *ret)
{
    const sf_node *row = NULL;

    *ret = (sf_pipeline_found){0};
    if (ask->key.n) {
        sf_code rc = by_key(a, index, ask, dg, &row);

        if (rc)
            return rc;
    }
    if (!row)
        row = by_score(index, ask);
    if (!row && !ask->model_type.n && !ask->architecture.n)
        row = by_model(index, ask);
    if (!row && !ask->model_type.n && !ask->architecture.n) {
        row = by_file(index, ask);
        ret->by_file_name = row != NULL;
    }
    if (!row)
        return SF_OK;
    ret->fork = sf_node_get(row, "fork") != NULL;
    ret->not_yet = ask->date.n && sf_str_cmp(ask->date, text_of(row, "since")) < 0;
    return load(a, row, &ret->pipeline);
}

sf_code sf_pipeline_find(sf_arena *a, sf_str key, sf_diags *dg, const sf_pipeline **ret)
{
    sf_pipeline_ask ask = {.key = key, .key_any_release = true};
    sf_pipeline_index index;
    const sf_node *row;
    sf_code rc = sf_pipeline_index_load(a, &index);

    if (!rc)
        rc = by_key(a, &index, &ask, dg, &row);
    return rc ? rc : load(a, row, ret);
}

sf_code sf_pipeline_guess(sf_arena *a, const sf_str *model_stages, const sf_str *archs, size_t n,
                          sf_str hf_arch, sf_str hf_model_type, sf_diags *dg, const sf_pipeline **ret)
{
    sf_pipeline_ask ask = {.model_type = hf_model_type,
                           .architecture = hf_arch,
                           .model_stages = model_stages,
                           .archs = archs,
                           .n_stages = n};
    sf_pipeline_found found;
    sf_pipeline_index index;
    sf_code rc = sf_pipeline_index_load(a, &index);

    *ret = NULL;
    if (rc)
        return rc;
    rc = sf_pipeline_choose(a, &index, &ask, dg, &found);
    if (!rc)
        *ret = found.pipeline;
    return rc;
}

sf_code sf_pipeline_list(sf_arena *a, sf_diags *dg, const sf_pipeline **ret, size_t *ret_n)
{
    sf_pipeline_index index;
    sf_pipeline *list;
    size_t n = 0;
    sf_code rc = sf_pipeline_index_load(a, &index);

    (void)dg; /* our own data has nothing to complain about */
    if (rc)
        return rc;
    list = SF_NEW_ARRAY(a, sf_pipeline, (size_t)index.rows->n + 1);
    if (!list)
        return SF_E_NOMEM;
    for (uint32_t i = 0; i < index.rows->n; i++) {
        const sf_pipeline *p;

        rc = load(a, index.rows->as.items[i], &p);
        if (rc)
            return rc;
        list[n++] = *p;
    }
    *ret = list;
    *ret_n = n;
    return SF_OK;
}

const sf_pipeline_stage *sf_pipeline_stage_by_id(const sf_pipeline *p, int64_t id)
{
    for (size_t i = 0; p && i < p->n_stages; i++)
        if (p->stages[i].id == id)
            return &p->stages[i];
    return NULL;
}

const sf_pipeline_stage *sf_pipeline_stage_by_name(const sf_pipeline *p, sf_str model_stage)
{
    for (size_t i = 0; p && model_stage.n && i < p->n_stages; i++) {
        const sf_node *once = p->stages[i].once_named;

        if (sf_str_eq(p->stages[i].model_stage, model_stage))
            return &p->stages[i];
        for (size_t k = 0; once && k < once->n; k++)
            if (sf_str_eq(once->as.items[k]->text, model_stage))
                return &p->stages[i];
    }
    return NULL;
}
