/*
 * survey_stream.c - survey.h's first round: each stream, its groups, the lengths
 * of its companions; then the streams for redrives that these have
 */
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/stream.h"
#include "common/survey_state.h"
#include "common/text.h"

/* The groups first: what is delivered meanwhile then counts as lag at most, and
 * never as entries that a group has read and the stream doesn't have. */
static void
ask_stream(struct survey_state *st, size_t i)
{
	const struct survey_stream *stream = st->stream[i];

	if (!stream->due)
		return;
	conn_commandv(st->c, "XINFO", "GROUPS", stream->name, NULL);
	conn_commandv(st->c, "XINFO", "STREAM", stream->name, NULL);
	if (stream->alone)
		return;
	stream_companion(&st->key, stream->name, "dlq");
	conn_commandv(st->c, "XLEN", st->key.data, NULL);
	stream_companion(&st->key, stream->name, "delayed");
	conn_commandv(st->c, "ZCARD", st->key.data, NULL);
}

/* The group that a stream for redrives is for; NULL: it is none. */
static const char *
group_of_redrive(const char *name)
{
	static const char mark[] = ":redrive:";
	const char *tag = strchr(name, '}');
	const char *at = tag != NULL ? strstr(tag, mark) : NULL;

	if (at == NULL || at[sizeof(mark) - 1] == '\0')
		return NULL;
	return at + sizeof(mark) - 1;
}

static bool
is_wanted(const struct survey_state *st, const char *group, size_t len)
{
	return st->o->group == NULL || text_glob(st->o->group, group, len);
}

/* Read element i of XINFO GROUPS into a row.  Returns 0, or -1. */
static int
read_group(struct survey_state *st, const struct survey_stream *stream,
	   const struct reply *r, size_t i)
{
	size_t name = reply_field(r, i, "name"),
	       consumers = reply_field(r, i, "consumers"),
	       pending = reply_field(r, i, "pending"),
	       last = reply_field(r, i, "last-delivered-id"),
	       read = reply_field(r, i, "entries-read"), len;
	struct survey_row *row;
	const char *text;

	if (!reply_is(r, name, REPLY_STRING) || consumers == 0 || pending == 0)
		return -1;
	text = reply_text(r, name, &len);
	if (!is_wanted(st, text, len))
		return 0;
	row = survey_row_add(st, stream, text, len);
	if (reply_id(r, last, &row->delivered) < 0 ||
	    reply_number(r, consumers, &row->consumers) < 0 ||
	    reply_number(r, pending, &row->pending) < 0)
		return -1;
	if (read != 0 && reply_is(r, read, REPLY_INTEGER))
		st->task[st->rows - 1].read = r->node[read].integer;
	return 0;
}

static bool
says(const struct reply *r, const char *head)
{
	size_t len;
	const char *text = reply_text(r, 0, &len);

	return len >= strlen(head) && memcmp(text, head, strlen(head)) == 0;
}

/* Why nothing is known of the stream. */
static void
note_complaint(struct survey_state *st, const struct reply *r)
{
	if (says(r, "ERR no such key"))
		snprintf(st->complaint, sizeof(st->complaint),
			 "no such stream");
	else if (says(r, "WRONGTYPE"))
		snprintf(st->complaint, sizeof(st->complaint), "not a stream");
	else
		reply_complaint(r, 0, st->complaint, sizeof(st->complaint));
}

/* Make rows of the stream's groups.  How many there are, -1 if the connection is
 * lost. */
static int64_t
take_groups(struct survey_state *st, const struct survey_stream *stream)
{
	struct reply *r = survey_reply(st);
	size_t i = 1, left;

	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ERROR)) {
		note_complaint(st, r);
		return 0;
	}
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i))
		if (read_group(st, stream, r, i) < 0) {
			conn_fail_shape(st->c, "XINFO GROUPS");
			return -1;
		}
	return (int64_t)r->node[0].len;
}

/* An entry or nil, as XINFO STREAM has it. */
static struct id
entry_id(const struct reply *r, size_t i)
{
	struct id id;

	if (!reply_is(r, i, REPLY_ARRAY) || reply_id(r, i + 1, &id) < 0)
		return ID_MIN;
	return id;
}

/* Read XINFO STREAM.  0, 1 if it is an error, -1 if the connection is lost. */
static int
take_figures(struct survey_state *st, struct survey_row *about,
	     size_t *entry_bytes)
{
	struct reply *r = survey_reply(st);
	size_t length, added;

	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ERROR)) {
		note_complaint(st, r);
		return 1;
	}
	length = reply_field(r, 0, "length");
	added = reply_field(r, 0, "entries-added");
	if (reply_number(r, length, &about->length) < 0 ||
	    reply_id(r, reply_field(r, 0, "last-generated-id"),
		     &about->generated) < 0) {
		conn_fail_shape(st->c, "XINFO STREAM");
		return -1;
	}
	if (added != 0)
		reply_number(r, added, &about->added);
	about->first = entry_id(r, reply_field(r, 0, "first-entry"));
	about->newest = entry_id(r, reply_field(r, 0, "last-entry"));
	*entry_bytes = r->bytes.len / 2 + 1;
	return 0;
}

