/*
 * group.h - reading streams as a consumer of a group
 *
 *     group_open            creates what is missing
 *     group_fetch  ─┐       a batch: entries of dead consumers, then new ones
 *       group_next  │       each entry of it
 *       group_done  │       it is handled
 *     group_commit ─┘       acknowledge what is handled
 *     group_close           give back the rest, remove the empty consumer
 *
 * An entry is acknowledged only after group_done() and group_commit(), in that
 * order, so the caller commits when what it did is safe.  While a batch is being
 * used the next one is already asked for, without blocking.
 *
 * A lost connection is made again: acknowledgements that were not confirmed are
 * sent again, and what the server had delivered but never arrived is claimed.  A
 * group that vanished is created again where it was as last seen, a third of a
 * lease ago at most, and what is in hand is made pending again.
 */
#ifndef COMMON_GROUP_H
#define COMMON_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/id.h"
#include "common/priority.h"
#include "common/script.h"
#include "common/stream.h"
#include "common/when.h"

struct group_options {
	const char *name;
	const char *consumer; /* NULL: HOST:PID:RANDOM */
	struct when from;     /* where a new group starts; unset: the start */
	int64_t lease_ms;     /* silent that long, a consumer counts as dead */
	uint64_t batch;       /* entries per read at most; 0: as fits */
	int64_t retry_for_ms; /* how long a server may say that it can't now */
	bool manual;          /* others acknowledge what was handed out */
	bool priorities;      /* one stream as four, see priority.h */
};

enum { GROUP_MARK = 256 };

/*
 * Behind the streams that are named come those for redrives of them that exist,
 * {S}:redrive:GROUP, as they are found (group_discover).
 */
struct group_stream {
	const char *name;   /* of the key */
	const char *origin; /* the stream that it is, or is for redrives of */
	struct id last;    /* where the group was, then the newest entry read */
	struct id highest; /* read so far */
	struct id newest;  /* group_mark(): the newest there was */
	struct id position; /* of the group, as last seen */
	bool scheduled;     /* there are events that are due later */
	struct buf acks;    /* encoded ids that are done, not yet committed */
	struct buf failed;  /* … those of them of which the ledger knows */
	size_t ack_count, failed_count;
	int64_t dry_until; /* when_monotonic(): nothing to read till then */
	char restored[GROUP_MARK]; /* the group's mark as last seen */
	bool promote_told;         /* that nothing can be promoted */
};

/* An entry handed to this consumer. */
struct delivery {
	struct entry entry;
	size_t stream;      /* index */
	int64_t deliveries; /* this one included */
	int64_t attempts;   /* that have failed, if group_fetch() brought it */
};

/* A pending entry to be claimed. */
struct group_claim {
	struct id id;
	int64_t deliveries, attempts;
	size_t owner; /* offset of the name in owners */
};

#define GROUP_ALL SIZE_MAX

enum { GROUP_CONSUMER = 128 }; /* room for a consumer's name */

struct group {
	struct conn *conn;
	const struct group_options *o;
	char consumer[GROUP_CONSUMER];
	struct group_stream *stream;
	size_t count;
	uint64_t trimmed; /* entries that were gone before they were handled */
	uint64_t
		waiting; /* that group_fetch() left alone when it last looked */

	/* For group_take_over(), if set: whether an entry is in hand already. */
	bool (*holds)(void *holder, size_t stream, struct id id);
	/* If set: tell all that is in hand of a stream and has no verdict, with
	 * the deliveries so far, to be put back if the group vanishes. */
	void (*each)(void *holder, size_t stream,
		     void (*tell)(void *to, struct id id, int64_t deliveries),
		     void *to);
	/* For group_fetch(), if set: what to do about a trimmed entry.  0, -1. */
	int (*bury)(void *holder, size_t stream, struct id id);
	void *holder;

