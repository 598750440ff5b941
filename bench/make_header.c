/*
 * make_header: writes a model folder for the benchmarks: config.json and weight files whose
 * headers have the names and shapes of DeepSeek-V3 (61 layers, 256 experts, FP8 with block scales:
 * 90,000 tensors and more).  The data is a hole in a sparse file: nothing is written there.
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

/* Sizes of DeepSeek-V3 (its config.json). */
enum {
    LAYERS = 61,
    DENSE = 3,
    EXPERTS = 256,
    HIDDEN = 7168,
    INTER = 18432,
    MOE_INTER = 2048,
    VOCAB = 129280
};
enum { Q_RANK = 1536, KV_RANK = 512, ROPE = 64, HEADS = 128, NOPE = 128, V_HEAD = 128, BLOCK = 128 };

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

static void put(writer *w, const char *name, const char *dtype, unsigned bytes, uint64_t rows, uint64_t cols)
{
    uint64_t size = rows * (cols ? cols : 1) * bytes;
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
    fprintf(w->header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%" PRIu64, name, dtype, rows);
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

/* A linear layer in FP8 and its scales, one for each block of 128 × 128. */
static void put_linear(writer *w, const char *module, uint64_t rows, uint64_t cols)
{
    char name[256];

    snprintf(name, sizeof name, "%s.weight", module);
    put(w, name, "F8_E4M3", 1, rows, cols);
    snprintf(name, sizeof name, "%s.weight_scale_inv", module);
    put(w, name, "F32", 4, (rows + BLOCK - 1) / BLOCK, (cols + BLOCK - 1) / BLOCK);
}

static void put_mlp(writer *w, const char *module, uint64_t inter)
{
    char name[200];

    snprintf(name, sizeof name, "%s.down_proj", module);
    put_linear(w, name, HIDDEN, inter);
    snprintf(name, sizeof name, "%s.gate_proj", module);
    put_linear(w, name, inter, HIDDEN);
    snprintf(name, sizeof name, "%s.up_proj", module);
    put_linear(w, name, inter, HIDDEN);
}

static void put_attention(writer *w, int layer)
{
    static const struct {
        const char *name;
        uint64_t rows, cols;
    } part[] = {
        {"q_a_proj",           Q_RANK,                  HIDDEN        },
        {"q_b_proj",           HEADS * (NOPE + ROPE),   Q_RANK        },
        {"kv_a_proj_with_mqa", KV_RANK + ROPE,          HIDDEN        },
        {"kv_b_proj",          HEADS * (NOPE + V_HEAD), KV_RANK       },
        {"o_proj",             HIDDEN,                  HEADS * V_HEAD},
    };
    char name[200];

    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        snprintf(name, sizeof name, "model.layers.%d.self_attn.%s", layer, part[i].name);
        put_linear(w, name, part[i].rows, part[i].cols);
    }
    snprintf(name, sizeof name, "model.layers.%d.self_attn.q_a_layernorm.weight", layer);
    put(w, name, "BF16", 2, Q_RANK, 0);
    snprintf(name, sizeof name, "model.layers.%d.self_attn.kv_a_layernorm.weight", layer);
    put(w, name, "BF16", 2, KV_RANK, 0);
    snprintf(name, sizeof name, "model.layers.%d.input_layernorm.weight", layer);
    put(w, name, "BF16", 2, HIDDEN, 0);
    snprintf(name, sizeof name, "model.layers.%d.post_attention_layernorm.weight", layer);
    put(w, name, "BF16", 2, HIDDEN, 0);
}

static void put_layer(writer *w, int layer)
{
    char name[200];

    put_attention(w, layer);
    snprintf(name, sizeof name, "model.layers.%d.mlp", layer);
    if (layer < DENSE) {
        put_mlp(w, name, INTER);
        return;
    }
    for (int e = 0; e < EXPERTS; e++) {
        snprintf(name, sizeof name, "model.layers.%d.mlp.experts.%d", layer, e);
        put_mlp(w, name, MOE_INTER);
    }
    snprintf(name, sizeof name, "model.layers.%d.mlp.shared_experts", layer);
    put_mlp(w, name, MOE_INTER);
    snprintf(name, sizeof name, "model.layers.%d.mlp.gate.weight", layer);
    put(w, name, "BF16", 2, EXPERTS, HIDDEN);
    snprintf(name, sizeof name, "model.layers.%d.mlp.gate.e_score_correction_bias", layer);
    put(w, name, "F32", 4, EXPERTS, 0);
}

static void put_model(writer *w)
{
    put(w, "model.embed_tokens.weight", "BF16", 2, VOCAB, HIDDEN);
    for (int layer = 0; layer < LAYERS; layer++)
        put_layer(w, layer);
    put(w, "model.norm.weight", "BF16", 2, HIDDEN, 0);
    put(w, "lm_head.weight", "BF16", 2, VOCAB, HIDDEN);
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

    fprintf(
        f,
        "{\n  \"architectures\": [\"DeepseekV3ForCausalLM\"],\n  \"model_type\": \"deepseek_v3\",\n"
        "  \"torch_dtype\": \"bfloat16\",\n  \"num_hidden_layers\": %d,\n  \"hidden_size\": %d,\n"
        "  \"intermediate_size\": %d,\n  \"moe_intermediate_size\": %d,\n  \"first_k_dense_replace\": %d,\n"
        "  \"n_routed_experts\": %d,\n  \"n_shared_experts\": 1,\n  \"num_experts_per_tok\": 8,\n"
        "  \"num_attention_heads\": %d,\n  \"num_key_value_heads\": %d,\n  \"q_lora_rank\": %d,\n"
        "  \"kv_lora_rank\": %d,\n  \"qk_nope_head_dim\": %d,\n  \"qk_rope_head_dim\": %d,\n"
        "  \"v_head_dim\": %d,\n  \"vocab_size\": %d,\n  \"max_position_embeddings\": 163840,\n"
        "  \"tie_word_embeddings\": false,\n  \"quantization_config\": {\n    \"quant_method\": \"fp8\",\n"
        "    \"fmt\": \"e4m3\",\n    \"activation_scheme\": \"dynamic\",\n    \"weight_block_size\": [%d, "
        "%d]\n  }\n}\n",
        LAYERS, HIDDEN, INTER, MOE_INTER, DENSE, EXPERTS, HEADS, HEADS, Q_RANK, KV_RANK, NOPE, ROPE, V_HEAD,
        VOCAB, BLOCK, BLOCK);
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
