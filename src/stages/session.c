/*
 * session: duplex_session of a deploy config.
 * Must not account for anything: it only refuses what the engine refuses.  Rules: vllm-omni 10906e3a,
 * DuplexSessionRuntimeConfig.
 */
#include "stages/read.h"

static sf_code check_field(sf_reading *r, const sf_pair *pair)
{
    static const char *const lists[] = {"duplex_session", NULL};
    const sf_node *v = pair->value;
    bool number = v->kind == SF_INT || v->kind == SF_FLOAT || v->kind == SF_BOOL;
    double value = v->kind == SF_INT     ? (double)v->as.i
                   : v->kind == SF_FLOAT ? v->as.f
                                         : v->kind == SF_BOOL && v->as.b;

    if (!sf_keys_has(&r->keys, "duplex_session", pair->key))
        return sf_reading_unknown_key(r, pair, lists, false, SF_ERROR, "the engine refuses it");
    if (v->kind == SF_NULL && sf_str_is(pair->key, "idle_ttl_s"))
        return SF_OK;
    if (number && value > 0)
        return SF_OK;
    return sf_diag_error(r->dg, SF_E_ARG_VALUE, sf_node_where_key(v, pair->key), "write a number above 0",
                         "duplex_session.%.*s must be a number above 0", SF_STR_ARG(pair->key));
}

sf_code sf_session_check(sf_reading *r)
{
    const sf_node *session = sf_node_get(r->root, "duplex_session");

    if (sf_node_absent(session))
        return SF_OK;
    if (session->kind != SF_MAP)
        return sf_diag_error(r->dg, SF_E_CONFIG_SHAPE, sf_node_where_key(session, SF_STR("duplex_session")),
                             "indent its fields under it", "duplex_session is a %s where a map is needed",
                             sf_node_kind_name(session->kind));
    for (uint32_t i = 0; i < session->n; i++) {
        sf_code rc = check_field(r, &session->as.pairs[i]);

        if (rc)
            return rc;
    }
    return SF_OK;
}
