#include <assert.h>
#include <poll.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/pool.h"
#include "common/when.h"

enum { KILL_MS = 5000 /* from SIGTERM to SIGKILL */ };

void
pool_init(struct pool *p, size_t size)
{
	*p = (struct pool){
		.runner = xcalloc(size, sizeof(*p->runner)),
		.size = size,
		.ids = xcalloc(size, sizeof(*p->ids)),
		.pfd = xcalloc(POOL_FDS + size * HANDLER_FDS, sizeof(*p->pfd)),
	};
}

void
pool_release(struct pool *p)
{
	size_t i;

	for (i = 0; i < p->size; i++)
		runner_free(&p->runner[i]);
	free(p->runner);
	free(p->ids);
	free(p->pfd);
	*p = (struct pool){ 0 };
}

struct runner *
pool_place(struct pool *p)
{
	size_t i;

	for (i = 0; p->running < p->size && i < p->size; i++)
		if (!p->runner[i].used)
			return &p->runner[i];
	return NULL;
}

static bool
is_run_of(const struct runner *run, size_t stream, struct id id)
{
	return run->used && run->job.stream == stream &&
	       id_compare(run->job.id, id) == 0;
}

bool
pool_has(const struct pool *p, size_t stream, struct id id)
{
	size_t i;

	for (i = 0; i < p->size; i++)
		if (is_run_of(&p->runner[i], stream, id))
			return true;
	return false;
}

/* What was lost is another consumer's. */
static bool
is_held(const struct runner *run, size_t stream)
{
	return run->used && !run->lost && run->job.stream == stream;
}

void
pool_each(const struct pool *p, size_t stream,
	  void (*tell)(void *to, struct id id, int64_t deliveries), void *to)
{
	size_t i;

	for (i = 0; i < p->size; i++)
		if (is_held(&p->runner[i], stream))
			tell(to, p->runner[i].job.id,
			     p->runner[i].job.deliveries);
}

int
pool_hold(struct pool *p, struct verdict *v, size_t stream)
{
	struct reply *r;
	size_t count = 0, i, k;

	for (i = 0; i < p->size; i++)
		if (is_held(&p->runner[i], stream))
			p->ids[count++] = p->runner[i].job.id;
	if (count == 0)
		return 0;
	r = verdict_hold(v, stream, p->ids, count);
	if (r == NULL)
		return -1;
	for (k = 1; k < r->count; k++)
		for (i = 0; i < p->size; i++) {
			struct runner *run = &p->runner[i];
			struct id lost;

			if (reply_id(r, k, &lost) < 0 ||
			    !is_run_of(run, stream, lost))
				continue;
			run->lost = true;
			handler_end(&run->handler, when_monotonic(), KILL_MS);
		}
	return 0;
}

void
pool_end(struct pool *p)
{
	int64_t now = when_monotonic();
	size_t i;

	for (i = 0; i < p->size; i++)
		if (p->runner[i].used && !p->runner[i].handler.ended)
			handler_end(&p->runner[i].handler, now, KILL_MS);
}

int64_t
pool_due(const struct pool *p)
{
	int64_t due = INT64_MAX;
	size_t i;

	for (i = 0; i < p->size; i++) {
		const struct handler *h = &p->runner[i].handler;

		if (p->runner[i].used && handler_due(h) < due)
			due = handler_due(h);
	}
	return due;
}

void
pool_wait(struct pool *p, size_t count, int timeout_ms)
{
	size_t n = count, i;

	assert(count <= POOL_FDS);
	for (i = 0; i < p->size; i++)
		if (p->runner[i].used)
			n += handler_poll(&p->runner[i].handler, &p->pfd[n]);
	poll(p->pfd, (nfds_t)n, timeout_ms);
	for (i = 0, n = count; i < p->size; i++) {
		struct runner *run = &p->runner[i];
		struct pollfd mine[HANDLER_FDS];
		size_t fds;

		if (!run->used)
			continue;
		fds = handler_poll(&run->handler, mine);
		handler_step(&run->handler, &p->pfd[n], fds);
		n += fds;
	}
}
