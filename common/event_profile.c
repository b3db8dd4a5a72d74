#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/event_state.h"
#include "common/mem.h"

#define BIT(role) EVENT_ROLE(role)

/* clang-format off */
#define NAME(text) { text, sizeof(text) - 1 }
#define TOP(text) { 1, { NAME(text) } }
#define BELOW(parent, text) { 2, { NAME(parent), NAME(text) } }
/* clang-format on */

/* Extensions by the names that CloudEvents documents, where it does. */
static const struct event_profile built_in[] = {
	{
		.name = "cloudevents",
		.match = { TOP("specversion") },
		.matches = 1,
		.path = {
			[ROLE_ID] = TOP("id"),
			[ROLE_TYPE] = TOP("type"),
			[ROLE_SOURCE] = TOP("source"),
			[ROLE_SUBJECT] = TOP("subject"),
			[ROLE_TIME] = TOP("time"),
			[ROLE_SEQUENCE] = TOP("sequence"),
			[ROLE_CORRELATION] = TOP("correlationid"),
			[ROLE_CAUSATION] = TOP("causationid"),
			[ROLE_TRACEPARENT] = TOP("traceparent"),
			[ROLE_VERSION] = TOP("version"),
			[ROLE_PRIORITY] = TOP("priority"),
			[ROLE_USER] = TOP("user"),
			[ROLE_KEY] = TOP("partitionkey"),
		},
		.by_len = {
			[2] = BIT(ROLE_ID),
			[4] = BIT(ROLE_TYPE) | BIT(ROLE_TIME) | BIT(ROLE_USER),
			[6] = BIT(ROLE_SOURCE),
			[7] = BIT(ROLE_SUBJECT) | BIT(ROLE_VERSION),
			[8] = BIT(ROLE_SEQUENCE) | BIT(ROLE_PRIORITY),
			[11] = BIT(ROLE_CAUSATION) | BIT(ROLE_TRACEPARENT),
			[12] = BIT(ROLE_KEY),
			[13] = BIT(ROLE_CORRELATION),
		},
	},
	{
		.name = "domain",
		.path = {
			[ROLE_ID] = TOP("event_id"),
			[ROLE_TYPE] = TOP("event_type"),
			[ROLE_SOURCE] = BELOW("metadata", "source"),
			[ROLE_SUBJECT] = TOP("aggregate_id"),
			[ROLE_TIME] = TOP("timestamp"),
			[ROLE_SEQUENCE] = TOP("aggregate_version"),
			[ROLE_CORRELATION] =
				BELOW("metadata", "correlation_id"),
			[ROLE_CAUSATION] = BELOW("metadata", "causation_id"),
			[ROLE_VERSION] = BELOW("metadata", "version"),
			[ROLE_PRIORITY] = BELOW("metadata", "priority"),
			[ROLE_USER] = BELOW("metadata", "user_id"),
		},
		.by_len = {
			[8] = BIT(ROLE_ID) | BIT(ROLE_SOURCE) |
			      BIT(ROLE_CORRELATION) | BIT(ROLE_CAUSATION) |
			      BIT(ROLE_VERSION) | BIT(ROLE_PRIORITY) |
			      BIT(ROLE_USER),
			[9] = BIT(ROLE_TIME),
			[10] = BIT(ROLE_TYPE),
			[12] = BIT(ROLE_SUBJECT),
			[17] = BIT(ROLE_SEQUENCE),
		},
	},
};

enum { CLOUDEVENTS, BUILT_IN = sizeof(built_in) / sizeof(*built_in) };

/* The config file's, read once at the start; whatever reads an event asks for
 * them, so they are handed to nobody. */
static struct {
	struct event_profile *profile;
	size_t count;
} own;

static const char *const role_name[ROLE_COUNT] = {
	[ROLE_ID] = "id",
	[ROLE_TYPE] = "type",
	[ROLE_SOURCE] = "source",
	[ROLE_SUBJECT] = "subject",
	[ROLE_TIME] = "time",
	[ROLE_SEQUENCE] = "sequence",
	[ROLE_CORRELATION] = "correlation",
	[ROLE_CAUSATION] = "causation",
	[ROLE_TRACEPARENT] = "traceparent",
	[ROLE_VERSION] = "version",
	[ROLE_PRIORITY] = "priority",
	[ROLE_USER] = "user",
	[ROLE_KEY] = "key",
};

const struct event_profile *
event_profile_at(size_t i)
{
	if (i < own.count)
		return &own.profile[i];
	return i - own.count < BUILT_IN ? &built_in[i - own.count] : NULL;
}

bool
event_profile_is_cloudevents(const struct event_profile *profile)
{
	return profile == &built_in[CLOUDEVENTS];
}

const struct event_profile *
event_profile_find(const char *name)
{
	const struct event_profile *profile;
	size_t i;

	for (i = 0; (profile = event_profile_at(i)) != NULL; i++)
		if (strcmp(profile->name, name) == 0)
			return profile;
	return NULL;
}

const char *
event_profile_name(const struct event_profile *profile)
{
	return profile->name;
}

bool
event_profile_place(const struct event_profile *profile,
		    const struct json_doc *doc, enum event_role role,
		    struct json_value *object, const char **name, size_t *len)
{
	const struct path *path = &profile->path[role];
	size_t i;

	*object = doc->root;
	if (path->depth == 0)
		return false;
	for (i = 0; i + 1 < path->depth; i++)
		*object = json_member(object, path->name[i].text,
				      path->name[i].len);
	*name = path->name[i].text;
	*len = path->name[i].len;
	return object->type == JSON_OBJECT;
}

