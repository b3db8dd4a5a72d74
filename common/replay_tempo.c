#include <string.h>

#include "common/num.h"
#include "common/replay_tempo.h"

enum { FASTEST = 1000000, PLACES = 3 };

int
replay_tempo_parse(const char *text, uint64_t *speed)
{
	size_t len = strcspn(text, "."), places;
	uint64_t whole, part = 0;

	if (num_u64(text, len, &whole) < 0 || whole > FASTEST)
		return -1;
	if (text[len] == '.') {
		text += len + 1;
		places = strlen(text);
		if (places > PLACES || num_u64(text, places, &part) < 0)
			return -1;
		for (; places < PLACES; places++)
			part *= 10;
	}
	*speed = whole * REPLAY_SPEED_UNIT + part;
	return *speed == 0 ? -1 : 0;
}

/* The pause for so many ms of the original, without overflow. */
static int64_t
scale(const struct replay_tempo *t, uint64_t ms)
{
	uint64_t gap;

	if (ms > (uint64_t)INT64_MAX / REPLAY_SPEED_UNIT)
		ms = (uint64_t)INT64_MAX / REPLAY_SPEED_UNIT;
	gap = ms * REPLAY_SPEED_UNIT / t->speed;
	return (int64_t)gap < t->max_gap_ms ? (int64_t)gap : t->max_gap_ms;
}

int64_t
replay_tempo_step(struct replay_tempo *t, struct id id, int64_t now_mono,
		  int64_t *gap)
{
	uint64_t ms = id.ms < t->now_ms ? id.ms : t->now_ms;

	*gap = 0;
	if (!t->started) {
		t->started = true;
		t->due = now_mono;
		t->at_ms = ms;
	}
	if (ms > t->at_ms)
		*gap = scale(t, ms - t->at_ms);
	t->at_ms = ms;
	if (*gap > INT64_MAX - t->due)
		*gap = INT64_MAX - t->due;
	t->due += *gap;
	return t->due;
}
