/*
 * joblist_print.c - joblist.h's part about jobs as lines of JSON and as a table
 */
#include <string.h>

#include "common/joblist.h"
#include "common/table.h"
#include "common/text.h"
#include "common/when.h"

enum { BAR = 10 /* characters */ };

static void
put_text(struct buf *b, const char *key, const char *text)
{
	buf_addf(b, ",\"%s\":", key);
	if (text == NULL)
		buf_adds(b, "null");
	else
		buf_add_json_bytes(b, text, strlen(text));
}

static void
put_number(struct buf *b, const char *key, int64_t n)
{
	if (n < 0)
		buf_addf(b, ",\"%s\":null", key);
	else
		buf_addf(b, ",\"%s\":%lld", key, (long long)n);
}

static void
put_time(struct buf *b, const char *key, int64_t ms)
{
	char text[WHEN_TEXT];

	if (ms != 0)
		when_put(text, ms);
	put_text(b, key, ms != 0 ? text : NULL);
}

static void
print_job(const struct joblist_job *job, struct out *out)
{
	struct buf *b = &out->buf;
	char id[ID_TEXT];

	id_put(id, job->id);
	buf_adds(b, "{\"stream\":");
	buf_add_json_bytes(b, job->stream, strlen(job->stream));
	put_text(b, "group", job->group);
	put_text(b, "id", id);
	put_text(b, "state", joblist_state_name(job->state));
	put_text(b, "event_id", job->event_id);
	put_text(b, "type", job->type);
	put_text(b, "consumer", job->consumer);
	put_number(b, "attempt", job->attempt);
	put_number(b, "deliveries", job->deliveries);
	put_number(b, "age_ms", job->age_ms);
	put_number(b, "silent_ms", job->silent_ms);
	put_time(b, "due", job->due_ms);
	put_number(b, "percent", job->percent);
	put_text(b, "text", job->text);
	put_time(b, "progress_time", job->told_ms);
	buf_addc(b, '}');
	out_end(out);
}

void
joblist_print_ndjson(const struct joblist *l, struct out *out)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		print_job(&l->job[i], out);
}

void
joblist_put_progress(struct buf *out, const struct joblist_job *job)
{
	int i;

	if (job->percent >= 0) {
		buf_addc(out, '[');
		for (i = 0; i < BAR; i++)
			buf_adds(out, i < job->percent * BAR / 100 ? "#" : "·");
		buf_addf(out, "] %d%%", job->percent);
	}
	if (job->text != NULL && job->percent >= 0)
		buf_addc(out, ' ');
	if (job->text != NULL)
		buf_adds(out, job->text);
}

/* Columns, and how soon they are spared where lines are narrow. */
static const struct table_column columns[] = {
	{ "STREAM", false, true },   { "GROUP", false, true },
	{ "ID", false, false },      { "STATE", false, false },
	{ "PROGRESS", false, true }, { "AGE", true, false },
	{ "TRY", true, false },      { "SILENT", true, false },
	{ "CONSUMER", false, true }, { "TYPE", false, true },
	{ "EVENT", false, true },
};
static const unsigned char spare[] = { 0, 0, 3, 0, 0, 0, 0, 6, 1, 2, 4 };

static void
add_text(struct table *t, enum table_look look, const char *text)
{
	if (text == NULL)
		table_none(t);
	else
		table_text(t, look, text, strlen(text));
}

/* What is worth knowing of a job in its state. */
static void
add_progress(struct table *t, const struct joblist *l,
	     const struct joblist_job *job, struct buf *tmp)
{
	char age[TABLE_SHORT];

	buf_clear(tmp);
	if (job->state == JOBLIST_WAITING) {
		buf_addf(tmp, "due in %s",
			 table_put_age(age, job->due_ms - l->now_ms));
	} else {
		joblist_put_progress(tmp, job);
		if (job->state == JOBLIST_STUCK)
			buf_addf(tmp, "%ssilent for %s",
				 tmp->len != 0 ? ", " : "",
				 table_put_age(age, job->silent_ms));
	}
	if (tmp->len == 0)
		table_none(t);
	else
		table_text(t, TABLE_PLAIN, tmp->data, tmp->len);
}

static void
add_job(struct table *t, const struct joblist *l, const struct joblist_job *job,
	struct buf *tmp)
{
	static const enum table_look looks[] = {
		[JOBLIST_STUCK] = TABLE_BAD,
		[JOBLIST_RUNNING] = TABLE_GOOD,
		[JOBLIST_WAITING] = TABLE_WARNING,
	};
	char id[ID_TEXT];

	id_put(id, job->id);
	add_text(t, TABLE_PLAIN, job->stream);
	add_text(t, TABLE_PLAIN, job->group);
	add_text(t, TABLE_PLAIN, id);
	add_text(t, looks[job->state], joblist_state_name(job->state));
	add_progress(t, l, job, tmp);
	table_age(t, TABLE_PLAIN, job->age_ms);
	table_count(t, TABLE_PLAIN, job->attempt);
	table_age(t, TABLE_PLAIN, job->silent_ms);
	add_text(t, TABLE_PLAIN, job->consumer);
	add_text(t, TABLE_PLAIN, job->type);
	add_text(t, TABLE_PLAIN, job->event_id);
}

void
joblist_print_table(const struct joblist *l, size_t first, size_t rows,
		    size_t width, bool colour, struct out *out)
{
	struct buf tmp = { 0 };
	struct table t;
	size_t i;

	if (l->count == 0)
		return;
	table_init(&t, columns, sizeof(spare));
	t.spare = spare;
	for (i = first; i < l->count && i - first < rows; i++)
		add_job(&t, l, &l->job[i], &tmp);
	table_print(&t, width, colour, out);
	table_release(&t);
	buf_release(&tmp);
}
