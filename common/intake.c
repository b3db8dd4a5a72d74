#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/intake.h"
#include "common/mem.h"
#include "common/text.h"
#include "common/when.h"

/* --ext: NAME=VALUE each. */
static int
parse_ext(struct intake_options *o)
{
	struct envelope_ext *ext = xcalloc(o->ext.count, sizeof(*ext));
	size_t i;

	o->envelope.ext = ext;
	for (i = 0; i < o->ext.count; i++) {
		const char *text = o->ext.item[i];
		const char *equals = strchr(text, '=');

		if (equals == NULL || equals == text) {
			snprintf(o->error, sizeof(o->error),
				 "--ext: \"%s\" is not name=value", text);
			return -1;
		}
		ext[i].name = xmemdup0(text, (size_t)(equals - text));
		ext[i].value = equals + 1;
		o->envelope.ext_count++;
	}
	return 0;
}

static int
refuse_options(struct intake_options *o, const char *why)
{
	snprintf(o->error, sizeof(o->error), "%s", why);
	return -1;
}

int
intake_options_check(struct intake_options *o)
{
	const struct envelope *e = &o->envelope;
	enum convert_to to;

	if (e->type == NULL && (o->text || o->ext.count != 0))
		return refuse_options(
			o, "--text and --ext need a --type to wrap with");
	if (e->type == NULL && (e->subject != NULL || e->correlation != NULL ||
				e->causation != NULL || e->traceparent != NULL))
		return refuse_options(
			o, "--subject, --correlation, --causation and "
			   "--traceparent need a --type to wrap with");
	if (o->text && o->records)
		return refuse_options(
			o, "--text and --records exclude each other");
	if (convert_parse(o->to, &to) < 0) {
		snprintf(o->error, sizeof(o->error),
			 "--to: \"%.100s\" is neither cloudevents nor domain",
			 o->to);
		return -1;
	}
	if (o->max_bytes == 0)
		return refuse_options(o, "--max-bytes: at least 1");
	if (o->profile != NULL && strcmp(o->profile, "auto") != 0 &&
	    strcmp(o->profile, "none") != 0) {
		o->required = event_profile_find(o->profile);
		if (o->required == NULL) {
			snprintf(o->error, sizeof(o->error),
				 "--envelope: no profile \"%s\"", o->profile);
			return -1;
		}
	}
	if (parse_ext(o) < 0)
		return -1;
	if (e->type != NULL && envelope_init(&o->envelope) < 0)
		return refuse_options(o, e->error);
	return 0;
}

void
intake_options_release(struct intake_options *o)
{
	size_t i;

	for (i = 0; i < o->envelope.ext_count; i++)
		free((char *)o->envelope.ext[i].name);
	free((struct envelope_ext *)o->envelope.ext);
	opt_list_release(&o->ext);
}

int
intake_open(struct intake *in, const struct intake_options *o, char **arg,
	    size_t args)
{
	line_init(&in->lines, STDIN_FILENO, "<stdin>", (size_t)o->max_bytes);
	in->arg = arg;
	in->args = args;
	in->records = o->records;
	in->text = o->text;
	in->fill = o->fill;
	in->wrap = o->envelope.type != NULL;
	in->envelope = o->envelope;
	in->check = o->profile == NULL || strcmp(o->profile, "none") != 0;
	in->required = o->required;
	convert_parse(o->to, &in->to);
	if (o->rejects == NULL)
		return 0;
	in->rejects = fopen(o->rejects, "we");
	return in->rejects == NULL ? -1 : 0;
}

/* {"line":17,"error":"…","schema":[…],"text":"…"}, the last as in records */
static void
keep_reject(struct intake *in, const char *reason, uint64_t number,
	    const char *text, size_t len)
{
	struct buf *b = &in->quoted;
	size_t valid = text_utf8_prefix(reason, strlen(reason));

	if (in->rejects == NULL)
		return;
	buf_clear(b);
	buf_addf(b, "{\"line\":%llu,\"error\":", (unsigned long long)number);
	buf_add_json(b, reason, valid);
	if (in->by_schema) {
		buf_adds(b, ",\"schema\":");
		catalog_put_failures(in->schemas, b);
	}
	if (text_utf8_prefix(text, len) == len) {
		buf_adds(b, ",\"text\":");
		buf_add_json(b, text, len);
	} else {
		buf_adds(b, ",\"base64\":\"");
		buf_add_base64(b, text, len);
		buf_addc(b, '"');
	}
	buf_adds(b, "}\n");
	fwrite(b->data, 1, b->len, in->rejects); /* ferror() tells at the end */
}

/* The first reason is told, others to those who want to know more. */
static void
tell(const struct intake *in, bool first, uint64_t number, const char *reason)
{
	void (*say)(const char *fmt, ...) = first ? warn : info;

	if (in->arg != NULL)
		say("argument %llu: %s", (unsigned long long)number, reason);
	else
		say("%s:%llu: %s", in->lines.name, (unsigned long long)number,
		    reason);
}

void
intake_refuse(struct intake *in, const char *reason, uint64_t number,
	      const char *text, size_t len)
{
	const char *more;
	size_t i;

	in->refused++;
	tell(in, true, number, reason);
	for (i = 1; in->by_schema; i++) {
		more = catalog_failure(in->schemas, i);
		if (more == NULL)
			break;
		tell(in, false, number, more);
	}
	keep_reject(in, reason, number, text, len);
}

