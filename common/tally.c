#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/tally.h"
#include "common/text.h"

enum {
	EXACT = 64,     /* sizes below are classes of their own */
	PARTS = 32,     /* classes of each power of two above */
	MINUTE = 60000, /* ms */
	SLOTS = 64,     /* at first */
};

static const struct {
	enum tally_aspect aspect;
	enum event_role role;
} roles[] = {
	{ TALLY_TYPE, ROLE_TYPE },
	{ TALLY_SOURCE, ROLE_SOURCE },
	{ TALLY_PRIORITY, ROLE_PRIORITY },
};

enum { ROLES = sizeof(roles) / sizeof(*roles) };

void
tally_init(struct tally *t, bool streams, bool states)
{
	size_t i;

	*t = (struct tally){ 0 };
	for (i = 0; i < ROLES; i++)
		t->aspects |= 1u << roles[i].aspect;
	t->aspects |= streams ? 1u << TALLY_STREAM : 0;
	t->aspects |= states ? 1u << TALLY_STATUS : 0;
}

static uint64_t
hash(const char *bytes, size_t len)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char)bytes[i]) * 1099511628211u;
	return h;
}

/* The slot of the value that is this text, or the free one where it belongs. */
static size_t *
find_slot(struct tally_values *v, uint64_t h, const char *text, size_t len)
{
	size_t i = h % v->slots;

	for (; v->slot[i] != 0; i = (i + 1) % v->slots) {
		const struct tally_value *known = &v->value[v->slot[i] - 1];

		if (known->hash == h && known->len == len &&
		    memcmp(known->text, text, len) == 0)
			break;
	}
	return &v->slot[i];
}

/* At least half of the slots stay free. */
static void
grow(struct tally_values *v)
{
	size_t i;

	if (v->count * 2 < v->slots)
		return;
	v->slots = v->slots == 0 ? SLOTS : v->slots * 2;
	free(v->slot);
	v->slot = xcalloc(v->slots, sizeof(*v->slot));
	for (i = 0; i < v->count; i++) {
		const struct tally_value *old = &v->value[i];

		*find_slot(v, old->hash, old->text, old->len) = i + 1;
	}
}

static void
count_value(struct tally_values *v, const char *text, size_t len, size_t bytes)
{
	size_t *slot;
	uint64_t h;

	if (len > TALLY_TEXT)
		len = text_utf8_prefix(text, TALLY_TEXT);
	h = hash(text, len);
	grow(v);
	slot = find_slot(v, h, text, len);
	if (*slot == 0 && v->count == TALLY_VALUES) {
		v->others++;
		return;
	}
	if (*slot == 0) {
		v->cap = mem_grow(v->cap, v->count + 1);
		v->value = xreallocarray(v->value, v->cap, sizeof(*v->value));
		v->value[v->count++] = (struct tally_value){
			.text = xmemdup0(text, len),
			.len = len,
			.hash = h,
		};
		*slot = v->count;
	}
	v->value[*slot - 1].count++;
	v->value[*slot - 1].bytes += bytes;
}

static void
count_text(struct tally_values *v, const char *text, size_t bytes)
{
	if (text != NULL)
		count_value(v, text, strlen(text), bytes);
	else
		v->none++;
}

static void
count_roles(struct tally *t, struct record *r)
{
	struct event *ev = &r->event;
	const char *text;
	size_t i, len;
	unsigned wanted = 0;

	for (i = 0; i < ROLES; i++)
		wanted |= EVENT_ROLE(roles[i].role);
	if (r->body == RECORD_EVENT)
		event_recognise(ev, wanted);
	for (i = 0; i < ROLES; i++) {
		struct tally_values *v = &t->by[roles[i].aspect];

		if (r->body == RECORD_EVENT &&
		    event_role_text(ev, roles[i].role, &t->tmp, &text, &len))
			count_value(v, text, len, ev->len);
		else
			v->none++;
	}
}

static size_t
size_class(uint64_t bytes)
{
	unsigned power;

	if (bytes < EXACT)
		return (size_t)bytes;
	power = 63 - (unsigned)__builtin_clzll(bytes);
	return EXACT + (power - 6) * PARTS +
	       (size_t)(bytes >> (power - 5)) % PARTS;
}

/* The largest size of a class. */
static uint64_t
class_end(size_t class)
{
	size_t above = class - EXACT;

	if (class < EXACT)
		return class;
	return ((uint64_t)(PARTS + above % PARTS + 1) << (above / PARTS + 1)) -
	       1;
}

/* Ids come in order, so one minute is counted at a time. */
static void
count_minute(struct tally *t, struct id id)
{
	if (t->in_minute == 0 || id.ms / MINUTE != t->minute) {
		t->minute = id.ms / MINUTE;
		t->in_minute = 0;
	}
	if (++t->in_minute > t->peak) {
		t->peak = t->in_minute;
		t->peak_minute = t->minute;
	}
}

void
tally_add(struct tally *t, struct record *r)
{
	size_t bytes = r->event.len;

	if (t->events++ == 0) {
		t->first = r->id;
		t->smallest = bytes;
	}
	t->last = r->id;
	t->bytes += bytes;
	t->size[size_class(bytes)]++;
	if (bytes < t->smallest)
		t->smallest = bytes;
	if (bytes > t->largest)
		t->largest = bytes;
	count_minute(t, r->id);
	count_roles(t, r);
	if ((t->aspects & 1u << TALLY_STREAM) != 0)
		count_text(&t->by[TALLY_STREAM], r->stream, bytes);
	if ((t->aspects & 1u << TALLY_STATUS) != 0)
		count_text(&t->by[TALLY_STATUS], r->status, bytes);
}

uint64_t
tally_percentile(const struct tally *t, unsigned p)
{
	uint64_t below = 0, end;
	size_t class = 0;

	/* Not below p percent of the events, without p * events. */
	while (class < TALLY_SIZES &&
	       (double)(below += t->size[class]) * 100 < (double)t->events * p)
		class ++;
	end = class < TALLY_SIZES ? class_end(class) : t->largest;
	return end < t->largest ? end : t->largest;
}

double
tally_rate(const struct tally *t)
{
	uint64_t ms = t->last.ms - t->first.ms;

	return t->events == 0 || ms == 0
		       ? -1
		       : (double)t->events * 1000 / (double)ms;
}

void
tally_release(struct tally *t)
{
	size_t i, k;

	for (i = 0; i < TALLY_ASPECTS; i++) {
		for (k = 0; k < t->by[i].count; k++)
			free(t->by[i].value[k].text);
		free(t->by[i].value);
		free(t->by[i].slot);
	}
	buf_release(&t->tmp);
	*t = (struct tally){ 0 };
}
