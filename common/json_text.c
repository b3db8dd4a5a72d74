#include <string.h>

#include "common/json.h"
#include "common/text.h"

enum {
	REPLACEMENT = 0xfffd,
	LEAD = 0xd800, /* surrogates: LEAD.. come first, TRAIL.. second */
	TRAIL = 0xdc00,
	SURROGATES_END = 0xe000
};

static unsigned
hex4(const char *s)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < 4; i++)
		n = n * 16 + ((unsigned)s[i] & 15) + (s[i] > '9' ? 9 : 0);
	return n;
}

/* The code point of a \uXXXX at *at, or of a pair of them; steps over it. */
static unsigned
unescape_u(const char **at, const char *end)
{
	unsigned code = hex4(*at + 2), next;

	*at += 6;
	if (code < LEAD || code >= SURROGATES_END)
		return code;
	if (code >= TRAIL || end - *at < 6 || (*at)[0] != '\\' ||
	    (*at)[1] != 'u')
		return REPLACEMENT;
	next = hex4(*at + 2);
	if (next < TRAIL || next >= SURROGATES_END)
		return REPLACEMENT;
	*at += 6;
	return 0x10000 + ((code - LEAD) << 10) + (next - TRAIL);
}

/* What the checked escape at *at stands for, as UTF-8; returns its length. */
static size_t
unescape(const char **at, const char *end, char out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char c = (*at)[1];
	const char *known;

	if (c == 'u')
		return text_utf8_put(out, unescape_u(at, end));
	*at += 2;
	known = memchr(from, c, sizeof(from) - 1);
	out[0] = known != NULL ? to[known - from] : c;
	return 1;
}

/* The first backslash of at..end, else end. */
static const char *
find_escape(const char *at, const char *end)
{
	const char *found =
		at < end ? memchr(at, '\\', (size_t)(end - at)) : NULL;

	return found != NULL ? found : end;
}

size_t
json_unescape(char *out, const char *text, size_t len)
{
	const char *at, *end = text + len, *stop;
	char *to = out;

	for (at = text; at < end; at = stop) {
		stop = find_escape(at, end);
		memcpy(to, at, (size_t)(stop - at));
		to += stop - at;
		if (stop < end)
			to += unescape(&stop, end, to);
	}
	return (size_t)(to - out);
}

void
json_text(const struct json_value *value, struct buf *tmp, const char **text,
	  size_t *len)
{
	buf_clear(tmp);
	*text = value->text != NULL ? value->text : "";
	*len = value->len;
	if (value->type != JSON_STRING)
		return;
	++*text;
	*len -= 2;
	if (find_escape(*text, *text + *len) == *text + *len)
		return;
	tmp->len = json_unescape(buf_reserve(tmp, *len), *text, *len);
	*text = tmp->data;
	*len = tmp->len;
}

bool
json_key_is(const struct json_member *m, const char *name, size_t len)
{
	const char *at = m->key, *end = at + m->key_len;
	char bytes[4];

	if (!m->key_escaped)
		return m->key_len == len && memcmp(at, name, len) == 0;
	while (at < end) {
		const char *stop = find_escape(at, end);
		size_t n = (size_t)(stop - at);

		if (n == 0) {
			n = unescape(&stop, end, bytes);
			at = bytes;
		}
		if (n > len || memcmp(at, name, n) != 0)
			return false;
		name += n;
		len -= n;
		at = stop;
	}
	return len == 0;
}
