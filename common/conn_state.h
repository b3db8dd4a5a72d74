/*
 * conn_state.h - what conn.c (commands, replies) and conn_open.c (connecting)
 * share.  Private to them.
 */
#ifndef COMMON_CONN_STATE_H
#define COMMON_CONN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/url.h"
#include "common/wire.h"

struct conn {
	const struct conn_options *options;
	struct url url;
	char *password; /* NULL: none */
	char name[256];

	struct wire wire;
	uint64_t client_id;

	int64_t retry_until; /* when_monotonic() */
	int backoff_ms;
	bool answered; /* a command, since it was connected again */
	bool hopeless; /* it would go as before if opened again */

	int heed_fd; /* conn_set_heed() */
	bool (*heed)(void *arg);
	void *heed_arg;

	bool failed, usage;
	bool told_needless; /* a warning that is not repeated */
	char error[1024];
};

/* Set the error; always -1. */
int conn_fail(struct conn *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* After the wire has returned -1; end it, and say why.  Always -1. */
int conn_lost(struct conn *c);
int conn_lose(struct conn *c, const char *why);

#endif
