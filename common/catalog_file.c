#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/catalog_state.h"
#include "common/diag.h"
#include "common/mem.h"

enum { RETRY_EVERY_MS = 10000 /* what was missing may be there now */ };

static struct catalog_stamp
stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct catalog_stamp){ 0 };
	return (struct catalog_stamp){ st.st_dev, st.st_ino, st.st_size,
				       st.st_mtim };
}

static bool
is_same(const struct catalog_stamp *a, const struct catalog_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool
has_changed(const struct catalog_file *f)
{
	size_t i;

	for (i = 0; i < f->parts; i++) {
		struct catalog_stamp now = stamp_of(f->part[i]);

		if (!is_same(&now, &f->stamp[i]))
			return true;
	}
	return false;
}

static void
forget_parts(struct catalog_file *f)
{
	while (f->parts > 0)
		free(f->part[--f->parts]);
}

static void
add_part(struct catalog_file *f, const char *path, struct catalog_stamp stamp)
{
	f->part = xreallocarray(f->part, f->parts + 1, sizeof(*f->part));
	f->stamp = xreallocarray(f->stamp, f->parts + 1, sizeof(*f->stamp));
	f->part[f->parts] = xstrdup(path);
	f->stamp[f->parts++] = stamp;
}

static void
say(void *arg, const char *text)
{
	(void)arg;
	warn("%s", text);
}

static struct schema_set *
open_set(const struct catalog *c)
{
	struct schema_set *set = schema_set_open(c->o->assert_format);
	struct buf map = { 0 };
	size_t i;

	schema_set_warn(set, say, NULL);
	if (c->dir_map != NULL)
		schema_set_map(set, c->dir_map);
	for (i = 0; i < c->maps; i++) {
		buf_clear(&map);
		buf_adds(&map, c->map[i].prefix);
		buf_addc(&map, '=');
		buf_adds(&map, c->map[i].dir);
		schema_set_map(set, buf_text(&map));
	}
	buf_release(&map);
	return set;
}

/* It can't be used: say so, but not again and again. */
static void
note_error(const struct catalog *c, struct catalog_file *f, const char *why)
{
	if (f->error != NULL && strcmp(f->error, why) == 0)
		return;
	free(f->error);
	f->error = xstrdup(why);
	if (c->opening)
		return;
	warn("%s%s", why,
	     f->schema != NULL ? "; the version before it stays" : "");
}

/* The stamp is older than what is read, so that a change meanwhile is seen. */
static void
load(struct catalog *c, struct catalog_file *f, int64_t now)
{
	struct catalog_stamp stamp = stamp_of(f->path);
	struct schema_set *set = open_set(c);
	const struct schema *schema = schema_load(set, f->path);
	const char *part;
	size_t i;

	f->loaded_at = f->looked_at = now;
	forget_parts(f);
	add_part(f, f->path, stamp);
	for (i = 0; (part = schema_set_file(set, i)) != NULL; i++)
		if (strcmp(part, f->path) != 0)
			add_part(f, part, stamp_of(part));
	if (schema == NULL) {
		note_error(c, f, schema_set_error(set));
		schema_set_close(set);
		return;
	}
	if (f->schema != NULL || f->error != NULL)
		info("%s: loaded again", f->path);
	free(f->error);
	f->error = NULL;
	schema_set_close(f->set);
	f->set = set;
	f->schema = schema;
}

static void
refresh(struct catalog *c, struct catalog_file *f, int64_t now)
{
	if (now - f->looked_at < CATALOG_LOOK_MS)
		return;
	f->looked_at = now;
	if (has_changed(f) ||
	    (f->error != NULL && now - f->loaded_at >= RETRY_EVERY_MS))
		load(c, f, now);
}

static void
file_free(struct catalog_file *f)
{
	schema_set_close(f->set);
	forget_parts(f);
	free(f->part);
	free(f->stamp);
	free(f->error);
	free(f->path);
	free(f);
}

void
catalog_drop_files(struct catalog *c)
{
	while (c->files > 0)
		file_free(c->file[--c->files]);
}

static struct catalog_file *
find_file(const struct catalog *c, const char *path)
{
	size_t i;

	for (i = 0; i < c->files; i++)
		if (strcmp(c->file[i]->path, path) == 0)
			return c->file[i];
	return NULL;
}

bool
catalog_has_file(const struct catalog *c, const char *path)
{
	return find_file(c, path) != NULL;
}

struct catalog_file *
catalog_file(struct catalog *c, const char *path, int64_t now)
{
	struct catalog_file *f = find_file(c, path);

	if (f != NULL) {
		refresh(c, f, now);
		return f;
	}
	assert(c->files < CATALOG_FILES);
	if (c->file == NULL)
		c->file = xcalloc(CATALOG_FILES, sizeof(struct catalog_file *));
	f = xcalloc(1, sizeof(*f));
	f->path = xstrdup(path);
	c->file[c->files++] = f;
	load(c, f, now);
	return f;
}
