#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/conn.h"
#include "common/diag.h"
#include "common/stop.h"
#include "common/when.h"
#include "tests/unit/peer.h"

/* Nothing here may take longer, nor more memory, whatever the peer says. */
enum { BOUND_MS = 15000, BOUND_KIB = 64 << 10, MAX_REPLY = 4 << 20 };

static int64_t started;

static int
setup(void **state)
{
	(void)state;
	diag_init("test-conn");
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	return 0;
}

static struct conn_options
options_for(const struct peer *p)
{
	struct conn_options o = CONN_OPTIONS_INIT;

	o.url = p->url;
	o.retry_for_ms = 0;
	o.reply_ms = 300;
	o.max_reply = MAX_REPLY;
	return o;
}

static void
assert_lost(const struct conn *c, const char *want)
{
	const char *error = conn_error(c);

	assert_true(conn_is_lost(c));
	assert_false(conn_is_usage(c));
	assert_non_null(error);
	if (strstr(error, want) == NULL)
		fail_msg("%s\nshould say: %s", error, want);
	assert_true(when_monotonic() - started < BOUND_MS);
}

/* What the peer does after the login costs the connection. */
static void
assert_ends(peer_script *script, const char *why)
{
	struct rusage before, after;
	struct conn_options o;
	struct peer p;
	struct conn *c;

	started = when_monotonic();
	getrusage(RUSAGE_SELF, &before);
	peer_start(&p, script);
	o = options_for(&p);
	c = conn_open(&o);
	assert_null(conn_error(c));
	assert_int_equal(77, conn_client_id(c));
	conn_commandv(c, "XRANGE", "s", "-", "+", NULL);
	assert_null(conn_reply(c, 0));
	assert_lost(c, why);
	assert_null(conn_result(c));
	assert_lost(c, why);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < BOUND_KIB);
	conn_close(c);
	peer_stop(&p);
}

static void
garbage(int fd, int n)
{
	(void)n;
	peer_login(fd);
	peer_say(fd, "\033]0;HTTP/1.1 400 Bad Request\r\n\r\n");
	peer_silence(fd);
}

static void
half_a_reply(int fd, int n)
{
	(void)n;
	peer_login(fd);
	peer_expect(fd, "+\r\n");
	peer_say(fd, "*2\r\n$3\r\nab");
}

static void
huge_array(int fd, int n)
{
	(void)n;
	peer_login(fd);
	peer_say(fd, "*1000000000\r\n*1000000000\r\n:1\r\n");
	peer_silence(fd);
}

static void
huge_text(int fd, int n)
{
	char bytes[65536];
	int i;

	(void)n;
	peer_login(fd);
	memset(bytes, 'x', sizeof(bytes));
	peer_say(fd, "$99999999999\r\n");
	for (i = 0; i < 1600; i++)
		peer_write(fd, bytes, sizeof(bytes));
	peer_silence(fd);
}

static void
endless_array(int fd, int n)
{
	char bytes[65536];
	size_t at;
	int i;

	(void)n;
	peer_login(fd);
	peer_say(fd, "*1000000000\r\n");
	for (at = 0; at < sizeof(bytes); at += 4)
		memcpy(bytes + at, ":1\r\n", 4);
	for (i = 0; i < 1600; i++)
		peer_write(fd, bytes, sizeof(bytes));
	peer_silence(fd);
}

static void
resp3(int fd, int n)
{
	(void)n;
	peer_login(fd);
	peer_say(fd, "%1\r\n+a\r\n,1.5\r\n");
	peer_silence(fd);
}

static void
nesting(int fd, int n)
{
	int i;

	(void)n;
	peer_login(fd);
	for (i = 0; i < 100000; i++)
		peer_say(fd, "*1\r\n");
	peer_silence(fd);
}

static void
silence(int fd, int n)
{
	(void)n;
	peer_login(fd);
	peer_silence(fd);
}

static void
a_hangup(int fd, int n)
{
	(void)n;
	peer_login(fd);
	peer_expect(fd, "+\r\n");
}

static void
survives_garbage(void **state)
{
	(void)state;
	assert_ends(garbage, ": protocol error: got ");
	assert_ends(resp3, ": protocol error: ");
	assert_ends(nesting, ": protocol error: ");
}

static void
survives_a_hangup(void **state)
{
	(void)state;
	assert_ends(half_a_reply, ": the server closed the connection");
	assert_ends(a_hangup, ": the server closed the connection");
}

static void
survives_silence(void **state)
{
	(void)state;
	assert_ends(silence, ": no answer within 300ms");
	assert_ends(huge_array, ": no answer within 300ms");
}

static void
survives_replies_without_end(void **state)
{
	(void)state;
	assert_ends(huge_text,
		    ": the server sent an element of more than 4194304 bytes");
	assert_ends(endless_array,
		    ": the server sent a reply of more than 8388608 bytes");
}

/*
 * While logging in
 */

static void
assert_refused(peer_script *script, int64_t retry_for_ms, const char *why)
{
	struct conn_options o;
	struct peer p;
	struct conn *c;

	started = when_monotonic();
	peer_start(&p, script);
	o = options_for(&p);
	o.retry_for_ms = retry_for_ms;
	c = conn_open(&o);
	assert_lost(c, why);
	assert_null(strstr(conn_error(c), "s3cret"));
	conn_close(c);
	peer_stop(&p);
}

