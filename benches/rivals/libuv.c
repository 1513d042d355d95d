/* libuv: one uv_poll_t a pipe, its way to watch descriptors that it did not open. */
#include <string.h>

#include <uv.h>

#include "chain.h"

struct rival {
    struct chain chain;
    uv_loop_t loop;
    struct watch {
        uv_poll_t poll;
        struct rival *rival;
        size_t index;
    } *watches;
};

#include "rival.h"

static void on_readable(uv_poll_t *poll, int status, int what)
{
    struct watch *watch = (struct watch *)poll; /* its first member */
    (void)what;
    if (status < 0)
        chain_failed("uv_poll");
    if (chain_event(&watch->rival->chain, watch->index))
        uv_stop(&watch->rival->loop);
}

static const char *rival_attach(struct rival *rival, const char *method)
{
    if (strcmp(method, "epoll") != 0)
        return "libuv has the system's best method only";
    if (uv_loop_init(&rival->loop) != 0)
        return "uv_loop_init fails";
    for (size_t index = 0; index < rival->chain.count; index++) {
        struct watch *watch = &rival->watches[index];
        watch->rival = rival;
        watch->index = index;
        if (uv_poll_init(&rival->loop, &watch->poll, rival->chain.readers[index]) != 0 ||
            uv_poll_start(&watch->poll, UV_READABLE, on_readable) != 0)
            return "uv_poll refuses a descriptor";
    }
    return NULL;
}

static void rival_run(struct rival *rival, size_t tokens, uint64_t events, uint32_t *seen)
{
    chain_begin(&rival->chain, tokens, events, seen);
    uv_run(&rival->loop, UV_RUN_DEFAULT);
}

static void rival_detach(struct rival *rival)
{
    for (size_t index = 0; index < rival->chain.count; index++)
        uv_close((uv_handle_t *)&rival->watches[index].poll, NULL);
    uv_run(&rival->loop, UV_RUN_DEFAULT);
    uv_loop_close(&rival->loop);
}

static const char *rival_version(void)
{
    return uv_version_string();
}
