/*
 * make_model: writes a catalogue model as a folder for the benchmarks: config.json and weight files
 * with the headers of all its tensors, derived by its family.  The data is a hole in a sparse file.
 *
 * Usage: make_model NAME DIR SHARDS
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/model.h"
#include "text/json_write.h"

typedef struct writer {
    const char *dir;
    unsigned shards, shard; /* the shard being written, from 1 */
    uint64_t total, done;   /* tensors in all (0 in the pass that counts), tensors written */
    char *text;             /* the header so far */
    size_t text_len;
    FILE *header;
    uint64_t at; /* bytes of data in this shard */
} writer;

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "make_model: %s\n", what);
    exit(1);
}

static void write_config(const char *dir, const sf_node *config)
{
    char path[4096];
    sf_json_writer w;
    sf_buf out;
    FILE *f;

    sf_buf_init(&out, (size_t)16 << 20);
    sf_jw_init(&w, &out, true);
    sf_jw_node(&w, config);
    snprintf(path, sizeof path, "%s/config.json", dir);
    f = fopen(path, "we");
    if (out.failed || !f || fwrite(out.p, 1, out.n, f) != out.n || fclose(f))
        die("cannot write config.json");
    sf_buf_release(&out);
}

static void start_shard(writer *w)
{
    w->shard++;
    w->at = 0;
    w->header = open_memstream(&w->text, &w->text_len);
    if (!w->header)
        die("out of memory");
    fputs("{\"__metadata__\":{\"format\":\"pt\"}", w->header);
}

static void end_shard(writer *w)
{
    char path[4096];
    uint64_t n;
    FILE *f;

    if (!w->header)
        return;
    fputc('}', w->header);
    fclose(w->header);
    w->header = NULL;
    snprintf(path, sizeof path, "%s/model-%05u-of-%05u.safetensors", w->dir, w->shard, w->shards);
    f = fopen(path, "we");
    n = w->text_len;
    if (!f || fwrite(&n, sizeof n, 1, f) != 1 || fwrite(w->text, 1, n, f) != n || fflush(f) ||
        ftruncate(fileno(f), (off_t)(8 + n + w->at)) || fclose(f))
        die("cannot write a weight file");
    free(w->text);
}

static void add_tensor(writer *w, const sf_tensor *t, const char *name)
{
    uint64_t bytes;

    w->done++;
    if (!w->total)
        return;
    if ((w->done - 1) * w->shards / w->total >= w->shard) {
        end_shard(w);
        start_shard(w);
    }
    if (!sf_dtype_bytes(t->disk_dtype, sf_tensor_numel(t), &bytes))
        die("a tensor is too large");
    fprintf(w->header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", name, sf_dtype_name(t->disk_dtype));
    for (unsigned i = 0; i < t->n_dims; i++)
        fprintf(w->header, "%s%" PRIu64, i ? "," : "", t->dims[i]);
    fprintf(w->header, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", w->at, w->at + bytes);
    w->at += bytes;
}

/* Every tensor of a group: the first {} of the name is the layer, the last one the expert. */
static void add_group(writer *w, const sf_tensor *t)
{
    ptrdiff_t first = sf_str_find(t->name, SF_STR("{}"));
    uint32_t experts = t->experts ? t->experts : 1;

    if (!t->in_checkpoint)
        return;
    for (uint32_t layer = 0; layer < t->repeat; layer++)
        for (uint32_t expert = 0; expert < experts; expert++) {
            uint32_t numbers[2] = {t->first_layer + layer, expert};
            sf_str rest = t->name;
            char name[512];
            size_t n = 0, k = first >= 0 && !t->layered && experts > 1;

            for (ptrdiff_t at; (at = sf_str_find(rest, SF_STR("{}"))) >= 0; k++) {
                n += (size_t)snprintf(name + n, sizeof name - n, "%.*s%u", (int)at, rest.p,
                                      k < 2 ? numbers[k] : 0);
                rest = sf_str_sub(rest, (size_t)at + 2, rest.n);
            }
            snprintf(name + n, sizeof name - n, "%.*s", SF_STR_ARG(rest));
            add_tensor(w, t, name);
        }
}

static void add_models(writer *w, const sf_model *const *models, size_t n)
{
    w->done = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < models[i]->n_tensors; j++)
            add_group(w, &models[i]->tensors[j]);
}

int main(int argc, char **argv)
{
    sf_arena *a = sf_arena_new((size_t)1 << 30);
    const sf_checkpoint *ckpt = NULL;
    const sf_model **models;
    sf_model_wish wish = {0};
    sf_str *parts = NULL;
    size_t n_parts = 0;
    writer w = {0};
    sf_diags dg;

    if (argc != 4 || !a)
        die("usage: make_model NAME DIR SHARDS");
    w.dir = argv[2];
    w.shards = (unsigned)strtoul(argv[3], NULL, 10);
    sf_diags_init(&dg, a);
    if (!w.shards || (mkdir(w.dir, 0777) && errno != EEXIST))
        die("cannot make the folder");
    if (sf_catalogue_find(a, sf_str_of(argv[1]), &dg, &ckpt) ||
        sf_model_parts(a, ckpt, &wish, &dg, &parts, &n_parts))
        die("the model is not in the catalogue");
    models = SF_NEW_ARRAY(a, const sf_model *, n_parts);
    for (size_t i = 0; models && i < n_parts; i++) {
        wish.part = parts[i];
        if (sf_model_resolve(a, ckpt, &wish, &dg, &models[i]))
            die("a part of the model cannot be derived");
    }
    if (!models)
        die("out of memory");
    write_config(w.dir, ckpt->config);
    add_models(&w, models, n_parts); /* counts */
    w.total = w.done;
    add_models(&w, models, n_parts);
    end_shard(&w);
    printf("%" PRIu64 " tensors in %u files\n", w.total, w.shard);
    sf_arena_free(a);
    return 0;
}
