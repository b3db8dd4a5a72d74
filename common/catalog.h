/*
 * catalog.h - the schemas of events: found, kept, looked up, checked
 *
 *     event ──► name: dataschema, type, version ──► file ──► schema_check
 *
 * One file is the schema of all events (file), or a directory holds one for each
 * type (dir).  There, the first of these that is a file is the schema:
 *
 *     what the event's dataschema (of a CloudEvent, else $schema) names below
 *         the longest prefix that a map or [schemas] in the config file has,
 *         as it stands or with ".json"
 *     dir/TYPE/VERSION.json
 *     dir/TYPE.json
 *
 * All three come from whoever wrote the event.  A part of them that is empty,
 * longer than CATALOG_NAME_MAX bytes, begins with a dot, or holds "..", "/" or
 * control characters names no file.  Symbolic links in the directories are
 * followed: those who own them made the links (Kubernetes mounts are made so).
 *
 * What is checked is `data` of a CloudEvent or a domain event, and all of any
 * other.  `data` that is absent is checked as null.
 *
 * Files are compiled when the first event needs them.  A program that runs on
 * sees within a second that a file changed, or one that it refers to; a version
 * that is no schema is warned of, and the one before it stays.
 */
#ifndef COMMON_CATALOG_H
#define COMMON_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/config.h"
#include "common/event.h"
#include "common/opt.h"
#include "common/schema.h"

struct catalog_options {
	const char *file;     /* for all events; NULL: none */
	const char *dir;      /* of schemas by type, if there is no file, and of
			  * what a file refers to; NULL: none */
	struct opt_list maps; /* PREFIX=DIR */
	const struct config *config; /* for [schemas]; NULL: none */
	bool required;               /* an event without a schema is wrong */
	bool assert_format;
};

#define CATALOG_SECTION "schemas"

#define OPT_CATALOG(o)                                                 \
	OPT_TEXT(0, "schema-dir", "DIR", &(o)->dir,                    \
		 "check events by DIR/TYPE.json, a JSON Schema"),      \
		OPT_LIST(0, "schema-map", "PREFIX=DIR", &(o)->maps,    \
			 "schemas' URIs that are files (repeatable)"), \
		OPT_BOOL(0, "assert-format", &(o)->assert_format,      \
			 "check the format keyword too")

enum {
	CATALOG_NAME_MAX = 200,
	CATALOG_FILES = 1000,  /* schemas, and names of them, that are kept */
	CATALOG_FAILURES = 100 /* of one event that are told */
};

struct catalog; /* opaque */

/* Returns NULL if the options name neither file nor directory, else a catalog
 * that is always to be closed, unusable if catalog_error() says why, which is the
 * user's.  The options are borrowed. */
struct catalog *catalog_open(const struct catalog_options *options);
void catalog_close(struct catalog *c);

/* The schema of a catalog with a file that can be used. */
const struct schema *catalog_schema(struct catalog *c);

/* Why the catalog can't be used, or the last event is not valid: the first
 * failure, as "/data/score: 1.7 is greater than the maximum 1".  Printable;
 * valid until the next call.  NULL: there is nothing to say. */
const char *catalog_error(const struct catalog *c);

/* The roles that catalog_check() looks at. */
#define CATALOG_ROLES (EVENT_ROLE(ROLE_TYPE) | EVENT_ROLE(ROLE_VERSION))

enum catalog_result {
	CATALOG_VALID,
	CATALOG_NONE,    /* no schema, and none is required */
	CATALOG_INVALID, /* it breaks its schema */
	CATALOG_ERROR    /* it has none, or one that can't be used */
};

/* Check a parsed event with those roles noted. */
enum catalog_result catalog_check(struct catalog *c, const struct event *ev);

/* How the last event breaks its schema: failure i in words, as catalog_error()
 * has them, or NULL behind the last. */
const char *catalog_failure(const struct catalog *c, size_t i);

/* Append all failures as [{"path":…,"keyword":…,"what":…,"where":…},…]. */
void catalog_put_failures(const struct catalog *c, struct buf *out);

#endif
