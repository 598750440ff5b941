/*
 * lint_sarif: findings as SARIF 2.1.0, the format that code hosts take analyses in.
 * Must not write a member that the standard does not have.  Source: OASIS SARIF 2.1.0, section 3.
 */
#include "report/lint.h"

#include "report/json.h"

/* Characters that stand for themselves in a relative URI. */
static bool plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~/!$&'()*+,;=@", c));
}

/* A path as a URI reference: relative ones stay so, absolute ones become file:///…. */
static sf_str uri_of(sf_arena *a, sf_str path)
{
    static const char hex[] = "0123456789ABCDEF";
    bool absolute = path.n && path.p[0] == '/';
    char *to = sf_arena_alloc(a, path.n * 3 + 8, 1);
    size_t n = 0;

    if (!to)
        return (sf_str){0};
    if (absolute) {
        static const char scheme[] = {'f', 'i', 'l', 'e', ':', '/', '/'};

        memcpy(to, scheme, sizeof scheme);
        n = sizeof scheme;
    }
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];

        if (plain(c)) {
            to[n++] = (char)c;
            continue;
        }
        to[n++] = '%';
        to[n++] = hex[c >> 4];
        to[n++] = hex[c & 15];
    }
    return (sf_str){to, n};
}

enum { CODE_MAX = 10000 };

/* By number of a code: 0 when it is not used, else its place among the rules, from 1. */
static uint16_t *number_rules(sf_arena *a, const sf_lint_view *v)
{
    uint16_t *places = SF_NEW_ARRAY(a, uint16_t, CODE_MAX), n = 0;

    if (!places)
        return NULL;
    for (size_t f = 0; f < v->n_files; f++)
        for (size_t i = 0; i < v->files[f].diags->n; i++)
            places[v->files[f].diags->items[i].code] = 1;
    for (size_t i = 0; sf_code_at(i); i++)
        if (places[sf_code_at(i)])
            places[sf_code_at(i)] = ++n;
    return places;
}

static void message(sf_json_writer *w, const char *key, sf_str text)
{
    sf_jw_key(w, key);
    sf_jw_object(w);
    sf_jw_kv_str(w, "text", text);
    sf_jw_object_end(w);
}

/* The rules that were broken, in the order of their numbers. */
static void rules(sf_json_writer *w, const uint16_t *places)
{
    sf_jw_key(w, "rules");
    sf_jw_array(w);
    for (size_t i = 0; sf_code_at(i); i++) {
        int code = sf_code_at(i);

        if (!places[code])
            continue;
        sf_jw_object(w);
        sf_json_code(w, "id", code);
        message(w, "shortDescription", sf_str_of(sf_code_title(code)));
        sf_jw_object_end(w);
    }
    sf_jw_array_end(w);
}

static void location(sf_json_writer *w, sf_arena *a, sf_str file, const sf_where *at, sf_str text)
{
    sf_jw_object(w);
    sf_jw_key(w, "physicalLocation");
    sf_jw_object(w);
    sf_jw_key(w, "artifactLocation");
    sf_jw_object(w);
    sf_jw_kv_str(w, "uri", uri_of(a, at->file.n ? at->file : file));
    sf_jw_object_end(w);
    if (at->line) {
        sf_jw_key(w, "region");
        sf_jw_object(w);
        sf_jw_kv_u64(w, "startLine", at->line);
        sf_jw_kv_u64(w, "startColumn", at->col);
        sf_jw_object_end(w);
    }
    sf_jw_object_end(w);
    if (at->key.n) {
        sf_jw_key(w, "logicalLocations");
        sf_jw_array(w);
        sf_jw_object(w);
        sf_jw_kv_str(w, "fullyQualifiedName", at->key);
        sf_jw_object_end(w);
        sf_jw_array_end(w);
    }
    if (text.n)
        message(w, "message", text);
    sf_jw_object_end(w);
}

static void finding(sf_json_writer *w, sf_arena *a, uint16_t place, sf_str file, const sf_diag *d)
{
    sf_str text = d->hint.n
                      ? sf_arena_printf(a, "%.*s\nHint: %.*s", SF_STR_ARG(d->message), SF_STR_ARG(d->hint))
                      : d->message;

    sf_jw_object(w);
    sf_json_code(w, "ruleId", (int)d->code);
    sf_jw_kv_u64(w, "ruleIndex", (uint64_t)place - 1);
    sf_jw_kv_text(w, "level", sf_severity_name(d->severity)); /* error, warning, note: SARIF's own words */
    message(w, "message", text);
    sf_jw_key(w, "locations");
    sf_jw_array(w);
    location(w, a, file, &d->at, (sf_str){0});
    sf_jw_array_end(w);
    if (d->related.n && d->related_at.line) {
        sf_jw_key(w, "relatedLocations");
        sf_jw_array(w);
        location(w, a, file, &d->related_at, d->related);
        sf_jw_array_end(w);
    }
    sf_jw_object_end(w);
}

static void driver(sf_json_writer *w, const sf_lint_view *v, const uint16_t *places)
{
    sf_jw_key(w, "tool");
    sf_jw_object(w);
    sf_jw_key(w, "driver");
    sf_jw_object(w);
    sf_jw_kv_text(w, "name", "stagefit");
    sf_jw_kv_str(w, "version", v->version);
    rules(w, places);
    sf_jw_object_end(w);
    sf_jw_object_end(w);
}

void sf_report_lint_sarif(sf_json_writer *w, sf_arena *a, const sf_lint_view *v)
{
    const uint16_t *places = number_rules(a, v);

    if (!places) {
        w->out->failed = true;
        return;
    }
    sf_jw_object(w);
    sf_jw_kv_text(w, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    sf_jw_kv_text(w, "version", "2.1.0");
    sf_jw_key(w, "runs");
    sf_jw_array(w);
    sf_jw_object(w);
    driver(w, v, places);
    sf_jw_kv_text(w, "columnKind", "unicodeCodePoints");
    sf_jw_key(w, "results");
    sf_jw_array(w);
    for (size_t f = 0; f < v->n_files; f++)
        for (size_t i = 0; i < v->files[f].diags->n; i++)
            finding(w, a, places[v->files[f].diags->items[i].code], v->files[f].name,
                    &v->files[f].diags->items[i]);
    sf_jw_array_end(w);
    sf_jw_object_end(w);
    sf_jw_array_end(w);
    sf_jw_object_end(w);
}
