/*
 * schema: which key may stand where comes from stage_keys.yaml, the type of an engine argument from
 * arguments.yaml, what else is known of a key from schema.yaml (all under data/).
 * Must not refuse what the engine's loader accepts: unknown keys pass, and interpolations stand for any scalar.
 */
#include "stages/schema.h"

#include "engine/args.h"
#include "stages/keys.h"
#include "text/pack.h"

enum { KEYS_MAX = 512 };

typedef struct schema {
    sf_arena *a;
    sf_json_writer *w;
    sf_keys keys;
    const sf_flags *flags;
    const sf_node *own; /* schema.yaml */
} schema;

static void put_node(sf_json_writer *w, const sf_node *n);

static void put_pair(sf_json_writer *w, const sf_pair *pair)
{
    if (sf_str_is(pair->key, "ref")) {
        char text[64] = "#/definitions/";

        sf_bug_if(pair->value->text.n > 40);
        memcpy(text + 14, pair->value->text.p, pair->value->text.n);
        sf_jw_key(w, "$ref");
        sf_jw_str(w, (sf_str){text, 14 + pair->value->text.n});
        return;
    }
    sf_jw_key_str(w, pair->key);
    put_node(w, pair->value);
}

/* A tree of our data as JSON. */
static void put_node(sf_json_writer *w, const sf_node *n)
{
    switch (n->kind) {
    case SF_SEQ:
        sf_jw_array(w);
        for (uint32_t i = 0; i < n->n; i++)
            put_node(w, n->as.items[i]);
        sf_jw_array_end(w);
        break;
    case SF_MAP:
        sf_jw_object(w);
        for (uint32_t i = 0; i < n->n; i++)
            put_pair(w, &n->as.pairs[i]);
        sf_jw_object_end(w);
        break;
    default:
        sf_jw_node(w, n);
        break;
    }
}

static void put_ref(sf_json_writer *w, const char *name)
{
    sf_jw_object(w);
    sf_jw_key(w, "$ref");
    sf_jw_text(w, name);
    sf_jw_object_end(w);
}

/* The type of an engine argument; false when the key is none. */
static bool type_of(const schema *s, sf_str key, sf_arg_type *ret)
{
    sf_str flag = sf_arena_printf(s->a, "--%.*s", SF_STR_ARG(key));
    const sf_flag *f;
    bool negated;
    sf_arg arg;

    if (sf_arg_find(key, &arg)) {
        *ret = sf_arg_kind(arg);
        return true;
    }
    f = flag.p ? sf_flag_find(s->flags, flag, &negated) : NULL;
    if (!f || f->list)
        return false;
    *ret = f->type;
    return true;
}

/* A scalar of this type, or null, or an interpolation; the fragment's bounds go with the type. */
static void put_argument(sf_json_writer *w, sf_arg_type type, const sf_node *fragment)
{
    static const char *const names[] = {"boolean", "integer", "number", "string"};

    sf_jw_key(w, "anyOf");
    sf_jw_array(w);
    sf_jw_object(w);
    sf_jw_key(w, "type");
    sf_jw_array(w);
    sf_jw_text(w, names[type]);
    sf_jw_text(w, "null");
    sf_jw_array_end(w);
    for (uint32_t i = 0; fragment && i < fragment->n; i++)
        if (!sf_str_is(fragment->as.pairs[i].key, "description"))
            put_pair(w, &fragment->as.pairs[i]);
    sf_jw_object_end(w);
    if (type == SF_ARG_INT)
        put_ref(w, "#/definitions/size");
    put_ref(w, "#/definitions/interpolation");
    sf_jw_array_end(w);
}

/* The fragment says all when it has a type, values or a reference; else it adds to the argument's type. */
static void put_property(const schema *s, sf_str key, const sf_node *fragment)
{
    bool whole =
        sf_node_get(fragment, "type") || sf_node_get(fragment, "enum") || sf_node_get(fragment, "ref");
    const sf_node *text = sf_node_get(fragment, "description");
    sf_arg_type type;

    sf_jw_key_str(s->w, key);
    if (whole) {
        put_node(s->w, fragment);
        return;
    }
    sf_jw_object(s->w);
    if (text)
        sf_jw_kv_str(s->w, "description", text->text);
    if (type_of(s, key, &type) && type != SF_ARG_ANY)
        put_argument(s->w, type, fragment);
    sf_jw_object_end(s->w);
}

