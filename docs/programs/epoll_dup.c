// epoll watches the open file, not its number: a closed descriptor whose file lives on
// under another number goes on reporting, and can no longer be taken out.
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

int main(void) {
    int p[2];
    assert(pipe(p) == 0);
    // [dup]
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = p[0]};
    assert(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &event) == 0);

    int second = dup(p[0]); // or a child process that inherited it
    close(p[0]);            // "this one is done with"

    assert(write(p[1], "x", 1) == 1);
    int ready = epoll_wait(set, &event, 1, 0);
    printf("%d event, for descriptor %s\n", ready,
           event.data.fd == second ? "second" : "the closed one");
    int gone = epoll_ctl(set, EPOLL_CTL_DEL, p[0], NULL);
    printf("taking it out:  %s\n", gone == 0 ? "done" : strerror(errno));
    // [/dup]
    assert(ready == 1 && gone == -1 && errno == EBADF);
}