	/* Private from here on. */
	struct conn *side; /* for errands while conn is busy; NULL: none yet */
	struct script renew, release, leave, promote, take_over, put_back,
		adopt, regroup;
	struct reply *batch; /* being used; NULL: none */
	struct entries entries;
	bool claimed; /* the batch is of claim[]; else of XREADGROUP */
	size_t batch_stream, batch_used;
	size_t slice;
	bool reading; /* an XREADGROUP is unanswered */
	bool full;    /* the last read was as long as it could be */
	size_t acks_before, acks_behind; /* unanswered XACKs around it */
	struct buf unconfirmed;          /* protocol of the unanswered XACKs */
	struct buf lengths;              /* a size_t for each of them */
	struct group_claim *claim;
	size_t claims, claim_at;
	struct buf owners;
	size_t claim_stream; /* where claiming goes on; count: it is done */
	char claim_from[ID_TEXT + 1];
	struct buf missing; /* struct id: claimed, but did not come */
	size_t missing_stream;
	bool claim_own;
	bool overlap;  /* own ones were taken over that a read may bring too */
	bool resumed;  /* what was ours at the start has been claimed */
	uint64_t held; /* entries handed out and not acknowledged by us */
	bool refused;  /* the server says that it can't now */
	int64_t claim_due, renew_due, refused_until, discover_due;
	int64_t promote_due, lively_until;
	int64_t waiting_due; /* the first of those that wait; INT64_MAX */
	int64_t second_look; /* for what is ours, when_monotonic(); 0: none */
	size_t renewing; /* the stream that the pass is at; SIZE_MAX: none */
	char renew_from[ID_TEXT + 1];
	int64_t next_pass;
	uint64_t answered; /* reads */
	uint64_t
		doubt_until; /* what these bring may be of a group that is gone */
	bool pending_told;   /* that one may not look for what others left */
	char **redrive;      /* keys of the streams for redrives */
	size_t named, redrives;
	char **owned; /* the names of one stream as four */
	struct priority_quota quota;
	size_t only; /* the stream being read, GROUP_ALL for all */
	size_t turn; /* the stream that was read last on its own */
	uint64_t asked, reads;
	int64_t heard; /* when_monotonic(): of the server, or it was asked to read */
	int block_ms; /* what it was asked to wait at most */
};

/* Why a consumer can't have this name, or NULL. */
const char *group_consumer_error(const char *name);

/*
 * Create the group on every stream where it is missing (and the stream too).
 * The names and options are borrowed.  Returns 0, or -1 with conn_error() set.
 */
int group_open(struct group *g, struct conn *c, const struct group_options *o,
	       char *const *names, size_t count);

/* Join the streams for redrives that exist by now, at most once a second; on a
 * connection of its own.  Returns 1 if there are new ones (from the old count
 * on), 0, -1. */
int group_discover(struct group *g);

/*
 * Promote what is due of the events scheduled for the streams (delayed.h), a slice
 * at a time; on a connection of its own.  Does nothing before promote_due.
 *
 * When the next one is due is known, but others may schedule one that is due
 * before.  So one looks every 250 ms: what is scheduled for later than that comes
 * in time, what is for sooner is late by less.  After an event was due or promoted
 * it is every 80 ms for a minute.  As long as nothing is scheduled a look is an
 * EXISTS per stream, while the read blocks on undisturbed.
 */
void group_promote(struct group *g);

/* Note what is newest now in every stream, for group_reached().  0, or -1. */
int group_mark(struct group *g);
/* Whether every stream has been read up to its mark, and all that could be
 * claimed was. */
bool group_reached(const struct group *g);

/*
 * Entries that were handed out before and wait for another attempt, by the ledger
 * (failure.h), are left alone until they are due; one's own are given back.
 *
 * Get the next batch of at most `limit` entries per stream, waiting up to
 * block_ms.  All of the last batch must be used.  Returns 1; 0 if there are
 * none in that time, at a stop, or once watch_fd (-1: none) is readable or
 * broken; -1 with conn_error() set.
 */
int group_fetch(struct group *g, uint64_t limit, int block_ms, int watch_fd);

/*
 * group_fetch() for callers that wait themselves: ask if nothing is asked yet,
 * and see whether the answer is here.  Claims nothing: see group_take_over().
 * Returns 1 for a batch; 0 if the answer is still to come; 2 if there are none
 * in block_ms; -1.
 *
 * The limit is that of all streams together.  Only when it is less than there are
 * streams and all of them were found empty, a read that waits for any may bring
 * one entry of each.
 */
int group_try(struct group *g, uint64_t limit, int block_ms);

/*
 * Take over one entry of a consumer that was silent for a lease, or of one's own
 * that is not in hand (after a restart or a lost connection), without counting a
 * delivery.  Looks through all of them, then again after a third of the lease.
 * Returns 1 with stream, id, trimmed and deliveries so far set (the server may
 * have forgotten a trimmed one by then); 0 if there is none for now; -1.  Uses
 * the connection for errands.
 */
