#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/reply.h"

static void
push(struct reply *r, const char *text)
{
	reply_push_text(r, REPLY_STRING, text, strlen(text));
}

static void
push_array(struct reply *r, size_t len)
{
	reply_push(r, REPLY_ARRAY, len, 0);
}

/* [[1-2, [a, b]], [3-4, nil]] as XRANGE answers. */
static void
build(struct reply *r)
{
	push_array(r, 2);
	push_array(r, 2);
	push(r, "1-2");
	push_array(r, 2);
	push(r, "a");
	push(r, "b");
	push_array(r, 2);
	push(r, "3-4");
	reply_push(r, REPLY_NIL, 0, 0);
}

static void
assert_text(const struct reply *r, size_t i, const char *want)
{
	size_t len;
	const char *text = reply_text(r, i, &len);

	assert_int_equal(strlen(want), len);
	assert_memory_equal(want, text, len + 1);
}

static void
skips_an_element_with_all_that_it_holds(void **state)
{
	struct reply r = { 0 };

	(void)state;
	build(&r);
	assert_int_equal(9, reply_skip(&r, 0));
	assert_int_equal(6, reply_skip(&r, 1));
	assert_int_equal(3, reply_skip(&r, 2));
	assert_int_equal(6, reply_skip(&r, 3));
	assert_int_equal(9, reply_skip(&r, 6));
	assert_int_equal(9, reply_skip(&r, 9));
	reply_release(&r);
}

static void
skips_an_empty_array_as_one_element(void **state)
{
	struct reply r = { 0 };

	(void)state;
	push_array(&r, 2);
	push_array(&r, 0);
	push(&r, "x");
	assert_int_equal(2, reply_skip(&r, 1));
	assert_int_equal(3, reply_skip(&r, 0));
	reply_release(&r);
}

static void
skips_to_the_end_of_what_is_not_complete(void **state)
{
	struct reply r = { 0 };

	(void)state;
	push_array(&r, SIZE_MAX);
	push_array(&r, SIZE_MAX);
	push(&r, "x");
	assert_int_equal(3, reply_skip(&r, 0));
	assert_int_equal(3, reply_skip(&r, 1));
	reply_release(&r);
}

static void
consumes_from_the_front(void **state)
{
	struct reply r = { 0 };

	(void)state;
	build(&r);
	reply_consume(&r, 4);
	assert_int_equal(5, r.count);
	assert_text(&r, 0, "a");
	assert_text(&r, 1, "b");
	assert_text(&r, 3, "3-4");
	push(&r, "more");
	assert_text(&r, 5, "more");
	reply_consume(&r, 6);
	assert_int_equal(0, r.count);
	assert_int_equal(0, r.bytes.len);
	reply_consume(&r, 0);
	push(&r, "again");
	assert_text(&r, 0, "again");
	reply_release(&r);
	reply_release(&r); /* twice is safe */
}

static void
keeps_empty_texts_and_nul_bytes(void **state)
{
	struct reply r = { 0 };
	size_t len;

	(void)state;
	reply_push_text(&r, REPLY_STRING, "", 0);
	reply_push_text(&r, REPLY_STRING, "a\0b", 3);
	assert_text(&r, 0, "");
	assert_memory_equal("a\0b", reply_text(&r, 1, &len), 4);
	assert_int_equal(3, len);
	assert_false(reply_equals(&r, 1, "a"));
	assert_true(reply_equals(&r, 0, ""));
	reply_release(&r);
}

static void
knows_types_only_of_elements_that_exist(void **state)
{
	struct reply r = { 0 };

	(void)state;
	assert_false(reply_is(&r, 0, REPLY_NIL));
	reply_push(&r, REPLY_INTEGER, 0, 7);
	assert_true(reply_is(&r, 0, REPLY_INTEGER));
	assert_false(reply_is(&r, 0, REPLY_STRING));
	assert_false(reply_is(&r, 1, REPLY_INTEGER));
	assert_false(reply_equals(&r, 0, "7"));
	reply_release(&r);
}

static void
reads_numbers_from_integers_and_digits(void **state)
{
	static const char *const bad[] = { "", "-1", "1x", " 1",
					   "9223372036854775808" };
	struct reply r = { 0 };
	int64_t n;
	size_t i;

	(void)state;
	reply_push(&r, REPLY_INTEGER, 0, -5);
	push(&r, "9223372036854775807");
	push_array(&r, 0);
	assert_int_equal(0, reply_number(&r, 0, &n));
	assert_true(n == -5);
	assert_int_equal(0, reply_number(&r, 1, &n));
	assert_true(n == INT64_MAX);
	assert_int_equal(-1, reply_number(&r, 2, &n));
	assert_int_equal(-1, reply_number(&r, 3, &n));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		push(&r, bad[i]);
		assert_int_equal(-1, reply_number(&r, r.count - 1, &n));
	}
	reply_release(&r);
}

static void
reads_entry_ids_with_both_parts_only(void **state)
{
	struct reply r = { 0 };
	struct id id;

	(void)state;
	push(&r, "1526919030474-55");
	push(&r, "1526919030474");
	reply_push(&r, REPLY_INTEGER, 0, 5);
	reply_push_text(&r, REPLY_ERROR, "1-2", 3);
	assert_int_equal(0, reply_id(&r, 0, &id));
	assert_true(id.ms == 1526919030474 && id.seq == 55);
	assert_int_equal(-1, reply_id(&r, 1, &id));
	assert_int_equal(-1, reply_id(&r, 2, &id));
	assert_int_equal(-1, reply_id(&r, 3, &id));
	assert_int_equal(-1, reply_id(&r, 4, &id));
	reply_release(&r);
}

