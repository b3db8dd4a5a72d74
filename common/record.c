#include <stdio.h>
#include <string.h>

#include "common/record.h"
#include "common/text.h"
#include "common/when.h"

void
record_set_body(struct record *r, const char *text, size_t len)
{
	struct event *ev = &r->event;

	if (event_parse(ev, text, len) == 0)
		r->body = RECORD_EVENT;
	else if (ev->doc.error == NULL)
		r->body = RECORD_JSON;
	else if (text_utf8_prefix(text, len) == len)
		r->body = RECORD_TEXT;
	else
		r->body = RECORD_BASE64;
}

void
record_begin_fields(struct record *r)
{
	buf_clear(&r->fields);
	buf_addc(&r->fields, '{');
}

static void
add_quoted_base64(struct buf *b, const char *bytes, size_t len)
{
	buf_addc(b, '"');
	buf_add_base64(b, bytes, len);
	buf_addc(b, '"');
}

void
record_add_field(struct record *r, const char *name, size_t name_len,
		 const char *value, size_t value_len)
{
	struct buf *b = &r->fields;

	if (b->len > 1)
		buf_addc(b, ',');
	if (text_utf8_prefix(name, name_len) == name_len)
		buf_add_json(b, name, name_len);
	else
		add_quoted_base64(b, name, name_len);
	buf_addc(b, ':');
	if (text_utf8_prefix(value, value_len) == value_len) {
		buf_add_json(b, value, value_len);
	} else {
		buf_adds(b, "{\"base64\":");
		add_quoted_base64(b, value, value_len);
		buf_addc(b, '}');
	}
}

void
record_end_fields(struct record *r)
{
	buf_addc(&r->fields, '}');
	record_set_body(r, r->fields.data, r->fields.len);
	r->body = RECORD_FIELDS;
}

bool
record_is_bare(const struct record *r)
{
	return r->body == RECORD_EVENT || r->body == RECORD_FIELDS;
}

static void
add_text(struct buf *b, const char *key, const char *text)
{
	size_t len;

	if (text == NULL)
		return;
	len = strlen(text);
	buf_addf(b, ",\"%s\":", key);
	if (text_utf8_prefix(text, len) == len)
		buf_add_json(b, text, len);
	else
		add_quoted_base64(b, text, len);
}

static void
add_number(struct buf *b, const char *key, int64_t n)
{
	if (n > 0)
		buf_addf(b, ",\"%s\":%lld", key, (long long)n);
}

static void
add_time(struct buf *b, const char *key, int64_t ms)
{
	char time[WHEN_TEXT];

	when_put(time, ms);
	add_text(b, key, time);
}

/* {"stream":…,"id":…, … up to the body, which no leading comma precedes */
static void
add_head(struct buf *b, const struct record *r)
{
	char id[ID_TEXT];
	size_t start = b->len;

	add_text(b, "stream", r->stream);
	if (!r->scheduled) {
		id_put(id, r->id);
		add_text(b, "id", id);
		add_time(b, "time",
			 r->id.ms > INT64_MAX ? INT64_MAX : (int64_t)r->id.ms);
	}
	add_text(b, "group", r->group);
	add_text(b, "status", r->status);
	add_text(b, "consumer", r->consumer);
	add_number(b, "deliveries", r->deliveries);
	add_number(b, "attempts", r->attempts);
	if (r->scheduled || r->due_ms != 0)
		add_time(b, "due", r->due_ms);
	add_text(b, "priority", r->priority);
	b->data[start] = '{';
}

static const char *const body_keys[] = {
	[RECORD_EVENT] = ",\"event\":",   [RECORD_FIELDS] = ",\"fields\":",
	[RECORD_JSON] = ",\"event\":",    [RECORD_TEXT] = ",\"text\":",
	[RECORD_BASE64] = ",\"base64\":", [RECORD_NONE] = "",
};

static const char dead_key[] = ",\"dead\":";

/* A body that is no JSON. */
static void
add_encoded(struct buf *b, const struct record *r)
{
	if (r->body == RECORD_TEXT)
		buf_add_json(b, r->event.text, r->event.len);
	else
		add_quoted_base64(b, r->event.text, r->event.len);
}

void
record_put(const struct record *r, struct buf *b)
{
	const struct event *ev = &r->event;

	add_head(b, r);
	if (r->dead != NULL) {
		buf_adds(b, dead_key);
		buf_add(b, r->dead, r->dead_len);
	}
	buf_adds(b, body_keys[r->body]);
	if (r->body == RECORD_TEXT || r->body == RECORD_BASE64)
		add_encoded(b, r);
	else
		buf_add(b, ev->text, ev->len);
	buf_addc(b, '}');
}

int
record_print(const struct record *r, struct out *out, bool meta)
{
	const struct event *ev = &r->event;

	if (out->error != 0)
		return -1;
	if (!meta && record_is_bare(r)) {
		out_json(out, ev->text, ev->len);
		return out_end(out);
	}
	add_head(&out->buf, r);
	if (r->dead != NULL) {
		buf_adds(&out->buf, dead_key);
		out_json(out, r->dead, r->dead_len);
	}
	buf_adds(&out->buf, body_keys[r->body]);
	if (r->body == RECORD_TEXT || r->body == RECORD_BASE64)
		add_encoded(&out->buf, r);
	else
		out_json(out, ev->text, ev->len);
	buf_addc(&out->buf, '}');
	return out_end(out);
}

