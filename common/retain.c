#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/retain.h"
#include "common/stream.h"
#include "common/trim_reap.h"

void
retain_init(struct retain *r, struct conn *conn, struct conn *reader)
{
	*r = (struct retain){
		.trim = { .conn = conn,
			  .reader = reader,
			  .deadline = INT64_MAX },
		.report = { .conn = conn },
	};
}

void
retain_release(struct retain *r)
{
	size_t i;

	for (i = 0; i < r->archives; i++) {
		archive_close(r->archive[i]);
		free(r->archive[i]);
	}
	free(r->archive);
	trim_release(&r->trim);
	buf_release(&r->chosen);
	*r = (struct retain){ .archives = 0 };
}

static void
say_refusal(struct retain *r, struct conn *c)
{
	fault("%s", conn_error(c));
	r->refused = true;
}

static void
say_breakage(struct retain *r, const struct archive *a)
{
	fault("%s", a->error);
	r->broken = true;
}

/* NULL after a message. */
static struct archive *
open_archive(struct retain *r, const char *path)
{
	struct archive *a;
	size_t i;

	for (i = 0; i < r->archives; i++)
		if (strcmp(r->archive[i]->path, path) == 0)
			return r->archive[i];
	a = xmalloc(sizeof(*a));
	if (archive_open(a, path) < 0) {
		say_breakage(r, a);
		free(a);
		return NULL;
	}
	r->archive = xreallocarray(r->archive, r->archives + 1,
				   sizeof(struct archive *));
	r->archive[r->archives++] = a;
	return a;
}

static void
trim(struct retain *r, const char *stream, const char *archive,
     const struct trim_limits *l)
{
	struct trim *t = &r->trim;
	struct trim_result res;
	int rc;

	t->archive = NULL;
	if (archive != NULL && !r->report.plan &&
	    (t->archive = open_archive(r, archive)) == NULL)
		return;
	trim_begin(t, stream);
	rc = trim_run(t, l, r->report.plan, &res);
	if (rc == -1)
		say_refusal(r,
			    conn_error(t->conn) != NULL ? t->conn : t->reader);
	if (rc == -2)
		say_breakage(r, t->archive);
	if (rc == 0 && !t->state.exists)
		info("%s: no such stream", stream);
	if (!t->state.exists || (rc < 0 && res.gone.n == 0))
		return;
	trim_report_limits(&r->chosen, l, archive, t->force);
	r->report.select = buf_text(&r->chosen);
	if (trim_report_run(&r->report, t, &res) < 0)
		r->refused = true;
	r->held |= (res.held.n != 0 && !t->force) || res.left_bytes != 0;
}

static void
trim_dead(struct retain *r, const char *stream, const struct policy_rule *rule)
{
	struct trim_limits dead = TRIM_LIMITS_INIT;
	struct buf key = { 0 };

	dead.keep_ms = rule->dead_ms;
	stream_companion(&key, stream, "dlq");
	trim(r, buf_text(&key), rule->archive, &dead);
	buf_release(&key);
}

static void
reap(struct retain *r, const char *stream, int64_t idle_ms)
{
	char idle[NUM_DURATION_TEXT];
	uint64_t n;

	if (trim_reap(r->trim.conn, stream, idle_ms, r->report.plan, &n) < 0) {
		say_refusal(r, r->trim.conn);
		return;
	}
	buf_clear(&r->chosen);
	buf_addf(&r->chosen, "{\"idle\":\"%s\"}",
		 num_put_duration(idle, idle_ms));
	r->report.select = buf_text(&r->chosen);
	if (trim_report_reap(&r->report, stream, n) < 0)
		r->refused = true;
}

void
retain_apply(struct retain *r, const char *stream,
	     const struct policy_rule *rule)
{
	if (trim_limits_any(&rule->limits))
		trim(r, stream, rule->archive, &rule->limits);
	if (rule->dead_ms >= 0 && stream_name_error(stream) == NULL)
		trim_dead(r, stream, rule);
	if (rule->consumers_ms >= 0)
		reap(r, stream, rule->consumers_ms);
}
