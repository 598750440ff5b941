/*
 * devices: a bar per GPU, and under it what each stage takes as a sum.
 * GPUs that hold the same (tensor parallelism) are shown once.
 */
#include "report/parts.h"

static bool slices_equal(const sf_slice *a, size_t na, const sf_slice *b, size_t nb)
{
    if (na != nb)
        return false;
    for (size_t i = 0; i < na; i++) {
        if (a[i].stage != b[i].stage)
            return false;
        for (sf_share s = 0; s < SF_SHARE_COUNT; s++)
            if (a[i].bytes[s] != b[i].bytes[s])
                return false;
    }
    return true;
}

static bool same_device(const sf_device_report *a, const sf_device_report *b)
{
    return a->total == b->total && a->tenants == b->tenants && a->used == b->used &&
           a->used_low == b->used_low && a->used_high == b->used_high && a->util_sum == b->util_sum &&
           sf_str_eq(a->gpu->name, b->gpu->name);
}

/* How many devices from `from` on show the same figures. */
static size_t run_of_equals(sf_page *p, const sf_check_view *v, size_t from, const sf_slice *slices, size_t n)
{
    const sf_replay *r = v->replay;
    size_t run = 1;

    while (from + run < r->n_devices && same_device(&r->devices[from], &r->devices[from + run])) {
        size_t m;
        const sf_slice *other = sf_slices_of(p, v, r->devices[from + run].gpu->index, &m);

        if (!other || !slices_equal(slices, n, other, m))
            break;
        run++;
    }
    return run;
}

/* "util 0.6 + 0.1 = 0.7" of the stages on the device. */
static const char *util_text(sf_page *p, const sf_check_view *v, const sf_device_report *d)
{
    const char *text = "";
    size_t n = 0;

    for (size_t i = 0; v->need && i < v->need->n_stages; i++) {
        const sf_stage_need *s = &v->need->stages[i];

        for (size_t k = 0; k < s->n_ranks; k++) {
            if (s->ranks[k].device != d->gpu->index || s->util_frac <= 0)
                continue; /* a diffusion stage without one */
            text = sf_page_printf(p, "%s%s%s", text, n ? " + " : "", sf_page_fraction(p, s->util_frac));
            n++;
        }
    }
    if (n < 2)
        return n ? sf_page_printf(p, "util %s", text) : text;
    return sf_page_printf(p, "util %s = %s", text, sf_page_got(p, sf_fmt_py_round2(p->a, d->util_sum)));
}

/* " (NVIDIA L4)" where the GPUs are not all of one kind. */
static const char *mixed_name(sf_page *p, const sf_check_view *v, const sf_device_report *d)
{
    for (size_t i = 0; i < v->inventory->n; i++)
        if (!sf_str_eq(v->inventory->gpus[i].name, d->gpu->name))
            return sf_page_printf(p, " (%.*s)", SF_STR_ARG(d->gpu->name));
    return "";
}

/* How the total of each kind of GPU is known; the evidence is in the explanation. */
static void totals(sf_page *p, const sf_check_view *v)
{
    for (size_t i = 0; i < v->inventory->n; i++) {
        const sf_gpu *g = &v->inventory->gpus[i];
        const char *band = "";
        bool said = false;

        for (size_t k = 0; k < i; k++)
            said = said || (v->inventory->gpus[k].total == g->total && v->inventory->gpus[k].how == g->how);
        if (said)
            continue;
        if (g->total_low != g->total_high)
            band = sf_page_printf(p, " (%s-%s)", sf_page_gib(p, (int64_t)g->total_low),
                                  sf_page_gib(p, (int64_t)g->total_high));
        sf_page_pad(p, 2);
        sf_page_wrapf(p, 2, 4, SF_DIM, "%s%s: %s", sf_page_size(p, (int64_t)g->total), band,
                      sf_total_how_text(g->how));
    }
}

