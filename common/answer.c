#include <stdio.h>
#include <string.h>

#include "common/answer.h"
#include "common/num.h"
#include "common/text.h"

/* Which keys were there. */
struct seen {
	bool ok, failed, retry, dead;
};

static int
refuse(struct answer *a, const char *why)
{
	snprintf(a->wrong, sizeof(a->wrong), "%s", why);
	return -1;
}

/* Copy up to the end of its line; what is cut stays UTF-8. */
static int
take_line(struct answer *a, const struct json_value *v, char *out, size_t size,
	  const char *why)
{
	const char *text, *end;
	size_t len;

	out[0] = '\0';
	if (v->type == JSON_NULL)
		return 0;
	if (v->type != JSON_STRING)
		return refuse(a, why);
	json_text(v, &a->tmp, &text, &len);
	for (end = text; end < text + len; end++)
		if (*end == '\n' || *end == '\0')
			break;
	len = (size_t)(end - text);
	if (len >= size)
		len = text_utf8_prefix(text, size - 1);
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

static int
take_id(struct answer *a, const struct json_value *v)
{
	const char *text;
	size_t len;

	if (v->type != JSON_STRING)
		return refuse(a, "\"id\" is not a string");
	json_text(v, &a->tmp, &text, &len);
	if (id_parse(text, len, 0, &a->id) < 0)
		return refuse(a, "\"id\" is no entry id");
	a->has_id = true;
	return 0;
}

static int
take_stream(struct answer *a, const struct json_value *v)
{
	if (v->type != JSON_STRING)
		return refuse(a, "\"stream\" is not a string");
	json_text(v, &a->stream_text, &a->stream, &a->stream_len);
	return 0;
}

static int
take_retry(struct answer *a, const struct json_value *v, struct seen *seen)
{
	const char *text;
	size_t len;

	seen->retry = v->type != JSON_FALSE;
	if (v->type == JSON_FALSE || v->type == JSON_TRUE ||
	    v->type == JSON_NULL)
		return 0;
	if (v->type == JSON_STRING) {
		json_text(v, &a->tmp, &text, &len);
		if (num_duration(text, len, &a->retry_ms) == 0)
			return 0;
	}
	return refuse(a, "\"retry\" is no duration, such as \"30s\"");
}

/* Whole per cent; what is out of range is brought into it. */
static int
take_progress(struct answer *a, const struct json_value *v)
{
	const char *text = v->text;
	int n = 0;

	if (v->type != JSON_NUMBER)
		return refuse(a, "\"progress\" is not a number");
	if (memchr(text, 'e', v->len) != NULL ||
	    memchr(text, 'E', v->len) != NULL)
		return refuse(a, "\"progress\" is no number of per cent");
	for (; text < v->text + v->len && *text >= '0' && *text <= '9'; text++)
		if (n <= 100)
			n = n * 10 + (*text - '0');
	a->progress = n < 100 ? n : 100;
	return 0;
}

static int
take_flag(struct answer *a, const struct json_value *v, bool *flag,
	  const char *why)
{
	if (v->type != JSON_TRUE && v->type != JSON_FALSE)
		return refuse(a, why);
	*flag = v->type == JSON_TRUE;
	return 0;
}

static bool
is(const struct json_member *m, const char *name, size_t len)
{
	if (!m->key_escaped)
		return m->key_len == len && memcmp(m->key, name, len) == 0;
	return json_key_is(m, name, len);
}

static int
take_member(struct answer *a, const struct json_member *m, struct seen *seen)
{
	const struct json_value *v = &m->value;

	if (is(m, "id", 2))
		return take_id(a, v);
	if (is(m, "ok", 2)) {
		if (take_flag(a, v, &seen->ok, "\"ok\" is not true or false") <
		    0)
			return -1;
		seen->failed = !seen->ok;
		return 0;
	}
	if (is(m, "stream", 6))
		return take_stream(a, v);
	if (is(m, "retry", 5))
		return take_retry(a, v, seen);
	if (is(m, "dead", 4))
		return take_flag(a, v, &seen->dead,
				 "\"dead\" is not true or false");
	if (is(m, "error", 5))
		return take_line(a, v, a->error, sizeof(a->error),
				 "\"error\" is not a string");
	if (is(m, "class", 5))
		return take_line(a, v, a->class, sizeof(a->class),
				 "\"class\" is not a string");
	if (is(m, "progress", 8))
		return take_progress(a, v);
	if (is(m, "text", 4) && v->type == JSON_STRING)
		return take_line(a, v, a->text, sizeof(a->text), "");
	return 0;
}

static int
conclude(struct answer *a, const struct seen *seen)
{
	bool failed = seen->failed || seen->retry || seen->dead;

	if (seen->ok && failed)
		return refuse(a, seen->dead ? "both ok and dead"
					    : "both ok and retry");
	if (seen->dead && seen->retry)
		return refuse(a, "both dead and retry");
	if (seen->dead)
		a->kind = ANSWER_DEAD;
	else if (failed || (!seen->ok && a->error[0] != '\0'))
		a->kind = ANSWER_RETRY;
	else if (seen->ok)
		a->kind = ANSWER_OK;
	else if (a->progress >= 0)
		a->kind = ANSWER_PROGRESS;
	return 0;
}

int
answer_read(struct answer *a, const struct json_doc *doc)
{
	struct seen seen = { false, false, false, false };
	size_t i;

	a->kind = ANSWER_NONE;
	a->has_id = false;
	a->stream = NULL;
	a->retry_ms = -1;
	a->progress = -1;
	a->class[0] = a->error[0] = a->text[0] = '\0';
	for (i = 0; i < doc->count; i++)
		if (take_member(a, &doc->member[i], &seen) < 0)
			return -1;
	return conclude(a, &seen);
}

int
answer_parse(struct answer *a, const char *text, size_t len)
{
	if (json_scan(&a->doc, text, len) < 0) {
		snprintf(a->wrong, sizeof(a->wrong), "not JSON: byte %zu: %s",
			 a->doc.error_at + 1, a->doc.error);
		return -1;
	}
	if (a->doc.root.type != JSON_OBJECT) {
		snprintf(a->wrong, sizeof(a->wrong), "not an object but %s",
			 json_type_name(a->doc.root.type));
		return -1;
	}
	return answer_read(a, &a->doc);
}

void
answer_release(struct answer *a)
{
	json_release(&a->doc);
	buf_release(&a->stream_text);
	buf_release(&a->tmp);
	*a = (struct answer){ .kind = ANSWER_NONE };
}
