// Many threads, each asleep in a read of its own: what they cost.
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1000 };
static int pairs[MOST][2];

// [thread]
static void *serve(void *number) {
    int *pair = pairs[(long)number];
    char line[64];
    ssize_t length;
    while ((length = read(pair[0], line, sizeof line)) > 0) // sleeps here
        if (write(pair[0], line, length) != length)
            break;
    return NULL;
}
// [/thread]

static long status(const char *name) { // of /proc/self/status, in KiB
    FILE *file = fopen("/proc/self/status", "r");
    char line[128];
    long value = -1;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = atol(line + strlen(name));
    fclose(file);
    return value;
}

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    long resident = status("VmRSS:"), reserved = status("VmSize:");
    static pthread_t threads[MOST];
    for (long i = 0; i < MOST; i++) {
        assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]) == 0);
        assert(pthread_create(&threads[i], NULL, serve, (void *)i) == 0);
    }
    char byte = 'x';
    for (int i = 0; i < MOST; i++) { // one round: every thread has run
        assert(write(pairs[i][1], &byte, 1) == 1 && read(pairs[i][1], &byte, 1) == 1);
    }
    printf("threads:  %d\n", MOST);
    printf("memory used, a thread:  %ld KiB\n", (status("VmRSS:") - resident) / MOST);
    printf("addresses reserved, a thread:  %ld KiB\n", (status("VmSize:") - reserved) / MOST);

    double before = cpu_ms();
    sleep(1); // nobody says anything
    double waiting = cpu_ms() - before;
    printf("processor time, all of them asleep for 1 s:  %.1f ms\n", waiting);
    assert(waiting < 500);

    struct rusage start, end;
    getrusage(RUSAGE_SELF, &start);
    before = cpu_ms();
    for (int i = 0; i < MOST; i++)
        assert(write(pairs[i][1], &byte, 1) == 1 && read(pairs[i][1], &byte, 1) == 1);
    getrusage(RUSAGE_SELF, &end);
    double switches = end.ru_nvcsw - start.ru_nvcsw;
    printf("one line and its answer:  %.0f us of processor, %.1f changes of thread\n",
           (cpu_ms() - before) * 1000 / MOST, switches / MOST);
    for (int i = 0; i < MOST; i++)
        shutdown(pairs[i][1], SHUT_RDWR);
    for (int i = 0; i < MOST; i++)
        pthread_join(threads[i], NULL);
}
