/*
 * lint_wiring: formats mixed in one file, stage numbers, sources, edges, connectors, ways in and out.
 * Must not judge sizes.  Rules: vllm-omni be81443c to c6d76d08 (stage_args), 10906e3a (stages).
 */
#include "stages/lint.h"

#include "base/num.h"
#include "stages/merge.h"

void sf_lint_two_formats(sf_lint *l)
{
    static const char *const deploy[] = {"stages", "base_config", "platforms", NULL};
    const sf_node *legacy = sf_node_get(l->r->own, "stage_args");

    for (size_t i = 0; legacy && deploy[i]; i++) {
        const sf_node *other = sf_node_get(l->r->own, deploy[i]);

        if (!other)
            continue;
        sf_lint_say(l, SF_ERROR, SF_E_TWO_FORMATS, sf_node_where_key(other, sf_str_of(deploy[i])),
                    "keep one of the formats; `stagefit migrate` turns stage_args into stages",
                    "%s belongs to the newer format, and the file has stage_args as well", deploy[i]);
        sf_lint_related(l, sf_node_where_key(legacy, SF_STR("stage_args")), "stage_args");
        return;
    }
}

/* A list of the legacy format numbers its stages by place, though the loader does not check it. */
void sf_lint_stage_order(sf_lint *l)
{
    for (size_t i = 0; i < l->r->n_drafts; i++) {
        const sf_draft *draft = &l->r->drafts[i];
        const sf_node *id = sf_node_get(draft->node, "stage_id");

        if (!draft->path.p || !id || id->kind != SF_INT || id->as.i == (int64_t)i)
            continue;
        sf_lint_say(l, SF_WARNING, SF_E_STAGE_ID, sf_lint_where(l, draft, id, SF_STR("stage_id")),
                    sf_lint_text(l, "write stage_id: %zu, or move the entry", i),
                    "stage_id is %lld in place %zu of the list: the engine takes stages by place",
                    (long long)id->as.i, i);
    }
}

static bool has_stage(const sf_lint *l, int64_t id)
{
    for (size_t i = 0; i < l->r->n_drafts; i++)
        if (l->r->drafts[i].path.p && l->r->drafts[i].id == id)
            return true;
    return false;
}

/* A reader that stopped early knows no stages: nothing can be said of who is missing. */
static bool complete(const sf_lint *l)
{
    for (size_t i = 0; i < l->r->n_drafts; i++)
        if (!l->r->drafts[i].path.p)
            return false;
    return l->r->n_drafts != 0;
}

static void check_source(sf_lint *l, const sf_draft *draft, const sf_node *source)
{
    sf_where at = sf_lint_where(l, draft, source, SF_STR("engine_input_source"));
    int64_t id;

    if (!sf_merge_stage_id(source, &id))
        sf_lint_say(l, SF_ERROR, SF_E_WIRING, at, "write the stage_id of a stage",
                    "a source is a %s, not a stage", sf_node_kind_name(source->kind));
    else if (id == draft->id)
        sf_lint_say(l, SF_ERROR, SF_E_WIRING, at, "name the stage before it",
                    "stage %lld takes its input from itself", (long long)id);
    else if (!has_stage(l, id))
        sf_lint_say(l, SF_ERROR, SF_E_WIRING, at, "name a stage of this file",
                    "stage %lld takes its input from stage %lld, which is not there", (long long)draft->id,
                    (long long)id);
}

void sf_lint_sources(sf_lint *l)
{
    for (size_t i = 0; complete(l) && i < l->r->n_drafts; i++) {
        const sf_node *list = sf_node_get(l->r->drafts[i].node, "engine_input_source");

        for (uint32_t k = 0; sf_node_is(list, SF_SEQ) && k < list->n; k++)
            check_source(l, &l->r->drafts[i], list->as.items[k]);
    }
}

