/*
 * stages: the table of stages.  Figures are per GPU of the stage (its first rank), in GiB.
 */
#include "report/parts.h"
#include "report/table.h"

static const sf_column columns[] = {
    {"stage",     false, false, 0},
    {"kind",      false, false, 3},
    {"GPUs",      false, false, 0},
    {"TP",        true,  false, 2},
    {"util",      true,  false, 0},
    {"requested", true,  false, 1},
    {"weights",   true,  false, 0},
    {"activ.",    true,  false, 0},
    {"KV",        true,  false, 0},
    {"tokens",    true,  false, 4},
    {"at once",   true,  false, 4},
};

/* "0,1", "0-7" */
static const char *device_list(sf_page *p, const sf_stage_need *s)
{
    const char *text = "";

    for (size_t i = 0, run; i < s->n_ranks; i += run) {
        uint32_t first = s->ranks[i].device;

        for (run = 1; i + run < s->n_ranks && s->ranks[i + run].device == first + run;)
            run++;
        if (run > 2)
            text = sf_page_printf(p, "%s%s%u-%zu", text, *text ? "," : "", first, first + run - 1);
        else {
            run = 1;
            text = sf_page_printf(p, "%s%s%u", text, *text ? "," : "", first);
        }
    }
    return text;
}

/* A part of the first rank; blank where there is nothing. */
static const char *part_text(sf_page *p, const sf_stage_need *s, sf_part part)
{
    if (!s->n_ranks || !s->ranks[0].part[part].bytes)
        return "-";
    return sf_page_gib(p, s->ranks[0].part[part].bytes);
}

/* What the cache got: the blocks that were allocated, on the first rank. */
static const char *kv_text(sf_page *p, const sf_stage_report *s)
{
    if (!s->kv || !s->started || !s->kv->worker_bytes)
        return "-";
    return sf_page_gib(p, (int64_t)s->kv->worker_bytes[0]);
}

/* The layout of an architecture that is not known, taken for one that is, as the user asked. */
static bool is_assumed(const sf_stage_need *s)
{
    return s->model && s->model->assumed;
}

static void stage_row(sf_table *t, sf_page *p, const sf_stage_report *s)
{
    const sf_stage_need *need = s->need;
    bool served = s->kv && s->started;

    sf_table_text(t, sf_stage_label(p, need->stage));
    sf_table_text(t, sf_stage_kind_name(need->stage->kind));
    sf_table_text(t, device_list(p, need));
    sf_table_text(t, sf_page_printf(p, "%u", need->stage->tp));
    sf_table_text(t, need->util_frac > 0 ? sf_page_fraction(p, need->util_frac) : "-");
    sf_table_text(t, s->requested
                         ? sf_page_printf(p, "%s%s", sf_page_gib(p, s->requested), s->capped ? "*" : "")
                         : "-");
    sf_table_text(
        t, sf_page_printf(p, "%s%s", part_text(p, need, SF_PART_WEIGHTS), is_assumed(need) ? "?" : ""));
    sf_table_text(t, part_text(p, need, SF_PART_ACTIVATION));
    sf_table_text(t, kv_text(p, s));
    sf_table_text(t, served ? sf_page_count(p, s->kv->tokens) : "-");
    sf_table_text(t, served ? sf_page_fixed2(p, s->kv->concurrency) : "-");
}

/* Offloaded weights: all ranks of a stage hold them in the memory of the machine. */
static void host_line(sf_page *p, const sf_stage_need *s)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < s->n_ranks; i++)
        bytes += s->ranks[i].host.bytes;
    if (bytes)
        sf_page_wrapf(p, 0, 2, SF_PLAIN, "%s keeps %s of weights in pinned host memory",
                      sf_stage_label(p, s->stage), sf_page_size(p, bytes));
}

void sf_page_stages(sf_page *p, const sf_check_view *v)
{
    bool capped = false, assumed = false;
    sf_table t;

    sf_table_init(&t, p, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < v->replay->n_stages; i++) {
        stage_row(&t, p, &v->replay->stages[i]);
        capped = capped || v->replay->stages[i].capped;
        assumed = assumed || is_assumed(v->replay->stages[i].need);
    }
    sf_table_print(&t, 0);
    for (size_t i = 0; i < v->replay->n_stages; i++)
        host_line(p, v->replay->stages[i].need);
    if (capped)
        sf_page_wrap(p, 0, 2, SF_PLAIN, SF_STR("* lowered to what was free when the stage started"));
    if (assumed)
        sf_page_wrap(p, 0, 2, SF_PLAIN,
                     SF_STR("? layout assumed, as asked: a dense decoder with full attention"));
}
