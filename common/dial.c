#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/dial.h"
#include "common/num.h"
#include "common/stop.h"
#include "common/when.h"

/* Socket options that not every system has; -1 where missing. */
#ifdef SO_NOSIGPIPE
enum { OPTION_NOSIGPIPE = SO_NOSIGPIPE };
#else
enum { OPTION_NOSIGPIPE = -1 };
#endif
#ifdef TCP_USER_TIMEOUT
enum { OPTION_USER_TIMEOUT = TCP_USER_TIMEOUT };
#else
enum { OPTION_USER_TIMEOUT = -1 };
#endif
#ifdef TCP_KEEPIDLE
enum { OPTION_KEEPIDLE = TCP_KEEPIDLE };
#else
enum { OPTION_KEEPIDLE = TCP_KEEPALIVE };
#endif

enum {
	KEEPALIVE_S = 30,        /* silence before the first probe */
	PROBE_S = 10,            /* between the three probes */
	USER_TIMEOUT_MS = 60000, /* sent and not acknowledged */
	BACKLOG_MS = 10          /* between tries at a full unix socket */
};

/* Set the reason and errno; returns -1. */
static int __attribute__((format(printf, 3, 4)))
fail(struct dial *d, int why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(d->error, sizeof(d->error), fmt, args);
	va_end(args);
	errno = why;
	return -1;
}

int
dial_wait(int fd, short events, int64_t deadline)
{
	struct pollfd p[] = {
		{ .fd = fd, .events = events },
		{ .fd = stop_fd(), .events = POLLIN },
	};

	for (;;) {
		int64_t left = deadline - when_monotonic();
		int rc;

		if (left < 0)
			left = 0;
		rc = poll(p, 2, left > INT_MAX ? INT_MAX : (int)left);
		if (rc < 0 && errno != EINTR)
			return -1;
		if (rc > 0) {
			errno = ECANCELED;
			return p[1].revents != 0 ? -1 : 0;
		}
		if (left == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

/* Options only make a lost peer known earlier: failing to set them is fine. */
static void
set_option(int fd, int level, int option, int value)
{
	if (option >= 0)
		setsockopt(fd, level, option, &value, sizeof(value));
}

static int
make_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	set_option(fd, SOL_SOCKET, OPTION_NOSIGPIPE, 1);
	if (family == AF_UNIX)
		return fd;
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, OPTION_KEEPIDLE, KEEPALIVE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set_option(fd, IPPROTO_TCP, OPTION_USER_TIMEOUT, USER_TIMEOUT_MS);
	return fd;
}

/*
 * Connecting to a port of this host that nobody listens on can succeed, if the
 * kernel happens to choose that port for our end: both ends are then ours.
 */
static int
check_peer(int fd, int family)
{
	struct sockaddr_storage ours = { 0 }, theirs = { 0 };
	socklen_t ours_len = sizeof(ours), theirs_len = sizeof(theirs);

	if (family == AF_UNIX ||
	    getsockname(fd, (struct sockaddr *)&ours, &ours_len) < 0 ||
	    getpeername(fd, (struct sockaddr *)&theirs, &theirs_len) < 0 ||
	    ours_len != theirs_len || memcmp(&ours, &theirs, ours_len) != 0)
		return 0;
	errno = ECONNREFUSED;
	return -1;
}

static int
finish_connect(int fd, const struct sockaddr *to, socklen_t len,
	       int64_t deadline)
{
	int error = 0;
	socklen_t size = sizeof(error);

	while (connect(fd, to, len) < 0) {
		int64_t soon = when_monotonic() + BACKLOG_MS;

		if (errno == EINPROGRESS || errno == EINTR) {
			if (dial_wait(fd, POLLOUT, deadline) < 0 ||
			    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error,
				       &size) < 0)
				return -1;
			errno = error;
			return error == 0 ? check_peer(fd, to->sa_family) : -1;
		}
		/* Linux's answer to a full backlog of a unix socket, of which
		 * poll(2) does not tell when it has room again. */
		if (errno != EAGAIN || to->sa_family != AF_UNIX)
			return -1;
		if (dial_wait(-1, 0, soon < deadline ? soon : deadline) == 0 ||
		    errno != ETIMEDOUT || soon >= deadline)
			return -1;
	}
	return check_peer(fd, to->sa_family);
}

static int
connect_to(struct dial *d, const struct sockaddr *to, socklen_t len,
	   int64_t deadline)
{
	char duration[NUM_DURATION_TEXT];
	int fd = make_socket(to->sa_family), why;

	if (fd >= 0 && finish_connect(fd, to, len, deadline) == 0)
		return fd;
	why = errno;
	if (fd >= 0)
		close(fd);
	if (why == ECANCELED)
		return fail(d, why, "cannot connect: stopped");
	if (why == ETIMEDOUT)
		return fail(d, why, "cannot connect: no answer within %s",
			    num_put_duration(duration, d->timeout_ms));
	return fail(d, why, "cannot connect: %s", strerror(why));
}

static int
dial_unix(struct dial *d, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof(to.sun_path))
		return fail(d, EINVAL,
			    "the path of a unix socket may have %zu bytes, "
			    "this one has %zu",
			    sizeof(to.sun_path) - 1, len);
	memcpy(to.sun_path, path, len + 1);
	return connect_to(d, (const struct sockaddr *)&to, sizeof(to),
			  d->deadline);
}

/* Each address gets an equal share of the time that is left, so that one that
 * swallows packets does not use up what the others need. */
static int
dial_tcp(struct dial *d, const char *host, uint16_t port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list, *to;
	char service[NUM_TEXT + 1];
	int rc, why, left = 0;

	service[num_put(service, port)] = '\0';
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc == EAI_SYSTEM)
		return fail(d, errno, "cannot look up %s: %s", host,
			    strerror(errno));
	if (rc != 0)
		return fail(d, EHOSTUNREACH, "cannot look up %s: %s", host,
			    gai_strerror(rc));
	for (to = list; to != NULL; to = to->ai_next)
		left++;
	rc = -1;
	why = 0;
	for (to = list; to != NULL && rc < 0 && why != ECANCELED;
	     to = to->ai_next) {
		int64_t now = when_monotonic();

		rc = connect_to(d, to->ai_addr, to->ai_addrlen,
				now + (d->deadline - now) / left--);
		why = errno;
	}
	freeaddrinfo(list);
	errno = why;
	return rc;
}

int
dial_open(struct dial *d, const char *host, uint16_t port)
{
	return port == 0 ? dial_unix(d, host) : dial_tcp(d, host, port);
}
