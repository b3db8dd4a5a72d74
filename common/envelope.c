#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/cloudevent.h"
#include "common/diag.h"
#include "common/envelope.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"
#include "common/when.h"

/* Bytes are compared as numbers from 0 to 255. */
typedef unsigned char byte;

enum {
	UUID_LEN = ENVELOPE_UUID - 1,
	TIME_LEN = WHEN_TEXT - 1,

	/* RFC 9562, section 6.2, method 1: the counter starts anywhere in its
	 * lower half, so that it has room to rise within a ms. */
	COUNT_BITS = 26,
	COUNT_LOW_BITS = 14, /* of them behind the variant */
	RANDOM_BYTES = 6,

	SLICE = 512 /* bytes of text that are escaped at a time */
};

/* What was before, as far as the next id depends on it. */
static struct {
	uint64_t ms;
	uint32_t count;
	size_t left; /* unused bytes at the end of random */
	byte random[4096];
} uuid;

static uint64_t
take_random(size_t bytes)
{
	uint64_t value = 0;
	size_t done;

	if (uuid.left < bytes) {
		for (done = 0; done < sizeof(uuid.random);) {
			ssize_t n = getrandom(uuid.random + done,
					      sizeof(uuid.random) - done, 0);

			if (n < 0 && errno != EINTR)
				die(EXIT_OUTPUT, "cannot get random bytes: %s",
				    strerror(errno));
			done += n > 0 ? (size_t)n : 0;
		}
		uuid.left = sizeof(uuid.random);
	}
	memcpy(&value, uuid.random + sizeof(uuid.random) - uuid.left, bytes);
	uuid.left -= bytes;
	return value;
}

static void
put_hex(char *out, uint64_t value, int digits)
{
	while (digits-- > 0) {
		out[digits] = "0123456789abcdef"[value & 15];
		value >>= 4;
	}
}

void
envelope_uuid(char out[ENVELOPE_UUID], int64_t now_ms)
{
	const uint32_t low_half = ((uint32_t)1 << (COUNT_BITS - 1)) - 1;
	const uint32_t low_bits = (1u << COUNT_LOW_BITS) - 1;
	uint64_t tail;

	if (now_ms > 0 && (uint64_t)now_ms > uuid.ms) {
		uuid.ms = (uint64_t)now_ms;
		uuid.count = (uint32_t)take_random(4) & low_half;
	} else if (++uuid.count >> COUNT_BITS != 0) {
		uuid.ms++;
		uuid.count = (uint32_t)take_random(4) & low_half;
	}
	tail = (uint64_t)(uuid.count & low_bits) << (8 * RANDOM_BYTES) |
	       take_random(RANDOM_BYTES);
	put_hex(out, uuid.ms >> 16, 8);
	out[8] = '-';
	put_hex(out + 9, uuid.ms, 4);
	out[13] = '-';
	put_hex(out + 14, 0x7000 | uuid.count >> COUNT_LOW_BITS, 4);
	out[18] = '-';
	put_hex(out + 19, 0x8000 | tail >> 48, 4);
	out[23] = '-';
	put_hex(out + 24, tail, 12);
	out[UUID_LEN] = '\0';
}

/* As buf_add_json(), with room made for many characters at a time. */
static void
add_json(struct buf *out, const char *text, size_t len)
{
	const char *end = text + len, *stop;

	buf_addc(out, '"');
	while (text < end) {
		size_t slice = end - text < SLICE ? (size_t)(end - text)
						  : (size_t)SLICE;
		char *to = buf_reserve(out, 6 * slice);

		for (stop = text + slice; text < stop;) {
			byte c = (byte)*text;
			size_t n;

			if (c == '"' || c == '\\') {
				*to++ = '\\';
				*to++ = *text++;
			} else if (c >= ' ' && c < 0x7f) {
				*to++ = *text++;
			} else {
				n = text_utf8_len(text, (size_t)(end - text));
				assert(n != 0);
				to += text_json_escape(to, text, n);
				text += n;
			}
		}
		out->len = (size_t)(to - out->data);
	}
	buf_addc(out, '"');
}

