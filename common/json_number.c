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

/* A number as sign * DIGITS * 10^exponent: DIGITS without zeros at either end,
 * but perhaps with the point; an exponent beyond FAR is cut there. */
struct whole {
	int sign;
	const char *digits, *digits_end;
	size_t count; /* of digits */
	int64_t exponent;
};

static int64_t
exponent_of(const struct decimal *d)
{
	const char *at;
	int64_t value = 0;

	for (at = d->exponent; at < d->exponent_end && value < FAR; at++)
		value = value * 10 + (*at - '0');
	return d->exponent_sign * value;
}

static struct whole
whole_of(const struct json_value *value)
{
	struct decimal d = decimal_of(value);
	struct whole w = { d.sign, d.digits, d.digits_end, 0, 0 };
	const char *at;

	while (w.digits_end > w.digits &&
	       (w.digits_end[-1] == '0' || w.digits_end[-1] == '.'))
		w.digits_end--;
	for (at = w.digits; at < w.digits_end; at++)
		w.count += *at != '.';
	w.exponent = exponent_of(&d) + d.point - (int64_t)w.count;
	return w;
}

bool
json_number_is_whole(const struct json_value *number)
{
	struct whole w = whole_of(number);

	return w.sign == 0 || w.exponent >= 0;
}

size_t
json_number_digits(const struct json_value *number)
{
	return whole_of(number).count;
}

uint64_t
json_number_hash(const struct json_value *number)
{
	struct whole w = whole_of(number);
	uint64_t hash = 0xcbf29ce484222325;
	const char *at;

	if (w.sign == 0)
		return hash;
	for (at = w.digits; at < w.digits_end; at++)
		if (*at != '.')
			hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
	/* What is further off was cut, and not everywhere at the same digit. */
	if (w.exponent > -FAR / 2 && w.exponent < FAR / 2)
		hash = (hash ^ (uint64_t)w.exponent) * 0x100000001b3;
	return w.sign < 0 ? ~hash : hash;
}

/* A remainder and its divisor, in limbs of nine digits, the lowest first; the
 * remainder has one more for what ten times as much takes. */
enum { LIMB = 1000000000, LIMBS = JSON_DIVISOR_DIGITS / 9 };
struct remainder {
	uint32_t of[LIMBS + 1], rest[LIMBS + 1];
	size_t limbs;
};

static void
times_ten(uint32_t *n, size_t limbs, int plus)
{
	uint64_t carry = (uint64_t)plus;
	size_t i;

	for (i = 0; i < limbs; i++) {
		carry += (uint64_t)n[i] * 10;
		n[i] = (uint32_t)(carry % LIMB);
		carry /= LIMB;
	}
}

static bool
subtract(struct remainder *r)
{
	uint32_t left[LIMBS + 1];
	int64_t borrow = 0;
	size_t i;

	for (i = 0; i < r->limbs; i++) {
		borrow += (int64_t)r->rest[i] - r->of[i];
		left[i] = (uint32_t)(borrow < 0 ? borrow + LIMB : borrow);
		borrow = borrow < 0 ? -1 : 0;
	}
	if (borrow < 0)
		return false;
	for (i = 0; i < r->limbs; i++)
		r->rest[i] = left[i];
	return true;
}

/* One step of a long division. */
static void
take_digit(struct remainder *r, int value)
{
	times_ten(r->rest, r->limbs, value);
	while (subtract(r))
		;
}

bool
json_number_is_multiple(const struct json_value *number,
			const struct json_value *of)
{
	struct whole n = whole_of(number), d = whole_of(of);
	int64_t zeros = n.exponent - d.exponent;
	struct remainder r = { .limbs = d.count / 9 + 2 };
	const char *at;
	size_t i;

	if (n.sign == 0)
		return true;
	/* n's last digit is not 0, so that 10 does not divide it. */
	if (d.sign == 0 || d.count > JSON_DIVISOR_DIGITS || zeros < 0)
		return false;
	if (r.limbs > LIMBS + 1)
		r.limbs = LIMBS + 1;
	for (at = d.digits; at < d.digits_end; at++)
		if (*at != '.')
			times_ten(r.of, r.limbs, *at - '0');
	for (at = n.digits; at < n.digits_end; at++)
		if (*at != '.')
			take_digit(&r, *at - '0');
	/* Each 10 takes a 2 and a 5 out of what is left of the divisor, which has
	 * less than four of them for each of its digits. */
	if ((uint64_t)zeros > 4 * d.count)
		zeros = 4 * (int64_t)d.count;
	for (; zeros > 0; zeros--)
		take_digit(&r, 0);
	for (i = 0; i < r.limbs; i++)
		if (r.rest[i] != 0)
			return false;
	return true;
}
