#include <stdint.h>

#include "common/json.h"

/*
 * A number as sign * 0.DIGITS * 10^(point + exponent), whose first digit is not
 * 0.  Neither digits nor exponent are limited, so both stay text.
 */
struct decimal {
	int sign;                        /* -1, 0, 1 */
	const char *digits, *digits_end; /* may hold the decimal point */
	int64_t point;
	const char *exponent, *exponent_end; /* digits only */
	int exponent_sign;
};

/* An exponent further off than this decides, whatever the length of the text. */
static const int64_t FAR = 100000000000000000;

static struct decimal
decimal_of(const struct json_value *value)
{
	const char *at = value->text, *end = at + value->len;
	struct decimal d = { .sign = 1 };
	bool behind_point = false;

	if (at < end && *at == '-') {
		d.sign = -1;
		at++;
	}
	while (at < end && (*at == '0' || *at == '.')) {
		d.point -= behind_point;
		behind_point = behind_point || *at == '.';
		at++;
	}
	for (d.digits = at; at < end && (*at | 0x20) != 'e'; at++) {
		behind_point = behind_point || *at == '.';
		d.point += !behind_point;
	}
	d.digits_end = at;
	d.exponent_sign = 1;
	if (at < end && ++at < end && (*at == '+' || *at == '-'))
		d.exponent_sign = *at++ == '-' ? -1 : 1;
	while (at < end && *at == '0')
		at++;
	d.exponent = at;
	d.exponent_end = end;
	if (d.digits == d.digits_end)
		d.sign = 0;
	return d;
}

static int
digit(const char *at, const char *end, size_t from_right)
{
	return (size_t)(end - at) < from_right ? 0 : *(end - from_right) - '0';
}

/*
 * a's exponent less b's.  Beyond FAR the value is not exact, but its sign is:
 * once the leading digits differ by 3, those behind, which change ten times
 * that by at most 18, can't turn it.
 */
static int64_t
exponent_difference(const struct decimal *a, const struct decimal *b)
{
	size_t a_len = (size_t)(a->exponent_end - a->exponent);
	size_t b_len = (size_t)(b->exponent_end - b->exponent);
	size_t i = a_len > b_len ? a_len : b_len;
	int64_t diff = 0;

	for (; i > 0 && diff < FAR && diff > -FAR; i--)
		diff = diff * 10 +
		       a->exponent_sign *
			       digit(a->exponent, a->exponent_end, i) -
		       b->exponent_sign *
			       digit(b->exponent, b->exponent_end, i);
	return diff;
}

static int
next_digit(const char **at, const char *end)
{
	if (*at < end && **at == '.')
		++*at;
	return *at < end ? *(*at)++ : '0';
}

static int
compare_digits(const struct decimal *a, const struct decimal *b)
{
	const char *x = a->digits, *y = b->digits;

	while (x < a->digits_end || y < b->digits_end) {
		int diff = next_digit(&x, a->digits_end) -
			   next_digit(&y, b->digits_end);

		if (diff != 0)
			return diff;
	}
	return 0;
}

int
json_number_compare(const struct json_value *a, const struct json_value *b)
{
	struct decimal x = decimal_of(a), y = decimal_of(b);
	int64_t diff;

	if (x.sign != y.sign)
		return x.sign - y.sign;
	diff = exponent_difference(&x, &y) + (x.point - y.point);
	if (diff != 0)
		return diff > 0 ? x.sign : -x.sign;
	return x.sign * compare_digits(&x, &y);
}
