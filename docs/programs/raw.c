// What lies below a datagram: a raw socket sees the headers too.
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int plain = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
    assert(bind(plain, (struct sockaddr *)&address, length) == 0);
    assert(getsockname(plain, (struct sockaddr *)&address, &length) == 0);

    // [raw]
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
    if (raw < 0) { // raw(7): it takes the capability CAP_NET_RAW
        printf("a raw socket is not for everybody: %s\n", strerror(errno));
        return 0;
    }
    sendto(out, "hello", 5, 0, (struct sockaddr *)&address, length);

    unsigned char bytes[1500];
    ssize_t got = recv(plain, bytes, sizeof bytes, 0);
    printf("datagram socket:  %zd bytes\n", got);

    struct iphdr *ip = (struct iphdr *)bytes;
    struct udphdr *udp;
    do { // every UDP packet of the machine comes by: wait for ours
        got = recv(raw, bytes, sizeof bytes, 0);
        udp = (struct udphdr *)(bytes + 4 * ip->ihl);
    } while (udp->dest != address.sin_port);
    printf("raw socket:  %zd bytes = %d of IP + %zu of UDP + %zu\n", got, 4 * ip->ihl,
           sizeof *udp, got - 4 * ip->ihl - sizeof *udp);
    // [/raw]
    assert(got == 20 + 8 + 5);
}
