#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/sample.h"
#include "common/stop.h"
#include "common/text.h"
#include "common/when.h"

const char *
sample_options_error(const struct sample_options *o)
{
	size_t i;

	if (o->survey.lease_ms == 0)
		return "--lease must be longer than 0";
	for (i = 0; i < o->operands; i++)
		if (*o->operand[i] == '\0')
			return "a stream's name can't be empty";
	return NULL;
}

void
sample_init(struct sample *s, const struct sample_options *o, struct conn *c)
{
	*s = (struct sample){ .o = o, .conn = c };
	survey_init(&s->survey, &o->survey);
	s->judge = judge_open(&o->survey);
}

static void
forget(struct survey *past)
{
	size_t i;

	for (i = 0; i < past->count; i++) {
		free((char *)past->row[i].stream);
		free(past->row[i].group);
	}
	free(past->row);
	*past = (struct survey){ 0 };
}

/* Keep what rules_check() compares of the rows with groups. */
static void
remember(struct survey *past, const struct survey *now)
{
	size_t i;

	forget(past);
	past->now_ms = now->now_ms;
	past->row = xcalloc(now->count, sizeof(*past->row));
	for (i = 0; i < now->count; i++) {
		const struct survey_row *row = &now->row[i];

		if (row->group == NULL)
			continue;
		past->row[past->count++] = (struct survey_row){
			.stream = xstrdup(row->stream),
			.group = xstrdup(row->group),
			.dead = row->dead,
			.dead_exact = row->dead_exact,
		};
	}
}

void
sample_release(struct sample *s)
{
	judge_close(s->judge);
	survey_release(&s->survey);
	forget(&s->past);
}

static int
find(struct sample *s)
{
	const struct sample_options *o = s->o;
	size_t i;

	if (o->operands == 0)
		return survey_find(&s->survey, s->conn, "*");
	for (i = 0; i < o->operands; i++)
		if (!text_is_glob(o->operand[i]))
			survey_add(&s->survey, o->operand[i]);
		else if (survey_find(&s->survey, s->conn, o->operand[i]) < 0)
			return -1;
	return 0;
}

static int
look(struct sample *s)
{
	const int64_t most_ms = SURVEY_MINUTES * 60000;

	/* The rows that are there are overwritten by the next reading. */
	if (s->survey.now_ms - s->past.now_ms >= most_ms)
		remember(&s->past, &s->survey);
	if (find(s) < 0 || survey_read(&s->survey, s->conn) < 0)
		return -1;
	if (s->o->memory && health_read_memory(s->conn, &s->memory) < 0)
		return -1;
	judge_take(s->judge, &s->survey);
	return 0;
}

/* A connection that has ended since the last look says so only now. */
static int
look_again(struct sample *s)
{
	int tries;

	for (tries = 0; tries < 2; tries++) {
		if (conn_is_lost(s->conn) && conn_reopen(s->conn) < 0)
			return -1;
		if (look(s) == 0)
			return 0;
		if (!conn_is_lost(s->conn) || stop_requested())
			return -1;
	}
	return -1;
}

int
sample_take(struct sample *s)
{
	int64_t start = when_monotonic(), now = when_local_now();
	int rc = look_again(s);

	s->seconds = (double)(when_monotonic() - start) / 1000;
	if (rc == 0) {
		s->away_ms = 0;
		s->now_ms = s->survey.now_ms;
	} else {
		if (s->away_ms == 0)
			s->away_ms = now;
		s->now_ms = when_local_now();
	}
	return rc;
}

bool
sample_is_whole(const struct sample *s)
{
	const char *group = s->o->survey.group;
	bool whole = true;
	size_t i;

	for (i = 0; i < s->survey.count; i++)
		if (s->survey.row[i].error != NULL) {
			fault("%s: %s", s->survey.row[i].stream,
			      s->survey.row[i].error);
			whole = false;
		}
	if (s->survey.count == 0 && group != NULL && !text_is_glob(group)) {
		fault("%s: no such group", group);
		whole = false;
	} else if (s->survey.count == 0) {
		warn("nothing to show: no stream%s matches",
		     group != NULL ? " or group" : "");
	}
	return whole;
}

double
sample_memory(const struct sample *s)
{
	return s->o->memory ? health_memory_percent(&s->memory) : -1;
}
