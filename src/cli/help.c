/*
 * help: --help and the OPTIONS sections of the man pages, both out of the tables.
 * Must not hold a text about an option: those are in options.c.
 */
#include <string.h>

#include "cli.h"

enum { HELP_COLUMN = 26, HELP_WIDTH = 80 };

/* Words wrapped at HELP_WIDTH; the first line continues at column `at`. */
static void wrap(FILE *out, size_t at, size_t indent, const char *text)
{
    bool first = true;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (!first && at + 1 + n > HELP_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            putc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", (int)n, text);
        at += n;
        first = false;
        text += n;
        text += strspn(text, " ");
    }
    putc('\n', out);
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static void option_line(FILE *out, const cli_option *o)
{
    char head[64];
    int n =
        snprintf(head, sizeof head, "  %c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                 o->letter ? "," : " ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");

    if (n < HELP_COLUMN - 1)
        fprintf(out, "%-*s", HELP_COLUMN, head);
    else
        fprintf(out, "%s\n%*s", head, HELP_COLUMN, "");
    wrap(out, HELP_COLUMN, HELP_COLUMN, o->help);
}

void cli_help_command(FILE *out, const cli_command *cmd)
{
    char summary[256];

    fprintf(out, "Usage: stagefit %s [OPTIONS]%s%s\n\n", cmd->name, cmd->operands ? " " : "",
            cmd->operands ? cmd->operands : "");
    snprintf(summary, sizeof summary, "%c%s.", upper(cmd->summary[0]), cmd->summary + 1);
    wrap(out, 0, 0, summary);
    fputs("\nOptions:\n", out);
    for (const cli_option *o = cli_options; o->name; o++)
        if (o->commands & cmd->mask)
            option_line(out, o);
    if (cmd->mask & (FOR_CHECK | FOR_EXPLAIN | FOR_DEMO | FOR_ESTIMATE))
        fputs("\nExit status: 0 fits, 1 does not, 2 input or command line cannot be understood,\n"
              "3 trouble outside (files, system).\n",
              out);
    if (cmd->mask & FOR_LINT)
        fputs("\nExit status: 0 no errors (with --strict no warnings either), 1 findings,\n"
              "2 a file or the command line cannot be understood.\n",
              out);
    fprintf(out, "\nSee stagefit-%s(1).\n", cmd->mask == FOR_LIST ? "list" : cmd->name);
}

void cli_help(FILE *out)
{
    fputs("Usage: stagefit COMMAND [OPTIONS] ...\n\n"
          "Will these model stages start on these GPUs, how much KV cache does each get,\n"
          "and where does the memory go?  Answered from files, without a GPU.\n\nCommands:\n",
          out);
    for (const cli_command *c = cli_commands; c->name; c++) {
        fprintf(out, "  %-12s", c->name);
        wrap(out, 14, 14, c->summary);
    }
    fputs("\nTry:\n"
          "  stagefit demo\n"
          "  stagefit check stages.yaml --gpu 2xH100-80GB\n"
          "  stagefit check --gpu H100-80GB -- vllm serve Qwen/Qwen3-8B --max-num-seqs 64\n"
          "  stagefit estimate Qwen/Qwen3-8B\n\n"
          "'stagefit COMMAND --help' shows the options of a command, 'stagefit --version'\n"
          "the version.\n",
          out);
}

void cli_man_options(FILE *out, const cli_command *cmd)
{
    for (const cli_option *o = cli_options; o->name; o++) {
        if (!(o->commands & cmd->mask))
            continue;
        if (o->letter)
            fprintf(out, "*-%c*, ", o->letter);
        fprintf(out, "*--%s*", o->name);
        if (o->arg)
            fprintf(out, " _%s_", o->arg);
        fprintf(out, "\n\t%c%s.", upper(o->help[0]), o->help + 1);
        if (o->more)
            fprintf(out, " %s", o->more);
        fputs("\n\n", out);
    }
}
