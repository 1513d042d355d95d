// The same read and write for a file, a pipe and a socket; and where it ends.
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

// [same]
static void try(const char *what, int in, int out) {
    char text[16] = "";
    assert(write(out, "hello", 5) == 5); // one function for all
    lseek(in, 0, SEEK_SET);              // a file has a place to go back to; others refuse
    assert(read(in, text, sizeof text) == 5);
    struct stat about;
    fstat(in, &about);
    ssize_t sent = send(out, "x", 1, 0); // this one is for sockets only
    printf("%s  read gives \"%s\"  is a socket: %s  send: %s\n", what, text,
           S_ISSOCK(about.st_mode) ? "yes" : "no",
           sent == 1 ? "works" : strerror(errno));
}
// [/same]

int main(void) {
    FILE *file = tmpfile();
    int pipes[2], sockets[2];
    assert(file && pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    try("file  ", fileno(file), fileno(file));
    try("pipe  ", pipes[0], pipes[1]);
    try("socket", sockets[0], sockets[1]);
    fclose(file);
}
