// On Linux select writes the time that was left into the timeout.
#include <assert.h>
#include <stdio.h>
#include <sys/select.h>
#include <unistd.h>

int main(void) {
    int p[2];
    assert(pipe(p) == 0);
    // [timeout]
    struct timeval patience = {.tv_sec = 0, .tv_usec = 50000};
    for (int round = 1; round <= 2; round++) {
        fd_set asked;
        FD_ZERO(&asked);
        FD_SET(p[0], &asked);
        printf("round %d waits for %ld ms\n", round, (long)patience.tv_usec / 1000);
        int ready = select(p[0] + 1, &asked, NULL, NULL, &patience);
        assert(ready == 0);
    }
    // [/timeout]
#ifdef __linux__
    assert(patience.tv_sec == 0 && patience.tv_usec == 0);
#endif
}
