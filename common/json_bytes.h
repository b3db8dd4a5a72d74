/*
 * json_bytes.h - the bytes of JSON, one and a block at a time
 *
 * Private to json*.c.  A block is what one load takes in: 16 bytes with SSE2,
 * else 8.  The block_*() masks hold BLOCK_BITS bits for each byte, the lowest
 * for the first, and are exact: no byte is marked for its neighbour's sake.
 */
#ifndef COMMON_JSON_BYTES_H
#define COMMON_JSON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/json.h"

#define JSON_INLINE static inline __attribute__((always_inline))

#ifdef __SSE2__
#include <emmintrin.h>

enum { BLOCK = 16, BLOCK_BITS = 1 };
typedef __m128i block;

JSON_INLINE block
block_load(const char *s)
{
	return _mm_loadu_si128((const __m128i *)(const void *)s);
}

JSON_INLINE block
block_is(block b, char c)
{
	return _mm_cmpeq_epi8(b, _mm_set1_epi8(c));
}

/* As signed numbers the bytes of multibyte characters are below zero. */
JSON_INLINE block
block_is_odd(block b)
{
	return _mm_cmplt_epi8(b, _mm_set1_epi8(0x20));
}

JSON_INLINE block
block_lower(block b)
{
	return _mm_or_si128(b, _mm_set1_epi8(0x20));
}

JSON_INLINE block
block_or(block a, block b)
{
	return _mm_or_si128(a, b);
}

JSON_INLINE uint64_t
block_mask(block b)
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(b);
}
#else
enum { BLOCK = 8, BLOCK_BITS = 8 };
typedef uint64_t block;

static const block BLOCK_ONES = 0x0101010101010101;
static const block BLOCK_HIGH = 0x8080808080808080;

JSON_INLINE block
block_load(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	return (block)s[0] | (block)s[1] << 8 | (block)s[2] << 16 |
	       (block)s[3] << 24 | (block)s[4] << 32 | (block)s[5] << 40 |
	       (block)s[6] << 48 | (block)s[7] << 56;
}

/* Adding 0x7f carries into a byte's high bit, and no further, unless its low
 * bits are all 0. */
JSON_INLINE block
block_is_zero(block b)
{
	return ~(((b & ~BLOCK_HIGH) + ~BLOCK_HIGH) | b) & BLOCK_HIGH;
}

JSON_INLINE block
block_is(block b, char c)
{
	return block_is_zero(b ^ BLOCK_ONES * (unsigned char)c);
}

JSON_INLINE block
block_is_odd(block b)
{
	return block_is_zero(b & BLOCK_ONES * 0xe0) | (b & BLOCK_HIGH);
}

JSON_INLINE block
block_lower(block b)
{
	return b | BLOCK_ONES * 0x20;
}

JSON_INLINE block
block_or(block a, block b)
{
	return a | b;
}

JSON_INLINE uint64_t
block_mask(block b)
{
	return b;
}
#endif

/* Where in a string a run of plain bytes ends: a quote, a backslash, a control
 * character, a character of several bytes. */
JSON_INLINE uint64_t
block_stops(const char *s)
{
	block b = block_load(s);

	return block_mask(
		block_or(block_or(block_is(b, '"'), block_is(b, '\\')),
			 block_is_odd(b)));
}

/* Where in a checked string its end may be. */
JSON_INLINE uint64_t
block_quotes(const char *s)
{
	block b = block_load(s);

	return block_mask(block_or(block_is(b, '"'), block_is(b, '\\')));
}

/* Where in a checked value a string or a nested value begins or ends.  Bit 5
 * alone tells [ from { and ] from }. */
JSON_INLINE uint64_t
block_brackets(const char *s)
{
	block b = block_load(s), low = block_lower(b);

	return block_mask(
		block_or(block_is(b, '"'),
			 block_or(block_is(low, '{'), block_is(low, '}'))));
}

/* How many bytes stand before the first that is marked. */
JSON_INLINE size_t
block_first(uint64_t mask)
{
	return (size_t)(unsigned)__builtin_ctzll(mask) / BLOCK_BITS;
}

/* The first byte of at..end that is marked, else end, in less than a block. */
static __attribute__((noinline, unused)) const char *
block_find_short(uint64_t (*marks)(const char *), const char *at,
		 const char *end)
{
	char copy[BLOCK] = { 0 };
	size_t left = (size_t)(end - at), i;
	uint64_t mask;

	for (i = 0; i < left; i++)
		copy[i] = at[i];
	mask = marks(copy);
	i = mask != 0 ? block_first(mask) : left;
	return i < left ? at + i : end;
}

/*
 * The first byte of at..end that the mask function marks, else end.  Nothing
 * outside text..end is read: what is left behind the last whole block is looked
 * at in a block that ends where the text does.
 */
JSON_INLINE const char *
block_find(uint64_t (*marks)(const char *), const char *text, const char *at,
	   const char *end)
{
	uint64_t mask;
	size_t left;

	for (; end - at >= BLOCK; at += BLOCK) {
		mask = marks(at);
		if (mask != 0)
			return at + block_first(mask);
	}
	left = (size_t)(end - at);
	if (left == 0)
		return end;
	if (end - text < BLOCK)
		return block_find_short(marks, at, end);
	mask = marks(end - BLOCK) >> (BLOCK - left) * BLOCK_BITS;
	return mask != 0 ? at + block_first(mask) : end;
}

JSON_INLINE bool
json_is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* What begins with this byte; JSON_NONE for a byte that begins no value. */
JSON_INLINE enum json_type
json_type_at(const char *at)
{
	static const unsigned char types[256] = {
		['n'] = JSON_NULL,   ['f'] = JSON_FALSE,  ['t'] = JSON_TRUE,
		['-'] = JSON_NUMBER, ['0'] = JSON_NUMBER, ['1'] = JSON_NUMBER,
		['2'] = JSON_NUMBER, ['3'] = JSON_NUMBER, ['4'] = JSON_NUMBER,
		['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER, ['7'] = JSON_NUMBER,
		['8'] = JSON_NUMBER, ['9'] = JSON_NUMBER, ['"'] = JSON_STRING,
		['['] = JSON_ARRAY,  ['{'] = JSON_OBJECT,
	};

	return (enum json_type)types[(unsigned char)*at];
}

#endif
