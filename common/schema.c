#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/schema_state.h"

struct schema_set *
schema_set_open(bool assert_format)
{
	struct schema_set *set = xcalloc(1, sizeof(*set));

	set->assert_format = assert_format;
	return set;
}

static void
document_free(struct schema_document *d)
{
	json_release(&d->doc);
	json_tree_release(&d->tree);
	free(d->resource_of);
	free(d->rule);
	free(d->text);
	free(d->name);
	free(d);
}

void
schema_set_close(struct schema_set *set)
{
	size_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->rules; i++)
		schema_rule_free(set->all[i]);
	for (i = 0; i < set->documents; i++)
		document_free(set->document[i]);
	for (i = 0; i < set->resources; i++)
		free(set->resource[i].uri);
	for (i = 0; i < set->maps; i++) {
		free(set->map[i].prefix);
		free(set->map[i].dir);
	}
	free(set->map);
	free(set->document);
	free(set->resource);
	free(set->anchor);
	free(set->all);
	buf_release(&set->tmp);
	free(set);
}

const char *
schema_set_error(const struct schema_set *set)
{
	return set->error;
}

const char *
schema_set_file(const struct schema_set *set, size_t i)
{
	size_t k;

	for (k = 0; k < set->documents; k++)
		if (schema_meta(set->document[k]->name) == NULL && i-- == 0)
			return set->document[k]->name;
	return NULL;
}

void
schema_set_warn(struct schema_set *set,
		void (*warn)(void *arg, const char *text), void *arg)
{
	set->warn = warn;
	set->warn_arg = arg;
}

static void
add_map(struct schema_set *set, char *prefix, char *dir)
{
	set->map = xreallocarray(set->map, set->maps + 1, sizeof(*set->map));
	set->map[set->maps++] = (struct schema_map){ prefix, dir };
}

int
schema_set_map(struct schema_set *set, const char *map)
{
	const char *equals = strrchr(map, '=');

	if (equals == NULL || equals == map || equals[1] == '\0')
		return -1;
	add_map(set, xmemdup0(map, (size_t)(equals - map)),
		xstrdup(equals + 1));
	return 0;
}

void
schema_place(struct buf *out, const struct schema_document *d, unsigned node,
	     const char *keyword)
{
	buf_adds(out, d->name);
	buf_addc(out, '#');
	json_tree_pointer(&d->tree, node, out);
	if (keyword != NULL) {
		buf_addc(out, '/');
		buf_adds(out, keyword);
	}
}

int
schema_fail(struct schema_set *set, const struct schema_document *d,
	    unsigned node, const char *fmt, ...)
{
	struct buf where = { 0 };
	va_list ap;
	int n;

	if (node != 0)
		json_tree_pointer(&d->tree, node, &where);
	n = snprintf(set->error, sizeof(set->error), "%.200s: %.200s%s",
		     d->name, buf_text(&where), node != 0 ? ": " : "");
	va_start(ap, fmt);
	vsnprintf(set->error + n, sizeof(set->error) - (size_t)n, fmt, ap);
	va_end(ap);
	buf_release(&where);
	return -1;
}

static int
fail_plain(struct schema_set *set, const char *name, const char *what)
{
	snprintf(set->error, sizeof(set->error), "%.300s: %s", name, what);
	return -1;
}

/* Take text, which becomes the set's, as a document, of that draft unless it
 * says so itself.  NULL after an error. */
static struct schema_document *
add_document(struct schema_set *set, const char *name, const char *uri,
	     enum schema_draft draft, char *text, size_t len)
{
	struct schema_document *d = xcalloc(1, sizeof(*d));

	d->set = set;
	d->name = xstrdup(name);
	d->text = text;
	set->document = xreallocarray(set->document, set->documents + 1,
				      sizeof(*set->document));
	set->document[set->documents++] = d;
	if (json_scan(&d->doc, text, len) < 0) {
		snprintf(set->error, sizeof(set->error), "%.300s: byte %zu: %s",
			 name, d->doc.error_at, d->doc.error);
		return NULL;
	}
	if (json_tree_build(&d->tree, &d->doc.root) < 0) {
		fail_plain(set, name, "too large");
		return NULL;
	}
	d->rule = xcalloc(d->tree.count, sizeof(struct schema *));
	d->resource_of = xcalloc(d->tree.count, sizeof(*d->resource_of));
	return schema_index(set, d, uri, draft) < 0 ? NULL : d;
}

