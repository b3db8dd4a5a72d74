#include <stdlib.h>
#include <string.h>

#include "common/jobs.h"
#include "common/mem.h"

static void
make_room(struct job **job, size_t *cap, size_t need)
{
	if (need <= *cap)
		return;
	*cap = mem_grow(*cap, need < 16 ? 16 : need);
	*job = xreallocarray(*job, *cap, sizeof(**job));
}

void
jobs_ready(struct jobs *j, const struct job *job, bool first)
{
	size_t at = first ? 0 : j->ready_count;

	make_room(&j->ready, &j->ready_cap, j->ready_count + 1);
	memmove(&j->ready[at + 1], &j->ready[at],
		(j->ready_count - at) * sizeof(*job));
	j->ready[at] = *job;
	j->ready_count++;
	j->reclaimed += job->reclaimed;
}

static void
swap(struct job *a, struct job *b)
{
	struct job kept = *a;

	*a = *b;
	*b = kept;
}

void
jobs_wait(struct jobs *j, const struct job *job)
{
	size_t i = j->waiting_count++;

	make_room(&j->waiting, &j->waiting_cap, j->waiting_count);
	j->waiting[i] = *job;
	while (i != 0 && j->waiting[i].due < j->waiting[(i - 1) / 2].due) {
		swap(&j->waiting[i], &j->waiting[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static struct job
pop_waiting(struct jobs *j)
{
	struct job top = j->waiting[0], *w = j->waiting;
	size_t i = 0, n = --j->waiting_count;

	w[0] = w[n];
	for (;;) {
		size_t least = i, child = 2 * i + 1;

		if (child < n && w[child].due < w[least].due)
			least = child;
		if (child + 1 < n && w[child + 1].due < w[least].due)
			least = child + 1;
		if (least == i)
			return top;
		swap(&w[i], &w[least]);
		i = least;
	}
}

static struct job
take_ready(struct jobs *j, size_t at)
{
	struct job job = j->ready[at];

	j->ready_count--;
	memmove(&j->ready[at], &j->ready[at + 1],
		(j->ready_count - at) * sizeof(job));
	j->reclaimed -= job.reclaimed;
	return job;
}

/* The place of a lane in the table, or the free one where it would be. */
static struct jobs_lane *
find_lane(const struct jobs *j, uint64_t lane)
{
	size_t i = (size_t)(lane * UINT64_C(0x9e3779b97f4a7c15) >> 20);

	for (;; i++) {
		struct jobs_lane *l = &j->lane[i & (j->lane_cap - 1)];

		if (l->lane == lane || l->lane == 0)
			return l;
	}
}

/* Lanes that are empty by now are left out when the table is made anew. */
static void
grow_lanes(struct jobs *j)
{
	struct jobs_lane *old = j->lane;
	size_t cap = j->lane_cap, i, used = 0;

	if (j->lane_cap != 0 && j->lanes < j->lane_cap / 2)
		return;
	for (i = 0; i < cap; i++)
		used += old[i].count != 0;
	j->lane_cap = 64;
	while (j->lane_cap < used * 4)
		j->lane_cap *= 2;
	j->lane = xcalloc(j->lane_cap, sizeof(*j->lane));
	j->lanes = used;
	for (i = 0; i < cap; i++)
		if (old[i].count != 0)
			*find_lane(j, old[i].lane) = old[i];
	free(old);
}

static bool
is_occupied(const struct jobs *j, const struct job *job)
{
	return job->lane != 0 && !job->occupies && j->lane_cap != 0 &&
	       find_lane(j, job->lane)->count != 0;
}

static void
occupy(struct jobs *j, struct job *job)
{
	struct jobs_lane *l;

	if (job->lane == 0 || job->occupies)
		return;
	grow_lanes(j);
	l = find_lane(j, job->lane);
	if (l->lane == 0) {
		l->lane = job->lane;
		j->lanes++;
	}
	l->count++;
	job->occupies = true;
}

bool
jobs_next(struct jobs *j, int64_t now, bool reclaimed, struct job *job)
{
	size_t i;

	if (j->waiting_count != 0 && j->waiting[0].due <= now) {
		*job = pop_waiting(j);
		occupy(j, job);
		return true;
	}
	for (i = 0; i < j->ready_count; i++) {
		if (is_occupied(j, &j->ready[i]) ||
		    (j->ready[i].reclaimed && !reclaimed))
			continue;
		*job = take_ready(j, i);
		occupy(j, job);
		return true;
	}
	return false;
}

bool
jobs_enter(struct jobs *j, struct job *job)
{
	size_t i;

	if (is_occupied(j, job))
		return false;
	for (i = 0; job->lane != 0 && i < j->ready_count; i++)
		if (j->ready[i].lane == job->lane)
			return false;
	occupy(j, job);
	return true;
}

bool
jobs_occupy(struct jobs *j, struct job *job)
{
	if (is_occupied(j, job))
		return false;
	occupy(j, job);
	return true;
}

void
jobs_leave(struct jobs *j, const struct job *job)
{
	if (job->occupies)
		find_lane(j, job->lane)->count--;
}

int64_t
jobs_due(const struct jobs *j)
{
	return j->waiting_count != 0 ? j->waiting[0].due : INT64_MAX;
}

static bool
is_among(const struct job *job, size_t count, size_t stream, struct id id)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (job[i].stream == stream && id_compare(job[i].id, id) == 0)
			return true;
	return false;
}

bool
jobs_has(const struct jobs *j, size_t stream, struct id id)
{
	return is_among(j->ready, j->ready_count, stream, id) ||
	       is_among(j->waiting, j->waiting_count, stream, id);
}

static void
tell_each(const struct job *job, size_t count, size_t stream,
	  void (*tell)(void *to, struct id id, int64_t deliveries), void *to)
{
	for (; count != 0; job++, count--)
		if (job->stream == stream)
			tell(to, job->id, job->deliveries);
}

void
jobs_each(const struct jobs *j, size_t stream,
	  void (*tell)(void *to, struct id id, int64_t deliveries), void *to)
{
	tell_each(j->ready, j->ready_count, stream, tell, to);
	tell_each(j->waiting, j->waiting_count, stream, tell, to);
}

bool
jobs_drop(struct jobs *j, struct job *job)
{
	if (j->ready_count != 0)
		*job = take_ready(j, j->ready_count - 1);
	else if (j->waiting_count != 0)
		*job = j->waiting[--j->waiting_count];
	else
		return false;
	jobs_leave(j, job);
	return true;
}

/* FNV-1a, 64 bits: two keys that share a lane only wait for each other. */
uint64_t
jobs_lane(const char *key, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; len != 0; key++, len--)
		h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
	return h != 0 ? h : 1;
}

void
jobs_release(struct jobs *j)
{
	free(j->ready);
	free(j->waiting);
	free(j->lane);
	*j = (struct jobs){ 0 };
}
