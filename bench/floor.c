/*
 * floor: what no program can be faster than.  Without arguments it does nothing; with safetensors
 * files it reads the length and the header of each and looks at every byte once.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char
        block[64 * 1024]; /* never more than a cache holds: memory for a whole header costs page faults */
    uint64_t braces = 0;

    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
        uint64_t left;

        if (fd < 0 || read(fd, &left, sizeof left) != sizeof left || left > 100000000)
            return 1;
        while (left) {
            ssize_t n = read(fd, block, left < sizeof block ? (size_t)left : sizeof block);

            if (n <= 0)
                return 1;
            for (char *p = block; (p = memchr(p, '{', (size_t)(block + n - p))); p++)
                braces++;
            left -= (uint64_t)n;
        }
        close(fd);
    }
    printf("%llu\n", (unsigned long long)braces);
    return 0;
}
