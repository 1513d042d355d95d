// The limit of 1024 is in the type fd_set, not in the kernel.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

int main(void) {
    int p[2];
    assert(pipe(p) == 0 && write(p[1], "x", 1) == 1);
    struct rlimit limit;
    assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max < 2048 ? limit.rlim_max : 2048;
    assert(limit.rlim_cur > 1500 && setrlimit(RLIMIT_NOFILE, &limit) == 0);

    // [limit]
    volatile int high = dup2(p[0], 1500); // the same pipe under a high number
    printf("an fd_set has room for:  %d\n", FD_SETSIZE);

    // What FD_SET does: it sets bit 1500, whether or not the array has one.
    struct {
        fd_set set;             // 128 bytes
        unsigned char after[128]; // whatever the compiler put behind it
    } memory;
    memset(&memory, 0, sizeof memory);
    unsigned char *bytes = (unsigned char *)&memory;
    bytes[high / 8] |= 1 << (high % 8);
    size_t hit = 0;
    while (memory.after[hit] == 0)
        hit++;
    printf("bit %d is set:  %zu bytes behind the end\n", high, hit);

    // The kernel takes as many bits as the program says.
    unsigned char *large = calloc(256, 1);
    large[high / 8] |= 1 << (high % 8);
    int ready = select(high + 1, (fd_set *)large, NULL, NULL, NULL);
    printf("select, told of %d bits:  %d ready\n", high + 1, ready);
    assert(ready == 1);
    // [/limit]
    free(large);
}
