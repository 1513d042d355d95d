// A thousand datagrams to somebody who is busy with other things.
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int in = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    int out = socket(AF_INET, SOCK_DGRAM, 0);
    assert(bind(in, (struct sockaddr *)&address, length) == 0);
    assert(getsockname(in, (struct sockaddr *)&address, &length) == 0);
    // [loss]
    int room = 64 * 1024; // of the receiver's buffer
    setsockopt(in, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);

    char datagram[1000] = "";
    int sent = 0, received = 0;
    for (int i = 0; i < 1000; i++)
        sent += sendto(out, datagram, sizeof datagram, 0, (struct sockaddr *)&address,
                       length) == sizeof datagram;
    while (recv(in, datagram, sizeof datagram, 0) > 0)
        received++;
    printf("sent, as sendto says:  %d\nreceived:  %d\n", sent, received);
    // [/loss]
    assert(sent == 1000 && received > 0 && received < 1000);
}
