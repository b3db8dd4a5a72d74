#include <assert.h>
#include <stdlib.h>

#include "common/flights.h"
#include "common/mem.h"

void
flights_init(struct flights *f, size_t most)
{
	size_t i, heads = 1;

	while (heads < 2 * most)
		heads *= 2;
	*f = (struct flights){ .cap = most, .mask = heads - 1 };
	f->slot = xcalloc(most, sizeof(*f->slot));
	f->head = xcalloc(heads, sizeof(struct flight *));
	for (i = most; i-- > 0;) {
		f->slot[i].chain = f->unused;
		f->unused = &f->slot[i];
	}
}

void
flights_release(struct flights *f)
{
	size_t i;

	for (i = 0; i < f->cap; i++)
		free(f->slot[i].note);
	free(f->slot);
	free(f->head);
	*f = (struct flights){ 0 };
}

static struct flight **
head_of(const struct flights *f, struct id id)
{
	uint64_t h = (id.ms ^ id.seq << 32) + id.seq;

	h *= UINT64_C(0x9e3779b97f4a7c15);
	return &f->head[(size_t)(h >> 32) & f->mask];
}

struct flight *
flights_add(struct flights *f, const struct job *job)
{
	struct flight *flight = f->unused, **head = head_of(f, job->id);
	struct flight_note *note;

	assert(flight != NULL);
	f->unused = flight->chain;
	note = flight->note;
	if (note != NULL)
		*note = (struct flight_note){ .percent = -1 };
	*flight = (struct flight){
		.job = *job, .note = note, .chain = *head, .older = f->newest
	};
	*head = flight;
	if (f->newest != NULL)
		f->newest->newer = flight;
	else
		f->oldest = flight;
	f->newest = flight;
	f->count++;
	return flight;
}

struct flight *
flights_find(const struct flights *f, struct id id, const struct flight *after)
{
	struct flight *flight = after != NULL ? after->chain : *head_of(f, id);

	while (flight != NULL && id_compare(flight->job.id, id) != 0)
		flight = flight->chain;
	return flight;
}

struct flight *
flights_newer(const struct flight *flight)
{
	return flight->newer;
}

void
flights_remove(struct flights *f, struct flight *flight)
{
	struct flight **link = head_of(f, flight->job.id);

	while (*link != flight)
		link = &(*link)->chain;
	*link = flight->chain;
	if (flight->older != NULL)
		flight->older->newer = flight->newer;
	else
		f->oldest = flight->newer;
	if (flight->newer != NULL)
		flight->newer->older = flight->older;
	else
		f->newest = flight->older;
	flight->chain = f->unused;
	f->unused = flight;
	f->count--;
}

struct flight_note *
flights_note(struct flight *flight)
{
	if (flight->note == NULL) {
		flight->note = xcalloc(1, sizeof(*flight->note));
		flight->note->percent = -1;
	}
	return flight->note;
}
