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

#include "common/archive.h"

static char dir[32], path[64];
static struct archive a, other;
static struct record record;

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
	archive_close(&a);
	archive_close(&a);
	archive_close(&other);
	record_release(&record);
	memset(&record, 0, sizeof(record));
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static void
write_bytes(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
write_file(const char *text)
{
	write_bytes(text, strlen(text));
}

static void
assert_file(const char *want)
{
	char got[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	fclose(f);
	assert_string_equal(got, want);
}

static void
add(const char *stream, uint64_t ms, uint64_t seq)
{
	record.stream = stream;
	record.id = (struct id){ ms, seq };
	record_set_body(&record, "{\"a\":1}", 7);
	assert_int_equal(archive_add(&a, &record), 0);
}

static void
open_it(void)
{
	if (archive_open(&a, path) < 0)
		fail_msg("%s", a.error);
}

static void
assert_found(const char *stream, uint64_t first, uint64_t last)
{
	struct id id;

	assert_int_equal(archive_find(&a, stream, (struct id){ first, 0 }, &id),
			 1);
	assert_int_equal(id.ms, last);
}

static void
assert_not_found(const char *stream, uint64_t first)
{
	struct id id;

	assert_int_equal(archive_find(&a, stream, (struct id){ first, 0 }, &id),
			 0);
}

static void
test_new_file(void **state)
{
	(void)state;
	open_it();
	assert_not_found("a", 1);
	add("a", 1, 0);
	assert_int_equal(archive_sync(&a), 0);
	assert_file("{\"stream\":\"a\",\"id\":\"1-0\",\"time\":"
		    "\"1970-01-01T00:00:00.001Z\",\"event\":{\"a\":1}}\n");
}

static void
test_find(void **state)
{
	static const char *const names[] = { "a", "ab", "q\"uote", "{t}:x",
					     "caf\xe9" };
	size_t i;
	uint64_t n;

	(void)state;
	open_it();
	for (n = 1; n <= 300; n++)
		for (i = 0; i < 5; i++)
			if (i == 0 || n % i == 0)
				add(names[i], n, 0);
	assert_int_equal(archive_sync(&a), 0);
	archive_close(&a);
	open_it();
	assert_found("a", 1, 300);
	assert_found("a", 300, 300);
	assert_found("ab", 7, 300);
	assert_found("q\"uote", 2, 300);
	assert_found("{t}:x", 297, 300);
	assert_found("caf\xe9", 200, 300);
	/* Its first entry is none of these: all that is there is gone. */
	assert_not_found("q\"uote", 3);
	assert_not_found("a", 301);
	assert_not_found("b", 1);
	assert_not_found("", 1);
}

static void
test_find_before_sync(void **state)
{
	(void)state;
	open_it();
	add("a", 1, 0);
	assert_not_found("a", 1);
	assert_int_equal(archive_sync(&a), 0);
	assert_found("a", 1, 1);
}

#define LINE "{\"stream\":\"a\",\"id\":\"1-0\",\"event\":{}}\n"

static void
test_half_lines_are_cut(void **state)
{
	static const char *const halves[] = {
		"{", "{\"str", "{\"stream\":\"a\",\"id\":\"2-0"
	};
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), LINE "%s", halves[i]);
		write_file(text);
		open_it();
		assert_file(LINE);
		assert_found("a", 1, 1);
		add("a", 2, 0);
		assert_int_equal(archive_sync(&a), 0);
		assert_found("a", 1, 2);
		archive_close(&a);
		write_file(halves[i]);
		open_it();
		assert_file("");
		archive_close(&a);
	}
}

static void
test_nuls_are_cut(void **state)
{
	static const char zeros[200];

	(void)state;
	write_bytes(LINE "\0\0\0\0", sizeof(LINE) - 1 + 4);
	open_it();
	assert_file(LINE);
	archive_close(&a);
	write_bytes(zeros, sizeof(zeros));
	open_it();
	assert_file("");
}

static void
test_other_files_are_refused(void **state)
{
	static const char *const texts[] = {
		"notes",
		"notes\n",
		LINE "notes",
		"notes\n" LINE,
		"{\"id\":\"1-0\"}\n",
		"\n" LINE,
		"[]\n{\"stream\":",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		write_file(texts[i]);
		assert_int_equal(archive_open(&a, path), -1);
		assert_non_null(strstr(a.error, "not an archive"));
		assert_file(texts[i]);
	}
	write_bytes("\0\1\2\nbinary", 10);
	assert_int_equal(archive_open(&a, path), -1);
	memset(&a, 0, sizeof(a));
}

static void
test_lock(void **state)
{
	(void)state;
	open_it();
	assert_int_equal(archive_open(&other, path), -1);
	assert_non_null(strstr(other.error, "another run"));
	memset(&other, 0, sizeof(other));
	archive_close(&a);
	assert_int_equal(archive_open(&other, path), 0);
}

static void
test_no_regular_file(void **state)
{
	(void)state;
	assert_int_equal(archive_open(&a, dir), -1);
	assert_int_equal(archive_open(&a, "/dev/null"), -1);
	assert_string_equal(a.error, "/dev/null: not a regular file: it can't "
				     "be synced");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(archive_open(&a, path), -1);
	memset(&a, 0, sizeof(a));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_new_file),
		TEST(test_find),
		TEST(test_find_before_sync),
		TEST(test_half_lines_are_cut),
		TEST(test_nuls_are_cut),
		TEST(test_other_files_are_refused),
		TEST(test_lock),
		TEST(test_no_regular_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
