#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/filter.h"
#include "common/mem.h"
#include "common/stop.h"

static const struct filter_names no_names = { .deliveries = -1 };

static struct filter *
open_filter(const char *text)
{
	char error[FILTER_ERROR];
	struct filter *f = filter_open(text, error);

	if (f == NULL)
		fail_msg("%s: %s", text, error);
	return f;
}

/* Scan a copy that ends where its block of memory ends, so that reading past it
 * shows under a sanitizer. */
static char *
scan(struct json_doc *doc, const char *document)
{
	size_t len = strlen(document);
	char *copy = xmalloc(len);

	memcpy(copy, document, len);
	if (json_scan(doc, copy, len) < 0)
		fail_msg("not JSON: %s", document);
	return copy;
}

static int
match(struct filter *f, const char *document, const struct filter_names *names)
{
	struct json_doc doc = { 0 };
	char *copy = scan(&doc, document);
	int rc = filter_match(f, &doc, names);

	json_release(&doc);
	free(copy);
	return rc;
}

static int
run(struct filter *f, const char *document, const struct filter_names *names,
    struct buf *out)
{
	struct json_doc doc = { 0 };
	char *copy = scan(&doc, document);
	int rc;

	buf_clear(out);
	rc = filter_run(f, &doc, names, out, '\n');
	json_release(&doc);
	free(copy);
	return rc;
}

static void
assert_match(const char *text, const char *document, int expected)
{
	struct filter *f = open_filter(text);

	assert_int_equal(match(f, document, &no_names), expected);
	filter_close(f);
}

static void
assert_prints(const char *text, const char *document,
	      const struct filter_names *names, const char *expected)
{
	struct filter *f = open_filter(text);
	struct buf out = { 0 };

	if (run(f, document, names, &out) < 0)
		fail_msg("%s: %s", text, filter_error(f));
	assert_string_equal(buf_text(&out), expected);
	buf_release(&out);
	filter_close(f);
}

static void
assert_fails(const char *text, const char *document, const char *reason)
{
	struct filter *f = open_filter(text);

	assert_int_equal(match(f, document, &no_names), -1);
	assert_string_equal(filter_error(f), reason);
	filter_close(f);
}

static void
assert_refused(const char *text, const char *reason)
{
	char error[FILTER_ERROR];

	assert_null(filter_open(text, error));
	assert_string_equal(error, reason);
}

static void
knows_which_expressions_need_no_jq(void **state)
{
	struct filter *plain = open_filter(".type == \"x\" and .n > 3");
	struct filter *other = open_filter(".type | test(\"x\")");

	(void)state;
	assert_true(filter_is_plain(plain));
	assert_false(filter_is_plain(other));
	assert_int_equal(match(plain, "{\"type\":\"x\",\"n\":4}", &no_names),
			 1);
	assert_int_equal(match(other, "{\"type\":\"axb\"}", &no_names), 1);
	assert_int_equal(match(other, "{\"type\":\"ab\"}", &no_names), 0);
	filter_close(plain);
	filter_close(other);
}

static void
matches_only_if_all_results_are_true(void **state)
{
	(void)state;
	assert_match(".[]", "[1,2]", 1);
	assert_match(".[]", "[1,false]", 0);
	assert_match(".[]", "[null,1]", 0);
	assert_match(".[]", "[]", 0);
	assert_match("empty", "1", 0);
	assert_match("not", "1", 0);
	assert_match("false, error", "1", 0);
}

static void
says_why_an_event_fails(void **state)
{
	(void)state;
	assert_fails("error(\"no \" + .a)", "{\"a\":\"way\"}", "no way");
	assert_fails("error({a: 1})", "1", "{\"a\":1}");
	assert_fails(".[] | error(\"x\")", "[1]", "x");
	assert_fails("true, error(\"late\")", "1", "late");
	assert_fails("1 + {}", "1",
		     "number (1) and object ({}) cannot be added");
	assert_fails(".a.b", "{\"a\":1}", "Cannot index number with \"b\"");
}

static void
keeps_reasons_short_and_printable(void **state)
{
	struct filter *f = open_filter("error(.)");
	struct buf document = { 0 };

	(void)state;
	assert_int_equal(match(f, "\"a\\u001b[2J\\nb\\u009bc\\n\"", &no_names),
			 -1);
	assert_string_equal(filter_error(f), "a [2J b c");

	buf_adds(&document, "\"");
	while (document.len < 2000)
		buf_adds(&document, "\xe2\x82\xac");
	buf_adds(&document, "\"");
	assert_int_equal(match(f, buf_text(&document), &no_names), -1);
	assert_int_equal(strlen(filter_error(f)), FILTER_ERROR - 2);
	buf_release(&document);
	filter_close(f);
}

