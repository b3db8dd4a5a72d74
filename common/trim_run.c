#include "common/scan.h"
#include "common/stop.h"
#include "common/trim.h"
#include "common/trim_parts.h"

enum {
	COUNT_MS = 300,  /* for an exact count */
	CLOCK_EVERY = 64 /* entries between two looks at the clock */
};

/* By time, on from an entry: as if the rest were spread evenly. */
static void
estimate(const struct trim *t, struct id before, struct id newest,
	 uint64_t most, struct trim_count *c)
{
	double rest, span = (double)newest.ms - (double)c->last.ms,
		     part = (double)before.ms - (double)c->last.ms;

	rest = (double)(t->state.length - c->n);
	if (span > 0 && part < span)
		rest *= part / span;
	c->n += (uint64_t)rest;
	c->last = ID_MIN;
	if (c->n > most)
		c->n = most;
}

/* Walk from the front.  1 if all are counted, 0 if time was up, -1. */
static int
walk(struct trim *t, struct id before, uint64_t most, struct trim_count *c)
{
	int64_t end = when_monotonic() + COUNT_MS;
	struct scan scan;
	struct entry e;
	size_t stream;
	int rc = 1;

	scan_init(&scan, t->conn, false);
	scan_add(&scan, t->stream, t->state.first, id_prev(before));
	while (c->n < most && (rc = scan_next(&scan, &e, &stream)) == 1) {
		c->n++;
		c->last = e.id;
		if (c->n % CLOCK_EVERY == 0 &&
		    (when_monotonic() >= end || stop_requested()))
			break;
	}
	if (rc >= 0 && scan_end(&scan) < 0)
		rc = -1;
	scan_release(&scan);
	if (rc < 0)
		return -1;
	return rc == 0 || c->n >= most;
}

int
trim_count(struct trim *t, struct id before, uint64_t most,
	   struct trim_count *c)
{
	struct id newest;
	int rc;

	*c = (struct trim_count){ .exact = true };
	if (most > t->state.length)
		most = t->state.length;
	if (most == 0 || id_compare(before, t->state.first) <= 0)
		return 0;
	if ((rc = scan_newest(t->conn, t->stream, &newest)) <= 0)
		return rc;
	if (id_compare(before, newest) > 0 && most == t->state.length) {
		c->n = most;
		c->last = newest;
		return 0;
	}
	if ((rc = walk(t, before, most, c)) != 0)
		return rc < 0 ? -1 : 0;
	if (id_compare(before, newest) > 0) {
		c->n = most;
		c->last = ID_MIN;
		return 0;
	}
	c->exact = false;
	estimate(t, before, newest, most, c);
	return 0;
}

/* How many of so many entries take what is above the limit. */
static uint64_t
entries_over(uint64_t entries, uint64_t bytes, uint64_t limit)
{
	double part;

	if (bytes <= limit)
		return 0;
	part = (double)(bytes - limit) / (double)bytes;
	return (uint64_t)((double)entries * part) + 1;
}

/* What the limits ask for, of the stream as it is: as much as the strictest. */
static int
count_asked(struct trim *t, const struct trim_limits *l, struct trim_count *c)
{
	uint64_t length = t->state.length, bytes = 0, over;

	if (trim_count(t, trim_bound(t, l), TRIM_NO_LIMIT, c) < 0)
		return -1;
	if (length > l->maxlen && length - l->maxlen > c->n)
		*c = (struct trim_count){ length - l->maxlen, true, ID_MIN };
	if (l->max_bytes == TRIM_NO_LIMIT)
		return 0;
	if (trim_bytes(t, &bytes) < 0)
		return -1;
	over = entries_over(length, bytes, l->max_bytes);
	if (over > length)
		over = length;
	if (over > c->n)
		*c = (struct trim_count){ over, false, ID_MIN };
	return 0;
}

/* Of what is asked for, what groups don't need, and what they do. */
static int
count_free(struct trim *t, const struct trim_count *asked,
	   struct trim_count *unneeded, struct trim_count *held)
{
	if (trim_count(t, t->state.floor, asked->n, unneeded) < 0)
		return -1;
	unneeded->exact = unneeded->exact && asked->exact;
	t->holder.why = t->state.need.why;
	t->holder.at = t->state.need.at;
	buf_set(&t->holder.group, t->state.need.group.data,
		t->state.need.group.len);
	*held = (struct trim_count){ .n = asked->n - unneeded->n,
				     .exact = unneeded->exact };
	return 0;
}

