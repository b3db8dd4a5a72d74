/*
 * server.h - a private Redis server for a test, on a unix socket
 *
 * redis-server, else valkey-server, without persistence and without a TCP port,
 * in a directory of its own under TMPDIR.  What goes wrong while starting ends
 * the test program with a message.
 */
#ifndef TESTS_UNIT_SERVER_H
#define TESTS_UNIT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct server {
	pid_t pid; /* 0 while it does not run */
	char dir[64];
	char socket[80];
	char url[96]; /* unix://… */
};

/* Start with more options ("--requirepass", "x", NULL; or NULL) and wait until
 * it takes connections. */
void server_start(struct server *s, const char *const *options);

/* The same in two steps: only the directory and the names; run without waiting
 * for it to be up. */
void server_prepare(struct server *s);
void server_spawn(struct server *s, const char *const *options);

/* Kill it as a crash would; its directory stays for server_spawn(). */
void server_kill(struct server *s);

/* Kill it if it runs, and remove its directory. */
void server_stop(struct server *s);

/* For a child after fork(): a test that crashes leaves no process behind, where
 * the system can do that. */
void server_die_with_parent(void);

#endif