static void
takes_halt_for_an_end_and_halt_error_for_a_failure(void **state)
{
	struct filter *f =
		open_filter("if . == 1 then \"bad\\n\" | halt_error "
			    "elif . == 2 then halt "
			    "elif . == 3 then {a: 1} | halt_error(0) "
			    "else 1, halt end");

	(void)state;
	assert_int_equal(match(f, "1", &no_names), -1);
	assert_string_equal(filter_error(f), "bad");
	assert_int_equal(match(f, "2", &no_names), 0);
	assert_string_equal(filter_error(f), "");
	assert_int_equal(match(f, "3", &no_names), -1);
	assert_string_equal(filter_error(f), "{\"a\":1}");
	assert_int_equal(match(f, "4", &no_names), 1);
	filter_close(f);
}

static void
starts_afresh_with_each_event(void **state)
{
	struct filter *f = open_filter(".[] | if . == 9 then error else . end");

	(void)state;
	assert_int_equal(match(f, "[false,1,2]", &no_names), 0);
	assert_int_equal(match(f, "[1,9]", &no_names), -1);
	assert_string_equal(filter_error(f), "9");
	assert_int_equal(match(f, "[1,2]", &no_names), 1);
	assert_string_equal(filter_error(f), "");
	filter_close(f);
}

static void
binds_the_names_anew_for_each_event(void **state)
{
	struct filter_names names = { .id = "5-1",
				      .stream = "orders",
				      .group = "billing",
				      .deliveries = 3 };
	struct filter *f =
		open_filter("[$id, $stream, $group, $deliveries, .]");
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(run(f, "{\"a\":1}", &names, &out), 0);
	assert_string_equal(buf_text(&out),
			    "[\"5-1\",\"orders\",\"billing\",3,{\"a\":1}]\n");
	names = (struct filter_names){ .id = "6-0", .deliveries = -1 };
	assert_int_equal(run(f, "2", &names, &out), 0);
	assert_string_equal(buf_text(&out), "[\"6-0\",null,null,null,2]\n");
	buf_release(&out);
	filter_close(f);
}

static void
binds_the_names_in_any_program(void **state)
{
	const struct filter_names names = { .id = "5-1", .deliveries = 3 };

	(void)state;
	assert_prints("def f: $id; f", "1", &names, "\"5-1\"\n");
	assert_prints("def f($x): $x + 1; f($deliveries), .", "1", &names,
		      "4\n1\n");
	assert_prints("# $id\n.", "1", &names, "1\n");
	assert_prints(". # $id", "1", &names, "1\n");
	assert_prints("{$id}", "1", &names, "{\"id\":\"5-1\"}\n");
	assert_prints("\"<\\($id)>\"", "1", &names, "\"<5-1>\"\n");
	assert_prints("7 as $id | $id", "1", &names, "7\n");
	assert_prints(".a = $id | .b |= 2", "{}", &names,
		      "{\"a\":\"5-1\",\"b\":2}\n");
	assert_prints("path(.a), $id", "{}", &names, "[\"a\"]\n\"5-1\"\n");
	assert_prints("reduce .[] as $group (0; . + $group)", "[1,2]", &names,
		      "3\n");
	assert_prints("[$ARGS, $__loc__]", "1", &names,
		      "[{\"positional\":[],\"named\":{}},"
		      "{\"file\":\"<top-level>\",\"line\":1}]\n");
}

static void
hides_the_binding_from_messages(void **state)
{
	(void)state;
	assert_refused("$id | nosuch", "nosuch/0 is not defined at line 1");
	assert_refused("$id |\n $nosuch", "$nosuch is not defined at line 2");
	assert_refused(". | nosuch(1)", "nosuch/1 is not defined at line 1");
	assert_refused("$ids", "$ids is not defined at line 1");
}

