/*
 * conn_open.c - conn.h's part about coming to a connection: where the server is,
 * the password, trying again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/conn_state.h"
#include "common/deadline.h"
#include "common/diag.h"
#include "common/login.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/stop.h"
#include "common/when.h"

enum {
	ATTEMPT_MS = 5000,     /* longest that one attempt to connect takes */
	ATTEMPT_MIN_MS = 1000, /* what the last one gets at least */
	BACKOFF_MS = 50,
	BACKOFF_MAX_MS = 2000,
	PASSWORD_MAX = 4096
};

/*
 * Connecting
 */

enum outcome {
	CONNECTED,
	AGAIN, /* it may help to try once more */
	GIVE_UP
};

static enum outcome
dial(struct conn *c, int timeout_ms)
{
	const struct conn_options *o = c->options;
	const struct net_tls tls = {
		.cacert = o->cacert,
		.cert = o->cert,
		.key = o->key,
		.sni = o->sni,
		.insecure = o->insecure,
	};
	const struct url_host *to = &c->url.host[0];

	if (wire_open(&c->wire, to->name, to->port,
		      c->url.kind == URL_TLS ? &tls : NULL, timeout_ms) == 0)
		return CONNECTED;
	c->usage = errno == EINVAL;
	if (errno == EINVAL || errno == EACCES || errno == EPROTO ||
	    errno == ECANCELED)
		return GIVE_UP;
	return AGAIN;
}

/*
 * A server that has too many clients says so and hangs up; one that wants
 * another certificate does so after the TLS handshake; one that wants TLS hangs
 * up or sends a TLS alert, and so may say nothing that could be understood.
 */
static enum outcome
login_lost(struct conn *c, const struct login *l, int why, bool answered)
{
	static const char hint[] = "; a server with TLS has a rediss:// URL";
	bool garbled = wire_is_garbled(&c->wire);
	char text[NET_ERROR];

	if (!answered && c->url.kind == URL_TCP &&
	    (garbled || why == ECONNRESET)) {
		snprintf(text, sizeof(text), "%.*s%s",
			 (int)(sizeof(text) - sizeof(hint)), c->wire.error,
			 hint);
		wire_lose(&c->wire, text);
	}
	if (why == EACCES || garbled)
		return GIVE_UP;
	if (why == ECONNRESET && l->said[0] != '\0')
		wire_lose(&c->wire, l->said);
	return AGAIN;
}

static enum outcome
log_in(struct conn *c, int timeout_ms, int64_t deadline, bool drain)
{
	struct login login = {
		.user = c->url.user,
		.password = c->password,
		.db = c->url.db,
	};
	enum login_state state;
	bool answered = false;

	login_begin(&login, &c->wire.out);
	do {
		struct reply *r;

		errno = 0;
		r = wire_await(&c->wire, timeout_ms, deadline, drain);
		if (r == NULL)
			return login_lost(c, &login, errno, answered);
		answered = true;
		state = login_take(&login, r);
	} while (state == LOGIN_MORE);
	if (state != LOGIN_DONE) {
		wire_lose(&c->wire, login.said);
		return state == LOGIN_LATER ? AGAIN : GIVE_UP;
	}
	if (login.needless && !c->told_needless)
		warn("%s: a password was given, but the server has none",
		     c->name);
	c->told_needless = login.needless;
	c->client_id = login.client_id;
	return CONNECTED;
}

/* A stop that is already under way, as in a drain, does not interrupt. */
static enum outcome
attempt(struct conn *c, int timeout_ms)
{
	int64_t deadline = deadline_in(timeout_ms);
	bool drain = stop_requested();
	enum outcome outcome = dial(c, timeout_ms);

	c->client_id = 0;
	if (outcome == CONNECTED)
		outcome = log_in(c, timeout_ms, deadline, drain);
	if (outcome == CONNECTED)
		c->failed = false;
	else
		conn_lost(c);
	return outcome;
}

static int
attempt_ms(const struct conn *c)
{
	int left = deadline_left(c->retry_until);

	if (c->options->retry_for_ms == 0 || left < 0 || left > ATTEMPT_MS)
		return ATTEMPT_MS;
	return left > ATTEMPT_MIN_MS ? left : ATTEMPT_MIN_MS;
}

/* Half of ms to all of it, so that many clients don't come back at once. */
static int
jitter(int ms)
{
	struct timespec now;
	unsigned r;

	clock_gettime(CLOCK_MONOTONIC, &now);
	r = (unsigned)now.tv_nsec / 64 + (unsigned)getpid() * 31;
	return ms / 2 + (int)(r % (unsigned)(ms / 2 + 1));
}

static void
warn_trying(const struct conn *c)
{
	char text[NUM_DURATION_TEXT];

	if (c->options->retry_for_ms == INT64_MAX)
		warn("%s, trying until it works", c->error);
	else
		warn("%s, trying for %s", c->error,
		     num_put_duration(text, c->options->retry_for_ms));
}

