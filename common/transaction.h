/*
 * transaction.h - so many lines of input as one transaction
 *
 * A refused line spoils its transaction: what it holds so far is undone, and the
 * lines that follow up to its end are refused too.
 */
#ifndef COMMON_TRANSACTION_H
#define COMMON_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/intake.h"
#include "common/publish.h"

struct transaction {
	uint64_t size; /* lines of one; 0: there are none */
	struct intake *in;
	struct publish *publish;
	uint64_t began;  /* its first line; private from here on */
	uint64_t lines;  /* so far */
	uint64_t spoilt; /* the line that spoilt it; 0: none */
};

/* A line has come in: whether it is refused (which is then reported) because
 * its transaction is spoilt. */
bool transaction_refuses(struct transaction *t, bool usable);

/* The line was refused: undo what the transaction holds so far.  Waits until
 * that is told, while it is known which line it was.  0, or -1. */
int transaction_spoil(struct transaction *t);

/* The line is done; the last one of a transaction stores it.  0, or -1. */
int transaction_count(struct transaction *t);

/* The end of the input ends a transaction too; if it was not read to its end
 * (whole), what is there of the transaction is not stored, and *unsent is set to
 * its first line.  0, or -1. */
int transaction_end(struct transaction *t, bool whole, uint64_t *unsent);

/* For publish_options.undone: report the event's line as refused. */
void transaction_undone(struct transaction *t, const struct publish_event *e);

#endif
