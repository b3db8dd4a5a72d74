#include <string.h>

#include "common/handler_io.h"
#include "common/num.h"
#include "common/text.h"

struct words {
	const char *text;
	size_t len;
};

void
handler_put_text(char *out, size_t size, const char *text, size_t len)
{
	size_t used = 0;

	while (len > 0) {
		size_t valid = text_utf8_prefix(text, len < 4 ? len : 4);
		size_t n = text_utf8_len(text, valid);
		bool bad = n == 0 || *text == '\0';

		if (n == 0)
			n = 1;
		if (n >= size - used)
			break;
		if (bad)
			out[used] = '?';
		else
			memcpy(out + used, text, n);
		used += n;
		text += n;
		len -= n;
	}
	out[used] = '\0';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
skip_blanks(struct words *line)
{
	while (line->len > 0 && is_blank(*line->text)) {
		line->text++;
		line->len--;
	}
}

/* Take the first word off the line, with the blanks behind it. */
static struct words
next_word(struct words *line)
{
	struct words word = { line->text, 0 };

	while (word.len < line->len && !is_blank(word.text[word.len]))
		word.len++;
	line->text += word.len;
	line->len -= word.len;
	skip_blanks(line);
	return word;
}

static bool
is_word(struct words word, const char *name)
{
	return word.len == strlen(name) &&
	       memcmp(word.text, name, word.len) == 0;
}

/* Whole per cent, out of range included: -5, 40, 40%, 99.5, 1000.  Returns 0,
 * or -1 for what is no number. */
static int
parse_per_cent(struct words word, int *progress)
{
	bool negative = word.len > 0 && *word.text == '-';
	size_t i = negative ? 1 : 0, digits = 0;
	int value = 0;

	if (word.len > 0 && word.text[word.len - 1] == '%')
		word.len--;
	for (; i < word.len && word.text[i] >= '0' && word.text[i] <= '9';
	     i++) {
		value = value * 10 + (word.text[i] - '0');
		if (value > 100)
			value = 100;
		digits++;
	}
	if (digits > 0 && i < word.len && word.text[i] == '.')
		for (i++; i < word.len && word.text[i] >= '0' &&
			  word.text[i] <= '9';)
			i++;
	if (digits == 0 || i != word.len)
		return -1;
	*progress = negative ? 0 : value;
	return 0;
}

static void
take_line(struct handler *h, const char *text, size_t len)
{
	struct words line = { text, len }, word;
	int64_t ms;

	while (line.len > 0 && (is_blank(line.text[line.len - 1]) ||
				line.text[line.len - 1] == '\r'))
		line.len--;
	h->beat = true;
	skip_blanks(&line);
	word = next_word(&line);
	if (is_word(word, "progress")) {
		word = next_word(&line);
		if (parse_per_cent(word, &h->progress) < 0)
			return;
		handler_put_text(h->progress_text, sizeof(h->progress_text),
				 line.text, line.len);
		h->progress_is_new = true;
	} else if (is_word(word, "retry-after")) {
		if (num_duration(line.text, line.len, &ms) == 0)
			h->retry_after_ms = ms;
	} else if (is_word(word, "error") && line.len > 0) {
		word = next_word(&line);
		handler_put_text(h->error_class, sizeof(h->error_class),
				 word.text, word.len);
		handler_put_text(h->error_text, sizeof(h->error_text),
				 line.text, line.len);
	}
}

/* Keep the beginning of a line for when its end comes, unless it is too long. */
static void
keep(struct handler *h, const char *text, size_t len)
{
	if (len > sizeof(h->control_line) - h->control_len)
		h->control_skip = true;
	if (h->control_skip)
		return;
	memcpy(h->control_line + h->control_len, text, len);
	h->control_len += len;
}

void
handler_control_end(struct handler *h)
{
	if (h->control_skip)
		h->beat = true;
	else if (h->control_len > 0)
		take_line(h, h->control_line, h->control_len);
	h->control_skip = false;
	h->control_len = 0;
}

void
handler_control_take(struct handler *h, const char *text, size_t len)
{
	while (len > 0) {
		const char *lf = memchr(text, '\n', len);
		size_t n = lf != NULL ? (size_t)(lf - text) : len;

		keep(h, text, n);
		if (lf == NULL)
			return;
		handler_control_end(h);
		text += n + 1;
		len -= n + 1;
	}
}
