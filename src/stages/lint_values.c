/*
 * lint_values: single values: what YAML makes of them, keys that nothing reads, sizes without use.
 * Must not compare stages.  Rules: YAML 1.1 as OmegaConf reads it; vllm-omni 10906e3a; vLLM's scheduler.
 */
#include "stages/lint.h"

enum { WALK_MAX = 100 * 1000 };

static bool all_digits(sf_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n != 0;
}

static void check_scalar(sf_lint *l, const sf_node *v, sf_str key)
{
    sf_where at = sf_node_where_key(v, key);

    if (v->flags & SF_NODE_QUOTED)
        return;
    if (v->kind == SF_INT && v->text.n > 1 && v->text.p[0] == '0' && all_digits(v->text))
        sf_lint_say(l, SF_WARNING, SF_E_YAML_READING, at,
                    "write it without the leading zero, or in quotes for a text",
                    "%.*s is octal: it is read as %lld", SF_STR_ARG(v->text), (long long)v->as.i);
    else if (v->kind == SF_INT && sf_str_find_char(v->text, ':') >= 0)
        sf_lint_say(l, SF_WARNING, SF_E_YAML_READING, at, "put it in quotes",
                    "%.*s is a number of base 60: it is read as %lld", SF_STR_ARG(v->text),
                    (long long)v->as.i);
    else if (v->kind == SF_STRING && (sf_str_is(v->text, "None") || sf_str_is(v->text, "none")) &&
             !sf_str_is(key, "cache_backend"))
        sf_lint_say(l, SF_WARNING, SF_E_YAML_READING, at, "write null, or nothing, for no value",
                    "%.*s is a text of four letters, not the absence of a value", SF_STR_ARG(v->text));
}

static void walk(sf_lint *l, const sf_node *node, sf_str key, unsigned *seen)
{
    if (++*seen > WALK_MAX || l->no_memory)
        return;
    if (node->kind == SF_MAP)
        for (uint32_t i = 0; i < node->n; i++)
            walk(l, node->as.pairs[i].value, node->as.pairs[i].key, seen);
    else if (node->kind == SF_SEQ)
        for (uint32_t i = 0; i < node->n; i++)
            walk(l, node->as.items[i], key, seen);
    else
        check_scalar(l, node, key);
}

void sf_lint_yaml_reading(sf_lint *l)
{
    unsigned seen = 0;

    walk(l, l->r->own, (sf_str){0}, &seen);
}

/* Of a nested runtime only devices, num_replicas and env are read in a deploy config. */
void sf_lint_runtime_keys(sf_lint *l)
{
    for (size_t i = 0; i < l->r->n_drafts; i++) {
        const sf_draft *draft = &l->r->drafts[i];
        const sf_node *runtime = draft->path.p ? sf_node_get(draft->node, "runtime") : NULL;

        for (uint32_t k = 0; runtime && sf_node_is(runtime, SF_MAP) && k < runtime->n; k++) {
            const sf_pair *pair = &runtime->as.pairs[k];

            if (sf_str_is(pair->key, "devices") || sf_str_is(pair->key, "num_replicas") ||
                sf_str_is(pair->key, "env"))
                continue;
            sf_lint_say(l, SF_WARNING, SF_E_STAGE_IGNORED, sf_lint_where(l, draft, pair->key_at, pair->key),
                        sf_str_is(pair->key, "max_batch_size") ? "set max_num_seqs of the stage"
                                                               : "remove it",
                        "runtime.%.*s of stage %lld has no effect in this format", SF_STR_ARG(pair->key),
                        (long long)draft->id);
        }
    }
}

void sf_lint_parallel_init(sf_lint *l)
{
    const sf_node *v = sf_node_get(l->r->root, "parallel_stage_init");

    if (!l->profile || l->profile->has_admission || !sf_node_is(v, SF_BOOL) || !v->as.b)
        return;
    sf_lint_say(l, SF_WARNING, SF_E_STAGE_IGNORED, sf_node_where_key(v, SF_STR("parallel_stage_init")),
                "remove it, or check for a later release: --engine vllm-omni@2026-09",
                "this release does not know parallel_stage_init");
}

/* A step of the scheduler never holds more tokens than all requests together. */
void sf_lint_batched_tokens(sf_lint *l)
{
    for (size_t s = 0; s < l->d->n_stages; s++) {
        const sf_stage *st = &l->d->stages[s];
        const sf_draft *draft = sf_lint_draft(l, st);
        const sf_node *node = st->args.v[SF_ARG_max_num_batched_tokens].node;
        int64_t tokens = sf_args_i64(&st->args, SF_ARG_max_num_batched_tokens, 0);
        int64_t len = sf_args_i64(&st->args, SF_ARG_max_model_len, 0);
        int64_t seqs = sf_args_i64(&st->args, SF_ARG_max_num_seqs, 0), most;

        if (st->kind != SF_STAGE_AR || st->replica || !draft || !node || len < 1 || seqs < 1 ||
            __builtin_mul_overflow(len, seqs, &most) || tokens <= most)
            continue;
        sf_lint_say(
            l, SF_WARNING, SF_E_BATCHED_TOKENS,
            sf_lint_where(l, draft, node, SF_STR("max_num_batched_tokens")),
            sf_lint_text(l, "%lld is enough; the activation peak grows with it", (long long)most),
            "max_num_batched_tokens %lld of stage %lld can never be used: %lld request(s) of %lld tokens are "
            "%lld at most",
            (long long)tokens, (long long)st->id, (long long)seqs, (long long)len, (long long)most);
    }
}

/* True when another stage of the pipeline takes images or sound with the same class. */
static bool class_takes_media(const sf_pipeline *p, const sf_stage *st)
{
    for (size_t i = 0; p && st->architecture.n && i < p->n_stages; i++)
        if (p->stages[i].multimodal && sf_str_eq(p->stages[i].architecture, st->architecture))
            return true;
    return false;
}

/* Encoders are run at start for stages that never get an image, unless a legacy file says otherwise. */
void sf_lint_mm_profiling(sf_lint *l)
{
    for (size_t s = 0; s < l->d->n_stages; s++) {
        const sf_stage *st = &l->d->stages[s];
        const sf_draft *draft = sf_lint_draft(l, st);
        const sf_node *skip = st->args.v[SF_ARG_skip_mm_profiling].node;
        bool profiles = !sf_args_bool(&st->args, SF_ARG_skip_mm_profiling, false);

        if (st->kind != SF_STAGE_AR || st->replica || !draft || !st->pipeline || st->pipeline->multimodal ||
            !profiles)
            continue;
        if (skip)
            sf_lint_say(l, SF_WARNING, SF_E_MM_PROFILING,
                        sf_lint_where(l, draft, skip, SF_STR("skip_mm_profiling")), "remove it",
                        "stage %lld (%.*s) takes no images or sound, and is asked to profile encoders",
                        (long long)st->id, SF_STR_ARG(st->name));
        else if (class_takes_media(l->d->pipeline, st))
            sf_lint_say(
                l, SF_NOTE, SF_E_MM_PROFILING,
                sf_lint_where(l, draft, sf_lint_stage_node(l, st), (sf_str){0}),
                "add skip_mm_profiling: true under engine_args",
                "stage %lld (%.*s) takes no images or sound, but its class has encoders: they are profiled",
                (long long)st->id, SF_STR_ARG(st->name));
    }
}
