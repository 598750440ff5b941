/* cmd_completion: stagefit completion. */
#include "cli.h"

int cmd_completion(const cli_command *cmd, cli_args *args)
{
    if (args->n_words != 1)
        return cli_usage("write 'stagefit completion bash', zsh or fish", "'%s' needs the name of a shell",
                         cmd->name);
    if (!cli_complete(stdout, args->words[0]))
        return cli_usage("bash, zsh and fish are known", "no completion for '%s'", args->words[0]);
    return EXIT_FITS;
}