int group_take_over(struct group *g, struct delivery *d);

/* The next entry of the batch: 1; 0 at its end; -1 with conn_error() set.
 * entry.trimmed entries are never returned: they are counted, said, and done. */
int group_next(struct group *g, struct delivery *d);

/* The entry is handled; group_commit() acknowledges it. */
void group_done(struct group *g, const struct delivery *d);

/* Acknowledge what is done.  The answers are looked at later.  0, or -1. */
int group_commit(struct group *g);

/* Let others have the entry at once, uncounted, as if it had not been read.
 * Waits for the answer.  Returns 0, or -1. */
int group_release(struct group *g, const struct delivery *d);

/*
 * Renew the leases of what this consumer holds, if anything, once a third of the
 * lease has passed since the last time; on a connection of its own.  0, or -1.
 * group_renew_some() does a part of it, for callers with other things to do: it
 * returns 1 if it is to be called again as soon as these are done.
 */
int group_renew(struct group *g);
int group_renew_some(struct group *g);

/*
 * An entry in hand is not ours: see whether that is because its group vanished,
 * which another consumer may have noticed first.  Then what is in hand is pending
 * again, except what others hold by now.  Returns 1 if so, 0 if not, -1 after
 * having said why.  Uses the connection for errands.
 */
int group_mend(struct group *g);

/* The ms until group_renew() or claiming is due, at most `most`. */
int group_idle_ms(const struct group *g, int most);

/*
 * Finish: end a waiting read, and have the acknowledgements confirmed.  Returns
 * 1 if that read brought a batch after all, to be used as ever before calling
 * again; 0 when all is done; -1 with conn_error() set.
 */
int group_finish(struct group *g);

/* Remove the consumer where it holds nothing, and free everything. */
void group_close(struct group *g);

/* Private, shared by group.c, its parts and claim.c. */
enum { GROUP_AGAIN = 0, GROUP_GONE = 1 };
/* What an error that the server answered means: GROUP_AGAIN, it can't now, which
 * was waited for, or a stop is requested; GROUP_GONE; -1 with conn_error() set. */
int group_fault(struct group *g, const struct reply *r);
/* Take the answers to the XACKs sent before the read; the same, over any number of
 * connections.  0, or -1. */
int group_take_acks(struct group *g);
int group_settle(struct group *g);
int group_recover(struct group *g);
/* XREADGROUP of all streams, or of g->only alone; of as many as there is room for
 * in all, of streams that are chosen. */
void group_ask(struct group *g, uint64_t limit, int block_ms);
void group_ask_some(struct group *g, uint64_t room, int block_ms);
/* What a read has brought.  Whether others may bring more at once. */
bool group_took(struct group *g, const struct reply *r, uint64_t entries);
/* Look for the group of a stream by XINFO GROUPS.  Returns 1 with the last id
 * delivered to it; 0 if it or the stream is not there; 2 if one may not look; -1. */
int group_find(struct group *g, struct conn *c, const char *stream,
	       struct id *delivered);
/* XGROUP CREATE … MKSTREAM.  Returns 0, also if the group is there; 1 with
 * conn_error() set if one may not create groups; -1. */
int group_create(struct group *g, struct conn *c, const char *stream,
		 const char *id);
/* Note by which mark to see that the group is created again.  0, or -1. */
int group_note_restored(struct group *g, struct conn *c,
			struct group_stream *st);
/* See where the groups are; those that are missing are created again and what is
 * in hand put back, gone: also where one may not look.  1 if so, 0, -1. */
int group_restore(struct group *g, struct conn *c, bool gone);
/* The server can't now, by this reply, and may soon: wait a little.  False if
 * that has taken too long or a stop is requested. */
bool group_back_off(struct group *g, const struct reply *r);
struct conn *group_side(struct group *g);
void group_ledger(const struct group *g, const struct group_stream *st,
		  struct buf *key); /* the key of its ledger */
int claim_next(struct group *g);    /* 1: a batch was claimed; 0: none; -1 */
int claim_finish(struct group *g);
bool claim_is_due(const struct group *g);
void claim_restart(struct group *g, bool own);

#endif
