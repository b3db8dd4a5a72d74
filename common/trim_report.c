#include <string.h>

#include "common/audit.h"
#include "common/diag.h"
#include "common/num.h"
#include "common/text.h"
#include "common/trim_report.h"

enum { POINT_TEXT = ID_TEXT + WHEN_TEXT + 4 };

/* An id and its time: "1795209426824-213 (2026-11-20T21:17:06.824Z)". */
static const char *
put_point(char out[POINT_TEXT], struct id id)
{
	size_t n = id_put(out, id);

	out[n++] = ' ';
	out[n++] = '(';
	n += when_put(out + n, id.ms > INT64_MAX ? INT64_MAX : (int64_t)id.ms);
	out[n++] = ')';
	out[n] = '\0';
	return out;
}

/* Bytes with three digits or so: 312, 4.1k, 17M. */
static void
add_size(struct buf *b, uint64_t bytes)
{
	static const char units[] = "kMGTPE";
	double n = (double)bytes;
	size_t i = 0;

	if (bytes < 1024) {
		buf_addu(b, bytes);
		return;
	}
	n /= 1024;
	while (n >= 1024) {
		n /= 1024;
		i++;
	}
	buf_addf(b, n < 9.95 ? "%.1f%c" : "%.0f%c", n, units[i]);
}

static const char *
plural(uint64_t n)
{
	return n == 1 ? "entry" : "entries";
}

/* What holds entries back, in the second half of a message. */
static void
add_reason(struct buf *b, enum trim_why why, struct id at)
{
	char point[POINT_TEXT];

	if (why == TRIM_PENDING)
		buf_addf(b, "pending from %s on", put_point(point, at));
	else if (id_compare(at, ID_MIN) == 0)
		buf_adds(b, "it has read nothing");
	else
		buf_addf(b, "it has read up to %s", put_point(point, at));
}

static void
warn_of(const struct trim_report *r, const char *stream, const char *group,
	const struct trim_count *held, enum trim_why why, struct id at)
{
	struct buf b = { 0 };

	add_reason(&b, why, at);
	warn("%s: group %s %s %s%llu %s%s: %s", stream, group,
	     !r->force ? "holds"
	     : r->plan ? "would lose"
		       : "loses",
	     held->exact ? "" : "about ", (unsigned long long)held->n,
	     plural(held->n), r->force ? "" : " back", buf_text(&b));
	buf_release(&b);
}

/* JSON */

static void
add_value(struct buf *b, const char *text)
{
	size_t len = strlen(text);

	if (text_utf8_prefix(text, len) == len) {
		buf_add_json(b, text, len);
		return;
	}
	buf_adds(b, "{\"base64\":\"");
	buf_add_base64(b, text, len);
	buf_adds(b, "\"}");
}

static void
add_id(struct buf *b, const char *name, struct id id)
{
	char text[ID_TEXT];

	if (id_compare(id, ID_MIN) == 0)
		return;
	id_put(text, id);
	buf_addf(b, ",\"%s\":\"%s\"", name, text);
}

static void
add_holder(struct buf *b, const char *group, const struct trim_count *held,
	   enum trim_why why, struct id at)
{
	char id[ID_TEXT];

	id_put(id, at);
	buf_adds(b, "{\"group\":");
	add_value(b, group);
	buf_addf(b,
		 ",\"why\":\"%s\",\"id\":\"%s\",\"entries\":%llu,"
		 "\"exact\":%s}",
		 why == TRIM_PENDING ? "pending" : "unread", id,
		 (unsigned long long)held->n, held->exact ? "true" : "false");
}

/* The start of a line, up to what is counted. */
static void
add_head(const struct trim_report *r, const char *stream, const char *action,
	 const char *what, uint64_t n)
{
	struct buf *b = &r->out->buf;

	buf_adds(b, "{\"stream\":");
	add_value(b, stream);
	buf_addf(b, ",\"action\":\"%s\",\"done\":%s,\"%s\":%llu", action,
		 r->plan ? "false" : "true", what, (unsigned long long)n);
}