static void
finds_a_field_behind_nested_values(void **state)
{
	struct reply r = { 0 };

	(void)state;
	push_array(&r, 6);
	push(&r, "first");
	push_array(&r, 2);
	push(&r, "last");
	push(&r, "decoy");
	push(&r, "last");
	push(&r, "here");
	push(&r, "length");
	reply_push(&r, REPLY_INTEGER, 0, 3);
	assert_int_equal(2, reply_field(&r, 0, "first"));
	assert_int_equal(6, reply_field(&r, 0, "last"));
	assert_int_equal(8, reply_field(&r, 0, "length"));
	assert_int_equal(0, reply_field(&r, 0, "none"));
	assert_int_equal(0, reply_field(&r, 1, "first"));
	reply_release(&r);
}

static void
finds_no_field_whose_value_is_missing(void **state)
{
	struct reply r = { 0 };

	(void)state;
	push_array(&r, 3);
	push(&r, "a");
	push(&r, "b");
	push(&r, "odd");
	assert_int_equal(0, reply_field(&r, 0, "odd"));
	reply_clear(&r);
	push_array(&r, 1000);
	push(&r, "cut");
	assert_int_equal(0, reply_field(&r, 0, "cut"));
	reply_release(&r);
}

static void
tells_what_an_error_asks_for(void **state)
{
	static const struct {
		const char *text;
		enum reply_fault fault;
	} examples[] = {
		{ "LOADING Redis is loading", REPLY_FAULT_RETRY },
		{ "READONLY You can't write", REPLY_FAULT_RETRY },
		{ "MASTERDOWN Link with MASTER is down", REPLY_FAULT_RETRY },
		{ "CLUSTERDOWN The cluster is down", REPLY_FAULT_RETRY },
		{ "TRYAGAIN Multiple keys", REPLY_FAULT_RETRY },
		{ "BUSY Redis is busy running a script", REPLY_FAULT_RETRY },
		{ "OOM command not allowed", REPLY_FAULT_RETRY },
		{ "NOREPLICAS Not enough good replicas", REPLY_FAULT_RETRY },
		{ "MISCONF Errors writing to the AOF", REPLY_FAULT_RETRY },
		{ "UNBLOCKED", REPLY_FAULT_RETRY },
		{ "NOAUTH Authentication required.", REPLY_FAULT_ACCESS },
		{ "WRONGPASS invalid", REPLY_FAULT_ACCESS },
		{ "NOPERM this user has no", REPLY_FAULT_ACCESS },
		{ "NOGROUP No such key", REPLY_FAULT_NOGROUP },
		{ "NOSCRIPT No matching script", REPLY_FAULT_NOSCRIPT },
		{ "WRONGTYPE Operation against", REPLY_FAULT_REFUSED },
		{ "BUSYGROUP Consumer Group name", REPLY_FAULT_REFUSED },
		{ "ERR OOM is only mentioned", REPLY_FAULT_REFUSED },
		{ "", REPLY_FAULT_REFUSED },
		{ "ERR Error running script (call to f_0123): "
		  "@user_script:1: @user_script: 1: -OOM command not allowed",
		  REPLY_FAULT_RETRY },
		{ "ERR Error running script (call to f_0123): "
		  "@user_script: 12: NOGROUP No such key",
		  REPLY_FAULT_NOGROUP },
		{ "ERR Error running script (call to f_0123): "
		  "@user_script:1: Script attempted to access nonexistent",
		  REPLY_FAULT_REFUSED },
		{ "ERR Error running script (call to f_0123): @user_script:",
		  REPLY_FAULT_REFUSED },
	};
	struct reply r = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		reply_clear(&r);
		reply_push_text(&r, REPLY_ERROR, examples[i].text,
				strlen(examples[i].text));
		if (reply_fault(&r, 0) != examples[i].fault)
			fail_msg("%s: fault %d", examples[i].text,
				 (int)reply_fault(&r, 0));
	}
	reply_release(&r);
}

static void
assert_complaint(const char *text, size_t size, const char *want)
{
	struct reply r = { 0 };
	char out[64];

	reply_push_text(&r, REPLY_ERROR, text, strlen(text));
	reply_complaint(&r, 0, out, size);
	assert_string_equal(want, out);
	reply_release(&r);
}

static void
writes_complaints_printable_and_without_full_stop(void **state)
{
	(void)state;
	assert_complaint("NOAUTH Authentication required.", 64,
			 "NOAUTH Authentication required");
	assert_complaint("ERR a\033[2J\xffz \xc3\xa9", 64,
			 "ERR a?[2J?z \xc3\xa9");
	assert_complaint("ERR \xc3", 64, "ERR ?");
	assert_complaint("", 64, "");
	assert_complaint("0123456789", 8, "0123");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skips_an_element_with_all_that_it_holds),
		cmocka_unit_test(skips_an_empty_array_as_one_element),
		cmocka_unit_test(skips_to_the_end_of_what_is_not_complete),
		cmocka_unit_test(consumes_from_the_front),
		cmocka_unit_test(keeps_empty_texts_and_nul_bytes),
		cmocka_unit_test(knows_types_only_of_elements_that_exist),
		cmocka_unit_test(reads_numbers_from_integers_and_digits),
		cmocka_unit_test(reads_entry_ids_with_both_parts_only),
		cmocka_unit_test(finds_a_field_behind_nested_values),
		cmocka_unit_test(finds_no_field_whose_value_is_missing),
		cmocka_unit_test(tells_what_an_error_asks_for),
		cmocka_unit_test(
			writes_complaints_printable_and_without_full_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
