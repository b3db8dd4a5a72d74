#include <arpa/inet.h>
#include <string.h>

#include "common/schema_state.h"
#include "common/syntax.h"
#include "common/when.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool
is_alnum(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* RFC 3339, section 5.6: a part of a date-time is one with the rest put in its
 * place. */
static bool
is_date_time(const char *text, size_t len)
{
	int64_t ms;

	/* A blank for the T is for people. */
	return len > 10 && (text[10] | 0x20) == 't' &&
	       when_rfc3339(text, len, &ms) == 0;
}

static bool
is_date(const char *text, size_t len)
{
	char whole[] = "0000-00-00T00:00:00Z";
	int64_t ms;

	if (len != 10)
		return false;
	memcpy(whole, text, len);
	return when_rfc3339(whole, sizeof(whole) - 1, &ms) == 0;
}

/* The minutes of an offset, "Z" or "+05:30", that ends the text; false if it is
 * none. */
static bool
take_offset(const char *at, const char *end, int *minutes)
{
	int hour, minute;

	*minutes = 0;
	if (end - at == 1)
		return (*at | 0x20) == 'z';
	if (end - at != 6 || (*at != '+' && *at != '-') || at[3] != ':' ||
	    !is_digit(at[1]) || !is_digit(at[2]) || !is_digit(at[4]) ||
	    !is_digit(at[5]))
		return false;
	hour = (at[1] - '0') * 10 + at[2] - '0';
	minute = (at[4] - '0') * 10 + at[5] - '0';
	*minutes = (hour * 60 + minute) * (*at == '-' ? -1 : 1);
	return hour < 24 && minute < 60;
}

/* full-time; a leap second is the last of a day in UTC. */
static bool
is_time(const char *text, size_t len)
{
	const char *at = text + 8, *end = text + len;
	int part[3], i, offset;

	if (len < 9 || text[2] != ':' || text[5] != ':')
		return false;
	for (i = 0; i < 3; i++) {
		const char *two = text + i * 3;

		if (!is_digit(two[0]) || !is_digit(two[1]))
			return false;
		part[i] = (two[0] - '0') * 10 + two[1] - '0';
	}
	if (*at == '.') {
		if (++at == end || !is_digit(*at))
			return false;
		while (at < end && is_digit(*at))
			at++;
	}
	if (!take_offset(at, end, &offset) || part[0] > 23 || part[1] > 59 ||
	    part[2] > 60)
		return false;
	return part[2] < 60 ||
	       (part[0] * 60 + part[1] - offset + 1440) % 1440 == 1439;
}

/* Units in this order, each at most once and one at least; without gaps if they
 * must be `dense` (RFC 3339, appendix A: hours and seconds need the minutes). */
static const char *
take_units(const char *at, const char *end, const char *units, bool dense,
	   bool *any)
{
	const char *last = NULL;

	*any = false;
	while (at < end && is_digit(*at)) {
		const char *unit;

		while (at < end && is_digit(*at))
			at++;
		if (at == end || (unit = strchr(units, *at)) == NULL ||
		    *at == '\0')
			return NULL;
		if (last != NULL &&
		    (unit <= last || (dense && unit != last + 1)))
			return NULL;
		last = unit;
		at++;
		*any = true;
	}
	return at;
}

/* RFC 3339, appendix A. */
static bool
is_duration(const char *text, size_t len)
{
	const char *at = text + 1, *end = text + len;
	bool date, time;

	if (len < 3 || *text != 'P')
		return false;
	if (end[-1] == 'W') {
		while (at < end - 1 && is_digit(*at))
			at++;
		return at == end - 1;
	}
	at = take_units(at, end, "YMD", true, &date);
	if (at == NULL)
		return false;
	if (at == end)
		return date;
	if (*at++ != 'T')
		return false;
	at = take_units(at, end, "HMS", true, &time);
	return at == end && time;
}

static bool
is_uuid(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-'
							    : !is_hex(text[i]))
			return false;
	return len == 36;
}

static bool
is_uri(const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	size_t hash = 0;

	while (hash < len && text[hash] != '#')
		hash++;
	return colon != NULL && syntax_is_uri(text, hash) &&
	       syntax_is_uri_reference(text, len);
}

