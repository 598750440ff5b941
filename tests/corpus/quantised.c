/*
 * quantised: "Model loading took" of public logs of quantised models, against what the formats give
 * (truth/startup.jsonl, rows that are usable for weights; models/ALIASES.tsv says how a variant was quantised).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/num.h"
#include "engine/profile.h"
#include "logs/alias.h"
#include "memory/need.h"
#include "model/catalogue_quant.h"
#include "model/folder.h"
#include "text/json.h"
#include "text/pack.h"

#define WORST_FRAC 0.02
#define MEAN_FRAC 0.003

typedef struct tally {
    unsigned compared, skipped, failed;
    double sum, worst;
} tally;

typedef struct row {
    sf_arena *a;
    sf_diags dg;
    const sf_node *node;
    sf_str id, model, quantization; /* how, as ALIASES.tsv says it */
    const sf_node *overrides;
    const char *why; /* it is not compared */
} row;

static uint64_t number(const sf_node *map, const char *key, uint64_t otherwise)
{
    const sf_node *n = sf_node_get(map, key);

    return sf_node_is(n, SF_INT) && n->as.i > 0 ? (uint64_t)n->as.i : otherwise;
}

static double gib(const sf_node *map, const char *key)
{
    const sf_node *n = sf_node_get(map, key);

    return sf_node_is(n, SF_FLOAT) ? n->as.f : sf_node_is(n, SF_INT) ? (double)n->as.i : 0;
}

/* Quantisation and overrides of a variant. */
static void find_alias(row *r, sf_str aliases)
{
    sf_alias alias;

    if (!sf_alias_find(r->a, aliases, r->model, &alias) || !alias.quantization.n)
        return;
    r->quantization = alias.quantization;
    r->overrides = alias.overrides;
}

static unsigned capability(sf_str gpu)
{
    static const struct {
        const char *part;
        unsigned capability;
    } known[] = {
        {"H100",     90 },
        {"GH200",    90 },
        {"H200",     90 },
        {"A100",     80 },
        {"3090",     86 },
        {"A5000",    86 },
        {"A6000",    86 },
        {"L4",       89 },
        {"4090",     89 },
        {"T4",       75 },
        {"GB10",     121},
        {"PRO 6000", 120},
        {"5080",     120},
        {"B200",     100},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sf_str_find(gpu, sf_str_of(known[i].part)) >= 0)
            return known[i].capability;
    return 90;
}

/* The release as the log names it, without what a build adds; logs without one: a release of that time. */
static const sf_profile *profile_of(row *r)
{
    sf_str version = sf_node_text(r->node, "vllm_version"), head = version;
    bool v0 = sf_str_is(sf_node_text(r->node, "engine"), "V0");
    const sf_profile *p = NULL;
    size_t n = 0, dots = 0;

    while (n < version.n && (version.p[n] == '.' || (version.p[n] >= '0' && version.p[n] <= '9'))) {
        dots += version.p[n] == '.';
        if (dots == 3)
            break;
        n++;
    }
    head.n = n;
    if (!head.n)
        head = v0 ? SF_STR("0.6.0") : SF_STR("0.12.0");
    if (sf_profile_find(r->a, sf_arena_printf(r->a, "%s@%.*s", v0 ? "vllm-v0" : "vllm", SF_STR_ARG(head)),
                        false, &r->dg, &p))
        return NULL;
    return p;
}

/* The part of "awq-int4-g128 and more" that is a recipe; the config it stands for, or NULL. */
static const sf_node *recipe_of(const row *r)
{
    const sf_node *root = NULL, *all;

    if (sf_data_read(r->a, SF_STR("quantization/recipes.yaml"), &root))
        return NULL;
    all = sf_node_get(root, "recipes");
    for (uint32_t i = 0; i < all->n; i++) {
        sf_str name = all->as.pairs[i].key, q = r->quantization;

        if (sf_str_starts(q, name) && (q.n == name.n || q.p[name.n] == ' '))
            return sf_node_get(all->as.pairs[i].value, "config");
    }
    return NULL;
}

