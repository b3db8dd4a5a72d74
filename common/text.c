#include <stdio.h>
#include <string.h>

#include "common/text.h"

/* Bytes are compared as numbers from 0 to 255. */
typedef unsigned char byte;

static bool
is_tail(byte c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the valid character at s, 0 if there is none (RFC 3629, 4). */
static size_t
utf8_char(const byte *s, size_t left)
{
	byte c = s[0];

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4 || left < 2 || !is_tail(s[1]))
		return 0;
	if (c < 0xe0)
		return 2;
	if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) ||
	    (c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f))
		return 0;
	if (left < 3 || !is_tail(s[2]))
		return 0;
	if (c < 0xf0)
		return 3;
	return left >= 4 && is_tail(s[3]) ? 4 : 0;
}

size_t
text_utf8_prefix(const char *text, size_t len)
{
	const byte *s = (const byte *)text;
	size_t done = 0;

	while (done < len) {
		size_t n = utf8_char(s + done, len - done);

		if (n == 0)
			break;
		done += n;
	}
	return done;
}

size_t
text_utf8_len(const char *text, size_t len)
{
	return len == 0 ? 0 : utf8_char((const byte *)text, len);
}

size_t
text_utf8_put(char out[4], unsigned code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* The code point of a valid character of at most three bytes, else 0. */
static unsigned
code_point(const char *text, size_t len)
{
	const byte *s = (const byte *)text;

	switch (len) {
	case 1:
		return s[0];
	case 2:
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	case 3:
		return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 |
		       (s[2] & 0x3fu);
	default:
		return 0x10000; /* none of these is a control */
	}
}

bool
text_is_control(const char *text, size_t len)
{
	unsigned c = code_point(text, len);

	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
	       c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

size_t
text_json_escape(char out[6], const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *two =
		len == 1 && *text != '\0' ? strchr(from, *text) : NULL;
	unsigned c;

	if (two != NULL) {
		out[0] = '\\';
		out[1] = to[two - from];
		return 2;
	}
	if (!text_is_control(text, len)) {
		memcpy(out, text, len);
		return len;
	}
	c = code_point(text, len);
	out[0] = '\\';
	out[1] = 'u';
	out[2] = hex[c >> 12 & 15];
	out[3] = hex[c >> 8 & 15];
	out[4] = hex[c >> 4 & 15];
	out[5] = hex[c & 15];
	return 6;
}

bool
text_is_glob(const char *pattern)
{
	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '\\' && pattern[1] != '\0')
			pattern++;
		else if (strchr("*?[", *pattern) != NULL)
			return true;
	}
	return false;
}

/*
 * Match one byte against the pattern element at *p and step over the element.
 * An unclosed class ends with the pattern, as in Redis.
 */
static bool
match_one(const char **p, byte c)
{
	const char *s = *p;
	bool negated, hit = false;

	if (*s != '[') {
		if (*s == '\\' && s[1] != '\0')
			s++;
		hit = *s == '?' && s == *p ? true : (byte)*s == c;
		*p = s + 1;
		return hit;
	}
	negated = *++s == '^';
	if (negated)
		s++;
	while (*s != '\0' && *s != ']') {
		byte low = (byte)*s, high = low;

		if (*s == '\\' && s[1] != '\0') {
			low = high = (byte) * ++s;
		} else if (s[1] == '-' && s[2] != '\0') {
			s += 2;
			high = (byte)*s;
		}
		s++;
		if (low > high) {
			byte swap = low;

			low = high;
			high = swap;
		}
		hit = hit || (c >= low && c <= high);
	}
	*p = *s == ']' ? s + 1 : s;
	return hit != negated;
}

/* On a mismatch only the last star needs to take one byte more: whatever an
 * earlier star could reach, the later one can as well. */
bool
text_glob(const char *pattern, const char *text, size_t len)
{
	const char *star = NULL, *end, *retry;

	if (len == 0)
		text = ""; /* it may be NULL */
	retry = text;
	end = text + len;
	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
			continue;
		}
		if (text == end && *pattern == '\0')
			return true;
		if (text < end && *pattern != '\0' &&
		    match_one(&pattern, (byte)*text)) {
			text++;
			continue;
		}
		if (star == NULL || retry == end)
			return false;
		pattern = star;
		text = ++retry;
	}
}

/*
 * From the first colon to the last @.  Only the path of a unix socket, which
 * may hold both, is known to be none of it.  Returns where the password
 * starts, with *end behind it; NULL if there is none.
 */
static const char *
find_password(const char *url, const char **end)
{
	const char *rest = strstr(url, "://"), *colon, *path;

	if (*url == '/')
		return NULL;
	rest = rest != NULL ? rest + 3 : url;
	colon = strchr(rest, ':');
	*end = strrchr(rest, '@');
	path = strstr(rest, "@/");
	if (strncmp(url, "unix://", 7) == 0) {
		if (*rest == '/')
			return NULL;
		if (path != NULL)
			*end = path;
	}
	if (colon == NULL || *end == NULL || *end <= colon + 1)
		return NULL;
	return colon + 1;
}

void
text_mask_url(char *out, size_t size, const char *url)
{
	const char *end, *password = find_password(url, &end);

	if (password == NULL)
		snprintf(out, size, "%s", url);
	else
		snprintf(out, size, "%.*s***%s", (int)(password - url), url,
			 end);
}

bool
text_url_has_password(const char *url)
{
	const char *end;

	return find_password(url, &end) != NULL;
}
