/*
 * options: the table of options and the reading of a command line (getopt_long).
 * Must not print anything but what is wrong with the command line.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum {
    OPT_GPU = 256,
    OPT_MODEL,
    OPT_ENGINE,
    OPT_PIPELINE,
    OPT_PLATFORM,
    OPT_SET,
    OPT_STRATEGY,
    OPT_OVERRIDES,
    OPT_MODELS,
    OPT_ALIASES,
    OPT_RESOLUTION,
    OPT_FRAMES,
    OPT_BATCH,
    OPT_ASSUME,
    OPT_CONTAINER,
    OPT_CONTEXT,
    OPT_EXPLAIN,
    OPT_TIMELINE,
    OPT_NAMES,
    OPT_FORMAT,
    OPT_STRICT,
    OPT_JSON,
    OPT_COLOR,
    OPT_WIDTH,
    OPT_HELP,
};

#define FOR_INPUT (FOR_CHECK | FOR_EXPLAIN)
#define FOR_ANSWER (FOR_ALL & ~(unsigned)(FOR_COMPLETION | FOR_SCHEMA))
#define FOR_CONFIGS (FOR_INPUT | FOR_LINT | FOR_MIGRATE)

/* A row is read, not aligned. */
/* clang-format off */
const cli_option cli_options[] = {
    {"gpu", 'g', "SPEC", "GPUs of the machine; may be repeated",
     "_SPEC_ is a name (*H100-80GB*), with a count (*2xH100-80GB*) or an index (*0=RTX4090*), or a size "
     "(*24GiB*), each with *,free=*_SIZE_ or *,used=*_SIZE_ behind, or *@*_FILE_ for an inventory in JSON. "
     "*stagefit gpus* lists the names.",
     "list: gpus", FOR_INPUT | FOR_ESTIMATE | FOR_DEMO, OPT_GPU},
    {"model", 'm', "MODEL", "model folder or catalogue name, in place of what CONFIG implies",
     "A folder with config.json, or a name of *stagefit models*. Without it the model is the pasted "
     "command's or the usual checkpoint of the pipeline, and the answer says which.",
     "dir", FOR_CONFIGS | FOR_ESTIMATE, OPT_MODEL},
    {"engine", 'e', "NAME", "engine and release, such as vllm@0.19.0 (default: the newest)",
     "A release that is not known takes the nearest older one and says so. *stagefit engines* lists them.",
     "list: engines", FOR_CONFIGS | FOR_ESTIMATE | FOR_DEMO, OPT_ENGINE},
    {"pipeline", 'p', "KEY", "pipeline, in place of the one that CONFIG implies",
     "*stagefit pipelines* lists the keys.",
     "list: pipelines", FOR_CONFIGS, OPT_PIPELINE},
    {"platform", 0, "NAME", "platform section of CONFIG to apply: cuda, rocm, npu or xpu",
     NULL,
     "words: cuda rocm npu xpu", FOR_INPUT | FOR_LINT, OPT_PLATFORM},
    {"set", 's', "KEY=VALUE", "engine argument beside CONFIG; may be repeated",
     "_KEY_ is the engine's own name of the argument, as in *max_model_len=8192*. Whether it beats the file "
     "is decided as the engine release decides it.",
     NULL, FOR_INPUT | FOR_LINT | FOR_ESTIMATE, OPT_SET},
    {"strategy-config", 0, "FILE", "strategy file (parallel sizes by model_stage) over CONFIG",
     "The engine's own option (vLLM-Omni from August 2026): *strategies:* with the axes tp, dp, pp, ep and "
     "stage_replica of each stage.",
     "file", FOR_INPUT, OPT_STRATEGY},
    {"stage-overrides", 0, "JSON", "arguments of single stages over CONFIG, by stage id",
     "The engine's own option: *{\"0\": {\"gpu_memory_utilization\": 0.5}, \"1\": {\"devices\": \"1\"}}*.",
     NULL, FOR_INPUT, OPT_OVERRIDES},
    {"resolution", 'r', "WxH", "also check a diffusion request of this size, such as 1024x1024",
     "The answer then says whether each diffusion stage has room for denoising and decoding such a request "
     "beside everything that is resident. One number is a square.",
     NULL, FOR_INPUT, OPT_RESOLUTION},
    {"frames", 0, "N", "frames of that request (default: 1)",
     NULL,
     NULL, FOR_INPUT, OPT_FRAMES},
    {"batch", 0, "N", "pictures or videos of that request (default: 1)",
     NULL,
     NULL, FOR_INPUT, OPT_BATCH},
    {"assume", 0, "WHAT", "what to assume: full-attention takes an unknown architecture for a dense decoder",
     "The answer marks every number that rests on it as assumed.",
     "words: full-attention", FOR_INPUT | FOR_ESTIMATE, OPT_ASSUME},
    {"container", 0, NULL, "the engine runs in a container that does not see the host's processes",
     "Some releases count memory per process through NVML, which needs the host's process numbers.",
     NULL, FOR_INPUT, OPT_CONTAINER},
    {"context", 'c', "TOKENS", "length of one request to size for (default: the model's own limit)",
     NULL,
     NULL, FOR_ESTIMATE, OPT_CONTEXT},
    {"explain", 'x', NULL, "show every amount with its formula, origin and error band",
     NULL,
     NULL, FOR_CHECK | FOR_DEMO, OPT_EXPLAIN},
    {"timeline", 't', NULL, "show every event of the start with the free memory around it",
     "Behind it stands what would fail first if the stages started in another order.",
     NULL, FOR_INPUT | FOR_DEMO, OPT_TIMELINE},
    {"names", 'n', NULL, "only the names, one a line, with dashes for blanks",
     NULL,
     NULL, FOR_LIST, OPT_NAMES},
    {"format", 'f', "FORMAT", "how to write the findings: text, json, sarif or github",
     "*sarif* is SARIF 2.1.0, which code hosts read; *github* writes annotations of a workflow.",
     "words: text json sarif github", FOR_LINT, OPT_FORMAT},
    {"strict", 0, NULL, "warnings make the exit status 1 as well",
     NULL,
     NULL, FOR_LINT, OPT_STRICT},
    {"models", 0, "DIR", "folder with a folder for each model, named owner__name",
     NULL,
     "dir", FOR_ACCURACY, OPT_MODELS},
    {"aliases", 0, "FILE", "table of names that share the shapes of one of those folders",
     "Columns divided by tabs: model_id, base_dir, quantization, unquantised, confidence, source, "
     "config_overrides. Without it *ALIASES.tsv* of the models' folder is taken, where there is one.",
     "file", FOR_ACCURACY, OPT_ALIASES},
    {"json", 'j', NULL, "one JSON document on standard output, whatever the exit code",
     "Its _schema_ member names the version; docs/json.md describes the keys.",
     NULL, FOR_ANSWER, OPT_JSON},
    {"color", 0, "WHEN", "when to use colour: auto (only on a terminal, honours NO_COLOR), always or never",
     NULL,
     "words: auto always never", FOR_ANSWER, OPT_COLOR},
    {"width", 'w', "COLUMNS", "width of the text, 40 to 1000 (default: the terminal's, else 80)",
     NULL,
     NULL, FOR_ANSWER, OPT_WIDTH},
    {"help", 'h', NULL, "show this help",
     NULL,
     NULL, FOR_ALL, OPT_HELP},
    {0},
};
/* clang-format on */

