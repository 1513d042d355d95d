// Interest in writing that is left on after everything was written.
#include <assert.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    int s[2];
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    int set = epoll_create1(EPOLL_CLOEXEC);
    // [write]
    struct epoll_event both = {.events = EPOLLIN | EPOLLOUT}, event;
    epoll_ctl(set, EPOLL_CTL_ADD, s[0], &both); // there was something to write, once

    int returns = 0;
    while (returns < 1000 && epoll_wait(set, &event, 1, -1) == 1)
        returns++; // "writable", and nothing to write
    printf("interest left on:  %d returns, none of them after a sleep\n", returns);

    struct epoll_event input = {.events = EPOLLIN};
    epoll_ctl(set, EPOLL_CTL_MOD, s[0], &input); // nothing left to write: say so
    printf("taken off:  %d returns in 50 ms\n", epoll_wait(set, &event, 1, 50));
    // [/write]
    assert(returns == 1000);
}
