#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/parser.h"
#include "common/stop.h"
#include "common/stream.h"
#include "tests/unit/peer.h"

enum { MAX_BYTES = 16 << 20 };

static void
names_have_no_braces_or_one_tag(void **state)
{
	static const char *const good[] = { "orders",   "a:b/c d", "{a}b",
					    "a{b}",     "a{b}c",   "{a}",
					    "\xc3\xa9", "*" };
	static const char *const bad[] = { "",       "{",       "}",     "{}",
					   "{}a",    "a{b",     "a}b",   "}a{",
					   "{a}{b}", "{{a}}",   "{a}}",  "{{a}",
					   "a{}b",   "{a{b}c}", "{a}b}c" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (stream_name_error(good[i]) != NULL)
			fail_msg("%s: %s", good[i], stream_name_error(good[i]));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (stream_name_error(bad[i]) == NULL)
			fail_msg("%s passes", bad[i]);
}

static void
companions_share_the_streams_slot(void **state)
{
	static const char *const want[][3] = {
		{ "orders", "dlq", "{orders}:dlq" },
		{ "{a}b", "dlq", "{a}b:dlq" },
		{ "b{a}", "fail:g", "b{a}:fail:g" },
		{ "a.0", "seen:", "{a.0}:seen:" },
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		stream_companion(&out, want[i][0], want[i][1]);
		assert_string_equal(out.data, want[i][2]);
		assert_int_equal(out.len, strlen(want[i][2]));
	}
	buf_release(&out);
}

/* The protocol of some replies, and the entries in them as text. */
static const struct {
	bool by_stream;
	const char *protocol, *entries;
} shapes[] = {
	{ false, "*0\r\n", "" },
	{ false, "*-1\r\n", "" },
	{ false, "$-1\r\n", "" },
	{ true, "*-1\r\n", "" },
	{ true, "*0\r\n", "" },
	{ false, "*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$4\r\ndata\r\n$2\r\n{}\r\n",
	  "1-0 data={};" },
	{ false,
	  "*3\r\n"
	  "*2\r\n$3\r\n1-0\r\n*4\r\n$1\r\na\r\n$0\r\n\r\n$1\r\nb\r\n$1\r\nx\r\n"
	  "*2\r\n$3\r\n2-0\r\n*-1\r\n"
	  "*2\r\n$3\r\n3-9\r\n*0\r\n",
	  "1-0 a= b=x;2-0 trimmed;3-9;" },
	/* XCLAIM before Redis 7.0 */
	{ false,
	  "*3\r\n$-1\r\n*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n*-1\r\n",
	  "2-0 a=b;" },
	{ true,
	  "*3\r\n"
	  "*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\nb"
	  "\r\n"
	  "*2\r\n$5\r\nempty\r\n*0\r\n"
	  "*2\r\n$2\r\ntt\r\n*2\r\n*2\r\n$3\r\n2-0\r\n*-1\r\n"
	  "*2\r\n$3\r\n3-0\r\n*2\r\n$1\r\nc\r\n$1\r\nd\r\n",
	  "s/1-0 a=b;tt/2-0 trimmed;tt/3-0 c=d;" },
};

static void
show(struct buf *b, const struct entry *e)
{
	char id[ID_TEXT];
	size_t i;

	if (e->stream != NULL)
		buf_addf(b, "%s/", e->stream);
	buf_add(b, id, id_put(id, e->id));
	if (e->trimmed) {
		assert_int_equal(e->fields, 0);
		buf_adds(b, " trimmed");
	}
	for (i = 0; i < e->fields; i++) {
		const char *name, *value;
		size_t name_len, value_len;

		entry_field(e, i, &name, &name_len, &value, &value_len);
		buf_addf(b, " %.*s=%.*s", (int)name_len, name, (int)value_len,
			 value);
	}
	buf_addc(b, ';');
}

/* Feed a reply in pieces, take its entries as they come, and show them. */
static enum entries_result
read_in_pieces(const char *protocol, bool by_stream, size_t piece,
	       size_t part_bytes, struct buf *shown)
{
	struct parser *p = parser_open(MAX_BYTES);
	struct entries all = { 0 };
	struct reply *r;
	struct entry e;
	enum entries_result rc = ENTRIES_MORE;
	size_t left = strlen(protocol);
	bool begun = false;

	entries_init(&all, by_stream);
	buf_clear(shown);
	while (rc == ENTRIES_MORE) {
		int have = parser_next(p, &r, part_bytes);

		assert_int_not_equal(have, -1);
		if (have == 0) {
			size_t n = left < piece ? left : piece;

			assert_int_not_equal(n, 0);
			parser_feed(p, protocol, n);
			protocol += n;
			left -= n;
			continue;
		}
		begun = true;
		while ((rc = entries_next(&all, r, &e)) == ENTRIES_OK) {
			assert_ptr_equal(e.reply, r);
			show(shown, &e);
		}
		if (rc == ENTRIES_MORE) {
			assert_false(r->complete);
			entries_more(&all, r);
		}
	}
	assert_true(begun);
	if (rc == ENTRIES_END)
		assert_int_equal(entries_next(&all, r, &e), ENTRIES_END);
	entries_release(&all);
	entries_release(&all);
	parser_close(p);
	return rc;
}

static void
entries_are_the_same_in_whole_replies_and_in_parts(void **state)
{
	struct buf shown = { 0 };
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		size_t len = strlen(shapes[i].protocol);

		for (piece = 1; piece <= len; piece++) {
			/* whole, then in parts of any size */
			size_t part = piece == len ? 0 : 1;

			if (read_in_pieces(shapes[i].protocol,
					   shapes[i].by_stream, piece, part,
					   &shown) != ENTRIES_END)
				fail_msg("shape %zu by %zu", i, piece);
			assert_string_equal(buf_text(&shown),
					    shapes[i].entries);
		}
	}
	buf_release(&shown);
}

