#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/command.h"
#include "common/conn_state.h"
#include "common/deadline.h"
#include "common/num.h"
#include "common/when.h"

int
conn_fail(struct conn *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, args);
	va_end(args);
	c->failed = true;
	return -1;
}

/* After the wire has returned -1. */
int
conn_lost(struct conn *c)
{
	if (wire_is_garbled(&c->wire))
		c->hopeless = true;
	return conn_fail(c, "%s: %s", c->name, c->wire.error);
}

int
conn_lose(struct conn *c, const char *why)
{
	wire_lose(&c->wire, why);
	return conn_lost(c);
}

const char *
conn_error(const struct conn *c)
{
	return c->failed ? c->error : NULL;
}

bool
conn_is_lost(const struct conn *c)
{
	return c->wire.net == NULL;
}

bool
conn_is_usage(const struct conn *c)
{
	return c->usage;
}

const char *
conn_name(const struct conn *c)
{
	return c->name;
}

uint64_t
conn_client_id(const struct conn *c)
{
	return c->client_id;
}

/*
 * Commands
 */

void
conn_command(struct conn *c, size_t argc)
{
	if (c->wire.net != NULL)
		command_begin(&c->wire.out, argc);
}

void
conn_arg(struct conn *c, const char *text, size_t len)
{
	if (c->wire.net != NULL)
		command_add(&c->wire.out, text, len);
}

void
conn_args(struct conn *c, const char *word)
{
	conn_arg(c, word, strlen(word));
}

void
conn_argu(struct conn *c, uint64_t n)
{
	if (c->wire.net != NULL)
		command_addu(&c->wire.out, n);
}

void
conn_argid(struct conn *c, struct id id)
{
	char text[ID_TEXT];

	conn_arg(c, text, id_put(text, id));
}

void
conn_commandv(struct conn *c, const char *word, ...)
{
	va_list words, count;
	size_t argc = 0;
	const char *w;

	va_start(words, word);
	va_copy(count, words);
	for (w = word; w != NULL; w = va_arg(count, const char *))
		argc++;
	va_end(count);
	conn_command(c, argc);
	for (w = word; w != NULL; w = va_arg(words, const char *))
		conn_args(c, w);
	va_end(words);
}

struct buf *
conn_out(struct conn *c)
{
	return &c->wire.out;
}

/*
 * Bytes and replies
 */

int
conn_flush(struct conn *c)
{
	return wire_flush(&c->wire) < 0 ? conn_lost(c) : 0;
}

size_t
conn_unsent(const struct conn *c)
{
	return wire_unsent(&c->wire);
}

int
conn_next(struct conn *c, struct reply **reply, size_t part_bytes)
{
	int rc = wire_next(&c->wire, reply, part_bytes);

	c->answered |= rc > 0;
	return rc < 0 ? conn_lost(c) : rc;
}

_Static_assert((int)CONN_SEEN_REPLY == (int)WIRE_SEEN_REPLY &&
		       (int)CONN_SEEN_FD == (int)WIRE_SEEN_FD &&
		       (int)CONN_SEEN_STOP == (int)WIRE_SEEN_STOP,
	       "conn_wait() returns what wire_wait() does");

int
conn_wait(struct conn *c, int fd, int timeout_ms, bool drain)
{
	bool unsent = wire_unsent(&c->wire) != 0;
	int seen;

	if (unsent && wire_flush(&c->wire) < 0)
		return conn_lost(c);
	if (unsent && wire_unsent(&c->wire) == 0)
		timeout_ms = 0; /* there may be nothing else to wait for */
	seen = wire_wait(&c->wire, fd, timeout_ms, drain);
	return seen < 0 ? conn_lost(c) : seen;
}

int
conn_poll(struct conn *c, struct pollfd *p)
{
	int rc = wire_poll(&c->wire, p);

	return rc < 0 ? conn_lost(c) : rc;
}

void
conn_set_heed(struct conn *c, int fd, bool (*heed)(void *arg), void *arg)
{
	c->heed_fd = fd;
	c->heed = heed;
	c->heed_arg = arg;
}

