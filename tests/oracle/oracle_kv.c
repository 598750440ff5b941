/*
 * oracle_kv: holds the KV-cache arithmetic against answers of the engine's own code, one JSON
 * object a line (../shared/data/truth/oracle-kv.jsonl).  Prints each mismatch and ends with
 * "N passed, N failed".  The release of a line is looked up in data/engines.
 */
#include "oracle_kv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "text/json.h"

void check_u64(line *l, const char *field, uint64_t want, uint64_t got)
{
    if (want == got)
        return;
    printf("%.*s: %s: want %" PRIu64 ", got %" PRIu64 "\n", SF_STR_ARG(l->id), field, want, got);
    l->bad = true;
}

void check_str(line *l, const char *field, sf_str want, sf_str got)
{
    if (sf_str_eq(want, got))
        return;
    printf("%.*s: %s: want \"%.*s\", got \"%.*s\"\n", SF_STR_ARG(l->id), field, SF_STR_ARG(want),
           SF_STR_ARG(got));
    l->bad = true;
}

void check_f64(line *l, const char *field, double want, double got)
{
    if (memcmp(&want, &got, sizeof want) == 0)
        return;
    printf("%.*s: %s: want %.17g, got %.17g\n", SF_STR_ARG(l->id), field, want, got);
    l->bad = true;
}

void check_list(line *l, const char *field, const sf_node *want, const uint64_t *got, size_t n)
{
    check_u64(l, field, want ? want->n : 0, n);
    for (size_t i = 0; want && i < want->n && i < n; i++)
        check_u64(l, field, want->as.items[i]->kind == SF_INT ? (uint64_t)want->as.items[i]->as.i : 0,
                  got[i]);
}

void check_lines(line *l, const char *field, const sf_node *want, const sf_str *got, size_t n)
{
    size_t n_want = want ? want->n : 0;

    check_u64(l, field, n_want, n);
    for (size_t i = 0; i < n_want || i < n; i++)
        check_str(l, field, i < n_want ? want->as.items[i]->text : SF_STR("(none)"),
                  i < n ? got[i] : SF_STR("(none)"));
}

uint64_t get_u64(const sf_node *map, const char *key)
{
    const sf_node *n = sf_node_get(map, key);

    return sf_node_is(n, SF_INT) && n->as.i > 0 ? (uint64_t)n->as.i : 0;
}

sf_str get_str(const sf_node *map, const char *key)
{
    const sf_node *n = sf_node_get(map, key);

    return sf_node_is(n, SF_STRING) ? n->text : (sf_str){NULL, 0};
}

bool get_bool(const sf_node *map, const char *key)
{
    const sf_node *n = sf_node_get(map, key);

    return sf_node_is(n, SF_BOOL) && n->as.b;
}

/* The first release of that day or later: "main-2026-08-17" is about what 0.28.0 became. */
static sf_str release_after(sf_arena *a, sf_str day, sf_diags *dg)
{
    sf_release *list;
    size_t n;

    if (sf_profile_list(a, dg, &list, &n) != SF_OK)
        return (sf_str){NULL, 0};
    for (size_t i = 0; i < n; i++)
        if (sf_str_is(list[i].engine, "vllm") && sf_str_cmp(list[i].date, day) >= 0)
            return list[i].release;
    return (sf_str){NULL, 0};
}

/* "0.15.0-main" is main about when 0.15.0 was cut. */
static const sf_profile *find_profile(sf_arena *a, sf_str name, sf_diags *dg)
{
    static const char main_dash[] = "main-";
    const sf_profile *p = NULL;
    sf_str release = name, spec;

    if (sf_str_starts(name, sf_str_of(main_dash)))
        release = release_after(a, sf_str_sub(name, sizeof main_dash - 1, name.n), dg);
    else if (sf_str_ends(name, SF_STR("-main")))
        release = sf_str_sub(name, 0, name.n - 5);
    spec = sf_arena_printf(a, "vllm@%.*s", SF_STR_ARG(release));
    if (sf_profile_find(a, spec, false, dg, &p) != SF_OK)
        return NULL;
    return p;
}

