// EPOLLONESHOT reports once and is silent, hang-up included, until it is armed again.
#include <assert.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

int main(void) {
    int p[2];
    assert(pipe(p) == 0);
    // [oneshot]
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event once = {.events = EPOLLIN | EPOLLONESHOT}, event;
    assert(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &once) == 0);

    assert(write(p[1], "x", 1) == 1);
    printf("a byte came:  %d\n", epoll_wait(set, &event, 1, 0));
    close(p[1]); // and now the writer hangs up
    int silent = epoll_wait(set, &event, 1, 0);
    printf("and a hang-up:  %d\n", silent);
    assert(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &once) == 0);
    int armed = epoll_wait(set, &event, 1, 0);
    printf("armed again:  %d\n", armed);
    // [/oneshot]
    assert(silent == 0 && armed == 1);
}
