#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/audit.h"
#include "common/diag.h"
#include "common/envelope.h"
#include "common/stop.h"
#include "common/stream.h"

enum { HOST_MAX = 256 };

static void
put_name(struct buf *b, const char *name)
{
	if (b->data[b->len - 1] != '{')
		buf_addc(b, ',');
	buf_addf(b, "\"%s\":", name);
}

static void
put_text(struct buf *b, const char *name, const char *text)
{
	if (text == NULL)
		return;
	put_name(b, name);
	buf_add_json_bytes(b, text, strlen(text));
}

static void
put_json(struct buf *b, const char *name, const char *json)
{
	if (json == NULL)
		return;
	put_name(b, name);
	buf_adds(b, json);
}

/* By the user id, which the environment can't change. */
static void
put_user(struct buf *b)
{
	const struct passwd *user = getpwuid(getuid());

	if (user != NULL) {
		put_text(b, "user", user->pw_name);
		return;
	}
	put_name(b, "user");
	buf_addf(b, "\"%lu\"", (unsigned long)getuid());
}

static void
put_data(struct buf *b, const struct audit *a)
{
	char host[HOST_MAX] = "";

	buf_addc(b, '{');
	put_text(b, "program", diag_program());
	put_text(b, "action", a->action);
	put_user(b);
	if (gethostname(host, sizeof(host) - 1) == 0)
		put_text(b, "host", host);
	put_text(b, "stream", a->stream);
	put_text(b, "group", a->group);
	put_text(b, "to", a->to);
	put_json(b, "select", a->select);
	put_json(b, "counts", a->counts);
	put_json(b, "before", a->before);
	put_json(b, "after", a->after);
	buf_addc(b, '}');
}

static void
put_event(struct buf *out, const struct audit *a, int64_t now)
{
	struct buf data = { 0 }, type = { 0 };
	struct envelope e = { 0 };

	buf_addf(&type, "evtools.%s.%s", diag_program(), a->action);
	e.type = buf_text(&type);
	e.subject = a->stream;
	if (envelope_init(&e) < 0) {
		/* A name that CloudEvents can't carry; data has it too. */
		e.subject = NULL;
		envelope_init(&e);
	}
	put_data(&data, a);
	envelope_wrap(&e, out, now, data.data, data.len, false);
	envelope_release(&e);
	buf_release(&data);
	buf_release(&type);
}

/* Ask until there is an answer.  0, or -1. */
static int
add(struct conn *c, const char *event, size_t len)
{
	struct stream_adder adder = { 0 };
	struct reply *r;

	stream_adder_init(&adder, AUDIT_STREAM, 0, false);
	do {
		stream_add(c, &adder, event, len);
		r = conn_result(c);
	} while (r == NULL && conn_is_lost(c) && conn_reconnect(c) == 0);
	stream_adder_release(&adder);
	return r != NULL ? 0 : -1;
}

int
audit_put(struct conn *c, const struct audit *a)
{
	struct buf event = { 0 };
	int64_t now;
	int rc = -1;

	do
		now = conn_now(c);
	while (now < 0 && conn_is_lost(c) && conn_reconnect(c) == 0);
	if (now >= 0) {
		put_event(&event, a, now);
		rc = add(c, event.data, event.len);
	}
	buf_release(&event);
	return rc;
}
