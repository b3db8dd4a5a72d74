/*
 * bare_xrange - print a stream the plain way: XRANGE COUNT 1000 with hiredis
 *
 * bare_xrange SOCKET STREAM
 */
#include <hiredis/hiredis.h>

#include "bench.h"

static void
print(const redisReply *entry)
{
	const redisReply *body = entry->element[1]->element[1];

	fwrite(body->str, 1, body->len, stdout);
	putchar('\n');
}

int
main(int argc, char **argv)
{
	char start[64] = "-";
	redisContext *redis;
	size_t n;

	if (argc != 3) {
		fputs("usage: bare_xrange SOCKET STREAM\n", stderr);
		return 2;
	}
	redis = redisConnectUnix(argv[1]);
	if (!redis || redis->err)
		bench_die("cannot connect");
	setvbuf(stdout, NULL, _IOFBF, 64 << 10);
	do {
		redisReply *r = redisCommand(redis, "XRANGE %s %s + COUNT 1000",
					     argv[2], start);

		if (!r || r->type != REDIS_REPLY_ARRAY)
			bench_die("XRANGE failed");
		n = r->elements;
		for (size_t i = 0; i < n; i++)
			print(r->element[i]);
		if (n > 0)
			snprintf(start, sizeof start, "(%s",
				 r->element[n - 1]->element[0]->str);
		freeReplyObject(r);
	} while (n > 0);
	redisFree(redis);
	if (fclose(stdout) != 0)
		bench_die("cannot write");
	return 0;
}
