#include <stdio.h>
#include <string.h>

#include "common/again.h"
#include "common/audit.h"
#include "common/diag.h"
#include "common/rewind_report.h"
#include "common/text.h"

static bool
is_back(const struct rewind *w)
{
	return id_compare(w->to, w->at) < 0;
}

static void
put_id(struct buf *b, struct id id)
{
	char text[ID_TEXT];

	id_put(text, id);
	buf_adds(b, text);
}

static void
put_time(struct buf *b, struct id id)
{
	char text[WHEN_TEXT];

	when_put(text, id.ms > INT64_MAX ? INT64_MAX : (int64_t)id.ms);
	buf_adds(b, text);
}

static void
put_known(struct buf *b, int64_t n)
{
	if (n < 0)
		buf_adds(b, "unknown");
	else
		buf_addu(b, (uint64_t)n);
}

/* "orders: would move billing back, from behind 9-0 to behind 4-0" */
static void
print_move(const struct rewind *w, bool done, struct out *out)
{
	out_name(out, w->stream);
	buf_adds(&out->buf, done ? ": moved " : ": would move ");
	out_name(out, w->group);
	if (id_compare(w->to, w->at) != 0)
		buf_adds(&out->buf, is_back(w) ? " back" : " on");
	buf_adds(&out->buf, ", from behind ");
	put_id(&out->buf, w->at);
	buf_adds(&out->buf, " to behind ");
	put_id(&out->buf, w->to);
	out_end(out);
}

/* "orders: 5 entries run again, of 2026-… to 2026-…" */
static void
print_span(const struct rewind *w, struct out *out)
{
	struct buf *b = &out->buf;

	out_name(out, w->stream);
	buf_adds(b, ": ");
	if (!w->span.exact)
		buf_adds(b, "at least ");
	buf_addu(b, w->span.count);
	buf_adds(b, w->span.count == 1 ? " entry " : " entries ");
	if (id_compare(w->to, w->at) <= 0)
		buf_adds(b, w->span.count == 1 ? "runs again" : "run again");
	else
		buf_adds(b, w->span.count == 1 ? "is passed over"
					       : "are passed over");
	if (w->span.count != 0) {
		buf_adds(b, ", of ");
		put_time(b, w->span.first);
		buf_adds(b, " to ");
		put_time(b, w->span.last);
	}
	out_end(out);
}

void
rewind_report_print(const struct rewind *w, bool done, struct out *out)
{
	print_move(w, done, out);
	print_span(w, out);
	out_name(out, w->stream);
	buf_adds(&out->buf, ": lag ");
	put_known(&out->buf, w->lag);
	buf_adds(&out->buf, ", then ");
	put_known(&out->buf, w->lag_then);
	out_end(out);
	if (w->pending <= 0)
		return;
	out_name(out, w->stream);
	buf_adds(&out->buf, ": pending ");
	buf_addu(&out->buf, (uint64_t)w->pending);
	buf_adds(&out->buf, ", which stay so until they run again");
	out_end(out);
}

void
rewind_report_undo(const struct rewind *w, const char *words, struct out *out)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s --rewind ", diag_program());
	again_put_word(&b, w->group);
	buf_adds(&b, " --behind ");
	put_id(&b, w->at);
	if (w->keeps_read) {
		buf_adds(&b, " --entries-read ");
		put_known(&b, w->read);
	}
	buf_addf(&b, " -y%s", words);
	buf_adds(&out->buf, "undo with: ");
	out_name(out, buf_text(&b));
	out_end(out);
	buf_release(&b);
}

void
rewind_report_active(const struct rewind *w)
{
	size_t at = 0;

	for (; at < w->active.len; at += strlen(w->active.data + at) + 1)
		warn("%s: %s: consumer %s is at work", w->stream, w->group,
		     w->active.data + at);
}

static void
put_state(struct buf *b, const struct rewind *w, struct id id, int64_t read,
	  int64_t lag)
{
	buf_adds(b, "{\"last_delivered\":\"");
	put_id(b, id);
	buf_addc(b, '"');
	if (w->keeps_read && read >= 0)
		buf_addf(b, ",\"entries_read\":%lld", (long long)read);
	if (lag >= 0)
		buf_addf(b, ",\"lag\":%lld", (long long)lag);
	buf_addc(b, '}');
}

static void
put_goal(struct buf *b, const struct rewind_goal *g)
{
	switch (g->kind) {
	case REWIND_SINCE:
		buf_adds(b, "{\"since\":");
		break;
	case REWIND_BEHIND:
		buf_adds(b, "{\"behind\":");
		break;
	case REWIND_TO_END:
		buf_adds(b, "{\"to-end\":true}");
		return;
	case REWIND_BY:
		buf_addf(b, "{\"by\":%s%llu}", g->back ? "-" : "",
			 (unsigned long long)g->by);
		return;
	}
}

int
rewind_report_audit(struct rewind *w)
{
	struct buf select = { 0 }, counts = { 0 }, was = { 0 }, is = { 0 };
	const struct rewind_goal *g = w->goal;
	int rc;

	put_goal(&select, g);
	if (g->kind == REWIND_SINCE || g->kind == REWIND_BEHIND) {
		buf_addc(&select, '"');
		put_id(&select, g->kind == REWIND_BEHIND ? w->to : w->since);
		buf_adds(&select, "\"}");
	}
	buf_addf(&counts, "{\"%s\":%llu,\"pending\":%lld}",
		 is_back(w) ? "again" : "passed",
		 (unsigned long long)w->span.count, (long long)w->pending);
	put_state(&was, w, w->at, w->read, w->lag);
	put_state(&is, w, w->to, w->read_then, w->lag_then);
	rc = audit_put(w->conn, &(struct audit){
					.action = "rewind",
					.stream = w->stream,
					.group = w->group,
					.select = buf_text(&select),
					.counts = buf_text(&counts),
					.before = buf_text(&was),
					.after = buf_text(&is),
				});
	if (rc < 0)
		warn("%s: the change is not in %s: %s", w->stream, AUDIT_STREAM,
		     conn_error(w->conn));
	buf_release(&select);
	buf_release(&counts);
	buf_release(&was);
	buf_release(&is);
	return rc;
}