static void
print_json(const struct trim_report *r, const struct trim *t,
	   const struct trim_result *res)
{
	struct buf *b = &r->out->buf;

	add_head(r, t->stream, "trim", "entries", res->gone.n);
	buf_addf(b, ",\"exact\":%s,\"length\":%llu,\"bytes\":%llu",
		 res->gone.exact ? "true" : "false",
		 (unsigned long long)res->length,
		 (unsigned long long)res->bytes);
	if (res->gone.n != 0)
		add_id(b, "first", res->first);
	add_id(b, "last", res->gone.last);
	if (t->archive != NULL && !r->plan)
		buf_addf(b, ",\"archived\":%llu",
			 (unsigned long long)res->archived);
	buf_adds(b, r->force ? ",\"lost\":[" : ",\"held\":[");
	if (res->held.n != 0)
		add_holder(b, t->holder.group.data, &res->held, t->holder.why,
			   t->holder.at);
	buf_adds(b, "]}");
	out_end(r->out);
}

static void
print_plan(const struct trim_report *r, const struct trim *t,
	   const struct trim_result *res)
{
	struct buf *b = &r->out->buf;
	const struct trim_count *gone = &res->gone;
	char point[POINT_TEXT];

	out_name(r->out, t->stream);
	buf_addf(b, ": would trim %s%llu of %llu %s", gone->exact ? "" : "≈ ",
		 (unsigned long long)gone->n, (unsigned long long)res->length,
		 plural(res->length));
	if (gone->n != 0) {
		buf_adds(b, ", ≈ ");
		add_size(b, res->bytes);
		buf_addf(b, ", from %s", put_point(point, res->first));
	}
	if (id_compare(gone->last, ID_MIN) != 0)
		buf_addf(b, " to %s", put_point(point, gone->last));
	if (t->state.need.why == TRIM_FREE)
		buf_adds(b, "; it has no group");
	out_end(r->out);
}

static void
print_done(const struct trim_report *r, const struct trim *t,
	   const struct trim_result *res)
{
	struct buf *b = &r->out->buf;
	char point[POINT_TEXT];

	if (res->gone.n == 0 && res->archived == 0) {
		info("%s: nothing to trim", t->stream);
		return;
	}
	out_name(r->out, t->stream);
	buf_addf(b, ": trimmed %llu of %llu %s, ≈ ",
		 (unsigned long long)res->gone.n,
		 (unsigned long long)res->length, plural(res->length));
	add_size(b, res->bytes);
	if (t->archive != NULL)
		buf_addf(b, ", archived %llu",
			 (unsigned long long)res->archived);
	if (id_compare(res->first_after, ID_MIN) == 0)
		buf_adds(b, "; it is empty");
	else
		buf_addf(b, "; it begins at %s",
			 put_point(point, res->first_after));
	out_end(r->out);
}

/* Add the event of a change.  The objects are complete. */
static int
put_audit(const struct trim_report *r, const char *action, const char *stream,
	  struct buf *counts, struct buf *was, struct buf *is)
{
	struct audit a = {
		.action = action,
		.stream = stream,
		.select = r->select,
		.counts = buf_text(counts),
		.before = was->len != 0 ? buf_text(was) : NULL,
		.after = is->len != 0 ? buf_text(is) : NULL,
	};
	int rc = 0;

	if (r->audit && !r->plan && (rc = audit_put(r->conn, &a)) < 0)
		warn("%s: the change is not in %s: %s", stream, AUDIT_STREAM,
		     conn_error(r->conn));
	buf_release(counts);
	buf_release(was);
	buf_release(is);
	return rc;
}

static void
add_state(struct buf *b, uint64_t length, struct id first)
{
	buf_addf(b, "{\"length\":%llu", (unsigned long long)length);
	add_id(b, "first", first);
	buf_addc(b, '}');
}

