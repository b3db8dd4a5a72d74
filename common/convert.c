#include <stdio.h>
#include <string.h>

#include "common/cloudevent.h"
#include "common/convert.h"
#include "common/text.h"

enum { EXTENSIONS_MAX = 1000 }; /* each new name is compared with all others */

/* What both envelopes have a place for. */
static const struct {
	const char *attribute, *member;
	bool in_metadata;
} places[] = {
	{ "id", "event_id", false },
	{ "type", "event_type", false },
	{ "time", "timestamp", false },
	{ "subject", "aggregate_id", false },
	{ "sequence", "aggregate_version", false },
	{ "data", "data", false },
	{ "source", "source", true },
	{ "correlationid", "correlation_id", true },
	{ "causationid", "causation_id", true },
	{ "version", "version", true },
	{ "priority", "priority", true },
	{ "user", "user_id", true },
};

/* Attributes that metadata has by their own names. */
static const char *const kept[] = { "specversion", "datacontenttype",
				    "dataschema", "data_base64" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int
convert_parse(const char *name, enum convert_to *to)
{
	*to = CONVERT_NOT;
	if (name == NULL)
		return 0;
	if (strcmp(name, "cloudevents") == 0)
		*to = CONVERT_CLOUDEVENTS;
	else if (strcmp(name, "domain") == 0)
		*to = CONVERT_DOMAIN;
	else
		return -1;
	return 0;
}

static bool
is(const struct buf *name, const char *text)
{
	return name->len == strlen(text) &&
	       memcmp(name->data, text, name->len) == 0;
}

/* A member's name, unescaped. */
static void
take_name(struct buf *out, const struct json_member *m)
{
	char *to;

	buf_clear(out);
	to = buf_reserve(out, m->key_len + 1);
	out->len = json_unescape(to, m->key, m->key_len);
}

static void
add_member(struct buf *out, const char *name, size_t len,
	   const struct json_value *value)
{
	if (out->len > 1)
		buf_addc(out, ',');
	buf_add_json(out, name, len);
	buf_addc(out, ':');
	buf_add(out, value->text, value->len);
}

static void
to_domain(struct convert *c, const struct event *ev)
{
	struct json_value data = { 0 };
	size_t i, k;

	buf_set(&c->made, "{", 1);
	buf_set(&c->rest, "{", 1);
	for (i = 0; i < ev->doc.count; i++) {
		const struct json_member *m = &ev->doc.member[i];

		take_name(&c->name, m);
		for (k = 0; k < COUNT(places); k++)
			if (is(&c->name, places[k].attribute))
				break;
		if (k == COUNT(places))
			add_member(&c->rest, c->name.data, c->name.len,
				   &m->value);
		else if (strcmp(places[k].member, "data") == 0)
			data = m->value;
		else
			add_member(places[k].in_metadata ? &c->rest : &c->made,
				   places[k].member, strlen(places[k].member),
				   &m->value);
	}
	buf_addc(&c->rest, '}');
	add_member(
		&c->made, "metadata", strlen("metadata"),
		&(struct json_value){ JSON_OBJECT, c->rest.data, c->rest.len });
	if (data.type != JSON_NONE)
		add_member(&c->made, "data", strlen("data"), &data);
	buf_addc(&c->made, '}');
}

/* Whether a CloudEvent is one with this attribute. */
static bool
fits(struct convert *c, const char *name, size_t len,
     const struct json_value *value)
{
	static const char *const required[][2] = {
		{ "specversion", "\"1.0\"" },
		{ "id", "\"i\"" },
		{ "source", "\"/\"" },
		{ "type", "\"t\"" },
	};
	char error[EVENT_ERROR];
	size_t i;

	if (!c->careful)
		return true;
	buf_set(&c->sample, "{", 1);
	for (i = 0; i < COUNT(required); i++)
		if (strlen(required[i][0]) != len ||
		    memcmp(required[i][0], name, len) != 0)
			buf_addf(&c->sample, "\"%s\":%s,", required[i][0],
				 required[i][1]);
	buf_add_json(&c->sample, name, len);
	buf_addc(&c->sample, ':');
	buf_add(&c->sample, value->text, value->len);
	buf_addc(&c->sample, '}');
	return json_scan(&c->doc, c->sample.data, c->sample.len) == 0 &&
	       cloudevent_check(&c->doc, error, sizeof(error), &c->tmp) == 0;
}

/* A value's JSON in ASCII: attributes hold no control characters. */
static void
add_ascii(struct buf *out, const struct json_value *value)
{
	const char *at = value->text, *end = at + value->len;

	while (at < end) {
		size_t len = text_utf8_len(at, (size_t)(end - at)), i;
		unsigned code = (unsigned char)*at;

		if (code >= ' ' && code < 0x7f)
			buf_addc(out, *at);
		else if (code == 0x7f)
			buf_adds(out, "\\u007f");
		if (len == 1) { /* line ends between tokens go */
			at++;
			continue;
		}
		code &= 0xffu >> (len + 1);
		for (i = 1; i < len; i++)
			code = code << 6 | ((unsigned char)at[i] & 0x3f);
		if (code >= 0x10000)
			buf_addf(out, "\\u%04x\\u%04x",
				 0xd800 + ((code - 0x10000) >> 10),
				 0xdc00 + ((code - 0x10000) & 0x3ff));
		else
			buf_addf(out, "\\u%04x", code);
		at += len;
	}
}

/* Whether an attribute has the name, or will have it. */
static bool
is_taken(const struct convert *c, const char *name, size_t len,
	 bool by_metadata)
{
	const char *at = c->names.data, *end = at + c->names.len;
	size_t i;

	for (i = 0; i < COUNT(places); i++)
		if (strlen(places[i].attribute) == len &&
		    memcmp(places[i].attribute, name, len) == 0)
			return true;
	for (i = 0; i < COUNT(kept) && !by_metadata; i++)
		if (strlen(kept[i]) == len && memcmp(kept[i], name, len) == 0)
			return true;
	for (; at < end; at += strlen(at) + 1)
		if (strlen(at) == len && memcmp(at, name, len) == 0)
			return true;
	return false;
}

static bool
is_plain(const struct buf *name)
{
	size_t i;

	for (i = 0; i < name->len; i++)
		if ((name->data[i] < 'a' || name->data[i] > 'z') &&
		    (name->data[i] < '0' || name->data[i] > '9'))
			return false;
	return name->len != 0;
}

/* Make c->name one that an extension may have and none has. */
static void
make_name(struct convert *c)
{
	struct buf *name = &c->name;
	size_t from, to = 0;
	unsigned n = 2;

	for (from = 0; from < name->len; from++) {
		char byte = name->data[from];

		if (byte >= 'A' && byte <= 'Z')
			byte = (char)(byte - 'A' + 'a');
		if ((byte >= 'a' && byte <= 'z') ||
		    (byte >= '0' && byte <= '9'))
			name->data[to++] = byte;
	}
	name->len = to;
	if (to == 0)
		buf_addc(name, 'x');
	for (to = name->len; is_taken(c, name->data, name->len, false); n++) {
		name->len = to;
		buf_addu(name, n);
	}
}

/* What has no place becomes an extension, by the name in c->name. */
static void
add_extension(struct convert *c, const struct json_value *value,
	      bool by_metadata)
{
	struct buf *name = &c->name;
	bool keep = by_metadata &&
		    (is_plain(name) || is(name, "data_base64")) &&
		    !is_taken(c, name->data, name->len, true) &&
		    fits(c, name->data, name->len, value);

	if (c->extensions++ >= EXTENSIONS_MAX)
		return;
	if (!keep)
		make_name(c);
	if (keep || fits(c, name->data, name->len, value)) {
		add_member(&c->made, name->data, name->len, value);
	} else {
		buf_clear(&c->tmp);
		add_ascii(&c->tmp, value);
		buf_addc(&c->made, ',');
		buf_add_json(&c->made, name->data, name->len);
		buf_addc(&c->made, ':');
		buf_add_json(&c->made, c->tmp.data, c->tmp.len);
	}
	buf_add(&c->names, name->data, name->len);
	buf_addc(&c->names, '\0');
}

/* A member of the event or of its metadata. */
static void
add_attribute(struct convert *c, const struct json_member *m, bool in_metadata)
{
	const char *attribute;
	size_t i, len;

	take_name(&c->name, m);
	for (i = 0; i < COUNT(places); i++)
		if (places[i].in_metadata == in_metadata &&
		    is(&c->name, places[i].member))
			break;
	if (i == COUNT(places)) {
		if (!in_metadata || !c->has_version ||
		    !is(&c->name, "specversion"))
			add_extension(c, &m->value, in_metadata);
		return;
	}
	attribute = places[i].attribute;
	len = strlen(attribute);
	if (i > 1 && !fits(c, attribute, len, &m->value)) {
		add_extension(c, &m->value, in_metadata);
		return;
	}
	if (strcmp(attribute, "source") == 0)
		c->has_source = true;
	if (strcmp(attribute, "data") != 0)
		add_member(&c->made, attribute, len, &m->value);
}

static void
add_version(struct convert *c, const struct event *ev)
{
	struct json_value version = json_member(&ev->doc.root, "metadata", 8);

	version = json_member(&version, "specversion", 11);
	c->has_version = version.type != JSON_NONE &&
			 fits(c, "specversion", 11, &version);
	if (!c->has_version)
		version = (struct json_value){ JSON_STRING, "\"1.0\"", 5 };
	add_member(&c->made, "specversion", 11, &version);
}

static void
to_cloudevent(struct convert *c, const struct event *ev)
{
	struct json_value data = json_member(&ev->doc.root, "data", 4);
	struct json_iter it;
	size_t i;

	buf_set(&c->made, "{", 1);
	buf_clear(&c->names);
	c->extensions = 0;
	c->has_source = false;
	add_version(c, ev);
	for (i = 0; i < ev->doc.count; i++) {
		const struct json_member *m = &ev->doc.member[i];

		if (!json_key_is(m, "metadata", 8) ||
		    m->value.type != JSON_OBJECT) {
			add_attribute(c, m, false);
			continue;
		}
		json_iter_init(&it, &m->value);
		while (json_iter_next(&it))
			add_attribute(c, &it.member, true);
	}
	if (!c->has_source)
		buf_adds(&c->made, ",\"source\":\"urn:envelope:domain\"");
	if (data.type != JSON_NONE)
		add_member(&c->made, "data", 4, &data);
	buf_addc(&c->made, '}');
}

static int
fail(struct convert *c, const char *why)
{
	snprintf(c->error, sizeof(c->error), "%s", why);
	return -1;
}

/* At first as if every value could stay as it is, which most can. */
static int
make_cloudevent(struct convert *c, const struct event *ev)
{
	char why[EVENT_ERROR];

	for (c->careful = false;; c->careful = true) {
		to_cloudevent(c, ev);
		if (c->extensions > EXTENSIONS_MAX)
			return fail(c, "more than 1000 members have no place "
				       "in a CloudEvent");
		if (json_scan(&c->doc, c->made.data, c->made.len) < 0)
			return fail(c, c->doc.error);
		if (cloudevent_check(&c->doc, why, sizeof(why), &c->tmp) == 0)
			return 1;
		if (c->careful)
			break;
	}
	snprintf(c->error, sizeof(c->error), "no CloudEvent: %.*s",
		 (int)sizeof(c->error) - 20, why);
	return -1;
}

int
convert_event(struct convert *c, enum convert_to to, const struct event *ev)
{
	const char *from;

	if (to == CONVERT_NOT)
		return 0;
	if (ev->profile == NULL)
		return fail(c, "no envelope to convert");
	from = event_profile_name(ev->profile);
	if (strcmp(from, "cloudevents") == 0) {
		if (to == CONVERT_CLOUDEVENTS)
			return 0;
		to_domain(c, ev);
		return 1;
	}
	if (strcmp(from, "domain") == 0)
		return to == CONVERT_DOMAIN ? 0 : make_cloudevent(c, ev);
	snprintf(c->error, sizeof(c->error),
		 "the envelope %.100s can't be converted", from);
	return -1;
}

void
convert_release(struct convert *c)
{
	buf_release(&c->made);
	buf_release(&c->rest);
	buf_release(&c->names);
	buf_release(&c->name);
	buf_release(&c->tmp);
	buf_release(&c->sample);
	json_release(&c->doc);
	*c = (struct convert){ 0 };
}