static void
replies_of_another_shape_are_bad(void **state)
{
	static const struct {
		bool by_stream;
		const char *protocol;
	} bad[] = {
		{ false, "+OK\r\n" },
		{ false, ":1\r\n" },
		{ false, "$3\r\n1-0\r\n" },
		{ false, "-ERR no\r\n" },
		{ false, "*1\r\n:1\r\n" },
		{ false, "*1\r\n*0\r\n" },
		{ false, "*1\r\n*1\r\n$3\r\n1-0\r\n" },
		{ false, "*1\r\n*2\r\n$3\r\n1-0\r\n:5\r\n" },
		{ false, "*1\r\n*2\r\n$3\r\n1-0\r\n$1\r\nx\r\n" },
		{ false, "*1\r\n*2\r\n$1\r\n1\r\n*0\r\n" },
		{ false, "*1\r\n*2\r\n$3\r\na-b\r\n*0\r\n" },
		{ false, "*1\r\n*2\r\n$-1\r\n*0\r\n" },
		{ false, "*1\r\n*2\r\n*0\r\n*0\r\n" },
		{ false, "*1\r\n*2\r\n$3\r\n1-0\r\n*1\r\n$1\r\na\r\n" },
		{ false, "*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n:1\r\n" },
		{ false, "*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$-1\r\n" },
		{ false, "*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n*0\r\n$1\r\na\r\n" },
		{ false, "*1\r\n*3\r\n$3\r\n1-0\r\n*0\r\n*0\r\n" },
		{ true, "+OK\r\n" },
		{ true, "*1\r\n$1\r\ns\r\n" },
		{ true, "*1\r\n*1\r\n$1\r\ns\r\n" },
		{ true, "*1\r\n*2\r\n$1\r\ns\r\n$-1\r\n" },
		{ true, "*1\r\n*2\r\n:1\r\n*0\r\n" },
		{ true, "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n$-1\r\n" },
		{ true, "*2\r\n*2\r\n$1\r\ns\r\n*0\r\n$1\r\nx\r\n" },
	};
	struct buf shown = { 0 };
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (piece = 1; piece <= strlen(bad[i].protocol); piece++)
			if (read_in_pieces(bad[i].protocol, bad[i].by_stream,
					   piece, piece % 2,
					   &shown) != ENTRIES_BAD)
				fail_msg("shape %zu by %zu: %s", i, piece,
					 buf_text(&shown));
	buf_release(&shown);
}

