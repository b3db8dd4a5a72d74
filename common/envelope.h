/*
 * envelope.h - making CloudEvents, and filling gaps in envelopes
 *
 * Source: CloudEvents 1.0.2 core specification and its JSON event format.
 * cloudevent.h checks them.
 */
#ifndef COMMON_ENVELOPE_H
#define COMMON_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/event.h"

/* A name and a value, for --ext. */
struct envelope_ext {
	const char *name, *value;
};

/*
 * What new CloudEvents have in common.  Texts are UTF-8 and borrowed; NULL
 * where unset.  envelope_init() checks all of them as cloudevent_check() would
 * and prepares the bytes that every event repeats; it returns 0, or -1 with
 * error set ("subject: …").  An extension may be any attribute that is not set
 * elsewhere, so dataschema, and datacontenttype in place of the usual one.
 */
struct envelope {
	const char *type;   /* required */
	const char *source; /* NULL: urn:host:NAME of this machine */
	const char *subject, *correlation, *causation, *traceparent;
	const struct envelope_ext *ext;
	size_t ext_count;

	char error[EVENT_ERROR];
	struct buf head, tail; /* private */
	bool has_content_type;
};
int envelope_init(struct envelope *e);

/*
 * Append a CloudEvent whose data is the JSON document text (unchanged), or a
 * JSON string of the UTF-8 text if `as_text`, then of type text/plain instead of
 * application/json.  The id is a new UUIDv7, the time now_ms (when.h).  Members
 * stand in the order specversion, id, source, type, time, subject,
 * correlationid, causationid, traceparent, extensions, datacontenttype, data.
 */
void envelope_wrap(const struct envelope *e, struct buf *out, int64_t now_ms,
		   const char *text, size_t len, bool as_text);
void envelope_release(struct envelope *e);

/*
 * Append the event's bytes with its missing id or time (by its profile's
 * pointers) inserted as text behind the opening brace; all other bytes stay.
 * An id or time that is null or "" is replaced in place; one whose object is
 * missing stays so.  ev->profile counts, so that a caller may demand one that
 * event_recognise() needs the id for.  An event without a profile is a
 * CloudEvent if it has a string "type" and "source" and lacks "specversion",
 * which is then inserted too; else it stays as it is.
 * Returns 1 if something was filled in, 0 if out is untouched.
 */
int envelope_fill(const struct event *ev, struct buf *out, int64_t now_ms);

/*
 * Append the bytes of an event of a known profile (event_recognise()) with its
 * correlation and causation inserted where it lacks them, as envelope_fill()
 * does; a profile or object that has no place for them stays without.
 */
void envelope_relate(const struct event *ev, struct buf *out,
		     const char *correlation, const char *causation);

/*
 * Append the event's bytes with the member `name` set to the text: an extension
 * of a CloudEvent, a member of /metadata of a domain event (which is made where
 * it is missing), of the object itself with any other profile.  A value that it
 * has already is replaced, all other bytes stay.  Returns 1, or 0 if there is no
 * profile or no place for it.
 */
int envelope_mark(const struct event *ev, struct buf *out, const char *name,
		  const char *text);

/* Write a UUIDv7 (RFC 9562) of the time given, NUL-terminated.  Strictly rising
 * within one process (not across fork), also when the clock steps back.  Random
 * bytes are fetched for many at a time; that there are none ends the program. */
enum { ENVELOPE_UUID = 37 };
void envelope_uuid(char out[ENVELOPE_UUID], int64_t now_ms);

#endif
