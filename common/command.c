#include <string.h>

#include "common/command.h"
#include "common/mem.h"
#include "common/num.h"

enum { HEAD = 1 + NUM_TEXT + 2 }; /* "$<len>\r\n" */

static char *
put_head(char *at, char kind, size_t n)
{
	*at++ = kind;
	at += num_put(at, n);
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

void
command_begin(struct buf *out, size_t argc)
{
	char *end = put_head(buf_reserve(out, HEAD), '*', argc);

	out->len = (size_t)(end - out->data);
}

void
command_add(struct buf *out, const char *text, size_t len)
{
	char *end = buf_reserve(out, mem_add(len, HEAD + 2));

	end = put_head(end, '$', len);
	if (len != 0)
		memcpy(end, text, len);
	end += len;
	*end++ = '\r';
	*end++ = '\n';
	out->len = (size_t)(end - out->data);
}

void
command_adds(struct buf *out, const char *word)
{
	command_add(out, word, strlen(word));
}

void
command_addu(struct buf *out, uint64_t n)
{
	char digits[NUM_TEXT];

	command_add(out, digits, num_put(digits, n));
}
