#include <stdlib.h>
#include <string.h>

#include "common/catalog_state.h"
#include "common/mem.h"
#include "common/when.h"

enum { URI_MAX = 2000 /* bytes; a longer one names nothing */ };

/* Whether someone else's text may be the name of a file of ours. */
static bool
is_name(const char *text, size_t len)
{
	size_t i;

	if (len == 0 || len > CATALOG_NAME_MAX || *text == '.')
		return false;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < ' ' || c == 0x7f || c == '/' ||
		    (c == '.' && i > 0 && text[i - 1] == '.'))
			return false;
	}
	return true;
}

/* All parts of a relative path. */
static bool
are_names(const char *text, size_t len)
{
	size_t start = 0, i;

	for (i = 0; i <= len; i++)
		if (i == len || text[i] == '/') {
			if (!is_name(text + start, i - start))
				return false;
			start = i + 1;
		}
	return true;
}

static bool
is_file(struct buf *path)
{
	struct stat st;

	return stat(buf_text(path), &st) == 0 && S_ISREG(st.st_mode);
}

/* The map of the longest prefix that a URI begins with, as whole segments. */
static const struct catalog_map *
map_of(const struct catalog *c, const char *uri, size_t len)
{
	const struct catalog_map *best = NULL;
	size_t i, most = 0;

	for (i = 0; i < c->maps; i++) {
		const char *prefix = c->map[i].prefix;
		size_t n = strlen(prefix);

		if (n < len && n > most && memcmp(uri, prefix, n) == 0 &&
		    (strchr("/:", prefix[n - 1]) != NULL || uri[n] == '/')) {
			best = &c->map[i];
			most = n;
		}
	}
	return best;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
add_decoded(struct buf *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] == '%' && len - i > 2 && hex(text[i + 1]) >= 0 &&
		    hex(text[i + 2]) >= 0) {
			buf_addc(out, (char)(hex(text[i + 1]) * 16 +
					     hex(text[i + 2])));
			i += 2;
		} else {
			buf_addc(out, text[i]);
		}
}

static void
begin_path(struct buf *path, const char *dir)
{
	buf_clear(path);
	buf_adds(path, dir);
	if (path->len == 0 || path->data[path->len - 1] != '/')
		buf_addc(path, '/');
}

/* Make path that of a URI; false if there is no such file.  What names a part of
 * a schema names none. */
static bool
find_uri(struct catalog *c, const char *uri, size_t len)
{
	const char *hash = memchr(uri, '#', len);
	const struct catalog_map *map;
	size_t start, n;

	if (hash == uri + len - 1)
		len--;
	else if (hash != NULL)
		return false;
	map = map_of(c, uri, len);
	if (map == NULL)
		return false;
	begin_path(&c->path, map->dir);
	start = c->path.len;
	n = strlen(map->prefix);
	n += uri[n] == '/';
	add_decoded(&c->path, uri + n, len - n);
	if (!are_names(c->path.data + start, c->path.len - start))
		return false;
	if (is_file(&c->path))
		return true;
	buf_adds(&c->path, ".json");
	return is_file(&c->path);
}

static bool
find_type(struct catalog *c, const char *type, size_t len, const char *version,
	  size_t version_len)
{
	if (c->o->dir == NULL || !is_name(type, len))
		return false;
	begin_path(&c->path, c->o->dir);
	buf_add(&c->path, type, len);
	len = c->path.len;
	if (is_name(version, version_len)) {
		buf_addc(&c->path, '/');
		buf_add(&c->path, version, version_len);
		buf_adds(&c->path, ".json");
		if (is_file(&c->path))
			return true;
		c->path.len = len;
	}
	buf_adds(&c->path, ".json");
	return is_file(&c->path);
}

static uint64_t
hash_of(const char *text, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3;
	return hash ^ hash >> 32;
}

void
catalog_drop_names(struct catalog *c)
{
	size_t i;

	for (i = 0; c->names > 0 && i < CATALOG_SLOTS; i++) {
		if (c->slot[i] == NULL)
			continue;
		free(c->slot[i]->key);
		free(c->slot[i]);
		c->slot[i] = NULL;
		c->names--;
	}
	c->last = NULL;
}

