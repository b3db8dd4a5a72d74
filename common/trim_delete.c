#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/line.h"
#include "common/mem.h"
#include "common/record.h"
#include "common/scan.h"
#include "common/stop.h"
#include "common/trim_delete.h"
#include "common/when.h"

enum { LINE_MAX_RECORD = 2 * LINE_MAX_BYTES };

static int
add_holder(struct trim_delete *d, const struct reply *r, size_t i)
{
	struct trim_holder *h = NULL;
	const char *group;
	size_t len, k;
	enum trim_why why;
	struct id first;
	int64_t count;

	if (!reply_is(r, i, REPLY_STRING) ||
	    reply_number(r, i + 2, &count) < 0 ||
	    reply_id(r, i + 3, &first) < 0)
		return -1;
	group = reply_text(r, i, &len);
	why = reply_equals(r, i + 1, "pending") ? TRIM_PENDING : TRIM_UNREAD;
	for (k = 0; k < d->holders && h == NULL; k++)
		if (d->holder[k].why == why &&
		    strcmp(d->holder[k].group, group) == 0)
			h = &d->holder[k];
	if (h == NULL) {
		d->holder = xreallocarray(d->holder, d->holders + 1,
					  sizeof(*d->holder));
		h = &d->holder[d->holders++];
		*h = (struct trim_holder){ xmemdup0(group, len), why, 0,
					   first };
	}
	h->count += (uint64_t)count;
	return 0;
}

static int
take(struct trim_delete *d, const struct reply *r)
{
	int64_t removed, absent;
	size_t i;

	if (!reply_is(r, 0, REPLY_ARRAY) || r->node[0].len % 4 != 2 ||
	    reply_number(r, 1, &removed) < 0 || reply_number(r, 2, &absent) < 0)
		return -1;
	d->removed += (uint64_t)removed;
	d->absent += (uint64_t)absent;
	for (i = 3; i < r->count; i += 4)
		if (add_holder(d, r, i) < 0)
			return -1;
	return 0;
}

int
trim_delete_flush(struct trim_delete *d)
{
	struct script_arg arg[TRIM_DELETE_BATCH + 3];
	struct reply *r;
	size_t i;

	if (d->count == 0)
		return 0;
	d->script.name = SCRIPT_REMOVE;
	arg[0] = (struct script_arg){ d->stream, strlen(d->stream) };
	arg[1] = (struct script_arg){ d->force ? "1" : "0", 1 };
	arg[2] = (struct script_arg){ d->plan ? "1" : "0", 1 };
	for (i = 0; i < d->count; i++)
		arg[i + 3] = (struct script_arg){ d->id[i], strlen(d->id[i]) };
	do
		r = script_run(d->conn, &d->script, 1, arg, d->count + 3);
	while (r == NULL && conn_is_lost(d->conn) && !stop_requested() &&
	       conn_reconnect(d->conn) == 0);
	d->count = 0;
	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_reply(d->conn, r, 0);
		conn_blame(d->conn, d->stream);
		return -1;
	}
	if (take(d, r) == 0)
		return 0;
	conn_fail_shape(d->conn, "remove");
	return -1;
}

int
trim_delete_add(struct trim_delete *d, struct id id)
{
	id_put(d->id[d->count++], id);
	return d->count == TRIM_DELETE_BATCH ? trim_delete_flush(d) : 0;
}

void
trim_delete_release(struct trim_delete *d)
{
	size_t i;

	for (i = 0; i < d->holders; i++)
		free(d->holder[i].group);
	free(d->holder);
	*d = (struct trim_delete){ .holder = NULL };
}

int
trim_delete_scan(struct trim_delete *d, struct conn *reader,
		 struct select *select, struct id first, struct id last,
		 int64_t deadline, uint64_t *failed)
{
	struct scan scan;
	struct entry e;
	size_t stream;
	char id[ID_TEXT];
	int rc = 0;

	scan_init(&scan, reader, false);
	scan_add(&scan, d->stream, first, last);
	select->record.stream = d->stream;
	while (d->chosen < select->options->count && !stop_requested() &&
	       when_monotonic() < deadline &&
	       (rc = scan_next(&scan, &e, &stream)) == 1) {
		int wanted = select_entry(select, &e);

		if (wanted < 0) {
			id_put(id, e.id);
			warn("%s: %s: filter: %s", d->stream, id,
			     select->error);
			++*failed;
		}
		if (wanted != 1)
			continue;
		d->chosen++;
		if (trim_delete_add(d, e.id) < 0) {
			rc = -1;
			break;
		}
	}
	if (rc >= 0 && scan_end(&scan) < 0)
		rc = -1;
	scan_release(&scan);
	return rc < 0 ? -1 : 0;
}

static int
wait_for_input(void *arg, int fd)
{
	const int64_t *deadline = arg;
	struct pollfd pfd[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop_fd(), .events = POLLIN },
	};

	while (!stop_requested()) {
		int64_t left = *deadline - when_monotonic();

		if (left <= 0)
			return 0;
		if (poll(pfd, 2, left > 60000 ? 60000 : (int)left) < 0 &&
		    errno != EINTR)
			return -1;
		if (pfd[0].revents != 0)
			return 1;
	}
	return 0;
}

/* Why a line names no entry; NULL: it does. */
static const char *
read_line(struct record_line *l, const struct line_reader *in,
	  const struct trim_delete *d, size_t count, size_t *which)
{
	*which = 0;
	if (in->len == 0 || *in->text != '{') {
		if (id_parse(in->text, in->len, 0, &l->id) < 0)
			return "neither an entry id nor a record";
		return count > 1 ? "an id alone, and several streams are named"
				 : NULL;
	}
	if (record_parse(l, in->text, in->len) < 0)
		return l->error;
	if (!l->has_id)
		return "no \"id\": not a record";
	if (l->stream == NULL && count > 1)
		return "no \"stream\", and several are named";
	while (l->stream != NULL && strcmp(d[*which].stream, l->stream) != 0)
		if (++*which == count)
			return "its stream is none of those named";
	return NULL;
}

int
trim_delete_input(struct trim_delete *d, size_t count, int fd, int64_t deadline,
		  uint64_t *refused)
{
	struct record_line record = { 0 };
	struct line_reader in;
	size_t which;
	int rc;

	line_init(&in, fd, "<stdin>", LINE_MAX_RECORD);
	in.wait = wait_for_input;
	in.arg = &deadline;
	while ((rc = line_next(&in)) != 0) {
		const char *why = "longer than 2 MiB";

		if (rc < 0 && errno != EMSGSIZE) {
			rc = -2;
			break;
		}
		if (rc == 1)
			why = read_line(&record, &in, d, count, &which);
		if (why != NULL) {
			warn("%s:%llu: %s", in.name,
			     (unsigned long long)in.number, why);
			++*refused;
		} else if (trim_delete_add(&d[which], record.id) < 0) {
			rc = -1;
			break;
		}
	}
	record_line_release(&record);
	line_release(&in);
	return rc < 0 ? rc : 0;
}
