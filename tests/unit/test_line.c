#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/line.h"
#include "common/mem.h"
#include "common/stop.h"

enum { MAX = 1 << 20, CHUNK = 256 << 10 };

/* A descriptor at the start of a file of these bytes. */
static int
file_of(const char *text, size_t len)
{
	char path[] = "/tmp/ev-line.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* A text that is written into a pipe piece by piece, before each read. */
struct source {
	int in;
	const char *text;
	size_t len, piece;
	int reads;
};

static int
feed(void *arg, int fd)
{
	struct source *s = arg;
	size_t n = s->len < s->piece ? s->len : s->piece;

	(void)fd;
	s->reads++;
	if (n != 0)
		assert_int_equal(write(s->in, s->text, n), (ssize_t)n);
	s->text += n;
	s->len -= n;
	if (s->len == 0 && s->in >= 0) {
		close(s->in);
		s->in = -1;
	}
	return 1;
}

static void
open_source(struct source *s, struct line_reader *in, const char *text,
	    size_t piece, size_t max_bytes)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	*s = (struct source){ fds[1], text, strlen(text), piece, 0 };
	line_init(in, fds[0], "test", max_bytes);
	in->wait = feed;
	in->arg = s;
}

static void
close_source(struct source *s, struct line_reader *in)
{
	close(in->fd);
	if (s->in >= 0)
		close(s->in);
	line_release(in);
}

static void
assert_next(struct line_reader *in, uint64_t number, const char *want)
{
	int rc = line_next(in);

	if (rc != 1)
		fail_msg("%d, not the line \"%s\"", rc, want);
	if (in->len != strlen(want) || memcmp(in->text, want, in->len) != 0)
		fail_msg("\"%.*s\", not \"%s\"", (int)in->len, in->text, want);
	assert_int_equal(in->number, number);
}

static void
assert_too_long(struct line_reader *in, uint64_t number, const char *start)
{
	errno = 0;
	assert_int_equal(line_next(in), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(in->number, number);
	assert_true(in->len <= in->max_bytes);
	assert_true(in->len >= strlen(start));
	assert_memory_equal(in->text, start, strlen(start));
}

static void
lines_are_the_same_in_pieces_of_any_size(void **state)
{
	static const char text[] = "\xef\xbb\xbf{\"a\":1}\r\n"
				   "\r\n \t \n"
				   "two\r words\r\r\n"
				   "\xef\xbb\xbfno mark here\n"
				   "far too long for this reader, by a lot\r\n"
				   "last";
	struct line_reader in;
	struct source s;
	size_t piece;

	(void)state;
	for (piece = 1; piece <= sizeof(text); piece++) {
		open_source(&s, &in, text, piece, 20);
		assert_next(&in, 1, "{\"a\":1}");
		assert_next(&in, 4, "two\r words\r");
		assert_next(&in, 5, "\xef\xbb\xbfno mark here");
		assert_too_long(&in, 6, "far too long for");
		assert_next(&in, 7, "last");
		assert_int_equal(line_next(&in), 0);
		assert_int_equal(line_next(&in), 0);
		close_source(&s, &in);
	}
}

static void
an_unterminated_last_line_keeps_its_last_byte(void **state)
{
	static const char *const texts[] = { "x",     "\nx",   "x\n",
					     "x\r\n", "x\n\n", "x\n \t\r\n" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct line_reader in;
		int fd = file_of(texts[i], strlen(texts[i]));

		line_init(&in, fd, "test", MAX);
		assert_next(&in, texts[i][0] == '\n' ? 2 : 1, "x");
		assert_int_equal(line_next(&in), 0);
		line_release(&in);
		close(fd);
	}
}

static void
nothing_is_in_nothing(void **state)
{
	static const char *const texts[] = {
		"", "\n", "\r\n\r\n", "  \t", "\xef\xbb\xbf", "\xef\xbb\xbf\n\n"
	};
	struct line_reader zero = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct line_reader in;
		int fd = file_of(texts[i], strlen(texts[i]));

		line_init(&in, fd, "test", MAX);
		assert_int_equal(line_next(&in), 0);
		line_release(&in);
		line_release(&in);
		close(fd);
	}
	line_release(&zero);
}

