// Edge-triggered epoll tells of an arrival once, whether or not all was read.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int watch(int fd, unsigned how) {
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | how};
    assert(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
    return set;
}

int main(void) {
    int s[2];
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0);
    // [edge]
    int level = watch(s[0], 0), edge = watch(s[0], EPOLLET);
    struct epoll_event event;
    char bytes[16];

    assert(write(s[1], "hello", 5) == 5);
    printf("5 bytes came:  level %d, edge %d\n",
           epoll_wait(level, &event, 1, 0), epoll_wait(edge, &event, 1, 0));

    assert(read(s[0], bytes, 2) == 2); // three bytes stay in the socket
    int by_level = epoll_wait(level, &event, 1, 0);
    int by_edge = epoll_wait(edge, &event, 1, 0);
    printf("2 of them read:  level %d, edge %d\n", by_level, by_edge);
    assert(by_level == 1 && by_edge == 0); // edge: three bytes, and silence

    assert(write(s[1], "!", 1) == 1);
    printf("1 more came:  level %d, edge %d\n",
           epoll_wait(level, &event, 1, 0), epoll_wait(edge, &event, 1, 0));

    // The rule: after an edge, read until the socket says EAGAIN.
    int reads = 0;
    while (read(s[0], bytes, 2) > 0)
        reads++;
    printf("read to the end:  %d reads, then %s\n", reads,
           errno == EAGAIN ? "EAGAIN" : "an error");
    // [/edge]
    assert(reads == 2 && epoll_wait(level, &event, 1, 0) == 0);
}
