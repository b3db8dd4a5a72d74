#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/parser.h"

#if HIREDIS_MAJOR < 1
typedef int array_len;
#else
typedef size_t array_len;
#endif

enum {
	DEPTH_MAX = 8, /* nested arrays; hiredis 0.14 has no more either */
	HEAD_MAX = 32, /* bytes of "<length>\r\n" */
	LINE_BYTES = 1 << 20, /* bytes of a status, an error, a number */
	IDLE_BYTES = 1 << 20, /* what an idle reader may keep */
	IDLE_REPLY = 16 << 20 /* what a reply may keep for the next */
};

struct parser {
	redisReader *reader;
	struct reply reply;
	size_t max_bytes;
	uint64_t due; /* elements that the arrays so far still owe */
	bool inside;  /* the reply has begun and is not complete */
	char error[160];
};

static void fail(struct parser *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void
fail(struct parser *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->error, sizeof(p->error), fmt, args);
	va_end(args);
}

/*
 * What hiredis calls for each element.  The result only has to be not NULL;
 * NULL makes hiredis give up, with our own error set before.
 */
static void *
on_text(const redisReadTask *task, char *text, size_t len)
{
	struct parser *p = task->privdata;
	enum reply_type type;

	if (task->type == REDIS_REPLY_STRING)
		type = REPLY_STRING;
	else if (task->type == REDIS_REPLY_STATUS)
		type = REPLY_STATUS;
	else if (task->type == REDIS_REPLY_ERROR)
		type = REPLY_ERROR;
	else
		return NULL;
	reply_push_text(&p->reply, type, text, len);
	p->due--;
	return p;
}

static void *
on_array(const redisReadTask *task, array_len len)
{
	struct parser *p = task->privdata;

	if (task->type != REDIS_REPLY_ARRAY)
		return NULL;
	if (p->reader->ridx >= DEPTH_MAX) {
		fail(p, "protocol error: arrays nested deeper than %d",
		     DEPTH_MAX);
		return NULL;
	}
	reply_push(&p->reply, REPLY_ARRAY, (size_t)len, 0);
	p->due += (uint64_t)len - 1;
	return p;
}

static void *
on_integer(const redisReadTask *task, long long value)
{
	struct parser *p = task->privdata;

	reply_push(&p->reply, REPLY_INTEGER, 0, value);
	p->due--;
	return p;
}

static void *
on_nil(const redisReadTask *task)
{
	struct parser *p = task->privdata;

	reply_push(&p->reply, REPLY_NIL, 0, 0);
	p->due--;
	return p;
}

static void
on_free(void *object)
{
	(void)object; /* it is the parser */
}

/* Members that only hiredis 1.x has (RESP3's) stay NULL. */
static redisReplyObjectFunctions functions = {
	.createString = on_text,
	.createArray = on_array,
	.createInteger = on_integer,
	.createNil = on_nil,
	.freeObject = on_free,
};

static void
open_reader(struct parser *p)
{
	p->reader = redisReaderCreateWithFunctions(&functions);
	if (p->reader == NULL)
		die(EXIT_OUTPUT, "out of memory");
	p->reader->privdata = p;
	p->reader->maxbuf = IDLE_BYTES;
}

struct parser *
parser_open(size_t max_bytes)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	/* hiredis counts in int where it looks for the end of a line. */
	p->max_bytes = max_bytes < INT32_MAX / 2 ? max_bytes : INT32_MAX / 2;
	open_reader(p);
	return p;
}

void
parser_close(struct parser *p)
{
	if (p == NULL)
		return;
	redisReaderFree(p->reader);
	reply_release(&p->reply);
	free(p);
}

void
parser_reset(struct parser *p)
{
	redisReaderFree(p->reader);
	open_reader(p);
	reply_clear(&p->reply);
	p->inside = false;
	p->error[0] = '\0';
}

void
parser_feed(struct parser *p, const char *bytes, size_t len)
{
	if (p->error[0] != '\0' || len == 0)
		return;
	if (redisReaderFeed(p->reader, bytes, len) != REDIS_OK)
		die(EXIT_OUTPUT, "out of memory");
}

static size_t
held(const struct reply *r)
{
	return r->bytes.len + r->count * sizeof(*r->node);
}

/*
 * The element that hiredis can't finish yet starts at pos: either a line
 * without end, or a text whose length is known.
 */
static int
check_pending(struct parser *p)
{
	const char *text = p->reader->buf + p->reader->pos;
	size_t len = p->reader->len - p->reader->pos, need = len;

	if (len > LINE_BYTES && memmem(text, HEAD_MAX, "\r\n", 2) == NULL) {
		fail(p, "the server sent a line of more than %d bytes",
		     LINE_BYTES);
		return -1;
	}
	if (need > p->max_bytes) {
		fail(p, "the server sent an element of more than %zu bytes",
		     p->max_bytes);
		return -1;
	}
	return 0;
}

static int
check_held(struct parser *p)
{
	if (held(&p->reply) / 2 <= p->max_bytes)
		return 0;
	fail(p, "the server sent a reply of more than %zu bytes",
	     2 * p->max_bytes);
	return -1;
}

/* hiredis' own words, unless one of the functions above had better ones. */
static int
fail_reader(struct parser *p)
{
	static const char head[] = "Protocol error, ";
	const char *text = p->reader->errstr;

	if (p->error[0] != '\0')
		return -1;
	if (p->reader->err != REDIS_ERR_PROTOCOL)
		text = "a type that RESP2 does not have";
	else if (strncmp(text, head, sizeof(head) - 1) == 0)
		text += sizeof(head) - 1;
	fail(p, "protocol error: %s", text);
	return -1;
}

/* Make room for the next reply. */
static void
begin(struct parser *p)
{
	if (p->reply.bytes.cap > IDLE_REPLY ||
	    p->reply.cap > IDLE_REPLY / sizeof(*p->reply.node))
		reply_release(&p->reply);
	reply_clear(&p->reply);
	p->due = 1;
	p->inside = true;
}

int
parser_next(struct parser *p, struct reply **reply, size_t part_bytes)
{
	void *done = NULL;
	size_t before;

	if (p->error[0] != '\0')
		return -1;
	if (!p->inside)
		begin(p);
	before = p->reply.count;
	if (redisReaderGetReply(p->reader, &done) != REDIS_OK)
		return fail_reader(p);
	*reply = &p->reply;
	if (done != NULL) {
		p->inside = false;
		p->reply.complete = true;
		if (p->due == 0)
			return 1;
		fail(p, "protocol error: a type that RESP2 does not have");
		return -1;
	}
	if (check_pending(p) < 0 || check_held(p) < 0)
		return -1;
	return part_bytes != 0 && p->reply.count != before &&
	       held(&p->reply) > part_bytes;
}

bool
parser_is_empty(const struct parser *p)
{
	return p->reader->pos == p->reader->len;
}

const char *
parser_error(const struct parser *p)
{
	return p->error;
}
