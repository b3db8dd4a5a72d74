#include <stdlib.h>
#include <string.h>

#include "common/dlq_stats.h"
#include "common/mem.h"
#include "common/table.h"
#include "common/text.h"
#include "common/when.h"

enum { SLOTS = 4 * DLQ_KINDS };

static void
add_aspect(struct buf *key, const char *text, size_t len)
{
	len = text_utf8_prefix(text, len); /* an operand may be anything */
	if (len != 0)
		buf_add_json(key, text, len);
	buf_addc(key, '\0');
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

/* Write the key of the current dead letter, and where its aspects start. */
static void
make_key(struct dlq_stats *s, const struct dlq *d, size_t *at)
{
	const struct dlq_dead *dead = &d->dead;
	const char *stream = d->streams[d->stream],
		   *group = dead->group != NULL ? dead->group : "";
	const struct dlq_text text[DLQ_ASPECTS] = {
		[DLQ_STREAM] = { stream, strlen(stream) },
		[DLQ_REASON] = dead->reason,
		[DLQ_GROUP] = { group, strlen(group) },
		[DLQ_TYPE] = dead->type,
		[DLQ_HANDLER] = dead->handler,
		[DLQ_FINGERPRINT] = dead->fingerprint,
	};
	size_t i;

	buf_clear(&s->key);
	for (i = 0; i < DLQ_ASPECTS; i++) {
		at[i] = s->key.len;
		add_aspect(&s->key, text[i].text, text[i].len);
	}
}

/* The slot of the kind that has this key, or the free one where it belongs. */
static size_t *
find_slot(struct dlq_stats *s, uint64_t h)
{
	size_t i = h % SLOTS;

	for (; s->slot[i] != 0; i = (i + 1) % SLOTS) {
		const struct dlq_kind *k = &s->kind[s->slot[i] - 1];

		if (k->hash == h && k->len == s->key.len &&
		    memcmp(k->texts, s->key.data, k->len) == 0)
			break;
	}
	return &s->slot[i];
}

void
dlq_stats_add(struct dlq_stats *s, const struct dlq *d)
{
	struct dlq_kind *k;
	size_t at[DLQ_ASPECTS], *slot;
	uint64_t h;

	if (s->slot == NULL)
		s->slot = xcalloc(SLOTS, sizeof(*s->slot));
	make_key(s, d, at);
	h = hash(s->key.data, s->key.len);
	slot = find_slot(s, h);
	if (*slot == 0 && s->count == DLQ_KINDS) {
		s->others++;
		return;
	}
	if (*slot == 0) {
		s->cap = mem_grow(s->cap, s->count + 1);
		s->kind = xreallocarray(s->kind, s->cap, sizeof(*s->kind));
		k = &s->kind[s->count++];
		*k = (struct dlq_kind){
			.texts = xmemdup0(s->key.data, s->key.len),
			.len = s->key.len,
			.hash = h,
			.first = d->id,
		};
		memcpy(k->aspect, at, sizeof(at));
		*slot = s->count;
	}
	k = &s->kind[*slot - 1];
	k->count++;
	k->last = d->id;
}

static int
by_count(const void *a, const void *b)
{
	const struct dlq_kind *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return -id_compare(x->last, y->last);
}

static void
put_id_time(char time[WHEN_TEXT], struct id id)
{
	when_put(time, id.ms > INT64_MAX ? INT64_MAX : (int64_t)id.ms);
}

static void
print_json(const struct dlq_kind *k, struct out *out)
{
	static const char *const names[] = {
		"stream", "reason", "group", "type", "handler", "fingerprint"
	};
	char first[WHEN_TEXT], last[WHEN_TEXT], example[ID_TEXT];
	struct buf *b = &out->buf;
	size_t i;

	buf_addc(b, '{');
	for (i = 0; i < DLQ_ASPECTS; i++)
		if (k->texts[k->aspect[i]] != '\0')
			buf_addf(b, "\"%s\":%s,", names[i],
				 k->texts + k->aspect[i]);
	put_id_time(first, k->first);
	put_id_time(last, k->last);
	id_put(example, k->last);
	buf_addf(b,
		 "\"count\":%llu,\"first\":\"%s\",\"last\":\"%s\","
		 "\"example\":\"%s\"}",
		 (unsigned long long)k->count, first, last, example);
	out_end(out);
}

/* COUNT FIRST LAST EXAMPLE, then the aspects; the longest text is the last. */
static void
add_row(struct table *t, const struct dlq_kind *k)
{
	char first[WHEN_TEXT], last[WHEN_TEXT], example[ID_TEXT];
	size_t i;

	put_id_time(first, k->first);
	put_id_time(last, k->last);
	id_put(example, k->last);
	table_f(t, TABLE_PLAIN, "%llu", (unsigned long long)k->count);
	table_f(t, TABLE_PLAIN, "%s", first);
	table_f(t, TABLE_PLAIN, "%s", last);
	table_f(t, TABLE_PLAIN, "%s", example);
	for (i = 0; i < DLQ_ASPECTS; i++) {
		const char *json = k->texts + k->aspect[i];
		size_t len = strlen(json);

		if (len > 2)
			table_text(t, TABLE_PLAIN, json + 1, len - 2);
		else
			table_none(t);
	}
}

static void
print_table(const struct dlq_stats *s, struct out *out)
{
	static const struct table_column columns[] = {
		{ "COUNT", true, false },   { "FIRST", false, false },
		{ "LAST", false, false },   { "EXAMPLE", false, false },
		{ "STREAM", false, true },  { "REASON", false, false },
		{ "GROUP", false, true },   { "TYPE", false, true },
		{ "HANDLER", false, true }, { "FINGERPRINT", false, true },
	};
	struct table t;
	size_t i;

	table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < s->count; i++)
		add_row(&t, &s->kind[i]);
	table_print(&t, 0, false, out);
	table_release(&t);
}

void
dlq_stats_print(struct dlq_stats *s, struct out *out, bool ndjson)
{
	size_t i;

	if (s->count == 0)
		return;
	qsort(s->kind, s->count, sizeof(*s->kind), by_count);
	for (i = 0; ndjson && i < s->count; i++)
		print_json(&s->kind[i], out);
	if (!ndjson)
		print_table(s, out);
}

void
dlq_stats_release(struct dlq_stats *s)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		free(s->kind[i].texts);
	free(s->kind);
	free(s->slot);
	buf_release(&s->key);
	*s = (struct dlq_stats){ 0 };
}
