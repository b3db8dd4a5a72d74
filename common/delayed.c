#include <string.h>

#include "common/delayed.h"
#include "common/envelope.h"
#include "common/num.h"
#include "common/stop.h"
#include "common/stream.h"

enum {
	SLICE = 500, /* a few ms of the server's time */
};

/* A score is a double, exact up to 2^53; this is the year 33658. */
static const int64_t latest_ms = 1000000000000000;

static const char priorities[PRIORITY_COUNT + 1] = {
	[PRIORITY_CRITICAL] = 'c',
	[PRIORITY_HIGH] = 'h',
	[PRIORITY_NORMAL] = 'n',
	[PRIORITY_LOW] = 'l',
};

bool
delayed_is_wanted(const struct delayed_options *o)
{
	return o->delay_ms >= 0 || o->at.kind != WHEN_UNSET;
}

const char *
delayed_options_error(const struct delayed_options *o)
{
	if (o->delay_ms >= 0 && o->at.kind != WHEN_UNSET)
		return "--delay and --at exclude each other";
	if (o->delay_ms > latest_ms / 2)
		return "--delay: too long";
	switch (o->at.kind) {
	case WHEN_UNSET:
		return NULL;
	case WHEN_AGO:
		if (o->at.ms != 0)
			return "--at takes a time; --delay takes a duration";
		return NULL;
	case WHEN_TIME:
		return o->at.ms > latest_ms ? "--at: too late" : NULL;
	case WHEN_ENTRY:
	case WHEN_START:
	case WHEN_END:
		break;
	}
	return "--at takes a time";
}

void
delayed_key(struct buf *out, const char *stream)
{
	stream_companion(out, stream, "delayed");
}

static bool
is_uuid(const char *text)
{
	size_t i;

	for (i = 0; i < ENVELOPE_UUID - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-'
			 : strchr("0123456789abcdef", text[i]) == NULL ||
				    text[i] == '\0')
			return false;
	}
	return true;
}

bool
delayed_read_member(const char *member, size_t member_len,
		    enum priority *priority, const char **event, size_t *len)
{
	const char *found = NULL;

	*priority = PRIORITY_NORMAL;
	*event = member;
	*len = member_len;
	if (member_len != 0 && *member == '{')
		return true;
	if (member_len < ENVELOPE_UUID || !is_uuid(member))
		return false;
	if (member[ENVELOPE_UUID - 1] != '\0')
		found = strchr(priorities, member[ENVELOPE_UUID - 1]);
	if (found == NULL)
		return false;
	*priority = (enum priority)(found - priorities);
	*event += ENVELOPE_UUID;
	*len -= ENVELOPE_UUID;
	return true;
}

void
delayed_add(struct conn *c, const struct script *s, const struct buf *key,
	    const struct delayed_options *o, enum priority to,
	    const char *event, size_t len, const struct delayed_mark *mark)
{
	bool from_now = o->delay_ms >= 0 || o->at.kind == WHEN_AGO;
	int64_t ms = o->delay_ms >= 0 ? o->delay_ms : o->at.ms;
	char place[ENVELOPE_UUID];

	envelope_uuid(place, when_local_now());
	place[sizeof(place) - 1] = priorities[to];
	script_begin(c, s, mark != NULL ? 2 : 1, mark != NULL ? 7 : 5);
	conn_arg(c, key->data, key->len);
	if (mark != NULL)
		conn_arg(c, mark->key, mark->len);
	conn_arg(c, event, len);
	conn_arg(c, place, sizeof(place));
	conn_argu(c, ms < 0 ? 0 : (uint64_t)ms);
	conn_argu(c, from_now);
	if (mark != NULL)
		conn_argu(c, (uint64_t)mark->dedup_ms);
}

int
delayed_promote(struct conn *c, struct script *s, const char *stream,
		uint64_t limit, int64_t *wait_ms)
{
	struct buf key = { 0 }, to[PRIORITY_COUNT] = { { 0 } };
	char count[NUM_TEXT + 1];
	size_t i;
	struct reply *r;
	int64_t moved;

	if (limit > DELAYED_LIMIT)
		limit = DELAYED_LIMIT;
	count[num_put(count, limit)] = '\0';
	delayed_key(&key, stream);
	for (i = 0; i < PRIORITY_COUNT; i++)
		priority_stream(&to[i], stream, (enum priority)i);
	r = script_call(c, s, 5, key.data, to[PRIORITY_CRITICAL].data,
			to[PRIORITY_HIGH].data, stream, to[PRIORITY_LOW].data,
			count, NULL);
	for (i = 0; i < PRIORITY_COUNT; i++)
		buf_release(&to[i]);
	buf_release(&key);
	if (r == NULL)
		return -1;
	if (!reply_is(r, 0, REPLY_ARRAY) || r->node[0].len != 2 ||
	    reply_number(r, 1, &moved) < 0 || moved < 0 ||
	    moved > DELAYED_LIMIT || reply_number(r, 2, wait_ms) < 0) {
		conn_fail_shape(c, "promote");
		return -1;
	}
	return (int)moved;
}

int
delayed_promote_all(struct conn *c, const char *stream, uint64_t *moved)
{
	struct script s = { .name = SCRIPT_PROMOTE };
	int64_t wait_ms = 0;

	*moved = 0;
	while (wait_ms == 0 && !stop_requested()) {
		int rc = delayed_promote(c, &s, stream, SLICE, &wait_ms);

		if (rc >= 0)
			*moved += (uint64_t)rc;
		else if (!conn_is_lost(c) || conn_reconnect(c) < 0)
			return -1;
	}
	return 0;
}
