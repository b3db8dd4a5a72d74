#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/publish.h"
#include "common/stop.h"
#include "common/when.h"
#include "tests/unit/link.h"
#include "tests/unit/peer.h"

enum { KIB = 1 << 10, MIB = 1 << 20, LINES_MAX = 30000 };

static struct conn *conn, *other; /* what publishes; what looks on */
static struct publish_options options;
static struct publish *pub;

/* What the callbacks were told. */
static uint64_t confirmed, undone, duplicates, last_line;
static struct id ids[LINES_MAX]; /* by line */

static void
on_confirmed(void *arg, const struct publish_event *e)
{
	assert_ptr_equal(arg, &options);
	assert_true(e->line > last_line);
	assert_true(e->line < LINES_MAX);
	last_line = e->line;
	ids[e->line] = e->id;
	confirmed++;
	duplicates += e->duplicate;
	if (options.keep) {
		char want[32];
		int n = snprintf(want, sizeof(want), "{\"n\":%llu",
				 (unsigned long long)e->line);

		assert_true(e->len > (size_t)n);
		assert_memory_equal(e->text, want, (size_t)n);
		assert_int_equal(e->text[e->len - 1], '}');
	} else if (options.dedup_ms == 0) {
		assert_null(e->text);
	}
}

static void
on_undone(void *arg, const struct publish_event *e)
{
	assert_ptr_equal(arg, &options);
	assert_true(e->line > last_line);
	last_line = e->line;
	undone++;
}

static int
setup(void **state)
{
	(void)state;
	link_start("test-publish", 5000);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_stop();
	return 0;
}

static int
open_both(void **state)
{
	(void)state;
	conn = link_open();
	other = link_open();
	conn_commandv(other, "FLUSHALL", NULL);
	link_result(other);
	conn_commandv(other, "SCRIPT", "FLUSH", NULL);
	link_result(other);
	options = (struct publish_options){
		.stream = "s",
		.confirmed = on_confirmed,
		.undone = on_undone,
		.arg = &options,
	};
	confirmed = undone = duplicates = last_line = 0;
	return 0;
}

static int
close_both(void **state)
{
	(void)state;
	publish_close(pub);
	pub = NULL;
	conn_close(conn);
	conn_close(other);
	return 0;
}

static void
open_publish(void)
{
	pub = publish_open(conn, &options);
	if (pub == NULL)
		fail_msg("%s", conn_error(conn));
}

/* Send {"n":LINE…} of `size` bytes, or a little more; the key is the line. */
static int
send_line(uint64_t line, size_t size)
{
	static char text[4 * MIB];
	char key[32];
	int head, key_len, rc;

	head = snprintf(text, sizeof(text), "{\"n\":%llu",
			(unsigned long long)line);
	key_len = snprintf(key, sizeof(key), "k%llu", (unsigned long long)line);
	while ((size_t)head + 1 < size)
		text[head++] = ' ';
	text[head++] = '}';
	if (options.dedup_ms != 0)
		rc = publish_send(pub, line, text, (size_t)head, key,
				  (size_t)key_len);
	else
		rc = publish_send(pub, line, text, (size_t)head, NULL, 0);
	memset(text, '#', (size_t)head); /* nobody may rely on it */
	return rc;
}

static void
send_lines(uint64_t first, uint64_t last, size_t size)
{
	for (; first <= last; first++)
		assert_int_equal(send_line(first, size), 0);
}

static int64_t
count_on(struct conn *c, const char *stream)
{
	int64_t n;

	conn_commandv(c, "XLEN", stream, NULL);
	assert_int_equal(reply_number(link_result(c), 0, &n), 0);
	return n;
}

static int64_t
count(void)
{
	return count_on(other, "s");
}

/* The stream holds these lines in this order, and nothing else. */
static void
assert_stored(uint64_t first, uint64_t last)
{
	struct entries all = { 0 };
	struct entry e;
	struct reply *r;
	uint64_t line;

	conn_commandv(other, "XRANGE", "s", "-", "+", NULL);
	r = link_result(other);
	entries_init(&all, false);
	for (line = first; line <= last; line++) {
		unsigned long long n;
		const char *text;
		size_t len;

		if (entries_next(&all, r, &e) != ENTRIES_OK)
			fail_msg("line %llu is not there",
				 (unsigned long long)line);
		assert_true(entry_body(&e, "data", &text, &len));
		n = strtoull(text + strlen("{\"n\":"), NULL, 10);
		if (n != line)
			fail_msg("%.40s, not line %llu", text,
				 (unsigned long long)line);
		if (options.durability != PUBLISH_NONE)
			assert_int_equal(id_compare(e.id, ids[line]), 0);
	}
	assert_int_equal(entries_next(&all, r, &e), ENTRIES_END);
	entries_release(&all);
}

