/*
 * handler.h - one run of a command, with an event on its standard input
 *
 * The command runs without a shell, as leader of a process group of its own.
 * stdin carries the event; stdout is handed on in whole lines; stderr is passed
 * through, its last 4 KiB are kept; descriptor 3 takes lines that tell how it
 * goes:
 *
 *     progress 40 text       per cent, and what is going on
 *     retry-after 30s        if this attempt fails
 *     error CLASS text       why it will have failed
 *     beat                   still alive
 *
 * The run is over when the process has exited: what children that it left behind
 * still hold open is not waited for.  If it was ended (a timeout, handler_end()),
 * its children get the same time as it to end, while they hold one of the pipes;
 * then SIGKILL takes what is left of the group.
 *
 * Nothing here blocks; the caller polls.  If our own stderr takes nothing, the
 * command has to wait with its own; after its exit the rest is written for as
 * long as a second between two writes, then dropped.  SIGPIPE must be ignored
 * (stop_init()).
 *
 * The second signal that ends us (stop.h) kills the groups of all that run.  If
 * we end in another way, by SIGKILL or a crash, they go on: nobody reads then what
 * they write to the pipes.
 */
#ifndef COMMON_HANDLER_H
#define COMMON_HANDLER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"

enum {
	HANDLER_FDS = 5,        /* that handler_poll() may want polled */
	HANDLER_STDERR = 4096,  /* bytes kept */
	HANDLER_LINE = 1 << 20, /* longer lines of stdout are cut in pieces */
	HANDLER_CONTROL = 4096, /* longer lines on descriptor 3 are ignored */
	HANDLER_TERM_MS = 5000  /* from SIGTERM to SIGKILL */
};

enum handler_state {
	HANDLER_IDLE, /* a zeroed struct: nothing was started */
	HANDLER_RUNNING,
	HANDLER_EXITED, /* code is the exit status */
	HANDLER_KILLED, /* code is the signal */
	HANDLER_BROKEN  /* it could not be started: code is errno */
};

struct handler {
	enum handler_state state;
	int code;
	bool timed_out; /* it was ended for taking longer than its timeout */
	bool ended;     /* handler_end() was called */
	pid_t pid;
	int64_t started, finished; /* when_monotonic() */

	/* Whole lines of stdout that were not taken yet, each with its LF; the
	 * caller consumes them.  At the end an unterminated line gets its LF. */
	struct buf output;

	/* The end of stderr, valid UTF-8 with what is none replaced. */
	char said[HANDLER_STDERR + 1];

	/* What descriptor 3 said last. */
	int progress; /* per cent, -1: nothing yet */
	char progress_text[256];
	bool progress_is_new;   /* cleared by the caller */
	bool beat;              /* any line came; cleared by the caller */
	int64_t retry_after_ms; /* -1: not said */
	char error_class[64], error_text[512]; /* "": not said */

	/* Of a stdin that was left open: what the caller appends for
	 * handler_push(). */
	struct buf input;

	/* Private from here on: see handler_io.h. */
	char *name, *path;         /* argv[0] and where it was found, kept */
	int in, out, err, control; /* our ends of the pipes, -1: closed */
	bool open;
	size_t unread;   /* when an open stdin was closed */
	size_t written;  /* of input; what is before it counts no more */
	struct buf line; /* stdout without its LF yet */
	char control_line[HANDLER_CONTROL];
	size_t control_len;
	bool control_skip; /* up to the next LF */
	char tail[HANDLER_STDERR];
	size_t tail_len; /* bytes ever; the ring holds the last of them */
	char passing[HANDLER_STDERR]; /* read, not on our stderr yet */
	size_t passing_len;
	bool stuck;  /* our stderr takes nothing at the moment */
	bool held;   /* exited, but a child may still write to stderr */
	bool exited; /* but its group may still use its time to end */
	bool killed; /* SIGKILL was sent */
	int64_t deadline, kill_at;
	_Atomic(struct handler *) next; /* of those whose process is ours */
};

struct handler_command {
	char *const *argv; /* looked up in PATH */
	char *const *env;  /* NULL-terminated, the whole environment */
	const char *input; /* copied if the pipe does not take all at once */
	size_t len;
	int64_t timeout_ms; /* SIGTERM then, SIGKILL 5 s later; INT64_MAX: no */
	bool open;          /* stdin stays open for more: handler_push() */
};

/*
 * Start.  The handler must be idle or handler_release()d.  Always leaves it
 * running or HANDLER_BROKEN (no such command, not executable, no process).  A
 * script needs its #! (else ENOEXEC).
 * Every descriptor it makes is close-on-exec; signal dispositions and mask are
 * the default in the command.
 */
void handler_start(struct handler *h, const struct handler_command *command);

/* Fill in what to poll for, at most HANDLER_FDS; returns how many.  While output
 * holds more than 1 MiB, stdout is not read, so that the command waits. */
size_t handler_poll(const struct handler *h, struct pollfd *fds);

/* Do what the polled descriptors allow; handler_reap() may have something to do
 * then. */
void handler_step(struct handler *h, const struct pollfd *fds, size_t count);

/*
 * For a stdin that was left open.  handler_push() writes what the pipe takes of
 * h->input, to which the caller has appended; handler_unsent() is what it has not
 * taken yet.  handler_close_input() ends stdin once all is written.
 */
void handler_push(struct handler *h);
size_t handler_unsent(const struct handler *h);
void handler_close_input(struct handler *h);

/* How much of what was appended the command has not read; once an open stdin has
 * closed without our doing, had not read by then; after handler_close_input()
 * 0.  Where the system can't tell, what it holds for the command counts as read. */
size_t handler_unread(const struct handler *h);

/* Whether the command or we closed its stdin; it or its children its stdout. */
bool handler_input_is_closed(const struct handler *h);
bool handler_output_is_closed(const struct handler *h);

/* Bring h->said up to date while the command runs. */
void handler_listen(struct handler *h);

/* See whether the process has exited (waitid on its pid alone), and take what
 * it left in the pipes.  Also enforces the timeout and the step from SIGTERM to
 * SIGKILL.  Returns whether the run is over, as it also is if none was started. */
bool handler_reap(struct handler *h, int64_t now);

/* When handler_reap() has something to do next, if no child exits before: as
 * when_monotonic(); INT64_MAX: nothing. */
int64_t handler_due(const struct handler *h);

/* End it: SIGTERM to its process group now, SIGKILL kill_after_ms later.  Called
 * again, it sends no second SIGTERM, but may bring SIGKILL forward; 0: at once.
 * The caller goes on until handler_reap() says that it is over. */
void handler_end(struct handler *h, int64_t now, int64_t kill_after_ms);

/* Kill the group if it still runs, close everything, and make it idle: before the
 * struct goes or is moved.  Buffers are kept for the next run; handler_free() frees those too. */
void handler_release(struct handler *h);
void handler_free(struct handler *h);

/*
 * A descriptor that becomes readable when any child exits (SIGCHLD), for poll
 * sets; made at the first call.  handler_child_seen() empties it.
 */
int handler_child_fd(void);
void handler_child_seen(void);

#endif