static void
a_line_may_hold_nul(void **state)
{
	struct line_reader in;
	int fd = file_of("a\0b\n\0\n", 6);

	(void)state;
	line_init(&in, fd, "test", MAX);
	assert_int_equal(line_next(&in), 1);
	assert_int_equal(in.len, 3);
	assert_memory_equal(in.text, "a\0b", 3);
	assert_int_equal(line_next(&in), 1);
	assert_int_equal(in.len, 1);
	assert_int_equal(line_next(&in), 0);
	line_release(&in);
	close(fd);
}

/* Bytes before and behind a line of n letters. */
static int
file_around(const char *before, size_t n, const char *behind)
{
	size_t head = strlen(before), tail = strlen(behind);
	char *text = xmalloc(head + n + tail);
	int fd;

	memcpy(text, before, head);
	memset(text + head, 'x', n);
	memcpy(text + head + n, behind, tail);
	fd = file_of(text, head + n + tail);
	free(text);
	return fd;
}

/* The limit is of the line itself: a mark before it and its end don't count. */
static void
the_limit_is_exact_whatever_stands_around_the_line(void **state)
{
	static const char *const befores[] = { "", "\xef\xbb\xbf", "first\n" };
	static const char *const behinds[] = { "", "\n", "\r\n", "\nnext",
					       "\r\nnext" };
	size_t limits[] = { 1,         100,       CHUNK - 5, CHUNK - 4,
			    CHUNK - 3, CHUNK - 2, CHUNK - 1, CHUNK,
			    CHUNK + 1, 3 * CHUNK, MAX };
	size_t i, b, e;

	(void)state;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		for (b = 0; b < 3; b++)
			for (e = 0; e < 5; e++) {
				size_t over = (b + e + i) % 2;
				size_t n = limits[i] + over;
				struct line_reader in;
				int fd = file_around(befores[b], n, behinds[e]);
				int rc;

				line_init(&in, fd, "test", limits[i]);
				rc = line_next(&in);
				if (b == 2)
					rc = line_next(&in);
				assert_int_equal(rc, over ? -1 : 1);
				assert_int_equal(in.len, limits[i]);
				assert_int_equal(in.text[0], 'x');
				assert_int_equal(in.text[in.len - 1], 'x');
				rc = line_next(&in);
				if (e < 3)
					assert_int_equal(rc, 0);
				else if (limits[i] >= 4)
					assert_int_equal(rc, 1);
				line_release(&in);
				close(fd);
			}
}

static void
a_line_of_64_mib_is_passed_over_in_bounded_memory(void **state)
{
	enum { PIECE = 1 << 20, PIECES = 64 };
	char path[] = "/tmp/ev-line.XXXXXX", *piece = xmalloc(PIECE);
	int fd = mkstemp(path), i;
	struct line_reader in;

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	memset(piece, '{', PIECE);
	assert_int_equal(write(fd, "one\n", 4), 4);
	for (i = 0; i < PIECES; i++)
		assert_int_equal(write(fd, piece, PIECE), PIECE);
	assert_int_equal(write(fd, "\ntwo", 4), 4);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);

	line_init(&in, fd, "test", MAX);
	assert_next(&in, 1, "one");
	assert_too_long(&in, 2, "{{{{");
	assert_int_equal(in.len, MAX);
	assert_next(&in, 3, "two");
	assert_int_equal(line_next(&in), 0);
	assert_true(in.cap <= MAX + CHUNK);
	line_release(&in);
	close(fd);
	free(piece);
}

/* The buffer grows to the longest line, and no further however many come. */
static void
steady_reading_allocates_nothing(void **state)
{
	enum { LINES = 200, LEN = 300 << 10 };
	char path[] = "/tmp/ev-line.XXXXXX", *line = xmalloc(LEN);
	int fd = mkstemp(path), i;
	struct line_reader in;
	const char *buf = NULL;

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	memset(line, 'y', LEN);
	line[LEN - 1] = '\n';
	for (i = 0; i < LINES; i++)
		assert_int_equal(write(fd, line, LEN), LEN);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	line_init(&in, fd, "test", MAX);
	assert_null(in.buf);
	for (i = 0; i < LINES; i++) {
		assert_int_equal(line_next(&in), 1);
		assert_int_equal(in.len, LEN - 1);
		assert_int_equal(in.number, i + 1);
		if (i == 2)
			buf = in.buf;
		if (i > 2)
			assert_ptr_equal(in.buf, buf);
	}
	assert_true(in.cap <= MAX + CHUNK);
	line_release(&in);
	close(fd);
	free(line);
}

