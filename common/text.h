/*
 * text.h - bytes that claim to be text: UTF-8, escapes, globs
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the longest prefix that is whole, valid UTF-8 (RFC 3629: no
 * surrogates, nothing overlong, nothing above U+10FFFF). */
size_t text_utf8_prefix(const char *text, size_t len);

/* Length of the first character of valid UTF-8; 0 if len is 0. */
size_t text_utf8_len(const char *text, size_t len);

/* Write code point `code` (at most 0x10ffff) as UTF-8; returns its length. */
size_t text_utf8_put(char out[4], unsigned code);

/*
 * Whether the character of valid UTF-8 in text[0..len) could drive a terminal
 * or reorder its line: C0, DEL, C1 and the bidi controls of Unicode.
 */
bool text_is_control(const char *text, size_t len);

/*
 * Write one character of valid UTF-8 as it must stand in a JSON string:
 * itself, or a two-byte or \u escape where RFC 8259 or text_is_control() asks
 * for one.  Returns the number of bytes written, at most 6.
 */
size_t text_json_escape(char out[6], const char *text, size_t len);

/* Whether a name holds one of the glob characters * ? [ that is not escaped. */
bool text_is_glob(const char *pattern);

/*
 * Match bytes against a glob as Redis' KEYS does: * any bytes, ? one byte,
 * [a-z] and [^a-z] classes, \x the byte x.  Takes time in proportion to
 * strlen(pattern) * len at most.
 */
bool text_glob(const char *pattern, const char *text, size_t len);

/*
 * Write the text of a URL with its password (scheme://[user]:password@…)
 * replaced by ***, cut to size (at least 1) and NUL-terminated.  Malformed URLs
 * are masked too: as much is taken for the password as could be meant.
 */
void text_mask_url(char *out, size_t size, const char *url);

/* Whether text_mask_url() would replace something. */
bool text_url_has_password(const char *url);

#endif