/* What publish_report() says. */
static const char *
report(uint64_t next_line)
{
	static char said[4096];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(file);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	diag_set_level(DIAG_NORMAL);
	publish_report(pub, next_line);
	diag_set_level(DIAG_QUIET);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	n = fread(said, 1, sizeof(said) - 1, file);
	said[n] = '\0';
	fclose(file);
	return said;
}

static void
assert_says(const char *said, const char *want)
{
	if (strstr(said, want) == NULL)
		fail_msg("%s\nshould say: %s", said, want);
}

static void
assert_does_not_say(const char *said, const char *what)
{
	if (strstr(said, what) != NULL)
		fail_msg("%s\nshould not say: %s", said, what);
}

static void
disconnect(void)
{
	conn_command(other, 4);
	conn_args(other, "CLIENT");
	conn_args(other, "KILL");
	conn_args(other, "ID");
	conn_argu(other, conn_client_id(conn));
	assert_int_equal(link_result(other)->node[0].integer, 1);
}

static void
every_event_is_stored_and_confirmed_in_order(void **state)
{
	(void)state;
	open_publish();
	send_lines(1, 10000, 100);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 10000);
	assert_int_equal(publish_confirmed(pub), 10000);
	assert_stored(1, 10000);
	assert_int_equal(publish_drain(pub), 0);
}

/* Events that were sent and not confirmed never exceed the window. */
static void
the_window_bounds_what_is_unconfirmed(void **state)
{
	uint64_t line;

	(void)state;
	open_publish();
	for (line = 1; line <= 10000; line++) {
		assert_int_equal(send_line(line, 60), 0);
		assert_true(line - confirmed <= 8192);
		assert_true(conn_unsent(conn) <= 512 * KIB);
	}
	assert_int_equal(publish_drain(pub), 0);
	assert_stored(1, 10000);
}

/* With their bytes kept, large events wait for room; so do larger ones. */
static void
kept_bytes_are_bounded_and_handed_over(void **state)
{
	uint64_t line;

	(void)state;
	options.keep = true;
	open_publish();
	for (line = 1; line <= 100; line++) {
		size_t size = line % 10 == 0 ? 2 * MIB : 200 * KIB;

		assert_int_equal(send_line(line, size), 0);
		/* 4 MiB and one event */
		assert_true(line - confirmed <= 40);
	}
	send_lines(101, 9000, 40);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 9000);
	assert_stored(1, 9000);
}

static void
a_wait_sends_and_takes_in(void **state)
{
	int fds[2], rc;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_publish();
	send_lines(1, 3, 50);
	while (confirmed < 3)
		assert_int_equal(publish_wait(pub, fds[0], 5000), 2);
	assert_int_equal(publish_wait(pub, fds[0], 10), 2);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(publish_wait(pub, fds[0], 5000), 1);
	send_lines(4, 4, 50);
	while ((rc = publish_wait(pub, -1, 5000)) == 2 && confirmed < 4)
		;
	assert_int_equal(rc, 2);
	assert_stored(1, 4);
	close(fds[0]);
	close(fds[1]);
}

static void
a_transaction_is_stored_at_its_commit(void **state)
{
	(void)state;
	options.transaction = options.keep = true;
	open_publish();
	assert_int_equal(publish_commit(pub, false), 0); /* of nothing */
	send_lines(1, 100, 50);
	while (publish_wait(pub, -1, 20) == 2 && conn_unsent(conn) != 0)
		;
	assert_int_equal(count(), 0);
	assert_int_equal(confirmed, 0);
	assert_int_equal(publish_commit(pub, false), 0);
	send_lines(101, 102, 50);
	assert_int_equal(publish_commit(pub, false), 0);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 102);
	assert_stored(1, 102);
}

