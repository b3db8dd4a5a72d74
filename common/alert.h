/*
 * alert.h - findings that last become alerts, and clear when they are over
 *
 *     alert_begin ─► alert_take, for each finding ─► alert_end     per sample
 *
 * An alert is about one metric of one stream and group.  It fires, or rises in
 * severity, when ALERT_FIRE samples in a row are that bad; it falls in severity
 * or clears when ALERT_CLEAR in a row are better.  A figure that is unknown
 * changes nothing, as if there had been no sample; a stream or group that is
 * gone is all right, and a server that can't be reached is an alert of its own.
 * Only figures that are not all right take memory.
 */
#ifndef COMMON_ALERT_H
#define COMMON_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/envelope.h"
#include "common/out.h"
#include "common/rules_print.h"

enum {
	ALERT_FIRE = 2,
	ALERT_CLEAR = 3,
	ALERT_UNREACHABLE = RULES_METRICS /* besides enum rules_metric */
};

struct alert {
	char *stream, *group; /* NULL: the server */
	int metric;
	enum rules_severity severity; /* as fired; RULES_OK: it has not */
	enum rules_severity before;   /* the last change; RULES_OK: none */
	bool is_cleared;              /* severity is then what it had */
	int64_t since_ms; /* the first of the samples that made it fire */
	double value, threshold; /* now; NAN: unknown, gone */
	char reason[192];        /* for people */
	char id[ENVELOPE_UUID];  /* the same from firing to clearing */

	/* Private: samples in a row at least and less bad than this. */
	unsigned above[RULES_UNKNOWN], below[RULES_UNKNOWN];
	bool seen;
};

/* A zeroed struct is empty and valid. */
struct alerts {
	struct alert *alert; /* in order of streams, groups, metrics */
	size_t count, cap;
	int64_t now_ms;
};

void alert_begin(struct alerts *a, int64_t now_ms);
void alert_take(struct alerts *a, const struct rules_finding *f);

/* End a sample that the server answered, or one that it did not, for which
 * nothing was taken: it is away since then (now_ms at the latest).  Calls
 * changed() for what fires, rises, falls and clears. */
void alert_end(struct alerts *a,
	       void (*changed)(void *arg, const struct alert *alert),
	       void *arg);
void alert_end_away(struct alerts *a, int64_t away_since_ms, const char *why,
		    void (*changed)(void *arg, const struct alert *alert),
		    void *arg);

/* A sample as a whole. */
void alert_check(struct alerts *a, int64_t now_ms,
		 const struct rules_list *found,
		 void (*changed)(void *arg, const struct alert *alert),
		 void *arg);

/* A look, for alert_print(). */
struct alert_look {
	int64_t now_ms;
	const struct rules_list *found;
	const char *away; /* why the server did not answer; NULL: it did */
	int64_t away_ms;  /* since when it is away */
};

/* Take a sample as a whole and print the events of what changed, `most` at most;
 * returns how many. */
uint64_t alert_print(struct alerts *a, const struct alert_look *look,
		     uint64_t most, struct out *out);

void alert_release(struct alerts *a);

/*
 * Append the change as a CloudEvent of type ev.alert.fired or ev.alert.cleared
 * (without a newline), whose data are
 *
 *     {"alert":"orders/billing/lag","severity":"critical","before":"warning",
 *      "stream":"orders","group":"billing","metric":"lag","value":12345,
 *      "unit":"ms","threshold":10000,"since":"…","reason":"lag 12.3k > 10k"}
 *
 * of which only what applies is there.  Its correlation is the alert's id.
 */
void alert_put_event(struct buf *out, const struct alert *alert,
		     int64_t now_ms);

#endif
