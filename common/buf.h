/*
 * buf.h - a growing string of bytes
 *
 * A zeroed struct buf is empty and valid.  The bytes may hold NUL; use len.
 * Buffers are meant to be cleared and used again: clearing keeps the memory.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *data;
	size_t len, cap;
};

/* Make room for `more` bytes behind the last; returns where they go. */
char *buf_reserve(struct buf *b, size_t more);

/* Append bytes, a NUL-terminated string, one byte, a decimal number. */
void buf_add(struct buf *b, const char *text, size_t len);
void buf_adds(struct buf *b, const char *text);
void buf_addc(struct buf *b, char c);
void buf_addu(struct buf *b, uint64_t n);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Append a finite number, as an integer if it is one, else with 9 digits. */
void buf_add_number(struct buf *b, double n);

/* Append valid UTF-8 as a JSON string with its quotes (text_json_escape). */
void buf_add_json(struct buf *b, const char *text, size_t len);

/* Append bytes that may be no text: as that if they are UTF-8, else as
 * {"base64":"…"}. */
void buf_add_json_bytes(struct buf *b, const char *bytes, size_t len);

/* Append bytes as padded base64 (RFC 4648, section 4), without quotes. */
void buf_add_base64(struct buf *b, const char *bytes, size_t len);

/* Append a member's "name": to a JSON object that is being written, behind a comma
 * unless it is the first.  The name needs no escapes. */
void buf_add_name(struct buf *b, const char *name);

/* Append a member with a text, as buf_add_json_bytes(); nothing if that is NULL. */
void buf_add_member(struct buf *b, const char *name, const char *text);

/* End the bytes with a NUL that len does not count; returns them. */
const char *buf_text(struct buf *b);

/* Replace all by these bytes, which are not its own, ended by a NUL as by
 * buf_text(). */
void buf_set(struct buf *b, const char *text, size_t len);

/* Drop the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);

void buf_clear(struct buf *b);
void buf_release(struct buf *b);

#endif