/* Profiles are folded once. */
static const sf_profile *cached_profile(oracle *o, sf_str name)
{
    for (size_t i = 0; i < o->n_profiles; i++)
        if (sf_str_eq(o->name[i], name))
            return o->profile[i];
    if (o->n_profiles == ORACLE_PROFILES)
        return NULL;
    o->name[o->n_profiles] = sf_arena_str(o->a, name);
    o->profile[o->n_profiles] = find_profile(o->a, name, &o->dg);
    return o->profile[o->n_profiles++];
}

static void run_line(oracle *o, sf_str text, size_t number)
{
    static const struct {
        const char *type;
        void (*run)(line *l);
    } types[] = {
        {"kv",                run_kv        },
        {"hybrid_block_size", run_hybrid    },
        {"model_derivation",  run_derivation},
        {"pp_partition",      run_partition },
        {"vocab_padding",     run_vocab     },
        {"cudagraph_sizes",   run_capture   },
    };
    sf_arena *a = sf_arena_new((size_t)1 << 28);
    line l = {.a = a, .data = o->data};
    const sf_node *root;
    size_t i = 0;

    sf_diags_init(&l.dg, a);
    if (!a || sf_json_parse(a, text, SF_STR("oracle"), 0, &l.dg, &root) != SF_OK) {
        printf("line %zu: cannot be read\n", number);
        o->failed++;
        sf_arena_free(a);
        return;
    }
    l.id = get_str(root, "id");
    l.input = sf_node_get(root, "case");
    l.expect = sf_node_get(root, "expect");
    l.profile = cached_profile(o, get_str(root, "engine_release"));
    while (i < sizeof types / sizeof *types && !sf_str_is(get_str(root, "type"), types[i].type))
        i++;
    if (l.profile && i < sizeof types / sizeof *types) {
        types[i].run(&l);
    } else {
        printf("%.*s: unknown type or release\n", SF_STR_ARG(l.id));
        l.bad = true;
    }
    if (l.bad && sf_diags_last_error(&l.dg))
        printf("%.*s: %.*s\n", SF_STR_ARG(l.id), SF_STR_ARG(sf_diags_last_error(&l.dg)->message));
    o->passed += !l.bad;
    o->failed += l.bad;
    sf_arena_free(a);
}

/* ".../truth/oracle-kv.jsonl" → "...": the folder of models/ and truth/. */
static sf_str data_folder(sf_str path)
{
    for (int up = 0; up < 2; up++) {
        while (path.n && path.p[path.n - 1] != '/')
            path.n--;
        if (path.n > 1)
            path.n--;
    }
    return path.n ? path : SF_STR(".");
}

int main(int argc, char **argv)
{
    oracle o = {.a = sf_arena_new((size_t)1 << 30)};
    sf_str text, rest, part;
    size_t number = 0;
    bool more = true;

    if (argc != 2 || !o.a) {
        fprintf(stderr, "usage: oracle_kv FILE\n");
        return 2;
    }
    sf_diags_init(&o.dg, o.a);
    o.data = data_folder(sf_str_of(argv[1]));
    if (sf_fs_read_all(&sf_fs_posix, o.a, sf_str_of(argv[1]), (uint64_t)1 << 28, &o.dg, &text) != SF_OK) {
        fprintf(stderr, "oracle_kv: cannot read %s\n", argv[1]);
        return 2;
    }
    for (rest = text; more;) {
        more = sf_str_split(&rest, '\n', &part);
        number++;
        if (sf_str_trim(part).n)
            run_line(&o, part, number);
    }
    printf("%zu passed, %zu failed\n", o.passed, o.failed);
    sf_arena_free(o.a);
    return o.failed != 0;
}
