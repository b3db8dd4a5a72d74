/*
 * peer.h - a scripted, usually hostile, server for a test
 *
 * A child process that listens on a unix socket and runs a script for each
 * connection, one after the other.
 */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H

#include <sys/types.h>

struct peer {
	pid_t pid;
	char dir[64];
	char url[96]; /* unix://… */
};

/* What is done on connection number n, from 0; the end of it is a hangup. */
typedef void peer_script(int fd, int n);

void peer_start(struct peer *p, peer_script *script);
void peer_stop(struct peer *p);

/* For scripts: read up to and with these bytes; write (a dead reader ends the
 * script); take the login of login.h and answer it; wait for the hangup. */
void peer_expect(int fd, const char *text);
void peer_write(int fd, const char *bytes, size_t len);
void peer_say(int fd, const char *text);
void peer_login(int fd);
void peer_silence(int fd);

#endif