static int
plan_it(struct trim *t, const struct trim_limits *l, struct trim_result *res)
{
	struct trim_count asked, unneeded;
	uint64_t bytes;

	if (count_asked(t, l, &asked) < 0 || trim_bytes(t, &bytes) < 0 ||
	    count_free(t, &asked, &unneeded, &res->held) < 0)
		return -1;
	res->gone = unneeded;
	if (t->force && res->held.n != 0 &&
	    trim_count(t, ID_MAX, asked.n, &res->gone) < 0)
		return -1;
	res->gone.exact = asked.exact && (t->force || unneeded.exact);
	if (res->length != 0)
		res->bytes = (uint64_t)((double)bytes * (double)res->gone.n /
					(double)res->length);
	return 0;
}

static int
remove_some(struct trim *t, struct id before, uint64_t keep, uint64_t quota)
{
	return t->archive != NULL ? trim_remove_archived(t, before, keep, quota)
				  : trim_remove(t, before, keep, quota);
}

/*
 * Nodes differ in size, and the oldest are what is measured: remove half of what
 * seems too much, and measure again.
 */
static int
shrink(struct trim *t, uint64_t limit, struct trim_result *res)
{
	enum { LEAST = 100 }; /* as many as a node has */
	uint64_t bytes, want, removed;
	int rc;

	for (;;) {
		if (trim_look(t) < 0 || trim_bytes(t, &bytes) < 0)
			return -1;
		if (bytes <= limit || trim_is_over(t))
			return 0;
		removed = t->removed;
		want = entries_over(t->state.length, bytes, limit) / 2 + 1;
		if (t->archive == NULL)
			rc = trim_remove_nodes(t, want);
		else
			rc = trim_remove_archived(t, ID_MAX, 0,
						  want < LEAST ? LEAST : want);
		if (rc < 0)
			return rc;
		if (t->removed == removed) {
			res->left_bytes = t->over ? 0 : bytes - limit;
			return 0;
		}
	}
}

static int
remove_all(struct trim *t, const struct trim_limits *l, struct trim_result *res)
{
	struct id bound = trim_bound(t, l);
	uint64_t length = t->state.length;
	int rc = 0;

	if (id_compare(bound, t->state.first) > 0)
		rc = remove_some(t, bound, 0, length);
	if (rc == 0 && l->maxlen != TRIM_NO_LIMIT) {
		rc = trim_look(t);
		length = t->state.length;
		if (rc == 0 && length > l->maxlen)
			rc = remove_some(t, ID_MAX, l->maxlen,
					 length - l->maxlen);
	}
	if (rc == 0 && l->max_bytes != TRIM_NO_LIMIT)
		rc = shrink(t, l->max_bytes, res);
	return rc;
}

/* After the work: what the limits still ask for and a group needs. */
static int
count_held(struct trim *t, const struct trim_limits *l, struct trim_result *res)
{
	struct trim_count asked, unneeded;
	struct id newest;
	int rc;

	if (trim_look(t) < 0)
		return -1;
	res->length_after = t->state.length;
	res->first_after = t->state.first;
	if (t->force || t->state.need.why == TRIM_FREE)
		return 0;
	if (count_asked(t, l, &asked) < 0 ||
	    count_free(t, &asked, &unneeded, &res->held) < 0)
		return -1;
	if (res->left_bytes == 0 || asked.n == 0)
		return 0;
	/* What is left of a node frees nothing, so it stayed as well. */
	rc = scan_newest(t->conn, t->stream, &newest);
	if (rc == 1 && id_compare(t->state.floor, newest) <= 0)
		res->held = asked;
	return rc < 0 ? -1 : 0;
}

/* With force: what groups need and will lose. */
static int
count_lost(struct trim *t, const struct trim_limits *l, struct trim_result *res)
{
	struct trim_count asked, unneeded;

	if (!t->force || t->state.need.why == TRIM_FREE)
		return 0;
	if (count_asked(t, l, &asked) < 0)
		return -1;
	return count_free(t, &asked, &unneeded, &res->held);
}

int
trim_run(struct trim *t, const struct trim_limits *l, bool plan,
	 struct trim_result *res)
{
	uint64_t was = 0, is = 0;
	int rc, after;

	*res = (struct trim_result){ .gone.exact = true, .held.exact = true };
	if (trim_look(t) < 0)
		return -1;
	res->length = res->length_after = t->state.length;
	res->first = res->first_after = t->state.first;
	if (!t->state.exists)
		return 0;
	if (plan)
		return plan_it(t, l, res);
	if (trim_bytes(t, &was) < 0 || count_lost(t, l, res) < 0)
		return -1;
	rc = remove_all(t, l, res);
	res->gone.n = t->removed;
	res->archived = t->archived;
	if (rc == -1)
		return -1;
	after = count_held(t, l, res);
	if (after == 0 && t->removed != 0)
		after = trim_bytes(t, &is);
	if (after == 0 && t->removed != 0 && was > is)
		res->bytes = was - is;
	return rc != 0 ? rc : after;
}
