#include "tests/unit/net_server.h"

#include <netinet/tcp.h>
#include <sys/time.h>

#include "common/stop.h"

static const char *const no_more[] = { NULL };

/* Run a function in a child of its own, whose end is the test's verdict. */
static void
assert_in_child(int (*run)(void))
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(CHILD_S);
		_exit(run());
	}
	assert_int_equal(0, status_of(pid));
}

static void
unix_socket_carries_both_ways(void **state)
{
	struct net *n;

	(void)state;
	net_server_start(false, no_more);
	n = open_net(server.path, 0, NULL);
	assert_ping(n);
	assert_false(net_has_pending(n));
	net_close(n);
}

/* redis-server is bound to 127.0.0.1 alone, so where localhost is ::1 first,
 * this goes on to the second address. */
static void
tcp_takes_addresses_and_names(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	size_t i;

	(void)state;
	net_server_start(false, no_more);
	for (i = 0; i < 2; i++) {
		struct net *n = open_net(hosts[i], server.port, NULL);

		assert_ping(n);
		net_close(n);
	}
}

static void
sockets_are_set_up_as_promised(void **state)
{
	int nodelay = 0, alive = 0;
	socklen_t len = sizeof(int);
	struct net *n;
	uint16_t port;
	int fd = bind_port(&port);

	(void)state;
	assert_int_equal(0, listen(fd, 1));
	n = open_net("127.0.0.1", port, NULL);
	assert_true(fcntl(net_fd(n), F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(net_fd(n), F_GETFL) & O_NONBLOCK);
	getsockopt(net_fd(n), IPPROTO_TCP, TCP_NODELAY, &nodelay, &len);
	getsockopt(net_fd(n), SOL_SOCKET, SO_KEEPALIVE, &alive, &len);
	assert_true(nodelay);
	assert_true(alive);
	net_close(n);
	close(fd);
}

static void
path_that_is_too_long_is_refused(void **state)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_no_net(path, 0, NULL, WAIT_MS, EINVAL,
		      "the path of a unix socket may have ");
	path[sizeof(path) - 2] = '\0';
	assert_no_net(path, 0, NULL, WAIT_MS, ENOENT, strerror(ENOENT));
}

static void
closed_port_is_refused(void **state)
{
	uint16_t port, other;

	(void)state;
	free_ports(&port, &other);
	assert_no_net("127.0.0.1", port, NULL, WAIT_MS, ECONNREFUSED,
		      strerror(ECONNREFUSED));
}

/* A label has at most 63 bytes: the resolver asks nobody for this name. */
static void
unknown_name_is_said(void **state)
{
	char name[70];

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "a\nb", 3);
	name[sizeof(name) - 1] = '\0';
	assert_no_net(name, 1, NULL, WAIT_MS, EHOSTUNREACH,
		      "cannot look up a?bxxx");
}

/* A listening unix socket whose queue is full. */
struct full {
	char dir[64], path[80];
	int fd, count, clients[64];
};

static void
full_open(struct full *full)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	make_dir(full->dir);
	snprintf(full->path, sizeof(full->path), "%s/s", full->dir);
	memcpy(at.sun_path, full->path, strlen(full->path) + 1);
	full->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(0, bind(full->fd, (struct sockaddr *)&at, sizeof(at)));
	assert_int_equal(0, listen(full->fd, 0));
	for (full->count = 0; full->count < 64;) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		fcntl(fd, F_SETFL, O_NONBLOCK);
		full->clients[full->count++] = fd;
		if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
			continue;
		if (errno != EAGAIN) /* another system's way of saying no */
			skip();
		return;
	}
	fail_msg("the queue of a unix socket does not get full");
}

static void
full_close(struct full *full)
{
	while (full->count > 0)
		close(full->clients[--full->count]);
	close(full->fd);
	remove_dir(full->dir);
}

static void
full_unix_socket_ends_at_the_deadline(void **state)
{
	int64_t begin, took;
	struct full full;

	(void)state;
	full_open(&full);
	begin = when_monotonic();
	assert_no_net(full.path, 0, NULL, 150, ETIMEDOUT,
		      "no answer within 150ms");
	took = when_monotonic() - begin;
	assert_in_range(took, 150, 5000);
	full_close(&full);
}

static void
full_unix_socket_is_connected_once_it_has_room(void **state)
{
	struct full full;
	struct net *n;
	pid_t pid;

	(void)state;
	full_open(&full);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_S);
		poll(NULL, 0, 50);
		while (accept(full.fd, NULL, NULL) >= 0)
			;
		_exit(0);
	}
	n = open_net(full.path, 0, NULL);
	net_close(n);
	kill(pid, SIGKILL);
	status_of(pid);
	full_close(&full);
}

/* The kernel drops what does not fit into the queue of a TCP port. */
static void
silent_port_ends_at_the_deadline(void **state)
{
	struct net *held[32];
	char error[NET_ERROR];
	int64_t begin;
	uint16_t port;
	int fd = bind_port(&port), count = 0, why;

	(void)state;
	assert_int_equal(0, listen(fd, 0));
	do {
		begin = when_monotonic();
		held[count] = net_open("127.0.0.1", port, NULL, 150, error);
		why = errno;
	} while (held[count] != NULL && ++count < 32);
	assert_in_range(when_monotonic() - begin, 150, 5000);
	assert_int_equal(ETIMEDOUT, why);
	assert_string_equal("cannot connect: no answer within 150ms", error);
	while (count > 0)
		net_close(held[--count]);
	close(fd);
}

static struct full stopped;

static void
on_alarm(int sig)
{
	(void)sig;
	stop_request();
}

