/*
 * torture: whole answers through the public API while the 1st, 2nd, 3rd … allocation or file
 * operation fails.  The linker's --wrap puts this file between the library (libyaml too, which
 * is linked statically here) and malloc, open, fstat and pread.
 *
 * Memory: an answer is either the same as without a fault, or "out of memory", never another one.
 * Files: a failed operation ends in an error with a code; a short read changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stagefit/stagefit.h>

enum { OUT_OF_MEMORY = 1001, EVERY = 200, RUNS = 400 };

typedef enum fault { NO_FAULT, NO_MEMORY, NO_OPEN, NO_STAT, NO_READ, SHORT_READ, FAULTS } fault;

static const char *const fault_names[] = {"nothing", "malloc", "open", "fstat", "read", "short read"};
static fault fault_kind;
static unsigned long fault_at, fault_count; /* the operation to fail, from 1; those seen so far */

static int hit(fault kind)
{
    return fault_kind == kind && ++fault_count == fault_at;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return hit(NO_MEMORY) ? NULL : __real_malloc(size);
}

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size)
{
    return hit(NO_MEMORY) ? NULL : __real_realloc(p, size);
}

char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *__wrap_strdup(const char *s)
{
    return hit(NO_MEMORY) ? NULL : __real_strdup(s);
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    if (hit(NO_OPEN)) {
        errno = EMFILE;
        return -1;
    }
    return __real_open64(path, flags);
}

int __real_fstat64(int fd, struct stat64 *st);
int __wrap_fstat64(int fd, struct stat64 *st);
int __wrap_fstat64(int fd, struct stat64 *st)
{
    if (hit(NO_STAT)) {
        errno = EIO;
        return -1;
    }
    return __real_fstat64(fd, st);
}

ssize_t __real_pread64(int fd, void *p, size_t n, off64_t off);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off64_t off);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off64_t off)
{
    if (hit(NO_READ)) {
        errno = EIO;
        return -1;
    }
    return __real_pread64(fd, p, hit(SHORT_READ) && n > 1 ? n / 2 : n, off);
}

static char folder[] = "/tmp/stagefit-fault-XXXXXX"; /* main makes it */
static const char *const gpus[] = {"2xH100-80GB"};
static const char *const command[] = {"vllm", "serve", "Qwen/Qwen2.5-7B-Instruct", "--tensor-parallel-size",
                                      "2"};

/* What is asked: a config, a model folder (an estimate), or else the command above. */
typedef struct scenario {
    const char *name, *config, *model;
} scenario;

static const scenario scenarios[] = {
    {"check of a stage config", "examples/qwen3-omni-2xh100.yaml", NULL  },
    {"estimate of a folder",    NULL,                              folder},
    {"check of a command",      NULL,                              NULL  },
};

static int ask(stagefit *session, const scenario *s, stagefit_result **ret)
{
    stagefit_request req = {
        .size = sizeof req, .config = s->config, .model = s->model, .gpus = gpus, .n_gpus = 1};

    if (!s->config && !s->model) {
        req.command = command;
        req.n_command = sizeof command / sizeof *command;
    }
    return s->model ? stagefit_estimate(session, &req, ret) : stagefit_check(session, &req, ret);
}

/* One whole answer.  `*ret_text` is what a user would get, to be freed; NULL when memory ran out on the way. */
static int answer(const scenario *s, char **ret_text)
{
    stagefit_result *r = NULL;
    stagefit *session = NULL;
    const char *text, *json, *problems;
    int rc;

    *ret_text = NULL;
    rc = stagefit_open(NULL, &session);
    if (rc)
        return rc;
    rc = ask(session, s, &r);
    if (r) {
        text = stagefit_result_text(r, 80, 0);
        json = stagefit_result_json(r);
        problems = stagefit_result_diagnostics(r, 80, 0);
        fault_kind = NO_FAULT;
        if (text && json && problems) {
            size_t size = strlen(text) + strlen(json) + strlen(problems) + 1;

            *ret_text = malloc(size);
            if (*ret_text)
                snprintf(*ret_text, size, "%s%s%s", text, json, problems);
        } else {
            rc = OUT_OF_MEMORY;
        }
    }
    fault_kind = NO_FAULT;
    stagefit_result_free(r);
    stagefit_close(session);
    return rc;
}

