// The other end is gone and the pipe is empty: poll says POLLHUP without POLLIN, again
// and again. A program that looks at POLLIN only spins.
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    int p[2];
    assert(pipe(p) == 0);
    close(p[1]); // the writer goes away

    // [hangup]
    struct pollfd entry = {.fd = p[0], .events = POLLIN};
    int returns = 0;
    char byte;
    while (returns < 1000) { // a real program would go on for ever
        poll(&entry, 1, -1); // "sleep until there is something to read"
        returns++;
        if (entry.revents & POLLIN) // the mistake: nobody looks for POLLHUP
            if (read(p[0], &byte, 1) == 0)
                break;
    }
    printf("returned %d times without sleeping, POLLIN never set\n", returns);
    assert(returns == 1000 && entry.revents == POLLHUP);

    // The mend: a hang-up is a reason to read, and the read says what it is.
    poll(&entry, 1, -1);
    if (entry.revents & (POLLIN | POLLHUP | POLLERR))
        printf("read returns %zd: the end\n", read(p[0], &byte, 1));
    // [/hangup]
}
