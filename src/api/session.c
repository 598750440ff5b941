/* session: opening, closing, and the life of a result.  Must not print. */
#include "api/session.h"

#include <stdlib.h>

#define DEFAULT_MEMORY ((uint64_t)1 << 30)
enum { OUTPUT_MAX = 64 * 1024 * 1024 };

int stagefit_open(const stagefit_options *opt, stagefit **ret)
{
    stagefit_options o = {0};
    stagefit *sf;

    if (!ret)
        return SF_E_USAGE;
    if (opt) {
        if (opt->size < sizeof opt->size + sizeof opt->flags)
            return SF_E_USAGE;
        memcpy(&o, opt, opt->size < sizeof o ? opt->size : sizeof o);
        if (o.flags)
            return SF_E_USAGE;
    }
    sf = sf_alloc(sizeof *sf);
    if (!sf)
        return SF_E_NOMEM;
    sf->max_memory = o.max_memory ? o.max_memory : DEFAULT_MEMORY;
    sf->fs = &sf_fs_posix;
    *ret = sf;
    return 0;
}

void stagefit_close(stagefit *sf)
{
    free(sf);
}

void sf_session_set_fs(stagefit *sf, const sf_fs *fs)
{
    sf->fs = fs ? fs : &sf_fs_posix;
}

const char *stagefit_version(void)
{
    return STAGEFIT_VERSION;
}

stagefit_result *sf_result_new(const stagefit *sf, sf_result_kind kind)
{
    stagefit_result *r = sf_alloc(sizeof *r);

    if (!r)
        return NULL;
    *r = (stagefit_result){.kind = kind};
    r->arena = sf_arena_new((size_t)sf->max_memory);
    if (!r->arena) {
        free(r);
        return NULL;
    }
    sf_diags_init(&r->dg, r->arena);
    sf_buf_init(&r->text, OUTPUT_MAX);
    sf_buf_init(&r->json, OUTPUT_MAX);
    sf_buf_init(&r->diags, OUTPUT_MAX);
    return r;
}

void stagefit_result_free(stagefit_result *r)
{
    if (!r)
        return;
    sf_buf_release(&r->text);
    sf_buf_release(&r->json);
    sf_buf_release(&r->diags);
    sf_arena_free(r->arena);
    free(r);
}

/* Errors of the start (SF7xxx) are an answer; all others are input that cannot be understood. */
static int status_of(const sf_diags *dg)
{
    int status = 0;

    for (size_t i = 0; i < dg->n; i++) {
        if (dg->items[i].severity != SF_ERROR)
            continue;
        if (dg->items[i].code < 7000 || dg->items[i].code > 7999)
            return 2;
        status = 1;
    }
    return status;
}

int sf_result_finish(stagefit_result *r, sf_code rc, stagefit_result **ret)
{
    if (rc == SF_E_NOMEM || r->dg.failed) {
        stagefit_result_free(r);
        return SF_E_NOMEM;
    }
    r->status = status_of(&r->dg);
    *ret = r;
    for (size_t i = 0; i < r->dg.n; i++)
        if (r->dg.items[i].severity == SF_ERROR)
            return (int)r->dg.items[i].code;
    return 0;
}

bool sf_request_read(const stagefit_request *req, stagefit_request *ret)
{
    *ret = (stagefit_request){0};
    if (!req || req->size < 2 * sizeof(uint32_t))
        return false;
    memcpy(ret, req, req->size < sizeof *ret ? req->size : sizeof *ret);
    return (ret->flags & ~(STAGEFIT_ASSUME_FULL_ATTENTION | STAGEFIT_CONTAINER | STAGEFIT_STRICT)) == 0;
}

int stagefit_result_status(const stagefit_result *r)
{
    return r->status;
}