static bool
is_ipv4(const char *text, size_t len)
{
	char copy[INET_ADDRSTRLEN] = { 0 };
	struct in_addr address;

	if (len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(copy, text, len);
	return inet_pton(AF_INET, copy, &address) == 1;
}

static bool
is_ipv6(const char *text, size_t len)
{
	char copy[INET6_ADDRSTRLEN] = { 0 };
	struct in6_addr address;

	if (len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(copy, text, len);
	return inet_pton(AF_INET6, copy, &address) == 1;
}

/* RFC 1123, section 2.1: labels of letters, digits and hyphens within.  A label
 * with hyphens in the third and fourth place is an A-label (RFC 5890), or no
 * label at all. */
static bool
is_label(const char *at, size_t len)
{
	size_t i;

	if (len == 0 || len > 63 || at[0] == '-' || at[len - 1] == '-')
		return false;
	for (i = 0; i < len; i++)
		if (!is_alnum(at[i]) && at[i] != '-')
			return false;
	if (len < 4 || at[2] != '-' || at[3] != '-')
		return true;
	return len > 4 && (at[0] | 0x20) == 'x' && (at[1] | 0x20) == 'n';
}

static bool
is_hostname(const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	if (len == 0 || len > 253)
		return false;
	for (;;) {
		const char *dot = memchr(at, '.', (size_t)(end - at));
		const char *stop = dot != NULL ? dot : end;

		if (!is_label(at, (size_t)(stop - at)))
			return false;
		if (dot == NULL)
			return true;
		at = dot + 1;
	}
}

static bool
is_atext(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* RFC 5321, section 4.1.2: Local-part. */
static bool
is_local_part(const char *at, size_t len)
{
	size_t i;

	if (len == 0 || len > 64)
		return false;
	if (*at == '"') {
		for (i = 1; i + 1 < len; i++) {
			if (at[i] == '"')
				return false;
			if (at[i] == '\\')
				i++;
			if ((unsigned char)at[i] < ' ' ||
			    (unsigned char)at[i] > '~')
				return false;
		}
		return len > 2 && i + 1 == len && at[i] == '"';
	}
	for (i = 0; i < len; i++)
		if (at[i] == '.' ? i == 0 || i + 1 == len || at[i + 1] == '.'
				 : !is_atext(at[i]))
			return false;
	return true;
}

static bool
is_email(const char *text, size_t len)
{
	size_t at = len;
	const char *host;

	while (at > 0 && text[at - 1] != '@')
		at--;
	if (at == 0 || !is_local_part(text, at - 1))
		return false;
	host = text + at;
	len -= at;
	if (len < 2 || *host != '[')
		return is_hostname(host, len);
	if (host[len - 1] != ']')
		return false;
	host++;
	len -= 2;
	if (len > 5 && memcmp(host, "IPv6:", 5) == 0)
		return is_ipv6(host + 5, len - 5);
	return is_ipv4(host, len);
}

/* RFC 6901. */
static bool
is_json_pointer(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] == '~' && (i + 1 == len || (text[i + 1] != '0' &&
							text[i + 1] != '1')))
			return false;
	return len == 0 || *text == '/';
}

static bool
is_relative_json_pointer(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && is_digit(text[i]))
		i++;
	if (i == 0 || (i > 1 && *text == '0'))
		return false;
	if (i + 1 == len && text[i] == '#')
		return true;
	return is_json_pointer(text + i, len - i);
}

const struct schema_format *
schema_format_find(const char *name, size_t len)
{
	static const struct schema_format formats[] = {
		{ "date-time", is_date_time },
		{ "date", is_date },
		{ "time", is_time },
		{ "duration", is_duration },
		{ "uuid", is_uuid },
		{ "uri", is_uri },
		{ "uri-reference", syntax_is_uri_reference },
		{ "email", is_email },
		{ "hostname", is_hostname },
		{ "ipv4", is_ipv4 },
		{ "ipv6", is_ipv6 },
		{ "json-pointer", is_json_pointer },
		{ "relative-json-pointer", is_relative_json_pointer },
		{ "regex", schema_pattern_is_valid },
	};
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (strlen(formats[i].name) == len &&
		    memcmp(formats[i].name, name, len) == 0)
			return &formats[i];
	return NULL;
}