/* Step to the next line or argument.  1, 0, -1 (refused), -2. */
static int
next_text(struct intake *in, const char **text, size_t *len)
{
	int rc;

	if (in->arg != NULL) {
		if (in->args == 0)
			return 0;
		in->args--;
		*text = *in->arg++;
		*len = strlen(*text);
		in->number++;
		if (*len <= in->lines.max_bytes)
			return 1;
		*len = in->lines.max_bytes;
		rc = -1;
	} else {
		rc = line_next(&in->lines);
		*text = in->lines.text;
		*len = in->lines.len;
		in->number = in->lines.number;
		if (rc >= 0)
			return rc;
		if (errno != EMSGSIZE)
			return -2;
	}
	snprintf(in->error, sizeof(in->error), "longer than %zu bytes",
		 in->lines.max_bytes);
	return rc;
}

/* Put the event of a record in place of the record. */
static int
take_record(struct intake *in, const char **text, size_t *len)
{
	struct record_line *l = &in->record;

	if (record_parse(l, *text, *len) < 0) {
		snprintf(in->error, sizeof(in->error), "%s", l->error);
		return -1;
	}
	if (l->event == NULL) {
		snprintf(in->error, sizeof(in->error),
			 "a record without \"event\"");
		return -1;
	}
	*text = l->event;
	*len = l->event_len;
	return 0;
}

/* Make a CloudEvent of the line and parse that. */
static int
wrap(struct intake *in, const char *text, size_t len)
{
	struct event *ev = &in->event;

	if (in->text) {
		size_t valid = text_utf8_prefix(text, len);
		size_t plain = strnlen(text, valid);

		if (plain != len) {
			snprintf(in->error, sizeof(in->error), "byte %zu: %s",
				 plain + 1,
				 plain < valid ? "NUL" : "invalid UTF-8");
			return -1;
		}
	} else if (json_scan(&ev->doc, text, len) < 0) {
		event_parse(ev, text, len);
		snprintf(in->error, sizeof(in->error), "%s", ev->error);
		return -1;
	}
	buf_clear(&in->made);
	envelope_wrap(&in->envelope, &in->made, when_local_now(), text, len,
		      in->text);
	return event_parse(ev, in->made.data, in->made.len);
}

static int
fill(struct intake *in)
{
	struct event *ev = &in->event;
	int64_t now = when_local_now();
	int filled;

	buf_clear(&in->made);
	event_recognise(ev, 0);
	filled = envelope_fill(ev, &in->made, now);
	if (filled == 0 && ev->profile == NULL && in->required != NULL) {
		ev->profile = in->required;
		filled = envelope_fill(ev, &in->made, now);
	}
	if (filled == 0)
		return 0;
	return event_parse(ev, in->made.data, in->made.len);
}

/* Into the envelope wanted, which must then be a valid one. */
static int
convert(struct intake *in)
{
	struct convert *c = &in->convert;
	struct event *ev = &in->event;
	int rc;

	if (!in->check)
		event_recognise(ev, 0);
	rc = convert_event(c, in->to, ev);
	if (rc < 0)
		snprintf(in->error, sizeof(in->error), "%s", c->error);
	if (rc <= 0)
		return rc;
	if (event_parse(ev, c->made.data, c->made.len) < 0)
		return -1;
	return in->check ? event_check(ev, NULL) : 0;
}

static int
check_schema(struct intake *in)
{
	enum catalog_result result;

	if (!in->check)
		event_recognise(&in->event, CATALOG_ROLES);
	result = catalog_check(in->schemas, &in->event);
	if (result == CATALOG_VALID || result == CATALOG_NONE)
		return 0;
	in->by_schema = result == CATALOG_INVALID;
	in->reason = catalog_error(in->schemas);
	return -1;
}

static int
make_event(struct intake *in, const char *text, size_t len)
{
	struct event *ev = &in->event;

	in->error[0] = '\0';
	in->reason = NULL;
	in->by_schema = false;
	if (in->records && take_record(in, &text, &len) < 0)
		return -1;
	if (in->wrap) {
		if (wrap(in, text, len) < 0)
			return -1;
	} else if (event_parse(ev, text, len) < 0 ||
		   (in->fill && fill(in) < 0)) {
		return -1;
	}
	if (in->check && event_check(ev, in->required) < 0)
		return -1;
	if (in->schemas != NULL && check_schema(in) < 0)
		return -1;
	return in->to == CONVERT_NOT ? 0 : convert(in);
}

int
intake_next(struct intake *in)
{
	const char *text = NULL;
	size_t len = 0;
	int rc = next_text(in, &text, &len);

	if (rc == 1 && make_event(in, text, len) == 0)
		return 1;
	if (rc == 0 || rc == -2)
		return rc;
	if (in->reason == NULL)
		in->reason = in->error[0] != '\0' ? in->error : in->event.error;
	intake_refuse(in, in->reason, in->number, text, len);
	in->by_schema = false; /* whatever else may be refused for this line */
	return -1;
}

int
intake_close(struct intake *in)
{
	FILE *rejects = in->rejects;
	int error = 0;

	event_release(&in->event);
	record_line_release(&in->record);
	envelope_release(&in->envelope);
	line_release(&in->lines);
	convert_release(&in->convert);
	buf_release(&in->made);
	buf_release(&in->quoted);
	in->rejects = NULL;
	if (rejects != NULL && ferror(rejects))
		error = EIO;
	if (rejects != NULL && fclose(rejects) != 0)
		error = errno;
	errno = error;
	return error != 0 ? -1 : 0;
}
