/*
 * floor: what no program can be faster than.  Without arguments it does nothing; with safetensors
 * files it reads the length and the header of each and looks at every byte once.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    uint64_t braces = 0;

    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
        uint64_t n;
        char *p;

        if (fd < 0 || read(fd, &n, sizeof n) != sizeof n || n > 100000000 || !(p = malloc(n)))
            return 1;
        if (read(fd, p, n) != (ssize_t)n)
            return 1;
        for (char *q = p; (q = memchr(q, '{', n - (uint64_t)(q - p))); q++)
            braces++;
        free(p);
        close(fd);
    }
    printf("%llu\n", (unsigned long long)braces);
    return 0;
}
