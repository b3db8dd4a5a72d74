#include <stdio.h>

#include "common/reason.h"

enum { SHOWN = 60 };

/* How much of valid UTF-8 is shown, in whole characters. */
static int
shown(const char *text, size_t len)
{
	if (len <= SHOWN)
		return (int)len;
	len = SHOWN;
	while (len != 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return (int)len;
}

static const char *
ellipsis(size_t len)
{
	return len <= SHOWN ? "" : "…";
}

int
reason_put(char *out, size_t size, const char *name, size_t name_len,
	   const struct json_value *value, const char *what)
{
	if (value == NULL)
		snprintf(out, size, "%.*s%s: %s", shown(name, name_len), name,
			 ellipsis(name_len), what);
	else
		snprintf(out, size, "%.*s%s: %.*s%s %s", shown(name, name_len),
			 name, ellipsis(name_len),
			 shown(value->text, value->len), value->text,
			 ellipsis(value->len), what);
	return -1;
}
