#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/script.h"
#include "tests/unit/link.h"

static struct conn *conn, *other;

static int
setup(void **state)
{
	(void)state;
	link_start("test-script", 0);
	conn = link_open();
	other = link_open();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conn_close(conn);
	conn_close(other);
	link_stop();
	return 0;
}

static struct reply *
tell(const char *a, const char *b)
{
	conn_commandv(other, a, b, NULL);
	return link_result(other);
}

static int
clear(void **state)
{
	(void)state;
	tell("FLUSHALL", NULL);
	tell("SCRIPT", "FLUSH");
	return 0;
}

static struct reply *
add(struct script *s, const char *event)
{
	return script_call(conn, s, 2, "s", "{s}:seen:1", event, "60000", "0",
			   "0", NULL);
}

static void
a_call_loads_the_script(void **state)
{
	struct script s = { .name = SCRIPT_DEDUP };
	struct reply *r = add(&s, "{}");
	struct id first, second;

	(void)state;
	assert_non_null(r);
	assert_int_equal(reply_id(r, 1, &first), 0);
	assert_int_equal(r->node[2].integer, 1);
	assert_int_equal(strlen(s.sha), 40);
	r = add(&s, "{}");
	assert_non_null(r);
	assert_int_equal(reply_id(r, 1, &second), 0);
	assert_int_equal(id_compare(first, second), 0);
	assert_int_equal(r->node[2].integer, 0);
}

static void
a_forgotten_script_is_loaded_again_and_runs_once(void **state)
{
	struct script s = { .name = SCRIPT_DEDUP };
	struct reply *r;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_non_null(add(&s, "{}"));
		tell("SCRIPT", "FLUSH");
	}
	r = add(&s, "{}");
	assert_non_null(r);
	assert_int_equal(r->node[2].integer, 0);
	assert_null(conn_error(conn));
	assert_int_equal(tell("XLEN", "s")->node[0].integer, 1);
}

static void
a_hash_of_nothing_is_recovered_from(void **state)
{
	struct script s = { .name = SCRIPT_DEDUP,
			    .sha = "0123456789012345678901234567890123456789" };

	(void)state;
	assert_non_null(add(&s, "{}"));
	assert_int_equal(tell("XLEN", "s")->node[0].integer, 1);
}

static void
an_error_of_the_script_is_told_and_leaves_no_mark(void **state)
{
	struct script s = { .name = SCRIPT_DEDUP };

	(void)state;
	conn_commandv(other, "SET", "s", "x", NULL);
	assert_non_null(conn_result(other));
	assert_null(add(&s, "{}"));
	assert_non_null(strstr(conn_error(conn), "WRONGTYPE"));
	assert_false(conn_is_lost(conn));
	assert_int_equal(tell("EXISTS", "{s}:seen:1")->node[0].integer, 0);
	tell("DEL", "s");
	assert_non_null(add(&s, "{}"));
}

static void
every_script_compiles_and_a_pipelined_call_works(void **state)
{
	static const enum script_name names[] = { SCRIPT_DEDUP, SCRIPT_RENEW,
						  SCRIPT_RELEASE,
						  SCRIPT_LEAVE };
	struct reply *r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct script s = { .name = names[i] };

		assert_int_equal(script_load(conn, &s), 0);
		conn_commandv(conn, "SCRIPT", "LOAD", script_text(&s), NULL);
		r = conn_result(conn);
		assert_non_null(r);
		assert_true(reply_equals(r, 0, s.sha));
	}
	conn_commandv(conn, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM",
		      NULL);
	assert_non_null(conn_result(conn));
	for (i = 0; i < 2; i++) {
		struct script s = { .name = SCRIPT_LEAVE };

		assert_int_equal(script_load(conn, &s), 0);
		script_begin(conn, &s, 1, 3);
		conn_args(conn, "s");
		conn_args(conn, "g");
		conn_args(conn, "nobody");
		r = conn_result(conn);
		assert_non_null(r);
		assert_int_equal(r->node[0].integer, 1);
	}
}

#define test_on_server(name) cmocka_unit_test_setup(name, clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_server(a_call_loads_the_script),
		test_on_server(
			a_forgotten_script_is_loaded_again_and_runs_once),
		test_on_server(a_hash_of_nothing_is_recovered_from),
		test_on_server(
			an_error_of_the_script_is_told_and_leaves_no_mark),
		test_on_server(
			every_script_compiles_and_a_pipelined_call_works),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
