#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/schema_state.h"

char *
schema_read_file(struct schema_set *set, const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf text = { 0 };
	struct stat st;
	ssize_t n = -1;

	if (fd < 0 || fstat(fd, &st) < 0) {
		schema_fail_plain(set, path, strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		schema_fail_plain(set, path, strerror(EISDIR));
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
			schema_fail_plain(set, path, strerror(errno));
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

void
schema_add_decoded(struct buf *out, const char *at, size_t len)
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
	schema_add_decoded(path, uri + n, strcspn(uri + n, "?"));
	buf_text(path);
	return is_inside(path->data + start, path->len - start);
}

static void
add_escaped(struct buf *out, const char *path)
{
	for (; *path != '\0'; path++)
		if (strchr("%?# ", *path) != NULL)
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)*path);
		else
			buf_addc(out, *path);
}

int
schema_file_uri(struct schema_set *set, const char *path, struct buf *uri)
{
	char *whole = realpath(path, NULL), *slash;
	struct buf prefix = { 0 };

	if (whole == NULL)
		return schema_fail_plain(set, path, strerror(errno));
	buf_adds(uri, "file://");
	add_escaped(uri, whole);
	slash = strrchr(buf_text(uri), '/');
	buf_add(&prefix, uri->data, (size_t)(slash + 1 - uri->data));
	slash = strrchr(whole, '/');
	slash[slash == whole] = '\0';
	schema_add_map(set, xstrdup(buf_text(&prefix)), xstrdup(whole));
	buf_release(&prefix);
	free(whole);
	return 0;
}

/* The file of a map as the document of a URI, which it may be already by its
 * own one. */
static struct schema_document *
load_mapped(struct schema_set *set, const char *path, const char *uri,
	    enum schema_draft draft)
{
	struct schema_document *d = NULL;
	char *whole = realpath(path, NULL), *text;
	struct buf own = { 0 };
	size_t len;
	long found;

	if (whole == NULL) {
		schema_fail_plain(set, path, strerror(errno));
		return NULL;
	}
	buf_adds(&own, "file://");
	add_escaped(&own, whole);
	free(whole);
	found = schema_find_resource(set, buf_text(&own));
	if (found >= 0) {
		d = set->resource[found].document;
		schema_add_name(set, d, uri);
	} else if ((text = schema_read_file(set, path, &len)) != NULL) {
		d = schema_add_document(set, path, uri, draft, text, len);
		if (d != NULL && strcmp(own.data, uri) != 0)
			schema_add_name(set, d, own.data);
	}
	buf_release(&own);
	return d;
}

struct schema_document *
schema_load_uri(struct schema_set *set, const char *uri,
		enum schema_draft draft)
{
	const char *meta = schema_meta(uri);
	struct schema_document *d = NULL;
	struct buf path = { 0 };
	size_t i;

	if (meta != NULL)
		return schema_add_document(set, uri, uri, draft, xstrdup(meta),
					   strlen(meta));
	for (i = set->maps; i-- > 0;)
		if (map_path(&set->map[i], uri, &path)) {
			d = load_mapped(set, path.data, uri, draft);
			break;
		}
	buf_release(&path);
	return d;
}
