// "select burns the processor while it waits": a second of each, and what it took.
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(void) {
    enum { N = 500 };
    fd_set asked;
    FD_ZERO(&asked);
    static struct pollfd table[N];
    int set = epoll_create1(0), top = 0;
    for (int i = 0; i < N; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        int fd = eventfd(0, 0); // quiet
        FD_SET(fd, &asked);
        table[i] = (struct pollfd){.fd = fd, .events = POLLIN};
        epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
        top = fd + 1;
    }
    // [burns]
    struct timeval second = {.tv_sec = 1};
    struct epoll_event event;
    double start = cpu_ms();
    select(top, &asked, NULL, NULL, &second);
    double after_select = cpu_ms();
    poll(table, N, 1000);
    double after_poll = cpu_ms();
    epoll_wait(set, &event, 1, 1000);
    double after_epoll = cpu_ms();

    printf("processor time for a second of waiting for %d descriptors\n", N);
    printf("select  %.2f ms\n", after_select - start);
    printf("poll    %.2f ms\n", after_poll - after_select);
    printf("epoll   %.2f ms\n", after_epoll - after_poll);
    // [/burns]
    assert(after_epoll - start < 1000);
}
