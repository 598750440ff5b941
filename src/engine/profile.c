/*
 * profile: from what the user typed to the behaviour of one release.
 * Must not hold facts about releases: they are in data/engines, and the fold is blind.
 */
#include "engine/profile.h"

#include "base/buf.h"
#include "base/num.h"
#include "engine/catalogue.h"
#include "engine/profile_fold.h"

/* What was asked, taken apart. */
typedef struct wish {
    sf_arena *a;
    sf_diags *dg;
    sf_str spec;
    sf_lineage lineage;
    sf_str release; /* empty: the newest */
    bool v0_asked;
    sf_version version;
    bool is_version;
    sf_str day; /* ISO, or empty */
    sf_str note;
} wish;

static bool engine_name(sf_str name, wish *w)
{
    w->v0_asked = sf_str_eq_nocase(name, SF_STR("vllm-v0"));
    if (sf_str_eq_nocase(name, SF_STR("vllm-omni")) || sf_str_eq_nocase(name, SF_STR("vllm_omni")) ||
        sf_str_eq_nocase(name, SF_STR("omni")))
        w->lineage = SF_LINEAGE_OMNI;
    else if (sf_str_eq_nocase(name, SF_STR("vllm")) || w->v0_asked)
        w->lineage = w->v0_asked ? SF_LINEAGE_VLLM_V0 : SF_LINEAGE_VLLM;
    else
        return false;
    return true;
}

/* The releases of the engine that was asked for, newest last, for hints. */
static const char *known_releases(const wish *w)
{
    sf_str engine = w->v0_asked                     ? SF_STR("vllm-v0")
                    : w->lineage == SF_LINEAGE_OMNI ? SF_STR("vllm-omni")
                                                    : SF_STR("vllm");
    sf_release *list;
    const char *text = NULL;
    size_t n, shown = 0;
    sf_buf out;

    if (sf_profile_list(w->a, w->dg, &list, &n))
        return NULL;
    sf_buf_init(&out, 16 * 1024);
    for (size_t i = 0; i < n; i++) {
        if (!sf_str_eq(engine, list[i].engine))
            continue;
        sf_buf_printf(&out, "%s%.*s", shown++ ? ", " : "", SF_STR_ARG(list[i].release));
        if (list[i].profile.n)
            sf_buf_printf(&out, " (%.*s)", SF_STR_ARG(list[i].profile));
    }
    if (!out.failed)
        text = sf_arena_printf(w->a, "write %.*s@ and one of %.*s", SF_STR_ARG(engine),
                               SF_STR_ARG(sf_buf_str(&out)))
                   .p;
    sf_buf_release(&out);
    return text;
}

/* The place of the release in what was asked: the text of --engine. */
static sf_where spec_where(const wish *w)
{
    return (sf_where){.file = SF_STR("--engine"), .line = 1, .col = 1, .len = w->spec.n};
}

static sf_code unknown(wish *w, const char *why)
{
    return sf_diag_error(w->dg, SF_E_ENGINE_UNKNOWN, spec_where(w), known_releases(w), "engine \"%.*s\": %s",
                         SF_STR_ARG(w->spec), why);
}

/* Splits "engine@release" ("engine==release" too); a bare word is an engine or a release. */
static sf_code split_spec(wish *w, bool prefer_omni)
{
    sf_str spec = sf_str_trim(w->spec);
    ptrdiff_t at = sf_str_find_char(spec, '@'), eq = sf_str_find(spec, SF_STR("=="));
    size_t sep = at >= 0 ? 1 : 2;

    w->lineage = prefer_omni ? SF_LINEAGE_OMNI : SF_LINEAGE_VLLM;
    if (at < 0)
        at = eq;
    if (at < 0) {
        if (spec.n && !engine_name(spec, w))
            w->release = spec;
    } else {
        if (!engine_name(sf_str_sub(spec, 0, (size_t)at), w))
            return sf_diag_error(w->dg, SF_E_ENGINE_UNKNOWN, spec_where(w),
                                 "write vllm@0.19.0 or vllm-omni@2026-07; `stagefit engines` lists all",
                                 "engine \"%.*s\": there is no engine of this name", SF_STR_ARG(w->spec));
        w->release = sf_str_sub(spec, (size_t)at + sep, spec.n);
        if (!w->release.n)
            return unknown(w, "the release behind \"@\" is missing");
    }
    if (sf_str_eq_nocase(w->release, SF_STR("latest")))
        w->release = (sf_str){NULL, 0};
    w->is_version = sf_version_parse(w->release, &w->version);
    if (!w->is_version && sf_day_parse(w->a, w->release, &w->day) && !w->day.p)
        return SF_E_NOMEM;
    return SF_OK;
}