static void check_edge(sf_lint *l, const sf_node *edge, sf_severity severity)
{
    static const char *const ends[] = {"from", "to"};
    int64_t id[2] = {-1, -2};

    for (size_t k = 0; k < 2; k++) {
        const sf_node *end = sf_node_get(edge, ends[k]);

        if (!sf_merge_stage_id(end, &id[k]))
            sf_lint_say(l, severity, SF_E_WIRING, sf_node_where_key(end ? end : edge, SF_STR("edges")),
                        "write {from: 0, to: 1}", "an edge has no stage in `%s`", ends[k]);
        else if (!has_stage(l, id[k]))
            sf_lint_say(l, severity, SF_E_WIRING, sf_node_where_key(end, SF_STR("edges")),
                        "name a stage that is there", "an edge names stage %lld, which is not there",
                        (long long)id[k]);
    }
    if (id[0] == id[1])
        sf_lint_say(l, severity, SF_E_WIRING, sf_node_where_key(edge, SF_STR("edges")), "remove it",
                    "an edge leads from stage %lld to itself", (long long)id[0]);
}

/* The newer engines only print a line about a wrong edge, and run without connectors. */
void sf_lint_edges(sf_lint *l)
{
    bool legacy = l->d->format == SF_FORMAT_LEGACY;
    const sf_node *edges = sf_node_get(legacy ? sf_node_get(l->r->root, "runtime") : l->r->root, "edges");

    for (uint32_t i = 0; complete(l) && sf_node_is(edges, SF_SEQ) && i < edges->n; i++)
        check_edge(l, edges->as.items[i], legacy ? SF_ERROR : SF_WARNING);
}

/* "from_stage_1" or "to_stage_1": the 1. */
static bool end_of(sf_str key, const char *head, int64_t *ret)
{
    sf_str h = sf_str_of(head);

    return sf_str_starts(key, h) && sf_parse_i64(sf_str_sub(key, h.n, key.n), ret);
}

void sf_lint_connector_ends(sf_lint *l)
{
    for (size_t i = 0; complete(l) && i < l->r->n_drafts; i++) {
        const sf_draft *draft = &l->r->drafts[i];
        const sf_node *sides[2] = {draft->inputs, draft->outputs};

        for (int s = 0; s < 2; s++)
            for (uint32_t k = 0; sf_node_is(sides[s], SF_MAP) && k < sides[s]->n; k++) {
                const sf_pair *pair = &sides[s]->as.pairs[k];
                int64_t id;

                if (end_of(pair->key, s ? "to_stage_" : "from_stage_", &id) && id != draft->id &&
                    has_stage(l, id))
                    continue;
                sf_lint_say(l, SF_WARNING, SF_E_WIRING, sf_lint_where(l, draft, pair->key_at, pair->key),
                            s ? "write to_stage_N with the number of another stage"
                              : "write from_stage_N with the number of another stage",
                            "%.*s names no other stage", SF_STR_ARG(pair->key));
            }
    }
}

static bool is_true(const sf_node *node)
{
    return sf_node_is(node, SF_BOOL) && node->as.b;
}

/* A request has to come in somewhere, and something has to come out. */
void sf_lint_ends(sf_lint *l)
{
    bool in = false, out = false;

    if (!complete(l))
        return;
    for (size_t i = 0; i < l->r->n_drafts; i++) {
        const sf_node *source = sf_node_get(l->r->drafts[i].node, "engine_input_source");

        in |= !sf_node_is(source, SF_SEQ) || !source->n;
        out |= is_true(sf_node_get(l->r->drafts[i].node, "final_output"));
    }
    if (!in)
        sf_lint_say(l, SF_ERROR, SF_E_NO_END, sf_node_where_key(l->r->at, SF_STR("stage_args")),
                    "leave engine_input_source of the first stage empty",
                    "no stage takes the request: each has an engine_input_source");
    if (!out)
        sf_lint_say(l, SF_ERROR, SF_E_NO_END, sf_node_where_key(l->r->at, SF_STR("stage_args")),
                    "set final_output: true on the stage that answers", "no stage has final_output: true");
}

/* A stage that the file does not mention starts all the same, with the engine's defaults. */
void sf_lint_missing_entries(sf_lint *l)
{
    for (size_t i = 0; i < l->r->n_drafts; i++) {
        const sf_draft *draft = &l->r->drafts[i];

        if (!draft->path.p || draft->node || !draft->pipeline)
            continue;
        sf_lint_say(l, SF_WARNING, SF_E_NO_ENTRY, sf_node_where_key(l->r->at, SF_STR("stages")),
                    sf_lint_text(l, "add `- stage_id: %lld` with its devices", (long long)draft->id),
                    "stage %lld (%.*s) has no entry: it runs on GPU 0 with the engine's defaults",
                    (long long)draft->id, SF_STR_ARG(draft->pipeline->model_stage));
    }
}
