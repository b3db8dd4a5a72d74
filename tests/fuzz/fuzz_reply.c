/*
 * fuzz_reply - arbitrary bytes from a server, in pieces of any size
 *
 * The first byte is the size of the pieces, the second what a part may hold
 * (0: whole replies only), the rest comes from the server.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/parser.h"
#include "common/reply.h"

enum { MAX_BYTES = 64 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at(const struct reply *r, size_t i)
{
	char words[40];
	struct id id;
	int64_t n;
	size_t len;

	assert(reply_skip(r, i) > i && reply_skip(r, i) <= r->count);
	assert(reply_field(r, i, "a") < r->count);
	reply_fault(r, i);
	reply_complaint(r, i, words, sizeof(words));
	assert(strlen(words) < sizeof(words));
	if (reply_id(r, i, &id) == 0 || reply_number(r, i, &n) == 0)
		assert(!reply_is(r, i, REPLY_ARRAY));
	if (reply_is(r, i, REPLY_STRING))
		assert(reply_text(r, i, &len)[len] == '\0');
}

/* A whole reply is one element and nothing behind it, unless its front was
 * consumed in parts. */
static void
walk(struct reply *r, size_t part_bytes)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		look_at(r, i);
	if (r->complete && part_bytes == 0)
		assert(r->count != 0 && reply_skip(r, 0) == r->count);
	if (!r->complete)
		reply_consume(r, r->count / 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parser *p;
	struct reply *r;
	size_t piece, part_bytes;

	if (size < 2)
		return 0;
	piece = (size_t)data[0] + 1;
	part_bytes = data[1];
	p = parser_open(MAX_BYTES);
	for (data += 2, size -= 2; size != 0;) {
		size_t len = size < piece ? size : piece;
		int rc;

		parser_feed(p, (const char *)data, len);
		while ((rc = parser_next(p, &r, part_bytes)) == 1)
			walk(r, part_bytes);
		if (rc < 0) {
			assert(parser_error(p)[0] != '\0');
			parser_reset(p);
		}
		data += len;
		size -= len;
	}
	parser_close(p);
	return 0;
}