static void
add_member(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	add_json(b, name, strlen(name));
	buf_addc(b, ':');
	add_json(b, value, strlen(value));
	buf_addc(b, ',');
}

/* urn:host:NAME, what a URN may not hold percent-encoded (RFC 8141). */
static void
add_host_source(struct buf *b)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._";
	char host[256] = "";
	const char *c = host;

	if (gethostname(host, sizeof(host) - 1) < 0 || *host == '\0')
		c = "localhost";
	buf_adds(b, "\"source\":\"urn:host:");
	for (; *c != '\0'; c++) {
		if (strchr(plain, *c) != NULL)
			buf_addc(b, *c);
		else
			buf_addf(b, "%%%02X", (unsigned)(byte)*c);
	}
	buf_adds(b, "\",");
}

static int
fail(struct envelope *e, const char *name, const char *what)
{
	snprintf(e->error, sizeof(e->error), "%s: %s", name, what);
	return -1;
}

static int
check_utf8(struct envelope *e, const char *name, const char *value)
{
	size_t len = value != NULL ? strlen(value) : 0;

	if (len == 0 || text_utf8_prefix(value, len) == len)
		return 0;
	return fail(e, name, "not valid UTF-8");
}

/* Before anything is written as JSON, which must be UTF-8. */
static int
check_texts(struct envelope *e)
{
	size_t i;

	if (check_utf8(e, "type", e->type) < 0 ||
	    check_utf8(e, "source", e->source) < 0 ||
	    check_utf8(e, "subject", e->subject) < 0 ||
	    check_utf8(e, "correlationid", e->correlation) < 0 ||
	    check_utf8(e, "causationid", e->causation) < 0 ||
	    check_utf8(e, "traceparent", e->traceparent) < 0)
		return -1;
	for (i = 0; i < e->ext_count; i++)
		if (check_utf8(e, "extension", e->ext[i].name) < 0 ||
		    check_utf8(e, e->ext[i].name, e->ext[i].value) < 0)
			return -1;
	return 0;
}

/* What all texts are together, must be a CloudEvent: a sample tells. */
static int
check_sample(struct envelope *e)
{
	struct json_doc doc = { 0 };
	struct buf sample = { 0 }, tmp = { 0 };
	int rc;

	envelope_wrap(e, &sample, 0, "{}", 2, false); /* null is no data */
	rc = json_scan(&doc, sample.data, sample.len);
	if (rc < 0)
		fail(e, "envelope", doc.error);
	else
		rc = cloudevent_check(&doc, e->error, sizeof(e->error), &tmp);
	json_release(&doc);
	buf_release(&sample);
	buf_release(&tmp);
	return rc;
}

static const char head_start[] = "{\"specversion\":\"1.0\",\"id\":\"";

int
envelope_init(struct envelope *e)
{
	static const char blank[UUID_LEN + 1] = "";
	size_t i;

	if (check_texts(e) < 0)
		return -1;
	buf_clear(&e->head);
	buf_clear(&e->tail);
	e->has_content_type = false;

	buf_adds(&e->head, head_start);
	buf_add(&e->head, blank, UUID_LEN);
	buf_adds(&e->head, "\",");
	if (e->source != NULL)
		add_member(&e->head, "source", e->source);
	else
		add_host_source(&e->head);
	add_member(&e->head, "type", e->type);
	buf_adds(&e->head, "\"time\":\"");
	buf_add(&e->head, blank, TIME_LEN);
	buf_adds(&e->head, "\",");

	add_member(&e->tail, "subject", e->subject);
	add_member(&e->tail, "correlationid", e->correlation);
	add_member(&e->tail, "causationid", e->causation);
	add_member(&e->tail, "traceparent", e->traceparent);
	for (i = 0; i < e->ext_count; i++) {
		add_member(&e->tail, e->ext[i].name, e->ext[i].value);
		if (strcmp(e->ext[i].name, "datacontenttype") == 0)
			e->has_content_type = true;
	}
	return check_sample(e);
}

