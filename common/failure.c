#include <string.h>

#include "common/failure.h"
#include "common/json.h"
#include "common/num.h"
#include "common/text.h"
#include "common/when.h"

enum {
	ERROR_MAX = 512,
	FINGERPRINT_MAX = 120,
	HEX_WORD = 8, /* letters a-f alone are a number from this length on */
	UUID_LEN = 36
};

static const char *const reasons[] = {
	[FAILURE_EXHAUSTED] = "exhausted",   [FAILURE_REJECTED] = "rejected",
	[FAILURE_CRASH_LOOP] = "crash-loop", [FAILURE_INVALID] = "invalid",
	[FAILURE_OVERSIZE] = "oversize",     [FAILURE_TRIMMED] = "trimmed",
};

const char *
failure_reason_name(enum failure_reason reason)
{
	return reasons[reason];
}

bool
failure_is_reason(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reasons[i], name) == 0)
			return true;
	return false;
}

/* Where to cut valid UTF-8 so that at most max bytes are left. */
static size_t
cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	return text_utf8_prefix(text, max);
}

/* A text that turns out to be no UTF-8 (a stream's or a handler's name) has what
 * is none replaced: the document must stay JSON. */
static void
put_bytes(struct buf *out, const char *name, const char *text, size_t len)
{
	struct buf clean = { 0 };
	size_t good;

	if (text == NULL)
		return;
	buf_add_name(out, name);
	good = text_utf8_prefix(text, len);
	if (good == len) {
		buf_add_json(out, text, len);
		return;
	}
	while (len != 0) {
		good = text_utf8_prefix(text, len);
		buf_add(&clean, text, good);
		if (good == len)
			break;
		buf_adds(&clean, "\xef\xbf\xbd");
		text += good + 1;
		len -= good + 1;
	}
	buf_add_json(out, clean.data, clean.len);
	buf_release(&clean);
}

static void
put_text(struct buf *out, const char *name, const char *text)
{
	if (text != NULL)
		put_bytes(out, name, text, strlen(text));
}

static void
put_number(struct buf *out, const char *name, int64_t n)
{
	buf_add_name(out, name);
	buf_addf(out, "%lld", (long long)n);
}

static void
put_time(struct buf *out, const char *name, int64_t ms)
{
	char time[WHEN_TEXT];

	if (ms <= 0)
		return;
	when_put(time, ms);
	put_text(out, name, time);
}

static void
put_error(struct buf *out, const char *error)
{
	size_t len;

	if (error == NULL || *error == '\0')
		return;
	len = strcspn(error, "\n");
	put_bytes(out, "error", error, cut(error, len, ERROR_MAX));
}

static void
put_exit(struct buf *out, const struct failure *f)
{
	if (f->exit >= 0)
		put_number(out, "exit", f->exit);
}

void
failure_put_ledger(struct buf *out, const struct failure *f)
{
	buf_addc(out, '{');
	put_number(out, "attempts", f->attempts);
	put_number(out, "due", f->due_ms);
	put_time(out, "first_failed", f->first_ms);
	put_time(out, "last_failed", f->last_ms);
	put_text(out, "class", f->class);
	put_error(out, f->error);
	put_exit(out, f);
	buf_addc(out, '}');
}

static int64_t
read_number(const struct json_doc *doc, const char *name)
{
	const struct json_member *m = json_doc_member(doc, name, strlen(name));
	uint64_t n;

	if (m == NULL || m->value.type != JSON_NUMBER ||
	    num_u64(m->value.text, m->value.len, &n) < 0 || n > INT64_MAX)
		return 0;
	return (int64_t)n;
}

static int64_t
read_time(const struct json_doc *doc, const char *name)
{
	const struct json_member *m = json_doc_member(doc, name, strlen(name));
	int64_t ms;

	if (m == NULL || m->value.type != JSON_STRING ||
	    when_rfc3339(m->value.text + 1, m->value.len - 2, &ms) < 0)
		return 0;
	return ms;
}

void
failure_read_ledger(struct failure *f, const char *text, size_t len)
{
	struct json_doc doc = { 0 };

	*f = (struct failure){ .exit = -1, .duration_ms = -1 };
	if (json_scan(&doc, text, len) == 0 && doc.root.type == JSON_OBJECT) {
		f->attempts = read_number(&doc, "attempts");
		f->due_ms = read_number(&doc, "due");
		f->first_ms = read_time(&doc, "first_failed");
		f->last_ms = read_time(&doc, "last_failed");
	}
	json_release(&doc);
}