static int
watch(struct conn *c, struct reply **reply, size_t part_bytes, int64_t block_ms,
      int fd, bool drain)
{
	bool heeds = drain && c->heed != NULL;
	const struct wire_until until = {
		.part_bytes = part_bytes,
		.silence_ms = c->options->reply_ms,
		.block_ms = block_ms,
		.deadline = INT64_MAX,
		.fd = heeds ? c->heed_fd : fd,
		.drain = drain,
	};
	int rc;

	do
		rc = wire_watch(&c->wire, reply, &until);
	while (rc == 0 && heeds && c->heed(c->heed_arg));
	if (rc == 0 && heeds)
		return conn_lose(c, "interrupted");
	c->answered |= rc > 0;
	return rc < 0 ? conn_lost(c) : rc;
}

struct reply *
conn_reply(struct conn *c, int64_t block_ms)
{
	struct reply *r;

	return watch(c, &r, 0, block_ms, -1, true) < 0 ? NULL : r;
}

int
conn_await(struct conn *c, struct reply **reply, size_t part_bytes,
	   int64_t block_ms)
{
	return watch(c, reply, part_bytes, block_ms, -1, true) < 0 ? -1 : 0;
}

int
conn_watch(struct conn *c, struct reply **reply, size_t part_bytes,
	   int64_t block_ms, int fd)
{
	return watch(c, reply, part_bytes, block_ms, fd, false);
}

int
conn_silence(struct conn *c, int64_t since_ms, int64_t block_ms)
{
	char text[NUM_DURATION_TEXT], why[64 + NUM_DURATION_TEXT];
	int64_t until = wire_silent_at(&c->wire, since_ms, c->options->reply_ms,
				       block_ms);
	int64_t now = when_monotonic();

	if (c->wire.net == NULL)
		return conn_lost(c);
	if (until > now)
		return until - now < INT_MAX ? (int)(until - now) : INT_MAX;
	snprintf(why, sizeof(why), "no answer within %s",
		 num_put_duration(text, until - since_ms));
	return conn_lose(c, why);
}

struct reply *
conn_result(struct conn *c)
{
	struct reply *r;

	if (c->wire.net != NULL)
		c->failed = false;
	r = conn_reply(c, 0);
	if (r == NULL || !reply_is(r, 0, REPLY_ERROR))
		return r;
	conn_fail_reply(c, r, 0);
	return NULL;
}

void
conn_fail_reply(struct conn *c, const struct reply *r, size_t i)
{
	reply_complaint(r, i, c->error, sizeof(c->error));
	c->failed = true;
}

void
conn_blame(struct conn *c, const char *object)
{
	char text[512];

	if (c->wire.net == NULL || !c->failed)
		return;
	snprintf(text, sizeof(text), "%.511s", c->error);
	conn_fail(c, "%s: %s", object, text);
}

void
conn_refuse(struct conn *c, const char *why)
{
	conn_fail(c, "%s: %s", c->name, why);
}

void
conn_fail_shape(struct conn *c, const char *command)
{
	char why[128];

	snprintf(why, sizeof(why), "%s answered in an unknown shape", command);
	c->hopeless = true;
	conn_lose(c, why);
}

int64_t
conn_now(struct conn *c)
{
	struct reply *r;
	int64_t s, us;

	conn_commandv(c, "TIME", NULL);
	r = conn_result(c);
	if (r == NULL)
		return -1;
	if (!reply_is(r, 0, REPLY_ARRAY) || reply_number(r, 1, &s) < 0 ||
	    reply_number(r, 2, &us) < 0 || us >= 1000000 ||
	    s > INT64_MAX / 1000 - 1000) {
		conn_fail_shape(c, "TIME");
		return -1;
	}
	return s * 1000 + us / 1000;
}

int
conn_has_command(struct conn *c, const char *name)
{
	struct reply *r;

	conn_commandv(c, "COMMAND", "INFO", name, NULL);
	r = conn_result(c);
	if (r == NULL)
		return -1;
	if (reply_is(r, 1, REPLY_NIL))
		return 0;
	if (reply_is(r, 0, REPLY_ARRAY) && reply_is(r, 1, REPLY_ARRAY))
		return 1;
	conn_fail_shape(c, "COMMAND INFO");
	return -1;
}
