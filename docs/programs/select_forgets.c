// select overwrites the sets it is given: a program that does not fill them anew
// goes deaf on every descriptor that was not ready.
#include <assert.h>
#include <stdio.h>
#include <sys/select.h>
#include <unistd.h>

int main(void) {
    int a[2], b[2];
    assert(pipe(a) == 0 && pipe(b) == 0);
    int top = b[0] + 1;

    // [forgets]
    fd_set asked;
    FD_ZERO(&asked);
    FD_SET(a[0], &asked); // ask about both
    FD_SET(b[0], &asked);

    assert(write(a[1], "x", 1) == 1);
    int ready = select(top, &asked, NULL, NULL, NULL);
    printf("data in a:  %d ready, b is %s the set\n", ready,
           FD_ISSET(b[0], &asked) ? "in" : "out of");
    char byte;
    assert(read(a[0], &byte, 1) == 1);

    assert(write(b[1], "x", 1) == 1); // now b has data, and nobody asks about it
    struct timeval at_once = {0, 0};
    ready = select(top, &asked, NULL, NULL, &at_once);
    printf("data in b:  %d ready\n", ready);
    assert(ready == 0);
    // [/forgets]

    FD_ZERO(&asked);
    FD_SET(a[0], &asked);
    FD_SET(b[0], &asked);
    ready = select(top, &asked, NULL, NULL, &at_once);
    printf("filled anew:  %d ready\n", ready);
    assert(ready == 1 && FD_ISSET(b[0], &asked));
}
