/*
 * command_launch: what stands in front of the engine's arguments: settings, sudo and the like, docker run,
 * python -m MODULE, vllm serve.
 * Must not read the engine's own flags: command_flags.c does.
 */
#include "engine/release.h"
#include "stages/command_parts.h"

static bool more(const sf_command_reader *r)
{
    return r->at < r->n;
}

static sf_str word(const sf_command_reader *r)
{
    return r->words[r->at];
}

/* Name of a program without its folder. */
static sf_str program(sf_str path)
{
    for (size_t i = path.n; i-- > 0;)
        if (path.p[i] == '/')
            return sf_str_sub(path, i + 1, path.n);
    return path;
}

static bool one_of(sf_str s, const char *const *list)
{
    for (size_t i = 0; list[i]; i++)
        if (sf_str_is(s, list[i]))
            return true;
    return false;
}

static sf_code refuse(const sf_command_reader *r, const char *hint, const char *message)
{
    size_t i = r->at < r->n ? r->at : r->n ? r->n - 1 : 0;

    return sf_diag_error(r->dg, SF_E_COMMAND, sf_command_where(r, i, 0, r->n ? r->words[i].n : 0), hint, "%s",
                         message);
}

/* Length of the name in NAME=value; 0 when it is none. */
static size_t setting_name(sf_str s)
{
    size_t i = 0;

    while (i < s.n && (s.p[i] == '_' || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
                       (s.p[i] >= 'a' && s.p[i] <= 'z') || (i && s.p[i] >= '0' && s.p[i] <= '9')))
        i++;
    return i < s.n && s.p[i] == '=' ? i : 0;
}

static sf_code add_env(sf_command_reader *r, sf_str s, size_t name)
{
    sf_command_env e = {sf_str_sub(s, 0, name), sf_str_sub(s, name + 1, s.n)};

    if (r->cmd->n_env == r->cap_env) {
        size_t cap = r->cap_env ? 2 * r->cap_env : 8;

        r->env = sf_arena_grow(r->a, r->env, r->cmd->n_env, cap, sizeof *r->env);
        if (!r->env)
            return SF_E_NOMEM;
        r->cap_env = cap;
    }
    r->env[r->cmd->n_env++] = e;
    r->cmd->env = r->env;
    if (sf_str_is(e.name, "CUDA_VISIBLE_DEVICES") || sf_str_is(e.name, "NVIDIA_VISIBLE_DEVICES")) {
        if (sf_str_is(e.name, "NVIDIA_VISIBLE_DEVICES") && sf_str_is(e.value, "all"))
            return SF_OK;
        r->cmd->visible_devices = e.value;
        r->cmd->visible_given = true;
    }
    return SF_OK;
}

static sf_code take_settings(sf_command_reader *r)
{
    static const char *const skipped[] = {"$",  "sudo", "exec", "nohup",  "time",   "env", "command",
                                          "uv", "uvx",  "run",  "export", "poetry", NULL};

    for (; more(r); r->at++) {
        size_t name = setting_name(word(r));
        sf_code rc = name ? add_env(r, word(r), name) : SF_OK;

        if (rc)
            return rc;
        if (!name && !one_of(word(r), skipped))
            break;
    }
    return SF_OK;
}

/* --gpus '"device=2,3"' shows the container only these. */
static void docker_gpus(sf_command_reader *r, sf_str value)
{
    ptrdiff_t at = sf_str_find(value, SF_STR("device="));
    sf_str list;

    if (at < 0)
        return;
    list = sf_str_sub(value, (size_t)at + 7, value.n);
    while (list.n && (list.p[list.n - 1] == '"' || list.p[list.n - 1] == '\''))
        list.n--;
    r->cmd->visible_devices = list;
    r->cmd->visible_given = true;
}

/* "vllm/vllm-openai:v0.19.0" tells the release. */
static sf_code image_hint(sf_command_reader *r, sf_str image)
{
    sf_str base = program(image), tag;
    ptrdiff_t digest = sf_str_find_char(base, '@'), colon;
    sf_version version;

    if (digest >= 0)
        base = sf_str_sub(base, 0, (size_t)digest);
    colon = sf_str_find_char(base, ':');
    tag = sf_str_sub(base, colon < 0 ? base.n : (size_t)colon + 1, base.n);
    if (sf_str_find(image, SF_STR("vllm")) < 0 || !sf_version_parse(tag, &version))
        return SF_OK;
    r->cmd->omni |= sf_str_find(image, SF_STR("vllm-omni")) >= 0;
    r->cmd->engine_hint =
        sf_arena_printf(r->a, "%s@%lld.%lld.%lld", r->cmd->omni ? "vllm-omni" : "vllm",
                        (long long)version.part[0], (long long)version.part[1], (long long)version.part[2]);
    return r->cmd->engine_hint.p ? SF_OK : SF_E_NOMEM;
}

