/* libevent: one persistent event a pipe, no locks, no environment. */
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "chain.h"

struct rival {
    struct chain chain;
    struct event_base *base;
    struct watch {
        struct event event;
        struct rival *rival;
        size_t index;
    } *watches;
};

#include "rival.h"

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
    struct watch *watch = argument;
    (void)fd;
    (void)what;
    if (chain_event(&watch->rival->chain, watch->index))
        event_base_loopbreak(watch->rival->base);
}

static struct event_base *open_base(const char *method)
{
    struct event_config *config = event_config_new();
    const char **methods = event_get_supported_methods();
    for (; *methods; methods++)
        if (strcmp(*methods, method) != 0)
            event_config_avoid_method(config, *methods);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static const char *rival_attach(struct rival *rival, const char *method)
{
    rival->base = open_base(method);
    if (!rival->base)
        return "libevent does not have this method";
    for (size_t index = 0; index < rival->chain.count; index++) {
        struct watch *watch = &rival->watches[index];
        watch->rival = rival;
        watch->index = index;
        event_assign(&watch->event, rival->base, rival->chain.readers[index],
                     EV_READ | EV_PERSIST, on_readable, watch);
        if (event_add(&watch->event, NULL) != 0)
            return "event_add refuses a descriptor";
    }
    return NULL;
}

static void rival_run(struct rival *rival, size_t tokens, uint64_t events, uint32_t *seen)
{
    chain_begin(&rival->chain, tokens, events, seen);
    event_base_dispatch(rival->base);
}

static void rival_detach(struct rival *rival)
{
    for (size_t index = 0; index < rival->chain.count; index++)
        event_del(&rival->watches[index].event);
    event_base_free(rival->base);
    rival->base = NULL;
}

static const char *rival_version(void)
{
    return event_get_version();
}
