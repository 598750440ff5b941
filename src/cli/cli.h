/*
 * cli: the program around the library.  It uses the public header only; one table of commands
 * and one of options feed parsing, --help, the man pages and the shell completions.
 */
#ifndef STAGEFIT_CLI_H
#define STAGEFIT_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "stagefit/stagefit.h"

enum { EXIT_FITS = 0, EXIT_NO = 1, EXIT_USE = 2, EXIT_OUTSIDE = 3 };

/* Which commands take an option. */
enum {
    FOR_CHECK = 1,
    FOR_ESTIMATE = 2,
    FOR_EXPLAIN = 4,
    FOR_LIST = 8,
    FOR_DEMO = 16,
    FOR_COMPLETION = 32,
    FOR_LINT = 64,
    FOR_SCHEMA = 128,
    FOR_MIGRATE = 256,
    FOR_ACCURACY = 512,
    FOR_ALL = 1023
};

/* One option, as it was found on the command line and as --help, man page and completions show it. */
typedef struct cli_option {
    const char *name;
    char letter;        /* 0: none */
    const char *arg;    /* NULL: a switch */
    const char *help;   /* one phrase, no full stop */
    const char *more;   /* for the man page: whole sentences, or NULL */
    const char *values; /* completion: "dir", "words: a b", "list: gpus", or NULL */
    unsigned commands;
    int id;
} cli_option;

typedef struct cli_args {
    const char **gpus, **set, **words; /* as many as there are words on the command line */
    size_t n_gpus, n_set, n_words;
    bool dashes; /* the words stood behind "--" or begin with the engine's name */
    const char *model, *engine, *pipeline, *platform, *strategy, *overrides, *models, *aliases, *color,
        *format, *resolution;
    int64_t context, frames, batch;
    unsigned width, request_flags, text_flags;
    bool json, names, help;
} cli_args;

typedef struct cli_command {
    const char *name;
    int (*run)(const struct cli_command *cmd, cli_args *args);
    const char *operands; /* "CONFIG | - | -- COMMAND..." */
    const char *summary;
    const char *values; /* completion of the operands: "file", "words: …", "list: models" or NULL */
    unsigned mask;      /* FOR_… */
} cli_command;

extern const cli_command cli_commands[];
extern const cli_option cli_options[];

/* main.c */
const cli_command *cli_command_find(const char *name);

/* options.c: false when the command line is wrong (said on stderr). */
bool cli_parse(const cli_command *cmd, int argc, char **argv, cli_args *ret);
void cli_args_release(cli_args *args);
/* The nearest of `names` (NULL-terminated) to a wrong one, or NULL. */
const char *cli_nearest(const char *wrong, const char *const *names);

/* help.c */
void cli_help(FILE *out);
void cli_help_command(FILE *out, const cli_command *cmd);
/* Options of a command as scdoc source. */
void cli_man_options(FILE *out, const cli_command *cmd);

/* complete.c: the completion script of "bash", "zsh" or "fish"; false for another shell. */
bool cli_complete(FILE *out, const char *shell);

/* term.c */
/* Says what is wrong and what to type; gives EXIT_USE.  With --json the same goes to stdout as a document. */
int cli_usage(const char *hint, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_json_errors(bool on);
unsigned cli_width(const cli_args *args);
/* STAGEFIT_TEXT_… for this output stream. */
unsigned cli_text_flags(const cli_args *args, FILE *out);
/* Writes a text; EXIT_OUTSIDE when the output cannot be written (a closed pipe is not an error). */
int cli_write(const char *text);
/* Ends the output; the exit code to give. */
int cli_finish(int status);
/* All of standard input, malloc'ed; NULL with errno on failure or when it is longer than `max`. */
char *cli_read_stdin(size_t max, size_t *ret_n);

/* cmd_*.c */
int cmd_check(const cli_command *cmd, cli_args *args);
int cmd_demo(const cli_command *cmd, cli_args *args);
int cmd_estimate(const cli_command *cmd, cli_args *args);
int cmd_explain(const cli_command *cmd, cli_args *args);
int cmd_list(const cli_command *cmd, cli_args *args);
int cmd_completion(const cli_command *cmd, cli_args *args);
int cmd_lint(const cli_command *cmd, cli_args *args);
int cmd_accuracy(const cli_command *cmd, cli_args *args);
int cmd_schema(const cli_command *cmd, cli_args *args);
int cmd_migrate(const cli_command *cmd, cli_args *args);
/* A request with the options that commands share. */
stagefit_request cli_request(const cli_args *args);
/* A stage config from standard input; 0, or an exit code after saying why.  `*ret_text` is the caller's to free. */
int cli_read_config(stagefit_request *req, char **ret_text);
/* Shows a result (frees it) and gives the exit code; `rc` is what the library call gave. */
int cli_show(const cli_args *args, stagefit *sf, int rc, stagefit_result *result, unsigned flags);
/* Checks what the operands name, with these text flags on top. */
int cli_check(const cli_command *cmd, cli_args *args, unsigned flags);

#endif