/* Reading one section. */
struct loader {
	const struct config *config;
	struct event_profile *profile;
	char *error;
};

static int
fail_at(const struct loader *l, const struct config_line *line,
	const char *what)
{
	snprintf(l->error, EVENT_ERROR, "%.150s:%u: %.60s: %s", l->config->path,
		 line->number, line->name, what);
	return -1;
}

static int
fail_section(const struct loader *l, const char *section, const char *what)
{
	snprintf(l->error, EVENT_ERROR, "%.150s: [%.40s]: %s", l->config->path,
		 section, what);
	return -1;
}

/* What a setting that comes again takes back. */
static void
release_path(struct path *path)
{
	size_t i;

	for (i = 0; i < PATH_DEPTH; i++)
		free((char *)path->name[i].text);
	*path = (struct path){ 0 };
}

/* The names stay until the program ends, as the profile does. */
static int
take_pointer(const struct loader *l, const struct config_line *line,
	     const char *text, struct path *path)
{
	struct json_pointer pointer = { 0 };
	size_t i;

	if (*text != '/' || json_pointer_parse(&pointer, text) < 0) {
		json_pointer_release(&pointer);
		return fail_at(l, line, "not a JSON Pointer as /a/b");
	}
	release_path(path);
	path->depth = pointer.count;
	for (i = 0; i < pointer.count && i < PATH_DEPTH; i++)
		path->name[i] = (struct path_name){
			xmemdup0(pointer.token[i].name, pointer.token[i].len),
			pointer.token[i].len,
		};
	i = pointer.count;
	json_pointer_release(&pointer);
	return i > PATH_DEPTH ? fail_at(l, line, "more than 8 names deep") : 0;
}

static int
take_matches(const struct loader *l, const struct config_line *line)
{
	struct event_profile *profile = l->profile;
	const char *at = line->value;
	int rc = 0;

	profile->matches = 0;
	for (at += strspn(at, " \t"); *at != '\0' && rc == 0;
	     at += strspn(at, " \t")) {
		size_t len = strcspn(at, " \t");
		char *text;

		if (profile->matches == MATCHES)
			return fail_at(l, line, "more than 8 pointers");
		text = xmemdup0(at, len);
		rc = take_pointer(l, line, text,
				  &profile->match[profile->matches++]);
		free(text);
		at += len;
	}
	if (rc == 0 && profile->matches == 0)
		return fail_at(l, line, "no JSON Pointer");
	return rc;
}

static int
take_setting(const struct loader *l, const struct config_line *line)
{
	size_t i;

	if (strcmp(line->name, "match") == 0)
		return take_matches(l, line);
	for (i = 0; i < ROLE_COUNT; i++)
		if (strcmp(line->name, role_name[i]) == 0)
			return take_pointer(l, line, line->value,
					    &l->profile->path[i]);
	return fail_at(l, line, "neither match nor a role");
}

static void
index_names(struct event_profile *profile)
{
	size_t i;

	for (i = 0; i < ROLE_COUNT; i++) {
		const struct path *path = &profile->path[i];
		size_t len = path->name[0].len;

		if (path->depth != 0)
			profile->by_len[len < LONG_NAME ? len : LONG_NAME] |=
				(uint16_t)BIT(i);
	}
}

static int
check_name(const struct loader *l, const char *section)
{
	const char *name = l->profile->name;

	if (*name == '\0')
		return fail_section(l, section, "an envelope has a name");
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_")] !=
	    '\0')
		return fail_section(l, section, "a name is of a-z 0-9 - and _");
	if (strcmp(name, "auto") == 0 || strcmp(name, "none") == 0)
		return fail_section(l, section,
				    "this name means something else");
	if (event_profile_find(name) != NULL)
		return fail_section(l, section,
				    "there is an envelope of this name");
	return 0;
}

static int
load_section(const struct loader *l, const char *section)
{
	struct event_profile *profile = l->profile;
	size_t i;

	if (check_name(l, section) < 0)
		return -1;
	for (i = 0; i < l->config->count; i++)
		if (strcmp(l->config->line[i].section, section) == 0 &&
		    take_setting(l, &l->config->line[i]) < 0)
			return -1;
	if (profile->matches == 0 && (profile->path[ROLE_ID].depth == 0 ||
				      profile->path[ROLE_TYPE].depth == 0))
		return fail_section(l, section,
				    "needs match, or both id and type, to be "
				    "recognised by");
	index_names(profile);
	return 0;
}

/* A header may come again: its lines belong together. */
static bool
came_before(const struct config *c, size_t section)
{
	size_t i;

	for (i = 0; i < section; i++)
		if (strcmp(c->section[i], c->section[section]) == 0)
			return true;
	return false;
}

/* What a header says behind "envelope"; NULL if it is another section. */
static const char *
name_in(const char *section)
{
	const size_t len = strlen("envelope");

	if (strncmp(section, "envelope", len) != 0 ||
	    (section[len] != '\0' && strchr(" \t", section[len]) == NULL))
		return NULL;
	return section + len + strspn(section + len, " \t");
}

int
event_profiles_load(const struct config *c, char error[EVENT_ERROR])
{
	struct loader l = { .config = c, .error = error };
	size_t i;

	for (i = 0; i < c->section_count; i++) {
		const char *name = name_in(c->section[i]);

		if (name == NULL || came_before(c, i))
			continue;
		own.profile = xreallocarray(own.profile, own.count + 1,
					    sizeof(*own.profile));
		l.profile = &own.profile[own.count];
		*l.profile = (struct event_profile){ .name = name };
		if (load_section(&l, c->section[i]) < 0)
			return -1;
		own.count++;
	}
	return 0;
}
