/*
 * fuzz_num - numbers that are read are written so that they are read again
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int holds)
{
	if (!holds)
		abort();
}

static void
check_u64(const char *text, size_t len)
{
	char out[NUM_TEXT];
	uint64_t n, again, bytes;

	if (num_u64(text, len, &n) < 0)
		return;
	check(num_u64(out, num_put(out, n), &again) == 0 && again == n);
	check(num_size(text, len, &bytes) == 0 && bytes == n);
}

static void
check_duration(const char *text, size_t len)
{
	char out[NUM_DURATION_TEXT];
	int64_t ms, again;

	if (num_duration(text, len, &ms) < 0)
		return;
	check(ms >= 0);
	num_put_duration(out, ms);
	check(strlen(out) < sizeof(out));
	check(num_duration(out, strlen(out), &again) == 0 && again == ms);
}

/* A size is its digits times a power of 1024. */
static void
check_size(const char *text, size_t len)
{
	uint64_t bytes, n;

	if (num_size(text, len, &bytes) < 0 || num_u64(text, len, &n) == 0)
		return;
	check(num_u64(text, len - 1, &n) == 0);
	check(n == 0 ? bytes == 0 : bytes % n == 0 && bytes / n >= 1024);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + (size == 0));

	check(copy != NULL);
	memcpy(copy, data, size);
	check_u64(copy, size);
	check_duration(copy, size);
	check_size(copy, size);
	free(copy);
	return 0;
}
