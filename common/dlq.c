#include <string.h>

#include "common/dlq.h"
#include "common/num.h"
#include "common/text.h"

static bool
find_field(const struct entry *e, const char *want, const char **text,
	   size_t *len)
{
	const char *name;
	size_t i, name_len;

	for (i = 0; i < e->fields; i++) {
		entry_field(e, i, &name, &name_len, text, len);
		if (name_len == strlen(want) &&
		    memcmp(name, want, name_len) == 0)
			return true;
	}
	return false;
}

static bool
is_text(const struct dlq_text *t, const char *want)
{
	return t->len == strlen(want) && memcmp(t->text, want, t->len) == 0;
}

static struct dlq_text
member(struct dlq_dead *dead, const char *name, struct buf *tmp)
{
	const struct json_member *m =
		json_doc_member(&dead->doc, name, strlen(name));
	struct dlq_text t = { "", 0 };

	if (m != NULL && m->value.type == JSON_STRING)
		json_text(&m->value, tmp, &t.text, &t.len);
	return t;
}

static uint64_t
number(const struct json_doc *doc, const char *name)
{
	const struct json_member *m = json_doc_member(doc, name, strlen(name));
	uint64_t n = 0;

	if (m != NULL && m->value.type == JSON_NUMBER)
		num_u64(m->value.text, m->value.len, &n);
	return n;
}

static void
read_members(struct dlq_dead *dead)
{
	struct dlq_text group = member(dead, "group", &dead->tmp[0]);

	dead->reason = member(dead, "reason", &dead->tmp[1]);
	dead->type = member(dead, "type", &dead->tmp[2]);
	dead->handler = member(dead, "handler", &dead->tmp[3]);
	dead->fingerprint = member(dead, "fingerprint", &dead->tmp[4]);
	dead->redrives = number(&dead->doc, "redrives");
	/* A group's name becomes part of a key's. */
	if (group.len == 0 || memchr(group.text, '\0', group.len) != NULL)
		return;
	if (group.text != dead->tmp[0].data)
		buf_add(&dead->tmp[0], group.text, group.len);
	dead->group = buf_text(&dead->tmp[0]);
}

void
dlq_read(struct dlq_dead *dead, const struct entry *e, const char *field)
{
	static const struct dlq_text none = { "", 0 };
	const char *text;
	size_t len;

	buf_clear(&dead->tmp[0]);
	dead->json = dead->group = NULL;
	dead->reason = dead->type = dead->handler = dead->fingerprint = none;
	dead->redrives = 0;
	if (find_field(e, "dead", &text, &len) &&
	    json_scan(&dead->doc, text, len) == 0 &&
	    dead->doc.root.type == JSON_OBJECT) {
		dead->json = dead->doc.root.text;
		dead->json_len = dead->doc.root.len;
		read_members(dead);
	}
	dead->has_event =
		find_field(e, field != NULL ? field : "data", &text, &len) &&
		(len != 0 || !is_text(&dead->reason, "trimmed"));
}

bool
dlq_dead_entry(struct dlq_dead *dead, const char *stream, struct id *id)
{
	struct dlq_text name, entry;
	bool same;

	if (dead->json == NULL || dead->redrives != 0)
		return false;
	name = member(dead, "stream", &dead->tmp[5]);
	same = is_text(&name, stream);
	entry = member(dead, "id", &dead->tmp[5]);
	return same && id_parse(entry.text, entry.len, 0, id) == 0;
}

void
dlq_dead_release(struct dlq_dead *dead)
{
	size_t i;

	json_release(&dead->doc);
	for (i = 0; i < sizeof(dead->tmp) / sizeof(dead->tmp[0]); i++)
		buf_release(&dead->tmp[i]);
	*dead = (struct dlq_dead){ 0 };
}

/* The newest entry bounds the range: what is redriven may die again at once. */
static int
add_stream(struct dlq *d, const char *stream)
{
	struct buf key = { 0 };
	struct id newest, last = d->last;
	int rc;

	stream_companion(&key, stream, "dlq");
	do
		rc = scan_newest(d->conn, key.data, &newest);
	while (rc < 0 && conn_is_lost(d->conn) && conn_reconnect(d->conn) == 0);
	if (rc == 0)
		newest = ID_MIN;
	if (id_compare(newest, last) < 0)
		last = newest;
	scan_add(&d->scan, key.data, d->first, last);
	buf_release(&key);
	return rc < 0 ? -1 : 0;
}

