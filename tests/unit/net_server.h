/*
 * net_server.h - servers for the tests of net.h, and talking to them
 *
 * One redis-server at a time, in a directory of its own under TMPDIR; tests
 * start it, their teardown (net_server_stop) ends it by its pid.  Nothing sleeps:
 * what is waited for is polled for, until WAIT_MS have passed.
 */
#ifndef TESTS_UNIT_NET_SERVER_H
#define TESTS_UNIT_NET_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/net.h"
#include "common/when.h"

enum {
	WAIT_MS = 10000,
	CHILD_S = 20, /* alarm(2) of children: none outlives a failed test */
	SERVER_ARGS = 40
};

static struct net_server {
	pid_t pid; /* 0: none runs */
	char dir[64];
	char path[80]; /* of the unix socket */
	uint16_t port, tls_port;
} server;

static inline void
make_dir(char dir[64])
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL || strlen(tmp) > 40)
		tmp = "/tmp";
	snprintf(dir, 64, "%s/ev-net.XXXXXX", tmp);
	if (mkdtemp(dir) == NULL)
		fail_msg("mkdtemp: %s", strerror(errno));
}

/* Remove a directory of files. */
static inline void
remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[400];

	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(dir);
}

/* A socket bound to a free port of 127.0.0.1; *port says which. */
static inline int
bind_port(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&at, sizeof(at)));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&at, &len));
	*port = ntohs(at.sin_port);
	return fd;
}

static inline void
free_ports(uint16_t *one, uint16_t *two)
{
	int a = bind_port(one), b = bind_port(two);

	close(a);
	close(b);
}

