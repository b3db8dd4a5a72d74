#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/num.h"
#include "common/reply.h"
#include "common/text.h"

void
reply_push(struct reply *r, enum reply_type type, size_t len, int64_t integer)
{
	if (r->count == r->cap) {
		r->cap = mem_grow(r->cap, r->count < 32 ? 32 : r->count + 1);
		r->node = xreallocarray(r->node, r->cap, sizeof(*r->node));
	}
	r->node[r->count++] = (struct reply_node){
		.type = type,
		.len = len,
		.offset = r->bytes.len,
		.integer = integer,
	};
}

void
reply_push_text(struct reply *r, enum reply_type type, const char *text,
		size_t len)
{
	char *end = buf_reserve(&r->bytes, mem_add(len, 1));

	reply_push(r, type, len, 0);
	if (len != 0)
		memcpy(end, text, len);
	end[len] = '\0';
	r->bytes.len += len + 1;
}

void
reply_consume(struct reply *r, size_t n)
{
	size_t bytes, i;

	assert(n <= r->count);
	bytes = n < r->count ? r->node[n].offset : r->bytes.len;
	r->count -= n;
	for (i = 0; i < r->count; i++) {
		r->node[i] = r->node[i + n];
		r->node[i].offset -= bytes;
	}
	if (bytes != 0)
		buf_consume(&r->bytes, bytes);
}

void
reply_clear(struct reply *r)
{
	r->count = 0;
	r->complete = false;
	buf_clear(&r->bytes);
}

void
reply_release(struct reply *r)
{
	free(r->node);
	buf_release(&r->bytes);
	*r = (struct reply){ 0 };
}

static bool
is_text(const struct reply *r, size_t i)
{
	return i < r->count && (r->node[i].type == REPLY_STRING ||
				r->node[i].type == REPLY_STATUS ||
				r->node[i].type == REPLY_ERROR);
}

const char *
reply_text(const struct reply *r, size_t i, size_t *len)
{
	assert(is_text(r, i));
	*len = r->node[i].len;
	return r->bytes.data + r->node[i].offset;
}

size_t
reply_skip(const struct reply *r, size_t i)
{
	size_t due = 1; /* never more than count - i, so it can't overflow */

	for (; due != 0 && i < r->count; i++) {
		due--;
		if (r->node[i].type != REPLY_ARRAY)
			continue;
		if (r->node[i].len > r->count - i - 1)
			return r->count;
		due += r->node[i].len;
	}
	return i;
}

bool
reply_is(const struct reply *r, size_t i, enum reply_type type)
{
	return i < r->count && r->node[i].type == type;
}

int
reply_number(const struct reply *r, size_t i, int64_t *value)
{
	const char *text;
	size_t len;
	uint64_t n;

	if (reply_is(r, i, REPLY_INTEGER)) {
		*value = r->node[i].integer;
		return 0;
	}
	if (!reply_is(r, i, REPLY_STRING))
		return -1;
	text = reply_text(r, i, &len);
	if (num_u64(text, len, &n) < 0 || n > INT64_MAX)
		return -1;
	*value = (int64_t)n;
	return 0;
}

/* An id always has both parts in a reply: "12" is no id of an entry. */
int
reply_id(const struct reply *r, size_t i, struct id *id)
{
	const char *text;
	size_t len;

	if (!is_text(r, i) || r->node[i].type == REPLY_ERROR)
		return -1;
	text = reply_text(r, i, &len);
	if (memchr(text, '-', len) == NULL)
		return -1;
	return id_parse(text, len, 0, id);
}

bool
reply_equals(const struct reply *r, size_t i, const char *text)
{
	const char *own;
	size_t len;

	if (!is_text(r, i))
		return false;
	own = reply_text(r, i, &len);
	return len == strlen(text) && memcmp(own, text, len) == 0;
}

