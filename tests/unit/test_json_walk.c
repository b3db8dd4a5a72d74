#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

static struct json_doc doc;
static char *copy; /* ends where its memory ends */

static const struct json_value *
scan(const char *text)
{
	size_t len = strlen(text);

	free(copy);
	copy = xmalloc(len);
	memcpy(copy, text, len);
	if (json_scan(&doc, copy, len) < 0)
		fail_msg("refused %s: %s", text, doc.error);
	return &doc.root;
}

static int
release(void **state)
{
	(void)state;
	free(copy);
	json_release(&doc);
	return 0;
}

static void
assert_text(const struct json_value *value, const char *text)
{
	if (value->type == JSON_NONE)
		fail_msg("nothing, not %s", text);
	if (value->len != strlen(text) ||
	    memcmp(value->text, text, value->len) != 0)
		fail_msg("%.*s, not %s", (int)value->len, value->text, text);
}

static void
assert_member(const char *object, const char *name, const char *text)
{
	struct json_value v = json_member(scan(object), name, strlen(name));
	const struct json_member *m = json_doc_member(&doc, name, strlen(name));

	if (text == NULL) {
		assert_int_equal(v.type, JSON_NONE);
		assert_null(m);
	} else {
		assert_text(&v, text);
		assert_non_null(m);
		assert_text(&m->value, text);
		assert_int_equal(m->value.type, v.type);
	}
}

static void
walking_an_object_visits_its_members_in_order(void **state)
{
	static const char *const keys[] = { "a", "", "b\\\\", "c", "a" };
	static const char *const values[] = { "1", "\"}\\\"{,\"",
					      "{\"x\":[1,\"]}\"]}",
					      "[ [ ], {} ]", "null" };
	static const enum json_type types[] = { JSON_NUMBER, JSON_STRING,
						JSON_OBJECT, JSON_ARRAY,
						JSON_NULL };
	struct json_iter it;
	size_t i;

	(void)state;
	json_iter_init(&it, scan("{ \"a\" : 1 , \"\":\"}\\\"{,\",\"b\\\\\":"
				 "{\"x\":[1,\"]}\"]},\n\"c\":[ [ ], {} ]\r\n, "
				 "\"a\"\t:\tnull }"));
	for (i = 0; i < 5; i++) {
		assert_true(json_iter_next(&it));
		assert_int_equal(it.member.key_len, strlen(keys[i]));
		assert_memory_equal(it.member.key, keys[i], strlen(keys[i]));
		assert_int_equal(it.member.key_escaped, i == 2);
		assert_text(&it.member.value, values[i]);
		assert_int_equal(it.member.value.type, types[i]);
	}
	assert_false(json_iter_next(&it));
	assert_false(json_iter_next(&it));
}

static void
walking_an_array_visits_its_elements_in_order(void **state)
{
	static const char *const values[] = { "-1.5e3",   "true", "false",
					      "\"\\\\\"", "[]",   "{\"a\":1}" };
	struct json_iter it;
	size_t i;

	(void)state;
	json_iter_init(&it,
		       scan("[-1.5e3,true\n, false,\"\\\\\",[],{\"a\":1}]"));
	for (i = 0; i < 6; i++) {
		assert_true(json_iter_next(&it));
		assert_null(it.member.key);
		assert_text(&it.member.value, values[i]);
	}
	assert_false(json_iter_next(&it));
}

static void
walking_anything_else_visits_nothing(void **state)
{
	static const char *const texts[] = { "1",  "\"ab\"", "null", "[]",
					     "{}", "[ ]",    "{\n}" };
	struct json_value none = { 0 };
	struct json_iter it;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_iter_init(&it, scan(texts[i]));
		assert_false(json_iter_next(&it));
	}
	json_iter_init(&it, &none);
	assert_false(json_iter_next(&it));
}

