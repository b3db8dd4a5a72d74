/*
 * digest.h - SHA-256 of bytes, for keys that must not collide (OpenSSL)
 */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <stddef.h>

enum { DIGEST_TEXT = 65 };

/* Write the digest in lower-case hexadecimal, NUL-terminated. */
void digest_hex(char out[DIGEST_TEXT], const char *bytes, size_t len);

#endif