/* V0 was the default before 0.8 and is gone since 0.11. */
static sf_code settle_v0(wish *w)
{
    static const sf_version v1_default =
                                {
                                    {0, 8, 0, 0},
                                    2
    },
                            v0_gone = {{0, 11, 0, 0}, 2};

    if (w->lineage == SF_LINEAGE_VLLM && w->is_version && sf_version_cmp(&w->version, &v1_default) < 0)
        w->lineage = SF_LINEAGE_VLLM_V0;
    if (w->lineage == SF_LINEAGE_VLLM && w->day.n && sf_str_cmp(w->day, SF_STR("2025-03-18")) < 0)
        w->lineage = SF_LINEAGE_VLLM_V0;
    if (w->v0_asked && w->is_version && sf_version_cmp(&w->version, &v0_gone) >= 0)
        return unknown(w, "the V0 engine was removed in 0.11.0");
    return SF_OK;
}

static bool named(const sf_release *r, sf_str name)
{
    return sf_str_eq(r->release, name) || (r->profile.n && sf_str_eq_nocase(r->profile, name));
}

/* The entry that the wish means; list->n when there is none. */
static size_t choose(const wish *w, const sf_catalogue *list)
{
    size_t best = list->n;

    for (size_t i = 0; i < list->n; i++) {
        const sf_entry_of_release *e = &list->entries[i];

        if (w->release.n && named(&e->release, w->release))
            return i;
        if (e->release.open)
            continue;
        if (!w->release.n || (w->is_version && sf_version_cmp(&e->version, &w->version) <= 0) ||
            (w->day.n && sf_str_cmp(e->release.date, w->day) <= 0))
            best = i;
    }
    return best;
}

/* Says how the asked text was mapped, when that is not plain. */
static sf_code explain(wish *w, const sf_catalogue *list, size_t chosen)
{
    const sf_entry_of_release *e = &list->entries[chosen];
    bool newest = chosen + 1 == list->n || list->entries[chosen + 1].release.open;

    if (!w->release.n || named(&e->release, w->release))
        return SF_OK;
    if (w->is_version && w->lineage == SF_LINEAGE_OMNI)
        w->note = sf_arena_printf(w->a, "vLLM-Omni %.*s behaves as described for %.*s",
                                  SF_STR_ARG(w->release), SF_STR_ARG(e->release.release));
    else if (w->day.n)
        w->note = sf_arena_printf(w->a, "the newest known on %.*s is %.*s (%.*s)", SF_STR_ARG(w->day),
                                  SF_STR_ARG(e->release.release), SF_STR_ARG(e->release.date));
    else if (sf_version_cmp(&e->version, &w->version) != 0)
        w->note = sf_arena_printf(
            w->a, "%.*s is taken as %.*s, the nearest older release whose differences are known",
            SF_STR_ARG(w->release), SF_STR_ARG(e->release.release));
    else
        return SF_OK;
    if (!w->note.p)
        return SF_E_NOMEM;
    /* A patch release of the newest is expected to behave as it does; a newer minor release is not. */
    if (w->is_version && w->lineage == SF_LINEAGE_VLLM && newest && w->version.part[1] != e->version.part[1])
        sf_diag_warning(w->dg, SF_E_ENGINE_UNKNOWN, (sf_where){0},
                        "check the figures against a log of that release",
                        "%.*s is newer than %.*s, the newest release that is known; its arithmetic is used",
                        SF_STR_ARG(w->release), SF_STR_ARG(e->release.release));
    return SF_OK;
}

static sf_code apply_up_to(sf_arena *a, sf_fold *fold, const sf_catalogue *list, size_t chosen, sf_diags *dg)
{
    for (size_t i = 0; i <= chosen; i++) {
        sf_code rc;

        if (list->entries[i].release.open && i != chosen)
            continue;
        rc = sf_fold_apply(a, fold, list->entries[i].changes, dg);
        if (rc)
            return rc;
    }
    return SF_OK;
}

