#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "common/num.h"
#include "common/url.h"

static const struct scheme {
	const char *name;
	enum url_kind kind;
	uint16_t port;
} schemes[] = {
	{ "redis", URL_TCP, 6379 },
	{ "rediss", URL_TLS, 6379 },
	{ "unix", URL_UNIX, 0 },
	{ "redis+sentinel", URL_SENTINEL, 26379 },
	{ "redis+cluster", URL_CLUSTER, 6379 },
};
enum { SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

/*
 * What is wrong, in fixed words: wherever a URL is malformed, what looks like
 * a host or a port may be a piece of the password.
 */
static int
fail(struct url *url, const char *what)
{
	snprintf(url->error, sizeof(url->error), "%s", what);
	return -1;
}

static const struct scheme *
find_scheme(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < SCHEMES; i++)
		if (strlen(schemes[i].name) == len &&
		    strncasecmp(schemes[i].name, text, len) == 0)
			return &schemes[i];
	return NULL;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Returns a copy without its percent-encoding (RFC 3986, section 2.1), NULL if
 * that is malformed or hides a NUL. */
static char *
decode(const char *text, size_t len)
{
	char *copy = xmemdup0(text, len);
	size_t from, to = 0;

	for (from = 0; from < len; from++) {
		char c = copy[from];

		if (c == '%') { /* the NUL at the end is no digit */
			int high = hex_digit(copy[from + 1]);
			int low = high < 0 ? -1 : hex_digit(copy[from + 2]);

			if (low < 0 || high + low == 0) {
				free(copy);
				return NULL;
			}
			c = (char)(high << 4 | low);
			from += 2;
		}
		copy[to++] = c;
	}
	copy[to] = '\0';
	return copy;
}

/* Parse [user][:password]; an empty part counts as not given. */
static int
parse_login(struct url *url, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	size_t user = colon != NULL ? (size_t)(colon - text) : len;

	if (user != 0) {
		url->user = decode(text, user);
		if (url->user == NULL)
			return fail(url, "bad percent-encoding in the user");
	}
	if (user + 1 < len) {
		url->password = decode(colon + 1, len - user - 1);
		if (url->password == NULL)
			return fail(url,
				    "bad percent-encoding in the password");
	}
	return 0;
}

static void
add_host(struct url *url, char *name, uint16_t port)
{
	url->host =
		xreallocarray(url->host, url->count + 1, sizeof(*url->host));
	url->host[url->count].name = name;
	url->host[url->count++].port = port;
}

/* Whether all bytes are ASCII letters, digits or in `more`. */
static bool
is_word(const char *text, size_t len, const char *more)
{
	size_t i;

	for (i = 0; i < len; i++) {
		char c = text[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') &&
		    (c == '\0' || strchr(more, c) == NULL))
			return false;
	}
	return true;
}

/* Parse the rest behind a host, which is empty or a colon and a port. */
static int
parse_port(struct url *url, const char *text, size_t len, uint16_t *port)
{
	uint64_t n;

	if (len == 0)
		return 0;
	if (text[0] != ':' || num_u64(text + 1, len - 1, &n) < 0 || n == 0 ||
	    n > UINT16_MAX)
		return fail(url, "the port is not a number from 1 to 65535");
	*port = (uint16_t)n;
	return 0;
}

static int
parse_host(struct url *url, const char *text, size_t len, uint16_t port)
{
	const char *end, *more = ".-_";
	size_t used, skip = 0;

	if (len != 0 && text[0] == '[') {
		end = memchr(text, ']', len);
		if (end == NULL)
			return fail(url, "the [ before the host is not closed");
		text++;
		used = (size_t)(end - text);
		skip = 1;
		len--;
		more = ":.%-_"; /* %: a zone, as in fe80::1%eth0 */
	} else {
		end = memchr(text, ':', len);
		used = end != NULL ? (size_t)(end - text) : len;
		if (end != NULL && memchr(end + 1, ':', len - used - 1) != NULL)
			return fail(url, "more than one port, or an IPv6 "
					 "address without brackets");
	}
	if (used == 0)
		return fail(url, "the host is missing");
	if (!is_word(text, used, more))
		return fail(url, "the host holds a character that no host "
				 "name has");
	if (parse_port(url, text + used + skip, len - used - skip, &port) < 0)
		return -1;
	add_host(url, xmemdup0(text, used), port);
	return 0;
}

static int
parse_hosts(struct url *url, const char *text, size_t len, uint16_t port)
{
	const char *end = text + len, *comma;

	if (url->kind != URL_SENTINEL && url->kind != URL_CLUSTER &&
	    memchr(text, ',', len) != NULL)
		return fail(url, "several hosts need redis+sentinel:// or "
				 "redis+cluster://");
	while ((comma = memchr(text, ',', (size_t)(end - text))) != NULL) {
		if (parse_host(url, text, (size_t)(comma - text), port) < 0)
			return -1;
		text = comma + 1;
	}
	return parse_host(url, text, (size_t)(end - text), port);
}

static int
parse_db(struct url *url, const char *text)
{
	if (num_u64(text, strlen(text), &url->db) < 0)
		return fail(url, "the database is not a number");
	return 0;
}

/* Parse what follows the hosts: nothing, /db or /MASTER/db. */
static int
parse_tail(struct url *url, const char *tail)
{
	size_t len;

	if (strpbrk(tail, "?#") != NULL)
		return fail(url, "there are no parameters in a URL of "
				 "this kind");
	if (*tail == '/')
		tail++;
	if (url->kind == URL_SENTINEL) {
		len = strcspn(tail, "/");
		if (len == 0)
			return fail(url, "the master's name is missing: "
					 "redis+sentinel://HOST/MASTER");
		if (!is_word(tail, len, ".-_"))
			return fail(url, "the master's name may hold letters, "
					 "digits, . - and _ only");
		url->master = xmemdup0(tail, len);
		tail += len + (tail[len] == '/');
	}
	if (*tail != '\0' && parse_db(url, tail) < 0)
		return -1;
	if (url->kind == URL_CLUSTER && url->db != 0)
		return fail(url, "a cluster has database 0 only");
	return 0;
}

/* Parse what follows unix://. */
static int
parse_unix(struct url *url, const char *text)
{
	size_t login = strcspn(text, "/"), path;
	const char *query;
	char *name;

	if (text[login] == '\0' || (login != 0 && text[login - 1] != '@'))
		return fail(url, "the path of a unix socket starts with /: "
				 "unix:///PATH");
	if (login != 0 && parse_login(url, text, login - 1) < 0)
		return -1;
	text += login;
	path = strcspn(text, "?");
	query = text + path;
	if (*query != '\0' && strncmp(query, "?db=", 4) != 0)
		return fail(url, "the only parameter of a unix URL is ?db=N");
	if (*query != '\0' && parse_db(url, query + 4) < 0)
		return -1;
	name = decode(text, path);
	if (name == NULL)
		return fail(url, "bad percent-encoding in the path");
	add_host(url, name, 0);
	return 0;
}

/* Parse a URL without a scheme: a path or a host. */
static int
parse_bare(struct url *url, const char *text)
{
	if (*text == '/') {
		url->kind = URL_UNIX;
		add_host(url, xstrdup(text), 0);
		return 0;
	}
	if (strpbrk(text, "@/?#") != NULL)
		return fail(url, "the scheme is missing: redis://, rediss://, "
				 "unix://");
	return parse_hosts(url, text, strlen(text), schemes[0].port);
}

int
url_parse(struct url *url, const char *text)
{
	const char *rest = strstr(text, "://"), *tail, *at;
	const struct scheme *scheme;

	*url = (struct url){ 0 };
	if (*text == '/' || rest == NULL)
		return parse_bare(url, text);
	scheme = find_scheme(text, (size_t)(rest - text));
	if (scheme == NULL)
		return fail(url, "unknown scheme; known are redis, rediss, "
				 "unix, redis+sentinel, redis+cluster");
	url->kind = scheme->kind;
	rest += 3;
	if (url->kind == URL_UNIX)
		return parse_unix(url, rest);

	tail = rest + strcspn(rest, "/?#");
	if (strchr(tail, '@') != NULL)
		return fail(url, "in a user or password, / ? # must be "
				 "written as %2F %3F %23");
	for (at = tail; at > rest && at[-1] != '@'; at--)
		;
	if (at > rest && parse_login(url, rest, (size_t)(at - 1 - rest)) < 0)
		return -1;
	if (parse_hosts(url, at, (size_t)(tail - at), scheme->port) < 0)
		return -1;
	return parse_tail(url, tail);
}

void
url_release(struct url *url)
{
	size_t i;

	for (i = 0; i < url->count; i++)
		free(url->host[i].name);
	free(url->host);
	free(url->user);
	free(url->password);
	free(url->master);
	url->host = NULL;
	url->count = 0;
	url->user = url->password = url->master = NULL;
}

/* The @ behind the login in what follows the scheme, or NULL. */
static const char *
login_end(enum url_kind kind, const char *text)
{
	const char *path = strchr(text, '/');

	if (kind == URL_UNIX && path == text)
		return NULL;
	if (kind == URL_UNIX && path != NULL && path[-1] == '@')
		return path - 1;
	return strrchr(text, '@');
}

/* Malformed URLs are masked too, so this takes as much for the password as
 * could be meant: from the first colon to the last @ that is not in a path. */
void
url_mask(char *out, size_t size, const char *text)
{
	enum url_kind kind = *text == '/' ? URL_UNIX : URL_TCP;
	const char *rest = text, *end = strstr(text, "://"), *colon, *at;
	const struct scheme *scheme;

	if (*text != '/' && end != NULL) {
		scheme = find_scheme(text, (size_t)(end - text));
		kind = scheme != NULL ? scheme->kind : URL_TCP;
		rest = end + 3;
	}
	at = login_end(kind, rest);
	colon = strchr(rest, ':');
	if (colon == NULL || at == NULL || at < colon)
		snprintf(out, size, "%s", text);
	else
		snprintf(out, size, "%.*s***%s", (int)(colon + 1 - text), text,
			 at);
}
