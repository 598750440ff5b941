/*
 * complete: completion scripts for bash, zsh and fish, out of the tables.
 * Names that the catalogues hold are asked for when they are needed ("stagefit gpus --names").
 */
#include <string.h>

#include "cli.h"

/* The words of "words: a b" or the command behind "list: gpus", as a shell expression. */
static void value_words(FILE *out, const char *values)
{
    if (!strncmp(values, "words: ", 7))
        fprintf(out, "%s", values + 7);
    else if (!strncmp(values, "list: ", 6))
        fprintf(out, "$(stagefit %s --names 2>/dev/null)", values + 6);
}

static bool is_path(const char *values)
{
    return values && (!strcmp(values, "file") || !strcmp(values, "dir"));
}

static void all_commands(FILE *out, const char *sep)
{
    for (const cli_command *c = cli_commands; c->name; c++)
        fprintf(out, "%s%s", c == cli_commands ? "" : sep, c->name);
}

static void bash_values(FILE *out)
{
    fputs("    case $prev in\n", out);
    for (const cli_option *o = cli_options; o->name; o++) {
        if (!o->arg)
            continue;
        fprintf(out, "    --%s", o->name);
        if (o->letter)
            fprintf(out, "|-%c", o->letter);
        if (is_path(o->values)) {
            fprintf(out, ") COMPREPLY=($(compgen -%s -- \"$cur\")); return ;;\n",
                    !strcmp(o->values, "dir") ? "d" : "f");
        } else {
            fputs(") COMPREPLY=($(compgen -W \"", out);
            if (o->values)
                value_words(out, o->values);
            fputs("\" -- \"$cur\")); return ;;\n", out);
        }
    }
    fputs("    esac\n", out);
}

static void bash(FILE *out)
{
    fputs("# bash completion for stagefit, made from its option table\n_stagefit()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]}\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W \"",
          out);
    all_commands(out, " ");
    fputs(" --help --version\" -- \"$cur\"))\n        return\n    fi\n", out);
    bash_values(out);
    fputs("    case $cmd in\n", out);
    for (const cli_command *c = cli_commands; c->name; c++) {
        fprintf(out, "    %s)\n        case $cur in\n        -*) COMPREPLY=($(compgen -W \"", c->name);
        for (const cli_option *o = cli_options; o->name; o++)
            if (o->commands & c->mask)
                fprintf(out, "--%s ", o->name);
        fputs("\" -- \"$cur\")) ;;\n", out);
        if (is_path(c->values)) {
            fputs("        *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n", out);
        } else if (c->values) {
            fputs("        *) COMPREPLY=($(compgen -W \"", out);
            value_words(out, c->values);
            fputs("\" -- \"$cur\")) ;;\n", out);
        }
        fputs("        esac ;;\n", out);
    }
    fputs("    esac\n}\ncomplete -o filenames -o bashdefault -F _stagefit stagefit\n", out);
}

/* Text inside '…' of zsh's _arguments or fish's -d: quotes, brackets and colons escaped. */
static void quoted(FILE *out, const char *text, const char *escape)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", out);
        else if (strchr(escape, *text))
            putc('\\', out);
        putc(*text, out);
    }
}

static void zsh_option(FILE *out, const cli_option *o)
{
    for (int pass = o->letter ? 0 : 1; pass < 2; pass++) {
        bool repeat = strstr(o->help, "may be repeated") != NULL;

        fprintf(out, "            '%s", repeat ? "*" : "");
        if (pass == 0)
            fprintf(out, "-%c", o->letter);
        else
            fprintf(out, "--%s", o->name);
        putc('[', out);
        quoted(out, o->help, "[]");
        putc(']', out);
        if (o->arg) {
            fprintf(out, ":%s:", o->arg);
            if (is_path(o->values))
                fputs(!strcmp(o->values, "dir") ? "_files -/" : "_files", out);
            else if (o->values && !strncmp(o->values, "words: ", 7))
                fprintf(out, "(%s)", o->values + 7);
            else if (o->values)
                fprintf(out, "{_stagefit_names %s}", o->values + 6);
        }
        fputs("' \\\n", out);
    }
}

