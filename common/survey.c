#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/scan.h"
#include "common/stream.h"
#include "common/survey_state.h"

enum {
	FIRST_WINDOW = 16,
	LARGEST_WINDOW = 512,
	FLIGHT_BYTES = 4 << 20 /* of answers that the server may hold for us */
};

void
survey_init(struct survey *s, const struct survey_options *options)
{
	struct survey_state *st = xcalloc(1, sizeof(*st));

	*s = (struct survey){ .options = options, .state = st };
	st->s = s;
	st->o = options;
	st->window = FIRST_WINDOW;
}

static void
release_rows(struct survey_row *row, size_t from, size_t count)
{
	for (; from < count; from++) {
		free(row[from].group);
		free(row[from].error);
	}
}

static void
release_stream(struct survey_stream *stream)
{
	free(stream->name);
	free(stream);
}

void
survey_release(struct survey *s)
{
	struct survey_state *st = s->state;
	size_t i;

	release_rows(s->row, 0, s->count);
	free(s->row);
	if (st != NULL) {
		survey_rows_cut(st, 0);
		for (i = 0; i < st->streams; i++)
			release_stream(st->stream[i]);
		free(st->stream);
		free(st->row);
		free(st->task);
		free(st->deaths);
		buf_release(&st->key);
		dlq_dead_release(&st->dead);
		free(st);
	}
	*s = (struct survey){ 0 };
}

