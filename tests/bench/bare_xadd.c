/*
 * bare_xadd - the fastest plain way to add the lines of a file to a stream
 *
 * bare_xadd SOCKET STREAM < FILE
 *
 * What a C programmer who cares for speed writes by hand: commands into one's
 * own buffer, a non-blocking socket, a window of commands in flight, hiredis'
 * reader with functions that allocate nothing.  It looks at no event: what
 * evpub needs beyond this is the price of its checks.
 */
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <unistd.h>

#include "bench.h"

enum {
	IN_BYTES = 64 << 10,    /* read of input at once; the longest line */
	REPLY_BYTES = 64 << 10, /* read of replies at once */
	WINDOW = 10000,         /* commands in flight */
	COMMAND_BYTES = 256     /* a command without its event, at most */
};

struct adder {
	redisContext *redis;
	char *out; /* commands not yet written */
	size_t len;
	char head[COMMAND_BYTES]; /* a command up to the event's length */
	size_t head_len;
	uint64_t in_flight, refused;
};

static char refusal; /* stands for an error reply */
static char id;      /* stands for any other */

static void *
on_string(const redisReadTask *task, char *text, size_t len)
{
	(void)text;
	(void)len;
	return task->type == REDIS_REPLY_ERROR ? &refusal : &id;
}

/* Only strings are expected; without a function the reader makes a number of
 * what else comes. */
static redisReplyObjectFunctions functions = { .createString = on_string };

static void
take_replies(struct adder *a)
{
	char buf[REPLY_BYTES];
	ssize_t n = read(a->redis->fd, buf, sizeof buf);
	void *reply;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		bench_die("connection lost");
	if (redisReaderFeed(a->redis->reader, buf, (size_t)n) != REDIS_OK)
		bench_die("bad reply");
	while (redisReaderGetReply(a->redis->reader, &reply) == REDIS_OK &&
	       reply) {
		a->refused += reply == &refusal;
		a->in_flight--;
	}
}

/* Write what is buffered and take replies, until at most `most` commands are
 * in flight. */
static void
pump(struct adder *a, uint64_t most)
{
	size_t done = 0;

	while (done < a->len || a->in_flight > most) {
		struct pollfd p = { .fd = a->redis->fd, .events = POLLIN };
		ssize_t n;

		if (done < a->len) {
			n = write(p.fd, a->out + done, a->len - done);
			if (n < 0 && errno != EAGAIN)
				bench_die("connection lost");
			if (n > 0)
				done += (size_t)n;
			if (done < a->len)
				p.events |= POLLOUT;
		}
		if (done == a->len && a->in_flight <= most)
			break;
		if (poll(&p, 1, -1) < 0)
			bench_die("poll");
		if (p.revents & (POLLIN | POLLHUP))
			take_replies(a);
	}
	a->len = 0;
}

static void
add(struct adder *a, const char *text, size_t len)
{
	char digits[24], *digit = digits + sizeof digits, *to = a->out + a->len;
	size_t n = len, digits_len;

	*--digit = '\n';
	*--digit = '\r';
	do
		*--digit = (char)('0' + n % 10);
	while (n /= 10);
	digits_len = (size_t)(digits + sizeof digits - digit);

	memcpy(to, a->head, a->head_len);
	to += a->head_len;
	memcpy(to, digit, digits_len);
	to += digits_len;
	memcpy(to, text, len);
	to += len;
	memcpy(to, "\r\n", 2);
	a->len = (size_t)(to + 2 - a->out);
	a->in_flight++;
}

static void
add_input(struct adder *a)
{
	static char in[IN_BYTES];
	size_t kept = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, in + kept, sizeof in - kept)) > 0) {
		char *line = in, *end = in + kept + n, *newline;

		while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
			add(a, line, (size_t)(newline - line));
			line = newline + 1;
		}
		kept = (size_t)(end - line);
		if (kept == sizeof in)
			bench_die("line too long");
		memmove(in, line, kept);
		pump(a, WINDOW);
	}
	pump(a, 0);
}

int
main(int argc, char **argv)
{
	struct adder a = { .redis = NULL };

	if (argc != 3 || strlen(argv[2]) > COMMAND_BYTES - 64) {
		fputs("usage: bare_xadd SOCKET STREAM < FILE\n", stderr);
		return 2;
	}
	a.redis = redisConnectUnix(argv[1]);
	if (!a.redis || a.redis->err)
		bench_die("cannot connect");
	fcntl(a.redis->fd, F_SETFL, O_NONBLOCK);
	a.redis->reader->fn = &functions;
	a.head_len = (size_t)snprintf(a.head, sizeof a.head,
				      "*5\r\n$4\r\nXADD\r\n$%zu\r\n%s\r\n"
				      "$1\r\n*\r\n$4\r\ndata\r\n$",
				      strlen(argv[2]), argv[2]);
	/* Enough for a full input buffer of empty lines. */
	a.out = malloc((size_t)IN_BYTES * (a.head_len + 8));
	if (!a.out)
		bench_die("out of memory");
	add_input(&a);
	if (a.refused)
		bench_die("the server refused some");
	free(a.out);
	redisFree(a.redis);
	return 0;
}
