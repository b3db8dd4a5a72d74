/*
 * drained - wait until a group has read all of its stream and acknowledged it
 *
 * drained SOCKET STREAM GROUP PENDING [LENGTH]
 *
 * Done when no more than PENDING entries are pending, nothing is unread, and the
 * stream has LENGTH entries.
 * Looks every half millisecond; gives up after two minutes.
 */
#include <hiredis/hiredis.h>

#include "bench.h"

enum { PAUSE_US = 500, PATIENCE_US = 120 * 1000 * 1000 };

static redisReply *
ask(redisContext *redis, const char *what, const char *stream,
    const char *group)
{
	redisReply *r = redisCommand(redis, what, stream, group);

	if (!r || r->type != REDIS_REPLY_ARRAY)
		bench_die(what);
	return r;
}

static long long
count_pending(redisContext *redis, const char *stream, const char *group)
{
	redisReply *r = ask(redis, "XPENDING %s %s", stream, group);
	long long count = r->elements > 0 ? r->element[0]->integer : 0;

	freeReplyObject(r);
	return count;
}

/* The value behind a name, in a list of both. */
static const char *
value_of(const redisReply *r, const char *name)
{
	for (size_t i = 0; i + 1 < r->elements; i += 2)
		if (strcmp(r->element[i]->str, name) == 0)
			return r->element[i + 1]->str;
	errno = 0;
	bench_die(name);
}

static int
has_read_all(redisContext *redis, const char *stream, const char *group)
{
	redisReply *all = ask(redis, "XINFO STREAM %s", stream, NULL);
	redisReply *groups = ask(redis, "XINFO GROUPS %s", stream, NULL);
	const char *last = value_of(all, "last-generated-id");
	int found = 0;

	for (size_t i = 0; i < groups->elements; i++) {
		const redisReply *g = groups->element[i];

		if (strcmp(value_of(g, "name"), group) == 0)
			found = strcmp(value_of(g, "last-delivered-id"),
				       last) == 0;
	}
	freeReplyObject(groups);
	freeReplyObject(all);
	return found;
}

static int
is_long_enough(redisContext *redis, const char *stream, long long length)
{
	redisReply *r = redisCommand(redis, "XLEN %s", stream);
	long long have;

	if (!r || r->type != REDIS_REPLY_INTEGER)
		bench_die("XLEN");
	have = r->integer;
	freeReplyObject(r);
	return have >= length;
}

int
main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = PAUSE_US * 1000 };
	uint64_t begin = bench_now_us();
	redisContext *redis;
	long long pending, length;

	if (argc != 5 && argc != 6) {
		fputs("usage: drained SOCKET STREAM GROUP PENDING [LENGTH]\n",
		      stderr);
		return 2;
	}
	pending = strtoll(argv[4], NULL, 10);
	length = argc == 6 ? strtoll(argv[5], NULL, 10) : 0;
	redis = redisConnectUnix(argv[1]);
	if (!redis || redis->err)
		bench_die("cannot connect");
	while (!is_long_enough(redis, argv[2], length) ||
	       !has_read_all(redis, argv[2], argv[3]) ||
	       count_pending(redis, argv[2], argv[3]) > pending) {
		errno = 0;
		if (bench_now_us() - begin > PATIENCE_US)
			bench_die("it does not end");
		nanosleep(&pause, NULL);
	}
	redisFree(redis);
	return 0;
}