/* Wait before the next attempt; true at a stop. */
static bool
rest(struct conn *c)
{
	int left = deadline_left(c->retry_until), pause = jitter(c->backoff_ms);

	c->backoff_ms = c->backoff_ms < BACKOFF_MAX_MS / 2 ? c->backoff_ms * 2
							   : BACKOFF_MAX_MS;
	return stop_sleep(left < 0 || pause < left ? pause : left);
}

static void
begin_trying(struct conn *c)
{
	c->retry_until = deadline_in(c->options->retry_for_ms);
	c->backoff_ms = BACKOFF_MS;
	c->answered = true;
}

/* Attempts until one succeeds.  `warned`: the user knows that it is away;
 * `again`: and that it was connected since. */
static int
connect_until(struct conn *c, bool warned, bool again)
{
	enum outcome outcome;

	while ((outcome = attempt(c, attempt_ms(c))) == AGAIN) {
		if (deadline_left(c->retry_until) == 0 || stop_requested())
			return -1;
		if (warned)
			debug("%s", c->error);
		else
			warn_trying(c);
		warned = true;
		if (rest(c))
			return conn_lose(c, "interrupted");
	}
	if (outcome == GIVE_UP)
		return -1;
	if (warned && !again)
		warn("%s: connected", c->name);
	return 0;
}

/* A server that lets us in and then hangs up, again and again, is as good as one
 * that is not there. */
int
conn_reconnect(struct conn *c)
{
	bool again;

	if (c->usage || c->hopeless)
		return -1;
	if (c->wire.net != NULL)
		conn_lose(c, c->failed ? c->error : "opening it again");
	if (!c->answered && deadline_left(c->retry_until) == 0)
		return -1;
	if (stop_requested())
		return conn_lose(c, "interrupted");
	again = !c->answered;
	if (again && rest(c))
		return conn_lose(c, "interrupted");
	if (!again) {
		warn_trying(c);
		begin_trying(c);
	}
	c->answered = false;
	return connect_until(c, true, again);
}

int
conn_reopen(struct conn *c)
{
	if (c->usage || c->hopeless)
		return -1;
	if (c->wire.net != NULL)
		conn_lose(c, "opening it again");
	return attempt(c, ATTEMPT_MS) == CONNECTED ? 0 : -1;
}

/*
 * Opening
 */

/* The first line, without its CR or LF.  Returns -1 with errno set. */
static int
read_password(const char *path, char **password)
{
	char line[PASSWORD_MAX] = "";
	FILE *f = fopen(path, "re");
	int why = 0;

	if (f == NULL)
		return -1;
	if (fgets(line, sizeof(line), f) == NULL && ferror(f))
		why = errno;
	else if (strlen(line) == sizeof(line) - 1)
		why = EFBIG;
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	if (why == 0)
		*password = xstrdup(line);
	errno = why;
	return why == 0 ? 0 : -1;
}

static int
find_password(struct conn *c)
{
	const char *path = c->options->password_file;
	const char *env = getenv("REDISCLI_AUTH");

	if (path != NULL) {
		if (read_password(path, &c->password) < 0)
			return conn_fail(c, "%s: %s", path, strerror(errno));
		if (c->password[0] == '\0')
			return conn_fail(c, "%s: there is no password in it",
					 path);
	} else if (c->url.password != NULL) {
		c->password = xstrdup(c->url.password);
	} else if (env != NULL && env[0] != '\0') {
		c->password = xstrdup(env);
	}
	return 0;
}

static int
find_server(struct conn *c)
{
	if (c->options->reply_ms <= 0)
		return conn_fail(c, "--reply-timeout: at least 1ms");
	url_mask(c->name, sizeof(c->name), c->options->url);
	if (url_parse(&c->url, c->options->url) < 0)
		return conn_fail(c, "%s: %s", c->name, c->url.error);
	if (c->url.kind == URL_SENTINEL)
		return conn_fail(c, "redis+sentinel is not supported yet");
	if (c->url.kind == URL_CLUSTER)
		return conn_fail(c, "redis+cluster is not supported yet");
	return 0;
}

static struct conn *
new_conn(const struct conn_options *options)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->options = options;
	wire_init(&c->wire, options->max_reply);
	return c;
}

struct conn *
conn_open(const struct conn_options *options)
{
	struct conn *c = new_conn(options);

	begin_trying(c);
	if (find_server(c) < 0 || find_password(c) < 0)
		c->usage = true;
	else
		connect_until(c, false, false);
	return c;
}

/* The password is copied: its file may be a pipe that is read once. */
struct conn *
conn_again(const struct conn *c)
{
	struct conn *again = new_conn(c->options);

	if (c->password != NULL)
		again->password = xstrdup(c->password);
	again->told_needless = c->told_needless;
	begin_trying(again);
	if (find_server(again) < 0)
		again->usage = true;
	else
		connect_until(again, false, false);
	return again;
}

void
conn_close(struct conn *c)
{
	if (c == NULL)
		return;
	wire_release(&c->wire);
	free(c->password);
	url_release(&c->url);
	free(c);
}
