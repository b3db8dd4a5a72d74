/*
 * echo_ok - the least coprocess that there can be: each event is done
 *
 * echo_ok [WORD]
 *
 * Reads records, one per line, and answers {"id":"…","ok":true}; those in which
 * WORD is found are to be retried in 5 hours.  The id is copied from where evsub
 * writes it, before the event.  Answers go out when there is nothing more to
 * read, as those of any well-behaved filter.
 */
#include <unistd.h>

#include "bench.h"

enum {
	IN_BYTES = 256 << 10, /* read at once; the longest record */
	ANSWER_BYTES = 64     /* of one answer, at most */
};

struct answers {
	char text[64 << 10];
	size_t len;
};

static void
flush(struct answers *a)
{
	size_t done = 0;

	while (done < a->len) {
		ssize_t n = write(STDOUT_FILENO, a->text + done, a->len - done);

		if (n < 0)
			bench_die("write");
		done += (size_t)n;
	}
	a->len = 0;
}

static char *
put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

/* Answer a record that ends at `end`. */
static void
answer(struct answers *a, const char *record, const char *end,
       const char *later)
{
	static const char key[] = "\"id\":\"", ok[] = "\",\"ok\":true}\n",
			  retry[] = "\",\"retry\":\"5h\"}\n";
	size_t len = (size_t)(end - record);
	const char *id = memmem(record, len, key, sizeof key - 1), *quote;
	char *to;

	errno = 0;
	if (!id)
		bench_die("a record without id");
	id += sizeof key - 1;
	quote = memchr(id, '"', (size_t)(end - id));
	if (!quote || quote - id > ANSWER_BYTES - 32)
		bench_die("a record with an odd id");
	if (sizeof a->text - a->len < ANSWER_BYTES)
		flush(a);
	to = a->text + a->len;
	*to++ = '{';
	to = put(to, key, sizeof key - 1);
	to = put(to, id, (size_t)(quote - id));
	if (later && memmem(record, len, later, strlen(later)))
		to = put(to, retry, sizeof retry - 1);
	else
		to = put(to, ok, sizeof ok - 1);
	a->len = (size_t)(to - a->text);
}

int
main(int argc, char **argv)
{
	static char in[IN_BYTES];
	static struct answers a;
	size_t kept = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, in + kept, sizeof in - kept)) > 0) {
		char *line = in, *end = in + kept + n, *newline;

		while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
			answer(&a, line, newline, argc > 1 ? argv[1] : NULL);
			line = newline + 1;
		}
		kept = (size_t)(end - line);
		if (kept == sizeof in)
			bench_die("record too long");
		memmove(in, line, kept);
		flush(&a);
	}
	return 0;
}