static void
a_transaction_that_is_given_up_leaves_nothing(void **state)
{
	(void)state;
	options.transaction = options.keep = true;
	open_publish();
	send_lines(1, 10, 50);
	assert_int_equal(publish_commit(pub, false), 0);
	send_lines(11, 20, 50);
	assert_int_equal(publish_commit(pub, true), 0);
	send_lines(21, 30, 50);
	assert_int_equal(publish_commit(pub, false), 0);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(undone, 10);
	assert_int_equal(confirmed, 20);
	assert_int_equal(publish_confirmed(pub), 20);
	assert_int_equal(count(), 20);
}

static void
a_transaction_may_outgrow_the_window(void **state)
{
	(void)state;
	options.transaction = options.keep = true;
	open_publish();
	send_lines(1, 10000, 50);
	assert_int_equal(count(), 0);
	assert_int_equal(publish_commit(pub, false), 0);
	send_lines(10001, 10010, 50);
	assert_int_equal(publish_commit(pub, false), 0);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 10010);
	assert_stored(1, 10010);
}

static void
many_transactions_pass_the_window(void **state)
{
	uint64_t line;

	(void)state;
	options.transaction = true;
	open_publish();
	for (line = 1; line <= 10000; line++) {
		assert_int_equal(send_line(line, 50), 0);
		if (line % 7 == 0)
			assert_int_equal(publish_commit(pub, false), 0);
	}
	assert_int_equal(publish_commit(pub, false), 0);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 10000);
	assert_stored(1, 10000);
}

static void
a_duplicate_yields_the_first_ones_id(void **state)
{
	struct id first[11];

	(void)state;
	options.dedup_ms = 60000;
	open_publish();
	send_lines(1, 10, 50);
	assert_int_equal(publish_drain(pub), 0);
	memcpy(first, ids, sizeof(first));
	last_line = 0;
	send_lines(5, 15, 50);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(duplicates, 6);
	assert_int_equal(publish_duplicates(pub), 6);
	assert_int_equal(publish_confirmed(pub), 21);
	assert_int_equal(id_compare(ids[5], first[5]), 0);
	assert_int_equal(id_compare(ids[10], first[10]), 0);
	assert_stored(1, 15);
}

static void
a_transaction_knows_duplicates(void **state)
{
	(void)state;
	options.dedup_ms = 60000;
	options.transaction = true;
	open_publish();
	send_lines(1, 3, 50);
	assert_int_equal(publish_commit(pub, false), 0);
	assert_int_equal(publish_drain(pub), 0);
	conn_commandv(other, "SCRIPT", "FLUSH", NULL);
	link_result(other);
	last_line = 0;
	send_lines(2, 5, 50);
	assert_int_equal(publish_commit(pub, false), 0);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(duplicates, 2);
	assert_stored(1, 5);
}

static void
flush_scripts(void)
{
	conn_commandv(other, "SCRIPT", "FLUSH", NULL);
	link_result(other);
}

/* The server forgets the script while many events are on their way. */
static void
order_survives_a_forgotten_script(void **state)
{
	uint64_t line;

	(void)state;
	options.dedup_ms = 60000;
	open_publish();
	flush_scripts();
	send_lines(1, 100, 50);
	assert_int_equal(publish_drain(pub), 0);
	assert_stored(1, 100);
	for (line = 101; line <= 12000; line++) {
		if (line % 1500 == 0)
			flush_scripts();
		assert_int_equal(send_line(line, 150), 0);
	}
	flush_scripts();
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 12000);
	assert_int_equal(duplicates, 0);
	assert_stored(1, 12000);
}

static void
a_forgotten_script_and_a_durability_go_together(void **state)
{
	uint64_t line;

	(void)state;
	options.dedup_ms = 60000;
	options.durability = PUBLISH_REPLICAS;
	options.replicas = 0;
	options.wait_ms = 1000;
	open_publish();
	for (line = 1; line <= 4000; line++) {
		if (line % 1700 == 0)
			flush_scripts();
		assert_int_equal(send_line(line, 150), 0);
	}
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 4000);
	assert_stored(1, 4000);
}

static void
nothing_is_created_that_should_not_be(void **state)
{
	const char *said;

	(void)state;
	options.no_create = true;
	open_publish();
	send_lines(1, 5, 50);
	assert_int_equal(publish_drain(pub), -1);
	assert_int_equal(send_line(6, 50), -1);
	assert_int_equal(confirmed, 0);
	said = report(6);
	assert_says(said, "s: cannot add: no such stream");
	assert_says(said, "refused: lines 1-5 (5 events)");
	assert_says(said, "not sent: lines from 6 on");
	assert_does_not_say(said, "confirmed");
	assert_does_not_say(said, "unknown");
	conn_commandv(other, "EXISTS", "s", NULL);
	assert_int_equal(link_result(other)->node[0].integer, 0);
}

