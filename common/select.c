#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/select.h"
#include "common/text.h"

static int
compile(struct select *s, const char *what, const char *text,
	struct filter **filter)
{
	char why[FILTER_ERROR];

	if (text == NULL)
		return 0;
	*filter = filter_open(text, why);
	if (*filter != NULL)
		return 0;
	snprintf(s->error, sizeof(s->error), "--%s: %.*s", what,
		 FILTER_ERROR - 16, why);
	return -1;
}

int
select_open(struct select *s, const struct select_options *options)
{
	*s = (struct select){ .options = options };
	if (options->types.count != 0)
		s->roles |= EVENT_ROLE(ROLE_TYPE);
	if (options->correlation != NULL)
		s->roles |= EVENT_ROLE(ROLE_ID) | EVENT_ROLE(ROLE_CORRELATION);
	if (compile(s, "filter", options->filter, &s->filter) < 0 ||
	    compile(s, "jq", options->program, &s->program) < 0)
		return -1;
	s->schemas = catalog_open(&options->schemas);
	if (catalog_error(s->schemas) == NULL)
		return 0;
	snprintf(s->error, sizeof(s->error), "%s", catalog_error(s->schemas));
	return -1;
}

void
select_close(struct select *s)
{
	filter_close(s->filter);
	filter_close(s->program);
	catalog_close(s->schemas);
	record_release(&s->record);
	record_release(&s->shaped);
	json_release(&s->doc);
	buf_release(&s->tmp);
	buf_release(&s->made);
	buf_release(&s->failures);
	convert_release(&s->convert);
	*s = (struct select){ 0 };
}

void
select_read(struct select *s, const struct entry *e)
{
	struct record *r = &s->record;
	const char *text, *name;
	size_t len, name_len, i;

	r->id = e->id;
	if (entry_body(e, s->options->field, &text, &len)) {
		record_set_body(r, text, len);
		return;
	}
	record_begin_fields(r);
	for (i = 0; i < e->fields; i++) {
		entry_field(e, i, &name, &name_len, &text, &len);
		record_add_field(r, name, name_len, text, len);
	}
	record_end_fields(r);
}

static bool
type_matches(struct select *s, const struct event *ev)
{
	const struct opt_list *types = &s->options->types;
	const char *text;
	size_t len, i;

	if (!event_role_text(ev, ROLE_TYPE, &s->tmp, &text, &len))
		return false;
	for (i = 0; i < types->count; i++)
		if (text_glob(types->item[i], text, len))
			return true;
	return false;
}

static bool
role_is(struct select *s, enum event_role role, const char *want)
{
	const char *text;
	size_t len;

	return event_role_text(&s->record.event, role, &s->tmp, &text, &len) &&
	       len == strlen(want) && memcmp(text, want, len) == 0;
}

/* The document that filters see. */
static const struct json_doc *
document(struct select *s)
{
	const struct record *r = &s->record;
	struct buf *b = &s->tmp;

	if (r->body != RECORD_TEXT && r->body != RECORD_BASE64)
		return &r->event.doc;
	buf_clear(b);
	if (r->body == RECORD_TEXT) {
		buf_add_json(b, r->event.text, r->event.len);
	} else {
		buf_addc(b, '"');
		buf_add_base64(b, r->event.text, r->event.len);
		buf_addc(b, '"');
	}
	json_scan(&s->doc, b->data, b->len); /* our own quoting is valid */
	return &s->doc;
}

static const char *
id_of(struct select *s)
{
	id_put(s->id, s->record.id);
	return s->id;
}

static struct filter_names
names(struct select *s)
{
	const struct record *r = &s->record;

	return (struct filter_names){
		.id = !r->scheduled && id_compare(r->id, ID_MIN) != 0 ? id_of(s)
								      : NULL,
		.stream = r->stream,
		.group = r->group,
		.deliveries = r->deliveries > 0 ? r->deliveries : -1,
	};
}

static int
fail(struct select *s, const char *class, const char *why)
{
	s->class = class;
	snprintf(s->error, sizeof(s->error), "%.*s", FILTER_ERROR - 1, why);
	return -1;
}

