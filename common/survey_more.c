/*
 * survey_more.c - survey.h's third round: what one answer can't tell
 *
 * Lags are counted on, slice by slice.  Of more than 100 pending entries the
 * longest silence is looked for by asking for those silent for a quarter longer
 * than the longest seen, until there is none.  Dead letters are counted by the
 * group that they name, since all groups of a stream share them.
 */
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/stream.h"
#include "common/survey_state.h"

enum {
	LETTERS = 1000,           /* dead letters read at most, of a stream */
	PENDING_SEARCHED = 50000, /* the server holds all up while it searches
				   * so many: 4 ms */
	ENOUGH = 100              /* answers to one search */
};

static bool
wants_probe(const struct survey_state *st, size_t i)
{
	return st->task[i].probes != 0 &&
	       st->row[i].pending <= PENDING_SEARCHED;
}

static void
ask_probe(struct survey_state *st, size_t i)
{
	const struct survey_row *row = &st->row[i];
	int64_t longer = row->oldest_ms + row->oldest_ms / 4 + 1000;

	conn_command(st->c, 8);
	conn_args(st->c, "XPENDING");
	conn_args(st->c, row->stream);
	conn_args(st->c, row->group);
	conn_args(st->c, "IDLE");
	conn_argu(st->c, (uint64_t)longer);
	conn_args(st->c, "-");
	conn_args(st->c, "+");
	conn_argu(st->c, ENOUGH);
	st->task[i].asked_pending = true;
}

static void
ask_more(struct survey_state *st, size_t i)
{
	struct survey_task *task = &st->task[i];

	if (wants_probe(st, i))
		ask_probe(st, i);
	task->asked_lag = task->counting;
	if (task->asked_lag)
		lag_ask(st->c, st->row[i].stream, &task->lag);
}

static int
take_more(struct survey_state *st, size_t i)
{
	struct survey_task *task = &st->task[i];
	int64_t n;

	if (task->asked_pending) {
		task->asked_pending = false;
		n = survey_take_pending(st, &st->row[i]);
		if (n < 0)
			return -1;
		task->probes = n == 0 ? 0 : task->probes - 1;
	}
	return task->asked_lag ? survey_take_lag(st, i) : 0;
}

static bool
wants_more(const struct survey_state *st)
{
	size_t i;

	for (i = 0; i < st->rows; i++)
		if (st->task[i].counting || wants_probe(st, i))
			return true;
	return false;
}

/* Count a dead letter for the group that it names. */
static void
count_letter(void *arg, const struct entry *entry)
{
	const struct survey_deaths *deaths = arg;
	struct survey_state *st = deaths->st;
	size_t i;

	dlq_read(&st->dead, entry, NULL);
	if (st->dead.group == NULL)
		return;
	for (i = deaths->first; i < deaths->end; i++)
		if (strcmp(st->row[i].group, st->dead.group) == 0)
			st->row[i].dead++;
}

/* The rows of one stream follow each other. */
static void
list_deaths(struct survey_state *st)
{
	struct survey_deaths *d;
	size_t i, k;

	for (i = 0; i < st->rows; i = k) {
		for (k = i + 1; k < st->rows; k++)
			if (st->task[k].stream != st->task[i].stream)
				break;
		st->row[i].dead_exact = true;
		if (st->row[i].group == NULL || st->row[i].dead <= 0) {
			for (; i < k; i++)
				st->row[i].dead_exact = st->row[i].dead >= 0;
			continue;
		}
		st->deaths_cap = mem_grow(st->deaths_cap, st->deaths_count + 1);
		st->deaths = xreallocarray(st->deaths, st->deaths_cap,
					   sizeof(*st->deaths));
		d = &st->deaths[st->deaths_count++];
		*d = (struct survey_deaths){ .st = st, .first = i, .end = k };
		lag_count_init(&d->letters, ID_MIN, ID_MAX, LETTERS, 0);
		d->letters.each = count_letter;
		for (; i < k; i++)
			st->row[i].dead = 0;
	}
	for (i = 0; i < st->deaths_count; i++)
		st->deaths[i].letters.arg = &st->deaths[i];
}

static bool
wants_letters(const struct survey_deaths *d)
{
	return !d->failed && lag_wants_more(&d->letters);
}

static void
ask_letters(struct survey_state *st, size_t i)
{
	struct survey_deaths *d = &st->deaths[i];

	if (!wants_letters(d))
		return;
	stream_companion(&st->key, st->row[d->first].stream, "dlq");
	lag_ask(st->c, st->key.data, &d->letters);
}

static int
take_letters(struct survey_state *st, size_t i)
{
	struct survey_deaths *d = &st->deaths[i];
	int64_t bytes;
	size_t k;

	if (!wants_letters(d))
		return 0;
	bytes = lag_take(st->c, &d->letters);
	if (bytes < 0 && conn_is_lost(st->c))
		return -1;
	st->bytes += bytes > 0 ? (size_t)bytes : 0;
	d->failed = bytes < 0;
	for (k = d->first; k < d->end; k++) {
		struct survey_row *row = &st->row[k];

		row->dead_exact = d->letters.ended;
		if (!d->failed)
			continue;
		row->dead = SURVEY_UNKNOWN;
		if (row->unknown[0] == '\0')
			snprintf(row->unknown, sizeof(row->unknown), "%s",
				 conn_error(st->c));
	}
	return 0;
}

static int
read_letters(struct survey_state *st)
{
	size_t i, open;

	list_deaths(st);
	do {
		if (survey_pipeline(st, st->deaths_count, ask_letters,
				    take_letters) < 0)
			return -1;
		for (i = open = 0; i < st->deaths_count; i++)
			open += wants_letters(&st->deaths[i]);
	} while (open != 0);
	return 0;
}

int
survey_more(struct survey_state *st)
{
	while (wants_more(st))
		if (survey_pipeline(st, st->rows, ask_more, take_more) < 0)
			return -1;
	return read_letters(st);
}
