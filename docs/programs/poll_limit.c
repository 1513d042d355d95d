// poll has no FD_SETSIZE, but a table longer than the limit of open files is refused.
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

int main(void) {
    // [limit]
    struct rlimit few = {.rlim_cur = 8, .rlim_max = 8};
    assert(setrlimit(RLIMIT_NOFILE, &few) == 0);

    struct pollfd table[9];
    for (int i = 0; i < 9; i++)
        table[i].fd = -1; // nothing is asked: only the length counts
    for (int length = 8; length <= 9; length++) {
        int ready = poll(table, length, 0);
        printf("%d entries:  %s\n", length, ready < 0 ? strerror(errno) : "taken");
    }
    // [/limit]
    assert(errno == EINVAL);
}