/* "GPU 0: 54.43 of 79.19 GiB used, 24.76 left (23.10-25.00), util 0.6 + 0.1 = 0.7" */
static void device_head(sf_page *p, const sf_check_view *v, size_t i, size_t run)
{
    const sf_device_report *d = &v->replay->devices[i];
    const char *util = util_text(p, v, d), *name = mixed_name(p, v, d), *left, *head;

    if (d->left_low != d->left_high)
        left = sf_page_printf(p, "%s left (%s%s%s)", sf_page_gib(p, d->left), sf_page_gib(p, d->left_low),
                              d->left_low < 0 ? " to " : "-", sf_page_gib(p, d->left_high));
    else
        left = sf_page_printf(p, "%s left", sf_page_gib(p, d->left));
    if (run > 1)
        head = sf_page_printf(p, "GPU %u to %u%s, each:", d->gpu->index,
                              v->replay->devices[i + run - 1].gpu->index, name);
    else
        head = sf_page_printf(p, "GPU %u%s:", d->gpu->index, name);
    sf_page_text(p, SF_BOLD, head);
    sf_page_pad(p, 1);
    sf_page_wrapf(p, strlen(head) + 1, 4, d->left < 0 ? SF_WARN : SF_PLAIN, "%s of %s GiB used, %s%s%s",
                  sf_page_gib(p, d->used), sf_page_gib(p, d->total), left, *util ? ", " : "", util);
}

/* "0 thinker  47.51 = W 30.26 + K 12.90 + …" */
static void slice_line(sf_page *p, const sf_check_view *v, const sf_slice *s, size_t label_width)
{
    const char *name = s->stage == SIZE_MAX ? "others" : sf_stage_label(p, &v->deployment->stages[s->stage]);
    const char *sum = sf_page_gib(p, s->sum), *parts = "";
    sf_str label = sf_page_clean(p, sf_str_of(name));
    size_t w, fill, n;

    w = sf_text_columns(label);
    fill = label_width > w ? label_width - w : 0;
    for (sf_share share = 0; share < SF_SHARE_COUNT; share++)
        if (s->bytes[share])
            parts = sf_page_printf(p, "%s%s %c %s", parts, *parts ? " +" : "=", sf_share_letter(share),
                                   sf_page_gib(p, s->bytes[share]));
    sf_page_pad(p, 2);
    sf_page_add(p, SF_PLAIN, label);
    n = strlen(sum);
    fill += 2 + (n < 6 ? 6 - n : 0);
    sf_page_pad(p, fill);
    sf_page_text(p, SF_PLAIN, sum);
    sf_page_pad(p, 1);
    sf_page_wrap(p, 2 + w + fill + n + 1, 2 + label_width + 2 + 7, SF_PLAIN, sf_str_of(parts));
}

static size_t label_width_of(sf_page *p, const sf_check_view *v)
{
    size_t widest = 8;

    for (size_t i = 0; i < v->deployment->n_stages; i++) {
        size_t w = sf_text_columns(sf_page_clean(p, sf_str_of(sf_stage_label(p, &v->deployment->stages[i]))));

        widest = w > widest && w <= 24 ? w : widest;
    }
    return widest;
}

void sf_page_devices(sf_page *p, const sf_check_view *v)
{
    size_t label_width = label_width_of(p, v);
    bool shown[SF_SHARE_COUNT] = {false}, shared = false;

    for (size_t i = 0, run; i < v->replay->n_devices; i += run) {
        const sf_device_report *d = &v->replay->devices[i];
        size_t n, stages = 0;
        const sf_slice *slices = sf_slices_of(p, v, d->gpu->index, &n);

        run = run_of_equals(p, v, i, slices, n);
        device_head(p, v, i, run);
        sf_page_pad(p, 2);
        sf_page_bar(p, slices, n, d->total, p->width - 2);
        for (size_t k = 0; k < n; k++) {
            slice_line(p, v, &slices[k], label_width);
            stages += slices[k].stage != SIZE_MAX;
            for (sf_share s = 0; s < SF_SHARE_COUNT; s++)
                shown[s] = shown[s] || slices[k].bytes[s];
        }
        shared = shared || stages > 1;
    }
    sf_page_legend(p, shown, 2);
    totals(p, v);
    if (shared)
        sf_page_wrap(
            p, 0, 0, SF_PLAIN,
            SF_STR("Stages on one GPU stay resident together, idle ones too: their memory adds up."));
}
