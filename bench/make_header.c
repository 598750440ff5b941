/*
 * make_header: writes a model folder for the benchmarks: config.json and weight files whose
 * headers have the names of Qwen3-235B-A22B (94 layers) with 320 experts in place of 128: 91,089 tensors, of
 * an eighth of its widths.  The data is a hole in a sparse file: nothing is written there.
 *
 * Usage: make_header DIR SHARDS      SHARDS 1: one model.safetensors; more: shards and an index.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Qwen3-235B-A22B (its config.json) with more experts and an eighth of its widths. */
enum {
    LAYERS = 94,
    EXPERTS = 320,
    HIDDEN = 512,
    INTER = 1536,
    MOE_INTER = 192,
    VOCAB = 151936,
    HEADS = 8,
    KV_HEADS = 4,
    HEAD_DIM = 128
};

typedef struct writer {
    const char *dir;
    unsigned shards, shard; /* the shard being written, from 1 */
    uint64_t total, done;   /* tensors in all, tensors written; total is 0 in the pass that counts */
    FILE *header, *index;
    char *text;
    size_t text_len;
    uint64_t at; /* bytes of data in this shard */
} writer;

static void die(const char *what)
{
    fprintf(stderr, "make_header: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void shard_name(const writer *w, char *name, size_t size)
{
    if (w->shards == 1)
        snprintf(name, size, "model.safetensors");
    else
        snprintf(name, size, "model-%05u-of-%06u.safetensors", w->shard, w->shards);
}

static void start_shard(writer *w)
{
    w->header = open_memstream(&w->text, &w->text_len);
    if (!w->header)
        die("memory");
    fprintf(w->header, "{\"__metadata__\":{\"format\":\"pt\"}");
    w->at = 0;
}

static void end_shard(writer *w)
{
    unsigned char length[8];
    char path[4096], name[64];
    int fd;

    fputc('}', w->header);
    fflush(w->header);
    while (w->text_len % 8) {
        fputc(' ', w->header);
        fflush(w->header);
    }
    if (fclose(w->header))
        die("memory");
    for (unsigned i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)w->text_len >> (8 * i));
    shard_name(w, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, length, 8) != 8 || write(fd, w->text, w->text_len) != (ssize_t)w->text_len ||
        ftruncate(fd, (off_t)(8 + w->text_len + w->at)) || close(fd))
        die(path);
    free(w->text);
}

