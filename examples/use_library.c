/*
 * Asks libstagefit whether a pasted command line starts on the GPUs given, as a program of
 * your own would.
 *
 *     cc use_library.c $(pkg-config --cflags --libs stagefit) -o use_library
 *     ./use_library 2xH100-80GB vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 2
 */
#include <stdio.h>

#include <stagefit/stagefit.h>

int main(int argc, char **argv)
{
    const char *gpus[] = {argc > 1 ? argv[1] : ""};
    stagefit_request req = {.size = sizeof req, .gpus = gpus, .n_gpus = 1};
    stagefit_result *result = NULL;
    stagefit *session = NULL;
    int status = 3;

    if (argc < 4) {
        fprintf(stderr, "usage: %s GPUS vllm serve MODEL [OPTION...]\n", argv[0]);
        return 2;
    }
    req.command = (const char *const *)(argv + 2);
    req.n_command = (size_t)argc - 2;
    if (stagefit_open(NULL, &session)) {
        fprintf(stderr, "out of memory\n");
        return 3;
    }
    stagefit_check(session, &req, &result);
    if (result) {
        const char *text = stagefit_result_text(result, 80, 0);
        const char *problems = stagefit_result_diagnostics(result, 80, 0);

        fputs(text ? text : "", stdout);
        fputs(problems ? problems : "", stderr);
        status = stagefit_result_status(result);
    }
    stagefit_result_free(result);
    stagefit_close(session);
    return status;
}
