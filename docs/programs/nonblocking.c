// What read, write, accept and connect say when they would have to wait.
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char million[1000000];

static const char *said(ssize_t result) {
    static char text[32];
    snprintf(text, sizeof text, "%zd", result);
    return result >= 0 ? text : errno == EAGAIN ? "EAGAIN" : errno == EINPROGRESS ? "EINPROGRESS" : strerror(errno);
}

int main(void) {
    int s[2];
    char bytes[10];
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    // [data]
    for (int i = 0; i < 2; i++)
        fcntl(s[i], F_SETFL, O_NONBLOCK);

    printf("read from an empty socket:  %s\n", said(read(s[0], bytes, 10)));
    printf("write of 1000000 bytes:  %s\n", said(write(s[1], million, sizeof million)));
    printf("write of 1 byte more:  %s\n", said(write(s[1], "x", 1)));
    printf("read of up to 10 bytes:  %s\n", said(read(s[0], bytes, 10)));
    // [/data]

    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert(bind(listener, (struct sockaddr *)&address, length) == 0);
    assert(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    assert(listen(listener, 1) == 0);
    // [connections]
    printf("accept with nobody there:  %s\n", said(accept(listener, NULL, NULL)));

    int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int at_once = connect(client, (struct sockaddr *)&address, length);
    printf("connect:  %s\n", said(at_once));

    struct pollfd wait = {.fd = client, .events = POLLOUT}; // writable: it is decided
    poll(&wait, 1, -1);
    int error;
    socklen_t size = sizeof error;
    getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size); // and this says how
    printf("connect, when it was decided:  %s\n", error == 0 ? "connected" : strerror(error));
    // [/connections]
    assert(error == 0);
}
