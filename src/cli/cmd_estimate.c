/* cmd_estimate: stagefit estimate. */
#include "cli.h"

int cmd_estimate(const cli_command *cmd, cli_args *args)
{
    stagefit_request req = cli_request(args);
    stagefit_result *result = NULL;
    stagefit *sf = NULL;
    int rc;

    if (args->n_words > 1 || (args->n_words && args->model))
        return cli_usage("estimate one model at a time", "'%s' takes one MODEL", cmd->name);
    if (!args->n_words && !args->model)
        return cli_usage("name a model folder, or a name of 'stagefit models'", "'%s' needs a MODEL",
                         cmd->name);
    if (args->n_words)
        req.model = args->words[0];
    rc = stagefit_open(NULL, &sf);
    if (!rc)
        rc = stagefit_estimate(sf, &req, &result);
    return cli_show(args, sf, rc, result, 0);
}
