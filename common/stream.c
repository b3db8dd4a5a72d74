#include <string.h>

#include "common/command.h"
#include "common/stream.h"

/* The braces of a name: none, one {tag}, or NULL and an error. */
const char *
stream_name_error(const char *name)
{
	const char *open = strchr(name, '{'), *close = strchr(name, '}');

	if (*name == '\0')
		return "a stream's name can't be empty";
	if (open == NULL && close == NULL)
		return NULL;
	if (open == NULL || close == NULL || close < open ||
	    strchr(open + 1, '{') != NULL || strchr(close + 1, '}') != NULL)
		return "stray braces: they must enclose one {tag}";
	if (close == open + 1)
		return "the {tag} of a stream's name can't be empty";
	return NULL;
}

void
stream_companion(struct buf *out, const char *name, const char *suffix)
{
	bool tagged = strchr(name, '{') != NULL;

	buf_clear(out);
	buf_adds(out, tagged ? "" : "{");
	buf_adds(out, name);
	buf_adds(out, tagged ? ":" : "}:");
	buf_adds(out, suffix);
	buf_text(out);
}

void
entries_init(struct entries *e, bool by_stream)
{
	struct buf kept = e->stream;

	*e = (struct entries){ .by_stream = by_stream, .stream = kept };
}

void
entries_init_at(struct entries *e, size_t at, size_t count)
{
	entries_init(e, false);
	e->started = true;
	e->at = at;
	e->left = count;
}

void
entries_release(struct entries *e)
{
	buf_release(&e->stream);
}

/* Read the head of the whole reply.  A nil means that there is nothing. */
static enum entries_result
start(struct entries *e, const struct reply *r)
{
	if (r->count == 0)
		return r->complete ? ENTRIES_BAD : ENTRIES_MORE;
	if (r->node[0].type != REPLY_NIL && r->node[0].type != REPLY_ARRAY)
		return ENTRIES_BAD;
	e->started = true;
	e->at = 1;
	if (r->node[0].type == REPLY_NIL)
		return ENTRIES_END;
	*(e->by_stream ? &e->streams : &e->left) = r->node[0].len;
	return ENTRIES_OK;
}

/* Read [name, [… , the head of the next stream's list. */
static enum entries_result
next_stream(struct entries *e, const struct reply *r)
{
	size_t i = e->at, len;
	const char *name;

	if (r->count - i < 3)
		return r->complete ? ENTRIES_BAD : ENTRIES_MORE;
	if (r->node[i].type != REPLY_ARRAY || r->node[i].len != 2 ||
	    r->node[i + 1].type != REPLY_STRING ||
	    r->node[i + 2].type != REPLY_ARRAY)
		return ENTRIES_BAD;
	name = reply_text(r, i + 1, &len);
	buf_clear(&e->stream);
	buf_add(&e->stream, name, len);
	buf_text(&e->stream);
	e->left = r->node[i + 2].len;
	e->streams--;
	e->at += 3;
	return ENTRIES_OK;
}

/* Read [id, [name, value, …]], or [id, nil] for what was trimmed. */
static enum entries_result
read_entry(struct entries *e, const struct reply *r, struct entry *entry)
{
	const struct reply_node *node = r->node + e->at;
	size_t have = r->count - e->at, i;

	if (have < 3)
		return r->complete ? ENTRIES_BAD : ENTRIES_MORE;
	if (node[0].type != REPLY_ARRAY || node[0].len != 2 ||
	    reply_id(r, e->at + 1, &entry->id) < 0)
		return ENTRIES_BAD;
	entry->trimmed = node[2].type == REPLY_NIL;
	if (!entry->trimmed &&
	    (node[2].type != REPLY_ARRAY || node[2].len % 2 != 0))
		return ENTRIES_BAD;
	entry->fields = entry->trimmed ? 0 : node[2].len / 2;
	if (have - 3 < entry->fields * 2)
		return r->complete ? ENTRIES_BAD : ENTRIES_MORE;
	for (i = 0; i < entry->fields * 2; i++)
		if (node[3 + i].type != REPLY_STRING)
			return ENTRIES_BAD;
	entry->first = e->at + 3;
	entry->reply = r;
	entry->stream = e->by_stream ? e->stream.data : NULL;
	e->at += 3 + entry->fields * 2;
	e->left--;
	return ENTRIES_OK;
}

enum entries_result
entries_next(struct entries *e, const struct reply *r, struct entry *entry)
{
	enum entries_result rc = ENTRIES_OK;

	if (!e->started)
		rc = start(e, r);
	while (rc == ENTRIES_OK && e->left == 0 && e->streams != 0)
		rc = next_stream(e, r);
	if (rc != ENTRIES_OK)
		return rc;
	/* XCLAIM before Redis 7.0 answers nil for an entry that is gone. */
	while (!e->by_stream && e->left != 0 && reply_is(r, e->at, REPLY_NIL)) {
		e->at++;
		e->left--;
	}
	return e->left == 0 ? ENTRIES_END : read_entry(e, r, entry);
}

void
entries_more(struct entries *e, struct reply *r)
{
	reply_consume(r, e->at);
	e->at = 0;
}

int
entries_last_id(const struct reply *r, struct id *id)
{
	size_t i = 1, left, last = 0;

	if (!reply_is(r, 0, REPLY_ARRAY))
		return -1;
	for (left = r->node[0].len; left != 0 && i < r->count; left--) {
		last = i;
		i = reply_skip(r, i);
	}
	return last == 0 ? -1 : reply_id(r, last + 1, id);
}

void
entry_field(const struct entry *e, size_t i, const char **name,
	    size_t *name_len, const char **value, size_t *value_len)
{
	*name = reply_text(e->reply, e->first + 2 * i, name_len);
	*value = reply_text(e->reply, e->first + 2 * i + 1, value_len);
}

/* Find a field by its name; the first of that name counts. */
static bool
find_field(const struct entry *e, const char *want, const char **text,
	   size_t *len)
{
	size_t want_len = strlen(want), i, name_len;
	const char *name;

	for (i = 0; i < e->fields; i++) {
		entry_field(e, i, &name, &name_len, text, len);
		if (name_len == want_len && memcmp(name, want, want_len) == 0)
			return true;
	}
	return false;
}

bool
entry_body(const struct entry *e, const char *field, const char **text,
	   size_t *len)
{
	static const char *const usual[] = { "data",  "body",    "payload",
					     "event", "message", "__data__",
					     "value" };
	size_t i;

	if (field != NULL && find_field(e, field, text, len))
		return true;
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (find_field(e, usual[i], text, len))
			return true;
	if (e->fields != 1)
		return false;
	*text = reply_text(e->reply, e->first + 1, len);
	return true;
}

void
stream_adder_init(struct stream_adder *a, const char *stream, uint64_t maxlen,
		  bool no_create)
{
	struct buf *b = &a->head;

	buf_clear(b);
	command_begin(b, 5u + (maxlen != 0 ? 3 : 0) + (no_create ? 1 : 0));
	command_adds(b, "XADD");
	command_adds(b, stream);
	if (no_create)
		command_adds(b, "NOMKSTREAM");
	if (maxlen != 0) {
		command_adds(b, "MAXLEN");
		command_adds(b, "~");
		command_addu(b, maxlen);
	}
	command_adds(b, "*");
	command_adds(b, "data");
}

void
stream_adder_release(struct stream_adder *a)
{
	buf_release(&a->head);
}

void
stream_add(struct conn *c, const struct stream_adder *a, const char *event,
	   size_t len)
{
	struct buf *out = conn_out(c);

	buf_add(out, a->head.data, a->head.len);
	command_add(out, event, len);
}
