// An order instead of a question: io_uring reads, and says when it has.
#include <assert.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    int fd;
    struct io_uring_params params;
    char *rings;
    struct io_uring_sqe *orders;
    struct io_uring_cqe *answers;
} ring;

static int set_up(void) {
    ring.fd = syscall(SYS_io_uring_setup, 4, &ring.params);
    if (ring.fd < 0)
        return -1;
    size_t size = ring.params.cq_off.cqes + ring.params.cq_entries * sizeof *ring.answers;
    size_t array = ring.params.sq_off.array + ring.params.sq_entries * sizeof(unsigned);
    ring.rings = mmap(NULL, size > array ? size : array, PROT_READ | PROT_WRITE, MAP_SHARED,
                      ring.fd, IORING_OFF_SQ_RING);
    ring.orders = mmap(NULL, 4 * sizeof *ring.orders, PROT_READ | PROT_WRITE, MAP_SHARED,
                       ring.fd, IORING_OFF_SQES);
    assert(ring.rings != MAP_FAILED && ring.orders != MAP_FAILED);
    ring.answers = (void *)(ring.rings + ring.params.cq_off.cqes);
    return 0;
}

static unsigned *at(unsigned offset) { return (unsigned *)(ring.rings + offset); }

static void order(struct io_uring_sqe sqe) { // puts one into the submission ring
    unsigned tail = *at(ring.params.sq_off.tail);
    unsigned slot = tail & *at(ring.params.sq_off.ring_mask);
    ring.orders[slot] = sqe;
    at(ring.params.sq_off.array)[slot] = slot;
    __atomic_store_n(at(ring.params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
}

static int enter(unsigned submit, unsigned wait) { // the one system call
    return syscall(SYS_io_uring_enter, ring.fd, submit, wait,
                   wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
}

static int answered(void) { // how many answers lie in the completion ring
    return __atomic_load_n(at(ring.params.cq_off.tail), __ATOMIC_ACQUIRE) -
           *at(ring.params.cq_off.head);
}

int main(void) {
    if (set_up() != 0) {
        printf("io_uring is not to be had here: %s\n", strerror(errno));
        return 0;
    }
    int s[2];
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    // [order]
    char buffer[16] = "......";
    order((struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = s[0], .off = -1,
                                .addr = (unsigned long)buffer, .len = sizeof buffer});
    enter(1, 0); // hands the order over and does not wait
    printf("ordered:  %d answers, buffer \"%.5s\"\n", answered(), buffer);

    assert(write(s[1], "hello", 5) == 5); // the other side sends
    enter(0, 1); // sleeps until an answer is there
    struct io_uring_cqe answer = ring.answers[*at(ring.params.cq_off.head) &
                                              *at(ring.params.cq_off.ring_mask)];
    printf("answered:  %d bytes, buffer \"%.5s\"\n", answer.res, buffer);
    // [/order]
    assert(answer.res == 5 && memcmp(buffer, "hello", 5) == 0);
}