/* The place of a name in the list, which is in order. */
static size_t
place_of(const struct survey_state *st, const char *name)
{
	size_t low = 0, high = st->streams;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(st->stream[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
survey_list(struct survey_state *st, const char *name, bool named)
{
	size_t at = place_of(st, name);
	struct survey_stream *stream;

	if (at < st->streams && strcmp(st->stream[at]->name, name) == 0) {
		st->stream[at]->named |= named;
		return;
	}
	st->streams_cap = mem_grow(st->streams_cap, st->streams + 1);
	st->stream =
		xreallocarray(st->stream, st->streams_cap, sizeof(*st->stream));
	memmove(st->stream + at + 1, st->stream + at,
		(st->streams - at) * sizeof(*st->stream));
	stream = st->stream[at] = xcalloc(1, sizeof(*stream));
	stream->name = xstrdup(name);
	stream->named = named;
	stream->alone = stream_name_error(name) != NULL;
	stream->due = true;
	st->streams++;
}

void
survey_add(struct survey *s, const char *stream)
{
	survey_list(s->state, stream, true);
}

/* What a pattern finds besides what is meant by it. */
struct search {
	struct survey_state *st;
	bool dlq, audit;
};

static void
found(void *arg, const char *name)
{
	struct search *search = arg;
	size_t len = strlen(name);

	if (!search->dlq && len > 4 && strcmp(name + len - 4, ":dlq") == 0)
		return;
	if (!search->audit && strcmp(name, "ev:audit") == 0)
		return;
	survey_list(search->st, name, false);
}

int
survey_find(struct survey *s, struct conn *c, const char *pattern)
{
	struct search search = {
		.st = s->state,
		.dlq = strstr(pattern, "dlq") != NULL,
		.audit = strstr(pattern, "audit") != NULL,
	};
	struct scan scan;
	int rc;

	scan_init(&scan, c, false);
	rc = scan_find(&scan, pattern, found, &search);
	scan_release(&scan);
	return rc;
}

struct survey_row *
survey_row_add(struct survey_state *st, const struct survey_stream *stream,
	       const char *group, size_t len)
{
	struct survey_row *row;

	if (st->rows == st->cap) {
		st->cap = mem_grow(st->cap, st->rows + 1);
		st->row = xreallocarray(st->row, st->cap, sizeof(*st->row));
		st->task = xreallocarray(st->task, st->cap, sizeof(*st->task));
	}
	row = &st->row[st->rows];
	*row = (struct survey_row){
		.stream = stream->name,
		.group = group != NULL ? xmemdup0(group, len) : NULL,
		.length = SURVEY_UNKNOWN,
		.added = SURVEY_UNKNOWN,
		.lag = SURVEY_UNKNOWN,
		.age_ms = SURVEY_UNKNOWN,
		.pending = SURVEY_UNKNOWN,
		.oldest_ms = SURVEY_UNKNOWN,
		.retrying = SURVEY_UNKNOWN,
		.dead = SURVEY_UNKNOWN,
		.scheduled = SURVEY_UNKNOWN,
		.consumers = SURVEY_UNKNOWN,
		.silent_ms = SURVEY_UNKNOWN,
		.work = { SURVEY_UNKNOWN, SURVEY_UNKNOWN, SURVEY_UNKNOWN,
			  SURVEY_UNKNOWN },
		.in_per_s = (double)NAN,
		.out_per_s = (double)NAN,
		.growth_per_s = (double)NAN,
		.eta_ms = SURVEY_UNKNOWN,
		.verdict = SURVEY_NO_VERDICT,
	};
	st->task[st->rows++] = (struct survey_task){
		.stream = stream,
		.read = -1,
		.claim = -1,
	};
	return row;
}

void
survey_rows_cut(struct survey_state *st, size_t rows)
{
	release_rows(st->row, rows, st->rows);
	if (rows < st->rows)
		st->rows = rows;
}

/* The server holds the answers that we have not read yet: as many items are on
 * their way as make a few megabytes. */
static void
adapt_window(struct survey_state *st)
{
	size_t fits = FLIGHT_BYTES / (st->bytes + 1) + 1;

	if (fits > st->window + 1)
		fits = st->window + 1;
	st->window = fits < LARGEST_WINDOW ? fits : LARGEST_WINDOW;
}

int
survey_pipeline(struct survey_state *st, size_t count,
		void (*ask)(struct survey_state *st, size_t i),
		int (*take)(struct survey_state *st, size_t i))
{
	size_t asked = 0, taken = 0;

	while (taken < count) {
		if (asked - taken <= st->window / 2) {
			while (asked < count && asked - taken < st->window)
				ask(st, asked++);
			if (conn_flush(st->c) < 0)
				return -1;
		}
		st->bytes = 0;
		if (take(st, taken++) < 0)
			return -1;
		adapt_window(st);
	}
	return 0;
}

struct reply *
survey_reply(struct survey_state *st)
{
	struct reply *r = conn_reply(st->c, 0);

	if (r != NULL)
		st->bytes += r->bytes.len;
	return r;
}

void
survey_complain(struct survey_row *row, const struct reply *r)
{
	if (row->unknown[0] == '\0')
		reply_complaint(r, 0, row->unknown, sizeof(row->unknown));
}

int
survey_number(struct survey_state *st, struct survey_row *row, int64_t *number)
{
	struct reply *r = survey_reply(st);

	if (r == NULL)
		return -1;
	*number = SURVEY_UNKNOWN;
	if (reply_number(r, 0, number) < 0 && row != NULL)
		survey_complain(row, r);
	return 0;
}

static int
compare_names(const char *stream, const char *group,
	      const struct survey_row *row)
{
	int order = strcmp(stream, row->stream);

	if (order != 0)
		return order;
	if (group == NULL || row->group == NULL)
		return (group != NULL) - (row->group != NULL);
	return strcmp(group, row->group);
}

static int
by_names(const void *a, const void *b)
{
	const struct survey_row *row = a;

	return compare_names(row->stream, row->group, b);
}

/* The rows of this time take the place of the last time's. */
static void
publish_rows(struct survey *s)
{
	struct survey_state *st = s->state;

	release_rows(s->row, 0, s->count);
	free(s->row);
	s->row = st->row;
	s->count = st->rows;
	s->now_ms = st->now_ms;
	st->row = NULL;
	st->rows = st->cap = 0;
	if (s->count != 0)
		qsort(s->row, s->count, sizeof(*s->row), by_names);
}

int
survey_read(struct survey *s, struct conn *c)
{
	struct survey_state *st = s->state;

	st->c = c;
	st->deaths_count = 0;
	survey_rows_cut(st, 0);
	if (survey_streams(st) < 0 || survey_groups(st) < 0 ||
	    survey_more(st) < 0)
		return -1;
	publish_rows(s);
	return 0;
}

const struct survey_row *
survey_row(const struct survey *s, const char *stream, const char *group)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_names(stream, group, &s->row[middle]);

		if (order == 0)
			return &s->row[middle];
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *
survey_verdict_name(enum survey_verdict verdict)
{
	static const char *const names[] = {
		[SURVEY_OK] = "OK",
		[SURVEY_GROWING] = "GROWING",
		[SURVEY_STALLED] = "STALLED",
		[SURVEY_STOPPED] = "STOPPED",
		[SURVEY_NO_CONSUMERS] = "NO-CONSUMERS",
		[SURVEY_STUCK_PENDING] = "STUCK-PENDING",
		[SURVEY_REWOUND] = "REWOUND",
		[SURVEY_NO_VERDICT] = "-",
	};

	return names[verdict];
}
