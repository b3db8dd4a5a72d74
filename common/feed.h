/*
 * feed.h - lines of input into a stream: taken in, paced, published, answered
 *
 *     intake ──► pace ──► publish ──► confirmed: printed
 *     lines      --rate    window      await ──► replies: printed
 *
 * Ties those modules together for a program that publishes.  Nothing waits for
 * input while something else can be done: what is there goes out, what is
 * confirmed and what is answered is printed first.
 */
#ifndef COMMON_FEED_H
#define COMMON_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/await.h"
#include "common/conn.h"
#include "common/dedup.h"
#include "common/delayed.h"
#include "common/diag.h"
#include "common/intake.h"
#include "common/out.h"
#include "common/pace.h"
#include "common/priority.h"
#include "common/progress.h"
#include "common/publish.h"
#include "common/routes.h"
#include "common/transaction.h"

struct feed_options {
	struct intake_options intake;
	struct publish_options publish; /* with the stream; the callbacks are
					 * feed's */
	struct delayed_options delayed;
	struct pace pace;
	struct dedup dedup;
	const char *await;  /* the stream of replies; NULL: none */
	int64_t timeout_ms; /* for durability or replies; -1: 5 s, 30 s */
	uint64_t atomic;    /* lines per transaction; 0: none */
	bool ids, events;   /* what is printed of an event that is stored */
	bool strict;        /* stop at a refused line */
	bool priority;      /* to the stream of its priority */
	bool route;         /* to the stream of its type, by routes */
	struct routes routes;
	char error[320]; /* private */
	char **arg;      /* events as arguments; NULL: standard input */
	size_t args;
};

#define FEED_OPTIONS_INIT                                          \
	{                                                          \
		.intake = { .max_bytes = LINE_MAX_BYTES },         \
		.delayed = DELAYED_OPTIONS_INIT, .timeout_ms = -1, \
	}

/* What the table can't say: which go together.  The streams' names are checked
 * too.  NULL, or what is wrong, which is the user's; valid until the next
 * call. */
const char *feed_options_check(struct feed_options *o);
void feed_options_release(struct feed_options *o);

struct feed {
	struct feed_options *o;
	struct out *out;
	struct intake in;

	struct publish *publish; /* private from here on */
	struct transaction transaction;
	struct pace pace;
	struct await await;
	struct progress progress;
	struct buf tmp, word;
	unsigned roles;       /* what is looked up in an event */
	uint64_t unsent;      /* the line that could not be sent on; 0 */
	bool stopped, broken; /* no more input; no more replies */
};

/* The options are checked.  Returns 0, or -1 with errno set if the file for
 * refused lines can't be opened. */
int feed_open(struct feed *f, struct feed_options *o, struct out *out);

/*
 * Publish all lines, or with a NULL connection only check them and print what
 * would be stored.  Says what goes wrong.  EXIT_OK, EXIT_INPUT if lines were
 * refused, EXIT_NO if interrupted or not all replies came, EXIT_SERVER or
 * EXIT_OUTPUT (input could not be read).
 */
enum exit_status feed_run(struct feed *f, struct conn *c);

/* Returns 0, or -1 with errno set if writing refused lines failed. */
int feed_close(struct feed *f);

#endif
