/*
 * parser.h - bytes from a Redis server into replies
 *
 * RESP2, whatever its pieces: bytes are fed as they come, replies are taken out
 * in order.  What the server claims is never believed: memory follows the bytes
 * that have really come, and is bounded.  The only user of hiredis.
 */
#ifndef COMMON_PARSER_H
#define COMMON_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/reply.h"

/* Bytes to feed at most at a time: hiredis moves what it has not yet parsed
 * once for every KiB it has, so that large pieces cost in their square. */
enum { PARSER_FEED = 16 << 10 };

struct parser; /* opaque */

/* max_bytes bounds a text that is not whole yet; a reply that is waited for as
 * a whole may take twice as much. */
struct parser *parser_open(size_t max_bytes);
void parser_close(struct parser *p);

/* Forget all bytes and errors, as for a new connection. */
void parser_reset(struct parser *p);

/* Append bytes; they are copied. */
void parser_feed(struct parser *p, const char *bytes, size_t len);

/*
 * The next reply.  Returns 1 with *reply set, 0 if more bytes are needed, -1
 * with parser_error() set if what came is not the protocol or is too large:
 * then only parser_reset() helps.  The reply stays valid until the next call.
 *
 * With part_bytes not 0, a reply that is not whole yet and takes more memory
 * than that is returned too, with complete false, whenever it has grown.  The
 * caller may reply_consume() from it; the next call goes on with the same reply.
 */
int parser_next(struct parser *p, struct reply **reply, size_t part_bytes);

/* Whether all that was fed is in replies that were taken. */
bool parser_is_empty(const struct parser *p);

const char *parser_error(const struct parser *p);

#endif
