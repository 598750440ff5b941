/*
 * cmd_check: stagefit check and stagefit demo.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char *const demo_gpus[] = {"2xH100-80GB"};

/* A single word such as "vllm serve …" that is no file is a command in quotes. */
static bool is_quoted_command(const char *word)
{
    return strchr(word, ' ') && strstr(word, "vllm") && access(word, F_OK) != 0;
}

/* Puts the operands into the request; `ret_text` must be freed by the caller. */
static int name_input(const cli_command *cmd, const cli_args *args, stagefit_request *req, char **ret_text)
{
    if (!args->n_words)
        return cli_usage("name a stage config, '-' for standard input, or paste a command behind '--'",
                         "'%s' needs something to check", cmd->name);
    if ((args->dashes && args->n_words > 1) || is_quoted_command(args->words[0])) {
        req->command = args->words;
        req->n_command = args->n_words;
        return 0;
    }
    if (args->n_words > 1)
        return cli_usage("check one config at a time; a command goes behind '--'",
                         "'%s' takes one config, not %zu words", cmd->name, args->n_words);
    if (strcmp(args->words[0], "-") != 0) {
        req->config = args->words[0];
        return 0;
    }
    return cli_read_config(req, ret_text);
}

int cli_check(const cli_command *cmd, cli_args *args, unsigned flags)
{
    stagefit_request req = cli_request(args);
    stagefit_result *result = NULL;
    stagefit *sf = NULL;
    char *text = NULL;
    int status = name_input(cmd, args, &req, &text);

    if (status)
        return status;
    status = stagefit_open(NULL, &sf);
    if (!status)
        status = stagefit_check(sf, &req, &result);
    status = cli_show(args, sf, status, result, flags);
    free(text);
    return status;
}

int cmd_check(const cli_command *cmd, cli_args *args)
{
    return cli_check(cmd, args, 0);
}

int cmd_demo(const cli_command *cmd, cli_args *args)
{
    stagefit_request req = cli_request(args);
    stagefit_result *result = NULL;
    stagefit *sf = NULL;
    int rc;

    if (args->n_words)
        return cli_usage("use 'stagefit check' for a config of your own", "'%s' takes no operands",
                         cmd->name);
    req.config = "example:qwen3-omni-2xh100.deploy";
    if (!req.n_gpus) {
        req.gpus = demo_gpus;
        req.n_gpus = 1;
    }
    rc = stagefit_open(NULL, &sf);
    if (!rc)
        rc = stagefit_check(sf, &req, &result);
    return cli_show(args, sf, rc, result, 0);
}