static void
the_script_creates_nothing_either(void **state)
{
	(void)state;
	options.no_create = true;
	options.dedup_ms = 60000;
	open_publish();
	send_lines(1, 2, 50);
	assert_int_equal(publish_drain(pub), -1);
	assert_says(report(3), "cannot add: no such stream");
	conn_commandv(other, "DBSIZE", NULL);
	assert_int_equal(link_result(other)->node[0].integer, 0);
}

static void
a_stream_may_be_kept_short(void **state)
{
	(void)state;
	options.maxlen = 500;
	open_publish();
	send_lines(1, 5000, 50);
	assert_int_equal(publish_drain(pub), 0);
	assert_in_range(count(), 500, 700);
}

/* The server refuses from some point on: what came before is stored. */
static void
refusals_are_told_by_their_lines(void **state)
{
	const char *said;

	(void)state;
	open_publish();
	send_lines(1, 10, 50);
	assert_int_equal(publish_drain(pub), 0);
	conn_commandv(other, "DEL", "s", NULL);
	link_result(other);
	conn_commandv(other, "SET", "s", "x", NULL);
	link_result(other);
	send_lines(11, 30, 50);
	assert_int_equal(publish_drain(pub), -1);
	assert_int_equal(confirmed, 10);
	said = report(31);
	assert_says(said, "s: cannot add: WRONGTYPE");
	assert_says(said, "s: confirmed: lines 1-10 (10 events)");
	assert_says(said, "s: refused: lines 11-30 (20 events)");
	assert_says(said, "s: not sent: lines from 31 on");
	assert_does_not_say(said, "unknown");
}

static void
a_refused_transaction_is_refused_as_a_whole(void **state)
{
	const char *said;

	(void)state;
	options.transaction = true;
	open_publish();
	send_lines(1, 10, 50);
	assert_int_equal(publish_commit(pub, false), 0);
	assert_int_equal(publish_drain(pub), 0);
	conn_commandv(other, "CONFIG", "SET", "maxmemory", "1", NULL);
	link_result(other);
	send_lines(11, 20, 50);
	assert_int_equal(publish_commit(pub, false), 0);
	assert_int_equal(publish_drain(pub), -1);
	conn_commandv(other, "CONFIG", "SET", "maxmemory", "0", NULL);
	link_result(other);
	said = report(21);
	assert_says(said, "cannot add: OOM");
	assert_says(said, "confirmed: lines 1-10 (10 events)");
	assert_says(said, "refused: lines 11-20 (10 events)");
	assert_int_equal(count(), 10);
}

/* A scripted server takes the login and the first two events, then hangs up. */
static void
hang_up_after_two(int fd, int n)
{
	if (n != 0)
		return;
	peer_login(fd);
	peer_expect(fd, "{\"n\":2}\r\n");
	peer_say(fd, "$3\r\n5-1\r\n");
	peer_say(fd, "$3\r\n5-2\r\n");
	peer_expect(fd, "{\"n\":4}\r\n");
}

static void
what_was_sent_and_not_answered_is_unknown(void **state)
{
	struct peer peer;
	const char *said;
	struct conn *saved = conn;

	(void)state;
	peer_start(&peer, hang_up_after_two);
	conn = link_open_to(peer.url);
	open_publish();
	send_lines(1, 4, 7);
	assert_int_equal(publish_drain(pub), -1);
	assert_int_equal(send_line(5, 7), -1);
	said = report(5);
	assert_int_equal(confirmed, 2);
	assert_int_equal(ids[2].seq, 2);
	assert_says(said, "s: cannot add: ");
	assert_says(said, "s: confirmed: lines 1-2 (2 events)");
	assert_says(said, "s: unknown: lines 3-4 (2 events)");
	assert_says(said, "s: not sent: lines from 5 on");
	assert_does_not_say(said, "refused");
	publish_close(pub);
	pub = NULL;
	conn_close(conn);
	conn = saved;
	peer_stop(&peer);
}

