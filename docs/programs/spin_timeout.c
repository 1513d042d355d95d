// A timer is due in 0.4 ms. poll counts whole milliseconds.
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

static double ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

// [timeout]
static int rounded_down(double left) { return (int)left; }
static int rounded_up(double left) { return left > (int)left ? (int)left + 1 : (int)left; }

static int polls_until_due(int (*round)(double), double *late) {
    double due = ms() + 0.4;
    int polls = 0;
    for (double left = 0.4; left > 0; left = due - ms()) {
        poll(NULL, 0, round(left)); // nobody to hear of: only the time
        polls++;
    }
    *late = ms() - due;
    return polls;
}
// [/timeout]

int main(void) {
    double late;
    int polls = 0;
    for (int i = 0; i < 100 && polls < 2; i++) // again, if others had the processor meanwhile
        polls = polls_until_due(rounded_down, &late);
    printf("rounded down:  %d polls, none of which slept\n", polls);
    assert(polls > 1 && late >= 0);
    polls = polls_until_due(rounded_up, &late);
    printf("rounded up:  %d poll, which did\n", polls);
    assert(polls == 1 && late >= 0);
}
