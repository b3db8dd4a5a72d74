/*
 * url.h - where the server is
 *
 *     redis://[[user]:password@]host[:port][/db]      6379 and 0 by default
 *     rediss://…                                      the same over TLS
 *     unix://[[user]:password@]/path[?db=N]
 *     redis+sentinel://[[user]:password@]h1[:26379],h2…/MASTER[/db]
 *     redis+cluster://[[user]:password@]h1[:port],h2…
 *
 * Also host[:port] and /path alone.  User, password and the path of unix:// may
 * be percent-encoded (a path alone is taken as it is), an IPv6 host stands in
 * brackets.  An empty user or password counts as not given; what stands alone
 * before the @ is the user (redis-cli takes it for the password).
 */
#ifndef COMMON_URL_H
#define COMMON_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum url_kind { URL_TCP, URL_TLS, URL_UNIX, URL_SENTINEL, URL_CLUSTER };

struct url_host {
	char *name; /* without brackets; a path for URL_UNIX */
	uint16_t port;
};

struct url {
	enum url_kind kind;
	struct url_host *host;
	size_t count;   /* at least 1 */
	char *user;     /* NULL if not given */
	char *password; /* NULL if not given */
	char *master;   /* URL_SENTINEL's master name, else NULL */
	uint64_t db;
	char error[128];
};

/* Parse; returns 0, or -1 with error set (which never quotes the password).
 * Release in both cases. */
int url_parse(struct url *url, const char *text);
void url_release(struct url *url);

/* Write the URL text with any password replaced by ***, cut to size. */
void url_mask(char *out, size_t size, const char *text);

#endif
