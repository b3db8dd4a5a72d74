#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/diag.h"
#include "common/dlq_input.h"
#include "common/stop.h"
#include "common/when.h"

/* A record is longer than its event: it has a head, and up to 4 KiB of what the
 * handler said, each byte of which may be six. */
enum { RECORD_MAX = 2 * LINE_MAX_BYTES };

struct waiting {
	struct dlq_change *change;
	size_t count;
	int64_t deadline;
	bool failed;
};

/* Input would block: what is collected should not wait for it. */
static int
wait_for_input(void *arg, int fd)
{
	struct waiting *w = arg;
	struct pollfd pfd[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop_fd(), .events = POLLIN },
	};
	size_t i;

	if (poll(pfd, 1, 0) == 0)
		for (i = 0; i < w->count; i++)
			if (dlq_change_flush(&w->change[i]) < 0) {
				w->failed = true;
				return 0;
			}
	while (!stop_requested()) {
		int64_t left = w->deadline - when_monotonic();
		int ms = left > 60000 ? 60000 : (int)left;

		if (left <= 0)
			return 0;
		if (poll(pfd, 2, ms) < 0 && errno != EINTR)
			return -1;
		if (pfd[0].revents != 0)
			return 1;
	}
	return 0;
}

static bool
is_null(const struct record_line *l)
{
	return l->body == RECORD_EVENT && l->event_len == 4 &&
	       memcmp(l->event, "null", 4) == 0;
}

/* Why the current line names no dead letter of ours; NULL: it does. */
static const char *
check(struct dlq_input *in, const struct dlq_change *change, size_t count,
      size_t *which)
{
	struct record_line *l = &in->record;

	if (record_parse(l, in->lines.text, in->lines.len) < 0)
		return l->error;
	if (json_doc_member(&l->doc, "id", 2) == NULL)
		return "no \"id\": not a record";
	if (l->stream == NULL && count > 1)
		return "no \"stream\", and several are named";
	*which = 0;
	while (l->stream != NULL &&
	       strcmp(change[*which].stream, l->stream) != 0)
		if (++*which == count)
			return "its stream is none of those named";
	if (!change->goal->purge && (l->event == NULL || is_null(l)))
		return "no \"event\" to redrive";
	return NULL;
}

static int
read_lines(struct dlq_input *in, struct dlq_change *change, size_t count)
{
	struct record_line *l = &in->record;
	const char *why;
	size_t which;
	int rc;

	while ((rc = line_next(&in->lines)) != 0) {
		if (rc < 0 && errno != EMSGSIZE)
			return -2;
		why = rc < 0 ? "the line is too long"
			     : check(in, change, count, &which);
		if (why != NULL) {
			warn("<stdin>:%llu: %s",
			     (unsigned long long)in->lines.number, why);
			in->refused++;
			continue;
		}
		if (change->goal->purge)
			l->event = NULL;
		if (dlq_change_add_edited(&change[which], l->id, l->event,
					  l->event_len) < 0)
			return -1;
	}
	return 0;
}

int
dlq_input_run(struct dlq_input *in, int fd, struct dlq_change *change,
	      size_t count, int64_t deadline)
{
	struct waiting w = { .change = change,
			     .count = count,
			     .deadline = deadline };
	int rc;

	line_init(&in->lines, fd, "<stdin>", RECORD_MAX);
	in->lines.wait = wait_for_input;
	in->lines.arg = &w;
	rc = read_lines(in, change, count);
	line_release(&in->lines);
	record_line_release(&in->record);
	return w.failed ? -1 : rc;
}
