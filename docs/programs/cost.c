// What one question costs when one of N descriptors is ready, on select, poll and epoll.
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1000, ROUNDS = 400, REPEATS = 25 };

static int fds[MOST];
static fd_set wanted;
static struct pollfd table[MOST];
static int interest;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

// [ask]
static void ask_select(int n) {
    fd_set asked = wanted; // select overwrites it, so it is copied each time
    struct timeval at_once = {0, 0};
    assert(select(fds[n - 1] + 1, &asked, NULL, NULL, &at_once) == 1);
    int found = 0;
    while (!FD_ISSET(fds[found], &asked))
        found++;
    assert(found == n - 1);
}

static void ask_poll(int n) {
    assert(poll(table, n, 0) == 1);
    int found = 0;
    while (table[found].revents == 0)
        found++;
    assert(found == n - 1);
}

static void ask_epoll(int n) {
    struct epoll_event events[16];
    assert(epoll_wait(interest, events, 16, 0) == 1);
    assert(events[0].data.u32 == (unsigned)n - 1);
}
// [/ask]

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The median of several slices, in microseconds a question.
static double cost(void (*ask)(int), int n) {
    double slices[REPEATS];
    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        for (int round = 0; round < ROUNDS; round++)
            ask(n);
        slices[i] = (now() - start) / ROUNDS;
    }
    qsort(slices, REPEATS, sizeof *slices, compare);
    return slices[REPEATS / 2];
}

static void set_up(int n) {
    FD_ZERO(&wanted);
    interest = epoll_create1(0);
    for (int i = 0; i < n; i++) {
        fds[i] = eventfd(i == n - 1, 0); // the last one is ready, and stays so
        assert(fds[i] >= 0 && fds[i] < FD_SETSIZE);
        FD_SET(fds[i], &wanted);
        table[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        assert(epoll_ctl(interest, EPOLL_CTL_ADD, fds[i], &event) == 0);
    }
}

static void tear_down(int n) {
    for (int i = 0; i < n; i++)
        close(fds[i]);
    close(interest);
}

int main(void) {
    printf("one of N ready, in times of epoll's question at the same N\n");
    printf("N  select  poll  epoll again\n");
    for (int n = 1; n <= MOST; n *= 10) {
        set_up(n);
        double epoll = cost(ask_epoll, n);
        double select = cost(ask_select, n), poll = cost(ask_poll, n);
        double again = cost(ask_epoll, n);
        printf("%d  %.2f  %.2f  %.2f\n", n, select / epoll, poll / epoll, again / epoll);
        tear_down(n);
    }
}