static void put(writer *w, const char *name, uint64_t rows, uint64_t cols)
{
    uint64_t size = rows * (cols ? cols : 1) * 2;
    char file[64];

    if (!w->total) { /* counting */
        w->done++;
        return;
    }
    if (w->done * w->shards / w->total >= w->shard) {
        end_shard(w);
        w->shard++;
        start_shard(w);
    }
    fprintf(w->header, ",\"%s\":{\"dtype\":\"BF16\",\"shape\":[%" PRIu64, name, rows);
    if (cols)
        fprintf(w->header, ",%" PRIu64, cols);
    fprintf(w->header, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", w->at, w->at + size);
    w->at += size;
    if (w->index) {
        shard_name(w, file, sizeof file);
        fprintf(w->index, "%s\n    \"%s\": \"%s\"", w->done ? "," : "", name, file);
    }
    w->done++;
}

/* One tensor of a layer; `cols` is 0 for a vector. */
static void put_in_layer(writer *w, int layer, const char *name, uint64_t rows, uint64_t cols)
{
    char full[256];

    snprintf(full, sizeof full, "model.layers.%d.%s.weight", layer, name);
    put(w, full, rows, cols);
}

static void put_layer(writer *w, int layer)
{
    static const struct {
        const char *name;
        uint64_t rows, cols;
    } part[] = {
        {"input_layernorm",          HIDDEN,              0               },
        {"mlp.gate",                 EXPERTS,             HIDDEN          },
        {"post_attention_layernorm", HIDDEN,              0               },
        {"self_attn.k_norm",         HEAD_DIM,            0               },
        {"self_attn.k_proj",         KV_HEADS * HEAD_DIM, HIDDEN          },
        {"self_attn.o_proj",         HIDDEN,              HEADS * HEAD_DIM},
        {"self_attn.q_norm",         HEAD_DIM,            0               },
        {"self_attn.q_proj",         HEADS * HEAD_DIM,    HIDDEN          },
        {"self_attn.v_proj",         KV_HEADS * HEAD_DIM, HIDDEN          },
    };
    char name[64];

    for (int e = 0; e < EXPERTS; e++) {
        snprintf(name, sizeof name, "mlp.experts.%d.down_proj", e);
        put_in_layer(w, layer, name, HIDDEN, MOE_INTER);
        snprintf(name, sizeof name, "mlp.experts.%d.gate_proj", e);
        put_in_layer(w, layer, name, MOE_INTER, HIDDEN);
        snprintf(name, sizeof name, "mlp.experts.%d.up_proj", e);
        put_in_layer(w, layer, name, MOE_INTER, HIDDEN);
    }
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        put_in_layer(w, layer, part[i].name, part[i].rows, part[i].cols);
}

static void put_model(writer *w)
{
    put(w, "model.embed_tokens.weight", VOCAB, HIDDEN);
    for (int layer = 0; layer < LAYERS; layer++)
        put_layer(w, layer);
    put(w, "model.norm.weight", HIDDEN, 0);
    put(w, "lm_head.weight", VOCAB, HIDDEN);
}

static FILE *open_text(const writer *w, const char *name)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    f = fopen(path, "we");
    if (!f)
        die(path);
    return f;
}

static void write_config(const writer *w)
{
    FILE *f = open_text(w, "config.json");

    fprintf(f,
            "{\n  \"architectures\": [\"Qwen3MoeForCausalLM\"],\n  \"model_type\": \"qwen3_moe\",\n"
            "  \"torch_dtype\": \"bfloat16\",\n  \"num_hidden_layers\": %d,\n  \"hidden_size\": %d,\n"
            "  \"intermediate_size\": %d,\n  \"moe_intermediate_size\": %d,\n  \"num_experts\": %d,\n"
            "  \"num_experts_per_tok\": 8,\n  \"decoder_sparse_step\": 1,\n  \"mlp_only_layers\": [],\n"
            "  \"num_attention_heads\": %d,\n  \"num_key_value_heads\": %d,\n  \"head_dim\": %d,\n"
            "  \"attention_bias\": false,\n  \"vocab_size\": %d,\n  \"max_position_embeddings\": 40960,\n"
            "  \"tie_word_embeddings\": false\n}\n",
            LAYERS, HIDDEN, INTER, MOE_INTER, EXPERTS, HEADS, KV_HEADS, HEAD_DIM, VOCAB);
    if (fclose(f))
        die("config.json");
}

int main(int argc, char **argv)
{
    writer count = {0}, w = {.shard = 1};
    long shards = argc == 3 ? strtol(argv[2], NULL, 10) : 0;

    if (shards < 1 || shards > 10000) {
        fprintf(stderr, "usage: make_header DIR SHARDS\n");
        return 2;
    }
    put_model(&count);
    w.dir = argv[1];
    w.shards = (unsigned)shards;
    w.total = count.done;
    if (mkdir(w.dir, 0755) && errno != EEXIST)
        die(w.dir);
    write_config(&w);
    if (shards > 1) {
        w.index = open_text(&w, "model.safetensors.index.json");
        fprintf(w.index, "{\n  \"metadata\": {},\n  \"weight_map\": {");
    }
    start_shard(&w);
    put_model(&w);
    end_shard(&w);
    if (w.index) {
        fprintf(w.index, "\n  }\n}\n");
        if (fclose(w.index))
            die("index");
    }
    printf("%" PRIu64 " tensors\n", w.total);
    return 0;
}