/* True when this outcome is allowed for a fault of this kind. */
static int allowed(fault kind, int rc, const char *text, int want_rc, const char *want)
{
    int same = rc == want_rc && text && !strcmp(text, want);

    if (kind == NO_MEMORY)
        return rc == OUT_OF_MEMORY || same;
    if (kind == SHORT_READ)
        return same;
    return rc != 0 && text && strstr(text, "SF");
}

/* Fails one operation after the other; beyond the first EVERY of them in steps, so that RUNS more do. */
static int torture(const scenario *s, fault kind, int want_rc, const char *want, unsigned long *ret_runs)
{
    unsigned long total, step, faults = 0;
    char *text;

    fault_kind = kind;
    fault_at = fault_count = 0;
    answer(s, &text);
    free(text);
    total = fault_count;
    step = total > EVERY + RUNS ? (total - EVERY) / RUNS : 1;
    *ret_runs = 0;
    for (unsigned long n = 1; n <= total; n += n < EVERY ? 1 : step) {
        int rc;

        fault_kind = kind;
        fault_at = n;
        fault_count = 0;
        rc = answer(s, &text);
        if (!allowed(kind, rc, text, want_rc, want) && faults++ < 5)
            printf("# %s: %s %lu of %lu fails: SF%d%s\n", s->name, fault_names[kind], n, total, rc,
                   text ? ", another answer" : "");
        free(text);
        ++*ret_runs;
    }
    return faults == 0 && *ret_runs > 0;
}

static int make_folder(void)
{
    static const char config[] =
        "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"hidden_size\": 256,\n"
        " \"intermediate_size\": 512, \"num_hidden_layers\": 4, \"num_attention_heads\": 8,\n"
        " \"num_key_value_heads\": 2, \"vocab_size\": 1024, \"max_position_embeddings\": 2048,\n"
        " \"rms_norm_eps\": 1e-5, \"rope_theta\": 10000.0, \"tie_word_embeddings\": false,\n"
        " \"torch_dtype\": \"bfloat16\"}\n";
    char path[64];
    FILE *f;

    if (!mkdtemp(folder))
        return 0;
    snprintf(path, sizeof path, "%s/config.json", folder);
    f = fopen(path, "we");
    if (!f)
        return 0;
    fputs(config, f);
    return fclose(f) == 0;
}

int main(void)
{
    enum { N = sizeof scenarios / sizeof *scenarios };
    int test = 0, failed = 0;
    char path[64];

    if (!make_folder()) {
        printf("1..1\nnot ok 1 - cannot make a folder in /tmp\n");
        return 1;
    }
    printf("1..%d\n", N * FAULTS);
    for (int i = 0; i < N; i++) {
        char *want;
        int want_rc = answer(&scenarios[i], &want);
        int ok = want && want_rc == 0;

        printf("%sok %d - %s without a fault\n", ok ? "" : "not ", ++test, scenarios[i].name);
        if (!ok)
            printf("# SF%d\n", want_rc);
        failed += !ok;
        for (fault kind = NO_MEMORY; kind < FAULTS; kind++) {
            unsigned long runs = 0;

            if (kind != NO_MEMORY && !scenarios[i].config && !scenarios[i].model) {
                printf("ok %d - %s # SKIP it reads no file\n", ++test, scenarios[i].name);
                continue;
            }
            ok = want && torture(&scenarios[i], kind, want_rc, want, &runs);
            printf("%sok %d - %s, %s fails (%lu times)\n", ok ? "" : "not ", ++test, scenarios[i].name,
                   fault_names[kind], runs);
            failed += !ok;
            fflush(stdout);
        }
        free(want);
    }
    snprintf(path, sizeof path, "%s/config.json", folder);
    unlink(path);
    rmdir(folder);
    return failed != 0;
}
