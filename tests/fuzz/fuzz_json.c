/*
 * fuzz_json - what holds for every document that json_scan() accepts
 *
 * Copies are exactly as long as the text, for the sanitizer to see overreads.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_span(const struct json_value *outer, const struct json_value *inner)
{
	check(inner->type != JSON_NONE && inner->len != 0);
	check(inner->text >= outer->text &&
	      inner->text + inner->len <= outer->text + outer->len);
}

/* A value's bytes are a document of the same type by themselves. */
static void
check_alone(const struct json_value *value)
{
	struct json_doc doc = { 0 };
	char *copy = xmemdup0(value->text, value->len);

	check(json_scan(&doc, copy, value->len) == 0);
	check(doc.root.type == value->type && doc.root.len == value->len);
	json_release(&doc);
	free(copy);
}

static void
check_text(const struct json_value *value, struct buf *tmp)
{
	const char *text;
	size_t len;

	json_text(value, tmp, &text, &len);
	check(len <= value->len && text_utf8_prefix(text, len) == len);
}

/* A key is found by the name that it reads as, as the last of that name. */
static void
check_key(const struct json_value *object, const struct json_member *m,
	  struct buf *tmp)
{
	struct json_value key = { JSON_STRING, m->key - 1, m->key_len + 2 };
	struct json_value last;
	const char *text;
	size_t len;

	check_span(object, &key);
	check_text(&key, tmp);
	json_text(&key, tmp, &text, &len);
	check(json_key_is(m, text, len) && !json_key_is(m, text, len + 1));
	last = json_member(object, text, len);
	check_span(object, &last);
	check(last.text >= m->value.text);
}

static size_t
check_value(const struct json_value *value, struct buf *tmp, int depth)
{
	struct json_iter it;
	size_t n = 0;

	if (value->type == JSON_NUMBER)
		check(json_number_compare(value, value) == 0);
	check_text(value, tmp);
	json_iter_init(&it, value);
	while (json_iter_next(&it)) {
		check_span(value, &it.member.value);
		if (it.in_object && n < 20)
			check_key(value, &it.member, tmp);
		if (depth < 8)
			check_value(&it.member.value, tmp, depth + 1);
		n++;
	}
	return n;
}

static void
check_document(const struct json_doc *doc, struct buf *tmp)
{
	size_t i, n = check_value(&doc->root, tmp, 0);

	if (doc->root.type == JSON_OBJECT)
		check(n == doc->count);
	else
		check(doc->count == 0);
	for (i = 0; i < doc->count; i++) {
		check_span(&doc->root, &doc->member[i].value);
		if (i < 20)
			check_alone(&doc->member[i].value);
	}
}

static void
check_order(const struct json_value *a, const struct json_value *b)
{
	int there, back;

	if (a->type != JSON_NUMBER || b->type != JSON_NUMBER)
		return;
	there = json_number_compare(a, b);
	back = json_number_compare(b, a);
	check((there > 0) == (back < 0) && (there < 0) == (back > 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc doc = { 0 };
	struct buf tmp = { 0 };
	struct json_iter it;
	char *copy = size != 0 ? xmalloc(size) : NULL;

	if (size != 0)
		memcpy(copy, data, size);
	if (json_scan(&doc, copy, size) < 0) {
		check(doc.error != NULL && doc.error_at <= size);
		check(doc.count == 0 && doc.root.type == JSON_NONE);
	} else {
		struct json_value last = { 0 };

		check(text_utf8_prefix(copy, size) == size);
		check_document(&doc, &tmp);
		json_iter_init(&it, &doc.root);
		while (json_iter_next(&it)) {
			check_order(&last, &it.member.value);
			last = it.member.value;
		}
	}
	json_release(&doc);
	buf_release(&tmp);
	free(copy);
	return 0;
}