static int
be_stopped(void)
{
	struct itimerval soon = { .it_value = { .tv_usec = 50000 } };
	int64_t begin = when_monotonic();
	char error[NET_ERROR];

	stop_init();
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
	if (net_open(stopped.path, 0, NULL, WAIT_MS, error) != NULL ||
	    errno != ECANCELED)
		return 1;
	return when_monotonic() - begin < WAIT_MS / 2 ? 0 : 2;
}

static void
stop_ends_the_wait(void **state)
{
	(void)state;
	full_open(&stopped);
	assert_in_child(be_stopped);
	full_close(&stopped);
}

static void
on_interrupt(int sig)
{
	(void)sig;
}

static int
be_interrupted(void)
{
	struct itimerval often = { .it_interval = { .tv_usec = 5000 },
				   .it_value = { .tv_usec = 5000 } };
	struct sigaction action = { .sa_handler = on_interrupt };
	int64_t begin = when_monotonic();
	char error[NET_ERROR];

	sigaction(SIGALRM, &action, NULL); /* no SA_RESTART */
	setitimer(ITIMER_REAL, &often, NULL);
	if (net_open(stopped.path, 0, NULL, 150, error) != NULL ||
	    errno != ETIMEDOUT)
		return 1;
	return when_monotonic() - begin >= 150 ? 0 : 2;
}

static void
signals_do_not_cut_the_wait_short(void **state)
{
	(void)state;
	full_open(&stopped);
	assert_in_child(be_interrupted);
	full_close(&stopped);
}

static void
end_of_stream_is_an_error(void **state)
{
	struct net *n;
	char in[6] = "";

	(void)state;
	net_server_start(false, no_more);
	n = open_net(server.path, 0, NULL);
	assert_int_equal(0, exchange(n, "QUIT\r\n", 6, in, 5));
	assert_string_equal("+OK\r\n", in);
	assert_int_equal(-1, exchange(n, "", 0, in, 1));
	assert_int_equal(ECONNRESET, errno);
	assert_string_equal("the server closed the connection", net_error(n));
	net_close(n);
}

/* A connection to a socket of ours; *peer is its other end. */
static struct net *
open_pair(int *peer)
{
	struct net *n;
	uint16_t port;
	int fd = bind_port(&port);

	assert_int_equal(0, listen(fd, 1));
	n = open_net("127.0.0.1", port, NULL);
	*peer = accept(fd, NULL, NULL);
	assert_true(*peer >= 0);
	close(fd);
	return n;
}

static void
what_would_block_returns_0(void **state)
{
	static const char block[65536];
	struct net *n;
	char in[8];
	ssize_t put;
	int peer, i;

	(void)state;
	n = open_pair(&peer);
	assert_int_equal(0, net_read(n, in, sizeof(in)));
	assert_int_equal(POLLIN, net_events(n, false));
	for (i = 0; i < 10000; i++) {
		put = net_write(n, block, sizeof(block));
		if (put <= 0)
			break;
	}
	assert_int_equal(0, put);
	assert_int_equal(POLLIN | POLLOUT, net_events(n, true));
	close(peer);
	net_close(n);
}

#ifdef MSG_NOSIGNAL
static int
write_to_nobody(void)
{
	struct net *n;
	int peer;
	ssize_t put;

	signal(SIGPIPE, SIG_DFL);
	n = open_pair(&peer);
	close(peer);
	do
		put = net_write(n, "x", 1);
	while (put >= 0);
	return strstr(net_error(n), "cannot write: ") != NULL ? 0 : 1;
}
#endif

static void
closed_connection_raises_no_signal(void **state)
{
	(void)state;
#ifdef MSG_NOSIGNAL
	assert_in_child(write_to_nobody);
#else
	skip();
#endif
}

static void
last_words_can_be_read_after_a_failed_write(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char dir[64], in[4] = "";
	struct net *n;
	int fd, peer;

	(void)state;
	make_dir(dir);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&at, sizeof(at)));
	assert_int_equal(0, listen(fd, 1));
	n = open_net(at.sun_path, 0, NULL);
	peer = accept(fd, NULL, NULL);
	assert_int_equal(3, write(peer, "bye", 3));
	close(peer);
	assert_int_equal(-1, net_write(n, "x", 1));
	assert_int_equal(3, net_read(n, in, 3));
	assert_string_equal("bye", in);
	net_close(n);
	close(fd);
	remove_dir(dir);
}

static void
closing_nothing_is_fine(void **state)
{
	(void)state;
	net_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(unix_socket_carries_both_ways,
					  net_server_stop),
		cmocka_unit_test_teardown(tcp_takes_addresses_and_names,
					  net_server_stop),
		cmocka_unit_test(sockets_are_set_up_as_promised),
		cmocka_unit_test(path_that_is_too_long_is_refused),
		cmocka_unit_test(closed_port_is_refused),
		cmocka_unit_test(unknown_name_is_said),
		cmocka_unit_test(full_unix_socket_ends_at_the_deadline),
		cmocka_unit_test(
			full_unix_socket_is_connected_once_it_has_room),
		cmocka_unit_test(silent_port_ends_at_the_deadline),
		cmocka_unit_test(stop_ends_the_wait),
		cmocka_unit_test(signals_do_not_cut_the_wait_short),
		cmocka_unit_test_teardown(end_of_stream_is_an_error,
					  net_server_stop),
		cmocka_unit_test(what_would_block_returns_0),
		cmocka_unit_test(closed_connection_raises_no_signal),
		cmocka_unit_test(last_words_can_be_read_after_a_failed_write),
		cmocka_unit_test(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
