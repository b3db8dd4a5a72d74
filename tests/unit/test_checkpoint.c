#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/checkpoint.h"

static char dir[32], path[64];
static struct checkpoint cp;

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ev-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	checkpoint_close(&cp);
	checkpoint_close(&cp);
	unlink(path);
	/* which fails if anything else was left there */
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void
assert_file(const char *want)
{
	char got[1024];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	fclose(f);
	assert_string_equal(got, want);
}

static void
open_again(void)
{
	checkpoint_close(&cp);
	if (checkpoint_open(&cp, path) < 0)
		fail_msg("%s", cp.error);
}

static void
assert_id(const char *stream, uint64_t ms, uint64_t seq)
{
	struct id id = { 0, 0 };

	if (!checkpoint_get(&cp, stream, &id))
		fail_msg("%s is not there", stream);
	assert_int_equal(id.ms, ms);
	assert_int_equal(id.seq, seq);
}

static void
what_is_noted_is_read_back(void **state)
{
	struct id id = { 7, 7 };

	(void)state;
	assert_int_equal(checkpoint_open(&cp, path), 0);
	assert_false(checkpoint_get(&cp, "orders", &id));
	assert_int_equal(id.ms, 7);
	assert_int_equal(checkpoint_save(&cp), 0);
	assert_int_equal(access(path, F_OK), -1); /* nothing was noted */

	checkpoint_set(&cp, "orders", (struct id){ 1795209426824, 213 });
	checkpoint_set(&cp, "a \"b\"\n\xc3\xa9", ID_MAX);
	checkpoint_set(&cp, "zero", ID_MIN);
	assert_int_equal(checkpoint_save(&cp), 0);
	assert_file("{\"stream\":\"orders\",\"id\":\"1795209426824-213\"}\n"
		    "{\"stream\":\"a \\\"b\\\"\\n\xc3\xa9\",\"id\":"
		    "\"18446744073709551615-18446744073709551615\"}\n"
		    "{\"stream\":\"zero\",\"id\":\"0-0\"}\n");
	open_again();
	assert_int_equal(cp.count, 3);
	assert_id("orders", 1795209426824, 213);
	assert_id("a \"b\"\n\xc3\xa9", UINT64_MAX, UINT64_MAX);
	assert_id("zero", 0, 0);
}

static void
ids_only_grow(void **state)
{
	(void)state;
	assert_int_equal(checkpoint_open(&cp, path), 0);
	checkpoint_set(&cp, "s", (struct id){ 5, 5 });
	checkpoint_set(&cp, "s", (struct id){ 5, 4 });
	checkpoint_set(&cp, "s", (struct id){ 4, 9 });
	assert_id("s", 5, 5);
	checkpoint_set(&cp, "s", (struct id){ 5, 6 });
	assert_id("s", 5, 6);
}

static void
the_file_is_written_only_if_something_was_noted(void **state)
{
	(void)state;
	write_file("{\"stream\":\"s\",\"id\":\"5-0\"}\n");
	open_again();
	unlink(path);
	assert_int_equal(checkpoint_save(&cp), 0);
	checkpoint_set(&cp, "s", (struct id){ 5, 0 });
	assert_int_equal(checkpoint_save(&cp), 0);
	assert_int_equal(access(path, F_OK), -1);
	checkpoint_set(&cp, "s", (struct id){ 6, 0 });
	assert_int_equal(checkpoint_save(&cp), 0);
	assert_file("{\"stream\":\"s\",\"id\":\"6-0\"}\n");
}

/* The old file stays as it was for who has it open: it is replaced. */
static void
the_file_is_replaced_as_a_whole(void **state)
{
	char got[64];
	FILE *old;

	(void)state;
	write_file("{\"stream\":\"s\",\"id\":\"5-0\"}\n");
	old = fopen(path, "r");
	assert_non_null(old);
	open_again();
	checkpoint_set(&cp, "s", (struct id){ 6, 0 });
	assert_int_equal(checkpoint_save(&cp), 0);
	assert_file("{\"stream\":\"s\",\"id\":\"6-0\"}\n");
	assert_non_null(fgets(got, sizeof(got), old));
	assert_string_equal(got, "{\"stream\":\"s\",\"id\":\"5-0\"}\n");
	fclose(old);
}

static void
a_file_by_hand_is_read(void **state)
{
	(void)state;
	write_file("\n{ \"id\" : \"5\", \"stream\":\"s\", \"more\":1 }\r\n\n"
		   "{\"stream\":\"s\",\"id\":\"4-0\"}\n"
		   "{\"stream\":\"t\",\"id\":\"1-2\"}");
	open_again();
	assert_int_equal(cp.count, 2);
	assert_id("s", 5, 0);
	assert_id("t", 1, 2);
	assert_false(cp.changed);
	write_file("");
	open_again();
	assert_int_equal(cp.count, 0);
}

