/*
 * publish_state.h - what the parts of publish share: publish.c sends,
 * publish_reply.c takes in the answers, publish_report.c tells of the end
 *
 * Private to them.
 */
#ifndef COMMON_PUBLISH_STATE_H
#define COMMON_PUBLISH_STATE_H

#include "common/publish.h"

enum {
	WINDOW = 8192,      /* events unconfirmed, but for a transaction */
	SEND_AT = 64 << 10, /* bytes that are worth a write */
	UNSENT_MAX = 256 << 10,
	KEEP_MAX = 4 << 20, /* bytes kept of unconfirmed events */
	WAIT_EVERY = 1000   /* events per WAIT or WAITAOF */
};

/* What the next reply answers. */
enum expect {
	EXPECT_ADD,
	EXPECT_OK,     /* MULTI */
	EXPECT_QUEUED, /* a command of a transaction */
	EXPECT_EXEC,
	EXPECT_DISCARD,
	EXPECT_LOADED,  /* SCRIPT LOAD */
	EXPECT_DURABLE, /* WAIT or WAITAOF */
	EXPECT_LOUD     /* CLIENT REPLY ON */
};

enum state {
	STATE_SENT,
	STATE_STORED,
	STATE_REFUSED,
	STATE_UNDONE, /* discarded with its transaction */
	STATE_MOVED   /* sent again: another item stands for it */
};

struct item {
	uint64_t line;
	uint64_t end;        /* bytes that must be sent for it to take effect */
	size_t len, key_len; /* of the event and its key, in keep */
	struct id id;
	enum state state;
	size_t to; /* the number of its route */
	bool duplicate;
	bool last; /* of its transaction */
};

/* Lines of one fate. */
struct lines {
	uint64_t first, last, count;
};

/* Where events go: each stream has one of each priority. */
struct route {
	struct buf name;
	struct lines confirmed, refused;
	struct lines unseen; /* sent without asking for replies */
	struct stream_adder adder;
};

/* The companions of a stream. */
struct target {
	struct buf delayed; /* the key where events wait until they are due */
	struct buf mark;    /* {stream}:seen: */
	size_t mark_len;
};

struct publish {
	struct conn *conn;
	const struct publish_options *o;
	struct target *target;
	struct route *route; /* PRIORITY_COUNT of each target */
	size_t routes;
	size_t stream; /* where events go now */
	enum priority priority;
	const char *blamed; /* where the one went that was refused, or all */
	struct script script;

	/* items head … answered … tail, of a ring; numbers only grow */
	struct item *item;
	size_t cap;
	uint64_t head, answered, tail;

	struct buf expect; /* one byte a reply, from expect_at on */
	size_t expect_at;
	struct buf keep; /* the events of the items, from keep_at on */
	size_t keep_at;

	size_t send_at;    /* unsent bytes at which to write again */
	uint64_t appended; /* bytes of output so far */
	uint64_t unwaited; /* events since the last WAIT or WAITAOF */
	int64_t since;     /* when the first unanswered command was sent */
	bool in_transaction, resent, loading, muted, failed;

	uint64_t confirmed, duplicates;
	char error[256];
};

/* Whether events are added by a script, not by XADD. */
bool publish_by_script(const struct publish *p);

/* Whether the bytes of events are kept; whether WAIT or WAITAOF confirm. */
bool publish_keeps(const struct publish *p);
bool publish_waits(const struct publish *p);

/* Remember the first reason and fail; always -1. */
int publish_fail(struct publish *p, const char *why);
int publish_fail_conn(struct publish *p);
/* The connection is gone: 0 if nothing was in flight, else -1. */
int publish_lose(struct publish *p);

/* The item of a number; room for more of them than the window has. */
struct item *publish_item(const struct publish *p, uint64_t number);
void publish_grow(struct publish *p);

/* Another reply will come; none is due. */
void publish_expect(struct publish *p, enum expect what);
bool publish_is_idle(const struct publish *p);

/* Append a command of up to four words; the command that adds an event. */
void publish_append_words(struct publish *p, enum expect what, const char *a,
			  const char *b, const char *c, const char *d);
void publish_append_add(struct publish *p, size_t to, const char *text,
			size_t len, const char *key, size_t key_len);

/* Take what replies are at hand.  After a failure replies still count: they
 * tell what became of what was sent.  0, or -1. */
int publish_take_replies(struct publish *p);

void publish_count_line(struct lines *l, uint64_t line);

#endif