static void
web_server(int fd, int n)
{
	(void)n;
	peer_say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void
protected_server(int fd, int n)
{
	(void)n;
	peer_say(fd, "-DENIED Redis is running in protected mode.\r\n");
}

static void
full_server(int fd, int n)
{
	(void)n;
	peer_say(fd, "-ERR max number of clients reached\r\n");
}

static void
fails_at_once_where_another_try_is_no_use(void **state)
{
	(void)state;
	assert_refused(web_server, 60000, ": protocol error: got \"H\"");
	assert_refused(protected_server, 60000,
		       ": DENIED Redis is running in protected mode");
}

static void
says_why_a_server_hangs_up(void **state)
{
	(void)state;
	assert_refused(full_server, 0, ": ERR max number of clients reached");
	assert_refused(full_server, 200, ": ERR max number of clients reached");
}

static void
server_without_auth(int fd, int n)
{
	(void)n;
	peer_expect(fd, "PING\r\n");
	peer_say(fd, "-ERR unknown command 'AUTH', with args beginning with: "
		     "'s3cret' \r\n");
	peer_silence(fd);
}

static void
keeps_the_password_out_of_messages(void **state)
{
	(void)state;
	setenv("REDISCLI_AUTH", "s3cret", 1);
	assert_refused(server_without_auth, 60000,
		       ": ERR unknown command 'AUTH'");
	unsetenv("REDISCLI_AUTH");
}

static void
loads_twice(int fd, int n)
{
	if (n < 2) {
		peer_expect(fd, "PING\r\n");
		peer_say(fd, "+OK\r\n:7\r\n-LOADING Redis is loading\r\n");
	} else {
		peer_login(fd);
	}
	peer_silence(fd);
}

static void
refuses_extras(int fd, int n)
{
	(void)n;
	peer_expect(fd, "PING\r\n");
	peer_say(fd, "-ERR unknown command\r\n-NOPERM no\r\n-MISCONF no\r\n");
	peer_silence(fd);
}

static void
waits_for_a_server_that_is_loading(void **state)
{
	struct conn_options o;
	struct peer p;
	struct conn *c;

	(void)state;
	assert_refused(loads_twice, 0, ": LOADING Redis is loading");
	peer_start(&p, loads_twice);
	o = options_for(&p);
	o.retry_for_ms = 20000;
	c = conn_open(&o);
	assert_null(conn_error(c));
	assert_int_equal(77, conn_client_id(c));
	conn_close(c);
	peer_stop(&p);
}

static void
needs_neither_name_nor_id_nor_ping(void **state)
{
	struct conn_options o;
	struct peer p;
	struct conn *c;

	(void)state;
	peer_start(&p, refuses_extras);
	o = options_for(&p);
	c = conn_open(&o);
	assert_null(conn_error(c));
	assert_int_equal(0, conn_client_id(c));
	conn_close(c);
	peer_stop(&p);
}

/* The server's last words, though it no longer listens. */
static void
speaks_and_hangs_up(int fd, int n)
{
	(void)n;
	peer_login(fd);
	peer_say(fd, "-ERR going down\r\n");
}

static void
reads_what_was_said_before_the_hangup(void **state)
{
	struct conn_options o;
	struct peer p;
	struct conn *c;
	struct reply *r;

	(void)state;
	peer_start(&p, speaks_and_hangs_up);
	o = options_for(&p);
	c = conn_open(&o);
	assert_null(conn_error(c));
	/* Nothing was asked, so the words come with the end behind them. */
	while (conn_wait(c, -1, 1000, true) != CONN_SEEN_REPLY)
		;
	peer_stop(&p);
	conn_commandv(c, "PING", NULL);
	assert_int_equal(0, conn_flush(c));
	r = conn_reply(c, 0);
	assert_non_null(r);
	assert_true(reply_equals(r, 0, "ERR going down"));
	assert_null(conn_reply(c, 0));
	assert_true(conn_is_lost(c));
	conn_close(c);
}

static void
a_shape_unknown_to_us(int fd, int n)
{
	(void)n;
	peer_login(fd);
	peer_expect(fd, "TIME\r\n");
	peer_say(fd, "*2\r\n$2\r\n-1\r\n$1\r\nx\r\n");
	peer_silence(fd);
}

static void
believes_no_clock_that_is_no_number(void **state)
{
	struct conn_options o;
	struct peer p;
	struct conn *c;

	(void)state;
	started = when_monotonic();
	peer_start(&p, a_shape_unknown_to_us);
	o = options_for(&p);
	c = conn_open(&o);
	assert_null(conn_error(c));
	assert_true(conn_now(c) == -1);
	assert_lost(c, ": TIME answered in an unknown shape");
	conn_close(c);
	peer_stop(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives_garbage),
		cmocka_unit_test(survives_a_hangup),
		cmocka_unit_test(survives_silence),
		cmocka_unit_test(survives_replies_without_end),
		cmocka_unit_test(fails_at_once_where_another_try_is_no_use),
		cmocka_unit_test(says_why_a_server_hangs_up),
		cmocka_unit_test(keeps_the_password_out_of_messages),
		cmocka_unit_test(waits_for_a_server_that_is_loading),
		cmocka_unit_test(needs_neither_name_nor_id_nor_ping),
		cmocka_unit_test(reads_what_was_said_before_the_hangup),
		cmocka_unit_test(believes_no_clock_that_is_no_number),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
