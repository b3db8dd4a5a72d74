/*
 * gen - write CloudEvents to measure with
 *
 * gen N                  N events of about 256 bytes, one per line
 * gen N --resp STREAM    the same events as XADD commands, ready for
 *                        `redis-cli --pipe`
 *
 * The events are the same in every run: a shop's, of 20 types, with unique ids
 * and times 3 ms apart.  One in 20 is a com.example.order.created.
 */
#include "bench.h"

static const char *const types[] = {
	"order.created",     "order.paid",         "order.packed",
	"order.shipped",     "order.delivered",    "order.cancelled",
	"order.returned",    "payment.authorised", "payment.captured",
	"payment.refused",   "payment.refunded",   "stock.reserved",
	"stock.released",    "stock.low",          "customer.registered",
	"customer.verified", "customer.moved",     "invoice.issued",
	"invoice.overdue",   "invoice.settled",
};

static const char *const regions[] = { "eu", "us", "ap", "sa" };
static const char *const currencies[] = { "EUR", "USD", "GBP", "CHF" };

enum { TYPES = sizeof types / sizeof *types };

/* splitmix64: a fixed sequence that looks random. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Event n into text; returns its length.  The id is a UUIDv7 whose last 48
 * bits count, so it is unique. */
static size_t
make_event(char *text, size_t size, uint64_t n, uint64_t *random)
{
	uint64_t r = next_random(random), ms = 1795209426824 + 3 * n;
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char time_text[32];
	int len;

	gmtime_r(&seconds, &tm);
	strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%S", &tm);
	len = snprintf(text, size,
		       "{\"specversion\":\"1.0\",\"id\":\"%08x-%04x-7%03x-%04x-"
		       "%012llx\",\"source\":\"/shop/%s/%u\",\"type\":"
		       "\"com.example.%s\",\"time\":\"%s.%03uZ\",\"subject\":"
		       "\"order-%06u\",\"data\":{\"customer\":\"c-%05u\","
		       "\"total\":%u.%02u,\"currency\":\"%s\",\"items\":%u}}",
		       (unsigned)(ms >> 16), (unsigned)(ms & 0xffff),
		       (unsigned)(r & 0xfff),
		       (unsigned)(0x8000 | (r >> 12 & 0x3fff)),
		       (unsigned long long)n, regions[r >> 26 & 3],
		       (unsigned)(r >> 28 & 7), types[n % TYPES], time_text,
		       (unsigned)(ms % 1000), (unsigned)(r >> 31) % 1000000,
		       (unsigned)(r >> 40) % 100000,
		       (unsigned)(r >> 45) % 500 + 1, (unsigned)(r >> 33) % 100,
		       currencies[r >> 54 & 3], (unsigned)(r >> 56) % 9 + 1);
	return (size_t)len;
}

int
main(int argc, char **argv)
{
	const char *stream = NULL;
	uint64_t random = 2026, events;
	char text[512];

	if (argc == 4 && strcmp(argv[2], "--resp") == 0)
		stream = argv[3];
	else if (argc != 2) {
		fputs("usage: gen N [--resp STREAM]\n", stderr);
		return 2;
	}
	events = strtoull(argv[1], NULL, 10);
	for (uint64_t n = 0; n < events; n++) {
		size_t len = make_event(text, sizeof text, n, &random);

		if (stream)
			printf("*5\r\n$4\r\nXADD\r\n$%zu\r\n%s\r\n$1\r\n*\r\n"
			       "$4\r\ndata\r\n$%zu\r\n%s\r\n",
			       strlen(stream), stream, len, text);
		else
			printf("%s\n", text);
	}
	if (fclose(stdout) != 0)
		bench_die("cannot write");
	return 0;
}
