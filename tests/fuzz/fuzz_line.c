/*
 * fuzz_line - lines do not depend on how the bytes arrive
 *
 * The first byte is the limit of a line, the second the size of the pieces in
 * which the rest is written into a pipe.  What the reader makes of it must be
 * what a plain reading of the whole text gives.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
	int in;
	const char *text;
	size_t len, piece;
};

static void
check(int holds)
{
	if (!holds)
		abort();
}

/* Before each read, write the next piece; none left closes the pipe. */
static int
feed(void *arg, int fd)
{
	struct source *s = arg;
	size_t n = s->len < s->piece ? s->len : s->piece;

	(void)fd;
	if (n != 0)
		check(write(s->in, s->text, n) == (ssize_t)n);
	s->text += n;
	s->len -= n;
	if (s->len == 0 && s->in >= 0) {
		close(s->in);
		s->in = -1;
	}
	return 1;
}

/* The next line of the text by the rules of line.h, in the simplest way.
 * Returns false at the end; a blank line has *len 0. */
static bool
plain_next(const char **at, const char *end, bool first, const char **text,
	   size_t *len)
{
	const char *stop;

	if (*at == end)
		return false;
	stop = memchr(*at, '\n', (size_t)(end - *at));
	*text = *at;
	*len = (size_t)((stop != NULL ? stop : end) - *at);
	*at = stop != NULL ? stop + 1 : end;
	if (stop != NULL && *len != 0 && (*text)[*len - 1] == '\r')
		--*len;
	if (first && *len >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
		*text += 3;
		*len -= 3;
	}
	return true;
}

static bool
is_blank(const char *text, size_t len)
{
	while (len != 0 && strchr(" \t\r", *text) != NULL && *text != '\0') {
		text++;
		len--;
	}
	return len == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at, *end, *text;
	struct line_reader in;
	struct source source;
	uint64_t number = 0;
	size_t len;
	int fds[2];

	if (size < 2 || size > 60000)
		return 0;
	at = (const char *)data + 2;
	end = (const char *)data + size;
	check(pipe(fds) == 0);
	source = (struct source){ fds[1], at, size - 2, data[1] + 1u };
	line_init(&in, fds[0], "fuzz", data[0] + 1u);
	in.wait = feed;
	in.arg = &source;
	while (plain_next(&at, end, number == 0, &text, &len)) {
		int rc;

		number++;
		if (len <= in.max_bytes && is_blank(text, len))
			continue;
		rc = line_next(&in);
		check(in.number == number);
		if (len > in.max_bytes) {
			check(rc == -1 && errno == EMSGSIZE);
			check(in.len <= in.max_bytes);
			check(memcmp(in.text, text, in.len) == 0);
			continue;
		}
		check(rc == 1);
		check(in.len == len && memcmp(in.text, text, len) == 0);
	}
	check(line_next(&in) == 0);
	line_release(&in);
	close(fds[0]);
	if (source.in >= 0)
		close(source.in);
	return 0;
}
