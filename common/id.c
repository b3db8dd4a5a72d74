#include <string.h>

#include "common/id.h"
#include "common/num.h"

int
id_parse(const char *text, size_t len, uint64_t default_seq, struct id *id)
{
	const char *dash = len != 0 ? memchr(text, '-', len) : NULL;
	size_t head = dash != NULL ? (size_t)(dash - text) : len;

	if (num_u64(text, head, &id->ms) < 0)
		return -1;
	if (dash != NULL)
		return num_u64(dash + 1, len - head - 1, &id->seq);
	id->seq = default_seq;
	return 0;
}

size_t
id_put(char out[ID_TEXT], struct id id)
{
	size_t len = num_put(out, id.ms);

	out[len++] = '-';
	len += num_put(out + len, id.seq);
	out[len] = '\0';
	return len;
}

int
id_compare(struct id a, struct id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	if (a.seq != b.seq)
		return a.seq < b.seq ? -1 : 1;
	return 0;
}

struct id
id_next(struct id id)
{
	if (id.seq != UINT64_MAX)
		return (struct id){ id.ms, id.seq + 1 };
	if (id.ms != UINT64_MAX)
		return (struct id){ id.ms + 1, 0 };
	return id;
}

struct id
id_prev(struct id id)
{
	if (id.seq != 0)
		return (struct id){ id.ms, id.seq - 1 };
	if (id.ms != 0)
		return (struct id){ id.ms - 1, UINT64_MAX };
	return id;
}
