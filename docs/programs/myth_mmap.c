// "epoll shares its events with the program by mmap": count the mappings.
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int mappings_of_epoll(int *all) {
    static char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    int epoll = 0;
    *all = 0;
    while (fgets(line, sizeof line, maps)) {
        ++*all;
        epoll += strstr(line, "epoll") != NULL;
    }
    fclose(maps);
    return epoll;
}

int main(void) {
    int before, after;
    mappings_of_epoll(&before);
    mappings_of_epoll(&before); // the second time: stdio has its buffers
    // [mmap]
    int set = epoll_create1(0);
    struct epoll_event events[100], event = {.events = EPOLLIN};
    for (int i = 0; i < 100; i++)
        epoll_ctl(set, EPOLL_CTL_ADD, eventfd(1, 0), &event);
    int found = epoll_wait(set, events, 100, 0);

    int of_epoll = mappings_of_epoll(&after);
    printf("events:  %d\n", found);
    printf("mappings added:  %d\n", after - before);
    printf("mappings of epoll:  %d\n", of_epoll);
    // [/mmap]
    assert(found == 100 && of_epoll == 0 && after == before);
}