static bool own_config(const sf_checkpoint *c)
{
    return !sf_node_absent(sf_node_get(c->config, "quantization_config")) ||
           !sf_node_absent(sf_node_path(c->config, SF_STR("text_config.quantization_config")));
}

/* The catalogue has the variant itself, as published. */
static bool in_catalogue(sf_arena *a, sf_str name)
{
    const sf_node *index = NULL, *found;

    if (sf_data_read(a, SF_STR("models/catalogue/index.yaml"), &index))
        return false;
    found = sf_node_get_str(index, name);
    return found && sf_str_is(found->text, "quantised");
}

/* The model of a row; NULL with r->why when it cannot be told. */
static const sf_model *model_of(row *r, sf_str models)
{
    sf_str dir = sf_node_text(r->node, "resolved_model_dir"), asked = sf_node_text(r->node, "quantization");
    sf_str path = sf_arena_printf(r->a, "%.*s/%.*s", SF_STR_ARG(models), SF_STR_ARG(dir));
    sf_model_wish wish = {.hf_overrides = r->overrides};
    const sf_checkpoint *c = NULL;
    sf_checkpoint *made;
    const sf_model *m = NULL;

    if (in_catalogue(r->a, r->model)) {
        if (sf_catalogue_find(r->a, r->model, &r->dg, &c))
            return NULL;
    } else if (sf_folder_read(r->a, &sf_fs_posix, path, &r->dg, &c)) {
        r->why = "no folder";
        return NULL;
    }
    if (!own_config(c)) {
        const sf_node *recipe = recipe_of(r);

        if (recipe && !sf_catalogue_quantised(r->a, c, recipe, &made))
            c = made;
        else if (sf_str_is(asked, "fp8") || sf_str_is(asked, "bitsandbytes"))
            wish.quantization = asked;
        else {
            r->why = "no recipe";
            return NULL;
        }
    }
    if (sf_model_resolve(r->a, c, &wish, &r->dg, &m)) {
        r->why = "not resolved";
        return NULL;
    }
    return m;
}

static bool has(const sf_node *map, const char *key, const char *part)
{
    return sf_str_find(sf_node_text(map, key), sf_str_of(part)) >= 0;
}

static const char *why_not(const row *r)
{
    const sf_node *usable = sf_node_get(r->node, "usable_for_weights");

    if (!sf_node_is(usable, SF_BOOL) || !usable->as.b)
        return "not usable";
    if (has(r->node, "other_args", "enable_lora"))
        return "LoRA slots are in the figure";
    if (sf_node_get(r->node, "speculative") && !sf_node_absent(sf_node_get(r->node, "speculative")))
        return "draft layers are in the figure";
    if (has(r->node, "other_args", "language_model_only"))
        return "the tower is left out";
    if (has(r->node, "gpu_name", "AMD"))
        return "AMD";
    return NULL;
}

static sf_code weights(row *r, const sf_model *m, const sf_profile *p, sf_weights *ret)
{
    uint64_t tp = number(r->node, "tensor_parallel", 1), dp = number(r->node, "data_parallel", 1);
    const sf_node *ep = sf_node_get(r->node, "expert_parallel");
    sf_dtype dtype = sf_dtype_of_torch(sf_node_text(r->node, "dtype"));
    sf_weights_wish wish = {
        .tp = tp,
        .pp = 1,
        .ep = sf_node_is(ep, SF_BOOL) && ep->as.b ? tp * dp : 0,
        .dtype = dtype                   ? dtype
                 : m->dtype == SF_DT_F32 ? SF_DT_BF16
                                         : m->dtype,
        .allocator = {.max_split = p->large_segments_whole ? 20 * SF_MIB : 0},
        .attention_scalars = (uint64_t)p->attention_scalars,
        .batched_tokens = 8192,
        .capability = capability(sf_node_text(r->node, "gpu_name")),
        .release = sf_profile_vllm_number(p),
        .whole_online = p->online_quant_whole,
    };

    return sf_weights_of_rank(r->a, m, &wish, &r->dg, ret);
}

