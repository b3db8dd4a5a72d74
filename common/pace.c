#include <stdlib.h>
#include <string.h>

#include "common/lag.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/pace.h"
#include "common/when.h"

enum { LOOK_AGAIN_MS = 50, CATCH_UP_MS = 100 };

int
pace_parse_lag(struct pace *p, const char *text)
{
	const char *colon = strchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);

	if (num_u64(text, len, &p->max_lag) < 0 || p->max_lag == 0 ||
	    (colon != NULL && colon[1] == '\0'))
		return -1;
	free(p->group);
	p->group = colon != NULL ? xstrdup(colon + 1) : NULL;
	return 0;
}

int
pace_open(struct pace *p, const struct conn *c, const char *stream)
{
	p->stream = stream;
	p->started = when_monotonic();
	if (p->max_lag == 0)
		return 0;
	p->conn = conn_again(c);
	return conn_error(p->conn) != NULL ? -1 : 0;
}

void
pace_close(struct pace *p)
{
	if (p->conn != NULL)
		conn_close(p->conn);
	free(p->group);
	*p = (struct pace){ 0 };
}

/* The ms until event number `sent` may go at this rate.  What was not sent while
 * there was none is not caught up, but for a moment's worth. */
static int
rate_delay(struct pace *p)
{
	int64_t elapsed = when_monotonic() - p->started;
	int64_t due;

	if (p->rate == 0)
		return 0;
	due = (int64_t)(p->sent / p->rate) * 1000 +
	      (int64_t)(p->sent % p->rate * 1000 / p->rate);
	if (elapsed - due > CATCH_UP_MS)
		p->started += elapsed - due - CATCH_UP_MS;
	if (due <= elapsed)
		return 0;
	return due - elapsed < 1000 ? (int)(due - elapsed) : 1000;
}

int
pace_take(struct pace *p)
{
	int delay = rate_delay(p);

	p->sent += delay == 0;
	return delay;
}

/* What the group can take: as many events as keep its lag in bounds, counted
 * when all that was sent before is stored.  0 for now none, -1, -2. */
static int
look_at_lag(struct pace *p, struct publish *publish)
{
	struct lag lag;

	if (publish_drain(publish) < 0)
		return -1;
	while (lag_read(p->conn, p->stream, p->group, p->max_lag, &lag) < 0)
		if (!conn_is_lost(p->conn) || conn_reconnect(p->conn) < 0)
			return -2;
	p->budget = lag.entries < p->max_lag && lag.exact
			    ? p->max_lag - lag.entries
			    : 0;
	return 0;
}

/* Keep the publisher going for some ms.  1, 0 at a stop, -1. */
static int
pause_for(const struct pace *p, struct publish *publish, int ms)
{
	int64_t deadline = when_monotonic() + ms, left;

	while ((left = deadline - when_monotonic()) > 0) {
		int rc;

		if (p->pausing != NULL)
			p->pausing(p->arg);
		rc = publish_wait(publish, -1, (int)left);
		if (rc <= 0)
			return rc;
	}
	return 1;
}

int
pace_wait(struct pace *p, struct publish *publish)
{
	int delay, rc;

	while ((delay = rate_delay(p)) > 0) {
		rc = pause_for(p, publish, delay);
		if (rc <= 0)
			return rc;
	}
	while (p->max_lag != 0 && p->budget == 0) {
		rc = look_at_lag(p, publish);
		if (rc == 0 && p->budget == 0)
			rc = pause_for(p, publish, LOOK_AGAIN_MS);
		else if (rc == 0)
			rc = 1;
		if (rc <= 0)
			return rc;
	}
	if (p->max_lag != 0)
		p->budget--;
	p->sent++;
	return 1;
}
