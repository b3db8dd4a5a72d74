/*
 * catalog_state.h - what a catalog holds; private to catalog*.c
 *
 * Two tables, so that types that someone made up cost no compilation: names of
 * schemas, as events have them, and files.  A table that is full is emptied.
 */
#ifndef COMMON_CATALOG_STATE_H
#define COMMON_CATALOG_STATE_H

#include <stdint.h>
#include <sys/stat.h>

#include "common/catalog.h"
#include "common/schema.h"

enum {
	CATALOG_SLOTS = 2048,  /* more than CATALOG_FILES */
	CATALOG_LOOK_MS = 1000 /* how old what is known of files may be */
};

enum catalog_text {
	CATALOG_PATH,
	CATALOG_KEYWORD,
	CATALOG_WHAT,
	CATALOG_WHERE,
	CATALOG_WORDS, /* all of it, for people */
	CATALOG_TEXTS
};

/* A version of a file.  Zeroed: there is none. */
struct catalog_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};

/* A file that is a schema or should be one. */
struct catalog_file {
	char *path;
	struct schema_set *set; /* of the schema; NULL: never was one */
	const struct schema *schema;
	char *error; /* why the last version is no schema; NULL: it is */
	struct catalog_stamp *stamp; /* of it and those that it refers to */
	char **part;                 /* their paths */
	size_t parts;
	int64_t looked_at, loaded_at; /* when_monotonic() */
};

/* What events call a schema. */
struct catalog_name {
	char *key;
	size_t len;
	uint64_t hash;
	struct catalog_file *file; /* NULL: there is none */
	int64_t looked_at;
};

struct catalog_map {
	char *prefix, *dir;
};

struct catalog {
	const struct catalog_options *o;
	const struct event_profile *cloudevents, *domain;
	struct catalog_map *map;
	size_t maps;
	char *dir_map; /* "file:///DIR/=/DIR": references within dir */

	struct catalog_file **file;
	size_t files;
	struct catalog_name **slot;
	size_t names;
	struct catalog_name *last; /* the name of the last event */

	bool opening; /* the caller tells what is wrong */
	struct schema_check check;
	struct buf key, path, tmp;
	const char
		*absent; /* what is wrong with data that is not there; NULL */
	/* Of failures: path, keyword, what, where, and all in words, each ended
	 * by NUL, and where they begin. */
	struct buf texts;
	size_t failure[CATALOG_FAILURES][CATALOG_TEXTS];
	size_t failures;
	struct buf error;
};

/* The file of that path, loaded, or looked at again if it is time.  One that is
 * not known yet needs room. */
struct catalog_file *catalog_file(struct catalog *c, const char *path,
				  int64_t now);
bool catalog_has_file(const struct catalog *c, const char *path);
void catalog_drop_files(struct catalog *c);

/* The file that holds an event's schema, or NULL. */
struct catalog_file *catalog_find(struct catalog *c, const struct event *ev);
void catalog_drop_names(struct catalog *c);

#endif
