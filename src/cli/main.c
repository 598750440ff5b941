/*
 * main: the table of commands and the way to one of them.
 */
#include <string.h>

#include "cli.h"

/* A row is read, not aligned. */
/* clang-format off */
const cli_command cli_commands[] = {
    {"check", cmd_check, "CONFIG | - | -- COMMAND...",
     "say whether the stages of a config, or a pasted engine command, start on the GPUs",
     "file", FOR_CHECK},
    {"estimate", cmd_estimate, "MODEL",
     "say what one model weighs, what a token of cache takes and which GPUs it fits",
     "list: models", FOR_ESTIMATE},
    {"explain", cmd_explain, "CONFIG | - | -- COMMAND... | CODE",
     "show the whole ledger with each formula, or the long text of a diagnostic code",
     "file", FOR_EXPLAIN},
    {"lint", cmd_lint, "CONFIG... | -",
     "say what is wrong or doubtful in stage configs, without a GPU",
     "file", FOR_LINT},
    {"migrate", cmd_migrate, "CONFIG | -",
     "write a config of the older stage_args format as one of the newer stages format",
     "file", FOR_MIGRATE},
    {"accuracy", cmd_accuracy, "TRUTH.jsonl",
     "predict measured starts from their inputs and say how far off the predictions are",
     "file", FOR_ACCURACY},
    {"schema", cmd_schema, "stages | stage_args",
     "write the JSON Schema of a config format, for editors",
     "words: stages stage_args", FOR_SCHEMA},
    {"demo", cmd_demo, NULL,
     "check the built-in example: Qwen3-Omni on 2 x H100-80GB",
     NULL, FOR_DEMO},
    {"gpus", cmd_list, NULL,
     "list the GPUs that are known, with the memory that the engine sees",
     NULL, FOR_LIST},
    {"models", cmd_list, NULL,
     "list the models of the catalogue",
     NULL, FOR_LIST},
    {"engines", cmd_list, NULL,
     "list the engine releases that are known and what each changed",
     NULL, FOR_LIST},
    {"pipelines", cmd_list, NULL,
     "list the multi-stage pipelines that are known",
     NULL, FOR_LIST},
    {"codes", cmd_list, NULL,
     "list the diagnostic codes",
     NULL, FOR_LIST},
    {"completion", cmd_completion, "bash | zsh | fish",
     "write the completion script of a shell",
     "words: bash zsh fish", FOR_COMPLETION},
    {0},
};
/* clang-format on */

const cli_command *cli_command_find(const char *name)
{
    for (const cli_command *c = cli_commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

static int unknown_command(const char *word)
{
    const char *names[32] = {NULL}, *near;
    char hint[256];
    size_t n = strlen(word), k = 0;

    for (const cli_command *c = cli_commands; c->name && k < 31; c++)
        names[k++] = c->name;
    near = cli_nearest(word, names);
    if (near)
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    else if (n > 5 && n < 200 && (!strcmp(word + n - 5, ".yaml") || !strcmp(word + n - 4, ".yml")))
        snprintf(hint, sizeof hint, "did you mean 'stagefit check %s'?", word);
    else
        snprintf(hint, sizeof hint, "'stagefit --help' lists the commands");
    return cli_usage(hint, "unknown command '%s'", word);
}

/* "stagefit help check" */
static int help(int argc, char **argv)
{
    const cli_command *cmd = argc > 2 ? cli_command_find(argv[2]) : NULL;

    if (argc > 2 && !cmd)
        return unknown_command(argv[2]);
    if (cmd)
        cli_help_command(stdout, cmd);
    else
        cli_help(stdout);
    return cli_finish(EXIT_FITS);
}

/* What the build asks for: "__options man check" gives the options of a command as scdoc source. */
static int build_pages(int argc, char **argv)
{
    const cli_command *cmd = argc == 4 && !strcmp(argv[2], "man") ? cli_command_find(argv[3]) : NULL;

    if (!cmd)
        return EXIT_USE;
    cli_man_options(stdout, cmd);
    return cli_finish(EXIT_FITS);
}

static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j"))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    const cli_command *cmd;
    cli_args args;
    int status;

    cli_json_errors(wants_json(argc, argv));
    if (argc < 2) {
        cli_help(stderr);
        return EXIT_USE;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("stagefit %s\n", stagefit_version());
        return cli_finish(EXIT_FITS);
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return help(argc, argv);
    if (!strcmp(argv[1], "__options"))
        return build_pages(argc, argv);
    cmd = cli_command_find(argv[1]);
    if (!cmd)
        return unknown_command(argv[1]);
    if (!cli_parse(cmd, argc - 1, argv + 1, &args)) {
        cli_args_release(&args);
        return cli_finish(EXIT_USE);
    }
    if (args.help) {
        cli_help_command(stdout, cmd);
        status = EXIT_FITS;
    } else {
        status = cmd->run(cmd, &args);
    }
    cli_args_release(&args);
    return cli_finish(status);
}
