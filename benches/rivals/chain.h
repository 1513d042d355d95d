/* The pipe chain in C: the workload of src/scenarios/chain.rs, with the same pipes, the
 * same order and the same calls, so that only the event loop around it differs.
 *
 * Each library's file opens its loop with all pipes in it and calls chain_event() from
 * its callback. The loop runs until
 * chain_event() says that it is done, as a program's loop would; it is not entered anew
 * for every event. */
#ifndef CHAIN_H
#define CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct chain {
    size_t count;         /* pipes */
    const int *readers;   /* their read ends */
    const int *writers;   /* their write ends */
    const size_t *next;   /* the pipe that is visited after each */
    bool has_bursts;      /* all pipes are written at once */
    uint64_t to_read;     /* events that are left */
    uint64_t to_write;    /* bytes that are left to write */
    uint64_t in_burst;    /* events that are left of this burst */
    uint32_t *seen;       /* events of each pipe; NULL when nobody asks */
};

static inline void chain_failed(const char *call)
{
    perror(call);
    fprintf(stderr, "an event was told that was not there, or twice\n");
    abort();
}

static inline void chain_put(const struct chain *chain, size_t index)
{
    const char byte = 1;
    if (write(chain->writers[index], &byte, 1) != 1)
        chain_failed("write of one byte");
}

static inline void chain_take(const struct chain *chain, size_t index)
{
    char byte;
    if (read(chain->readers[index], &byte, 1) != 1)
        chain_failed("read of one byte");
}

static inline void chain_burst(struct chain *chain)
{
    chain->in_burst = chain->to_write < chain->count ? chain->to_write : chain->count;
    chain->to_write -= chain->in_burst;
    for (size_t index = 0; index < chain->in_burst; index++)
        chain_put(chain, index);
}

/* Writes the first bytes. */
static inline void chain_begin(struct chain *chain, size_t tokens, uint64_t events,
                               uint32_t *seen)
{
    chain->has_bursts = tokens == chain->count && tokens > 1;
    chain->to_read = events;
    chain->to_write = events;
    chain->seen = seen;
    if (chain->has_bursts) {
        chain_burst(chain);
        return;
    }
    size_t spacing = chain->count / tokens;
    for (size_t token = 0; token < tokens && chain->to_write > 0; token++) {
        chain->to_write--;
        chain_put(chain, token * spacing);
    }
}

/* Does what an event of pipe `index` asks for. True if it was the last one. */
static inline bool chain_event(struct chain *chain, size_t index)
{
    chain_take(chain, index);
    chain->to_read--;
    if (chain->seen)
        chain->seen[index]++;
    if (chain->has_bursts) {
        if (--chain->in_burst == 0 && chain->to_write > 0)
            chain_burst(chain);
    } else if (chain->to_write > 0) {
        chain->to_write--;
        chain_put(chain, chain->next[index]);
    }
    return chain->to_read == 0;
}

#endif
