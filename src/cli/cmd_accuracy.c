/* cmd_accuracy: stagefit accuracy. */
#include "cli.h"

int cmd_accuracy(const cli_command *cmd, cli_args *args)
{
    stagefit_request req = cli_request(args);
    stagefit_result *result = NULL;
    stagefit *sf = NULL;
    int rc;

    if (args->n_words != 1 || !args->models)
        return cli_usage("stagefit accuracy TRUTH.jsonl --models DIR",
                         "'%s' needs one file of measured starts and the folder of their models", cmd->name);
    req.truth = args->words[0];
    rc = stagefit_open(NULL, &sf);
    if (!rc)
        rc = stagefit_accuracy(sf, &req, &result);
    return cli_show(args, sf, rc, result, 0);
}
