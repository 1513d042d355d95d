/* libev: one ev_io a pipe.
 *
 * A loop is opened for each slice and destroyed after it, since ev_io_stop() leaves the
 * descriptor in the epoll set: each write would go on waking it. */
#include <ev.h>
#include <string.h>

#include "chain.h"

struct rival {
    struct chain chain;
    struct ev_loop *loop;
    struct watch {
        ev_io io;
        struct rival *rival;
        size_t index;
    } *watches;
};

#include "rival.h"

static void on_readable(struct ev_loop *loop, ev_io *io, int what)
{
    struct watch *watch = (struct watch *)io; /* its first member */
    (void)what;
    if (chain_event(&watch->rival->chain, watch->index))
        ev_break(loop, EVBREAK_ONE);
}

static unsigned backend_of(const char *method)
{
    if (strcmp(method, "epoll") == 0)
        return EVBACKEND_EPOLL;
    if (strcmp(method, "poll") == 0)
        return EVBACKEND_POLL;
    if (strcmp(method, "select") == 0)
        return EVBACKEND_SELECT;
    return 0;
}

static const char *rival_attach(struct rival *rival, const char *method)
{
    unsigned backend = backend_of(method);
    rival->loop = backend ? ev_loop_new(backend | EVFLAG_NOENV) : NULL;
    if (!rival->loop)
        return "libev does not have this method";
    if (ev_backend(rival->loop) != backend)
        return "libev chose another method";
    for (size_t index = 0; index < rival->chain.count; index++) {
        struct watch *watch = &rival->watches[index];
        watch->rival = rival;
        watch->index = index;
        ev_io_init(&watch->io, on_readable, rival->chain.readers[index], EV_READ);
        ev_io_start(rival->loop, &watch->io);
    }
    return NULL;
}

static void rival_run(struct rival *rival, size_t tokens, uint64_t events, uint32_t *seen)
{
    chain_begin(&rival->chain, tokens, events, seen);
    ev_run(rival->loop, 0);
}

static void rival_detach(struct rival *rival)
{
    for (size_t index = 0; index < rival->chain.count; index++)
        ev_io_stop(rival->loop, &rival->watches[index].io);
    ev_loop_destroy(rival->loop);
    rival->loop = NULL;
}

static const char *rival_version(void)
{
    static char text[32];
    snprintf(text, sizeof text, "%d.%d", ev_version_major(), ev_version_minor());
    return text;
}
