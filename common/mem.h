/*
 * mem.h - allocation that does not fail
 *
 * Out of memory ends the program with a message; so does an array whose size
 * in bytes would overflow size_t.  Whatever these return is freed by free(3).
 */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stddef.h>

void *xmalloc(size_t bytes);
void *xcalloc(size_t count, size_t bytes);
void *xrealloc(void *old, size_t bytes);
void *xreallocarray(void *old, size_t count, size_t bytes);
char *xstrdup(const char *text);

/* Copy len bytes and add a NUL. */
char *xmemdup0(const char *text, size_t len);

/*
 * Return a capacity of at least `need` elements: the old one if it suffices,
 * else half as much again, so that growing stays linear in total.
 */
size_t mem_grow(size_t cap, size_t need);

/* a + b and a * b; an overflow ends the program as out of memory does. */
size_t mem_add(size_t a, size_t b);
size_t mem_mul(size_t a, size_t b);

#endif