int
dlq_open(struct dlq *d, struct conn *c, const struct dlq_options *o,
	 struct select *select, char *const *streams, size_t count)
{
	int64_t now = 0;
	size_t i;

	*d = (struct dlq){
		.conn = c,
		.options = o,
		.select = select,
		.streams = streams,
		.first = ID_MIN,
		.last = ID_MAX,
	};
	scan_init(&d->scan, c, false);
	if ((when_needs_now(&o->since) || when_needs_now(&o->until)) &&
	    (now = conn_now(c)) < 0)
		return -1;
	if (o->since.kind != WHEN_UNSET)
		d->first = when_first_id(&o->since, now);
	if (o->until.kind != WHEN_UNSET)
		d->last = when_last_id(&o->until, now);
	for (i = 0; i < count; i++)
		if (add_stream(d, streams[i]) < 0)
			return -1;
	return 0;
}

static bool
is_wanted(const struct dlq *d)
{
	const struct dlq_options *o = d->options;
	size_t i;

	if (o->group != NULL &&
	    (d->dead.group == NULL || strcmp(d->dead.group, o->group) != 0))
		return false;
	for (i = 0; i < o->reasons.count; i++)
		if (is_text(&d->dead.reason, o->reasons.item[i]))
			return true;
	return o->reasons.count == 0;
}

/* A dead letter without its event: the type is known from `dead`, a filter has
 * nothing to be true for. */
static int
select_none(struct dlq *d)
{
	const struct select_options *o = d->select->options;
	struct record *r = &d->select->record;
	size_t i;

	r->id = d->id;
	r->body = RECORD_NONE;
	r->event.text = "";
	r->event.len = 0;
	if (o->filter != NULL)
		return 0;
	for (i = 0; i < o->types.count; i++)
		if (text_glob(o->types.item[i], d->dead.type.text,
			      d->dead.type.len))
			return 1;
	return o->types.count == 0;
}

int
dlq_next(struct dlq *d)
{
	struct record *r = &d->select->record;
	const char *field = d->select->options->field;
	struct entry e;
	int rc;

	while ((rc = scan_next(&d->scan, &e, &d->stream)) == 1) {
		d->id = e.id;
		dlq_read(&d->dead, &e, field);
		if (!is_wanted(d))
			continue;
		r->stream = d->streams[d->stream];
		r->group = d->dead.group;
		r->dead = d->dead.json;
		r->dead_len = d->dead.json_len;
		if (!d->dead.has_event && is_text(&d->dead.reason, "trimmed"))
			rc = select_none(d);
		else
			rc = select_entry(d->select, &e);
		if (rc != 0)
			return rc < 0 ? 2 : 1;
	}
	return rc;
}

void
dlq_close(struct dlq *d)
{
	scan_release(&d->scan);
	dlq_dead_release(&d->dead);
	*d = (struct dlq){ 0 };
}

const char *
dlq_name_error(const char *stream)
{
	const char *wrong = stream_name_error(stream);
	size_t len = strlen(stream);

	if (wrong == NULL && len > 4 && strcmp(stream + len - 4, ":dlq") == 0)
		wrong = "name the stream, not its dead letters";
	return wrong;
}

int
dlq_is_known(struct conn *c, const char *stream)
{
	struct buf key = { 0 };
	struct reply *r;
	int64_t keys;
	int rc = -1;

	stream_companion(&key, stream, "dlq");
	conn_commandv(c, "EXISTS", stream, key.data, NULL);
	r = conn_result(c);
	if (r != NULL && reply_number(r, 0, &keys) == 0)
		rc = keys != 0;
	buf_release(&key);
	return rc;
}

int64_t
dlq_length(struct conn *c, const char *stream)
{
	struct buf key = { 0 };
	struct reply *r;
	int64_t n = -1;

	stream_companion(&key, stream, "dlq");
	do {
		conn_commandv(c, "XLEN", key.data, NULL);
		r = conn_result(c);
	} while (r == NULL && conn_is_lost(c) && conn_reconnect(c) == 0);
	if (r != NULL && reply_number(r, 0, &n) < 0) {
		conn_fail_shape(c, "XLEN");
		n = -1;
	}
	buf_release(&key);
	return n;
}
