/* cmd_explain: stagefit explain, of a config or of a diagnostic code. */

#include "cli.h"

/* "SF7001", "sf7001" or "7001": the number, else 0. */
static int code_of(const char *word)
{
    int code = 0, digits = 0;

    if ((word[0] == 'S' || word[0] == 's') && (word[1] == 'F' || word[1] == 'f'))
        word += 2;
    for (; *word >= '0' && *word <= '9' && digits < 5; word++, digits++)
        code = code * 10 + (*word - '0');
    return *word || digits != 4 ? 0 : code;
}

int cmd_explain(const cli_command *cmd, cli_args *args)
{
    int code = args->n_words == 1 && !args->dashes ? code_of(args->words[0]) : 0;
    stagefit_result *result = NULL;
    stagefit *sf = NULL;
    int rc;

    if (!code)
        return cli_check(cmd, args, STAGEFIT_TEXT_EXPLAIN);
    rc = stagefit_open(NULL, &sf);
    if (!rc)
        rc = stagefit_explain_code(sf, code, &result);
    return cli_show(args, sf, rc, result, 0);
}
