#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/num.h"
#include "common/opt_value.h"

bool
opt_value_is_flag(const struct opt *row)
{
	return row->kind == OPT_KIND_BOOL || row->kind == OPT_KIND_COUNT;
}

static int
parse_bool(const char *text, bool *flag)
{
	static const char *const words[] = { "false", "true", "no",
					     "yes",   "off",  "on" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], text) == 0) {
			*flag = i % 2 == 1;
			return 0;
		}
	return -1;
}

static int
parse_count(const char *text, uint64_t *count)
{
	bool flag;

	if (num_u64(text, strlen(text), count) == 0)
		return 0;
	if (parse_bool(text, &flag) < 0)
		return -1;
	*count = flag;
	return 0;
}

static void
list_add(struct opt_list *list, const char *text)
{
	list->item =
		xreallocarray(list->item, list->count + 1, sizeof(*list->item));
	list->item[list->count++] = text;
}

/* What a text that could not be parsed should have been. */
static const char *
expected(enum opt_kind kind, const char *text)
{
	switch (kind) {
	case OPT_KIND_BOOL:
	case OPT_KIND_COUNT:
		return "neither yes nor no";
	case OPT_KIND_U64:
		if (text[strspn(text, "0123456789")] == '\0')
			return "too large a number";
		return "not a number";
	case OPT_KIND_SIZE:
		return "not a size (such as 4096, 512k, 10M, 2G)";
	case OPT_KIND_DURATION:
		return "not a duration (such as 30s, 5m, 1h30m)";
	default:
		return "not a time (such as 90m for that long ago, 2026-11-20, "
		       "2026-11-20T21:17:06Z, @1795209426, start, now)";
	}
}

int
opt_value_set(const struct opt *row, const char *text,
	      char error[OPT_VALUE_ERROR])
{
	size_t len = strlen(text);
	int rc = 0;

	assert(row->kind != OPT_KIND_END);
	if (len == 0) {
		snprintf(error, OPT_VALUE_ERROR, "the value is empty");
		return -1;
	}
	switch (row->kind) {
	case OPT_KIND_BOOL:
		rc = parse_bool(text, row->value.flag);
		break;
	case OPT_KIND_COUNT:
		rc = parse_count(text, row->value.number);
		break;
	case OPT_KIND_U64:
		rc = num_u64(text, len, row->value.number);
		break;
	case OPT_KIND_SIZE:
		rc = num_size(text, len, row->value.number);
		break;
	case OPT_KIND_DURATION:
		rc = num_duration(text, len, row->value.ms);
		break;
	case OPT_KIND_WHEN:
		rc = when_parse(text, len, row->value.when);
		break;
	case OPT_KIND_TEXT:
	case OPT_KIND_URL:
		*row->value.text = text;
		break;
	case OPT_KIND_LIST:
		list_add(row->value.list, text);
		break;
	case OPT_KIND_END:
		break;
	}
	if (rc < 0)
		snprintf(error, OPT_VALUE_ERROR, "\"%.200s\" is %s", text,
			 expected(row->kind, text));
	return rc;
}

static bool
put_duration(int64_t ms, struct buf *out)
{
	char text[NUM_DURATION_TEXT];

	if (ms < 0 || ms == INT64_MAX)
		return false;
	buf_adds(out, num_put_duration(text, ms));
	return true;
}

static bool
put_when(const struct when *when, struct buf *out)
{
	char time[WHEN_TEXT], id[ID_TEXT];

	switch (when->kind) {
	case WHEN_UNSET:
		return false;
	case WHEN_TIME:
		buf_add(out, time, when_put(time, when->ms));
		break;
	case WHEN_AGO:
		if (when->ms != 0)
			return put_duration(when->ms, out);
		buf_adds(out, "now");
		break;
	case WHEN_ENTRY:
		buf_add(out, id, id_put(id, when->id));
		break;
	case WHEN_START:
	case WHEN_END:
		buf_adds(out, when->kind == WHEN_START ? "start" : "end");
		break;
	}
	return true;
}

bool
opt_value_put(const struct opt *row, struct buf *out)
{
	switch (row->kind) {
	case OPT_KIND_BOOL:
		buf_adds(out, *row->value.flag ? "true" : "false");
		return true;
	case OPT_KIND_COUNT:
	case OPT_KIND_U64:
	case OPT_KIND_SIZE:
		if (*row->value.number == UINT64_MAX)
			return false; /* stands for no limit */
		buf_addu(out, *row->value.number);
		return true;
	case OPT_KIND_DURATION:
		return put_duration(*row->value.ms, out);
	case OPT_KIND_WHEN:
		return put_when(row->value.when, out);
	case OPT_KIND_TEXT:
	case OPT_KIND_URL:
		if (*row->value.text == NULL)
			return false;
		buf_adds(out, *row->value.text);
		return true;
	default:
		return false;
	}
}
