/*
 * settle_verdict.c - settle.h's part about records that are to be tried again or
 * are dead.
 */
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/settle.h"

static bool
is_same(const struct buf *b, const char *text)
{
	return b->len == strlen(text) && memcmp(b->data, text, b->len) == 0;
}

/* The stream that one for redrives belongs to, which its name tells: behind it
 * stands :redrive:GROUP, and braces are around it if it had none. */
static void
set_origin(struct buf *origin, const char *stream, const char *group)
{
	static const char infix[] = ":redrive:";
	size_t len = strlen(stream), behind = strlen(group) + sizeof(infix) - 1;
	const char *end = stream + len - behind;

	if (len <= behind || memcmp(end, infix, sizeof(infix) - 1) != 0 ||
	    strcmp(end + sizeof(infix) - 1, group) != 0) {
		buf_set(origin, stream, len);
		return;
	}
	if (*stream == '{' && end[-1] == '}' && end - stream > 2) {
		stream++;
		end--;
	}
	buf_set(origin, stream, (size_t)(end - stream));
}

/* Make the verdicts be about this stream and group. */
static int
turn_to(struct settle *s, const char *stream, const char *group)
{
	struct settle_names *j = &s->judged;

	if (s->verdict.conn != NULL && is_same(&j->stream, stream) &&
	    is_same(&j->group, group))
		return 0;
	verdict_close(&s->verdict);
	buf_set(&j->stream, stream, strlen(stream));
	buf_set(&j->group, group, strlen(group));
	set_origin(&j->origin, stream, group);
	while (verdict_open(&s->verdict, s->conn, j->group.data, "") < 0) {
		verdict_close(&s->verdict);
		if (!conn_is_lost(s->conn) || conn_reconnect(s->conn) < 0)
			return -1;
	}
	verdict_add_stream(&s->verdict, j->stream.data, j->origin.data);
	return 0;
}

/* The consumer that the record was handed to.  False if it names none. */
static bool
take_consumer(struct settle *s)
{
	const struct json_member *m =
		json_doc_member(&s->record.doc, "consumer", 8);
	struct buf tmp = { 0 };
	const char *text;
	size_t len;

	if (m == NULL || m->value.type != JSON_STRING)
		return false;
	json_text(&m->value, &tmp, &text, &len);
	buf_set(&s->judged.consumer, text, len);
	buf_release(&tmp);
	s->verdict.consumer = s->judged.consumer.data;
	return len != 0 && memchr(s->judged.consumer.data, '\0', len) == NULL;
}

static int64_t
deliveries(const struct settle *s)
{
	const struct json_member *m =
		json_doc_member(&s->record.doc, "deliveries", 10);
	uint64_t n;

	if (m == NULL || num_u64(m->value.text, m->value.len, &n) < 0 ||
	    n > INT64_MAX)
		return 1;
	return (int64_t)n;
}

/* The event as it stands in the stream; if it is gone, as the record has it. */
static int
take_event(struct settle *s)
{
	struct reply *r = verdict_read(&s->verdict, 0, s->record.id);
	struct record *kept = &s->select->record;
	struct entries e = { 0 };
	struct entry entry;

	if (r == NULL)
		return -1;
	entries_init(&e, false);
	if (entries_next(&e, r, &entry) == ENTRIES_OK)
		select_read(s->select, &entry);
	else
		record_set_body(kept,
				s->record.event != NULL ? s->record.event : "",
				s->record.event_len);
	entries_release(&e);
	buf_set(&s->body, kept->event.text, kept->event.len);
	if (kept->body == RECORD_EVENT)
		event_recognise(&kept->event, EVENT_ALL_ROLES);
	event_role_copy(&kept->event, ROLE_ID, &s->event_id);
	event_role_copy(&kept->event, ROLE_TYPE, &s->type);
	return 0;
}

static int
tell_dead(struct settle *s, enum failure_reason reason, struct failure *f)
{
	struct failure_event e = {
		.stream = s->judged.origin.data,
		.group = s->judged.group.data,
		.consumer = s->judged.consumer.data,
		.id = s->record.id,
		.deliveries = deliveries(s),
	};
	char id[ID_TEXT];
	int rc;

	if (take_event(s) < 0)
		return -1;
	if (s->event_id.len != 0)
		e.event_id = s->event_id.data;
	e.event_id_len = s->event_id.len;
	if (s->type.len != 0)
		e.type = s->type.data;
	e.type_len = s->type.len;
	rc = verdict_dead(&s->verdict, reason, f, &e, 0, s->body.data,
			  s->body.len);
	id_put(id, e.id);
	if (rc == 1)
		warn("%s: %s is dead (%s): %s", e.stream, id,
		     failure_reason_name(reason), f->error);
	s->dead += rc == 1;
	return rc;
}

/* Whoever is there for it shall take it over, and not he who put it into the
 * pipeline keep it. */
static int
tell_retry(struct settle *s, struct failure *f)
{
	char id[ID_TEXT], count[NUM_TEXT + 1];
	int rc = verdict_fail(&s->verdict, 0, s->record.id, f);

	if (rc != 1)
		return rc;
	s->retried++;
	id_put(id, s->record.id);
	count[num_put(count, (uint64_t)deliveries(s))] = '\0';
	if (script_call(s->conn, &s->release, 1, s->judged.stream.data,
			s->judged.group.data, s->judged.consumer.data, id,
			count, NULL) == NULL)
		debug("%s: %s: cannot give back: %s", s->judged.stream.data, id,
		      conn_error(s->conn));
	return 1;
}

/* 1, 0 if it is not that consumer's any more, -1. */
static int
tell(struct settle *s)
{
	const struct answer *a = &s->answer;
	const struct desk_rules *rules = &s->o->rules;
	struct failure f;
	bool dead = a->kind == ANSWER_DEAD;

	if (verdict_ledger(&s->verdict, 0, s->record.id, &f) < 0)
		return -1;
	f.class = a->class[0] != '\0' ? a->class : "verdict";
	f.error = a->error[0] != '\0' ? a->error : "no reason was given";
	f.attempts++;
	f.last_ms = verdict_now(&s->verdict);
	if (f.first_ms == 0)
		f.first_ms = f.last_ms;
	if (dead || (uint64_t)f.attempts >= rules->attempts)
		return tell_dead(s, dead ? FAILURE_REJECTED : FAILURE_EXHAUSTED,
				 &f);
	f.due_ms = f.last_ms + (a->retry_ms >= 0
					? a->retry_ms
					: desk_backoff(rules, f.attempts));
	return tell_retry(s, &f);
}

const char *
settle_judge(struct settle *s, const char *group, bool *failed)
{
	int rc;

	*failed = turn_to(s, s->record.stream, group) < 0;
	if (*failed)
		return NULL;
	if (!take_consumer(s))
		return "no \"consumer\": only what is done can do without";
	rc = tell(s);
	*failed = rc < 0;
	s->unknown += rc == 0;
	return NULL;
}

void
settle_release(struct settle *s)
{
	struct settle_names *j = &s->judged;

	verdict_close(&s->verdict);
	answer_release(&s->answer);
	buf_release(&j->stream);
	buf_release(&j->origin);
	buf_release(&j->group);
	buf_release(&j->consumer);
	buf_release(&s->body);
	buf_release(&s->event_id);
	buf_release(&s->type);
}
