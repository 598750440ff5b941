/* cmd_lint: stagefit lint. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* SARIF and annotations are made by the library; text and JSON go the common way. */
static int show_as(stagefit *sf, stagefit_result *result, const char *format)
{
    const char *text = stagefit_result_as(result, format);
    int status = text ? cli_write(text) : EXIT_OUTSIDE;

    if (!text)
        fputs("stagefit: error SF1001: out of memory\n", stderr);
    if (!status)
        status = stagefit_result_status(result);
    stagefit_result_free(result);
    stagefit_close(sf);
    return status;
}

static bool own_format(const cli_args *args)
{
    return args->format && (!strcmp(args->format, "sarif") || !strcmp(args->format, "github"));
}

int cmd_lint(const cli_command *cmd, cli_args *args)
{
    stagefit_request req = cli_request(args);
    stagefit_result *result = NULL;
    stagefit *sf = NULL;
    char *text = NULL;
    int rc = 0;

    if (!args->n_words)
        return cli_usage("name stage configs, or '-' for standard input", "'%s' needs something to look at",
                         cmd->name);
    if (args->n_words == 1 && !strcmp(args->words[0], "-"))
        rc = cli_read_config(&req, &text);
    req.configs = text ? NULL : args->words;
    req.n_configs = text ? 0 : args->n_words;
    if (rc)
        return rc;
    rc = stagefit_open(NULL, &sf);
    if (!rc)
        rc = stagefit_lint(sf, &req, &result);
    rc = result && own_format(args) ? show_as(sf, result, args->format) : cli_show(args, sf, rc, result, 0);
    free(text);
    return rc;
}
