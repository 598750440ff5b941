/*
 * parts: names and sums that several pages show.
 * Must not change a figure: only what the replay computed is added up here.
 */
#include "report/parts.h"

sf_share sf_share_of(const sf_entry *e)
{
    if (e->stage == SIZE_MAX)
        return SF_SHARE_TENANTS;
    switch (e->part) {
    case SF_PART_WEIGHTS:
        return SF_SHARE_WEIGHTS;
    case SF_PART_KV:
        return SF_SHARE_KV;
    case SF_PART_ACTIVATION:
    case SF_PART_REQUEST:
        return SF_SHARE_ACTIVATION;
    case SF_PART_GRAPHS:
    case SF_PART_GRAPHS_EST:
    case SF_PART_CODEC_GRAPHS:
        return SF_SHARE_GRAPHS;
    default:
        return SF_SHARE_OTHER;
    }
}

static const struct {
    char letter;
    sf_style style;
    const char *title;
} shares[SF_SHARE_COUNT] = {
    [SF_SHARE_WEIGHTS] = {'W', SF_STYLE_WEIGHTS,    "weights"          },
    [SF_SHARE_KV] = {'K', SF_STYLE_KV,         "KV cache"         },
    [SF_SHARE_ACTIVATION] = {'A', SF_STYLE_ACTIVATION, "activation"       },
    [SF_SHARE_GRAPHS] = {'G', SF_STYLE_GRAPHS,     "graphs"           },
    [SF_SHARE_OTHER] = {'C', SF_STYLE_OTHER,      "context and other"},
    [SF_SHARE_TENANTS] = {'T', SF_STYLE_TENANTS,    "other processes"  },
};

char sf_share_letter(sf_share share)
{
    return shares[share].letter;
}

sf_style sf_share_style(sf_share share)
{
    return shares[share].style;
}

const char *sf_share_title(sf_share share)
{
    return shares[share].title;
}

/* The slice of a stage, made when it is new. */
static sf_slice *slice_for(sf_slice *slices, size_t *n, size_t stage)
{
    for (size_t i = 0; i < *n; i++)
        if (slices[i].stage == stage)
            return &slices[i];
    slices[*n] = (sf_slice){.stage = stage};
    return &slices[(*n)++];
}

static int64_t add_bytes(int64_t a, int64_t b)
{
    int64_t r;

    return __builtin_add_overflow(a, b, &r) ? INT64_MAX : r;
}

const sf_slice *sf_slices_of(sf_page *p, const sf_check_view *v, uint32_t device, size_t *ret_n)
{
    const sf_replay *r = v->replay;
    sf_slice *slices = SF_NEW_ARRAY(p->a, sf_slice, r->n_stages + 2);
    size_t n = 0;

    *ret_n = 0;
    if (!slices) {
        p->out->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < r->n_entries; i++) {
        const sf_entry *e = &r->entries[i];
        sf_slice *s;

        if (e->device != device || !e->amount.bytes)
            continue;
        s = slice_for(slices, &n, e->stage);
        s->bytes[sf_share_of(e)] = add_bytes(s->bytes[sf_share_of(e)], e->amount.bytes);
        s->sum = add_bytes(s->sum, e->amount.bytes);
        if (n > r->n_stages + 1)
            break;
    }
    *ret_n = n;
    return slices;
}

const char *sf_stage_label(sf_page *p, const sf_stage *s)
{
    if (s->n_replicas > 1)
        return sf_page_printf(p, "%lld %.*s #%u", (long long)s->id, SF_STR_ARG(s->name), s->replica + 1);
    return sf_page_printf(p, "%lld %.*s", (long long)s->id, SF_STR_ARG(s->name));
}

const char *sf_gpus_label(sf_page *p, const sf_inventory *inv)
{
    const char *text = "";

    for (size_t i = 0, run; inv && i < inv->n; i += run) {
        const char *plus = *text ? " + " : "";

        for (run = 1; i + run < inv->n && sf_str_eq(inv->gpus[i].name, inv->gpus[i + run].name);)
            run++;
        if (run > 1)
            text = sf_page_printf(p, "%s%s%zu × %.*s", text, plus, run, SF_STR_ARG(inv->gpus[i].name));
        else
            text = sf_page_printf(p, "%s%s%.*s", text, plus, SF_STR_ARG(inv->gpus[i].name));
    }
    return text;
}

const char *sf_engine_label(sf_page *p, const sf_profile *profile)
{
    if (!profile)
        return "an unknown engine";
    if (profile->omni && profile->vllm_release.n)
        return sf_page_printf(p, "%.*s %.*s (vllm %.*s)", SF_STR_ARG(profile->engine),
                              SF_STR_ARG(profile->release), SF_STR_ARG(profile->vllm_release));
    return sf_page_printf(p, "%.*s %.*s", SF_STR_ARG(profile->engine), SF_STR_ARG(profile->release));
}

const char *sf_page_gib(sf_page *p, int64_t bytes)
{
    return sf_page_fixed2(p, (double)bytes / (double)SF_GIB);
}

const char *sf_page_size(sf_page *p, int64_t bytes)
{
    return sf_page_got(p, sf_fmt_gib(p->a, bytes));
}

const char *sf_page_count(sf_page *p, uint64_t n)
{
    return sf_page_got(p, sf_fmt_commas(p->a, n > INT64_MAX ? INT64_MAX : (int64_t)n));
}

const char *sf_page_fraction(sf_page *p, double value)
{
    return sf_page_got(p, sf_fmt_py_float(p->a, value));
}

const char *sf_page_fixed2(sf_page *p, double value)
{
    return sf_page_got(p, sf_fmt_fixed(p->a, value, 2));
}
