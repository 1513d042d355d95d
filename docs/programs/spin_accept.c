// A visitor is at the door, and there is no descriptor left for him.
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert(bind(listener, (struct sockaddr *)&address, length) == 0);
    assert(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    assert(listen(listener, 8) == 0);
    int visitor = socket(AF_INET, SOCK_STREAM, 0);
    int reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert(connect(visitor, (struct sockaddr *)&address, length) == 0);
    struct rlimit full = {.rlim_cur = reserve + 1, .rlim_max = reserve + 1};
    assert(setrlimit(RLIMIT_NOFILE, &full) == 0);

    // [accept]
    struct pollfd door = {.fd = listener, .events = POLLIN};
    int failures = 0;
    while (failures < 1000 && poll(&door, 1, -1) == 1 && accept(listener, NULL, NULL) < 0)
        failures += errno == EMFILE; // logged, and back to poll
    printf("accept fails, poll says ready:  %d times\n", failures);

    // A descriptor kept in reserve: give it up, let the visitor in, send him away.
    close(reserve);
    int guest = accept(listener, NULL, NULL);
    close(guest);
    reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char byte;
    printf("with one in reserve:  the visitor reads %zd, and poll finds %d\n",
           read(visitor, &byte, 1), poll(&door, 1, 0));
    // [/accept]
    assert(failures == 1000 && guest >= 0 && reserve >= 0);
}