static void
put_fingerprint(struct buf *out, enum failure_reason reason,
		const struct failure *f)
{
	const char *text = f->said, *class = f->class;
	struct buf print = { 0 };

	if (text == NULL || text[strspn(text, " \t\r\n")] == '\0')
		text = f->error != NULL ? f->error : "";
	if (class == NULL || *class == '\0')
		class = failure_reason_name(reason);
	failure_fingerprint(&print, class, text, strlen(text));
	put_bytes(out, "fingerprint", print.data, print.len);
	buf_release(&print);
}

void
failure_put_dead(struct buf *out, enum failure_reason reason,
		 const struct failure *f, const struct failure_event *e)
{
	char id[ID_TEXT];

	id_put(id, e->id);
	buf_addc(out, '{');
	put_text(out, "reason", failure_reason_name(reason));
	put_text(out, "class", f->class);
	put_text(out, "stream", e->stream);
	put_text(out, "id", id);
	put_text(out, "group", e->group);
	put_bytes(out, "event_id", e->event_id, e->event_id_len);
	put_bytes(out, "type", e->type, e->type_len);
	put_number(out, "attempts", f->attempts);
	if (e->deliveries > 0)
		put_number(out, "deliveries", e->deliveries);
	put_time(out, "first_failed", f->first_ms);
	put_time(out, "last_failed", f->last_ms);
	put_error(out, f->error);
	put_exit(out, f);
	put_text(out, "signal", f->signal);
	if (f->said != NULL && *f->said != '\0')
		put_text(out, "stderr", f->said);
	put_text(out, "handler", e->handler);
	put_text(out, "consumer", e->consumer);
	if (f->duration_ms >= 0)
		put_number(out, "duration_ms", f->duration_ms);
	put_fingerprint(out, reason, f);
	put_number(out, "redrives", e->redrives);
	buf_addc(out, '}');
}

static bool
is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The last line that is not blank, without blanks at its ends. */
static void
last_line(const char **text, size_t *len)
{
	const char *start = *text, *end = *text + *len, *line;

	while (end > start && is_blank(end[-1]))
		end--;
	for (line = end; line > start && line[-1] != '\n';)
		line--;
	while (line < end && is_blank(*line))
		line++;
	*text = line;
	*len = (size_t)(end - line);
}

static bool
is_uuid(const char *text, size_t len)
{
	size_t i;

	if (len < UUID_LEN || (len > UUID_LEN && is_word(text[UUID_LEN])))
		return false;
	for (i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !is_hex(text[i]))
			return false;
	}
	return true;
}

/* Whether a whole word is a number: 0x…, or hexadecimal digits of which one is
 * decimal or which are too many for a word of a language. */
static bool
is_hex_word(const char *text, size_t len)
{
	bool digit = false;
	size_t i;

	if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		text += 2;
		len -= 2;
		digit = true;
	}
	for (i = 0; i < len; i++) {
		if (!is_hex(text[i]))
			return false;
		digit = digit || is_digit(text[i]);
	}
	return digit || len >= HEX_WORD;
}

/* Digits, with what points between them: 17, 1.5, 10.0.0.1 */
static size_t
number_len(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && (is_digit(text[i]) ||
			   (text[i] == '.' && i != 0 && i + 1 < len &&
			    is_digit(text[i - 1]) && is_digit(text[i + 1]))))
		i++;
	return i;
}

/* Append one word, masked; returns how much of the text it took. */
static size_t
put_word(struct buf *out, const char *text, size_t len)
{
	size_t word = 0, i = 0, n;

	if (is_uuid(text, len)) {
		buf_addc(out, '#');
		return UUID_LEN;
	}
	while (word < len && is_word(text[word]))
		word++;
	n = number_len(text, len);
	if (n >= word) {
		buf_addc(out, '#');
		return n;
	}
	if (is_hex_word(text, word)) {
		buf_addc(out, '#');
		return word;
	}
	while (i < word) {
		n = number_len(text + i, len - i);
		if (n != 0)
			buf_addc(out, '#');
		else
			buf_addc(out, text[i]);
		i += n != 0 ? n : 1;
	}
	return i;
}

void
failure_fingerprint(struct buf *out, const char *class, const char *text,
		    size_t len)
{
	size_t i = 0, start;

	buf_adds(out, class);
	last_line(&text, &len);
	if (len == 0)
		return;
	buf_adds(out, ": ");
	start = out->len;
	while (i < len && out->len - start <= FINGERPRINT_MAX) {
		if (is_word(text[i])) {
			i += put_word(out, text + i, len - i);
			continue;
		}
		if (!is_blank(text[i]))
			buf_addc(out, text[i]);
		else if (out->data[out->len - 1] != ' ')
			buf_addc(out, ' ');
		i++;
	}
	out->len = start +
		   cut(out->data + start, out->len - start, FINGERPRINT_MAX);
	while (out->len > start && out->data[out->len - 1] == ' ')
		out->len--;
}
