/* cmd_migrate: stagefit migrate. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int cmd_migrate(const cli_command *cmd, cli_args *args)
{
    stagefit_request req = cli_request(args);
    stagefit_result *result = NULL;
    stagefit *sf = NULL;
    char *text = NULL;
    int rc = 0;

    if (args->n_words != 1)
        return cli_usage("name one config of the stage_args format, or '-' for standard input",
                         "'%s' takes one config", cmd->name);
    if (strcmp(args->words[0], "-") != 0)
        req.config = args->words[0];
    else
        rc = cli_read_config(&req, &text);
    if (rc)
        return rc;
    rc = stagefit_open(NULL, &sf);
    if (!rc)
        rc = stagefit_migrate(sf, &req, &result);
    rc = cli_show(args, sf, rc, result, 0);
    free(text);
    return rc;
}
