#include "common/printer.h"
#include "common/conn.h"
#include "common/diag.h"
#include "common/stop.h"
#include "common/verdict.h"

enum { BLOCK_MS = 2000 /* one blocked read */ };

struct printer {
	struct group *g;
	struct select *select;
	struct out *out;
	struct verdict verdict; /* conn NULL: not needed so far */
	int64_t deadline;
	bool until_end;
	struct printer_counts *n;
};

/* Give up on an entry that can't be printed.  0, or -1. */
static int
bury(struct printer *p, size_t stream, struct id id, int64_t deliveries,
     enum failure_reason reason, const char *class, const char *why)
{
	struct group *g = p->g;
	const struct event *ev = &p->select->record.event;
	bool trimmed = reason == FAILURE_TRIMMED;
	struct verdict *v = &p->verdict;
	struct failure f = {
		.class = class,
		.error = why,
		.exit = -1,
		.duration_ms = -1,
	};
	struct failure_event e = {
		.stream = g->stream[stream].origin,
		.group = g->o->name,
		.consumer = g->consumer,
		.id = id,
		.deliveries = deliveries,
	};

	if (v->conn == NULL && verdict_open(v, conn_again(p->g->conn),
					    g->o->name, g->consumer) < 0)
		return -1;
	while (v->count < g->count)
		verdict_add_stream(v, g->stream[v->count].name,
				   g->stream[v->count].origin);
	f.first_ms = f.last_ms = verdict_now(v);
	return verdict_dead(v, reason, &f, &e, stream, trimmed ? "" : ev->text,
			    trimmed ? 0 : ev->len) < 0
		       ? -1
		       : 0;
}

static int
bury_trimmed(void *arg, size_t stream, struct id id)
{
	return bury(arg, stream, id, 0, FAILURE_TRIMMED, "trimmed",
		    "it was trimmed from the stream");
}

/* Print one event, or pass over it; what filter or program fail on is dead.  0,
 * or -1. */
static int
handle(struct printer *p, const struct delivery *d)
{
	struct record *r = &p->select->record;
	char id[ID_TEXT];
	int rc;

	r->stream = d->entry.stream;
	r->group = p->g->o->name;
	r->consumer = p->g->consumer;
	r->deliveries = d->deliveries;
	r->attempts = d->attempts;
	rc = select_entry(p->select, &d->entry);
	if (rc == 1) {
		rc = select_print(p->select, p->out) == 0 ? -1 : 1;
		p->n->printed += rc > 0;
	}
	if (rc < 0) {
		id_put(id, d->entry.id);
		warn("%s: %s is dead (invalid): %s: %s", r->stream, id,
		     p->select->class, p->select->error);
		p->n->failed++;
		if (bury(p, d->stream, d->entry.id, d->deliveries,
			 FAILURE_INVALID, p->select->class,
			 p->select->error) < 0)
			return -1;
	}
	if (rc <= 0 || !p->g->o->manual)
		group_done(p->g, d);
	return 0;
}

/* A batch may take jq longer than the lease. */
static bool
is_slow(const struct printer *p)
{
	return p->select->filter != NULL || p->select->program != NULL;
}

/* Use up the batch and acknowledge it.  0, or -1. */
static int
handle_batch(struct printer *p)
{
	struct delivery d;
	int rc;

	while ((rc = group_next(p->g, &d)) == 1) {
		if (p->n->printed >= p->select->options->count)
			group_release(p->g, &d);
		else if (handle(p, &d) < 0)
			return -1;
		if (is_slow(p))
			group_renew(p->g);
	}
	/* Only what was written is acknowledged. */
	if (rc < 0 || out_flush(p->out) < 0)
		return -1;
	return group_commit(p->g);
}

static int
wait_ms(const struct printer *p)
{
	int64_t left = p->deadline - when_monotonic();
	int most = group_idle_ms(p->g, BLOCK_MS);

	if (p->until_end || left <= 0)
		return 0;
	return left < most ? (int)left : most;
}

static bool
is_over(const struct printer *p)
{
	return p->n->printed >= p->select->options->count || stop_requested() ||
	       when_monotonic() >= p->deadline;
}

/* Batch by batch, until the end.  0, or -1. */
static int
consume(struct printer *p)
{
	struct group *g = p->g;
	int rc = 0;

	while (!is_over(p)) {
		rc = group_fetch(g, p->select->options->count - p->n->printed,
				 wait_ms(p), out_watch_fd(p->out));
		if (rc == 1)
			rc = handle_batch(p);
		else if (rc == 0 && (p->until_end || out_is_abandoned(p->out)))
			break;
		if (rc < 0)
			return -1;
		if (p->until_end && group_reached(g))
			break;
		group_renew(g);
	}
	while ((rc = group_finish(g)) == 1)
		if (handle_batch(p) < 0)
			return -1;
	return rc;
}

static void
be_holder(struct printer *p)
{
	p->g->bury = bury_trimmed;
	p->g->holder = p;
}

int
printer_run(struct group *g, struct select *select, struct out *out,
	    int64_t deadline, bool until_end, struct printer_counts *n)
{
	struct printer p = {
		.g = g,
		.select = select,
		.out = out,
		.deadline = deadline,
		.until_end = until_end,
		.n = n,
	};
	int rc;

	be_holder(&p);
	rc = consume(&p);
	g->bury = NULL;
	g->holder = NULL;
	if (until_end && g->waiting != 0)
		info("%llu wait for their next attempt and stay pending",
		     (unsigned long long)g->waiting);
	if (p.verdict.conn != NULL) {
		conn_close(p.verdict.conn);
		verdict_close(&p.verdict);
	}
	return out->error != 0 ? 0 : rc;
}
