#include "common/scan.h"
#include "common/trim.h"
#include "common/trim_parts.h"

enum {
	SYNC_ENTRIES = 65536, /* archived between two syncs */
	SYNC_BYTES = 64 << 20,
	CLOCK_EVERY = 64
};

/*
 * An entry as a record that has all of it: its body alone if it has one field, or
 * if the user said which field holds the event.
 */
static void
read_entry(struct trim *t, const struct entry *e, struct record *r)
{
	const char *text, *name;
	size_t len, name_len, i;

	r->id = e->id;
	if ((e->fields == 1 || t->field != NULL) &&
	    entry_body(e, t->field, &text, &len)) {
		record_set_body(r, text, len);
		return;
	}
	record_begin_fields(r);
	for (i = 0; i < e->fields; i++) {
		entry_field(e, i, &name, &name_len, &text, &len);
		record_add_field(r, name, name_len, text, len);
	}
	record_end_fields(r);
}

/* Put entries of a range into the archive, `most` at most.  1, 0 if there is
 * none, or -1, -2. */
static int
save(struct trim *t, struct scan *scan, uint64_t most, struct record *record)
{
	uint64_t n = 0;
	struct entry e;
	size_t stream;
	int rc = 1;

	if (most > SYNC_ENTRIES)
		most = SYNC_ENTRIES;
	while (n < most && t->archive->since_sync < SYNC_BYTES &&
	       (n % CLOCK_EVERY != 0 || !trim_is_over(t)) &&
	       (rc = scan_next(scan, &e, &stream)) == 1) {
		read_entry(t, &e, record);
		if (archive_add(t->archive, record) < 0)
			return -2;
		t->saved = e.id;
		n++;
	}
	if (rc < 0)
		return -1;
	if (n != 0 && archive_sync(t->archive) < 0)
		return -2;
	t->archived += n;
	return n != 0;
}

/* What a run before this one, or another limit, has left in the archive and in
 * the stream goes first.  0, -1, -2. */
static int
remove_saved(struct trim *t, struct id before, uint64_t keep, uint64_t *quota)
{
	uint64_t removed = t->removed;
	struct id behind;
	int rc;

	if (!t->looked_up) {
		rc = archive_find(t->archive, t->stream, t->state.first,
				  &t->saved);
		if (rc < 0)
			return -2;
		if (rc == 0)
			t->saved = ID_MIN;
		t->looked_up = true;
	}
	if (id_compare(t->saved, t->state.first) < 0)
		return 0;
	behind = id_next(t->saved);
	if (trim_remove(t, id_compare(behind, before) < 0 ? behind : before,
			keep, *quota) < 0)
		return -1;
	removed = t->removed - removed;
	*quota -= removed < *quota ? removed : *quota;
	return trim_look(t);
}

/* Whether all that was archived is out of the stream. */
static bool
is_clear(const struct trim *t)
{
	return t->state.length == 0 || id_compare(t->saved, ID_MIN) == 0 ||
	       id_compare(t->state.first, t->saved) > 0;
}

int
trim_remove_archived(struct trim *t, struct id before, uint64_t keep,
		     uint64_t quota)
{
	struct record record = { .stream = t->stream };
	struct id bound;
	struct scan scan;
	int rc;

	if (trim_look(t) < 0)
		return -1;
	rc = remove_saved(t, before, keep, &quota);
	if (rc < 0 || !is_clear(t) || quota == 0)
		return rc;
	bound = !t->force && id_compare(t->state.floor, before) < 0
			? t->state.floor
			: before;
	if (t->state.length == 0 || id_compare(bound, t->state.first) <= 0)
		return 0;
	scan_init(&scan, t->reader, false);
	scan_add(&scan, t->stream, t->state.first, id_prev(bound));
	while (quota != 0 && is_clear(t) && !trim_is_over(t)) {
		rc = save(t, &scan, quota, &record);
		if (rc <= 0)
			break;
		/* What was saved is within the quota, and still asked for. */
		rc = remove_saved(t, before, keep, &quota);
		if (rc < 0)
			break;
	}
	if (rc >= 0 && scan_end(&scan) < 0)
		rc = -1;
	scan_release(&scan);
	record_release(&record);
	return rc < 0 ? rc : 0;
}
