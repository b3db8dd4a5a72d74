#include <string.h>

#include "common/num.h"

static const struct unit {
	const char *name;
	int64_t ms;
} units[] = {
	{ "w", 7 * 24 * 3600 * 1000LL },
	{ "d", 24 * 3600 * 1000LL },
	{ "h", 3600 * 1000LL },
	{ "m", 60 * 1000LL },
	{ "s", 1000LL },
	{ "ms", 1LL },
};
enum { UNITS = sizeof(units) / sizeof(units[0]) };

/* Read digits at *at into *value; -1 if there are none or they don't fit. */
static int
digits(const char **at, const char *end, uint64_t *value)
{
	const char *s = *at;
	uint64_t n = 0;

	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		unsigned d = (unsigned)(*s - '0');

		if (n > (UINT64_MAX - d) / 10)
			return -1;
		n = n * 10 + d;
	}
	if (s == *at)
		return -1;
	*at = s;
	*value = n;
	return 0;
}

int
num_u64(const char *text, size_t len, uint64_t *value)
{
	const char *at = text;

	if (len == 0)
		return -1;
	return digits(&at, text + len, value) < 0 || at != text + len ? -1 : 0;
}

/* The unit at *at that is smaller than unit number `above`, or -1. */
static int
unit_at(const char **at, const char *end, int above)
{
	size_t len = 0;
	int i;

	while (*at + len < end && (*at)[len] >= 'a' && (*at)[len] <= 'z')
		len++;
	for (i = above + 1; i < UNITS; i++)
		if (strlen(units[i].name) == len &&
		    memcmp(units[i].name, *at, len) == 0) {
			*at += len;
			return i;
		}
	return -1;
}

/* Read ".5" at *at as millionths; a longer fraction is cut. */
static int
fraction(const char **at, const char *end, int64_t *millionths)
{
	int64_t scale = 100000;

	*millionths = 0;
	if (*at == end || **at != '.')
		return 0;
	if (++*at == end || **at < '0' || **at > '9')
		return -1;
	for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
		*millionths += (**at - '0') * scale;
		scale /= 10;
	}
	return 0;
}

int
num_duration(const char *text, size_t len, int64_t *ms)
{
	const char *at = text, *end;
	int64_t total = 0;
	int unit = -1;

	if (len == 1 && *text == '0') {
		*ms = 0;
		return 0;
	}
	if (len == 0)
		return -1;
	end = text + len;
	while (at < end) {
		uint64_t whole;
		int64_t part, size, left = INT64_MAX - total;

		if (digits(&at, end, &whole) < 0 ||
		    fraction(&at, end, &part) < 0)
			return -1;
		unit = unit_at(&at, end, unit);
		if (unit < 0)
			return -1;
		size = units[unit].ms;
		if (whole > (uint64_t)(left / size))
			return -1;
		left -= (int64_t)whole * size;
		part = part * (size / 1000) / 1000 +
		       part * (size % 1000) / 1000000;
		if (part > left)
			return -1;
		total = INT64_MAX - left + part;
	}
	*ms = total;
	return 0;
}

int
num_size(const char *text, size_t len, uint64_t *bytes)
{
	static const char suffixes[] = "kKmMgGtT";
	const char *at = text, *end, *suffix;
	unsigned shift;

	if (len == 0)
		return -1;
	end = text + len;
	if (digits(&at, end, bytes) < 0)
		return -1;
	if (at == end)
		return 0;
	suffix = memchr(suffixes, *at, sizeof(suffixes) - 1);
	if (suffix == NULL || at + 1 != end)
		return -1;
	shift = 10 * (unsigned)((suffix - suffixes) / 2 + 1);
	if (*bytes > UINT64_MAX >> shift)
		return -1;
	*bytes <<= shift;
	return 0;
}

size_t
num_put(char out[NUM_TEXT], uint64_t n)
{
	char tail[NUM_TEXT];
	size_t len = 0, i;

	do {
		tail[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	for (i = 0; i < len; i++)
		out[i] = tail[len - 1 - i];
	return len;
}

const char *
num_put_duration(char out[NUM_DURATION_TEXT], int64_t ms)
{
	size_t len = 0;
	int i;

	for (i = 1; i < UNITS; i++) { /* days are the largest: 14d, not 2w */
		int64_t n = ms / units[i].ms;

		if (n == 0)
			continue;
		len += num_put(out + len, (uint64_t)n);
		memcpy(out + len, units[i].name, strlen(units[i].name));
		len += strlen(units[i].name);
		ms -= n * units[i].ms;
	}
	if (len == 0) {
		memcpy(out, "0s", 2);
		len = 2;
	}
	out[len] = '\0';
	return out;
}
