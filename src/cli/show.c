/*
 * show: from options to a request, and from a result to the two output streams.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"

enum { STDIN_MAX = 8 * 1024 * 1024 };

stagefit_request cli_request(const cli_args *args)
{
    return (stagefit_request){
        .size = sizeof(stagefit_request),
        .flags = args->request_flags,
        .model = args->model,
        .pipeline = args->pipeline,
        .engine = args->engine,
        .platform = args->platform,
        .strategy_config = args->strategy,
        .stage_overrides = args->overrides,
        .models = args->models,
        .aliases = args->aliases,
        .gpus = args->gpus,
        .n_gpus = args->n_gpus,
        .set = args->set,
        .n_set = args->n_set,
        .context = args->context,
        .resolution = args->resolution,
        .frames = args->frames,
        .batch = args->batch,
    };
}

int cli_read_config(stagefit_request *req, char **ret_text)
{
    *ret_text = cli_read_stdin(STDIN_MAX, &req->config_len);
    if (!*ret_text && errno == EFBIG)
        return cli_usage("a stage config has at most 8 MiB", "standard input is too long");
    if (!*ret_text) {
        fprintf(stderr, "stagefit: cannot read standard input: %s\n", strerror(errno));
        return EXIT_OUTSIDE;
    }
    req->config_text = *ret_text;
    req->config_dir = ".";
    return 0;
}

static int no_memory(void)
{
    fputs("stagefit: error SF1001: out of memory\n", stderr);
    return EXIT_OUTSIDE;
}

/* The text on standard output, the diagnostics beside it on standard error. */
static int show_text(const cli_args *args, stagefit_result *r, unsigned flags)
{
    unsigned width = cli_width(args);
    const char *text = stagefit_result_text(r, width, cli_text_flags(args, stdout) | flags);
    const char *diags;
    int status;

    if (!text)
        return no_memory();
    status = cli_write(text);
    if (!status)
        status = cli_finish(stagefit_result_status(r));
    diags = stagefit_result_diagnostics(r, width, cli_text_flags(args, stderr));
    if (!diags)
        return no_memory();
    fputs(diags, stderr);
    return status;
}

int cli_show(const cli_args *args, stagefit *sf, int rc, stagefit_result *result, unsigned flags)
{
    int status;

    if (!result) {
        status = rc == 1001 ? no_memory() : EXIT_OUTSIDE;
    } else if (args->json) {
        const char *json = stagefit_result_json(result);

        status = json ? cli_write(json) : no_memory();
        if (!status)
            status = stagefit_result_status(result);
    } else {
        status = show_text(args, result, flags);
    }
    stagefit_result_free(result);
    stagefit_close(sf);
    return status;
}