static void
asks_the_caller_before_each_read_and_not_otherwise(void **state)
{
	struct line_reader in;
	struct source s;

	(void)state;
	open_source(&s, &in, "a\nb\nc\nd\n", 4, MAX);
	assert_next(&in, 1, "a");
	assert_int_equal(s.reads, 1);
	assert_next(&in, 2, "b");
	assert_int_equal(s.reads, 1);
	assert_next(&in, 3, "c");
	assert_int_equal(s.reads, 2);
	assert_next(&in, 4, "d");
	assert_int_equal(s.reads, 2);
	assert_int_equal(line_next(&in), 0);
	close_source(&s, &in);
}

static int
give(void *arg, int fd)
{
	(void)fd;
	errno = ENOTBLK;
	return *(int *)arg;
}

static void
the_caller_may_end_the_input_or_fail(void **state)
{
	int fd = file_of("a\n", 2), answer = 0;
	struct line_reader in;

	(void)state;
	line_init(&in, fd, "test", MAX);
	in.wait = give;
	in.arg = &answer;
	assert_int_equal(line_next(&in), 0);
	answer = -1;
	errno = 0;
	assert_int_equal(line_next(&in), -1);
	assert_int_equal(errno, ENOTBLK);
	answer = 1;
	assert_next(&in, 1, "a");
	line_release(&in);
	close(fd);
}

static void
a_failing_read_tells_its_reason(void **state)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct line_reader in;

	(void)state;
	assert_true(fd >= 0);
	line_init(&in, fd, "test", MAX);
	errno = 0;
	assert_int_equal(line_next(&in), -1);
	assert_int_equal(errno, EISDIR);
	line_release(&in);
	close(fd);
}

/* The first read finds nothing: then the caller is asked once more. */
static int
feed_late(void *arg, int fd)
{
	struct source *s = arg;

	return s->reads++ == 0 ? 1 : feed(arg, fd);
}

/* Another process may have made a shared descriptor non-blocking. */
static void
a_descriptor_that_does_not_block_is_waited_for(void **state)
{
	struct line_reader in;
	struct source s;

	(void)state;
	open_source(&s, &in, "late\n", 5, MAX);
	assert_int_equal(fcntl(in.fd, F_SETFL, O_NONBLOCK), 0);
	in.wait = feed_late;
	assert_next(&in, 1, "late");
	assert_int_equal(line_next(&in), 0);
	close_source(&s, &in);
}

static void
the_number_counts_lines_that_are_passed_over(void **state)
{
	struct line_reader in;
	int fd = file_of("\n\n123456\nab\n\n  \ncd", 18);

	(void)state;
	line_init(&in, fd, "test", 3);
	assert_too_long(&in, 3, "123");
	assert_next(&in, 4, "ab");
	assert_next(&in, 7, "cd");
	assert_int_equal(line_next(&in), 0);
	line_release(&in);
	close(fd);
}

/* The last of all: a stop can't be taken back. */
static void
a_stop_ends_the_input(void **state)
{
	struct line_reader in;
	int fds[2];

	(void)state;
	stop_init();
	assert_int_equal(pipe(fds), 0);
	line_init(&in, fds[0], "test", MAX);
	stop_request();
	assert_int_equal(line_next(&in), 0);
	assert_int_equal(write(fds[1], "x\n", 2), 2);
	assert_int_equal(line_next(&in), 0);
	line_release(&in);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_same_in_pieces_of_any_size),
		cmocka_unit_test(an_unterminated_last_line_keeps_its_last_byte),
		cmocka_unit_test(nothing_is_in_nothing),
		cmocka_unit_test(a_line_may_hold_nul),
		cmocka_unit_test(
			the_limit_is_exact_whatever_stands_around_the_line),
		cmocka_unit_test(
			a_line_of_64_mib_is_passed_over_in_bounded_memory),
		cmocka_unit_test(steady_reading_allocates_nothing),
		cmocka_unit_test(
			asks_the_caller_before_each_read_and_not_otherwise),
		cmocka_unit_test(the_caller_may_end_the_input_or_fail),
		cmocka_unit_test(a_failing_read_tells_its_reason),
		cmocka_unit_test(
			a_descriptor_that_does_not_block_is_waited_for),
		cmocka_unit_test(the_number_counts_lines_that_are_passed_over),
		cmocka_unit_test(a_stop_ends_the_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
