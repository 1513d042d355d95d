// Five ways to wait for a message, on one processor, alone and beside a neighbour that
// has work to do: what the waiting costs, and how late each notices.
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES = 31 };

static int channel[2];
static long calls;
static atomic_int is_over;
static atomic_long work;

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void pause_ms(double ms) {
    struct timespec t = {.tv_sec = 0, .tv_nsec = (long)(ms * 1e6)};
    nanosleep(&t, NULL);
}

static ssize_t ask(double *message) {
    calls++;
    return read(channel[0], message, sizeof *message);
}

// [ways]
static void blocking(double *message) { // the read sleeps until there is something
    ask(message);
}
static void spinning(double *message) { // "and now? and now? and now?"
    while (ask(message) < 0) {
    }
}
static void yielding(double *message) { // the same, politely
    while (ask(message) < 0)
        sched_yield();
}
static void dozing(double *message) { // the same, with a nap of a millisecond
    while (ask(message) < 0)
        pause_ms(1);
}
static void polling(double *message) { // asks the kernel to say when, then reads
    struct pollfd entry = {.fd = channel[0], .events = POLLIN};
    while (ask(message) < 0) {
        calls++;
        poll(&entry, 1, -1);
    }
}
// [/ways]

static void on_processor(int number) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(number, &set);
    sched_setaffinity(0, sizeof set, &set); // where it is refused, the kernel chooses
}

static void *send_messages(void *unused) {
    (void)unused;
    on_processor(1); // another one, if there is
    for (int i = 0; i < MESSAGES; i++) {
        pause_ms(10 + i * 7 % 11); // no beat that the scheduler could share
        double now = seconds(CLOCK_MONOTONIC);
        assert(write(channel[1], &now, sizeof now) == sizeof now);
    }
    return NULL;
}

static void *neighbour(void *unused) {
    (void)unused;
    on_processor(0); // where the waiting takes place
    while (!is_over)
        work++;
    return NULL;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct result {
    double percent, late_us, work;
};

static struct result wait_for_all(void (*wait)(double *), int is_blocking, int has_neighbour) {
    assert(pipe(channel) == 0);
    if (!is_blocking)
        fcntl(channel[0], F_SETFL, O_NONBLOCK);
    is_over = work = calls = 0;
    pthread_t sender, other;
    if (has_neighbour)
        assert(pthread_create(&other, NULL, neighbour, NULL) == 0);
    assert(pthread_create(&sender, NULL, send_messages, NULL) == 0);
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID), start = seconds(CLOCK_MONOTONIC);
    double late[MESSAGES], message;
    for (int i = 0; i < MESSAGES; i++) {
        wait(&message);
        late[i] = (seconds(CLOCK_MONOTONIC) - message) * 1e6;
        assert(late[i] >= 0);
    }
    double wall = seconds(CLOCK_MONOTONIC) - start;
    cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    double done = work / wall;
    is_over = 1;
    pthread_join(sender, NULL);
    if (has_neighbour)
        pthread_join(other, NULL);
    close(channel[0]);
    close(channel[1]);
    qsort(late, MESSAGES, sizeof *late, compare);
    return (struct result){100 * cpu / wall, late[MESSAGES * 9 / 10], done};
}

int main(void) {
    struct {
        const char *name;
        void (*wait)(double *);
    } ways[] = {{"blocking read", blocking}, {"spinning", spinning}, {"spinning, yielding", yielding},
                {"spinning, dozing", dozing}, {"poll, then read", polling}};
    on_processor(0);
    double undisturbed = 0;
    printf("way  CPU %%  calls  late us  neighbour %%  late us beside it\n");
    for (int i = 0; i < 5; i++) {
        struct result alone = wait_for_all(ways[i].wait, i == 0, 0);
        long asked = calls / MESSAGES;
        struct result beside = wait_for_all(ways[i].wait, i == 0, 1);
        if (i == 0)
            undisturbed = beside.work; // who blocks takes next to nothing from it
        printf("%s  %.1f  %ld  %.0f  %.0f  %.0f\n", ways[i].name, alone.percent, asked, alone.late_us,
               100 * beside.work / undisturbed, beside.late_us);
        if (i == 0)
            assert(alone.percent < 50);
    }
}
