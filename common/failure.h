/*
 * failure.h - why an event failed, as the ledger and dead letters tell it
 *
 * The ledger {S}:fail:GROUP maps the id of an entry that is still pending to
 *
 *     {"attempts":2,"due":1795209436824,"first_failed":"…","last_failed":"…",
 *      "class":"exit","error":"…","exit":1}
 *
 * A dead letter in {S}:dlq has the fields data (the event's bytes) and dead:
 *
 *     {"reason":"exhausted","class":"exit","stream":"orders","id":"1-0",
 *      "group":"billing","event_id":"…","type":"…","attempts":5,"deliveries":5,
 *      "first_failed":"…","last_failed":"…","error":"…","exit":1,"signal":"KILL",
 *      "stderr":"…","handler":"…","consumer":"…","duration_ms":12,
 *      "fingerprint":"…","redrives":0}
 *
 * Only what applies is present.  Times are RFC 3339, due is ms since 1970.
 */
#ifndef COMMON_FAILURE_H
#define COMMON_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/id.h"

enum failure_reason {
	FAILURE_EXHAUSTED, /* as many attempts as were allowed failed */
	FAILURE_REJECTED,  /* the handler said that it never will succeed */
	FAILURE_CRASH_LOOP,
	FAILURE_INVALID,
	FAILURE_OVERSIZE,
	FAILURE_TRIMMED
};
const char *failure_reason_name(enum failure_reason reason);
bool failure_is_reason(const char *name);

/* All texts are borrowed UTF-8; NULL or 0 (exit: -1) where they don't apply. */
struct failure {
	const char *class; /* exit, signal, timeout, filter, or the handler's */
	const char *error; /* one line, at most 512 bytes are kept */
	int exit;          /* status; -1 */
	const char *signal; /* without SIG */
	const char *said;   /* the end of stderr */
	int64_t first_ms, last_ms;
	int64_t attempts, due_ms;
	int64_t duration_ms; /* of the last attempt; -1 */
};

/* What else a dead letter knows. */
struct failure_event {
	const char *stream, *group, *consumer, *handler;
	struct id id;
	const char *event_id, *type;
	size_t event_id_len, type_len;
	int64_t deliveries, redrives;
};

/* Append the ledger's JSON. */
void failure_put_ledger(struct buf *out, const struct failure *f);

/* Read the ledger's JSON: attempts, due_ms, first_ms, last_ms; what is missing
 * or no such JSON counts as nothing failed yet (all 0). */
void failure_read_ledger(struct failure *f, const char *text, size_t len);

/* Append the `dead` field's JSON.  The fingerprint is failure_fingerprint() of
 * reason, class and the last line of stderr, else the error. */
void failure_put_dead(struct buf *out, enum failure_reason reason,
		      const struct failure *f, const struct failure_event *e);

/*
 * Append a text that is the same for failures of one kind: the last line that is
 * not blank, with numbers, hexadecimal words and UUIDs replaced by #, blanks
 * folded, at most 120 bytes, behind "CLASS: ".
 */
void failure_fingerprint(struct buf *out, const char *class, const char *text,
			 size_t len);

#endif