static void compare(row *r, sf_str models, tally *t)
{
    double seen = gib(r->node, "model_loading_gib"), got, off;
    const sf_model *m;
    const sf_profile *p;
    sf_weights w;

    if (seen <= 0)
        seen = gib(r->node, "weights_gib");
    r->why = seen > 0 ? why_not(r) : "no figure";
    m = r->why ? NULL : model_of(r, models);
    p = m ? profile_of(r) : NULL;
    if (!p || weights(r, m, p, &w)) {
        const sf_diag *d = r->why && !m ? NULL : sf_diags_last_error(&r->dg);

        printf("%-42.*s skipped: %s %.*s\n", SF_STR_ARG(r->id), r->why ? r->why : "no weights",
               SF_STR_ARG(d ? d->message : (sf_str){0}));
        t->skipped++;
        return;
    }
    got = (double)w.allocated / (double)SF_GIB;
    off = got / seen - 1;
    printf("%-42.*s %8.4f  printed %8.4f  %+.2f %%  (%.*s, tensors %.4f)\n", SF_STR_ARG(r->id), got, seen,
           off * 100, SF_STR_ARG(m->quantization_title), (double)w.tensor_bytes / (double)SF_GIB);
    t->compared++;
    t->sum += fabs(off);
    if (fabs(off) > t->worst)
        t->worst = fabs(off);
    t->failed += fabs(off) > WORST_FRAC;
}

static void run_line(sf_str line, sf_str aliases, sf_str models, tally *t)
{
    row r = {.a = line.n ? sf_arena_new((size_t)1 << 30) : NULL};

    if (!r.a)
        return;
    sf_diags_init(&r.dg, r.a);
    if (!sf_json_parse(r.a, line, SF_STR("startup.jsonl"), 0, &r.dg, &r.node)) {
        r.id = sf_node_text(r.node, "id");
        r.model = sf_node_text(r.node, "model");
        r.quantization = sf_node_text(r.node, "quantization");
        if (r.quantization.n)
            find_alias(&r, aliases);
        if (r.quantization.n)
            compare(&r, models, t);
    }
    sf_arena_free(r.a);
}

int main(int argc, char **argv)
{
    sf_arena *a = sf_arena_new((size_t)64 << 20);
    sf_str dir = sf_str_of(argc > 1 ? argv[1] : NULL), aliases, truth, line, models;
    tally t = {0};
    sf_diags dg;
    double mean;

    if (!a)
        return 1;
    sf_diags_init(&dg, a);
    models = sf_arena_printf(a, "%.*s/../models", SF_STR_ARG(dir));
    if (sf_fs_read_all(&sf_fs_posix, a, sf_arena_printf(a, "%.*s/startup.jsonl", SF_STR_ARG(dir)), 8 << 20,
                       &dg, &truth) ||
        sf_fs_read_all(&sf_fs_posix, a, sf_arena_printf(a, "%.*s/ALIASES.tsv", SF_STR_ARG(models)), 1 << 20,
                       &dg, &aliases)) {
        printf("cannot read %.*s\n", SF_STR_ARG(dir));
        return 1;
    }
    for (bool more = true; more;) {
        more = sf_str_split(&truth, '\n', &line);
        run_line(line, aliases, models, &t);
    }
    mean = t.compared ? t.sum / t.compared : 1;
    printf("%u compared: mean %.3f %%, worst %.2f %%\n", t.compared, mean * 100, t.worst * 100);
    printf("%u passed, %u failed, %u skipped\n", t.compared - t.failed, t.failed + (mean > MEAN_FRAC),
           t.skipped);
    sf_arena_free(a);
    return t.failed || mean > MEAN_FRAC;
}