/* One option of docker run; those without a value are few. */
static sf_code docker_option(sf_command_reader *r)
{
    static const char *const alone[] = {"-d",
                                        "-i",
                                        "-t",
                                        "-it",
                                        "-ti",
                                        "-dit",
                                        "-itd",
                                        "-td",
                                        "-id",
                                        "--rm",
                                        "--init",
                                        "--privileged",
                                        "--detach",
                                        "--interactive",
                                        "--tty",
                                        "-P",
                                        "--publish-all",
                                        "--read-only",
                                        "--no-healthcheck",
                                        "--oom-kill-disable",
                                        NULL};
    sf_str option = word(r), value;
    ptrdiff_t eq = sf_str_find_char(option, '=');
    size_t name;

    r->at++;
    if (one_of(option, alone))
        return SF_OK;
    if (eq > 0 && sf_str_starts(option, SF_STR("--"))) {
        value = sf_str_sub(option, (size_t)eq + 1, option.n);
        option = sf_str_sub(option, 0, (size_t)eq);
    } else if (more(r)) {
        value = word(r);
        r->at++;
    } else {
        return refuse(r, "docker run ... vllm/vllm-openai --model MODEL", "an image is missing");
    }
    name = setting_name(value);
    if ((sf_str_is(option, "-e") || sf_str_is(option, "--env")) && name)
        return add_env(r, value, name);
    if (sf_str_is(option, "--gpus"))
        docker_gpus(r, value);
    return SF_OK;
}

static sf_code take_docker(sf_command_reader *r)
{
    r->at++;
    if (!more(r) || !sf_str_is(word(r), "run"))
        return refuse(r, "paste the whole line", "only docker run starts an engine");
    r->at++;
    while (more(r) && word(r).n && word(r).p[0] == '-') {
        sf_code rc = docker_option(r);

        if (rc)
            return rc;
    }
    if (!more(r))
        return refuse(r, "docker run ... vllm/vllm-openai --model MODEL", "an image is missing");
    return image_hint(r, r->words[r->at++]);
}

static bool is_python(sf_str name)
{
    return sf_str_starts(name, SF_STR("python"));
}

static sf_code take_python(sf_command_reader *r)
{
    static const char *const servers[] = {"vllm.entrypoints.openai.api_server",
                                          "vllm.entrypoints.api_server",
                                          "vllm.entrypoints.cli.main",
                                          "vllm_omni.entrypoints.openai.api_server",
                                          "vllm_omni.entrypoints.cli.main",
                                          "vllm",
                                          NULL};

    for (r->at++; more(r) && word(r).n && word(r).p[0] == '-' && !sf_str_is(word(r), "-m"); r->at++)
        ;
    if (!more(r) || !sf_str_is(word(r), "-m") || r->at + 1 >= r->n || !one_of(r->words[r->at + 1], servers))
        return refuse(
            r, "vllm serve MODEL ..., or python -m vllm.entrypoints.openai.api_server --model MODEL ...",
            "this Python program is not the engine's server");
    r->cmd->omni |= sf_str_starts(r->words[r->at + 1], SF_STR("vllm_omni"));
    r->at += 2;
    if (more(r) && sf_str_is(word(r), "serve"))
        r->at++;
    return SF_OK;
}

static sf_code take_vllm(sf_command_reader *r)
{
    r->cmd->omni |= sf_str_is(program(word(r)), "vllm-omni");
    r->at++;
    if (!more(r) || !sf_str_is(word(r), "serve"))
        return refuse(r, "vllm serve MODEL ...", "only the command serve starts an engine");
    r->at++;
    return SF_OK;
}

sf_code sf_command_launcher(sf_command_reader *r)
{
    bool container = false;
    sf_code rc = take_settings(r);

    if (!rc && more(r) && (sf_str_is(program(word(r)), "docker") || sf_str_is(program(word(r)), "podman"))) {
        rc = take_docker(r);
        container = true;
        if (!rc)
            rc = take_settings(r);
    }
    if (rc)
        return rc;
    if (!more(r))
        return container ? SF_OK : refuse(r, "vllm serve MODEL ...", "there is no command");
    if (sf_str_is(program(word(r)), "vllm") || sf_str_is(program(word(r)), "vllm-omni"))
        return take_vllm(r);
    if (is_python(program(word(r))))
        return take_python(r);
    if (sf_str_is(word(r), "serve"))
        r->at++;
    else if (!container && (!word(r).n || word(r).p[0] != '-'))
        return refuse(r, "vllm serve MODEL ..., vllm-omni serve, docker run, or the flags alone",
                      "this is not a command that starts an engine");
    return SF_OK;
}
