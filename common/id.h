/*
 * id.h - ids of stream entries: <ms>-<seq>
 *
 * An id's time is what the writer's server claimed, not a fact: clients may set
 * ids themselves.
 */
#ifndef COMMON_ID_H
#define COMMON_ID_H

#include <stddef.h>
#include <stdint.h>

struct id {
	uint64_t ms; /* since 1970-01-01T00:00:00Z */
	uint64_t seq;
};

enum { ID_TEXT = 42 /* bytes of the longest id, with a NUL */ };

#define ID_MIN ((struct id){ 0, 0 })
#define ID_MAX ((struct id){ UINT64_MAX, UINT64_MAX })

/* Parse <ms>-<seq>, or <ms> alone with the sequence number given.  Returns 0,
 * or -1 for anything else. */
int id_parse(const char *text, size_t len, uint64_t default_seq, struct id *id);

/* Write an id as text and end it with a NUL; returns its length. */
size_t id_put(char out[ID_TEXT], struct id id);

/* Negative, 0, positive as a is before, the same as, after b. */
int id_compare(struct id a, struct id b);

/* The ids next to this one.  The first has no previous one and the last no next
 * one; they are returned unchanged. */
struct id id_next(struct id id);
struct id id_prev(struct id id);

#endif
