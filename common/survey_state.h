/*
 * survey_state.h - what survey.c (the list, the rows), survey_stream.c (the
 * streams and their groups), survey_group.c (each group) and survey_more.c (what
 * one answer can't tell) share.  Private to them.
 *
 * Each round asks the same of many streams or groups, pipelined
 * (survey_pipeline), and reads the answers in order.
 */
#ifndef COMMON_SURVEY_STATE_H
#define COMMON_SURVEY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/dlq.h"
#include "common/lag.h"
#include "common/survey.h"

struct survey_stream {
	char *name;
	bool named; /* by the user: that it is missing is told */
	bool alone; /* its name can have no companion keys */
	bool due;   /* to be read in this round */
};

/* What is still to be asked for a row, which has the same index. */
struct survey_task {
	const struct survey_stream *stream;
	int64_t read;       /* the server's count of entries delivered; -1 */
	size_t entry_bytes; /* that an entry may take */
	bool is_redrive;    /* the stream is one */
	bool is_absent;     /* a redrive stream whose group is not there yet */
	bool asked_pending, asked_lag; /* is on its way */
	struct lag_count lag;
	bool counting;
	int64_t claim;   /* what the server's figures say; -1: nothing */
	unsigned probes; /* for longer silences; 0: no more */
};

/* The dead letters of a stream, counted by group for its rows first…end-1. */
struct survey_deaths {
	struct survey_state *st;
	size_t first, end;
	struct lag_count letters;
	bool failed;
};

struct survey_state {
	struct survey *s;
	struct conn *c;
	const struct survey_options *o;

	struct survey_stream **stream; /* in the order of names */
	size_t streams, streams_cap;

	struct survey_row *row;
	struct survey_task *task;
	size_t rows, cap;
	struct survey_deaths *deaths;
	size_t deaths_count, deaths_cap;
	int64_t now_ms;

	struct buf key; /* of a companion */
	struct dlq_dead dead;
	size_t window;      /* items on their way at most */
	size_t bytes;       /* of the answers to the current item */
	size_t first_row;   /* of the current stream */
	char complaint[96]; /* about its groups; "" */
};

/*
 * Ask about items 0…count-1, a bounded number at a time, and take the answers in
 * order.  ask() may append no command; then take() reads no reply.  take()
 * returns 0, or -1 with the connection lost.
 */
int survey_pipeline(struct survey_state *st, size_t count,
		    void (*ask)(struct survey_state *st, size_t i),
		    int (*take)(struct survey_state *st, size_t i));

/* The next reply, whose size is noted; NULL if the connection is lost. */
struct reply *survey_reply(struct survey_state *st);
/* The same as a number of at least 0; SURVEY_UNKNOWN if it is none. */
int survey_number(struct survey_state *st, struct survey_row *row,
		  int64_t *number);
/* Note why something about the row is unknown: what the server said. */
void survey_complain(struct survey_row *row, const struct reply *r);

/* Add a stream, if it is not there yet; then it is due. */
void survey_list(struct survey_state *st, const char *name, bool named);

/* Append a row of nothing but unknowns; the group may be NULL. */
struct survey_row *survey_row_add(struct survey_state *st,
				  const struct survey_stream *stream,
				  const char *group, size_t len);
/* Drop the rows from this index on. */
void survey_rows_cut(struct survey_state *st, size_t rows);

/* Take a slice of it. */
int survey_take_lag(struct survey_state *st, size_t i);
/* Read an answer to XPENDING with entries: how many there are, -1. */
int64_t survey_take_pending(struct survey_state *st, struct survey_row *row);

/* The rounds.  0, or -1 with the connection lost. */
int survey_streams(struct survey_state *st);
int survey_groups(struct survey_state *st);
int survey_more(struct survey_state *st);

#endif
