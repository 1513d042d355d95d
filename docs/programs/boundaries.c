// Two sends, then one receive: what a stream and what datagrams make of it.
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// Two sockets that are connected with one another by the loopback device.
static void connected(int kind, int pair[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int first = socket(AF_INET, kind, 0);
    pair[1] = socket(AF_INET, kind, 0);
    assert(bind(first, (struct sockaddr *)&address, length) == 0);
    assert(getsockname(first, (struct sockaddr *)&address, &length) == 0);
    if (kind == SOCK_STREAM)
        assert(listen(first, 1) == 0);
    assert(connect(pair[1], (struct sockaddr *)&address, length) == 0);
    pair[0] = kind == SOCK_STREAM ? accept(first, NULL, NULL) : first;
}

static void wait_for_all(int fd, int bytes) {
    int there = 0;
    while (there < bytes)
        assert(ioctl(fd, FIONREAD, &there) == 0);
}

int main(void) {
    int tcp[2], udp[2];
    connected(SOCK_STREAM, tcp);
    connected(SOCK_DGRAM, udp);
    char text[100];
    // [two]
    send(tcp[1], "hello ", 6, 0);
    send(tcp[1], "world", 5, 0);
    wait_for_all(tcp[0], 11); // both are there
    printf("TCP:  %zd bytes in one receive\n", recv(tcp[0], text, sizeof text, 0));

    send(udp[1], "hello ", 6, 0);
    send(udp[1], "world", 5, 0);
    ssize_t first = recv(udp[0], text, sizeof text, 0);
    ssize_t second = recv(udp[0], text, sizeof text, 0);
    printf("UDP:  %zd bytes, then %zd\n", first, second);
    // [/two]
    assert(first == 6 && second == 5);

    // [small]
    send(udp[1], "hello world", 11, 0);
    send(udp[1], "next", 4, 0);
    ssize_t part = recv(udp[0], text, 5, 0); // room for five bytes only
    ssize_t after = recv(udp[0], text, sizeof text, 0);
    printf("UDP, room for 5:  %zd bytes, then \"%.*s\"\n", part, (int)after, text);
    // [/small]
    assert(part == 5 && after == 4 && memcmp(text, "next", 4) == 0);
}
