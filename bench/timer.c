/*
 * timer: runs a command again and again and prints its median wall time and peak memory.
 * Usage: timer RUNS PROGRAM [ARGUMENT...]   →   "MEDIAN_US LEAST_US PEAK_KIB EXIT"
 * The command's output goes to /dev/null.  Three runs warm the page cache and are not counted.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* One run; -1 when the program cannot be started. */
static int run(char **argv, const posix_spawn_file_actions_t *actions, double *ret_us, long *ret_kib)
{
    double start = now_us();
    struct rusage usage;
    int status;
    pid_t pid;

    if (posix_spawn(&pid, argv[0], actions, NULL, argv, environ) || wait4(pid, &status, 0, &usage) != pid)
        return -1;
    *ret_us = now_us() - start;
    *ret_kib = usage.ru_maxrss;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    enum { WARM = 3, MOST = 1000 };
    static double us[MOST];
    posix_spawn_file_actions_t actions;
    long kib = 0, peak = 0;
    int runs = argc > 2 ? (int)strtol(argv[1], NULL, 10) : 0;
    int rc = 0;

    if (runs < 1 || runs > MOST) {
        fprintf(stderr, "usage: timer RUNS PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    for (int i = -WARM; i < runs; i++) {
        rc = run(argv + 2, &actions, &us[i < 0 ? 0 : i], &kib);
        if (rc < 0)
            return 3;
        if (kib > peak)
            peak = kib;
    }
    qsort(us, (size_t)runs, sizeof *us, compare);
    printf("%.0f %.0f %ld %d\n", us[runs / 2], us[0], peak, rc);
    return 0;
}
