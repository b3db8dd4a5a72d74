#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"

static void *
check(void *p)
{
	if (p == NULL)
		die(EXIT_OUTPUT, "out of memory");
	return p;
}

size_t
mem_add(size_t a, size_t b)
{
	if (b > SIZE_MAX - a)
		die(EXIT_OUTPUT, "out of memory: size overflow");
	return a + b;
}

size_t
mem_mul(size_t a, size_t b)
{
	if (a != 0 && b > SIZE_MAX / a)
		die(EXIT_OUTPUT, "out of memory: size overflow");
	return a * b;
}

void *
xmalloc(size_t bytes)
{
	return check(malloc(bytes != 0 ? bytes : 1));
}

void *
xcalloc(size_t count, size_t bytes)
{
	return check(calloc(count != 0 ? count : 1, bytes != 0 ? bytes : 1));
}

void *
xrealloc(void *old, size_t bytes)
{
	return check(realloc(old, bytes != 0 ? bytes : 1));
}

void *
xreallocarray(void *old, size_t count, size_t bytes)
{
	return xrealloc(old, mem_mul(count, bytes));
}

char *
xstrdup(const char *text)
{
	return xmemdup0(text, strlen(text));
}

char *
xmemdup0(const char *text, size_t len)
{
	char *copy = xmalloc(mem_add(len, 1));

	if (len != 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

size_t
mem_grow(size_t cap, size_t need)
{
	size_t half;

	if (need <= cap)
		return cap;
	half = mem_add(cap, cap / 2);
	return half > need ? half : need;
}