/* "properties" with each key of the lists, once, and each argument that the accounting reads when asked. */
static void put_properties(const schema *s, const char *section, const char *const *lists, bool arguments)
{
    const sf_node *fragments = sf_node_get(s->own, section);
    sf_str seen[KEYS_MAX];
    size_t n = 0;

    for (; *lists; lists++) {
        const sf_node *list = sf_node_get(s->keys.lists, *lists);

        for (uint32_t i = 0; list && i < list->n && n < KEYS_MAX - SF_ARG_COUNT; i++)
            seen[n++] = list->as.items[i]->text;
    }
    for (int i = 0; arguments && i < SF_ARG_COUNT; i++)
        seen[n++] = sf_str_of(sf_arg_name((sf_arg)i));
    sf_jw_key(s->w, "properties");
    sf_jw_object(s->w);
    for (size_t i = 0; i < n; i++) {
        bool again = false;

        for (size_t k = 0; k < i; k++)
            again |= sf_str_eq(seen[i], seen[k]);
        if (!again)
            put_property(s, seen[i], sf_node_get_str(fragments, seen[i]));
    }
    sf_jw_object_end(s->w);
}

static void open_object(const schema *s, const char *name, const char *null)
{
    if (name)
        sf_jw_key(s->w, name);
    sf_jw_object(s->w);
    sf_jw_key(s->w, "type");
    if (!null) {
        sf_jw_text(s->w, "object");
        return;
    }
    sf_jw_array(s->w);
    sf_jw_text(s->w, "object");
    sf_jw_text(s->w, null);
    sf_jw_array_end(s->w);
}

/* Maps that the engine holds against a fixed list of fields. */
static void put_closed(const schema *s, const char *name)
{
    const char *const lists[] = {name, NULL};

    open_object(s, name, "null");
    put_properties(s, name, lists, false);
    sf_jw_kv_bool(s->w, "additionalProperties", false);
    sf_jw_object_end(s->w);
}

static void put_required(const schema *s, const char *key)
{
    sf_jw_key(s->w, "required");
    sf_jw_array(s->w);
    sf_jw_text(s->w, key);
    sf_jw_array_end(s->w);
}

static void put_stage(const schema *s, bool legacy)
{
    static const char *const old[] = {"legacy_stage", NULL};
    static const char *const new[] = {"deploy_stage", "passed_on", "diffusion_passed_on", NULL};

    open_object(s, "stage", NULL);
    put_properties(s, "stage", legacy ? old : new, !legacy);
    put_required(s, "stage_id");
    sf_jw_object_end(s->w);
}

static void put_definitions(const schema *s, bool legacy)
{
    static const char *const engine[] = {"passed_on", "diffusion_passed_on", NULL};
    static const char *const runtime[] = {"legacy_runtime", NULL};
    const sf_node *own = sf_node_get(s->own, "definitions");

    sf_jw_key(s->w, "definitions");
    sf_jw_object(s->w);
    put_stage(s, legacy);
    open_object(s, "engine_args", legacy ? "null" : NULL);
    put_properties(s, "stage", engine, true);
    sf_jw_object_end(s->w);
    open_object(s, "runtime", legacy ? "null" : NULL);
    put_properties(s, "stage", runtime, false);
    sf_jw_object_end(s->w);
    put_closed(s, "parallel_config");
    if (!legacy)
        put_closed(s, "duplex_session");
    for (uint32_t i = 0; i < own->n; i++)
        put_pair(s->w, &own->as.pairs[i]);
    sf_jw_object_end(s->w);
}

/* A deploy config shows itself by one of these keys. */
static void put_shape(const schema *s, bool legacy)
{
    static const char *const any[] = {"stages", "base_config", "pipeline", "platforms", "forced_aligner"};

    if (legacy) {
        put_required(s, "stage_args");
        return;
    }
    sf_jw_key(s->w, "anyOf");
    sf_jw_array(s->w);
    for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
        sf_jw_object(s->w);
        put_required(s, any[i]);
        sf_jw_object_end(s->w);
    }
    sf_jw_array_end(s->w);
    sf_jw_key(s->w, "not");
    sf_jw_object(s->w);
    put_required(s, "stage_args");
    sf_jw_object_end(s->w);
}

sf_code sf_schema_write(sf_arena *a, sf_config_format format, sf_json_writer *w)
{
    static const char *const old[] = {"legacy_top", NULL};
    static const char *const new[] = {"deploy_top", NULL};
    bool legacy = format == SF_FORMAT_LEGACY;
    schema s = {.a = a, .w = w};
    sf_code rc = sf_keys_load(a, &s.keys);

    if (!rc)
        rc = sf_flags_load(a, NULL, &s.flags);
    if (!rc)
        rc = sf_data_read(a, SF_STR("pipelines/schema.yaml"), &s.own);
    if (rc)
        return rc;
    sf_jw_object(w);
    sf_jw_kv_text(w, "$schema", "http://json-schema.org/draft-07/schema#");
    sf_jw_kv_text(w, "title",
                  legacy ? "vLLM-Omni stage config, stage_args (up to July 2026)"
                         : "vLLM-Omni deploy config, stages (from April 2026)");
    sf_jw_kv_text(w, "type", "object");
    put_shape(&s, legacy);
    put_properties(&s, "top", legacy ? old : new, false);
    put_definitions(&s, legacy);
    sf_jw_object_end(w);
    return w->out->failed ? SF_E_NOMEM : SF_OK;
}