/* Strings and nested values of every length, at the end of their memory. */
static void
values_are_skipped_at_every_length(void **state)
{
	struct json_iter it;
	size_t len;

	(void)state;
	for (len = 0; len < 70; len++) {
		char *pad = xmalloc(len + 1);
		struct buf b = { 0 };

		memset(pad, 'x', len);
		pad[len] = '\0';
		buf_addf(&b, "{\"%s\":[\"%s\\\"]\"],\"k\":{\"a\":\"%s\"}}", pad,
			 pad, pad);
		json_iter_init(&it, scan(buf_text(&b)));
		assert_true(json_iter_next(&it));
		assert_int_equal(it.member.key_len, len);
		assert_int_equal(it.member.value.len, len + 7);
		assert_true(json_iter_next(&it));
		assert_int_equal(it.member.value.len, len + 8);
		assert_false(json_iter_next(&it));
		buf_release(&b);
		free(pad);
	}
}

static void
a_member_is_found_by_its_unescaped_name(void **state)
{
	(void)state;
	assert_member("{\"a\":1,\"b\":2}", "b", "2");
	assert_member("{\"a\":1,\"b\":2}", "c", NULL);
	assert_member("{\"a\":1}", "", NULL);
	assert_member("{\"\":1}", "", "1");
	assert_member("{\"ab\":1}", "a", NULL);
	assert_member("{\"a\":1}", "ab", NULL);
	assert_member("{}", "a", NULL);
	assert_member("{\"\\u0061\\u00e4\":1}", "a\xc3\xa4", "1");
	assert_member("{\"a\\/b\":1}", "a/b", "1");
	assert_member("{\"a\":{\"b\":1}}", "b", NULL);
	assert_member("[\"a\",1]", "a", NULL);
	assert_member("\"a\"", "a", NULL);
}

static void
the_last_of_several_members_counts(void **state)
{
	(void)state;
	assert_member("{\"a\":1,\"a\":2,\"b\":3}", "a", "2");
	assert_member("{\"a\":1,\"\\u0061\":2}", "a", "2");
	assert_member("{\"\\u0061\":1,\"a\":2}", "a", "2");
}

