#include <string.h>

#include "common/lag.h"
#include "common/stream.h"

enum { SLICE = 1000 };

/* XINFO names groups as a list of lists of fields and values. */
int
lag_delivered(struct conn *c, const char *stream, const char *group,
	      struct id *delivered)
{
	struct reply *r;
	size_t i = 1, left;
	bool found = false;

	conn_commandv(c, "XINFO", "GROUPS", stream, NULL);
	r = conn_reply(c, 0);
	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ERROR) &&
	    reply_fault(r, 0) == REPLY_FAULT_REFUSED) {
		size_t len;
		const char *text = reply_text(r, 0, &len);

		if (len >= 15 && memcmp(text, "ERR no such key", 15) == 0)
			return 0;
	}
	if (reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_reply(c, r, 0);
		return -1;
	}
	if (!reply_is(r, 0, REPLY_ARRAY)) {
		conn_fail_shape(c, "XINFO GROUPS");
		return -1;
	}
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i)) {
		size_t name = reply_field(r, i, "name");
		size_t last = reply_field(r, i, "last-delivered-id");
		struct id id;

		if (name == 0 || last == 0 || reply_id(r, last, &id) < 0) {
			conn_fail_shape(c, "XINFO GROUPS");
			return -1;
		}
		if (group != NULL && !reply_equals(r, name, group))
			continue;
		if (!found || id_compare(id, *delivered) < 0)
			*delivered = id;
		found = true;
	}
	return found;
}

int
lag_read(struct conn *c, const char *stream, const char *group, uint64_t limit,
	 struct lag *lag)
{
	struct id at;
	int rc = lag_delivered(c, stream, group, &at);

	*lag = (struct lag){ 0, true };
	if (rc != 1)
		return rc;
	while (lag->entries < limit) {
		uint64_t want = limit - lag->entries;
		struct reply *r;

		if (want > SLICE)
			want = SLICE;
		conn_command(c, 6);
		conn_args(c, "XRANGE");
		conn_args(c, stream);
		conn_argid(c, id_next(at));
		conn_args(c, "+");
		conn_args(c, "COUNT");
		conn_argu(c, want);
		r = conn_result(c);
		if (r == NULL)
			return -1;
		if (entries_last_id(r, &at) < 0)
			return 1;
		lag->entries += r->node[0].len;
		if (r->node[0].len < want)
			return 1;
	}
	lag->exact = false;
	return 1;
}