static void
put(char **at, const char *text, size_t len)
{
	memcpy(*at, text, len);
	*at += len;
}

/* The head has gaps for the id, at its start, and the time, at its end. */
void
envelope_wrap(const struct envelope *e, struct buf *out, int64_t now_ms,
	      const char *text, size_t len, bool as_text)
{
	static const char json[] = "\"datacontenttype\":\"application/json\",";
	static const char plain[] = "\"datacontenttype\":\"text/plain\",";
	static const char data[] = "\"data\":";
	char id[ENVELOPE_UUID], time[WHEN_TEXT];
	size_t fixed = e->head.len + e->tail.len + sizeof(json) + sizeof(data);
	char *at = buf_reserve(out, mem_add(fixed, len));

	envelope_uuid(id, now_ms);
	when_put(time, now_ms);
	memcpy(at, e->head.data, e->head.len);
	memcpy(at + sizeof(head_start) - 1, id, UUID_LEN);
	at += e->head.len;
	memcpy(at - TIME_LEN - 2, time, TIME_LEN);
	if (e->tail.len != 0)
		put(&at, e->tail.data, e->tail.len);
	if (!e->has_content_type && as_text)
		put(&at, plain, sizeof(plain) - 1);
	else if (!e->has_content_type)
		put(&at, json, sizeof(json) - 1);
	put(&at, data, sizeof(data) - 1);
	if (!as_text)
		put(&at, text, len);
	out->len = (size_t)(at - out->data);
	if (as_text)
		add_json(out, text, len);
	buf_addc(out, '}');
}

void
envelope_release(struct envelope *e)
{
	buf_release(&e->head);
	buf_release(&e->tail);
}

/* Bytes of the event that others take the place of: none, behind a brace, where
 * a member comes new. */
struct edit {
	const char *at;
	size_t len;
	const char *name; /* NULL: a value alone */
	size_t name_len;
	const char *value;
	bool alone; /* nothing else is in the object */
	bool raw;   /* the value is JSON */
};

struct edits {
	struct edit edit[3];
	size_t count;
};

/* Plan to give a member of an object a value where it has none. */
static void
plan(struct edits *edits, const struct json_value *object, const char *name,
     size_t len, const char *value)
{
	struct json_value old = json_member(object, name, len);
	struct edit *edit = &edits->edit[edits->count];
	struct json_iter it;

	*edit = (struct edit){ .value = value };
	if (old.type == JSON_NONE) {
		json_iter_init(&it, object);
		edit->at = object->text + 1;
		edit->name = name;
		edit->name_len = len;
		edit->alone = !json_iter_next(&it);
	} else if (old.type == JSON_NULL ||
		   (old.type == JSON_STRING && old.len == 2)) {
		edit->at = old.text;
		edit->len = old.len;
	} else {
		return;
	}
	edits->count++;
}

static void
plan_role(struct edits *edits, const struct event *ev,
	  const struct event_profile *profile, enum event_role role,
	  const char *value)
{
	struct json_value object;
	const char *name;
	size_t len;

	if (event_profile_place(profile, &ev->doc, role, &object, &name, &len))
		plan(edits, &object, name, len, value);
}

/* In the order of their places; those of one place stay as they are. */
static void
sort_edits(struct edits *edits)
{
	size_t i, j;

	for (i = 1; i < edits->count; i++)
		for (j = i; j > 0; j--) {
			struct edit edit = edits->edit[j];

			if (edits->edit[j - 1].at <= edit.at)
				break;
			edits->edit[j] = edits->edit[j - 1];
			edits->edit[j - 1] = edit;
		}
}

