#include <stdlib.h>

#include "common/mem.h"
#include "common/schema_state.h"

/* Open addressing: what is added last is also last in each run of slots, so that
 * dropping in the reverse order leaves no holes. */

static void
place(struct schema_table *t, uint64_t hash, unsigned value)
{
	size_t slot = hash & (t->slots - 1);

	while (t->slot[slot].value != 0)
		slot = (slot + 1) & (t->slots - 1);
	t->slot[slot].hash = hash;
	t->slot[slot].value = value + 1;
}

/* Values are added in rising order; the bigger table is filled so, too. */
static int
by_value(const void *a, const void *b)
{
	const struct schema_slot *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

static void
grow(struct schema_table *t)
{
	struct schema_slot *old = t->slot;
	size_t i, k = 0, slots = t->slots;

	for (i = 0; i < slots; i++)
		if (old[i].value != 0)
			old[k++] = old[i];
	if (k > 1)
		qsort(old, k, sizeof(*old), by_value);
	t->slots = slots == 0 ? 16 : mem_mul(slots, 2);
	t->slot = xcalloc(t->slots, sizeof(*t->slot));
	for (i = 0; i < k; i++)
		place(t, old[i].hash, old[i].value - 1);
	free(old);
}

void
schema_table_add(struct schema_table *t, uint64_t hash, unsigned value)
{
	if (t->count * 2 >= t->slots)
		grow(t);
	place(t, hash, value);
	t->count++;
}

void
schema_table_drop(struct schema_table *t, uint64_t hash, unsigned value)
{
	size_t slot = hash & (t->slots - 1);

	while (t->slot[slot].value != value + 1)
		slot = (slot + 1) & (t->slots - 1);
	t->slot[slot].value = 0;
	t->count--;
}

bool
schema_table_next(const struct schema_table *t, uint64_t hash, size_t *at,
		  unsigned *value)
{
	size_t slot;

	if (t->slots == 0)
		return false;
	for (;;) {
		slot = (hash + (*at)++) & (t->slots - 1);
		if (t->slot[slot].value == 0)
			return false;
		if (t->slot[slot].hash != hash)
			continue;
		*value = t->slot[slot].value - 1;
		return true;
	}
}

void
schema_table_release(struct schema_table *t)
{
	free(t->slot);
	*t = (struct schema_table){ 0 };
}
