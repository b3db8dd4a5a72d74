/*
 * desk_read.c - desk.h's part about reading: whether, how much, and the jobs that
 * come of it.
 */
#include "common/desk.h"
#include "common/runner.h"

enum { BLOCK_MS = 2000 /* one blocked read */ };

bool
desk_is_full(const struct desk *d)
{
	return d->jobs.waiting_count >= d->rules.max_waiting;
}

bool
desk_is_enough(const struct desk *d)
{
	return d->counts->taken >= d->select->options->count;
}

bool
desk_is_empty(const struct desk *d)
{
	return d->jobs.ready_count == 0 &&
	       (desk_is_enough(d) ||
		(d->rules.until_end &&
		 ((d->exhausted && d->taken_over) || desk_is_full(d))));
}

uint64_t
desk_room(const struct desk *d, uint64_t places)
{
	uint64_t left;

	if (desk_is_full(d) || desk_is_enough(d) ||
	    (d->rules.until_end && d->exhausted))
		return 0;
	left = d->select->options->count - d->counts->taken;
	return places < left ? places : left;
}

static void
note_end(struct desk *d)
{
	if (d->rules.until_end && group_reached(d->g))
		d->exhausted = true;
}

int
desk_read(struct desk *d, uint64_t room)
{
	int rc;

	if (room == 0 && !d->g->reading)
		return 0;
	rc = group_try(d->g, room, d->rules.until_end ? 0 : BLOCK_MS);
	if (rc < 0)
		return desk_fail(d);
	if (rc == 1)
		return 1;
	if (rc == 2)
		d->exhausted = true;
	note_end(d);
	return 0;
}

int
desk_next(struct desk *d, struct job *job)
{
	struct delivery found;
	int rc;

	while ((rc = group_next(d->g, &found)) == 1) {
		*job = (struct job){
			.stream = found.stream,
			.id = found.entry.id,
			.deliveries = found.deliveries,
			.redrives = runner_redrives(&found.entry),
		};
		if (desk_is_enough(d)) {
			group_release(d->g, &found);
			continue;
		}
		rc = desk_choose(d, job, &found.entry);
		if (rc != 0)
			return rc;
	}
	if (rc < 0)
		return desk_fail(d);
	note_end(d);
	return 0;
}
