#include <limits.h>

#include "common/deadline.h"
#include "common/when.h"

int64_t
deadline_in(int64_t ms)
{
	int64_t now = when_monotonic();

	return ms < INT64_MAX - now ? now + ms : INT64_MAX;
}

int
deadline_left(int64_t deadline)
{
	int64_t left;

	if (deadline == INT64_MAX)
		return -1;
	left = deadline - when_monotonic();
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}
