// poll's table is question and answer at once, and survives the call.
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    int a[2], b[2], c[2];
    assert(pipe(a) == 0 && pipe(b) == 0 && pipe(c) == 0);
    // [table]
    struct pollfd table[] = {
        {.fd = a[0], .events = POLLIN},
        {.fd = ~b[0], .events = POLLIN}, // below zero: left out, but keeps its place
        {.fd = c[0], .events = POLLIN},
    };
    assert(write(b[1], "x", 1) == 1 && write(c[1], "x", 1) == 1);

    for (int round = 1; round <= 2; round++) {
        int ready = poll(table, 3, 0);
        printf("round %d:  %d ready ", round, ready);
        for (int i = 0; i < 3; i++)
            printf(" %c=%s", 'a' + i, table[i].revents & POLLIN ? "POLLIN" : "0");
        printf("\n");
        table[1].fd = ~table[1].fd; // from now on b is asked about, too
    }
    // [/table]
    assert(table[1].revents == POLLIN && table[2].revents == POLLIN);
}