/* An open transaction has no effect, so it counts as not sent. */
static void
hang_up_in_a_transaction(int fd, int n)
{
	if (n != 0)
		return;
	peer_login(fd);
	peer_expect(fd, "EXEC\r\n");
	peer_say(fd, "+OK\r\n+QUEUED\r\n*1\r\n$3\r\n5-1\r\n");
	peer_expect(fd, "EXEC\r\n");
	peer_expect(fd, "{\"n\":4}\r\n");
}

static void
an_open_transaction_is_not_sent(void **state)
{
	struct peer peer;
	const char *said;
	struct conn *saved = conn;

	(void)state;
	options.transaction = true;
	peer_start(&peer, hang_up_in_a_transaction);
	conn = link_open_to(peer.url);
	open_publish();
	send_lines(1, 1, 7);
	assert_int_equal(publish_commit(pub, false), 0);
	send_lines(2, 2, 7);
	assert_int_equal(publish_commit(pub, false), 0);
	send_lines(3, 4, 7);
	assert_int_equal(publish_drain(pub), -1);
	said = report(5);
	assert_says(said, "s: confirmed: lines 1-1 (1 events)");
	assert_says(said, "s: unknown: lines 2-2 (1 events)");
	assert_says(said, "s: not sent: lines 3-4 (2 events)");
	assert_says(said, "s: not sent: lines from 5 on");
	publish_close(pub);
	pub = NULL;
	conn_close(conn);
	conn = saved;
	peer_stop(&peer);
}

/* With nothing unconfirmed a loss is no failure. */
static void
a_connection_lost_while_idle_is_made_again(void **state)
{
	int i;

	(void)state;
	open_publish();
	for (i = 1; i <= 3; i++) {
		send_lines((uint64_t)i, (uint64_t)i, 50);
		assert_int_equal(publish_drain(pub), 0);
		disconnect();
		while (!conn_is_lost(conn))
			assert_int_equal(publish_wait(pub, -1, 5000), 2);
		assert_int_equal(publish_wait(pub, -1, 1), 2);
		assert_int_equal(publish_drain(pub), 0);
	}
	assert_stored(1, 3);
}

static void
a_lost_idle_connection_loses_no_script(void **state)
{
	(void)state;
	options.dedup_ms = 60000;
	open_publish();
	send_lines(1, 2, 50);
	assert_int_equal(publish_drain(pub), 0);
	flush_scripts();
	disconnect();
	while (!conn_is_lost(conn))
		assert_int_equal(publish_wait(pub, -1, 5000), 2);
	send_lines(3, 4, 50);
	assert_int_equal(publish_drain(pub), 0);
	assert_stored(1, 4);
}

static void
without_replies_the_end_confirms_all(void **state)
{
	(void)state;
	options.durability = PUBLISH_NONE;
	open_publish();
	send_lines(1, 20000, 100);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(publish_confirmed(pub), 20000);
	assert_stored(1, 20000);
	send_lines(20001, 20010, 100);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(publish_confirmed(pub), 20010);
	assert_int_equal(count(), 20010);
}

static void
without_replies_a_loss_leaves_all_unknown(void **state)
{
	const char *said;

	(void)state;
	options.durability = PUBLISH_NONE;
	open_publish();
	send_lines(1, 10, 100);
	assert_int_equal(conn_flush(conn), 0);
	disconnect();
	assert_int_equal(publish_drain(pub), -1);
	assert_int_equal(publish_confirmed(pub), 0);
	said = report(11);
	assert_says(said, "unknown: lines 1-10 (10 events)");
	assert_says(said, "not sent: lines from 11 on");
	assert_does_not_say(said, "confirmed");
}

static void
use_replicas(uint64_t n, int64_t wait_ms)
{
	options.durability = PUBLISH_REPLICAS;
	options.replicas = n;
	options.wait_ms = wait_ms;
}

static void
events_are_confirmed_once_they_are_durable(void **state)
{
	(void)state;
	use_replicas(0, 1000);
	open_publish();
	send_lines(1, 10000, 60);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 10000);
	assert_stored(1, 10000);
}

/* The window is full before there is a reason to ask for durability. */
static void
large_durable_events_that_are_kept_pass_the_window(void **state)
{
	(void)state;
	use_replicas(0, 1000);
	options.keep = true;
	open_publish();
	send_lines(1, 100, 200 * KIB);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 100);
}

