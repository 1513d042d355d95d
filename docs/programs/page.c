// One page on its way: what a browser and a web server call, one after the other.
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void says(const char *who, const char *call, const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    printf("%s  %s  ", who, call);
    vprintf(format, rest);
    printf("\n");
    va_end(rest);
}

int main(void) {
    const char *server = "server ", *browser = "browser";
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK); // this machine; port 0: any free one
    socklen_t length = sizeof address;

    // [page]
    int door = socket(AF_INET, SOCK_STREAM, 0);
    says(server, "socket", "descriptor %d: an endpoint, without address", door);
    bind(door, (struct sockaddr *)&address, length);
    listen(door, 16);
    getsockname(door, (struct sockaddr *)&address, &length);
    says(server, "bind, listen", "it has a port now, and a queue behind it");

    int far = socket(AF_INET, SOCK_STREAM, 0);
    connect(far, (struct sockaddr *)&address, length); // three packets: SYN, SYN+ACK, ACK
    says(browser, "socket, connect", "descriptor %d: connected; nobody has accepted yet", far);

    int near = accept(door, NULL, NULL);
    says(server, "accept", "descriptor %d: a socket for this visitor alone", near);

    const char *request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    ssize_t sent = send(far, request, strlen(request), 0);
    says(browser, "send", "%zd bytes: \"%.14s ...\"", sent, request);

    char bytes[1000];
    ssize_t got = recv(near, bytes, sizeof bytes, 0);
    says(server, "recv", "%zd bytes: it reads what is wanted", got);

    const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<h1>Hello</h1>";
    sent = send(near, answer, strlen(answer), 0);
    says(server, "send", "%zd bytes: \"%.15s ...\"", sent, answer);
    close(near);
    says(server, "close", "descriptor %d may be used again", near);

    got = recv(far, bytes, sizeof bytes, 0);
    says(browser, "recv", "%zd bytes: it has the page", got);
    got = recv(far, bytes, sizeof bytes, 0);
    says(browser, "recv", "%zd bytes: that is the end", got);
    close(far);
    // [/page]
    assert(got == 0);
}
