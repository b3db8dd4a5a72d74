#include <stdlib.h>
#include <string.h>

#include "common/dlq_stats.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/text.h"
#include "common/when.h"

enum {
	SLOTS = 4 * DLQ_KINDS,
	COLUMNS = DLQ_ASPECTS + 4,
	GAP = 2 /* blanks between columns */
};

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

/* One line of the table; the texts live in room. */
struct row {
	const char *text[COLUMNS];
	size_t len[COLUMNS];
	char count[NUM_TEXT + 1], first[WHEN_TEXT], last[WHEN_TEXT],
		example[ID_TEXT];
};

static void
set(struct row *r, size_t column, const char *text, size_t len)
{
	r->text[column] = len != 0 ? text : "-";
	r->len[column] = len != 0 ? len : 1;
}

/* COUNT FIRST LAST EXAMPLE, then the aspects; the longest text is the last. */
static void
make_row(struct row *r, const struct dlq_kind *k)
{
	size_t i;

	set(r, 0, r->count, num_put(r->count, k->count));
	put_id_time(r->first, k->first);
	put_id_time(r->last, k->last);
	set(r, 1, r->first, strlen(r->first));
	set(r, 2, r->last, strlen(r->last));
	set(r, 3, r->example, id_put(r->example, k->last));
	for (i = 0; i < DLQ_ASPECTS; i++) {
		const char *json = k->texts + k->aspect[i];
		size_t len = strlen(json);

		set(r, 4 + i, json + 1, len > 2 ? len - 2 : 0);
	}
}

static const struct row head = {
	.text = { "COUNT", "FIRST", "LAST", "EXAMPLE", "STREAM", "REASON",
		  "GROUP", "TYPE", "HANDLER", "FINGERPRINT" },
	.len = { 5, 5, 4, 7, 6, 6, 5, 4, 7, 11 },
};

/* Characters of valid UTF-8. */
static size_t
width_of(const char *text, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static void
widen(size_t *width, const struct row *r)
{
	size_t i;

	for (i = 0; i < COLUMNS; i++) {
		size_t n = width_of(r->text[i], r->len[i]);

		if (n > width[i])
			width[i] = n;
	}
}

static void
print_row(const struct row *r, const size_t *width, struct out *out)
{
	size_t i, pad;

	for (i = 0; i < COLUMNS; i++) {
		pad = width[i] - width_of(r->text[i], r->len[i]);
		if (i == 0) /* a number */
			buf_addf(&out->buf, "%*s", (int)pad, "");
		buf_add(&out->buf, r->text[i], r->len[i]);
		if (i + 1 < COLUMNS)
			buf_addf(&out->buf, "%*s",
				 (int)(i == 0 ? GAP : GAP + pad), "");
	}
	out_end(out);
}

static void
print_table(const struct dlq_stats *s, struct out *out)
{
	size_t width[COLUMNS] = { 0 }, i;
	struct row r;

	widen(width, &head);
	for (i = 0; i < s->count; i++) {
		make_row(&r, &s->kind[i]);
		widen(width, &r);
	}
	print_row(&head, width, out);
	for (i = 0; i < s->count; i++) {
		make_row(&r, &s->kind[i]);
		print_row(&r, width, out);
	}
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