/* A part that claims more than will ever come is waited for, not believed. */
static void
huge_claims_are_waited_for(void **state)
{
	static const char *const claims[] = {
		"*9999999\r\n",
		"*9999999\r\n*2\r\n$3\r\n1-0\r\n*9999998\r\n$1\r\na\r\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct parser *p = parser_open(MAX_BYTES);
		struct entries all = { 0 };
		struct reply *r;
		struct entry e;

		parser_feed(p, claims[i], strlen(claims[i]));
		assert_int_equal(parser_next(p, &r, 1), 1);
		entries_init(&all, false);
		assert_int_equal(entries_next(&all, r, &e), ENTRIES_MORE);
		entries_more(&all, r);
		entries_release(&all);
		parser_close(p);
	}
}

static void
a_million_gone_entries_are_passed_over(void **state)
{
	enum { COUNT = 1000000 };
	struct reply r = { 0 };
	struct entries all = { 0 };
	struct entry e;
	struct id id;
	size_t i;

	(void)state;
	reply_push(&r, REPLY_ARRAY, COUNT, 0);
	for (i = 0; i < COUNT; i++)
		reply_push(&r, REPLY_NIL, 0, 0);
	r.complete = true;
	entries_init(&all, false);
	assert_int_equal(entries_next(&all, &r, &e), ENTRIES_END);
	assert_int_equal(entries_last_id(&r, &id), -1);
	entries_release(&all);
	reply_release(&r);
}

static struct reply *
parse(struct parser *p, const char *protocol)
{
	struct reply *r;

	parser_feed(p, protocol, strlen(protocol));
	assert_int_equal(parser_next(p, &r, 0), 1);
	return r;
}

static void
the_last_id_of_a_list_is_found(void **state)
{
	struct parser *p = parser_open(MAX_BYTES);
	struct id id = { 9, 9 };

	(void)state;
	assert_int_equal(entries_last_id(parse(p, shapes[6].protocol), &id), 0);
	assert_int_equal(id.ms, 3);
	assert_int_equal(id.seq, 9);
	assert_int_equal(entries_last_id(parse(p, "*0\r\n"), &id), -1);
	assert_int_equal(entries_last_id(parse(p, "*-1\r\n"), &id), -1);
	assert_int_equal(entries_last_id(parse(p, "+OK\r\n"), &id), -1);
	assert_int_equal(entries_last_id(parse(p, "*1\r\n:1\r\n"), &id), -1);
	assert_int_equal(entries_last_id(parse(p, "*1\r\n*0\r\n"), &id), -1);
	parser_close(p);
}

static void
a_part_of_a_reply_is_read_from_anywhere(void **state)
{
	struct parser *p = parser_open(MAX_BYTES);
	struct reply *r = parse(p, shapes[8].protocol);
	struct entries all = { 0 };
	struct buf shown = { 0 };
	struct entry e;

	(void)state;
	/* nodes: 0 | 1 2:s 3 4 5 6 7 8 | 9 10:empty 11 | 12 13:tt 14 15 … */
	assert_true(reply_equals(r, 13, "tt"));
	entries_init_at(&all, 15, r->node[14].len);
	while (entries_next(&all, r, &e) == ENTRIES_OK)
		show(&shown, &e);
	assert_string_equal(buf_text(&shown), "2-0 trimmed;3-0 c=d;");
	entries_release(&all);
	buf_release(&shown);
	parser_close(p);
}

/* The body of an entry of these names, each of which is its value too. */
static void
assert_body(const char *const *names, const char *field, const char *want)
{
	struct reply r = { 0 };
	struct entry e = { .reply = &r };
	const char *text;
	size_t len;

	for (; *names != NULL; names++, e.fields++) {
		reply_push_text(&r, REPLY_STRING, *names, strlen(*names));
		reply_push_text(&r, REPLY_STRING, *names, strlen(*names));
	}
	if (entry_body(&e, field, &text, &len)) {
		if (want == NULL)
			fail_msg("%s, not all fields", text);
		assert_string_equal(text, want);
		assert_int_equal(len, strlen(want));
	} else if (want != NULL) {
		fail_msg("all fields, not %s", want);
	}
	reply_release(&r);
}

