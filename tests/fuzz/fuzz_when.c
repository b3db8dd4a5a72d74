/*
 * fuzz_when - points in time that are read are written so that they are read
 * again, and bound ranges that are not upside down
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int holds)
{
	if (!holds)
		abort();
}

/* A written time is read as the same ms, if its year has four digits. */
static void
check_put(int64_t ms)
{
	char text[WHEN_TEXT];
	int64_t again;

	check(when_put(text, ms) == 24 && text[24] == '\0');
	check(when_rfc3339(text, 24, &again) == 0);
	if (ms >= INT64_C(-62167219200000) && ms <= INT64_C(253402300799999))
		check(again == ms);
}

/* Offsets may lead a day beyond the years 0000 to 9999. */
static void
check_rfc3339(const char *text, size_t len)
{
	struct when when;
	int64_t ms;

	if (when_rfc3339(text, len, &ms) < 0)
		return;
	check(len >= 20);
	check(ms >= INT64_C(-62167219200000) - 86400000);
	check(ms <= INT64_C(253402300799999) + 86400000);
	check_put(ms);
	check(when_parse(text, len, &when) == 0);
	check(when.kind == WHEN_TIME && when.ms == ms);
}

static void
check_when(const char *text, size_t len)
{
	static const int64_t clocks[] = { -1, 0, INT64_C(1795209426824),
					  INT64_MAX };
	struct when when;
	size_t i;

	if (when_parse(text, len, &when) < 0)
		return;
	check(when.kind != WHEN_UNSET);
	check(when.kind != WHEN_AGO || when.ms >= 0);
	for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		struct id first = when_first_id(&when, clocks[i]);
		struct id last = when_last_id(&when, clocks[i]);

		check(id_compare(first, last) <= 0);
		check(when_needs_now(&when) || i == 0 ||
		      id_compare(first, when_first_id(&when, 0)) == 0);
	}
	if (when.kind == WHEN_TIME)
		check_put(when.ms);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + (size == 0));

	check(copy != NULL);
	memcpy(copy, data, size);
	check_rfc3339(copy, size);
	check_when(copy, size);
	free(copy);
	return 0;
}
