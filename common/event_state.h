/*
 * event_state.h - what the parts of event share: event_profile.c has the
 * profiles, event.c reads events by them
 *
 * Private to them.
 */
#ifndef COMMON_EVENT_STATE_H
#define COMMON_EVENT_STATE_H

#include <stdint.h>

#include "common/event.h"

enum {
	PATH_DEPTH = 8, /* names in the pointer of a role, at most */
	MATCHES = 8,    /* pointers that tell an envelope, at most */
	LONG_NAME = 24  /* lengths from here on are looked up together */
};

/* A JSON Pointer, taken apart; no names, no role. */
struct path_name {
	const char *text;
	size_t len;
};
struct path {
	size_t depth;
	struct path_name name[PATH_DEPTH];
};

/*
 * Profiles are data.  An event is of a profile if it has strings wherever
 * `match` points; where that is nowhere, if the roles id and type are strings.
 * by_len has, for each length of a name, the roles whose paths begin with such
 * a name, so that most members are dismissed or found at a glance.
 */
struct event_profile {
	const char *name;
	struct path match[MATCHES];
	size_t matches;
	struct path path[ROLE_COUNT];
	uint16_t by_len[LONG_NAME + 1];
};

/* The profiles in the order in which they are tried; NULL behind the last. */
const struct event_profile *event_profile_at(size_t i);

/* Whether it is the one that cloudevent.h checks. */
bool event_profile_is_cloudevents(const struct event_profile *profile);

#endif