size_t
reply_field(const struct reply *r, size_t i, const char *name)
{
	size_t left, at;

	if (!reply_is(r, i, REPLY_ARRAY))
		return 0;
	at = i + 1;
	for (left = r->node[i].len; left >= 2; left -= 2) {
		size_t value = reply_skip(r, at);

		if (value >= r->count)
			return 0;
		if (reply_equals(r, at, name))
			return value;
		at = reply_skip(r, value);
	}
	return 0;
}

/*
 * Redis before 7.0 wraps what a script's command answered: "ERR Error running
 * script (call to f_SHA): @user_script:1: @user_script: 1: -OOM command not …".
 * The code that counts is the one behind the last place.
 */
static void
unwrap_script(const char **text, size_t *len)
{
	static const char head[] = "ERR Error running script";
	static const char place[] = "@user_script:";
	const char *end = *text + *len, *at = *text, *hit;

	if (*len < sizeof(head) - 1 || memcmp(at, head, sizeof(head) - 1) != 0)
		return;
	while ((hit = memmem(at, (size_t)(end - at), place,
			     sizeof(place) - 1)) != NULL) {
		at = hit + sizeof(place) - 1;
		while (at < end && (*at == ' ' || (*at >= '0' && *at <= '9')))
			at++;
		while (at < end && (*at == ':' || *at == ' ' || *at == '-'))
			at++;
	}
	*text = at;
	*len = (size_t)(end - at);
}

enum reply_fault
reply_fault(const struct reply *r, size_t i)
{
	static const struct {
		const char *code;
		enum reply_fault fault;
	} faults[] = {
		{ "LOADING", REPLY_FAULT_RETRY },
		{ "READONLY", REPLY_FAULT_RETRY },
		{ "MASTERDOWN", REPLY_FAULT_RETRY },
		{ "CLUSTERDOWN", REPLY_FAULT_RETRY },
		{ "TRYAGAIN", REPLY_FAULT_RETRY },
		{ "BUSY", REPLY_FAULT_RETRY },
		{ "OOM", REPLY_FAULT_RETRY },
		{ "NOREPLICAS", REPLY_FAULT_RETRY },
		{ "MISCONF", REPLY_FAULT_RETRY },
		{ "UNBLOCKED", REPLY_FAULT_RETRY },
		{ "NOAUTH", REPLY_FAULT_ACCESS },
		{ "WRONGPASS", REPLY_FAULT_ACCESS },
		{ "NOPERM", REPLY_FAULT_ACCESS },
		{ "NOGROUP", REPLY_FAULT_NOGROUP },
		{ "NOSCRIPT", REPLY_FAULT_NOSCRIPT },
	};
	const char *text, *blank;
	size_t len, k;

	if (!reply_is(r, i, REPLY_ERROR))
		return REPLY_FAULT_REFUSED;
	text = reply_text(r, i, &len);
	unwrap_script(&text, &len);
	blank = memchr(text, ' ', len);
	if (blank != NULL)
		len = (size_t)(blank - text);
	for (k = 0; k < sizeof(faults) / sizeof(faults[0]); k++)
		if (len == strlen(faults[k].code) &&
		    memcmp(text, faults[k].code, len) == 0)
			return faults[k].fault;
	return REPLY_FAULT_REFUSED;
}

void
reply_complaint(const struct reply *r, size_t i, char *out, size_t size)
{
	const char *text = "a reply that is no text";
	size_t len = strlen(text), put = 0;

	if (is_text(r, i))
		text = reply_text(r, i, &len);
	while (len != 0 && put + 4 < size) {
		size_t valid = text_utf8_prefix(text, len < 4 ? len : 4);
		size_t n = text_utf8_len(text, valid);

		if (n == 0 || text_is_control(text, n)) {
			out[put++] = '?';
			n = n != 0 ? n : 1;
		} else {
			memcpy(out + put, text, n);
			put += n;
		}
		text += n;
		len -= n;
	}
	if (put != 0 && out[put - 1] == '.')
		put--;
	out[put] = '\0';
}
