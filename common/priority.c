#include <string.h>
#include <strings.h>

#include "common/priority.h"
#include "common/stream.h"

static const struct {
	const char *name;
	uint64_t share;
} level[PRIORITY_COUNT] = {
	[PRIORITY_CRITICAL] = { "critical", 8 },
	[PRIORITY_HIGH] = { "high", 4 },
	[PRIORITY_NORMAL] = { "normal", 2 },
	[PRIORITY_LOW] = { "low", 1 },
};

enum { SHARES = 15, ALL = (1 << PRIORITY_COUNT) - 1 };

const char *
priority_name(enum priority p)
{
	return level[p].name;
}

enum priority
priority_of(const struct event *ev, struct buf *tmp)
{
	const char *text;
	size_t len, i;

	if (!event_role_text(ev, ROLE_PRIORITY, tmp, &text, &len))
		return PRIORITY_NORMAL;
	for (i = 0; i < PRIORITY_COUNT; i++)
		if (strlen(level[i].name) == len &&
		    strncasecmp(level[i].name, text, len) == 0)
			return (enum priority)i;
	return PRIORITY_NORMAL;
}

void
priority_stream(struct buf *out, const char *stream, enum priority p)
{
	if (p != PRIORITY_NORMAL) {
		stream_companion(out, stream, level[p].name);
		return;
	}
	buf_clear(out);
	buf_adds(out, stream);
	buf_text(out);
}

/* Where credit is left and something may be; PRIORITY_COUNT: nowhere. */
static enum priority
first_with_credit(const struct priority_quota *q)
{
	unsigned i;

	for (i = 0; i < PRIORITY_COUNT; i++)
		if (q->credit[i] != 0 && !(q->dry & 1u << i))
			break;
	return (enum priority)i;
}

/* A new round.  Large enough that a reader with much room reads in one go. */
static void
deal(struct priority_quota *q, uint64_t room)
{
	uint64_t each = room / SHARES;
	size_t i;

	for (i = 0; i < PRIORITY_COUNT; i++)
		q->credit[i] = level[i].share * (each != 0 ? each : 1);
	q->dry = 0;
}

enum priority
priority_choose(struct priority_quota *q, uint64_t room, uint64_t *count)
{
	enum priority p = first_with_credit(q);

	*count = 0;
	if (p == PRIORITY_COUNT && q->dry != ALL) {
		deal(q, room);
		p = first_with_credit(q);
	}
	if (p != PRIORITY_COUNT)
		*count = q->credit[p] < room ? q->credit[p] : room;
	return p;
}

void
priority_took(struct priority_quota *q, enum priority p, uint64_t count,
	      uint64_t got)
{
	uint64_t left =
		q->credit[p] - (got < q->credit[p] ? got : q->credit[p]);

	q->credit[p] = left;
	if (got >= count)
		return;
	q->dry |= 1u << p;
	q->credit[p] = 0;
	if (p + 1 < PRIORITY_COUNT)
		q->credit[p + 1] += left;
}

void
priority_again(struct priority_quota *q)
{
	*q = (struct priority_quota){ 0 };
}
