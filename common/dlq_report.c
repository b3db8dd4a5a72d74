#include <string.h>

#include "common/audit.h"
#include "common/diag.h"
#include "common/dlq_report.h"
#include "common/text.h"
#include "common/when.h"

static void
put_name(struct buf *b, const char *name)
{
	if (b->data[b->len - 1] != '{')
		buf_addc(b, ',');
	buf_addf(b, "\"%s\":", name);
}

/* Options may hold any bytes; what is no UTF-8 ends them here. */
static void
put_value(struct buf *b, const char *text)
{
	buf_add_json(b, text, text_utf8_prefix(text, strlen(text)));
}

static void
put_text(struct buf *b, const char *name, const char *text)
{
	if (text == NULL)
		return;
	put_name(b, name);
	put_value(b, text);
}

static void
put_list(struct buf *b, const char *name, const struct opt_list *list)
{
	size_t i;

	if (list->count == 0)
		return;
	put_name(b, name);
	for (i = 0; i < list->count; i++) {
		buf_addc(b, i == 0 ? '[' : ',');
		put_value(b, list->item[i]);
	}
	buf_addc(b, ']');
}

static void
put_count(struct buf *b, const char *name, uint64_t n)
{
	put_name(b, name);
	buf_addu(b, n);
}

static void
put_bound(struct buf *b, const char *name, const struct when *when,
	  struct id id)
{
	char text[ID_TEXT];

	if (when->kind == WHEN_UNSET)
		return;
	id_put(text, id);
	put_text(b, name, text);
}

void
dlq_report_select(struct buf *out, const struct dlq *d,
		  const struct dlq_options *o,
		  const struct select_options *select, bool input)
{
	buf_addc(out, '{');
	if (input) {
		put_name(out, "stdin");
		buf_adds(out, "true");
	}
	put_text(out, "group", o->group);
	put_list(out, "reason", &o->reasons);
	put_list(out, "type", &select->types);
	put_text(out, "filter", select->filter);
	put_bound(out, "since", &o->since, d->first);
	put_bound(out, "until", &o->until, d->last);
	if (select->count != UINT64_MAX)
		put_count(out, "count", select->count);
	buf_addc(out, '}');
}

static const char *
verb(const struct dlq_change *c)
{
	if (c->goal->purge)
		return c->goal->dry ? "would purge" : "purged";
	return c->goal->dry ? "would redrive" : "redriven";
}

static void
print_line(const struct dlq_change *c, struct out *out, uint64_t count,
	   const char *to)
{
	out_name(out, c->stream);
	buf_addf(&out->buf, ": %s %llu", verb(c), (unsigned long long)count);
	if (to != NULL) {
		buf_adds(&out->buf, " to ");
		out_name(out, to);
	}
	out_end(out);
}

static uint64_t
refused(const struct dlq_change *c)
{
	return c->worn + c->empty + c->nowhere + c->absent;
}

uint64_t
dlq_report_print(const struct dlq_change *c, struct out *out)
{
	size_t i;

	for (i = 0; i < c->targets; i++)
		print_line(c, out, c->target[i].count, c->target[i].key);
	if (c->targets == 0)
		print_line(c, out, c->done, NULL);
	if (c->worn != 0)
		warn("%s: %llu refused: redriven %d times already, see --force",
		     c->stream, (unsigned long long)c->worn, DLQ_REDRIVES);
	if (c->empty != 0)
		warn("%s: %llu refused: no event is left of them", c->stream,
		     (unsigned long long)c->empty);
	if (c->nowhere != 0)
		warn("%s: %llu refused: no group is known, see --to", c->stream,
		     (unsigned long long)c->nowhere);
	if (c->missing != 0)
		info("%s: %llu were gone meanwhile", c->stream,
		     (unsigned long long)c->missing);
	return refused(c);
}

static void
put_counts(struct buf *b, const struct dlq_change *c)
{
	size_t i;

	buf_addc(b, '{');
	put_count(b, c->goal->purge ? "purged" : "redriven", c->done);
	put_count(b, "refused", refused(c));
	if (c->targets != 0) {
		put_name(b, "targets");
		for (i = 0; i < c->targets; i++) {
			buf_addc(b, i == 0 ? '{' : ',');
			put_value(b, c->target[i].key);
			buf_addc(b, ':');
			buf_addu(b, c->target[i].count);
		}
		buf_addc(b, '}');
	}
	buf_addc(b, '}');
}

int
dlq_report_audit(struct dlq_change *c, const char *select, const char *group)
{
	struct buf counts = { 0 }, was = { 0 }, is = { 0 };
	int64_t after = dlq_length(c->conn, c->stream);
	int rc = -1;

	put_counts(&counts, c);
	buf_addf(&was, "{\"dead\":%lld}", (long long)c->before);
	buf_addf(&is, "{\"dead\":%lld}", (long long)after);
	if (after >= 0)
		rc = audit_put(
			c->conn,
			&(struct audit){
				.action = c->goal->purge ? "purge" : "redrive",
				.stream = c->stream,
				.group = group,
				.to = c->goal->to,
				.select = select,
				.counts = buf_text(&counts),
				.before = buf_text(&was),
				.after = buf_text(&is),
			});
	if (rc < 0)
		warn("%s: the change is not in %s: %s", c->stream, AUDIT_STREAM,
		     conn_error(c->conn));
	buf_release(&counts);
	buf_release(&was);
	buf_release(&is);
	return rc;
}
