#include <stdlib.h>
#include <string.h>

#include "common/await.h"
#include "common/diag.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/scan.h"
#include "common/stop.h"
#include "common/when.h"

enum {
	BLOCK_MS = 2000, /* one blocked read */
	RETRY_MS = 250,  /* until a server that can't now is asked again */
	SLICE = 100,
	FIRST_CAP = 64 /* requests; a power of 2, as all later ones */
};

int
await_open(struct await *a, const struct conn *c)
{
	a->conn = conn_again(c);
	a->last = ID_MIN;
	if (conn_error(a->conn) != NULL ||
	    scan_newest(a->conn, a->stream, &a->last) < 0)
		return -1;
	return 0;
}

void
await_close(struct await *a)
{
	if (a->conn != NULL)
		conn_close(a->conn);
	free(a->request);
	free(a->bucket);
	buf_release(&a->keys);
	buf_release(&a->tmp);
	event_release(&a->event);
	*a = (struct await){ 0 };
}

bool
await_key(const struct event *ev, struct buf *tmp, const char **key,
	  size_t *len)
{
	return (event_role_text(ev, ROLE_CORRELATION, tmp, key, len) &&
		*len != 0) ||
	       (event_role_text(ev, ROLE_ID, tmp, key, len) && *len != 0);
}

/* FNV-1a; cap is a power of 2. */
static size_t *
bucket_of(const struct await *a, const char *key, size_t len)
{
	uint64_t hash = 14695981039346656037u;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)key[i]) * 1099511628211u;
	return &a->bucket[(hash ^ hash >> 32) & (a->cap - 1)];
}

static struct await_request *
find(const struct await *a, const char *key, size_t len)
{
	size_t at;

	if (a->open == 0)
		return NULL;
	for (at = *bucket_of(a, key, len); at != 0;) {
		struct await_request *r = &a->request[at - 1];

		if (!r->answered && r->key_len == len &&
		    memcmp(a->keys.data + r->key, key, len) == 0)
			return r;
		at = r->next;
	}
	return NULL;
}

bool
await_is_open(const struct await *a, const char *key, size_t len)
{
	return find(a, key, len) != NULL;
}

static void
put_in_bucket(struct await *a, size_t i)
{
	struct await_request *r = &a->request[i];
	size_t *bucket = bucket_of(a, a->keys.data + r->key, r->key_len);

	r->next = *bucket;
	*bucket = i + 1;
}

static void
grow(struct await *a)
{
	size_t i;

	a->cap = a->cap == 0 ? FIRST_CAP : mem_mul(a->cap, 2);
	a->request = xreallocarray(a->request, a->cap, sizeof(*a->request));
	free(a->bucket);
	a->bucket = xcalloc(a->cap, sizeof(*a->bucket));
	for (i = 0; i < a->count; i++)
		put_in_bucket(a, i);
}

/* Nobody waits: forget all that were answered. */
static void
forget(struct await *a)
{
	a->count = a->first = 0;
	buf_clear(&a->keys);
	if (a->cap != 0)
		memset(a->bucket, 0, a->cap * sizeof(*a->bucket));
}

void
await_expect(struct await *a, const char *key, size_t len, uint64_t line)
{
	int64_t now = when_monotonic();

	if (a->open == 0)
		forget(a);
	if (a->count == a->cap)
		grow(a);
	a->request[a->count] = (struct await_request){
		.key = a->keys.len,
		.key_len = len,
		.line = line,
		.deadline = a->timeout_ms < INT64_MAX - now
				    ? now + a->timeout_ms
				    : INT64_MAX,
	};
	buf_add(&a->keys, key, len);
	put_in_bucket(a, a->count++);
	a->open++;
}

static void
close_request(struct await *a, struct await_request *r)
{
	r->answered = true;
	a->open--;
	while (a->first < a->count && a->request[a->first].answered)
		a->first++;
}

static void
say_missing(struct await *a, const struct await_request *r, const char *why)
{
	const char *key = a->keys.data + r->key;
	int len = r->key_len < 200 ? (int)r->key_len : 200;

	if (a->input == NULL)
		fault("argument %llu: no reply on %s %s: %.*s",
		      (unsigned long long)r->line, a->stream, why, len, key);
	else
		fault("%s:%llu: no reply on %s %s: %.*s", a->input,
		      (unsigned long long)r->line, a->stream, why, len, key);
	a->missed++;
}

