/*
 * fuzz_compare - plain expressions on documents, without jq
 *
 * The input is an expression, a newline or NUL, and a document.  The verdict
 * must be the same when asked twice, in parentheses and joined with itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/compare.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOT_PLAIN = -2 };

static int
verdict(const char *expression, const struct json_doc *doc)
{
	struct compare c = { 0 };
	int rc;

	if (compare_parse(&c, expression) < 0)
		return NOT_PLAIN;
	rc = compare_match(&c, doc);
	if (compare_match(&c, doc) != rc)
		abort();
	if (rc < 0 && *compare_error(&c) == '\0')
		abort();
	compare_release(&c);
	return rc;
}

static void
check(const char *text, const struct json_doc *doc)
{
	static const char *const between[] = { NULL, ") and (", ") or (" };
	int expected = verdict(text, doc);
	size_t i;

	if (expected == NOT_PLAIN)
		return;
	for (i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		struct buf b = { 0 };
		int got;

		buf_addf(&b, "(%s", text);
		if (between[i] != NULL)
			buf_addf(&b, "%s%s", between[i], text);
		buf_addc(&b, ')');
		got = verdict(buf_text(&b), doc);
		buf_release(&b);
		/* One more parenthesis may be too many. */
		if (got != expected && got != NOT_PLAIN)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc doc = { 0 };
	struct buf expression = { 0 };
	size_t len = 0;

	while (len < size && data[len] != '\n' && data[len] != '\0')
		len++;
	if (len == size)
		return 0;
	buf_add(&expression, (const char *)data, len);
	if (json_scan(&doc, (const char *)data + len + 1, size - len - 1) == 0)
		check(buf_text(&expression), &doc);
	json_release(&doc);
	buf_release(&expression);
	return 0;
}