static void
assert_fails(const char *want)
{
	char full[256];

	checkpoint_close(&cp);
	assert_int_equal(checkpoint_open(&cp, path), -1);
	snprintf(full, sizeof(full), "%s:%s", path, want);
	if (strncmp(cp.error, full, strlen(full)) != 0)
		fail_msg("%s, not %s", cp.error, full);
}

static void
what_is_no_checkpoint_is_refused_with_its_line(void **state)
{
	(void)state;
	write_file("{\"stream\":\"s\",\"id\":\"5-0\"}\nrubbish\n");
	assert_fails("2: ");
	write_file("\n\n{\"stream\":\"s\"}\n");
	assert_fails("3: ");
	write_file("{\"id\":\"1-1\"}\n");
	assert_fails("1: ");
	write_file("{\"stream\":\"s\",\"id\":\"x\"}\n");
	assert_fails("1: ");
	write_file("{\"stream\":\"s\",\"id\":null}\n");
	assert_fails("1: ");
	write_file("{\"base64\":\"YQBi\",\"id\":\"1-1\"}\n"); /* a NUL */
	assert_fails("1: ");
	write_file("[]\n");
	assert_fails("1: ");
}

static void
a_directory_is_no_checkpoint(void **state)
{
	(void)state;
	assert_int_equal(checkpoint_open(&cp, dir), -1);
	assert_non_null(strstr(cp.error, "directory"));
}

static void
a_save_that_fails_says_so_and_is_tried_again(void **state)
{
	char missing[64];

	(void)state;
	snprintf(missing, sizeof(missing), "%s/sub/file", dir);
	assert_int_equal(checkpoint_open(&cp, missing), 0);
	checkpoint_set(&cp, "s", (struct id){ 1, 1 });
	assert_int_equal(checkpoint_save(&cp), -1);
	assert_non_null(strstr(cp.error, missing));
	snprintf(missing, sizeof(missing), "%s/sub", dir);
	assert_int_equal(mkdir(missing, 0700), 0);
	snprintf(missing, sizeof(missing), "%s/sub/file", dir);
	assert_int_equal(checkpoint_save(&cp), 0);
	assert_int_equal(unlink(missing), 0);
	snprintf(missing, sizeof(missing), "%s/sub", dir);
	assert_int_equal(rmdir(missing), 0);
}

/* Redis' names are bytes: one that is no UTF-8 must not spoil the file. */
static void
a_name_of_any_bytes_leaves_the_file_readable(void **state)
{
	(void)state;
	assert_int_equal(checkpoint_open(&cp, path), 0);
	checkpoint_set(&cp, "a\xff", (struct id){ 1, 1 });
	checkpoint_set(&cp, "s", (struct id){ 2, 2 });
	assert_int_equal(checkpoint_save(&cp), 0);
	assert_file("{\"base64\":\"Yf8=\",\"id\":\"1-1\"}\n"
		    "{\"stream\":\"s\",\"id\":\"2-2\"}\n");
	open_again();
	assert_id("a\xff", 1, 1);
	assert_id("s", 2, 2);
}

static void
a_position_may_have_a_tag(void **state)
{
	(void)state;
	open_again();
	checkpoint_set_tag(&cp, "s", "lost: nothing is noted of s");
	assert_null(checkpoint_tag(&cp, "s"));
	checkpoint_set(&cp, "s", ID_MIN);
	checkpoint_set(&cp, "t", (struct id){ 1, 0 });
	checkpoint_set_tag(&cp, "s", "first");
	checkpoint_set_tag(&cp, "s", "a \"b\"");
	assert_int_equal(checkpoint_save(&cp), 0);
	assert_file(
		"{\"stream\":\"s\",\"id\":\"0-0\",\"tag\":\"a \\\"b\\\"\"}\n"
		"{\"stream\":\"t\",\"id\":\"1-0\"}\n");
	open_again();
	assert_string_equal(checkpoint_tag(&cp, "s"), "a \"b\"");
	assert_null(checkpoint_tag(&cp, "t"));
	assert_null(checkpoint_tag(&cp, "u"));
}

#define test_in_dir(name) \
	cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(what_is_noted_is_read_back),
		test_in_dir(ids_only_grow),
		test_in_dir(the_file_is_written_only_if_something_was_noted),
		test_in_dir(the_file_is_replaced_as_a_whole),
		test_in_dir(a_file_by_hand_is_read),
		test_in_dir(what_is_no_checkpoint_is_refused_with_its_line),
		test_in_dir(a_directory_is_no_checkpoint),
		test_in_dir(a_save_that_fails_says_so_and_is_tried_again),
		test_in_dir(a_name_of_any_bytes_leaves_the_file_readable),
		test_in_dir(a_position_may_have_a_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
