#include <stdlib.h>
#include <string.h>

#include "common/audit.h"
#include "common/diag.h"
#include "common/mem.h"
#include "common/scan.h"
#include "common/stream.h"
#include "common/text.h"
#include "common/trim_names.h"

/* Escaped or not: SCAN knows what an escape means. */
bool
trim_names_is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

/* A stream that is part of another one, and the word that means it. */
static const char *
kind_of(const char *stream)
{
	size_t len = strlen(stream);

	if (len > 4 && strcmp(stream + len - 4, ":dlq") == 0)
		return "dlq";
	if (strstr(stream, ":redrive:") != NULL)
		return "redrive";
	return strcmp(stream, AUDIT_STREAM) == 0 ? "audit" : NULL;
}

bool
trim_names_covers(const char *glob, const char *stream)
{
	const char *kind = kind_of(stream);

	if (kind != NULL && strstr(glob, kind) == NULL)
		return false;
	return text_glob(glob, stream, strlen(stream));
}

struct search {
	struct scan found;
	const char *pattern; /* NULL: all */
};

static void
add(void *arg, const char *name)
{
	struct search *s = arg;

	if (s->pattern == NULL || trim_names_covers(s->pattern, name))
		scan_add(&s->found, name, ID_MIN, ID_MAX);
}

static int
is_known(struct conn *c, const char *name)
{
	struct buf dead = { 0 }, delayed = { 0 };
	struct reply *r;
	int64_t keys = 0;

	stream_companion(&dead, name, "dlq");
	stream_companion(&delayed, name, "delayed");
	conn_commandv(c, "EXISTS", name, buf_text(&dead), buf_text(&delayed),
		      NULL);
	r = conn_result(c);
	buf_release(&dead);
	buf_release(&delayed);
	if (r == NULL || reply_number(r, 0, &keys) < 0)
		return -1;
	return keys != 0;
}

/* 1 if there is any, 0, -1. */
static int
find(struct search *s, const char *name)
{
	size_t i;
	int known;

	s->pattern = name;
	if (!trim_names_is_pattern(name)) {
		known = is_known(s->found.conn, name);
		if (known == 1 && !scan_has(&s->found, name))
			scan_add(&s->found, name, ID_MIN, ID_MAX);
		return known;
	}
	if (scan_find(&s->found, name, add, s) < 0)
		return -1;
	for (i = 0; i < s->found.count; i++)
		if (trim_names_covers(name, s->found.stream[i].name))
			return 1;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
take(struct trim_names *n, const struct scan *found)
{
	size_t i;

	n->name = xcalloc(found->count + 1, sizeof(*n->name));
	for (i = 0; i < found->count; i++)
		n->name[n->count++] = xstrdup(found->stream[i].name);
	qsort(n->name, n->count, sizeof(*n->name), compare);
}

int
trim_names_find(struct trim_names *n, struct conn *c, char *const *operand,
		size_t operands, bool *missing)
{
	struct search s = { .pattern = NULL };
	size_t i;
	int rc = 0;

	scan_init(&s.found, c, false);
	if (operands == 0)
		rc = scan_find(&s.found, "*", add, &s);
	for (i = 0; i < operands && rc >= 0; i++) {
		rc = find(&s, operand[i]);
		if (rc != 0)
			continue;
		fault("%s: no %s", operand[i],
		      trim_names_is_pattern(operand[i]) ? "stream matches"
							: "such stream");
		*missing = true;
	}
	if (rc >= 0)
		take(n, &s.found);
	scan_release(&s.found);
	return rc < 0 ? -1 : 0;
}

void
trim_names_release(struct trim_names *n)
{
	size_t i;

	for (i = 0; i < n->count; i++)
		free(n->name[i]);
	free(n->name);
	*n = (struct trim_names){ 0 };
}