static int
audit_run(const struct trim_report *r, const struct trim *t,
	  const struct trim_result *res)
{
	struct buf counts = { 0 }, was = { 0 }, is = { 0 };

	buf_addf(&counts, "{\"trimmed\":%llu", (unsigned long long)res->gone.n);
	if (t->archive != NULL)
		buf_addf(&counts, ",\"archived\":%llu",
			 (unsigned long long)res->archived);
	if (res->held.n != 0) {
		buf_addf(&counts, ",\"%s\":", r->force ? "lost" : "held");
		add_holder(&counts, t->holder.group.data, &res->held,
			   t->holder.why, t->holder.at);
	}
	buf_addc(&counts, '}');
	add_state(&was, res->length, res->first);
	add_state(&is, res->length_after, res->first_after);
	return put_audit(r, "trim", t->stream, &counts, &was, &is);
}

int
trim_report_run(const struct trim_report *r, const struct trim *t,
		const struct trim_result *res)
{
	struct buf size = { 0 };

	if (r->ndjson)
		print_json(r, t, res);
	else if (r->plan)
		print_plan(r, t, res);
	else
		print_done(r, t, res);
	if (res->held.n != 0)
		warn_of(r, t->stream, t->holder.group.data, &res->held,
			t->holder.why, t->holder.at);
	if (res->left_bytes != 0 && res->held.n == 0) {
		add_size(&size, res->left_bytes);
		warn("%s: about %s too much, and no entry left to trim: it "
		     "is in its groups",
		     t->stream, buf_text(&size));
		buf_release(&size);
	}
	return res->gone.n != 0 ? audit_run(r, t, res) : 0;
}

static void
warn_of_holders(const struct trim_report *r, const struct trim_delete *d)
{
	size_t i;

	for (i = 0; i < d->holders; i++) {
		const struct trim_holder *h = &d->holder[i];
		char id[ID_TEXT];

		id_put(id, h->first);
		warn("%s: group %s %s %llu %s%s: %s, first %s", d->stream,
		     h->group,
		     !r->force ? "holds"
		     : r->plan ? "would lose"
			       : "loses",
		     (unsigned long long)h->count, plural(h->count),
		     r->force ? "" : " back",
		     h->why == TRIM_PENDING ? "pending" : "not read yet", id);
	}
}

static void
add_holders(struct buf *b, const struct trim_delete *d)
{
	size_t i;

	for (i = 0; i < d->holders; i++) {
		const struct trim_holder *h = &d->holder[i];
		struct trim_count n = { h->count, true, ID_MIN };

		if (i != 0)
			buf_addc(b, ',');
		add_holder(b, h->group, &n, h->why, h->first);
	}
}

/* A line that only counts: "orders: would delete 3 entries". */
static void
print_count(const struct trim_report *r, const char *stream, const char *would,
	    const char *did, uint64_t n, const char *what)
{
	if (n == 0 && !r->plan) {
		info("%s: %s nothing", stream, did);
		return;
	}
	out_name(r->out, stream);
	buf_addf(&r->out->buf, ": %s %llu %s", r->plan ? would : did,
		 (unsigned long long)n, what);
	out_end(r->out);
}

int
trim_report_delete(const struct trim_report *r, const struct trim_delete *d)
{
	struct buf counts = { 0 }, none = { 0 }, also_none = { 0 };

	if (r->ndjson) {
		add_head(r, d->stream, "delete", "entries", d->removed);
		buf_addf(&r->out->buf, ",\"absent\":%llu,\"%s\":[",
			 (unsigned long long)d->absent,
			 r->force ? "lost" : "held");
		add_holders(&r->out->buf, d);
		buf_adds(&r->out->buf, "]}");
		out_end(r->out);
	} else {
		print_count(r, d->stream, "would delete", "deleted", d->removed,
			    plural(d->removed));
	}
	warn_of_holders(r, d);
	if (d->removed == 0)
		return 0;
	buf_addf(&counts, "{\"deleted\":%llu", (unsigned long long)d->removed);
	if (d->holders != 0) {
		buf_addf(&counts, ",\"%s\":[", r->force ? "lost" : "held");
		add_holders(&counts, d);
		buf_addc(&counts, ']');
	}
	buf_addc(&counts, '}');
	return put_audit(r, "delete", d->stream, &counts, &none, &also_none);
}