static bool
is_key(const struct catalog *c, const struct catalog_name *n)
{
	return n->len == c->key.len && memcmp(n->key, c->key.data, n->len) == 0;
}

/* The slot of the key, which is empty if it is not known. */
static struct catalog_name **
slot_of(struct catalog *c, uint64_t hash)
{
	size_t i = hash % CATALOG_SLOTS;

	if (c->slot == NULL)
		c->slot = xcalloc(CATALOG_SLOTS, sizeof(struct catalog_name *));
	while (c->slot[i] != NULL &&
	       (c->slot[i]->hash != hash || !is_key(c, c->slot[i])))
		i = (i + 1) % CATALOG_SLOTS;
	return &c->slot[i];
}

static struct catalog_name *
name_of_key(struct catalog *c)
{
	uint64_t hash = hash_of(c->key.data, c->key.len);
	struct catalog_name **slot = slot_of(c, hash), *n = *slot;

	if (n != NULL)
		return n;
	if (c->names == CATALOG_FILES) {
		catalog_drop_names(c);
		slot = slot_of(c, hash);
	}
	n = *slot = xcalloc(1, sizeof(*n));
	n->key = xmemdup0(c->key.data, c->key.len);
	n->len = c->key.len;
	n->hash = hash;
	n->looked_at = INT64_MIN / 2;
	c->names++;
	return n;
}

/* Where the parts of a key begin; they are version, type and URI. */
struct parts {
	size_t type, uri;
};

/* What can't be a name is as good as absent. */
static void
add_role(struct catalog *c, const struct event *ev, enum event_role role)
{
	const char *text;
	size_t len;

	if (event_role_text(ev, role, &c->tmp, &text, &len) &&
	    len <= CATALOG_NAME_MAX && memchr(text, '\0', len) == NULL)
		buf_add(&c->key, text, len);
	buf_addc(&c->key, '\0');
}

static struct parts
make_key(struct catalog *c, const struct event *ev)
{
	const char *member =
		ev->profile == c->cloudevents ? "dataschema" : "$schema";
	const struct json_member *m;
	struct parts parts;
	const char *text;
	size_t len;

	buf_clear(&c->key);
	add_role(c, ev, ROLE_VERSION);
	parts.type = c->key.len;
	add_role(c, ev, ROLE_TYPE);
	parts.uri = c->key.len;
	if (c->maps == 0)
		return parts;
	m = json_doc_member(&ev->doc, member, strlen(member));
	if (m == NULL || m->value.type != JSON_STRING)
		return parts;
	json_text(&m->value, &c->tmp, &text, &len);
	if (len <= URI_MAX && map_of(c, text, len) != NULL)
		buf_add(&c->key, text, len);
	return parts;
}

/* Look the name up among the files again.  Returns the name, which is another
 * struct if all had to be forgotten. */
static struct catalog_name *
look(struct catalog *c, struct catalog_name *n, struct parts p, int64_t now)
{
	const char *key = c->key.data;
	bool found = c->key.len > p.uri &&
		     find_uri(c, key + p.uri, c->key.len - p.uri);

	if (!found)
		found = find_type(c, key + p.type, p.uri - p.type - 1, key,
				  p.type - 1);
	if (found && c->files == CATALOG_FILES &&
	    !catalog_has_file(c, c->path.data)) {
		catalog_drop_names(c);
		catalog_drop_files(c);
		n = name_of_key(c);
	}
	n->file = found ? catalog_file(c, c->path.data, now) : NULL;
	n->looked_at = now;
	return n;
}

struct catalog_file *
catalog_find(struct catalog *c, const struct event *ev)
{
	int64_t now = when_monotonic();
	struct catalog_name *n = c->last;
	struct parts parts;

	if (c->o->file != NULL)
		return catalog_file(c, c->o->file, now);
	parts = make_key(c, ev);
	if (n == NULL || !is_key(c, n))
		n = name_of_key(c);
	if (now - n->looked_at >= CATALOG_LOOK_MS)
		n = look(c, n, parts, now);
	c->last = n;
	return n->file;
}
