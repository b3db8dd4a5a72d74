#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/replay_input.h"

static bool
is_stdin(const char *name)
{
	return strcmp(name, "-") == 0;
}

const char *
replay_input_name(const struct replay_input *in)
{
	return is_stdin(in->file[in->at]) ? "<stdin>" : in->file[in->at];
}

uint64_t
replay_input_number(const struct replay_input *in)
{
	return in->lines.number;
}

bool
replay_input_at_end(const struct replay_input *in)
{
	return in->at + 1 == in->files && in->lines.at_end;
}

static int
fail(const struct replay_input *in, const char *name)
{
	int error = errno;

	progress_clear(in->progress);
	fault("%s: %s", name, strerror(error));
	return -1;
}

int
replay_input_open(struct replay_input *in)
{
	bool known = true;
	size_t i;

	for (i = 0; i < in->files; i++) {
		const char *name = in->file[i];
		struct stat st;
		int rc;

		if (is_stdin(name))
			rc = fstat(STDIN_FILENO, &st);
		else if (access(name, R_OK) == 0)
			rc = stat(name, &st);
		else
			rc = -1;
		if (rc == 0 && S_ISDIR(st.st_mode)) {
			errno = EISDIR;
			rc = -1;
		}
		if (rc < 0)
			return fail(in, is_stdin(name) ? "<stdin>" : name);
		known = known && S_ISREG(st.st_mode);
		in->size += (uint64_t)st.st_size;
	}
	if (!known)
		in->size = 0;
	return 0;
}

static void
close_file(struct replay_input *in)
{
	if (in->open && in->fd != STDIN_FILENO)
		close(in->fd);
	in->open = false;
}

void
replay_input_close(struct replay_input *in)
{
	close_file(in);
	line_release(&in->lines);
	record_line_release(&in->parsed);
}

static int
open_file(struct replay_input *in)
{
	const char *name = in->file[in->at];
	struct stat st;

	in->fd = is_stdin(name) ? STDIN_FILENO
				: open(name, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return fail(in, name);
	in->open = true;
	line_release(&in->lines);
	line_init(&in->lines, in->fd, replay_input_name(in), in->max_bytes);
	if (fstat(in->fd, &st) < 0 || !S_ISREG(st.st_mode))
		in->lines.wait = in->wait;
	in->lines.arg = in->arg;
	return 0;
}

void
replay_input_refuse(struct replay_input *in, const char *why)
{
	in->refused++;
	progress_clear(in->progress);
	warn("%s:%llu: %s", in->lines.name,
	     (unsigned long long)in->lines.number, why);
}

/* Ids that our programs write have both numbers: "5" is somebody else's. */
static bool
has_entry_id(const struct json_doc *doc)
{
	const struct json_member *m = json_doc_member(doc, "id", 2);
	struct id id;

	return m != NULL && m->value.type == JSON_STRING &&
	       memchr(m->value.text, '-', m->value.len) != NULL &&
	       id_parse(m->value.text + 1, m->value.len - 2, 0, &id) == 0;
}

static bool
is_record(const struct json_doc *doc)
{
	static const char *const body[] = { "event", "fields", "text", "base64",
					    "dead" };
	const struct json_member *stream = json_doc_member(doc, "stream", 6);
	size_t i;

	if (stream == NULL || stream->value.type != JSON_STRING ||
	    !has_entry_id(doc))
		return false;
	for (i = 0; i < sizeof(body) / sizeof(body[0]); i++)
		if (json_doc_member(doc, body[i], strlen(body[i])) != NULL)
			return true;
	return false;
}

/* Make the line the current record.  NULL, or why it can't be. */
static const char *
take(struct replay_input *in)
{
	struct record_line *l = &in->parsed;
	struct record *r = in->record;
	const struct json_member *dead;

	r->stream = r->group = NULL;
	r->id = ID_MIN;
	r->dead = NULL;
	if (event_parse(&r->event, in->lines.text, in->lines.len) < 0)
		return r->event.error;
	r->body = RECORD_EVENT;
	if (!is_record(&r->event.doc))
		return NULL;
	if (record_parse(l, in->lines.text, in->lines.len) < 0)
		return l->error;
	if (l->event == NULL)
		return "a record without an event";
	r->stream = l->stream;
	r->group = l->group;
	r->id = l->id;
	dead = json_doc_member(&l->doc, "dead", 4);
	if (dead != NULL) {
		r->dead = dead->value.text;
		r->dead_len = dead->value.len;
	}
	record_set_body(r, l->event, l->event_len);
	if (l->body == RECORD_FIELDS && r->body == RECORD_EVENT)
		r->body = RECORD_FIELDS;
	return NULL;
}

int
replay_input_next(struct replay_input *in)
{
	const char *why;
	char text[64];
	int rc;

	while (in->at < in->files) {
		if (!in->open && open_file(in) < 0)
			return -1;
		rc = line_next(&in->lines);
		if (rc == 0 && !in->lines.at_end)
			return 0; /* a stop */
		if (rc == 0) {
			if (in->at + 1 == in->files)
				return 0;
			close_file(in);
			in->before += in->lines.number;
			in->at++;
			continue;
		}
		if (rc < 0 && errno != EMSGSIZE)
			return fail(in, in->lines.name);
		in->line = in->before + in->lines.number;
		in->bytes += in->lines.len + 1;
		if (in->line <= in->skip)
			continue;
		if (rc < 0) {
			snprintf(text, sizeof(text), "longer than %zu bytes",
				 in->max_bytes);
			why = text;
		} else {
			why = take(in);
		}
		if (why == NULL)
			return 1;
		replay_input_refuse(in, why);
	}
	return 0;
}
