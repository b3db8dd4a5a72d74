/*
 * dial.h - a socket connected to a server, before a deadline
 *
 * The lower half of net.h: names, addresses, socket options, waiting.
 */
#ifndef COMMON_DIAL_H
#define COMMON_DIAL_H

#include <stdint.h>

struct dial {
	int64_t deadline; /* when_monotonic() */
	int timeout_ms;   /* what led to the deadline, for messages */
	char error[256];
};

/*
 * Connect to a TCP port, or with port 0 to the unix socket at the path `host`.
 * Every address of a name is tried.  Looking up a name blocks for as long as
 * the system's resolver does: neither the deadline nor a stop ends that.
 *
 * Returns a non-blocking, close-on-exec socket, which the caller closes, or -1
 * with error and errno set: EINVAL for a path that is too long, ECANCELED for a
 * stop, ETIMEDOUT at the deadline, EHOSTUNREACH for an unknown name, else as
 * connect(2).
 */
int dial_open(struct dial *d, const char *host, uint16_t port);

/*
 * Wait until one of the events of poll(2) is there on fd (-1: none).  Returns
 * 0, or -1 with errno set: ETIMEDOUT at the deadline, ECANCELED for a stop.
 */
int dial_wait(int fd, short events, int64_t deadline);

#endif
