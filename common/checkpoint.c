#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/file.h"
#include "common/line.h"
#include "common/mem.h"
#include "common/record.h"
#include "common/text.h"

static int
fail(struct checkpoint *c, const char *what)
{
	snprintf(c->error, sizeof(c->error), "%s: %s", c->path, what);
	return -1;
}

static struct checkpoint_entry *
find(const struct checkpoint *c, const char *stream)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (strcmp(c->entry[i].stream, stream) == 0)
			return &c->entry[i];
	return NULL;
}

bool
checkpoint_get(const struct checkpoint *c, const char *stream, struct id *id)
{
	const struct checkpoint_entry *e = find(c, stream);

	if (e == NULL)
		return false;
	*id = e->id;
	return true;
}

void
checkpoint_set(struct checkpoint *c, const char *stream, struct id id)
{
	struct checkpoint_entry *e = find(c, stream);

	if (e == NULL) {
		c->entry = xreallocarray(c->entry, c->count + 1,
					 sizeof(*c->entry));
		e = &c->entry[c->count++];
		*e = (struct checkpoint_entry){ .stream = xstrdup(stream) };
	} else if (id_compare(id, e->id) <= 0) {
		return;
	}
	e->id = id;
	c->changed = true;
}

const char *
checkpoint_tag(const struct checkpoint *c, const char *stream)
{
	const struct checkpoint_entry *e = find(c, stream);

	return e != NULL ? e->tag : NULL;
}

void
checkpoint_set_tag(struct checkpoint *c, const char *stream, const char *tag)
{
	struct checkpoint_entry *e = find(c, stream);

	if (e == NULL)
		return;
	free(e->tag);
	e->tag = xstrdup(tag);
	c->changed = true;
}

/* The stream that a line names; NULL if none. */
static const char *
stream_of(const struct record_line *line)
{
	if (line->stream != NULL)
		return line->stream;
	if (line->event == NULL || line->body != RECORD_BASE64 ||
	    strlen(line->event) != line->event_len)
		return NULL;
	return line->event;
}

/* Take over a line's tag, if it has one. */
static void
take_tag(struct checkpoint *c, struct record_line *line)
{
	const struct json_member *m = json_doc_member(&line->doc, "tag", 3);
	struct buf tmp = { 0 }, tag = { 0 };
	const char *text;
	size_t len;

	if (m != NULL && m->value.type == JSON_STRING) {
		json_text(&m->value, &tmp, &text, &len);
		buf_set(&tag, text, len);
		checkpoint_set_tag(c, stream_of(line), tag.data);
	}
	buf_release(&tmp);
	buf_release(&tag);
}

/* A line is a record of which only stream and id are wanted. */
static int
read_lines(struct checkpoint *c, struct line_reader *in)
{
	struct record_line line = { 0 };
	int rc;

	while ((rc = line_next(in)) == 1) {
		const char *why = NULL;

		if (record_parse(&line, in->text, in->len) < 0)
			why = line.error;
		else if (stream_of(&line) == NULL || !line.has_id)
			why = "no \"stream\" or \"id\"";
		if (why != NULL) {
			snprintf(c->error, sizeof(c->error), "%s:%llu: %s",
				 c->path, (unsigned long long)in->number, why);
			rc = -1;
			break;
		}
		checkpoint_set(c, stream_of(&line), line.id);
		take_tag(c, &line);
	}
	record_line_release(&line);
	if (rc < 0 && c->error[0] == '\0')
		fail(c, strerror(errno));
	return rc;
}

int
checkpoint_open(struct checkpoint *c, const char *path)
{
	struct line_reader in;
	int fd, rc;

	*c = (struct checkpoint){ .path = path };
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(c, strerror(errno));
	line_init(&in, fd, path, LINE_MAX_BYTES);
	rc = read_lines(c, &in);
	line_release(&in);
	close(fd);
	c->changed = false;
	return rc;
}

static void
format(const struct checkpoint *c, struct buf *b)
{
	char id[ID_TEXT];
	size_t i;

	for (i = 0; i < c->count; i++) {
		const struct checkpoint_entry *e = &c->entry[i];

		size_t len = strlen(e->stream);

		id_put(id, e->id);
		if (text_utf8_prefix(e->stream, len) == len) {
			buf_adds(b, "{\"stream\":");
			buf_add_json(b, e->stream, len);
		} else {
			buf_adds(b, "{\"base64\":\"");
			buf_add_base64(b, e->stream, len);
			buf_addc(b, '"');
		}
		buf_addf(b, ",\"id\":\"%s\"", id);
		if (e->tag != NULL) {
			buf_adds(b, ",\"tag\":");
			buf_add_json(b, e->tag, strlen(e->tag));
		}
		buf_adds(b, "}\n");
	}
}

int
checkpoint_save(struct checkpoint *c)
{
	struct buf text = { 0 };
	int rc;

	if (!c->changed)
		return 0;
	format(c, &text);
	rc = file_replace(c->path, text.data, text.len);
	if (rc < 0)
		fail(c, strerror(errno));
	c->changed = rc < 0;
	buf_release(&text);
	return rc;
}

void
checkpoint_close(struct checkpoint *c)
{
	size_t i;

	for (i = 0; i < c->count; i++) {
		free(c->entry[i].stream);
		free(c->entry[i].tag);
	}
	free(c->entry);
	*c = (struct checkpoint){ 0 };
}
