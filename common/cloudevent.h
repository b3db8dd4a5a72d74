/*
 * cloudevent.h - checking CloudEvents
 *
 * Source: CloudEvents 1.0.2, core specification and JSON event format.
 */
#ifndef COMMON_CLOUDEVENT_H
#define COMMON_CLOUDEVENT_H

#include <stddef.h>

#include "common/buf.h"
#include "common/json.h"

/*
 * Check the top-level members of a scanned object as a CloudEvent:
 *
 * - specversion is "1.0"; id, source, type and specversion are there, strings
 *   and not empty; no attribute stands twice (section 3.1), nor does data
 * - names are of a-z and 0-9; data and data_base64 exclude each other
 * - subject is not empty; time is RFC 3339; source is a URI-reference and
 *   dataschema an absolute URI, which has no fragment (RFC 3986); both are
 *   not empty; datacontenttype is a media type (RFC 2046)
 * - extensions are strings, booleans or integers of 32 bits (section 3, type
 *   system); strings hold no control characters, surrogates or noncharacters
 * - null means unset, for optional attributes and data alike (JSON format 2.2)
 * - data_base64 is a string of RFC 4648 base64
 *
 * A wrong specversion is told first, then the first member that is wrong, then
 * what is missing.  Returns 0, or -1 with the attribute's name, its value and
 * what is wrong with it in error, NUL-terminated and cut to size.  tmp is room
 * to work in.  Takes time in proportion to n log n for n extensions.
 */
int cloudevent_check(const struct json_doc *doc, char *error, size_t size,
		     struct buf *tmp);

#endif