static void
apply(const struct event *ev, const struct edits *edits, struct buf *out)
{
	const char *from = ev->text, *end = ev->text + ev->len;
	size_t i;

	for (i = 0; i < edits->count; i++) {
		const struct edit *edit = &edits->edit[i];
		bool last = i + 1 == edits->count || edit[1].at != edit->at;

		buf_add(out, from, (size_t)(edit->at - from));
		from = edit->at + edit->len;
		if (edit->name != NULL) {
			add_json(out, edit->name, edit->name_len);
			buf_addc(out, ':');
		}
		if (edit->raw)
			buf_adds(out, edit->value);
		else
			add_json(out, edit->value, strlen(edit->value));
		if (edit->name != NULL && !(edit->alone && last))
			buf_addc(out, ',');
	}
	buf_add(out, from, (size_t)(end - from));
}

void
envelope_relate(const struct event *ev, struct buf *out,
		const char *correlation, const char *causation)
{
	struct edits edits = { .count = 0 };

	plan_role(&edits, ev, ev->profile, ROLE_CORRELATION, correlation);
	plan_role(&edits, ev, ev->profile, ROLE_CAUSATION, causation);
	sort_edits(&edits);
	apply(ev, &edits, out);
}

/* The object that a mark goes into; JSON_NONE: it is missing. */
static struct json_value
mark_place(const struct event *ev)
{
	if (strcmp(event_profile_name(ev->profile), "domain") != 0)
		return ev->doc.root;
	return json_member(&ev->doc.root, "metadata", 8);
}

int
envelope_mark(const struct event *ev, struct buf *out, const char *name,
	      const char *text)
{
	struct edits edits = { .count = 0 };
	struct json_value place, old;
	struct buf made = { 0 };

	if (ev->profile == NULL)
		return 0;
	place = mark_place(ev);
	if (place.type == JSON_OBJECT) {
		old = json_member(&place, name, strlen(name));
		plan(&edits, &place, name, strlen(name), text);
		if (edits.count == 0)
			edits.edit[edits.count++] = (struct edit){
				.at = old.text, .len = old.len, .value = text
			};
	} else if (place.type == JSON_NONE || place.type == JSON_NULL) {
		buf_addc(&made, '{');
		buf_add_json(&made, name, strlen(name));
		buf_addc(&made, ':');
		buf_add_json(&made, text, strlen(text));
		buf_addc(&made, '}');
		plan(&edits, &ev->doc.root, "metadata", 8, buf_text(&made));
		edits.edit[0].raw = true;
	} else {
		return 0;
	}
	apply(ev, &edits, out);
	buf_release(&made);
	return 1;
}

/* A CloudEvent but for its specversion. */
static bool
is_bare_cloudevent(const struct event *ev)
{
	const struct json_value *root = &ev->doc.root;
	enum json_type version = json_member(root, "specversion", 11).type;

	return (version == JSON_NONE || version == JSON_NULL) &&
	       json_member(root, "type", 4).type == JSON_STRING &&
	       json_member(root, "source", 6).type == JSON_STRING;
}

int
envelope_fill(const struct event *ev, struct buf *out, int64_t now_ms)
{
	const struct event_profile *profile = ev->profile;
	struct edits edits = { .count = 0 };
	char id[ENVELOPE_UUID], time[WHEN_TEXT];

	if (profile == NULL && is_bare_cloudevent(ev)) {
		profile = event_profile_find("cloudevents");
		plan(&edits, &ev->doc.root, "specversion", 11, "1.0");
	}
	if (profile == NULL)
		return 0;
	envelope_uuid(id, now_ms);
	when_put(time, now_ms);
	plan_role(&edits, ev, profile, ROLE_ID, id);
	plan_role(&edits, ev, profile, ROLE_TIME, time);
	if (edits.count == 0)
		return 0;
	sort_edits(&edits);
	apply(ev, &edits, out);
	return 1;
}