/* Start a program with its output in dir/log; fd 0 is empty. */
static inline pid_t
spawn(const char *dir, const char *const *argv)
{
	char path[80];
	pid_t pid;
	int fd;

	snprintf(path, sizeof(path), "%s/log", dir);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	fd = open("/dev/null", O_RDONLY);
	dup2(fd, 0);
	/* execvp(3) changes none of them. */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	if (strcmp(argv[0], "redis-server") == 0)
		execvp("valkey-server", (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* The exit status of a program; -1 if a signal ended it. */
static inline int
status_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(EINTR, errno);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void
show_log(void)
{
	char path[80], text[2048];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", server.dir);
	f = fopen(path, "r");
	len = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f != NULL)
		fclose(f);
	text[len] = '\0';
	print_message("redis-server said: %s\n", text);
}

/* Wait until the server's socket takes connections; false if it ended. */
static inline bool
net_server_is_up(void)
{
	int64_t deadline = when_monotonic() + WAIT_MS;
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	memcpy(to.sun_path, server.path, strlen(server.path) + 1);
	while (when_monotonic() < deadline) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		int rc = connect(fd, (struct sockaddr *)&to, sizeof(to));

		close(fd);
		if (rc == 0)
			return true;
		if (waitpid(server.pid, NULL, WNOHANG) == server.pid) {
			server.pid = 0;
			return false;
		}
		poll(NULL, 0, 5);
	}
	fail_msg("redis-server does not answer");
	return false;
}

/* Start a redis-server with more arguments, up to NULL, on a unix socket, a
 * port and, if with_tls, a TLS port.  False if it does not want to run. */
static inline bool
net_server_try(bool with_tls, const char *const *more)
{
	char port[8], tls_port[8];
	const char *argv[SERVER_ARGS];
	const char *fixed[] = {
		"redis-server", "--port",    port,    "--tls-port",   tls_port,
		"--unixsocket", server.path, "--dir", server.dir,     "--bind",
		"127.0.0.1",    "--save",    "",      "--appendonly", "no",
		"--daemonize",  "no",
	};
	size_t fixed_count = sizeof(fixed) / sizeof(fixed[0]), i, n = 0;

	make_dir(server.dir);
	snprintf(server.path, sizeof(server.path), "%s/s", server.dir);
	free_ports(&server.port, &server.tls_port);
	snprintf(port, sizeof(port), "%u", server.port);
	snprintf(tls_port, sizeof(tls_port), "%u", server.tls_port);
	for (i = 0; i < fixed_count; i++)
		if (with_tls || (i != 3 && i != 4))
			argv[n++] = fixed[i];
	for (; *more != NULL; more++) {
		assert_true(n + 1 < SERVER_ARGS);
		argv[n++] = *more;
	}
	argv[n] = NULL;
	server.pid = spawn(server.dir, argv);
	return net_server_is_up();
}

static inline int
net_server_stop(void **state)
{
	(void)state;
	if (server.pid > 0) {
		kill(server.pid, SIGKILL);
		status_of(server.pid);
	}
	if (server.dir[0] != '\0')
		remove_dir(server.dir);
	memset(&server, 0, sizeof(server));
	return 0;
}

/* As net_server_try(), but it must run; a port may have been taken meanwhile. */
static inline void
net_server_start(bool with_tls, const char *const *more)
{
	int tries;

	for (tries = 0; tries < 3; tries++) {
		if (net_server_try(with_tls, more))
			return;
		show_log();
		net_server_stop(NULL);
	}
	fail_msg("redis-server does not start");
}

/* net_open() that must succeed. */
static inline struct net *
open_net(const char *host, uint16_t port, const struct net_tls *tls)
{
	char error[NET_ERROR];
	struct net *n = net_open(host, port, tls, WAIT_MS, error);

	if (n == NULL)
		fail_msg("%s:%u: %s", host, port, error);
	return n;
}

/* net_open() that must fail, with errno and a text. */
static inline void
assert_no_net(const char *host, uint16_t port, const struct net_tls *tls,
	      int timeout_ms, int why, const char *text)
{
	char error[NET_ERROR];
	struct net *n = net_open(host, port, tls, timeout_ms, error);
	int got = errno;

	if (n != NULL)
		fail_msg("%s:%u: is open, should fail: %s", host, port, text);
	if (strstr(error, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error, text);
	assert_int_equal(why, got);
}

/*
 * Write out[0..len) and read into in[0..want), waiting as net.h says.  Returns
 * 0, or -1 if the connection is gone before.
 */
static inline int
exchange(struct net *n, const char *out, size_t len, char *in, size_t want)
{
	int64_t deadline = when_monotonic() + WAIT_MS;
	size_t put = 0, got = 0;

	while (put < len || got < want) {
		struct pollfd p = { .fd = net_fd(n) };
		ssize_t rc = 0;

		if (put < len)
			rc = net_write(n, out + put, len - put);
		if (rc < 0)
			return -1;
		put += (size_t)rc;
		if (got < want) {
			rc = net_read(n, in + got, want - got);
			if (rc < 0)
				return -1;
			/* else a caller would turn in circles */
			assert_false(rc == 0 && net_has_pending(n));
			got += (size_t)rc;
		}
		if (net_has_pending(n) || (put == len && got == want))
			continue;
		p.events = net_events(n, put < len);
		if (poll(&p, 1, (int)(deadline - when_monotonic())) <= 0)
			fail_msg("stuck: %zu of %zu bytes written, %zu of %zu "
				 "read",
				 put, len, got, want);
	}
	return 0;
}

static inline void
assert_ping(struct net *n)
{
	char in[8] = "";

	if (exchange(n, "PING\r\n", 6, in, 7) < 0)
		fail_msg("PING: %s", net_error(n));
	assert_string_equal("+PONG\r\n", in);
}

/* PING that must fail, with errno and a text.  What the server said before it
 * reset the connection, as Redis 8 does after an alert, may be lost. */
static inline void
assert_no_ping(struct net *n, int why, const char *text)
{
	char in[8];

	assert_int_equal(-1, exchange(n, "PING\r\n", 6, in, 7));
	if (errno == ECONNRESET && why == EACCES)
		return;
	assert_int_equal(why, errno);
	if (strstr(net_error(n), text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", net_error(n), text);
}

#endif
