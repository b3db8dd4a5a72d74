#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/command.h"
#include "common/diag.h"
#include "common/settle.h"
#include "common/stop.h"
#include "common/stream.h"
#include "common/when.h"

enum { BATCH = 1000, BACKOFF_MS = 250, RETRY_MS = 30000 };

/* A server that can't now may soon: wait a little, for RETRY_MS in all.  False
 * after that or at a stop. */
static bool
back_off(struct settle *s, int64_t *since)
{
	int64_t now = when_monotonic();

	if (*since == 0)
		*since = now;
	if (now - *since >= RETRY_MS)
		return false;
	warn("%s: %s, trying again", conn_name(s->conn), conn_error(s->conn));
	return !stop_sleep(BACKOFF_MS);
}

/*
 * XACK what is collected, and in the same breath have the ledger forget it: what
 * it remembers of earlier failures is of no use any more.  Returns the first of two
 * replies, or NULL.
 */
static struct reply *
ask_commit(struct settle *s)
{
	struct buf *out = conn_out(s->conn), ledger = { 0 };

	stream_companion(&ledger, buf_text(&s->stream), "fail:");
	buf_add(&ledger, s->of_group.data, s->of_group.len);
	command_begin(out, 3 + s->count);
	command_adds(out, "XACK");
	command_add(out, s->stream.data, s->stream.len);
	command_add(out, s->of_group.data, s->of_group.len);
	buf_add(out, s->ids.data, s->ids.len);
	command_begin(out, 2 + s->count);
	command_adds(out, "HDEL");
	command_add(out, ledger.data, ledger.len);
	buf_add(out, s->ids.data, s->ids.len);
	buf_release(&ledger);
	return conn_reply(s->conn, 0);
}

/* If the ledger does not forget, its readers pass over what is not pending. */
static void
take_forgotten(struct settle *s)
{
	if (conn_result(s->conn) == NULL)
		debug("%s: the ledger: %s", buf_text(&s->stream),
		      conn_error(s->conn));
}

/* Over and over until the server has answered: an entry that is acknowledged twice
 * is so once. */
static int
commit(struct settle *s)
{
	int64_t known, refused_since = 0;
	enum reply_fault fault;

	if (s->count == 0)
		return 0;
	for (;;) {
		struct reply *r = ask_commit(s);

		if (r == NULL) {
			if (conn_reconnect(s->conn) < 0)
				return -1;
			continue;
		}
		if (reply_number(r, 0, &known) == 0)
			break;
		if (!reply_is(r, 0, REPLY_ERROR)) {
			conn_fail_shape(s->conn, "XACK");
			return -1;
		}
		fault = reply_fault(r, 0);
		conn_fail_reply(s->conn, r, 0);
		conn_reply(s->conn, 0); /* the ledger's: no better */
		if (fault != REPLY_FAULT_RETRY || !back_off(s, &refused_since))
			return -1;
	}
	s->settled += (uint64_t)known;
	s->unknown += s->count - (uint64_t)known;
	take_forgotten(s);
	out_write(s->out, s->text.data, s->text.len);
	out_flush(s->out);
	buf_clear(&s->ids);
	buf_clear(&s->text);
	s->count = 0;
	return 0;
}

/* Input would block: what is collected should not wait for it. */
static int
wait_for_input(void *arg, int fd)
{
	struct settle *s = arg;
	struct pollfd pfd[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop_fd(), .events = POLLIN },
	};

	if (s->count != 0 && poll(pfd, 1, 0) == 0 && commit(s) < 0) {
		s->failed = true;
		return 0;
	}
	while (!stop_requested()) {
		if (poll(pfd, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (pfd[0].revents != 0)
			return 1;
	}
	return 0;
}

/* Why a record can't be acknowledged; NULL if it can. */
static const char *
check(struct settle *s, const char **group)
{
	struct record_line *l = &s->record;

	if (record_parse(l, s->lines.text, s->lines.len) < 0)
		return l->error;
	*group = l->group != NULL ? l->group : s->o->group;
	if (l->stream == NULL || !l->has_id)
		return "no \"stream\" or \"id\": not a record";
	if (*group == NULL)
		return "no \"group\", and no --group is given";
	return answer_read(&s->answer, &l->doc) < 0 ? s->answer.wrong : NULL;
}

static bool
is_same(const struct buf *b, const char *text)
{
	return b->len == strlen(text) && memcmp(b->data, text, b->len) == 0;
}

/* Add the current record to what is collected, which is of one stream and one
 * group. */
static int
collect(struct settle *s, const char *group)
{
	const char *stream = s->record.stream;
	char id[ID_TEXT];

	if (s->count == BATCH || !is_same(&s->stream, stream) ||
	    !is_same(&s->of_group, group)) {
		if (commit(s) < 0)
			return -1;
		buf_clear(&s->stream);
		buf_adds(&s->stream, stream);
		buf_clear(&s->of_group);
		buf_adds(&s->of_group, group);
	}
	command_add(&s->ids, id, id_put(id, s->record.id));
	buf_add(&s->text, s->lines.text, s->lines.len);
	buf_addc(&s->text, s->out->terminator);
	s->count++;
	return 0;
}

static bool
is_verdict(const struct settle *s)
{
	return s->answer.kind == ANSWER_RETRY || s->answer.kind == ANSWER_DEAD;
}

static void
refuse(struct settle *s, const char *why)
{
	warn("<stdin>:%llu: %s", (unsigned long long)s->lines.number, why);
	s->refused++;
}

/* A verdict other than done.  What came before it goes first. */
static int
judge(struct settle *s, const char *group)
{
	bool failed = false;
	const char *why;

	if (commit(s) < 0)
		return -1;
	why = settle_judge(s, group, &failed);
	if (failed)
		return -1;
	if (why != NULL) {
		refuse(s, why);
		return 0;
	}
	out_write(s->out, s->lines.text, s->lines.len);
	out_write(s->out, &s->out->terminator, 1);
	out_flush(s->out);
	return 0;
}

static int
settle_lines(struct settle *s)
{
	const char *group = NULL, *why;
	int rc;

	while ((rc = line_next(&s->lines)) != 0) {
		if (rc < 0 && errno != EMSGSIZE)
			return -2;
		why = rc < 0 ? "the line is too long" : check(s, &group);
		if (why != NULL) {
			refuse(s, why);
		} else if (is_verdict(s) ? judge(s, group) < 0
					 : collect(s, group) < 0) {
			return -1;
		}
	}
	return s->failed || commit(s) < 0 ? -1 : 0;
}

int
settle_run(struct settle *s, const struct settle_options *o, struct conn *c,
	   struct select *select, struct out *out, int fd)
{
	int rc;

	*s = (struct settle){
		.o = o,
		.conn = c,
		.select = select,
		.out = out,
		.release = { .name = SCRIPT_RELEASE },
	};
	line_init(&s->lines, fd, "<stdin>", 2 * LINE_MAX_BYTES);
	s->lines.wait = wait_for_input;
	s->lines.arg = s;
	rc = settle_lines(s);
	line_release(&s->lines);
	settle_release(s);
	record_line_release(&s->record);
	buf_release(&s->stream);
	buf_release(&s->of_group);
	buf_release(&s->ids);
	buf_release(&s->text);
	return rc;
}
