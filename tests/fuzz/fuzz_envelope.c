/*
 * fuzz_envelope - what is made or filled is what the check takes
 *
 * The input is an event to check and fill, a document and a text to wrap, and,
 * a line each, the texts that an envelope repeats.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/envelope.h"
#include "common/event.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 10, NOW = 1000000000 };

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_verdict(struct event *ev, const struct event_profile *required)
{
	int rc = event_check(ev, required);

	check((rc == 0) == (ev->error[0] == '\0'));
	check(memchr(ev->error, '\0', sizeof(ev->error)) != NULL);
	check(required == NULL || ev->profile == required);
	check(rc == -1 || ev->profile == NULL ||
	      (ev->role[ROLE_ID].len > 2 && ev->role[ROLE_TYPE].len > 2));
}

static bool
is_gap(const struct json_value *value)
{
	return value->type == JSON_NULL ||
	       (value->type == JSON_STRING && value->len == 2);
}

/* Members came in front, others were filled, the rest is as it was. */
static void
check_members(const struct json_doc *old, const struct json_doc *new)
{
	size_t more = new->count - old->count, i;

	check(new->count >= old->count &&more <= 3);
	for (i = 0; i < old->count; i++) {
		const struct json_member *a = &old->member[i];
		const struct json_member *b = &new->member[i + more];

		check(a->key_len == b->key_len &&
		      memcmp(a->key, b->key, a->key_len) == 0);
		check(is_gap(&a->value) || (a->value.len == b->value.len &&
					    memcmp(a->value.text, b->value.text,
						   a->value.len) == 0));
	}
}

static void
check_fill(struct event *ev)
{
	struct event filled = { 0 };
	struct buf out = { 0 };

	event_recognise(ev, EVENT_ALL_ROLES);
	if (envelope_fill(ev, &out, NOW) == 0) {
		check(out.len == 0);
		return;
	}
	check(event_parse(&filled, out.data, out.len) == 0);
	check_members(&ev->doc, &filled.doc);
	event_recognise(&filled, EVENT_ALL_ROLES);
	check(filled.profile != NULL);
	check(ev->profile == NULL || filled.profile == ev->profile);
	check(filled.role[ROLE_ID].len > 0 && filled.role[ROLE_TIME].len > 0);
	out.len = 0;
	check(envelope_fill(&filled, &out, NOW) == 0);
	event_release(&filled);
	buf_release(&out);
}

static void
check_wrap(const struct envelope *e, const char *text, size_t len, bool as_text)
{
	struct event ev = { 0 };
	struct buf out = { 0 };

	envelope_wrap(e, &out, NOW, text, len, as_text);
	check(event_parse(&ev, out.data, out.len) == 0);
	check(event_check(&ev, event_profile_find("cloudevents")) == 0);
	event_release(&ev);
	buf_release(&out);
}

static void
check_texts(char *lines, const char *text, size_t len)
{
	char *line[LINES] = { NULL };
	struct envelope_ext ext[2];
	struct envelope e = { .ext = ext };
	size_t i;

	for (i = 0; i < LINES && lines != NULL; i++)
		line[i] = strsep(&lines, "\n");
	e.type = line[0];
	e.source = line[1];
	e.subject = line[2];
	e.correlation = line[3];
	e.causation = line[4];
	e.traceparent = line[5];
	for (i = 6; i + 1 < LINES && line[i + 1] != NULL; i += 2)
		ext[e.ext_count++] =
			(struct envelope_ext){ line[i], line[i + 1] };
	if (envelope_init(&e) < 0)
		check(e.error[0] != '\0');
	else
		check_wrap(&e, text, len, true);
	envelope_release(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope e = { .type = "t", .source = "/s" };
	char *copy = malloc(size + 1);
	struct event ev = { 0 };

	check(copy != NULL);
	memcpy(copy, data, size);
	copy[size] = '\0';
	check(envelope_init(&e) == 0);
	if (event_parse(&ev, copy, size) == 0) {
		check_verdict(&ev, NULL);
		check_verdict(&ev, event_profile_find("cloudevents"));
		check_verdict(&ev, event_profile_find("domain"));
		check_fill(&ev);
		check_wrap(&e, copy, size, false);
	}
	if (text_utf8_prefix(copy, size) == size) {
		char *lines = strdup(copy);

		check(lines != NULL);
		check_wrap(&e, copy, size, true);
		check_texts(lines, copy, size);
		free(lines);
	} else {
		check_texts(copy, "", 0);
	}
	event_release(&ev);
	envelope_release(&e);
	free(copy);
	return 0;
}
