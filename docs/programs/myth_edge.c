// "Edge-triggered is faster": the same messages by level and by edge.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 2000, REPEATS = 15 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

// [edge]
static int by_level(int set, int fd) { // one read an event: what is left is told again
    struct epoll_event event;
    char bytes[512];
    epoll_wait(set, &event, 1, -1);
    return 1 + (read(fd, bytes, sizeof bytes) > 0);
}

static int by_edge(int set, int fd) { // must read until there is no more
    struct epoll_event event;
    char bytes[512];
    int calls = 2;
    epoll_wait(set, &event, 1, -1);
    while (read(fd, bytes, sizeof bytes) > 0)
        calls++;
    return calls;
}
// [/edge]

static double slice(int (*serve)(int, int), unsigned how, double *calls) {
    int s[2];
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0);
    int set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | how};
    assert(epoll_ctl(set, EPOLL_CTL_ADD, s[0], &event) == 0);
    double start = now(), sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        assert(write(s[1], "hello", 5) == 5);
        sum += serve(set, s[0]);
    }
    double time = now() - start;
    close(s[0]), close(s[1]), close(set);
    *calls = sum / ROUNDS;
    return time;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void) {
    double ratios[REPEATS], noise[REPEATS], level_calls, edge_calls;
    for (int i = 0; i < REPEATS; i++) {
        double level = slice(by_level, 0, &level_calls);
        double edge = slice(by_edge, EPOLLET, &edge_calls);
        double again = slice(by_level, 0, &level_calls);
        ratios[i] = 2 * edge / (level + again);
        noise[i] = again / level;
    }
    qsort(ratios, REPEATS, sizeof *ratios, compare);
    qsort(noise, REPEATS, sizeof *noise, compare);
    printf("system calls a message, by level:  %.1f\n", level_calls);
    printf("system calls a message, by edge:  %.1f\n", edge_calls);
    printf("time by edge, in times of level:  %.2f\n", ratios[REPEATS / 2]);
    printf("level against itself:  %.2f\n", noise[REPEATS / 2]);
    assert(level_calls == 2 && edge_calls == 3);
}
