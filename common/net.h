/*
 * net.h - a non-blocking byte stream to a server: TCP, unix socket, TLS
 *
 * The only user of OpenSSL.  Sockets are close-on-exec, TCP ones with
 * TCP_NODELAY, keepalive and (where the system has it) TCP_USER_TIMEOUT.  Every
 * wait ends at its deadline or at a stop (stop.h); looking up a name alone has
 * no deadline.  With TLS, SIGPIPE must be ignored (stop_init).
 */
#ifndef COMMON_NET_H
#define COMMON_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct net_tls {
	const char *cacert;     /* PEM file; NULL: the system's CAs */
	const char *cert, *key; /* PEM files; key NULL: it is in cert */
	const char *sni;        /* to ask for and verify; NULL: host */
	bool insecure;          /* verify nothing */
};

struct net; /* opaque */

/*
 * Connect, and with tls not NULL finish the handshake: chain and host name (or
 * IP address) verified unless insecure, TLS 1.2 at least.  `port` 0 means that
 * host is the path of a unix socket.  Tries every address of the name.  Waits
 * at most timeout_ms.
 *
 * Returns NULL with a printable reason in error, and errno set: EINVAL where
 * the caller's files or names are wrong, EACCES where the server could not be
 * verified or refuses us, EPROTO where it speaks no TLS that we do, ECANCELED
 * after a stop.  Whatever else it is, trying again may help.
 */
enum { NET_ERROR = 256 };
struct net *net_open(const char *host, uint16_t port, const struct net_tls *tls,
		     int timeout_ms, char error[NET_ERROR]);

/*
 * Read or write what is possible now.  Returns the number of bytes, 0 if it
 * would block, -1 with net_error() and errno set if the connection is gone
 * (end of stream too: ECONNRESET).  What a TLS server says of our certificate
 * may come only here: EACCES.  After a failed write, what a server without TLS
 * said before can still be read.
 */
ssize_t net_read(struct net *n, char *data, size_t len);
ssize_t net_write(struct net *n, const char *data, size_t len);
const char *net_error(const struct net *n);

/* Bytes are at hand that poll(2) can't see (TLS). */
bool net_has_pending(const struct net *n);

/* The socket, for poll(2), and the events to wait for to make progress with
 * reading (and writing, if `writing`). */
int net_fd(const struct net *n);
short net_events(const struct net *n, bool writing);

void net_close(struct net *n);

#endif