void
record_release(struct record *r)
{
	event_release(&r->event);
	buf_release(&r->fields);
}

/* Copy a member's text behind a NUL-terminated offset in texts; 0 if absent,
 * -1 if it is no string or holds a NUL. */
static int
take_text(struct record_line *l, const char *key, size_t *offset)
{
	const struct json_member *m =
		json_doc_member(&l->doc, key, strlen(key));
	const char *text;
	size_t len;

	*offset = 0;
	if (m == NULL || m->value.type == JSON_NULL)
		return 0;
	if (m->value.type != JSON_STRING) {
		snprintf(l->error, sizeof(l->error), "\"%s\" is not a string",
			 key);
		return -1;
	}
	json_text(&m->value, &l->bytes, &text, &len);
	if (memchr(text, '\0', len) != NULL) {
		snprintf(l->error, sizeof(l->error), "\"%s\" holds a NUL", key);
		return -1;
	}
	*offset = l->texts.len;
	buf_add(&l->texts, text, len);
	buf_addc(&l->texts, '\0');
	return 0;
}

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/*
 * Decode a string of padded base64 (RFC 4648) into out; -1 if it is none.  What
 * is unescaped there is overwritten behind where it is read.
 */
static int
decode_base64(struct buf *out, const struct json_value *value)
{
	const char *text;
	unsigned bits = 0;
	size_t len, i, pad = 0;

	json_text(value, out, &text, &len);
	if (len % 4 != 0)
		return -1;
	buf_clear(out);
	buf_reserve(out, len); /* so that text stays where it is */
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	for (i = 0; i < len - pad; i++) {
		int digit = base64_digit(text[i]);

		if (digit < 0)
			return -1;
		bits = bits << 6 | (unsigned)digit;
		if (i % 4 != 0)
			buf_addc(out, (char)(bits >> (6 - 2 * (i % 4)) & 0xff));
	}
	return 0;
}

/* Find the body under the first of its four names. */
static int
take_body(struct record_line *l)
{
	static const struct {
		const char *key;
		enum record_body body;
	} kinds[] = { { "event", RECORD_EVENT },
		      { "fields", RECORD_FIELDS },
		      { "text", RECORD_TEXT },
		      { "base64", RECORD_BASE64 } };
	const struct json_member *m = NULL;
	size_t i;

	l->event = NULL;
	l->event_len = 0;
	for (i = 0; m == NULL && i < 4; i++) {
		m = json_doc_member(&l->doc, kinds[i].key,
				    strlen(kinds[i].key));
		l->body = kinds[i].body;
	}
	if (m == NULL)
		return 0;
	if (l->body == RECORD_EVENT || l->body == RECORD_FIELDS) {
		l->event = m->value.text;
		l->event_len = m->value.len;
		return 0;
	}
	if (m->value.type != JSON_STRING ||
	    (l->body == RECORD_BASE64 &&
	     decode_base64(&l->bytes, &m->value) < 0)) {
		snprintf(l->error, sizeof(l->error), "\"%s\" is not %s",
			 kinds[i - 1].key,
			 l->body == RECORD_TEXT ? "a string" : "base64");
		return -1;
	}
	if (l->body == RECORD_TEXT) {
		json_text(&m->value, &l->bytes, &l->event, &l->event_len);
		return 0;
	}
	l->event = buf_text(&l->bytes);
	l->event_len = l->bytes.len;
	return 0;
}

int
record_parse(struct record_line *l, const char *text, size_t len)
{
	size_t stream, id, group;

	if (json_scan(&l->doc, text, len) < 0) {
		snprintf(l->error, sizeof(l->error), "byte %zu: %s",
			 l->doc.error_at + 1, l->doc.error);
		return -1;
	}
	if (l->doc.root.type != JSON_OBJECT) {
		snprintf(l->error, sizeof(l->error), "not a record but %s",
			 json_type_name(l->doc.root.type));
		return -1;
	}
	buf_clear(&l->texts);
	buf_addc(&l->texts, '\0'); /* offset 0 stands for absent */
	if (take_text(l, "stream", &stream) < 0 ||
	    take_text(l, "id", &id) < 0 || take_text(l, "group", &group) < 0)
		return -1;
	l->stream = stream != 0 ? l->texts.data + stream : NULL;
	l->group = group != 0 ? l->texts.data + group : NULL;
	l->id = ID_MIN;
	l->has_id = id != 0;
	if (l->has_id && id_parse(l->texts.data + id,
				  strlen(l->texts.data + id), 0, &l->id) < 0) {
		snprintf(l->error, sizeof(l->error), "\"id\" is no entry id");
		return -1;
	}
	return take_body(l);
}

void
record_line_release(struct record_line *l)
{
	json_release(&l->doc);
	buf_release(&l->texts);
	buf_release(&l->bytes);
}
