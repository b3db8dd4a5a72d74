/*
 * schema.h - JSON Schema: whether a JSON value is as a schema asks
 *
 *     schema_set_init ─► schema_set_map ─► schema_load ─► schema_check
 *
 * Drafts 4, 6, 7 and 2020-12; a schema without $schema is 2020-12.  A schema is
 * compiled once, with all that it refers to, and then checks trees (json_tree.h)
 * without allocating.  Numbers are compared as decimals, lengths are characters
 * (code points), patterns are PCRE2 with limits (schema_pattern.c says how
 * they differ from ECMA-262).
 *
 * References are never fetched.  A URI is that of a file already loaded (its
 * $id, or one inside it), of one of the drafts' own meta-schemas, or begins with
 * a prefix that schema_set_map() gave a directory.
 *
 * Unknown keywords are annotations, as the specification has it.  Known ones
 * with a wrong value, patterns that don't compile and references that lead
 * nowhere are errors when the schema is loaded.
 */
#ifndef COMMON_SCHEMA_H
#define COMMON_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/json_tree.h"

enum { SCHEMA_ERROR = 512 };

struct schema_set; /* opaque: files that may refer to each other */
struct schema;     /* opaque: one compiled schema of a set */

/*
 * assert_format: `format` is checked, else it is an annotation.  The formats that
 * are known are date-time, date, time, duration, uuid, uri, uri-reference, email,
 * hostname, ipv4, ipv6, json-pointer, relative-json-pointer and regex; others
 * are annotations.
 */
struct schema_set *schema_set_open(bool assert_format);
void schema_set_close(struct schema_set *set);

/* Take "PREFIX=DIR": URIs that begin with PREFIX are files below DIR.  Returns 0,
 * or -1 if it has no such form. */
int schema_set_map(struct schema_set *set, const char *map);

/* Called, if set, for what is suspicious and no error: "file: /pointer: what". */
void schema_set_warn(struct schema_set *set,
		     void (*warn)(void *arg, const char *text), void *arg);

/*
 * Load and compile a file of at most SCHEMA_MAX_BYTES; what it refers to in its
 * own directory and below may be files, too.  Returns NULL with
 * schema_set_error() set: "file: /pointer: what".  Owned by the set.
 */
enum { SCHEMA_MAX_BYTES = 64 << 20 };
const struct schema *schema_load(struct schema_set *set, const char *path);

/* The same for text that has this absolute URI, unless it names its own; copied. */
const struct schema *schema_parse(struct schema_set *set, const char *uri,
				  const char *text, size_t len);
const char *schema_set_error(const struct schema_set *set);

/* File i of those that the set was read from, also in vain; NULL behind the
 * last.  Valid as long as the set. */
const char *schema_set_file(const struct schema_set *set, size_t i);

/* How a value breaks a schema. */
struct schema_failure {
	const char *path;    /* JSON Pointer of the value */
	const char *keyword; /* "maximum" */
	const char *where;   /* of the keyword: "file#/pointer" */
	const char *what;    /* "1.7 is greater than the maximum 1" */
};

/* A checker, reused from one value to the next.  A zeroed struct is valid. */
struct schema_check {
	bool all; /* tell every failure, not only the first */
	const char
		*path; /* where the value is in its event: "/data"; NULL: "" */
	/* Called, if set, for each failure, whose texts are valid meanwhile. */
	void (*failed)(void *arg, const struct schema_failure *f);
	void *arg;

	struct json_tree tree; /* private from here on */
	const struct schema_set *set;
	struct schema_scratch *scratch;
	uint64_t steps;
	unsigned depth, quiet;
	const char *gave_up;
};

/*
 * Check a value that json_scan() or json_iter_next() gave.  Returns 1 if it is
 * valid, 0 if not, after failed() was called, and -1 with `gave_up` set (static
 * text) if that can't be told within bounds: nested too deeply, too many steps,
 * a pattern that takes too long.
 */
int schema_check(struct schema_check *c, const struct schema *schema,
		 const struct json_value *value);
void schema_check_release(struct schema_check *c);

#endif