static void
durable_transactions_pass_the_window(void **state)
{
	uint64_t line;

	(void)state;
	use_replicas(0, 1000);
	options.transaction = true;
	open_publish();
	for (line = 1; line <= 10000; line++) {
		assert_int_equal(send_line(line, 50), 0);
		if (line % 100 == 0)
			assert_int_equal(publish_commit(pub, false), 0);
	}
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 10000);
}

static void
too_few_replicas_are_told(void **state)
{
	const char *said;

	(void)state;
	use_replicas(1, 10);
	open_publish();
	send_lines(1, 5, 50);
	assert_int_equal(publish_drain(pub), -1);
	assert_int_equal(confirmed, 0);
	said = report(6);
	assert_says(said, "stored, under-replicated: 0 of 1 replicas have it");
	assert_says(said, "stored, durability unknown: lines 1-5 (5 events)");
	assert_int_equal(count(), 5);
}

static void
too_few_replicas_end_a_long_run(void **state)
{
	uint64_t line = 1;

	(void)state;
	use_replicas(1, 10);
	open_publish();
	while (line < LINES_MAX && send_line(line, 50) == 0)
		line++;
	assert_true(line < LINES_MAX);
	assert_int_equal(publish_drain(pub), -1);
	assert_int_equal(confirmed, 0);
}

static void
a_server_without_the_means_is_refused_at_once(void **state)
{
	int has = conn_has_command(conn, "WAITAOF");

	(void)state;
	options.durability = PUBLISH_FSYNC;
	options.wait_ms = 1000;
	pub = publish_open(conn, &options);
	if (has != 1) {
		assert_null(pub);
		assert_non_null(strstr(conn_error(conn), "WAITAOF"));
		return;
	}
	assert_non_null(pub); /* but there is no append-only file */
	send_lines(1, 1, 50);
	assert_int_equal(publish_drain(pub), -1);
	assert_int_equal(confirmed, 0);
}

/* The last of all: a stop can't be taken back. */
static void
a_stop_ends_the_wait_for_input_and_not_the_drain(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_publish();
	send_lines(1, 5, 50);
	stop_request();
	assert_int_equal(publish_wait(pub, fds[0], 5000), 0);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(confirmed, 5);
	assert_stored(1, 5);
	close(fds[0]);
	close(fds[1]);
}

#define test_on_server(name) \
	cmocka_unit_test_setup_teardown(name, open_both, close_both)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_server(every_event_is_stored_and_confirmed_in_order),
		test_on_server(the_window_bounds_what_is_unconfirmed),
		test_on_server(kept_bytes_are_bounded_and_handed_over),
		test_on_server(a_wait_sends_and_takes_in),
		test_on_server(a_transaction_is_stored_at_its_commit),
		test_on_server(a_transaction_that_is_given_up_leaves_nothing),
		test_on_server(a_transaction_may_outgrow_the_window),
		test_on_server(many_transactions_pass_the_window),
		test_on_server(a_duplicate_yields_the_first_ones_id),
		test_on_server(a_transaction_knows_duplicates),
		test_on_server(order_survives_a_forgotten_script),
		test_on_server(a_forgotten_script_and_a_durability_go_together),
		test_on_server(nothing_is_created_that_should_not_be),
		test_on_server(the_script_creates_nothing_either),
		test_on_server(a_stream_may_be_kept_short),
		test_on_server(refusals_are_told_by_their_lines),
		test_on_server(a_refused_transaction_is_refused_as_a_whole),
		test_on_server(what_was_sent_and_not_answered_is_unknown),
		test_on_server(an_open_transaction_is_not_sent),
		test_on_server(a_connection_lost_while_idle_is_made_again),
		test_on_server(a_lost_idle_connection_loses_no_script),
		test_on_server(without_replies_the_end_confirms_all),
		test_on_server(without_replies_a_loss_leaves_all_unknown),
		test_on_server(events_are_confirmed_once_they_are_durable),
		test_on_server(
			large_durable_events_that_are_kept_pass_the_window),
		test_on_server(durable_transactions_pass_the_window),
		test_on_server(too_few_replicas_are_told),
		test_on_server(too_few_replicas_end_a_long_run),
		test_on_server(a_server_without_the_means_is_refused_at_once),
		test_on_server(
			a_stop_ends_the_wait_for_input_and_not_the_drain),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
