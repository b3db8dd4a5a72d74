/*
 * fuzz_record - a record that is printed is read back as what it was
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int holds)
{
	if (!holds)
		abort();
}

/* Print into out's buffer alone: it is smaller than what would be written. */
static void
print(const struct record *r, struct out *out)
{
	buf_clear(&out->buf);
	check(record_print(r, out, true) == 0);
	check(out->buf.len != 0 && out->buf.data[out->buf.len - 1] == '\n');
	check(memchr(out->buf.data, '\n', out->buf.len - 1) == NULL);
}

static bool
without_newlines(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t i, k = 0;

	for (i = 0; i < a_len; i++) {
		if (a[i] == '\n' || a[i] == '\r')
			continue;
		if (k == b_len || b[k++] != a[i])
			return false;
	}
	return k == b_len;
}

/* The bytes as the body of an entry. */
static void
round_trip(const char *text, size_t len)
{
	struct record r = { .stream = "s", .id = { 7, 1 }, .deliveries = 3 };
	struct record_line line = { 0 };
	struct out out = { .fd = -1, .name = "fuzz", .terminator = '\n' };

	record_set_body(&r, text, len);
	print(&r, &out);
	check(record_parse(&line, out.buf.data, out.buf.len - 1) == 0);
	check(strcmp(line.stream, "s") == 0);
	check(id_compare(line.id, r.id) == 0);
	check(line.group == NULL);
	if (r.body == RECORD_TEXT || r.body == RECORD_BASE64)
		check(line.event_len == len &&
		      (len == 0 || memcmp(line.event, text, len) == 0));
	else
		check(without_newlines(
			r.event.doc.root.text, r.event.doc.root.len,
			line.doc.member[line.doc.count - 1].value.text,
			line.event_len));
	record_release(&r);
	record_line_release(&line);
	buf_release(&out.buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + (size == 0));
	struct record_line line = { 0 };

	check(copy != NULL);
	if (size != 0)
		memcpy(copy, data, size);
	if (size < 16000)
		round_trip(copy, size);
	if (record_parse(&line, copy, size) < 0)
		check(line.error[0] != '\0');
	record_line_release(&line);
	free(copy);
	return 0;
}
