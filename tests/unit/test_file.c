#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

static char dir[32], path[64], temporary[80];

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ev-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	/* which fails if anything else was left there */
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static void
assert_file(const char *want)
{
	struct buf got = { 0 };
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(file_read_fd(fd, 1000, &got), 0);
	assert_string_equal(buf_text(&got), want);
	buf_release(&got);
	close(fd);
}

static void
a_file_is_replaced_as_a_whole(void **state)
{
	int old;
	char text[8] = "";

	(void)state;
	assert_int_equal(file_replace(path, "old", 3), 0);
	assert_file("old");
	old = open(path, O_RDONLY);
	assert_int_equal(file_replace(path, "new one", 7), 0);
	assert_file("new one");
	assert_int_equal(read(old, text, sizeof(text) - 1), 3);
	assert_string_equal(text, "old");
	close(old);
	assert_int_equal(file_replace(path, NULL, 0), 0);
	assert_file("");
}

static void
what_is_given_up_leaves_the_old_file(void **state)
{
	struct file_new f;

	(void)state;
	assert_int_equal(file_replace(path, "old", 3), 0);
	assert_int_equal(file_begin(&f, path), 0);
	assert_int_equal(write(f.fd, "new", 3), 3);
	assert_file("old");
	file_abort(&f);
	assert_file("old");
	assert_int_equal(file_begin(&f, path), 0);
	assert_int_equal(write(f.fd, "new", 3), 3);
	assert_int_equal(file_commit(&f), 0);
	assert_file("new");
}

static void
a_link_under_the_temporary_name_is_not_followed(void **state)
{
	char victim[80];
	struct stat st;

	(void)state;
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	assert_int_equal(file_replace(victim, "mine", 4), 0);
	assert_int_equal(symlink(victim, temporary), 0);
	assert_int_equal(file_replace(path, "new", 3), 0);
	assert_file("new");
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 4);
	unlink(victim);
}

static void
what_is_no_file_is_not_replaced(void **state)
{
	(void)state;
	assert_int_equal(file_replace("/dev/null", "x", 1), -1);
	assert_int_equal(errno, ENOTSUP);
	assert_int_equal(file_replace(dir, "x", 1), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(file_replace("/nowhere/file", "x", 1), -1);
	assert_int_equal(errno, ENOENT);
}

static void
reading_has_a_limit(void **state)
{
	struct buf got = { 0 };
	int fd;

	(void)state;
	assert_int_equal(file_replace(path, "0123456789", 10), 0);
	fd = open(path, O_RDONLY);
	buf_adds(&got, "before ");
	assert_int_equal(file_read_fd(fd, 10, &got), 0);
	assert_string_equal(buf_text(&got), "before 0123456789");
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read_fd(fd, 9, &got), -1);
	assert_int_equal(errno, EFBIG);
	close(fd);
	buf_release(&got);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_replaced_as_a_whole),
		TEST(what_is_given_up_leaves_the_old_file),
		TEST(a_link_under_the_temporary_name_is_not_followed),
		TEST(what_is_no_file_is_not_replaced),
		TEST(reading_has_a_limit),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