static void zsh(FILE *out)
{
    fputs(
        "#compdef stagefit\n# zsh completion for stagefit, made from its option table\n"
        "_stagefit_names()\n{\n    local -a names\n    names=(${(f)\"$(stagefit $1 --names 2>/dev/null)\"})\n"
        "    compadd -a names\n}\n_stagefit()\n{\n    if (( CURRENT == 2 )); then\n        local -a "
        "commands=(\n",
        out);
    for (const cli_command *c = cli_commands; c->name; c++) {
        fprintf(out, "            '%s:", c->name);
        quoted(out, c->summary, ":");
        fputs("'\n", out);
    }
    fputs(
        "        )\n        _describe command commands\n        return\n    fi\n"
        "    local cmd=$words[2]\n    words=(\"${(@)words[2,-1]}\")\n    (( CURRENT-- ))\n    case $cmd in\n",
        out);
    for (const cli_command *c = cli_commands; c->name; c++) {
        fprintf(out, "    %s)\n        _arguments \\\n", c->name);
        for (const cli_option *o = cli_options; o->name; o++)
            if (o->commands & c->mask)
                zsh_option(out, o);
        if (is_path(c->values))
            fputs("            '*:file:_files'\n", out);
        else if (c->values && !strncmp(c->values, "words: ", 7))
            fprintf(out, "            '*:word:(%s)'\n", c->values + 7);
        else if (c->values)
            fprintf(out, "            '*:name:{_stagefit_names %s}'\n", c->values + 6);
        else
            fputs("            ':'\n", out);
        fputs("        ;;\n", out);
    }
    fputs("    esac\n}\nif [ \"$funcstack[1]\" = _stagefit ]; then\n    _stagefit \"$@\"\n"
          "elif (( $+functions[compdef] )); then\n    compdef _stagefit stagefit\nfi\n",
          out);
}

static void fish_option(FILE *out, const cli_command *c, const cli_option *o)
{
    fprintf(out, "complete -c stagefit -n '__fish_seen_subcommand_from %s' -l %s", c->name, o->name);
    if (o->letter)
        fprintf(out, " -s %c", o->letter);
    if (o->arg)
        fputs(is_path(o->values) ? " -r" : " -x", out);
    if (o->values && !is_path(o->values)) {
        fputs(" -a '", out);
        if (!strncmp(o->values, "list: ", 6))
            fprintf(out, "(stagefit %s --names 2>/dev/null)", o->values + 6);
        else
            value_words(out, o->values);
        putc('\'', out);
    }
    fputs(" -d '", out);
    quoted(out, o->help, "");
    fputs("'\n", out);
}

static void fish(FILE *out)
{
    fputs("# fish completion for stagefit, made from its option table\n", out);
    for (const cli_command *c = cli_commands; c->name; c++) {
        fprintf(out, "complete -c stagefit -f -n '__fish_use_subcommand' -a %s -d '", c->name);
        quoted(out, c->summary, "");
        fputs("'\n", out);
        for (const cli_option *o = cli_options; o->name; o++)
            if (o->commands & c->mask)
                fish_option(out, c, o);
        if (c->values && !is_path(c->values)) {
            fprintf(out, "complete -c stagefit -f -n '__fish_seen_subcommand_from %s' -a '", c->name);
            if (!strncmp(c->values, "list: ", 6))
                fprintf(out, "(stagefit %s --names 2>/dev/null)", c->values + 6);
            else
                value_words(out, c->values);
            fputs("'\n", out);
        }
    }
}

bool cli_complete(FILE *out, const char *shell)
{
    if (!strcmp(shell, "bash"))
        bash(out);
    else if (!strcmp(shell, "zsh"))
        zsh(out);
    else if (!strcmp(shell, "fish"))
        fish(out);
    else
        return false;
    return true;
}
