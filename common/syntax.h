/*
 * syntax.h - texts whose form other standards fix
 *
 * All of them look at the whole text and at nothing else: no name is resolved
 * and nothing is normalised.  Bytes beyond ASCII are in none of these forms.
 */
#ifndef COMMON_SYNTAX_H
#define COMMON_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/* URI-reference (RFC 3986, section 4.1): absolute or relative, also empty. */
bool syntax_is_uri_reference(const char *text, size_t len);

/* absolute-URI (RFC 3986, section 4.3): with a scheme, without a fragment. */
bool syntax_is_uri(const char *text, size_t len);

/* type/subtype and parameters (RFC 2045, section 5.1); blanks are allowed
 * around the semicolons. */
bool syntax_is_media_type(const char *text, size_t len);

/* Padded base64 (RFC 4648, section 4); empty is. */
bool syntax_is_base64(const char *text, size_t len);

#endif