/* The stream has no groups, or it can't be read: one row of its own.  A stream
 * that a pattern found may be gone by now. */
static void
add_without_group(struct survey_state *st, const struct survey_stream *stream)
{
	const char *group = group_of_redrive(stream->name);
	struct survey_row *row;

	if (st->complaint[0] != '\0') {
		if (!stream->named &&
		    strcmp(st->complaint, "no such stream") == 0)
			return;
		row = survey_row_add(st, stream, NULL, 0);
		row->error = xstrdup(st->complaint);
		return;
	}
	if (group == NULL && st->o->group == NULL) {
		survey_row_add(st, stream, NULL, 0);
	} else if (group != NULL && is_wanted(st, group, strlen(group))) {
		row = survey_row_add(st, stream, group, strlen(group));
		row->consumers = row->pending = 0;
		st->task[st->rows - 1].is_absent = true;
	}
}

/* What the stream's rows have in common. */
static void
spread(struct survey_state *st, const struct survey_row *about,
       size_t entry_bytes, bool is_redrive)
{
	size_t i;

	for (i = st->first_row; i < st->rows; i++) {
		struct survey_row *row = &st->row[i];

		row->length = about->length;
		row->added = about->added;
		row->first = about->first;
		row->newest = about->newest;
		row->generated = about->generated;
		row->scheduled = about->scheduled;
		row->dead = about->dead; /* of all groups, for now */
		memcpy(row->unknown, about->unknown, sizeof(row->unknown));
		st->task[i].entry_bytes = entry_bytes;
		st->task[i].is_redrive = is_redrive;
	}
}

static int
take_stream(struct survey_state *st, size_t i)
{
	struct survey_stream *stream = st->stream[i];
	struct survey_row about = { .added = SURVEY_UNKNOWN };
	size_t entry_bytes = 0;
	int64_t groups;
	int rc;

	if (!stream->due)
		return 0;
	stream->due = false;
	st->first_row = st->rows;
	st->complaint[0] = '\0';
	if ((groups = take_groups(st, stream)) < 0 ||
	    (rc = take_figures(st, &about, &entry_bytes)) < 0)
		return -1;
	if (!stream->alone && (survey_number(st, &about, &about.dead) < 0 ||
			       survey_number(st, &about, &about.scheduled) < 0))
		return -1;
	if (st->complaint[0] != '\0')
		survey_rows_cut(st, st->first_row);
	if (st->complaint[0] != '\0' || groups == 0)
		add_without_group(st, stream);
	if (st->complaint[0] == '\0')
		spread(st, &about, entry_bytes,
		       group_of_redrive(stream->name) != NULL);
	return 0;
}

static bool
may_have_redrive(const struct survey_state *st, size_t i)
{
	const struct survey_task *task = &st->task[i];

	return st->row[i].group != NULL && !task->is_redrive &&
	       !task->stream->alone;
}

static void
name_redrive(struct survey_state *st, size_t i)
{
	stream_companion(&st->key, st->row[i].stream, "redrive:");
	buf_adds(&st->key, st->row[i].group);
	buf_text(&st->key);
}

static void
ask_redrive(struct survey_state *st, size_t i)
{
	if (!may_have_redrive(st, i))
		return;
	name_redrive(st, i);
	conn_commandv(st->c, "EXISTS", st->key.data, NULL);
}

static int
take_redrive(struct survey_state *st, size_t i)
{
	int64_t exists;

	if (!may_have_redrive(st, i))
		return 0;
	if (survey_number(st, &st->row[i], &exists) < 0)
		return -1;
	if (exists > 0) {
		name_redrive(st, i);
		survey_list(st, st->key.data, false);
	}
	return 0;
}

int
survey_streams(struct survey_state *st)
{
	size_t i;

	for (i = 0; i < st->streams; i++)
		st->stream[i]->due = true;
	if (survey_pipeline(st, st->streams, ask_stream, take_stream) < 0 ||
	    survey_pipeline(st, st->rows, ask_redrive, take_redrive) < 0 ||
	    survey_pipeline(st, st->streams, ask_stream, take_stream) < 0)
		return -1;
	/* After all ids, so that none of them is later than now by right. */
	st->now_ms = conn_now(st->c);
	return st->now_ms < 0 ? -1 : 0;
}
