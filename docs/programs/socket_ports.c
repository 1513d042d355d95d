// A listening socket and the connections that come out of it: numbers and ports.
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int port_of(int fd, int (*side)(int, struct sockaddr *, socklen_t *)) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    assert(side(fd, (struct sockaddr *)&address, &length) == 0);
    return ntohs(address.sin_port);
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;

    // [ports]
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, sizeof address); // port 0: any free one
    listen(listener, 16);
    getsockname(listener, (struct sockaddr *)&address, &length); // which one was it?

    int client[2], server[2];
    for (int i = 0; i < 2; i++) {
        client[i] = socket(AF_INET, SOCK_STREAM, 0);
        connect(client[i], (struct sockaddr *)&address, sizeof address);
        server[i] = accept(listener, NULL, NULL);
    }
    // [/ports]
    int p = port_of(listener, getsockname);
    int q = port_of(client[0], getsockname), r = port_of(client[1], getsockname);
    assert(p != q && p != r && q != r);
    printf("descriptor  what  own port  other side\n");
    printf("%d  listener  P  -\n", listener);
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "Q" : "R";
        printf("%d  client %d  %s  P\n", client[i], i + 1, name);
        assert(port_of(client[i], getpeername) == p);
        assert(port_of(server[i], getsockname) == p); // not a port of its own
        assert(port_of(server[i], getpeername) == (i == 0 ? q : r));
        printf("%d  accepted %d  P  %s\n", server[i], i + 1, name);
    }
}
