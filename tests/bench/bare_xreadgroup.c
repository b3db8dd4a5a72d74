/*
 * bare_xreadgroup - consume a stream the plain way: XREADGROUP COUNT 1000 and
 * XACK with hiredis
 *
 * bare_xreadgroup SOCKET STREAM GROUP
 *
 * Creates the group at the start of the stream, prints what it reads and
 * acknowledges each batch once it is written, until nothing is left.
 */
#include <hiredis/hiredis.h>

#include "bench.h"

enum { BATCH = 1000 };

static void
create_group(redisContext *redis, const char *stream, const char *group)
{
	redisReply *r =
		redisCommand(redis, "XGROUP CREATE %s %s 0", stream, group);

	if (!r || r->type == REDIS_REPLY_ERROR)
		bench_die("XGROUP CREATE failed");
	freeReplyObject(r);
}

static void
print(const redisReply *entry)
{
	const redisReply *body = entry->element[1]->element[1];

	fwrite(body->str, 1, body->len, stdout);
	putchar('\n');
}

static void
acknowledge(redisContext *redis, const char *stream, const char *group,
	    const redisReply *entries)
{
	const char *argv[3 + BATCH] = { "XACK", stream, group };
	size_t lengths[3 + BATCH] = { 4, strlen(stream), strlen(group) };
	redisReply *r;

	for (size_t i = 0; i < entries->elements; i++) {
		argv[3 + i] = entries->element[i]->element[0]->str;
		lengths[3 + i] = entries->element[i]->element[0]->len;
	}
	r = redisCommandArgv(redis, 3 + (int)entries->elements, argv, lengths);
	if (!r || r->type != REDIS_REPLY_INTEGER)
		bench_die("XACK failed");
	freeReplyObject(r);
}

/* Read, print and acknowledge one batch.  Returns 0 at the end. */
static int
consume(redisContext *redis, const char *stream, const char *group)
{
	redisReply *r = redisCommand(redis,
				     "XREADGROUP GROUP %s bare COUNT %d "
				     "STREAMS %s >",
				     group, BATCH, stream);
	const redisReply *entries;

	if (!r || r->type == REDIS_REPLY_ERROR)
		bench_die("XREADGROUP failed");
	if (r->type == REDIS_REPLY_NIL) {
		freeReplyObject(r);
		return 0;
	}
	entries = r->element[0]->element[1];
	for (size_t i = 0; i < entries->elements; i++)
		print(entries->element[i]);
	if (fflush(stdout) != 0)
		bench_die("cannot write");
	acknowledge(redis, stream, group, entries);
	freeReplyObject(r);
	return 1;
}

int
main(int argc, char **argv)
{
	redisContext *redis;

	if (argc != 4) {
		fputs("usage: bare_xreadgroup SOCKET STREAM GROUP\n", stderr);
		return 2;
	}
	redis = redisConnectUnix(argv[1]);
	if (!redis || redis->err)
		bench_die("cannot connect");
	setvbuf(stdout, NULL, _IOFBF, 64 << 10);
	create_group(redis, argv[2], argv[3]);
	while (consume(redis, argv[2], argv[3]))
		;
	redisFree(redis);
	return 0;
}
