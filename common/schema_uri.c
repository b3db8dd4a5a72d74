#include <string.h>

#include "common/schema_state.h"

/* RFC 3986, section 5: the parts of a URI reference. */
struct uri {
	const char *scheme, *authority, *path, *query, *fragment;
	size_t scheme_len, authority_len, path_len, query_len, fragment_len;
	bool has_scheme, has_authority, has_query, has_fragment;
};

static size_t
span(const char *at, const char *end, const char *stop)
{
	const char *s;

	for (s = at; s < end && strchr(stop, *s) == NULL; s++)
		;
	return (size_t)(s - at);
}

/* Appendix B of RFC 3986. */
static struct uri
uri_split(const char *text, size_t len)
{
	struct uri u = { 0 };
	const char *at = text, *end = text + len;
	size_t n = span(at, end, ":/?#");

	if (n != 0 && at + n < end && at[n] == ':') {
		u.has_scheme = true;
		u.scheme = at;
		u.scheme_len = n;
		at += n + 1;
	}
	if (end - at >= 2 && at[0] == '/' && at[1] == '/') {
		u.has_authority = true;
		u.authority = at + 2;
		u.authority_len = span(at + 2, end, "/?#");
		at = u.authority + u.authority_len;
	}
	u.path = at;
	u.path_len = span(at, end, "?#");
	at += u.path_len;
	if (at < end && *at == '?') {
		u.has_query = true;
		u.query = ++at;
		u.query_len = span(at, end, "#");
		at += u.query_len;
	}
	if (at < end) {
		u.has_fragment = true;
		u.fragment = at + 1;
		u.fragment_len = (size_t)(end - at - 1);
	}
	return u;
}

/* Drop the last segment of what was written of a path, with its slash. */
static void
drop_segment(struct buf *out, size_t start)
{
	while (out->len > start && out->data[out->len - 1] != '/')
		out->len--;
	if (out->len > start)
		out->len--;
}

/* Section 5.2.4: append a path without its . and .. segments. */
static void
add_path(struct buf *out, const char *at, size_t len)
{
	const char *end = at + len;
	size_t start = out->len;

	while (at < end) {
		bool slash = *at == '/';
		const char *name = at + slash;
		size_t n = span(name, end, "/");
		bool last = name + n == end;

		if ((n == 1 && *name == '.') ||
		    (n == 2 && memcmp(name, "..", 2) == 0)) {
			if (n == 2)
				drop_segment(out, start);
			if (last && (slash || out->len > start))
				buf_addc(out, '/');
		} else {
			buf_add(out, at, n + slash);
		}
		at = name + n;
		if (at < end && !slash && out->len == start)
			at++; /* what begins without a slash stays so */
	}
}

/* Section 5.2.3: a relative path stands in place of the base's last segment. */
static void
add_merged(struct buf *out, const struct uri *base, const struct uri *ref)
{
	struct buf whole = { 0 };
	size_t dir = base->path_len;

	while (dir > 0 && base->path[dir - 1] != '/')
		dir--;
	if (dir == 0 && base->has_authority)
		buf_addc(&whole, '/');
	buf_add(&whole, base->path, dir);
	buf_add(&whole, ref->path, ref->path_len);
	add_path(out, whole.data, whole.len);
	buf_release(&whole);
}

size_t
schema_uri_resolve(struct buf *out, const char *base_text, const char *text,
		   size_t len)
{
	struct uri base = uri_split(base_text, strlen(base_text)),
		   ref = uri_split(text, len), from = base;

	if (ref.has_scheme)
		from = ref;
	buf_add(out, from.scheme, from.scheme_len);
	if (from.has_scheme)
		buf_addc(out, ':');
	if (ref.has_scheme || ref.has_authority)
		from = ref;
	if (from.has_authority) {
		buf_adds(out, "//");
		buf_add(out, from.authority, from.authority_len);
	}
	if (ref.has_scheme || ref.has_authority ||
	    (ref.path_len != 0 && *ref.path == '/')) {
		add_path(out, ref.path, ref.path_len);
	} else if (ref.path_len == 0) {
		buf_add(out, base.path, base.path_len);
		if (!ref.has_query && base.has_query) {
			ref.has_query = true;
			ref.query = base.query;
			ref.query_len = base.query_len;
		}
	} else {
		add_merged(out, &base, &ref);
	}
	if (ref.has_query) {
		buf_addc(out, '?');
		buf_add(out, ref.query, ref.query_len);
	}
	return ref.has_fragment ? (size_t)(ref.fragment - text) : len;
}
