/* cmd_list: stagefit gpus, models, engines, pipelines, codes: what the program knows. */
#include "cli.h"

int cmd_list(const cli_command *cmd, cli_args *args)
{
    stagefit_result *result = NULL;
    stagefit *sf = NULL;
    int rc;

    if (args->n_words)
        return cli_usage("the whole list is shown", "'%s' takes no operands", cmd->name);
    rc = stagefit_open(NULL, &sf);
    if (!rc)
        rc = stagefit_list(sf, cmd->name, &result);
    return cli_show(args, sf, rc, result, args->names ? STAGEFIT_TEXT_NAMES : 0);
}