/* Decide on the current record by all but its schema. */
static int
match(struct select *s)
{
	const struct select_options *o = s->options;
	struct filter_names bound;
	int rc;

	if (s->roles != 0) {
		if (s->record.body != RECORD_EVENT)
			return 0;
		event_recognise(&s->record.event, s->roles);
		if (o->types.count != 0 && !type_matches(s, &s->record.event))
			return 0;
		if (o->correlation != NULL &&
		    !role_is(s, ROLE_CORRELATION, o->correlation) &&
		    !role_is(s, ROLE_ID, o->correlation))
			return 0;
	}
	if (s->filter == NULL)
		return 1;
	bound = names(s);
	rc = filter_match(s->filter, document(s), &bound);
	if (rc < 0)
		fail(s, "filter", filter_error(s->filter));
	return rc;
}

/* The same by its schema.  What is no event has none. */
static int
check_schema(struct select *s)
{
	struct event *ev = &s->record.event;
	enum catalog_result result;

	s->record.invalid = NULL;
	if (s->record.body != RECORD_EVENT)
		return !s->options->invalid;
	event_recognise(ev, CATALOG_ROLES | s->roles);
	result = catalog_check(s->schemas, ev);
	if (result == CATALOG_VALID || result == CATALOG_NONE)
		return !s->options->invalid;
	if (!s->options->invalid || result == CATALOG_ERROR)
		return fail(s, "schema", catalog_error(s->schemas));
	info("%s: %s: %s", s->record.stream, id_of(s),
	     catalog_error(s->schemas));
	buf_clear(&s->failures);
	catalog_put_failures(s->schemas, &s->failures);
	s->record.invalid = buf_text(&s->failures);
	return 1;
}

int
select_record(struct select *s)
{
	int rc = match(s);

	return rc == 1 && s->schemas != NULL ? check_schema(s) : rc;
}

int
select_entry(struct select *s, const struct entry *e)
{
	select_read(s, e);
	return select_record(s);
}

int
select_body(struct select *s, const char *text, size_t len)
{
	record_set_body(&s->record, text, len);
	return select_record(s);
}

static int
print_line(struct select *s, struct out *out, const char *line, size_t len)
{
	struct record *r = &s->shaped;

	if (!s->options->meta) {
		out_json(out, line, len);
		return out_end(out);
	}
	r->stream = s->record.stream;
	r->group = s->record.group;
	r->consumer = s->record.consumer;
	r->id = s->record.id;
	r->deliveries = s->record.deliveries;
	r->attempts = s->record.attempts;
	r->status = s->record.status;
	r->due_ms = s->record.due_ms;
	r->priority = s->record.priority;
	r->scheduled = s->record.scheduled;
	r->invalid = s->record.invalid;
	r->dead = s->record.dead;
	r->dead_len = s->record.dead_len;
	record_set_body(r, line, len);
	return record_print(r, out, true);
}

/* Straight into the output where nothing needs to be put around the lines. */
static int
print_program(struct select *s, struct out *out)
{
	struct filter_names bound = names(s);
	const struct json_doc *doc = document(s);
	bool plain = !s->options->meta && !out->terminal;
	struct buf *made = plain ? &out->buf : &s->made;
	size_t at = 0;
	int rc;

	buf_clear(&s->made);
	rc = filter_run(s->program, doc, &bound, made,
			plain ? out->terminator : '\n');
	if (rc < 0)
		fail(s, "jq", filter_error(s->program));
	if (plain && out_write(out, "", 0) < 0)
		return -1;
	while (at < s->made.len) {
		const char *line = s->made.data + at;
		const char *stop = memchr(line, '\n', s->made.len - at);
		size_t len =
			stop != NULL ? (size_t)(stop - line) : s->made.len - at;

		if (print_line(s, out, line, len) < 0)
			return -1;
		at += len + 1;
	}
	return rc < 0 ? 0 : 1;
}

/* The record's body, into the envelope wanted. */
static int
convert(struct select *s)
{
	struct convert *c = &s->convert;
	struct record *r = &s->record;
	int rc;

	if (record_is_bare(r))
		event_recognise(&r->event, s->roles);
	else
		r->event.profile = NULL;
	c->error[0] = '\0';
	rc = convert_event(c, s->options->to, &r->event);
	if (rc < 0)
		snprintf(s->error, sizeof(s->error), "%s", c->error);
	else if (rc == 1)
		record_set_body(r, c->made.data, c->made.len);
	return rc;
}

int
select_print(struct select *s, struct out *out)
{
	if (s->options->to != CONVERT_NOT && convert(s) < 0)
		return 0;
	if (s->program != NULL)
		return print_program(s, out);
	return record_print(&s->record, out, s->options->meta) < 0 ? -1 : 1;
}
