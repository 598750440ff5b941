/*
 * verdict: the first lines of a check: does it start, how many requests at once.
 * Must not soften: "may not start" is said when the outcome is inside the error band.
 */
#include "report/parts.h"

static const char *when_of(sf_event_kind kind)
{
    switch (kind) {
    case SF_EVENT_INIT:
        return "while its process initialises";
    case SF_EVENT_CHECK:
        return "at the check of free memory";
    case SF_EVENT_LOAD:
        return "while its weights are loaded";
    case SF_EVENT_PROFILE:
        return "in its profile run";
    case SF_EVENT_KV:
        return "when its KV cache is sized";
    case SF_EVENT_GRAPHS:
        return "while its CUDA graphs are captured";
    case SF_EVENT_REQUEST:
        return "in a request of that size";
    case SF_EVENT_READY:
        break;
    }
    return "when it is ready";
}

/* "stage 1 (talker) on GPU 1, when its KV cache is sized" */
static const char *failure_text(sf_page *p, const sf_check_view *v, const sf_event *e)
{
    const sf_stage *s = e->stage < v->deployment->n_stages ? &v->deployment->stages[e->stage] : NULL;

    if (!s)
        return sf_page_printf(p, "GPU %u, %s", e->device, when_of(e->kind));
    return sf_page_printf(p, "stage %lld (%.*s) on GPU %u, %s", (long long)s->id, SF_STR_ARG(s->name),
                          e->device, when_of(e->kind));
}

/* The engine's own words, each line behind a bar. */
static void quote(sf_page *p, sf_str text)
{
    sf_str line, rest = sf_page_clean(p, text);

    for (bool more = text.n > 0; more;) {
        more = sf_str_split(&rest, '\n', &line);
        sf_page_text(p, SF_DIM, "  ");
        sf_page_wrap(p, 2, 4, SF_PLAIN, line);
    }
}

/* Which model was taken, and why: a config seldom names it. */
static void model_line(sf_page *p, const sf_deployment *d)
{
    if (!d->model.n)
        return;
    sf_page_pad(p, 2);
    sf_page_wrapf(p, 2, 4, SF_PLAIN, "%.*s%s%.*s%s", SF_STR_ARG(d->model), d->model_why.n ? " (" : "",
                  SF_STR_ARG(d->model_why), d->model_why.n ? ")" : "");
}

void sf_page_verdict(sf_page *p, const sf_check_view *v)
{
    static const struct {
        const char *text;
        sf_style style;
    } words[] = {
        [SF_STARTS] = {"STARTS",                               SF_GOOD},
        [SF_STARTS_MAYBE] = {"MAY NOT START",                        SF_WARN},
        [SF_FAILS] = {"DOES NOT START",                       SF_BAD },
        [SF_REQUEST_FAILS] = {"STARTS, BUT THE REQUEST DOES NOT FIT", SF_BAD },
    };
    const sf_replay *r = v->replay;
    size_t n = strlen(words[r->verdict].text);

    sf_page_text(p, words[r->verdict].style, words[r->verdict].text);
    sf_page_pad(p, 1);
    sf_page_wrapf(p, n + 1, 2, SF_PLAIN, "on %s with %s", sf_gpus_label(p, v->inventory),
                  sf_engine_label(p, v->profile));
    model_line(p, v->deployment);
    if (!r->first_failure)
        return;
    sf_page_wrapf(p, 0, 2, SF_BOLD, "%s: %s%s", r->verdict >= SF_FAILS ? "Fails" : "Inside the error band",
                  failure_text(p, v, r->first_failure), r->first_failure->text.n ? ":" : ".");
    quote(p, r->first_failure->text);
}

static void answer_kv(sf_page *p, const sf_stage_report *s, size_t used, size_t indent)
{
    const char *longest = "";

    if (s->longest_len && s->longest_len < s->max_model_len)
        longest = sf_page_printf(p, " (the longest that fits: %s)", sf_page_count(p, s->longest_len));
    sf_page_wrapf(p, used, indent, SF_PLAIN, "%s tokens of KV cache = %s requests of %s at once%s",
                  sf_page_count(p, s->kv->tokens), sf_page_fixed2(p, s->kv->concurrency),
                  sf_page_count(p, s->max_model_len), longest);
}

static const char *without_cache(const sf_stage_need *need)
{
    switch (need->stage->kind) {
    case SF_STAGE_GENERATION:
        return "no KV cache (generation stage)";
    case SF_STAGE_DIFFUSION:
        return "no KV cache (diffusion stage)";
    case SF_STAGE_AR:
        break;
    }
    return "no KV cache";
}

/* One line a stage: what it can serve. */
void sf_page_answers(sf_page *p, const sf_check_view *v)
{
    size_t widest = 0;

    for (size_t i = 0; i < v->replay->n_stages; i++) {
        size_t w =
            sf_text_columns(sf_page_clean(p, sf_str_of(sf_stage_label(p, v->replay->stages[i].need->stage))));

        widest = w > widest && w <= 24 ? w : widest;
    }
    for (size_t i = 0; i < v->replay->n_stages; i++) {
        const sf_stage_report *s = &v->replay->stages[i];
        sf_str label = sf_page_clean(p, sf_str_of(sf_stage_label(p, s->need->stage)));
        size_t w = sf_text_columns(label);
        size_t indent = 2 + widest + 2;

        sf_page_pad(p, 2);
        sf_page_add(p, SF_BOLD, label);
        sf_page_pad(p, widest > w ? widest - w + 2 : 2);
        w = widest > w ? indent : 2 + w + 2;
        if (s->started && s->kv)
            answer_kv(p, s, w, indent);
        else if (s->started)
            sf_page_wrap(p, w, indent, SF_PLAIN, sf_str_of(without_cache(s->need)));
        else
            sf_page_wrap(p, w, indent, SF_PLAIN,
                         s->reached ? SF_STR("does not start")
                                    : SF_STR("not reached: an earlier stage stops the start"));
    }
}