static void
the_body_is_the_field_that_usually_holds_it(void **state)
{
	static const char *const usual[] = { "value", "__data__", "message",
					     "event", "payload",  "body",
					     "data",  NULL };
	static const char *const two[] = { "x", "body", NULL };
	static const char *const odd[] = { "x", "y", NULL };
	static const char *const alike[] = { "dat", "datas", "Data", NULL };
	size_t i;

	(void)state;
	assert_body(usual, NULL, "data");
	for (i = 0; i < 7; i++) {
		const char *const one[] = { "a", usual[i], "z", NULL };

		assert_body(one, NULL, usual[i]);
		if (i < 6) {
			const char *const pair[] = { usual[i], usual[i + 1],
						     NULL };

			assert_body(pair, NULL, usual[i + 1]);
		}
	}
	assert_body(usual, "event", "event");
	assert_body(two, NULL, "body");
	assert_body(two, "x", "x");
	assert_body(two, "y", "body");
	assert_body(odd, NULL, NULL);
	assert_body(odd, "y", "y");
	assert_body(odd, "z", NULL);
	assert_body(odd + 1, NULL, "y"); /* the only field */
	assert_body(odd + 1, "z", "y");
	assert_body(odd + 2, NULL, NULL);
	assert_body(alike, NULL, NULL);
}

static struct peer peer;

static void
login_alone(int fd, int n)
{
	(void)n;
	peer_login(fd);
	peer_silence(fd);
}

static void
assert_adds(uint64_t maxlen, bool no_create, const char *event, size_t len,
	    const char *want, size_t want_len)
{
	struct conn_options o = CONN_OPTIONS_INIT;
	struct stream_adder a = { { 0 } };
	struct conn *c;
	int i;

	o.url = peer.url;
	c = conn_open(&o);
	assert_null(conn_error(c));
	stream_adder_init(&a, "other", 5, true);
	stream_adder_init(&a, "s\"1", maxlen, no_create); /* in its place */
	for (i = 0; i < 2; i++) {
		buf_clear(conn_out(c));
		stream_add(c, &a, event, len);
		assert_int_equal(conn_out(c)->len, want_len);
		assert_memory_equal(conn_out(c)->data, want, want_len);
	}
	stream_adder_release(&a);
	stream_adder_release(&a);
	conn_close(c);
}

static void
an_adder_writes_these_bytes(void **state)
{
	static const char plain[] = "*5\r\n$4\r\nXADD\r\n$3\r\ns\"1\r\n"
				    "$1\r\n*\r\n$4\r\ndata\r\n"
				    "$5\r\na\0\r\nb\r\n";
	static const char all[] = "*9\r\n$4\r\nXADD\r\n$3\r\ns\"1\r\n"
				  "$10\r\nNOMKSTREAM\r\n"
				  "$6\r\nMAXLEN\r\n$1\r\n~\r\n$4\r\n1000\r\n"
				  "$1\r\n*\r\n$4\r\ndata\r\n$0\r\n\r\n";

	(void)state;
	peer_start(&peer, login_alone);
	assert_adds(0, false, "a\0\r\nb", 5, plain, sizeof(plain) - 1);
	assert_adds(1000, true, "", 0, all, sizeof(all) - 1);
	peer_stop(&peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_no_braces_or_one_tag),
		cmocka_unit_test(companions_share_the_streams_slot),
		cmocka_unit_test(
			entries_are_the_same_in_whole_replies_and_in_parts),
		cmocka_unit_test(replies_of_another_shape_are_bad),
		cmocka_unit_test(huge_claims_are_waited_for),
		cmocka_unit_test(a_million_gone_entries_are_passed_over),
		cmocka_unit_test(the_last_id_of_a_list_is_found),
		cmocka_unit_test(a_part_of_a_reply_is_read_from_anywhere),
		cmocka_unit_test(the_body_is_the_field_that_usually_holds_it),
		cmocka_unit_test(an_adder_writes_these_bytes),
	};

	diag_init("test-stream");
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