enum { MAX_OPTIONS = 32 };

/* The table as getopt_long wants it, for one command. */
static void getopt_tables(const cli_command *cmd, struct option *longs, char *shorts)
{
    size_t n = 0, s = 0;

    shorts[s++] = '+'; /* stop at the first operand: what follows may be an engine's command line */
    shorts[s++] = ':';
    for (const cli_option *o = cli_options; o->name; o++) {
        if (!(o->commands & cmd->mask) || n == MAX_OPTIONS)
            continue;
        longs[n++] = (struct option){o->name, o->arg ? required_argument : no_argument, NULL, o->id};
        if (o->letter) {
            shorts[s++] = o->letter;
            if (o->arg)
                shorts[s++] = ':';
        }
    }
    longs[n] = (struct option){0};
    shorts[s] = '\0';
}

static const cli_option *find_option(int c)
{
    for (const cli_option *o = cli_options; o->name; o++)
        if (o->id == c || (o->letter && o->letter == c))
            return o;
    return NULL;
}

/* Decimal digits only; false for anything else or over `max`. */
static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v) ||
            v > max)
            return false;
    }
    *ret = v;
    return true;
}

static bool is_one_of(const char *value, const char *a, const char *b, const char *c)
{
    return !strcmp(value, a) || !strcmp(value, b) || !strcmp(value, c);
}

