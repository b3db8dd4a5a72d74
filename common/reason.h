/*
 * reason.h - why a value was refused, in one line
 */
#ifndef COMMON_REASON_H
#define COMMON_REASON_H

#include <stddef.h>

#include "common/json.h"

/*
 * Write `name: value what`, NUL-terminated and cut to size, where what is
 * "is not …".  A name or value of more than about 60 bytes is cut, with an
 * ellipsis; their bytes stand as in the document, so diag must neutralise them.
 * Without a value (NULL) it reads `name: what`.  Returns -1, for the caller to
 * return.
 */
int reason_put(char *out, size_t size, const char *name, size_t name_len,
	       const struct json_value *value, const char *what);

#endif