static char *
read_file(struct schema_set *set, const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf text = { 0 };
	struct stat st;
	ssize_t n = -1;

	if (fd < 0 || fstat(fd, &st) < 0) {
		fail_plain(set, path, strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		fail_plain(set, path, strerror(EISDIR));
	} else {
		while ((n = read(fd, buf_reserve(&text, 65536), 65536)) > 0) {
			text.len += (size_t)n;
			if (text.len > SCHEMA_MAX_BYTES) {
				n = -1;
				errno = EFBIG;
				break;
			}
		}
		if (n < 0)
			fail_plain(set, path, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		buf_release(&text);
		return NULL;
	}
	*len = text.len;
	buf_text(&text);
	return text.data;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Append text with its %XX decoded. */
static void
add_decoded(struct buf *out, const char *at, size_t len)
{
	const char *end = at + len;

	while (at < end) {
		if (*at == '%' && end - at >= 3 && hex(at[1]) >= 0 &&
		    hex(at[2]) >= 0) {
			buf_addc(out, (char)(hex(at[1]) * 16 + hex(at[2])));
			at += 3;
		} else {
			buf_addc(out, *at++);
		}
	}
}

/* Whether a path stays below where it begins, and is one a file can have. */
static bool
is_inside(const char *path, size_t len)
{
	const char *at = path;

	if (strlen(path) != len || len == 0)
		return false;
	for (;;) {
		size_t n = strcspn(at, "/");

		if (n == 2 && memcmp(at, "..", 2) == 0)
			return false;
		if (at[n] == '\0')
			return true;
		at += n + 1;
	}
}

/* The file that a map gives for a URI; false if this map has none. */
static bool
map_path(const struct schema_map *map, const char *uri, struct buf *path)
{
	size_t n = strlen(map->prefix), start;

	if (strncmp(uri, map->prefix, n) != 0)
		return false;
	buf_clear(path);
	buf_adds(path, map->dir);
	if (path->len == 0 || path->data[path->len - 1] != '/')
		buf_addc(path, '/');
	start = path->len;
	while (uri[n] == '/')
		n++;
	add_decoded(path, uri + n, strcspn(uri + n, "?"));
	buf_text(path);
	return is_inside(path->data + start, path->len - start);
}

static struct schema_document *
load_uri(struct schema_set *set, const char *uri, enum schema_draft draft)
{
	const char *meta = schema_meta(uri);
	struct schema_document *d = NULL;
	struct buf path = { 0 };
	size_t i, len;
	char *text;

	if (meta != NULL)
		return add_document(set, uri, uri, draft, xstrdup(meta),
				    strlen(meta));
	for (i = set->maps; i-- > 0;) {
		if (!map_path(&set->map[i], uri, &path))
			continue;
		text = read_file(set, path.data, &len);
		if (text != NULL)
			d = add_document(set, path.data, uri, draft, text, len);
		break;
	}
	buf_release(&path);
	return d;
}

static long
find_resource(const struct schema_set *set, const char *uri)
{
	size_t i;

	for (i = 0; i < set->resources; i++)
		if (strcmp(set->resource[i].uri, uri) == 0)
			return (long)i;
	return -1;
}

/* The resource of that URI, which may have to be loaded. */
static long
need_resource(struct schema_set *set, const char *uri, enum schema_draft draft)
{
	size_t len = strlen(uri);
	long found = find_resource(set, uri);
	char *bare;

	/* "…#" is how older drafts wrote their own names. */
	if (found < 0 && len > 0 && uri[len - 1] == '#') {
		bare = xmemdup0(uri, len - 1);
		found = need_resource(set, bare, draft);
		free(bare);
		return found;
	}
	if (found < 0 && load_uri(set, uri, draft) != NULL)
		found = find_resource(set, uri);
	return found;
}

unsigned
schema_resource_of(const struct schema_document *d, unsigned node)
{
	while (d->resource_of[node] == 0)
		node = d->tree.node[node].parent;
	return d->resource_of[node] - 1;
}

const struct schema_anchor *
schema_anchor(const struct schema_set *set, unsigned resource, const char *name,
	      size_t len)
{
	size_t i;

	for (i = 0; i < set->anchors; i++) {
		const struct schema_anchor *a = &set->anchor[i];

		if (a->resource == resource && a->len == len &&
		    memcmp(a->name, name, len) == 0)
			return a;
	}
	return NULL;
}

/* Child of a node by a reference token, decoded; 0 if there is none. */
static unsigned
child(const struct json_tree *t, unsigned node, const char *token, size_t len)
{
	unsigned at = node + 1, i = 0;
	char *end;
	unsigned long n;

	if (t->node[node].type == JSON_OBJECT)
		return json_tree_member(t, node, token, len);
	if (t->node[node].type != JSON_ARRAY || len == 0 || len > 9 ||
	    strspn(token, "0123456789") < len || (len > 1 && *token == '0'))
		return 0;
	n = strtoul(token, &end, 10);
	for (; at < t->node[node].next; at = t->node[at].next)
		if (i++ == n)
			return at;
	return 0;
}

/* Follow a JSON Pointer (decoded of its %XX) from a node; 0 if it leads
 * nowhere. */
static bool
follow(const struct json_tree *t, unsigned *node, const char *pointer)
{
	struct buf token = { 0 };
	bool found = true;

	while (found && *pointer == '/') {
		const char *stop;

		pointer++;
		stop = pointer + strcspn(pointer, "/");
		buf_clear(&token);
		for (; pointer < stop; pointer++)
			if (*pointer == '~' && pointer[1] == '1') {
				buf_addc(&token, '/');
				pointer++;
			} else if (*pointer == '~' && pointer[1] == '0') {
				buf_addc(&token, '~');
				pointer++;
			} else {
				buf_addc(&token, *pointer);
			}
		*node = child(t, *node, buf_text(&token), token.len);
		found = *node != 0;
	}
	buf_release(&token);
	return found;
}

int
schema_resolve(struct schema_set *set, unsigned resource, const char *ref,
	       size_t len, struct schema_document **d, unsigned *node)
{
	struct buf uri = { 0 }, fragment = { 0 };
	size_t at =
		schema_uri_resolve(&uri, set->resource[resource].uri, ref, len);
	const struct schema_anchor *anchor;
	long found;
	int rc = -1;

	add_decoded(&fragment, ref + at, len - at);
	buf_text(&fragment);
	set->error[0] = '\0';
	found = need_resource(set, buf_text(&uri),
			      set->resource[resource].draft);
	if (found >= 0) {
		*d = set->resource[found].document;
		*node = set->resource[found].node;
		found = (*d)->resource_of[*node] -
			1; /* it may have two names */
		rc = 0;
		if (fragment.len != 0 && *fragment.data == '/') {
			if (!follow(&(*d)->tree, node, fragment.data))
				rc = -1;
		} else if (fragment.len != 0) {
			anchor = schema_anchor(set, (unsigned)found,
					       fragment.data, fragment.len);
			rc = anchor != NULL ? 0 : -1;
			if (anchor != NULL)
				*node = anchor->node;
		}
	}
	buf_release(&uri);
	buf_release(&fragment);
	return rc;
}

/* file:///dir/name of a path, and the same of its directory as a map. */
static int
file_uri(struct schema_set *set, const char *path, struct buf *uri)
{
	char *whole = realpath(path, NULL), *slash;
	const char *at;
	struct buf prefix = { 0 };

	if (whole == NULL)
		return fail_plain(set, path, strerror(errno));
	buf_adds(uri, "file://");
	for (at = whole; *at != '\0'; at++)
		if (strchr("%?# ", *at) != NULL)
			buf_addf(uri, "%%%02X", (unsigned)(unsigned char)*at);
		else
			buf_addc(uri, *at);
	buf_text(uri);
	slash = strrchr(uri->data, '/');
	buf_add(&prefix, uri->data, (size_t)(slash + 1 - uri->data));
	slash = strrchr(whole, '/');
	slash[slash == whole] = '\0';
	add_map(set, xstrdup(buf_text(&prefix)), xstrdup(whole));
	buf_release(&prefix);
	free(whole);
	return 0;
}

static const struct schema *
compile_document(struct schema_set *set, struct schema_document *d)
{
	struct schema *rule;

	if (d == NULL)
		return NULL;
	rule = schema_rule(set, d, 0);
	return rule != NULL && schema_compile(set) == 0 ? rule : NULL;
}

const struct schema *
schema_load(struct schema_set *set, const char *path)
{
	const struct schema *rule = NULL;
	struct schema_document *d = NULL;
	struct buf uri = { 0 };
	size_t len;
	char *text = read_file(set, path, &len);
	long found;

	if (text != NULL && file_uri(set, path, &uri) == 0) {
		found = find_resource(set, uri.data);
		if (found >= 0) { /* another one referred to it */
			d = set->resource[found].document;
			free(text);
		} else {
			d = add_document(set, path, uri.data, SCHEMA_2020, text,
					 len);
		}
		rule = compile_document(set, d);
	} else {
		free(text);
	}
	buf_release(&uri);
	return rule;
}

const struct schema *
schema_parse(struct schema_set *set, const char *uri, const char *text,
	     size_t len)
{
	return compile_document(set, add_document(set, uri, uri, SCHEMA_2020,
						  xmemdup0(text, len), len));
}
