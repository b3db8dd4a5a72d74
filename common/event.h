/*
 * event.h - one event: checked bytes, and the roles its envelope gives them
 *
 * An envelope profile maps roles to JSON Pointers.  Two are built in:
 * "cloudevents", recognised by a top-level "specversion" that is a string, and
 * "domain", recognised by "event_id" and "event_type" that are strings.  The
 * config file has more of them (event_profiles_load), which are tried first.
 */
#ifndef COMMON_EVENT_H
#define COMMON_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/config.h"
#include "common/json.h"

enum event_role {
	ROLE_ID,
	ROLE_TYPE,
	ROLE_SOURCE,
	ROLE_SUBJECT,
	ROLE_TIME,
	ROLE_SEQUENCE,
	ROLE_CORRELATION,
	ROLE_CAUSATION,
	ROLE_TRACEPARENT,
	ROLE_VERSION,
	ROLE_PRIORITY,
	ROLE_USER,
	ROLE_KEY,
	ROLE_COUNT
};

/* Sets of roles. */
#define EVENT_ROLE(role) (1u << (role))
#define EVENT_ALL_ROLES (EVENT_ROLE(ROLE_COUNT) - 1)

enum { EVENT_ERROR = 256 };

struct event_profile; /* opaque; lives until the program ends */

/*
 * Take the profiles of the config file, once, while the program starts and
 * before there are events:
 *
 *     [envelope acme]
 *     match = /head/kind /head/key   # an event has strings there
 *     id = /head/key                 # role = JSON Pointer, through objects only
 *     type = /head/kind
 *
 * Without match, id and type must be strings.  The config is borrowed until the
 * program ends.  Returns 0, or -1 with error set ("path:line: what"), which is
 * the user's (EXIT_USAGE).
 */
#define EVENT_PROFILE_SECTIONS "envelope " /* for opt_program.config */
int event_profiles_load(const struct config *c, char error[EVENT_ERROR]);

/* A profile by its name, or NULL. */
const struct event_profile *event_profile_find(const char *name);
const char *event_profile_name(const struct event_profile *profile);

/*
 * Where a parsed event keeps a role by a profile: the object that holds or
 * would hold the member, as checked bytes, and the member's name, borrowed from
 * the profile.  False if the profile has no such role or the object is missing.
 */
bool event_profile_place(const struct event_profile *profile,
			 const struct json_doc *doc, enum event_role role,
			 struct json_value *object, const char **name,
			 size_t *len);

/* An event, reused from one to the next.  A zeroed struct is valid. */
struct event {
	const char *text; /* as given; borrowed */
	size_t len;
	struct json_doc doc;
	const struct event_profile *profile; /* NULL: none was recognised */
	struct json_value role[ROLE_COUNT]; /* JSON_NONE where absent or null */
	char error[EVENT_ERROR]; /* printable, after a function returned -1 */
	struct buf tmp;          /* private */
	unsigned noted;          /* a bit for each role that may be set */
};

/*
 * Check that the bytes are one JSON object and nothing else.  Roles are not
 * looked for yet.  Returns 0, or -1 with error set ("byte 17: …").
 */
int event_parse(struct event *ev, const char *text, size_t len);

/*
 * Recognise the envelope of a parsed event and note those of its roles that are
 * wanted (a set of EVENT_ROLE(); others may be noted too); checks nothing.  Sets
 * profile to NULL where there is none.
 */
void event_recognise(struct event *ev, unsigned roles);

/*
 * Check a parsed event against its envelope: `required` if not NULL, else what
 * event_recognise() finds, if anything (an event without one passes).  Notes
 * the roles.  CloudEvents 1.0.2 and its JSON format in full, see cloudevent.h.
 * In other profiles id and type must be strings and not empty, and a time that
 * is a string RFC 3339.  In any profile a role's member that is given twice is
 * refused, or one that the role is looked for in.  Returns 0, or -1 with error
 * set.
 */
int event_check(struct event *ev, const struct event_profile *required);

/* A role's text, unescaped, as json_text(); false (and "", 0) if absent. */
bool event_role_text(const struct event *ev, enum event_role role,
		     struct buf *tmp, const char **text, size_t *len);

/* The same, copied to out (buf_set). */
void event_role_copy(const struct event *ev, enum event_role role,
		     struct buf *out);

void event_release(struct event *ev);

#endif