static bool apply_number(const cli_option *o, const char *value, cli_args *args)
{
    uint64_t n = 0;

    if (o->id == OPT_CONTEXT) {
        if (!parse_number(value, INT64_MAX, &n) || !n) {
            cli_usage("give a number of tokens, such as --context 8192", "'%s' is not a length", value);
            return false;
        }
        args->context = (int64_t)n;
        return true;
    }
    if (o->id == OPT_RESOLUTION) { /* the library reads it */
        args->resolution = value;
        return true;
    }
    if (o->id == OPT_FRAMES || o->id == OPT_BATCH) {
        if (!parse_number(value, INT32_MAX, &n) || !n) {
            cli_usage("give a whole number, such as --frames 81 or --batch 2", "'%s' is not a number of %s",
                      value, o->id == OPT_FRAMES ? "frames" : "pictures");
            return false;
        }
        *(o->id == OPT_FRAMES ? &args->frames : &args->batch) = (int64_t)n;
        return true;
    }
    if (!parse_number(value, 1000, &n) || n < 40) {
        cli_usage("give a number from 40 to 1000, such as --width 100", "'%s' is not a width", value);
        return false;
    }
    args->width = (unsigned)n;
    return true;
}

static bool apply_text(const cli_option *o, const char *value, cli_args *args)
{
    switch (o->id) {
    case OPT_GPU:
        args->gpus[args->n_gpus++] = value;
        return true;
    case OPT_SET:
        if (!strchr(value, '=') || *value == '=') {
            cli_usage("write --set KEY=VALUE, such as --set max_model_len=8192", "'%s' is not KEY=VALUE",
                      value);
            return false;
        }
        args->set[args->n_set++] = value;
        return true;
    case OPT_MODEL:
        args->model = value;
        return true;
    case OPT_MODELS:
        args->models = value;
        return true;
    case OPT_ALIASES:
        args->aliases = value;
        return true;
    case OPT_OVERRIDES:
        args->overrides = value;
        return true;
    case OPT_STRATEGY:
        args->strategy = value;
        return true;
    case OPT_ENGINE:
        args->engine = value;
        return true;
    case OPT_PIPELINE:
        args->pipeline = value;
        return true;
    case OPT_PLATFORM:
        args->platform = value;
        return true;
    case OPT_FORMAT:
        args->format = value;
        args->json |= !strcmp(value, "json");
        if (!strcmp(value, "text") || is_one_of(value, "json", "sarif", "github"))
            return true;
        cli_usage("use text, json, sarif or github", "'%s' is not a value of --format", value);
        return false;
    case OPT_COLOR:
        args->color = value;
        if (is_one_of(value, "auto", "always", "never"))
            return true;
        cli_usage("use auto, always or never", "'%s' is not a value of --color", value);
        return false;
    case OPT_ASSUME:
        args->request_flags |= STAGEFIT_ASSUME_FULL_ATTENTION;
        if (!strcmp(value, "full-attention"))
            return true;
        cli_usage("only full-attention can be assumed", "'%s' is not a value of --assume", value);
        return false;
    default:
        return apply_number(o, value, args);
    }
}

static void apply_switch(const cli_option *o, cli_args *args)
{
    switch (o->id) {
    case OPT_CONTAINER:
        args->request_flags |= STAGEFIT_CONTAINER;
        break;
    case OPT_EXPLAIN:
        args->text_flags |= STAGEFIT_TEXT_EXPLAIN;
        break;
    case OPT_TIMELINE:
        args->text_flags |= STAGEFIT_TEXT_TIMELINE;
        break;
    case OPT_NAMES:
        args->names = true;
        break;
    case OPT_STRICT:
        args->request_flags |= STAGEFIT_STRICT;
        break;
    case OPT_JSON:
        args->json = true;
        break;
    default:
        args->help = true;
        break;
    }
}

