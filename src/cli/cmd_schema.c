/* cmd_schema: stagefit schema. */
#include "cli.h"

int cmd_schema(const cli_command *cmd, cli_args *args)
{
    stagefit_result *result = NULL;
    stagefit *sf = NULL;
    int rc;

    if (args->n_words != 1)
        return cli_usage("write 'stagefit schema stages' or 'stagefit schema stage_args'",
                         "'%s' needs the name of a format", cmd->name);
    rc = stagefit_open(NULL, &sf);
    if (!rc)
        rc = stagefit_schema(sf, args->words[0], &result);
    return cli_show(args, sf, rc, result, 0);
}