/* The vLLM release under a vLLM-Omni one: as asked, or the one that the entry names. */
static sf_code fold_base(wish *w, const sf_entry_of_release *omni, sf_fold *fold)
{
    wish base = {.a = w->a,
                 .dg = w->dg,
                 .spec = omni->release.vllm,
                 .release = omni->release.vllm,
                 .lineage = SF_LINEAGE_VLLM};
    sf_catalogue list;
    size_t chosen;
    sf_code rc;

    base.is_version = sf_version_parse(omni->release.vllm, &base.version);
    if (w->is_version) {
        base.version = w->version;
        base.is_version = true;
        base.release = w->release;
    }
    rc = sf_catalogue_load(w->a, SF_LINEAGE_VLLM, w->dg, &list);
    if (rc)
        return rc;
    chosen = choose(&base, &list);
    if (chosen == list.n)
        return unknown(w, "the vLLM release under it is not known");
    fold->p.vllm_release = list.entries[chosen].release.release;
    return apply_up_to(w->a, fold, &list, chosen, w->dg);
}

static sf_code fold_release(wish *w, sf_fold *fold)
{
    const sf_entry_of_release *e;
    sf_catalogue list;
    size_t chosen;
    sf_code rc = sf_catalogue_load(w->a, w->lineage, w->dg, &list);

    if (rc)
        return rc;
    chosen = choose(w, &list);
    if (chosen == list.n)
        return unknown(w, w->is_version || w->day.n ? "older than the oldest release that is known"
                                                    : "there is no such release");
    e = &list.entries[chosen];
    rc = explain(w, &list, chosen);
    if (!rc && w->lineage == SF_LINEAGE_OMNI)
        rc = fold_base(w, e, fold);
    if (!rc)
        rc = apply_up_to(w->a, fold, &list, chosen, w->dg);
    if (rc)
        return rc;
    fold->p.engine = w->lineage == SF_LINEAGE_OMNI ? SF_STR("vllm-omni") : SF_STR("vllm");
    fold->p.release = e->release.release;
    fold->p.date = e->release.date;
    fold->p.sources = e->release.source;
    return SF_OK;
}

sf_code sf_profile_find(sf_arena *a, sf_str spec, bool prefer_omni, sf_diags *dg, const sf_profile **ret)
{
    wish w = {.a = a, .dg = dg, .spec = spec};
    sf_fold *fold = SF_NEW(a, sf_fold);
    sf_code rc;

    if (!fold)
        return SF_E_NOMEM;
    rc = split_spec(&w, prefer_omni);
    if (!rc)
        rc = settle_v0(&w);
    if (!rc)
        rc = fold_release(&w, fold);
    if (!rc)
        rc = sf_fold_finish(a, fold, dg);
    if (rc)
        return rc;
    fold->p.asked = spec;
    fold->p.note = w.note;
    *ret = &fold->p;
    return SF_OK;
}

unsigned sf_profile_vllm_number(const sf_profile *profile)
{
    sf_str part, rest = profile->vllm_release.n ? profile->vllm_release : profile->release;
    unsigned number = 0;

    for (int i = 0; i < 3; i++) {
        uint64_t v = 0;

        sf_str_split(&rest, '.', &part);
        if (!sf_parse_u64(part, &v) || v > 999)
            v = 0;
        number = number * 1000 + (unsigned)v;
    }
    return number;
}

bool sf_profile_lora_vocabulary(const sf_profile *profile, sf_str architecture)
{
    sf_str part, rest = profile->lora_models;

    for (bool more = rest.n > 0; more;) {
        more = sf_str_split(&rest, ',', &part);
        if (sf_str_eq(part, architecture))
            return true;
    }
    return false;
}

bool sf_profile_runs_v2(const sf_profile *profile, sf_str architecture, bool dense)
{
    sf_str part, rest = profile->mrv2_models;

    if (!rest.n)
        return false;
    for (bool more = true; more;) {
        more = sf_str_split(&rest, ',', &part);
        if (sf_str_is(part, "all") || (dense && sf_str_is(part, "dense")) || sf_str_eq(part, architecture))
            return true;
    }
    return false;
}