/* All wait equally long, so the first ones are those that expire. */
static void
expire(struct await *a)
{
	int64_t now = when_monotonic();
	char why[NUM_DURATION_TEXT + 8] = "within ";

	num_put_duration(why + strlen(why), a->timeout_ms);
	while (a->open != 0 && a->request[a->first].deadline <= now) {
		struct await_request *r = &a->request[a->first];

		say_missing(a, r, why);
		close_request(a, r);
	}
}

void
await_give_up(struct await *a)
{
	while (a->open != 0) {
		struct await_request *r = &a->request[a->first];

		say_missing(a, r, "yet");
		close_request(a, r);
	}
}

/* An entry came: print it if someone waits for it. */
static void
take_entry(struct await *a, const struct entry *e)
{
	struct event *ev = &a->event;
	struct await_request *r;
	const char *text;
	size_t len;

	a->last = e->id;
	if (!entry_body(e, NULL, &text, &len) || event_parse(ev, text, len) < 0)
		return;
	event_recognise(ev, EVENT_ROLE(ROLE_CORRELATION));
	if (!event_role_text(ev, ROLE_CORRELATION, &a->tmp, &text, &len))
		return;
	r = find(a, text, len);
	if (r == NULL)
		return;
	out_json(a->out, ev->text, ev->len);
	out_end(a->out);
	a->answered++;
	close_request(a, r);
}

static int
take_reply(struct await *a, const struct reply *r)
{
	struct entries e = { 0 };
	enum entries_result rc;
	struct entry entry;

	a->reading = false;
	if (reply_is(r, 0, REPLY_ERROR)) {
		if (reply_fault(r, 0) == REPLY_FAULT_RETRY) {
			stop_sleep(RETRY_MS);
			return 0;
		}
		conn_fail_reply(a->conn, r, 0);
		conn_blame(a->conn, a->stream);
		return -1;
	}
	entries_init(&e, true);
	while ((rc = entries_next(&e, r, &entry)) == ENTRIES_OK)
		take_entry(a, &entry);
	entries_release(&e);
	if (rc == ENTRIES_END)
		return 0;
	conn_fail_shape(a->conn, "XREAD");
	return -1;
}

static void
ask(struct await *a)
{
	struct conn *c = a->conn;

	conn_command(c, 8);
	conn_args(c, "XREAD");
	conn_args(c, "COUNT");
	conn_argu(c, SLICE);
	conn_args(c, "BLOCK");
	conn_argu(c, BLOCK_MS);
	conn_args(c, "STREAMS");
	conn_args(c, a->stream);
	conn_argid(c, a->last);
	a->reading = true;
	a->since = when_monotonic();
}

static int
recover(struct await *a)
{
	if (!conn_is_lost(a->conn) || conn_reconnect(a->conn) < 0)
		return -1;
	a->reading = false;
	return 0;
}

/* Wait once, for at most left_ms (-1: until something comes).  Returns the set
 * of conn_seen, or -1. */
static int
turn(struct await *a, int fd, int left_ms)
{
	struct reply *r;
	int rc, silence;

	if (!a->reading)
		ask(a);
	while ((rc = conn_next(a->conn, &r, 0)) == 1) {
		if (take_reply(a, r) < 0)
			return -1;
		ask(a);
	}
	if (rc < 0)
		return recover(a);
	out_flush(a->out);
	if (fd < 0 && a->open == 0)
		return 0; /* nothing is left to wait for */
	silence = conn_silence(a->conn, a->since, BLOCK_MS);
	if (silence < 0)
		return recover(a);
	if (left_ms < 0 || silence < left_ms)
		left_ms = silence;
	rc = conn_wait(a->conn, fd, left_ms, false);
	return rc < 0 ? recover(a) : rc;
}

int
await_poll(struct await *a)
{
	return turn(a, -1, 0) < 0 ? -1 : 0;
}

static int
left_ms(const struct await *a)
{
	int64_t left;

	if (a->open == 0)
		return -1;
	left = a->request[a->first].deadline - when_monotonic();
	if (left < 0)
		return 0;
	return left < INT32_MAX ? (int)left : INT32_MAX;
}

int
await_wait(struct await *a, int fd)
{
	for (;;) {
		int left = left_ms(a), rc;

		if (fd < 0 && a->open == 0)
			return 1;
		rc = turn(a, fd, left);
		if (rc < 0)
			return -1;
		if ((rc & CONN_SEEN_STOP) || a->out->error != 0)
			return 0;
		if (rc & CONN_SEEN_FD)
			return 1;
		/* What came in time is looked at first. */
		if (left == 0 || !(rc & CONN_SEEN_REPLY))
			expire(a);
	}
}
