/*
 * json_differential - documents to compare this project's reading with jq's
 *
 *     json_differential make SEED COUNT   print COUNT valid documents, one a line
 *     json_differential read              rewrite documents, one a line
 *
 * What is rewritten has passed json_scan(), was walked by json_iter, its strings
 * and keys went through json_text(), and of members with the same name only the
 * one that json_member() finds is left.  So jq must read both the same.  Numbers
 * stand as they stood: jq 1.6 is no judge of them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/text.h"

static uint64_t state;

static unsigned
pick(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % below;
}

static void
make_blanks(struct buf *b)
{
	while (pick(6) == 0)
		buf_addc(b, " \t\r"[pick(3)]);
}

static void
make_number(struct buf *b)
{
	static const char *const signs[] = { "", "+", "-" };

	if (pick(3) == 0)
		buf_addc(b, '-');
	if (pick(3) == 0)
		buf_addc(b, '0');
	else
		buf_addf(b, "%u%06u", 1 + pick(999), pick(1000000));
	if (pick(3) == 0)
		buf_addf(b, ".%02u", pick(100));
	if (pick(4) == 0)
		buf_addf(b, "%c%s%u", "eE"[pick(2)], signs[pick(3)], pick(20));
}

static unsigned
make_code(void)
{
	static const unsigned tops[] = { 0x80, 0x800, 0x10000, 0x110000 };
	unsigned code;

	do
		code = pick(tops[pick(4)]);
	while (code >= 0xd800 && code < 0xe000);
	return code;
}

static void
make_character(struct buf *b)
{
	unsigned code = pick(3) != 0 ? 0x20 + pick(0x5f) : make_code();
	bool escape =
		pick(8) == 0 || code < 0x20 || code == '"' || code == '\\';
	unsigned high = (code - 0x10000) >> 10;

	if (pick(12) == 0) {
		buf_addc(b, '\\');
		buf_addc(b, "\"\\/bfnrt"[pick(8)]);
	} else if (!escape) {
		b->len += text_utf8_put(buf_reserve(b, 4), code);
	} else if (code < 0x10000) {
		buf_addf(b, pick(2) ? "\\u%04x" : "\\u%04X", code);
	} else {
		buf_addf(b, "\\u%04x\\u%04X", 0xd800 + high,
			 0xdc00 + (code & 0x3ff));
	}
}

static void
make_string(struct buf *b)
{
	unsigned len = pick(10) == 0 ? pick(200) : pick(20);

	buf_addc(b, '"');
	while (len-- > 0)
		make_character(b);
	buf_addc(b, '"');
}

/* Few names, some of them the same in other letters, so that many repeat. */
static void
make_key(struct buf *b)
{
	static const char *const keys[] = { "a",      "\\u0061",    "b",
					    "data",   "d\\u0061ta", "",
					    "a/b",    "a\\/b",      "\xc3\xa4",
					    "\\u00e4" };

	if (pick(3) == 0)
		make_string(b);
	else
		buf_addf(b, "\"%s\"", keys[pick(10)]);
}

static void
make_value(struct buf *b, unsigned depth)
{
	static const char *const words[] = { "null", "true", "false" };
	unsigned kind = pick(depth == 0 ? 6 : 10), left = pick(7);
	bool object = kind >= 8;

	make_blanks(b);
	if (kind < 2) {
		buf_adds(b, words[pick(3)]);
	} else if (kind < 4) {
		make_number(b);
	} else if (kind < 6) {
		make_string(b);
	} else {
		buf_addc(b, object ? '{' : '[');
		make_blanks(b);
		while (left-- > 0) {
			if (object) {
				make_blanks(b);
				make_key(b);
				make_blanks(b);
				buf_addc(b, ':');
			}
			make_value(b, depth - 1);
			if (left != 0)
				buf_addc(b, ',');
		}
		buf_addc(b, object ? '}' : ']');
	}
	make_blanks(b);
}

static void
rewrite_string(struct buf *out, const struct json_value *value, struct buf *tmp)
{
	const char *text;
	size_t len;

	json_text(value, tmp, &text, &len);
	buf_add_json(out, text, len);
}

/* Write the key and return whether no later member has the same name. */
static bool
rewrite_key(struct buf *out, const struct json_value *object,
	    const struct json_member *m, struct buf *tmp)
{
	struct json_value key = { JSON_STRING, m->key - 1, m->key_len + 2 };
	struct json_value last;
	const char *text;
	size_t len;

	json_text(&key, tmp, &text, &len);
	last = json_member(object, text, len);
	if (last.text != m->value.text)
		return false;
	buf_add_json(out, text, len);
	buf_addc(out, ':');
	return true;
}

static void
rewrite(struct buf *out, const struct json_value *value, struct buf *tmp)
{
	struct json_iter it;
	bool object = value->type == JSON_OBJECT, first = true;

	if (value->type == JSON_STRING) {
		rewrite_string(out, value, tmp);
		return;
	}
	if (!object && value->type != JSON_ARRAY) {
		buf_add(out, value->text, value->len);
		return;
	}
	buf_addc(out, object ? '{' : '[');
	json_iter_init(&it, value);
	while (json_iter_next(&it)) {
		size_t before = out->len;

		if (!first)
			buf_addc(out, ',');
		if (object && !rewrite_key(out, value, &it.member, tmp)) {
			out->len = before;
			continue;
		}
		rewrite(out, &it.member.value, tmp);
		first = false;
	}
	buf_addc(out, object ? '}' : ']');
}

static int
rewrite_lines(void)
{
	struct json_doc doc = { 0 };
	struct buf out = { 0 }, tmp = { 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int status = 0;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		if (json_scan(&doc, line, (size_t)len - 1) < 0) {
			printf("refused at %zu: %s: %s", doc.error_at,
			       doc.error, line);
			status = 1;
			continue;
		}
		buf_clear(&out);
		rewrite(&out, &doc.root, &tmp);
		puts(buf_text(&out));
	}
	free(line);
	buf_release(&out);
	buf_release(&tmp);
	json_release(&doc);
	return status;
}

int
main(int argc, char **argv)
{
	struct buf b = { 0 };
	unsigned long i, count;

	if (argc == 2 && strcmp(argv[1], "read") == 0)
		return rewrite_lines();
	if (argc != 4 || strcmp(argv[1], "make") != 0) {
		fputs("usage: json_differential make SEED COUNT | read\n",
		      stderr);
		return 2;
	}
	state = strtoull(argv[2], NULL, 10) * 2654435761u + 1;
	count = strtoul(argv[3], NULL, 10);
	for (i = 0; i < count; i++) {
		buf_clear(&b);
		make_value(&b, 6);
		puts(buf_text(&b));
	}
	buf_release(&b);
	return 0;
}