/* Consumers and scheduled events. */
static int
report_count(const struct trim_report *r, const char *stream,
	     const char *action, const char *member, uint64_t n)
{
	struct buf counts = { 0 }, none = { 0 }, also_none = { 0 };

	if (r->ndjson) {
		add_head(r, stream, action, member, n);
		buf_addc(&r->out->buf, '}');
		out_end(r->out);
	}
	if (n == 0)
		return 0;
	buf_addf(&counts, "{\"%s\":%llu}", member, (unsigned long long)n);
	return put_audit(r, action, stream, &counts, &none, &also_none);
}

int
trim_report_reap(const struct trim_report *r, const char *stream, uint64_t n)
{
	if (!r->ndjson)
		print_count(r, stream, "would remove", "removed", n,
			    n == 1 ? "idle consumer" : "idle consumers");
	return report_count(r, stream, "reap", "consumers", n);
}

int
trim_report_cancel(const struct trim_report *r, const char *stream, uint64_t n)
{
	if (!r->ndjson)
		print_count(r, stream, "would cancel", "cancelled", n,
			    n == 1 ? "scheduled event" : "scheduled events");
	return report_count(r, stream, "cancel", "events", n);
}

static void
add_name(struct buf *b, const char *name)
{
	if (b->data[b->len - 1] != '{')
		buf_addc(b, ',');
	buf_addf(b, "\"%s\":", name);
}

static void
add_text(struct buf *b, const char *name, const char *text)
{
	if (text == NULL)
		return;
	add_name(b, name);
	add_value(b, text);
}

static void
add_number(struct buf *b, const char *name, uint64_t n, uint64_t none)
{
	if (n == none)
		return;
	add_name(b, name);
	buf_addu(b, n);
}

static void
add_true(struct buf *b, const char *name, bool yes)
{
	if (!yes)
		return;
	add_name(b, name);
	buf_adds(b, "true");
}

/* An end of a range, unless it is open there. */
static void
add_end(struct buf *b, const char *name, struct id id, struct id open)
{
	char text[ID_TEXT];

	if (id_compare(id, open) == 0)
		return;
	id_put(text, id);
	add_text(b, name, text);
}

void
trim_report_limits(struct buf *out, const struct trim_limits *l,
		   const char *archive, bool force)
{
	char text[NUM_DURATION_TEXT];

	buf_clear(out);
	buf_addc(out, '{');
	if (l->keep_ms >= 0)
		add_text(out, "keep", num_put_duration(text, l->keep_ms));
	add_end(out, "before", l->before, ID_MIN);
	add_number(out, "maxlen", l->maxlen, TRIM_NO_LIMIT);
	add_number(out, "max_bytes", l->max_bytes, TRIM_NO_LIMIT);
	add_text(out, "archive", archive);
	add_true(out, "force", force);
	buf_addc(out, '}');
}

void
trim_report_select(struct buf *out, const struct select_options *o,
		   struct id first, struct id last, bool ids, bool force)
{
	size_t i;

	buf_clear(out);
	buf_addc(out, '{');
	add_true(out, "ids", ids);
	add_end(out, "since", first, ID_MIN);
	add_end(out, "until", last, ID_MAX);
	if (o->types.count != 0)
		add_name(out, "type");
	for (i = 0; i < o->types.count; i++) {
		buf_addc(out, i == 0 ? '[' : ',');
		add_value(out, o->types.item[i]);
	}
	if (o->types.count != 0)
		buf_addc(out, ']');
	add_text(out, "filter", o->filter);
	add_text(out, "correlation", o->correlation);
	add_number(out, "count", o->count, UINT64_MAX);
	add_true(out, "force", force);
	buf_addc(out, '}');
}
