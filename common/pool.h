/*
 * pool.h - the handlers that run side by side
 *
 * A fixed number of places; the one who starts a runner in one, or takes it out,
 * keeps `running` true.  Functions that go over all look at the places that are
 * used only.
 */
#ifndef COMMON_POOL_H
#define COMMON_POOL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/id.h"
#include "common/runner.h"
#include "common/verdict.h"

struct pool {
	struct runner *runner; /* size of them */
	size_t size, running;
	struct id *ids;     /* private: room for size */
	struct pollfd *pfd; /* private: of the last pool_wait() */
};

void pool_init(struct pool *p, size_t size);
void pool_release(struct pool *p);

/* A place that is free, or NULL. */
struct runner *pool_place(struct pool *p);

/* Whether an entry runs; tell all that do of a stream. */
bool pool_has(const struct pool *p, size_t stream, struct id id);
void pool_each(const struct pool *p, size_t stream,
	       void (*tell)(void *to, struct id id, int64_t deliveries),
	       void *to);

/* Renew the leases of what runs of a stream, and end the handlers of what others
 * have taken over: no verdict of theirs counts.  0, or -1. */
int pool_hold(struct pool *p, struct verdict *v, size_t stream);

/* End all that were not ended before. */
void pool_end(struct pool *p);

/* When a handler has to be looked at without being woken; INT64_MAX. */
int64_t pool_due(const struct pool *p);

/* poll(2) for these descriptors (p->pfd, the first `count`) and for what the
 * handlers wait for, at most timeout_ms, and let them read and write.  The
 * first ones' revents are set. */
enum { POOL_FDS = 4 };
void pool_wait(struct pool *p, size_t count, int timeout_ms);

#endif