static void
keys_are_compared_unescaped(void **state)
{
	static const struct {
		const char *key, *name;
		size_t len;
		bool same;
	} keys[] = {
		{ "{\"\\u0000\":1}", "\0", 1, true },
		{ "{\"a\\u0000b\":1}", "a\0b", 3, true },
		{ "{\"a\\u0000b\":1}", "a\0c", 3, false },
		{ "{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\":1}", "\"\\/\b\f\n\r\t", 8,
		  true },
		{ "{\"\\n\":1}", "n", 1, false },
		{ "{\"\\n\":1}", "\\n", 2, false },
		{ "{\"x\\ny\":1}", "x\ny", 3, true },
		{ "{\"x\\ny\":1}", "x\nyz", 4, false },
		{ "{\"x\\ny\":1}", "x\n", 2, false },
		{ "{\"x\\ny\":1}", "x", 1, false },
		{ "{\"x\\ny\":1}", "", 0, false },
		{ "{\"x\\nlonger\":1}", "x\nlo", 4, false },
		{ "{\"\\ud83d\\ude00\":1}", "\xf0\x9f\x98\x80", 4, true },
		{ "{\"\\uD83D\\uDE00!\":1}", "\xf0\x9f\x98\x80!", 5, true },
		{ "{\"\\ud83d\":1}", "\xef\xbf\xbd", 3, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *name = xmalloc(keys[i].len);

		memcpy(name, keys[i].name, keys[i].len);
		scan(keys[i].key);
		assert_true(doc.member[0].key_escaped);
		if (json_key_is(&doc.member[0], name, keys[i].len) !=
		    keys[i].same)
			fail_msg("%s", keys[i].key);
		free(name);
	}
}

static void
assert_points(const char *pointer, const char *text)
{
	struct json_pointer p;
	struct json_value v;

	assert_int_equal(json_pointer_parse(&p, pointer), 0);
	v = json_pointer_get(&p, &doc);
	if (text == NULL) {
		if (v.type != JSON_NONE)
			fail_msg("%s: %.*s", pointer, (int)v.len, v.text);
	} else {
		assert_text(&v, text);
	}
	json_pointer_release(&p);
	json_pointer_release(&p);
}

/* RFC 6901, section 5. */
static void
pointers_find_what_the_rfc_says(void **state)
{
	static const char text[] =
		"{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,"
		"\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,"
		"\"m~n\":8}";

	(void)state;
	scan(text);
	assert_points("", text);
	assert_points("/foo", "[\"bar\",\"baz\"]");
	assert_points("/foo/0", "\"bar\"");
	assert_points("/foo/1", "\"baz\"");
	assert_points("/", "0");
	assert_points("/a~1b", "1");
	assert_points("/c%d", "2");
	assert_points("/e^f", "3");
	assert_points("/g|h", "4");
	assert_points("/i\\j", "5");
	assert_points("/k\"l", "6");
	assert_points("/ ", "7");
	assert_points("/m~0n", "8");
}

static void
pointers_to_nothing_find_nothing(void **state)
{
	(void)state;
	scan("{\"a\":[10,11,[12]],\"0\":\"zero\",\"s\":\"text\"}");
	assert_points("/a/2/0", "12");
	assert_points("/0", "\"zero\"");
	assert_points("/a/3", NULL);
	assert_points("/a/-", NULL);
	assert_points("/a/00", NULL);
	assert_points("/a/01", NULL);
	assert_points("/a/+1", NULL);
	assert_points("/a/1 ", NULL);
	assert_points("/a/", NULL);
	assert_points("/a/99999999999999999999999999", NULL);
	assert_points("/a/18446744073709551615", NULL);
	assert_points("/b", NULL);
	assert_points("/b/c/d", NULL);
	assert_points("/s/0", NULL);
	assert_points("/s/t", NULL);
	assert_points("/a/x", NULL);
}

static void
pointers_reach_through_nested_and_escaped_keys(void **state)
{
	(void)state;
	scan("{\"meta\":{\"user\":{\"id\":1},\"us\\u0065r\":{\"id\":2}},"
	     "\"~1\":{\"/\":3},\"~\":{\"~01\":4}}");
	assert_points("/meta/user/id", "2");
	assert_points("/~01/~1", "3");
	assert_points("/~0/~001", "4");
	scan("[{\"a\":[0,{\"b\":\"c\"}]}]");
	assert_points("/0/a/1/b", "\"c\"");
	assert_points("/0", "{\"a\":[0,{\"b\":\"c\"}]}");
	scan("17");
	assert_points("", "17");
	assert_points("/0", NULL);
}

static void
texts_that_are_no_pointers_are_refused(void **state)
{
	static const char *const texts[] = { "a",   "a/b", "#/a",   "/~",
					     "/~2", "/a~", "/a~/b", " /a" };
	struct json_pointer p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(json_pointer_parse(&p, texts[i]), -1);
		assert_int_equal(p.count, 0);
		assert_null(p.token);
	}
}

static void
array_indices_are_known_from_names(void **state)
{
	struct json_pointer p;

	(void)state;
	assert_int_equal(json_pointer_parse(&p, "/0/10/a/01/-/"), 0);
	assert_int_equal(p.count, 6);
	assert_true(p.token[0].is_index);
	assert_int_equal(p.token[0].index, 0);
	assert_true(p.token[1].is_index);
	assert_int_equal(p.token[1].index, 10);
	assert_string_equal(p.token[1].name, "10");
	assert_false(p.token[2].is_index);
	assert_false(p.token[3].is_index);
	assert_false(p.token[4].is_index);
	assert_false(p.token[5].is_index);
	assert_int_equal(p.token[5].len, 0);
	json_pointer_release(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walking_an_object_visits_its_members_in_order),
		cmocka_unit_test(walking_an_array_visits_its_elements_in_order),
		cmocka_unit_test(walking_anything_else_visits_nothing),
		cmocka_unit_test(values_are_skipped_at_every_length),
		cmocka_unit_test(a_member_is_found_by_its_unescaped_name),
		cmocka_unit_test(the_last_of_several_members_counts),
		cmocka_unit_test(keys_are_compared_unescaped),
		cmocka_unit_test(pointers_find_what_the_rfc_says),
		cmocka_unit_test(pointers_to_nothing_find_nothing),
		cmocka_unit_test(
			pointers_reach_through_nested_and_escaped_keys),
		cmocka_unit_test(texts_that_are_no_pointers_are_refused),
		cmocka_unit_test(array_indices_are_known_from_names),
	};

	return cmocka_run_group_tests_name("json_walk", tests, NULL, release);
}
