/*
 * fuzz_id - an id that is read is written so that it is read again
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int holds)
{
	if (!holds)
		abort();
}

static void
check_neighbours(struct id id)
{
	struct id next = id_next(id), prev = id_prev(id);

	check(id_compare(id, next) < 0 || id_compare(id, ID_MAX) == 0);
	check(id_compare(prev, id) < 0 || id_compare(id, ID_MIN) == 0);
	if (id_compare(id, ID_MAX) != 0)
		check(id_compare(id_prev(next), id) == 0);
	if (id_compare(id, ID_MIN) != 0)
		check(id_compare(id_next(prev), id) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + (size == 0)), text[ID_TEXT];
	struct id id, again;
	size_t len;

	check(copy != NULL);
	memcpy(copy, data, size);
	if (id_parse(copy, size, 7, &id) == 0) {
		check(memchr(copy, '-', size) != NULL || id.seq == 7);
		len = id_put(text, id);
		check(len < sizeof(text) && text[len] == '\0');
		check(id_parse(text, len, 0, &again) == 0);
		check(id_compare(id, again) == 0);
		check_neighbours(id);
	}
	free(copy);
	return 0;
}