static void
says_where_the_syntax_is_wrong(void **state)
{
	char error[FILTER_ERROR];

	(void)state;
	assert_null(filter_open(".a ==", error));
	assert_non_null(strstr(error, "syntax error"));
	assert_non_null(strstr(error, "at line 1"));
	assert_null(strstr(error, "top-level"));
	assert_null(filter_open(".a\n| (", error));
	assert_non_null(strstr(error, "at line 2"));
	assert_null(filter_open(".a == \"\\x\"", error));
	assert_non_null(strstr(error, "escape"));
}

static char *
make_dir(char *path)
{
	strcpy(path, "/tmp/test_filter.XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

static void
write_file(char *path, size_t size, const char *dir, const char *name,
	   const char *text)
{
	FILE *file;

	snprintf(path, size, "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void
imports_from_the_library_path_only(void **state)
{
	const struct filter_names names = { .id = "5-1", .deliveries = -1 };
	char dir[32], file[64], path[80], error[FILTER_ERROR];

	(void)state;
	write_file(file, sizeof(file), make_dir(dir), "m.jq",
		   "def twice: . * 2;");
	unsetenv("JQ_LIBRARY_PATH");
	assert_null(filter_open("import \"m\" as m; m::twice", error));
	assert_non_null(strstr(error, "module not found"));

	snprintf(path, sizeof(path), ":/nonexistent:%s", dir);
	setenv("JQ_LIBRARY_PATH", path, 1);
	assert_prints("import \"m\" as m; m::twice", "4", &no_names, "8\n");
	assert_prints("# a;b\nimport \"m\" as m {k: \";\"}; # c;\n"
		      "[m::twice, $id]",
		      "4", &names, "[8,\"5-1\"]\n");
	assert_prints("include \"m\"; [twice, $id]", "4", &names,
		      "[8,\"5-1\"]\n");
	assert_refused("import \"m\" as m; $id | m::thrice",
		       "m::thrice/0 is not defined at line 1");
	unsetenv("JQ_LIBRARY_PATH");
	unlink(file);
	rmdir(dir);
}

static void
does_not_read_definitions_from_home(void **state)
{
	char dir[32], file[64];
	char *home = getenv("HOME") != NULL ? xstrdup(getenv("HOME")) : NULL;

	(void)state;
	write_file(file, sizeof(file), make_dir(dir), ".jq",
		   "def select(f): \"from home\"; def here: 1;");
	setenv("HOME", dir, 1);
	assert_prints("select(. == 1)", "1", &no_names, "1\n");
	assert_refused("here", "here/0 is not defined at line 1");
	assert_string_equal(getenv("HOME"), dir);
	unsetenv("HOME");
	assert_prints("select(. == 1)", "1", &no_names, "1\n");
	assert_null(getenv("HOME"));
	if (home != NULL)
		setenv("HOME", home, 1);
	free(home);
	unlink(file);
	rmdir(dir);
}

static void
prints_each_result_on_a_line(void **state)
{
	(void)state;
	assert_prints(".[]", "[1,\"a\\nb\",{\"b\": [true, null]}]", &no_names,
		      "1\n\"a\\nb\"\n{\"b\":[true,null]}\n");
	assert_prints("empty", "1", &no_names, "");
	assert_prints("1, halt, 2", "1", &no_names, "1\n");
}

static void
runs_plain_expressions_as_programs(void **state)
{
	(void)state;
	assert_prints(".a", "{\"a\":{\"b\":\"c\"}}", &no_names,
		      "{\"b\":\"c\"}\n");
	assert_prints(".a == 1", "{\"a\":1}", &no_names, "true\n");
	assert_prints(".", "{\"a\" : 1}", &no_names, "{\"a\":1}\n");
}

static void
leaves_the_results_before_a_failure(void **state)
{
	struct filter *f = open_filter(".[] | 6 / .");
	struct json_doc doc = { 0 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(json_scan(&doc, "[2,3,0,1]", 9), 0);
	buf_adds(&out, "kept;");
	assert_int_equal(filter_run(f, &doc, &no_names, &out, '\0'), -1);
	assert_int_equal(out.len, 9);
	assert_memory_equal(out.data, "kept;3\0002\0", 9);
	assert_non_null(strstr(filter_error(f), "divisor is zero"));
	json_release(&doc);
	buf_release(&out);
	filter_close(f);
}

static void
takes_the_event_for_the_only_input(void **state)
{
	(void)state;
	assert_prints("[., inputs]", "1", &no_names, "[1]\n");
	assert_prints("try input catch \"no more\"", "1", &no_names,
		      "\"no more\"\n");
	assert_prints("input_filename", "1", &no_names, "null\n");
}

static void
reads_unpaired_surrogates_as_the_replacement_character(void **state)
{
	const char *expected = "\"\xef\xbf\xbd|\xef\xbf\xbd|\xf0\x9f\x98\x80|"
			       "\xef\xbf\xbd\xf0\x90\x80\x80|\\\\ud800|"
			       "\xef\xbf\xbd\"\n";

	(void)state;
	assert_prints(".a | .",
		      "{\"a\":\"\\ud800|\\uDFFF|\\ud83d\\ude00|"
		      "\\ud800\\ud800\\udc00|\\\\ud800|\\ud800\"}",
		      &no_names, expected);
	assert_match(".a | . == \"\xef\xbf\xbd\\u0041\"",
		     "{\"a\":\"\\ud800\\u0041\"}", 1);
}

static void
fails_on_what_jq_cannot_read_or_print(void **state)
{
	struct filter *made = open_filter("reduce range(300) as $i (1; [.])");
	struct filter *same = open_filter(". | .");
	struct buf document = { 0 }, out = { 0 };
	int i;

	(void)state;
	assert_int_equal(run(made, "1", &no_names, &out), -1);
	assert_string_equal(filter_error(made),
			    "a result is nested too deep to be printed");
	assert_int_equal(out.len, 0);

	for (i = 0; i < 1000; i++)
		buf_addc(&document, '[');
	for (i = 0; i < 1000; i++)
		buf_addc(&document, ']');
	assert_int_equal(run(same, buf_text(&document), &no_names, &out), -1);
	assert_string_not_equal(filter_error(same), "");
	assert_null(strstr(filter_error(same), "[["));
	assert_int_equal(out.len, 0);
	buf_release(&document);
	buf_release(&out);
	filter_close(made);
	filter_close(same);
}

/* Debug output tells when the loop is entered, so nothing has to be timed. */
static void
loop_for_ever(int log)
{
	struct json_doc doc = { 0 };
	struct filter *f;

	dup2(log, STDERR_FILENO);
	diag_set_level(DIAG_INFO);
	stop_init();
	f = open_filter("(\"begun\" | debug) | last(range(1e15))");
	json_scan(&doc, "{}", 2);
	filter_match(f, &doc, &no_names);
	_exit(0);
}

static void
read_until(int fd, char *text, size_t size, const char *word)
{
	size_t len = 0;
	ssize_t n;

	text[0] = '\0';
	while (strstr(text, word) == NULL && len < size - 1 &&
	       (n = read(fd, text + len, size - 1 - len)) > 0) {
		len += (size_t)n;
		text[len] = '\0';
	}
	assert_non_null(strstr(text, word));
}

static void
is_named_by_the_signal_that_ends_it(void **state)
{
	char text[1024];
	int log[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(log), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		loop_for_ever(log[1]);
	close(log[1]);
	read_until(log[0], text, sizeof(text), "begun");
	kill(child, SIGINT);
	kill(child, SIGTERM);
	read_until(log[0], text, sizeof(text), "last(range(1e15))");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	close(log[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_which_expressions_need_no_jq),
		cmocka_unit_test(matches_only_if_all_results_are_true),
		cmocka_unit_test(says_why_an_event_fails),
		cmocka_unit_test(keeps_reasons_short_and_printable),
		cmocka_unit_test(
			takes_halt_for_an_end_and_halt_error_for_a_failure),
		cmocka_unit_test(starts_afresh_with_each_event),
		cmocka_unit_test(binds_the_names_anew_for_each_event),
		cmocka_unit_test(binds_the_names_in_any_program),
		cmocka_unit_test(hides_the_binding_from_messages),
		cmocka_unit_test(says_where_the_syntax_is_wrong),
		cmocka_unit_test(imports_from_the_library_path_only),
		cmocka_unit_test(does_not_read_definitions_from_home),
		cmocka_unit_test(prints_each_result_on_a_line),
		cmocka_unit_test(runs_plain_expressions_as_programs),
		cmocka_unit_test(leaves_the_results_before_a_failure),
		cmocka_unit_test(takes_the_event_for_the_only_input),
		cmocka_unit_test(
			reads_unpaired_surrogates_as_the_replacement_character),
		cmocka_unit_test(fails_on_what_jq_cannot_read_or_print),
		cmocka_unit_test(is_named_by_the_signal_that_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
