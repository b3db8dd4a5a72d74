#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/diag.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/text.h"

char *
buf_reserve(struct buf *b, size_t more)
{
	size_t need = mem_add(b->len, more);

	if (need > b->cap || b->data == NULL) {
		b->cap = mem_grow(b->cap, need < 64 ? 64 : need);
		b->data = xrealloc(b->data, b->cap);
	}
	return b->data + b->len;
}

void
buf_add(struct buf *b, const char *text, size_t len)
{
	char *end = buf_reserve(b, len);

	if (len != 0)
		memcpy(end, text, len);
	b->len += len;
}

void
buf_adds(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_addc(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	b->len++;
}

void
buf_addu(struct buf *b, uint64_t n)
{
	b->len += num_put(buf_reserve(b, NUM_TEXT), n);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(len >= 0);
	buf_reserve(b, (size_t)len + 1);
	va_start(args, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
	va_end(args);
	b->len += (size_t)len;
}

void
buf_add_number(struct buf *b, double n)
{
	if (n > -1e15 && n < 1e15 && n == (double)(int64_t)n)
		buf_addf(b, "%lld", (long long)n);
	else
		buf_addf(b, "%.9g", n);
}

void
buf_add_json(struct buf *b, const char *text, size_t len)
{
	buf_addc(b, '"');
	while (len != 0) {
		size_t n = text_utf8_len(text, len);

		assert(n != 0);
		b->len += text_json_escape(buf_reserve(b, 6), text, n);
		text += n;
		len -= n;
	}
	buf_addc(b, '"');
}

void
buf_add_base64(struct buf *b, const char *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = (const unsigned char *)bytes;
	char *out = buf_reserve(b, mem_mul(len / 3 + 1, 4));

	for (; len >= 3; s += 3, len -= 3) {
		*out++ = digits[s[0] >> 2];
		*out++ = digits[(s[0] & 3) << 4 | s[1] >> 4];
		*out++ = digits[(s[1] & 15) << 2 | s[2] >> 6];
		*out++ = digits[s[2] & 63];
	}
	if (len != 0) {
		unsigned second = len == 2 ? s[1] : 0;

		*out++ = digits[s[0] >> 2];
		*out++ = digits[(s[0] & 3u) << 4 | second >> 4];
		*out++ = len == 2 ? digits[(second & 15) << 2] : '=';
		*out++ = '=';
	}
	b->len = (size_t)(out - b->data);
}

void
buf_add_json_bytes(struct buf *b, const char *bytes, size_t len)
{
	if (text_utf8_prefix(bytes, len) == len) {
		buf_add_json(b, bytes, len);
		return;
	}
	buf_adds(b, "{\"base64\":\"");
	buf_add_base64(b, bytes, len);
	buf_adds(b, "\"}");
}

void
buf_add_name(struct buf *b, const char *name)
{
	if (b->data[b->len - 1] != '{')
		buf_addc(b, ',');
	buf_addc(b, '"');
	buf_adds(b, name);
	buf_adds(b, "\":");
}

void
buf_add_member(struct buf *b, const char *name, const char *text)
{
	if (text == NULL)
		return;
	buf_add_name(b, name);
	buf_add_json_bytes(b, text, strlen(text));
}

const char *
buf_text(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return b->data;
}

void
buf_set(struct buf *b, const char *text, size_t len)
{
	buf_clear(b);
	buf_add(b, text, len);
	buf_text(b);
}

void
buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->len -= n;
	if (b->len != 0)
		memmove(b->data, b->data + n, b->len);
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
}

void
buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}
