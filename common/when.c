#include <assert.h>
#include <string.h>
#include <time.h>

#include "common/num.h"
#include "common/when.h"

enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS };

/* A day of the proleptic Gregorian calendar. */
struct date {
	int year, month, day;
};

/* What a time of day and its offset from UTC read as. */
struct clock {
	int hour, minute, second, ms, offset_min;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Step over exactly n digits whose value is within min..max. */
static bool
take(const char **at, const char *end, int n, int min, int max, int *value)
{
	*value = 0;
	if (end - *at < n)
		return false;
	for (; n != 0; n--, ++*at) {
		if (!is_digit(**at))
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return *value >= min && *value <= max;
}

/* Step over one of the characters of a set. */
static bool
take_one(const char **at, const char *end, const char *set)
{
	if (*at == end || **at == '\0' || strchr(set, **at) == NULL)
		return false;
	++*at;
	return true;
}

/* Step over digits, at least one, as ms; what is finer is cut. */
static bool
take_fraction(const char **at, const char *end, int *ms)
{
	int scale = 100;

	*ms = 0;
	if (*at == end || !is_digit(**at))
		return false;
	for (; *at < end && is_digit(**at); ++*at) {
		*ms += (**at - '0') * scale;
		scale /= 10;
	}
	return true;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

/*
 * Days since 1970-01-01.  Years are counted from March, so that the leap day is
 * the last one, and from 400 years before year 0, so that all is positive.
 */
static int64_t
days_from_date(struct date d)
{
	int64_t year = d.year + 400 - (d.month <= 2);
	int month = (d.month + 9) % 12;

	return year * 365 + year / 4 - year / 100 + year / 400 +
	       (153 * month + 2) / 5 + d.day - 1 - 719468 - 146097;
}

static struct date
date_from_days(int64_t days)
{
	int64_t left = days + 719468 + 146097;
	int64_t cycle = left / 146097, of_cycle = left % 146097;
	int64_t year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 -
			of_cycle / 146096) /
		       365;
	int64_t of_year = of_cycle - (365 * year + year / 4 - year / 100);
	int month = (int)((5 * of_year + 2) / 153);
	struct date d = { .day = (int)(of_year - (153 * month + 2) / 5 + 1),
			  .month = (month + 2) % 12 + 1 };

	d.year = (int)(cycle * 400 + year - 400 + (d.month <= 2));
	return d;
}

static bool
take_date(const char **at, const char *end, struct date *d)
{
	return take(at, end, 4, 0, 9999, &d->year) && take_one(at, end, "-") &&
	       take(at, end, 2, 1, 12, &d->month) && take_one(at, end, "-") &&
	       take(at, end, 2, 1, days_of_month(d->year, d->month), &d->day);
}

/* Step over "Z" or "+01:30". */
static bool
take_offset(const char **at, const char *end, int *minutes)
{
	int sign, hour, minute;

	*minutes = 0;
	if (take_one(at, end, "Zz"))
		return true;
	sign = *at < end && **at == '-' ? -1 : 1;
	if (!take_one(at, end, "+-") || !take(at, end, 2, 0, 23, &hour) ||
	    !take_one(at, end, ":") || !take(at, end, 2, 0, 59, &minute))
		return false;
	*minutes = sign * (hour * 60 + minute);
	return true;
}

static bool
take_clock(const char **at, const char *end, struct clock *c)
{
	c->ms = 0;
	return take(at, end, 2, 0, 23, &c->hour) && take_one(at, end, ":") &&
	       take(at, end, 2, 0, 59, &c->minute) && take_one(at, end, ":") &&
	       take(at, end, 2, 0, 60, &c->second) &&
	       (!take_one(at, end, ".") || take_fraction(at, end, &c->ms)) &&
	       take_offset(at, end, &c->offset_min);
}

/* Leap seconds end a month of UTC (RFC 3339, 5.7). */
static bool
may_leap(int64_t minute)
{
	return (minute + 1) % (24 * 60) == 0 &&
	       date_from_days((minute + 1) / (24 * 60)).day == 1;
}

/* A date-time with one of `separators` between its date and its time. */
static int
date_time(const char *text, size_t len, const char *separators, int64_t *ms)
{
	const char *at = text, *end = text + len;
	struct date d;
	struct clock c;
	int64_t minute;

	if (!take_date(&at, end, &d) || !take_one(&at, end, separators) ||
	    !take_clock(&at, end, &c) || at != end)
		return -1;
	minute = days_from_date(d) * 24 * 60 + c.hour * 60 + c.minute -
		 c.offset_min;
	if (c.second == 60) {
		if (!may_leap(minute))
			return -1;
		c.second = 59;
	}
	*ms = minute * MINUTE_MS + c.second * 1000 + c.ms;
	return 0;
}

int
when_rfc3339(const char *text, size_t len, int64_t *ms)
{
	return date_time(text, len, "Tt", ms);
}

static bool
parse_date(const char *text, size_t len, int64_t *ms)
{
	const char *at = text, *end = text + len;
	struct date d;

	if (!take_date(&at, end, &d) || at != end)
		return false;
	*ms = days_from_date(d) * DAY_MS;
	return true;
}

/* SECONDS or SECONDS.FRACTION */
static bool
parse_seconds(const char *text, size_t len, int64_t *ms)
{
	const char *end = text + len;
	const char *dot = len != 0 ? memchr(text, '.', len) : NULL;
	const char *at = dot != NULL ? dot + 1 : end;
	uint64_t seconds;
	int part = 0;

	if (num_u64(text, dot != NULL ? (size_t)(dot - text) : len, &seconds) <
	    0)
		return false;
	if (dot != NULL && !take_fraction(&at, end, &part))
		return false;
	if (at != end || seconds > (uint64_t)(INT64_MAX / 1000 - 1))
		return false;
	*ms = (int64_t)seconds * 1000 + part;
	return true;
}

static bool
parse_keyword(const char *text, size_t len, struct when *when)
{
	static const struct {
		const char *name;
		enum when_kind kind;
	} keywords[] = { { "start", WHEN_START },
			 { "end", WHEN_END },
			 { "now", WHEN_AGO } };
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strlen(keywords[i].name) == len &&
		    memcmp(keywords[i].name, text, len) == 0) {
			when->kind = keywords[i].kind;
			return true;
		}
	return false;
}

int
when_parse(const char *text, size_t len, struct when *when)
{
	struct when w = { .kind = WHEN_TIME };

	if (len == 0)
		return -1;
	if (parse_keyword(text, len, &w)) {
		*when = w;
		return 0;
	}
	if (*text == '@') {
		if (!parse_seconds(text + 1, len - 1, &w.ms))
			return -1;
	} else if (memchr(text, '-', len) != NULL &&
		   id_parse(text, len, 0, &w.id) == 0) {
		w.kind = WHEN_ENTRY;
	} else if (date_time(text, len, "Tt ", &w.ms) < 0 &&
		   !parse_date(text, len, &w.ms)) {
		/* "0" is a duration, but as a point in time it says nothing */
		if (len == 1 || num_duration(text, len, &w.ms) < 0)
			return -1;
		w.kind = WHEN_AGO;
	}
	*when = w;
	return 0;
}

bool
when_needs_now(const struct when *when)
{
	return when->kind == WHEN_AGO;
}

/* The point's ms for the two kinds that have one. */
static int64_t
point_ms(const struct when *when, int64_t now_ms)
{
	return when->kind == WHEN_AGO ? now_ms - when->ms : when->ms;
}

struct id
when_first_id(const struct when *when, int64_t now_ms)
{
	int64_t ms;

	switch (when->kind) {
	case WHEN_TIME:
	case WHEN_AGO:
		ms = point_ms(when, now_ms);
		return ms < 0 ? ID_MIN : (struct id){ (uint64_t)ms, 0 };
	case WHEN_ENTRY:
		return when->id;
	case WHEN_END:
		return ID_MAX;
	default:
		return ID_MIN;
	}
}

struct id
when_last_id(const struct when *when, int64_t now_ms)
{
	int64_t ms;

	switch (when->kind) {
	case WHEN_TIME:
	case WHEN_AGO:
		ms = point_ms(when, now_ms);
		return ms < 0 ? ID_MIN
			      : (struct id){ (uint64_t)ms, UINT64_MAX };
	case WHEN_ENTRY:
		return when->id;
	case WHEN_START:
		return ID_MIN;
	default:
		return ID_MAX;
	}
}

/* Write n as exactly `width` digits; returns what is behind them. */
static char *
put_digits(char *out, int n, int width)
{
	int i;

	for (i = width - 1; i >= 0; i--) {
		out[i] = (char)('0' + n % 10);
		n /= 10;
	}
	return out + width;
}

size_t
when_put(char out[WHEN_TEXT], int64_t ms)
{
	const int64_t first = days_from_date((struct date){ 0, 1, 1 }) * DAY_MS;
	const int64_t last =
		days_from_date((struct date){ 9999, 12, 31 }) * DAY_MS +
		DAY_MS - 1;
	int64_t since = (ms < first ? first : ms > last ? last : ms) - first;
	struct date d = date_from_days(first / DAY_MS + since / DAY_MS);
	int of_day = (int)(since % DAY_MS);
	char *at = out;

	at = put_digits(at, d.year, 4);
	*at++ = '-';
	at = put_digits(at, d.month, 2);
	*at++ = '-';
	at = put_digits(at, d.day, 2);
	*at++ = 'T';
	at = put_digits(at, of_day / (60 * MINUTE_MS), 2);
	*at++ = ':';
	at = put_digits(at, of_day / MINUTE_MS % 60, 2);
	*at++ = ':';
	at = put_digits(at, of_day / 1000 % 60, 2);
	*at++ = '.';
	at = put_digits(at, of_day % 1000, 3);
	*at++ = 'Z';
	*at = '\0';
	return (size_t)(at - out);
}

static int64_t
clock_ms(clockid_t id)
{
	struct timespec now;
	int rc = clock_gettime(id, &now);

	assert(rc == 0);
	(void)rc;
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
when_local_now(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t
when_monotonic(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}
