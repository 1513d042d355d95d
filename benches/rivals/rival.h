/* What every library's file defines, and what is the same in all.
 *
 * Included after `struct rival`, which has a `struct chain chain`, `struct watch *watches`,
 * one a pipe, and the library's loop. */
#ifndef RIVAL_H
#define RIVAL_H

/* Opens the loop and watches all pipes. A message if that fails, NULL if not. */
static const char *rival_attach(struct rival *rival, const char *method);

/* Passes `events` events on. Those of each pipe are counted in `seen` unless it is NULL. */
static void rival_run(struct rival *rival, size_t tokens, uint64_t events, uint32_t *seen);

/* Watches nothing any more and closes the loop. */
static void rival_detach(struct rival *rival);

/* The version of the library that was loaded. */
static const char *rival_version(void);

/* A rival among these pipes; the arrays must outlive it. NULL if there is no memory. */
static struct rival *rival_new(size_t count, const int *readers, const int *writers,
                               const size_t *next)
{
    struct rival *rival = calloc(1, sizeof *rival);
    struct watch *watches = calloc(count, sizeof *watches);
    if (!rival || !watches) {
        free(rival);
        free(watches);
        return NULL;
    }
    rival->chain = (struct chain){
        .count = count, .readers = readers, .writers = writers, .next = next};
    rival->watches = watches;
    return rival;
}

static void rival_free(struct rival *rival)
{
    free(rival->watches);
    free(rival);
}

/* All of it, in the order of `Functions` in src/foreign/sys.rs. */
const struct rival_functions {
    struct rival *(*new)(size_t, const int *, const int *, const size_t *);
    const char *(*attach)(struct rival *, const char *);
    void (*run)(struct rival *, size_t, uint64_t, uint32_t *);
    void (*detach)(struct rival *);
    void (*free)(struct rival *);
    const char *(*version)(void);
} rival_functions = {rival_new,    rival_attach, rival_run,
                     rival_detach, rival_free,   rival_version};

#endif