/* Edit distance of two short words. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[2][64];
    size_t n = strlen(a), m = strlen(b);

    if (n >= 64 || m >= 64)
        return 99;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = row[i & 1], *prev = row[(i + 1) & 1];

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = prev[j - 1] + (a[i - 1] != b[j - 1]);

            best = prev[j] + 1 < best ? prev[j] + 1 : best;
            now[j] = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
        }
    }
    return row[n & 1][m];
}

const char *cli_nearest(const char *wrong, const char *const *names)
{
    const char *best = NULL;
    unsigned best_distance = 3;

    for (; *names; names++) {
        unsigned d = distance(wrong, *names);

        if (d < best_distance && d < strlen(*names)) {
            best = *names;
            best_distance = d;
        }
    }
    return best;
}

/* An option that the command does not have. */
static void unknown_option(const cli_command *cmd, const char *word)
{
    const char *names[MAX_OPTIONS + 1] = {NULL}, *near;
    char bare[64];
    size_t n = strcspn(word, "="), k = 0;

    for (const cli_option *o = cli_options; o->name && k < MAX_OPTIONS; o++)
        if (o->commands & cmd->mask)
            names[k++] = o->name;
    snprintf(bare, sizeof bare, "%.*s", (int)(n > 60 ? 60 : n), word);
    near = strncmp(bare, "--", 2) ? NULL : cli_nearest(bare + 2, names);
    if (near) {
        char hint[96];

        snprintf(hint, sizeof hint, "did you mean --%s?", near);
        cli_usage(hint, "unknown option '%s' of '%s'", bare, cmd->name);
    } else if (cmd->mask & (FOR_CHECK | FOR_EXPLAIN)) {
        cli_usage("an engine's own flags go into --set KEY=VALUE, or paste the whole command behind --",
                  "unknown option '%s' of '%s'", bare, cmd->name);
    } else {
        char hint[96];

        snprintf(hint, sizeof hint, "see 'stagefit %s --help'", cmd->name);
        cli_usage(hint, "unknown option '%s' of '%s'", bare, cmd->name);
    }
}

/* "?" and ":" of getopt_long; `word` is where it stopped. */
static void bad_option(const cli_command *cmd, int c, const char *word)
{
    const cli_option *o = c == ':' ? find_option(optopt) : NULL;
    char letter[3] = {'-', (char)optopt, '\0'};
    char hint[96];

    if (o) {
        snprintf(hint, sizeof hint, "write --%s %s", o->name, o->arg ? o->arg : "");
        cli_usage(hint, "option --%s needs a value", o->name);
    } else if (optopt > 0 && optopt < 256 && strncmp(word, "--", 2) != 0) {
        unknown_option(cmd, letter);
    } else if (optopt >= 256) {
        o = find_option(optopt);
        snprintf(hint, sizeof hint, "write --%s alone", o ? o->name : "");
        cli_usage(hint, "option --%s takes no value", o ? o->name : "");
    } else {
        unknown_option(cmd, word);
    }
}

/* An operand that opens a pasted command: everything behind it belongs to the engine. */
static bool opens_command(const char *word)
{
    const char *base = strrchr(word, '/');

    base = base ? base + 1 : word;
    return !strcmp(base, "vllm") || !strcmp(base, "python") || !strcmp(base, "python3");
}

static bool room_for(cli_args *args, int argc)
{
    size_t n = (size_t)argc + 1;

    args->gpus = calloc(n, sizeof *args->gpus);
    args->set = calloc(n, sizeof *args->set);
    args->words = calloc(n, sizeof *args->words);
    return args->gpus && args->set && args->words;
}

/* The operands from argv[optind] on, as far as they belong together; false: nothing is left. */
static bool take_operands(const cli_command *cmd, int argc, char **argv, cli_args *args)
{
    bool after_dashes = optind > 0 && !strcmp(argv[optind - 1], "--");

    if (optind >= argc)
        return false;
    if (after_dashes ||
        (!args->n_words && (cmd->mask & (FOR_CHECK | FOR_EXPLAIN)) && opens_command(argv[optind]))) {
        args->dashes = true;
        while (optind < argc)
            args->words[args->n_words++] = argv[optind++];
        return false;
    }
    args->words[args->n_words++] = argv[optind++];
    return true;
}

bool cli_parse(const cli_command *cmd, int argc, char **argv, cli_args *ret)
{
    struct option longs[MAX_OPTIONS + 1];
    char shorts[2 * MAX_OPTIONS + 3];
    int c;

    *ret = (cli_args){0};
    if (!room_for(ret, argc)) {
        cli_usage(NULL, "out of memory");
        return false;
    }
    getopt_tables(cmd, longs, shorts);
    opterr = 0;
    optind = 1;
    do {
        while (optind < argc && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
            const cli_option *o = c == '?' || c == ':' ? NULL : find_option(c);

            if (!o) {
                bad_option(cmd, c, argv[optind - 1]);
                return false;
            }
            if (!o->arg)
                apply_switch(o, ret);
            else if (!apply_text(o, optarg, ret))
                return false;
        }
    } while (take_operands(cmd, argc, argv, ret));
    return true;
}

void cli_args_release(cli_args *args)
{
    free(args->gpus);
    free(args->set);
    free(args->words);
}
