#include "tests/unit/net_server.h"

/* From make-certs; made once, in main(). */
static char certs[64];
static char ca[96], other_ca[96], client_cert[96], client_key[96],
	stranger_cert[96], stranger_key[96], locked_key[96];

/* Why there is nothing to test with; NULL if there is. */
static const char *missing;

static const char *const no_more[] = { NULL };

static void
need_tls(void)
{
	if (missing == NULL)
		return;
	print_message("skipped: %s\n", missing);
	skip();
}

/* Start a redis-server whose certificate is NAME.crt, that wants one of the
 * client or not, and speaks these protocols. */
static void
start_with(const char *name, const char *auth_clients, const char *protocols)
{
	char cert[96], key[96];
	const char *const more[] = {
		"--tls-cert-file",
		cert,
		"--tls-key-file",
		key,
		"--tls-ca-cert-file",
		ca,
		"--tls-protocols",
		protocols,
		"--tls-auth-clients",
		auth_clients,
		NULL,
	};

	need_tls();
	snprintf(cert, sizeof(cert), "%s/%s.crt", certs, name);
	snprintf(key, sizeof(key), "%s/%s.key", certs, name);
	net_server_start(true, more);
}

static void
start_tls(const char *name)
{
	start_with(name, "no", "TLSv1.2 TLSv1.3");
}

static void
start_strict(void)
{
	start_with("server", "yes", "TLSv1.2 TLSv1.3");
}

static void
good_certificate_is_taken_for_name_and_address(void **state)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1" };
	struct net_tls tls = { .cacert = ca };
	size_t i;

	(void)state;
	start_tls("server");
	for (i = 0; i < 2; i++) {
		struct net *n = open_net(hosts[i], server.tls_port, &tls);

		assert_ping(n);
		net_close(n);
	}
}

/* Many records of which poll(2) sees the first only, and writes that block. */
static void
large_values_come_through(void **state)
{
	enum { BYTES = 3000000, SET = 31, GET = 10 };
	struct net_tls tls = { .cacert = ca };
	char *value, *back;
	struct net *n;
	int i;

	(void)state;
	start_tls("server");
	value = malloc(SET + BYTES + 2);
	back = calloc(1, GET + BYTES + 2);
	assert_non_null(value);
	assert_non_null(back);
	snprintf(value, SET + 1, "*3\r\n$3\r\nSET\r\n$2\r\nkk\r\n$%d\r\n",
		 BYTES);
	assert_int_equal(SET, strlen(value));
	for (i = 0; i < BYTES; i++)
		value[SET + i] = (char)('a' + i % 23);
	memcpy(value + SET + BYTES, "\r\n", 2);

	n = open_net("127.0.0.1", server.tls_port, &tls);
	assert_int_equal(0, exchange(n, value, SET + BYTES + 2, back, 5));
	assert_string_equal("+OK\r\n", back);
	assert_int_equal(0,
			 exchange(n, "GET kk\r\n", 8, back, GET + BYTES + 2));
	assert_memory_equal("$3000000\r\n", back, GET);
	assert_memory_equal(value + SET, back + GET, BYTES + 2);
	assert_false(net_has_pending(n));
	net_close(n);
	free(value);
	free(back);
}

static void
idle_connection_would_block(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct net *n;
	char in[4];

	(void)state;
	start_tls("server");
	n = open_net("127.0.0.1", server.tls_port, &tls);
	assert_ping(n);
	assert_int_equal(0, net_read(n, in, sizeof(in)));
	assert_false(net_has_pending(n));
	assert_int_equal(POLLIN, net_events(n, false));
	assert_int_equal(POLLIN | POLLOUT, net_events(n, true));
	net_close(n);
}

static void
rest_of_a_record_is_pending(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct net *n;
	char in[8] = "";

	(void)state;
	start_tls("server");
	n = open_net("127.0.0.1", server.tls_port, &tls);
	assert_int_equal(0, exchange(n, "PING\r\n", 6, in, 1));
	assert_true(net_has_pending(n));
	assert_int_equal(6, net_read(n, in + 1, 6));
	assert_string_equal("+PONG\r\n", in);
	assert_false(net_has_pending(n));
	net_close(n);
}

/* Hand bytes on between two sockets until one ends: what comes from the server
 * in crumbs, so that the client sees pieces of records. */
static void
relay(int client, int upstream)
{
	struct pollfd p[] = { { .fd = client, .events = POLLIN },
			      { .fd = upstream, .events = POLLIN } };
	char bytes[2048];
	ssize_t n;

	while (poll(p, 2, WAIT_MS) > 0) {
		bool down = p[1].revents != 0;

		n = read(down ? upstream : client, bytes,
			 down ? 7 : sizeof(bytes));
		if (n <= 0 ||
		    write(down ? client : upstream, bytes, (size_t)n) != n)
			return;
		poll(NULL, 0, down ? 1 : 0);
	}
}

static void
records_in_pieces_are_put_together(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct net *n;
	uint16_t port;
	pid_t pid;
	int fd, upstream;

	(void)state;
	start_tls("server");
	fd = bind_port(&port);
	assert_int_equal(0, listen(fd, 1));
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_S);
		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		to.sin_port = htons(server.tls_port);
		upstream = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(upstream, (struct sockaddr *)&to, sizeof(to)) == 0)
			relay(accept(fd, NULL, NULL), upstream);
		_exit(0);
	}
	close(fd);
	n = open_net("127.0.0.1", port, &tls);
	assert_ping(n);
	assert_ping(n);
	net_close(n);
	assert_int_equal(0, status_of(pid));
}

static void
closing_server_is_end_of_stream(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct net *n;
	char in[6] = "";
	int i;

	(void)state;
	start_tls("server");
	n = open_net("127.0.0.1", server.tls_port, &tls);
	assert_int_equal(0, exchange(n, "QUIT\r\n", 6, in, 5));
	for (i = 0; i < 2; i++) { /* and it stays so */
		assert_int_equal(-1, exchange(n, "", 0, in, 1));
		assert_int_equal(ECONNRESET, errno);
		assert_string_equal(
			"cannot read: the server closed the connection",
			net_error(n));
	}
	assert_int_equal(-1, net_write(n, "x", 1));
	net_close(n);
}

static void
killed_server_is_end_of_stream(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct net *n;
	char in[6];

	(void)state;
	start_tls("server");
	n = open_net("127.0.0.1", server.tls_port, &tls);
	assert_ping(n);
	kill(server.pid, SIGKILL);
	status_of(server.pid);
	server.pid = 0;
	assert_int_equal(-1, exchange(n, "", 0, in, 1));
	assert_int_equal(ECONNRESET, errno);
	net_close(n);
}

static void
certificate_of_another_host_is_refused(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct net *n;

	(void)state;
	start_tls("other");
	assert_no_net("localhost", server.tls_port, &tls, WAIT_MS, EACCES,
		      "certificate is not for host \"localhost\"");
	assert_no_net("127.0.0.1", server.tls_port, &tls, WAIT_MS, EACCES,
		      "certificate is not for host \"127.0.0.1\"");
	tls.sni = "other.example"; /* what is asked for is what is verified */
	n = open_net("127.0.0.1", server.tls_port, &tls);
	assert_ping(n);
	net_close(n);
}

static void
expired_certificate_is_refused(void **state)
{
	struct net_tls tls = { .cacert = ca };

	(void)state;
	start_tls("expired");
	assert_no_net("localhost", server.tls_port, &tls, WAIT_MS, EACCES,
		      "certificate has expired");
}

static void
unknown_ca_is_refused(void **state)
{
	struct net_tls tls = { .cacert = other_ca };

	(void)state;
	start_tls("server");
	assert_no_net("localhost", server.tls_port, &tls, WAIT_MS, EACCES,
		      "certificate is from an unknown CA");
	tls.cacert = NULL; /* the system's CAs */
	assert_no_net("localhost", server.tls_port, &tls, WAIT_MS, EACCES,
		      "certificate is from an unknown CA");
}

static void
self_signed_certificate_needs_to_be_named(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct net *n;

	(void)state;
	start_tls("self");
	assert_no_net("localhost", server.tls_port, &tls, WAIT_MS, EACCES,
		      "certificate is self-signed");
	tls.cacert = other_ca;
	n = open_net("localhost", server.tls_port, &tls);
	assert_ping(n);
	net_close(n);
}

static void
insecure_takes_any_certificate(void **state)
{
	static const char *const names[] = { "other", "expired", "self" };
	struct net_tls tls = { .insecure = true };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct net *n;

		start_tls(names[i]);
		n = open_net("localhost", server.tls_port, &tls);
		assert_ping(n);
		net_close(n);
		net_server_stop(NULL);
	}
}

static void
client_certificate_is_given(void **state)
{
	struct net_tls tls = { .cacert = ca,
			       .cert = client_cert,
			       .key = client_key };
	struct net *n;

	(void)state;
	start_strict();
	n = open_net("localhost", server.tls_port, &tls);
	assert_ping(n);
	net_close(n);
}

/* In TLS 1.3 the client is done before the server has seen its certificate. */
static void
client_certificate_that_is_missing_is_said(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct net *n;

	(void)state;
	start_strict();
	n = open_net("localhost", server.tls_port, &tls);
	assert_no_ping(n, EACCES, "the server wants a client certificate");
	net_close(n);
}

static void
failing_write_tells_what_the_server_said(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct net *n;
	int i;

	(void)state;
	start_strict();
	n = open_net("localhost", server.tls_port, &tls);
	for (i = 0; i < 1000 && net_write(n, "PING\r\n", 6) >= 0; i++)
		poll(NULL, 0, 1);
	if (errno == ECONNRESET) { /* Redis 8 may reset before it is read */
		net_close(n);
		skip();
	}
	assert_int_equal(EACCES, errno);
	assert_string_equal(
		"cannot write: the server wants a client certificate",
		net_error(n));
	net_close(n);
}

static void
client_certificate_of_a_stranger_is_refused(void **state)
{
	struct net_tls tls = { .cacert = ca,
			       .cert = stranger_cert,
			       .key = stranger_key };
	struct net *n;

	(void)state;
	start_strict();
	n = open_net("localhost", server.tls_port, &tls);
	assert_no_ping(n, EACCES,
		       "the server does not know the CA of the client "
		       "certificate");
	net_close(n);
}

static void
tls_1_2_server_refuses_within_the_handshake(void **state)
{
	struct net_tls tls = { .cacert = ca };
	struct net *n;

	(void)state;
	start_with("server", "no", "TLSv1.2");
	n = open_net("localhost", server.tls_port, &tls);
	assert_ping(n);
	net_close(n);
	net_server_stop(NULL);
	start_with("server", "yes", "TLSv1.2");
	assert_no_net("localhost", server.tls_port, &tls, WAIT_MS, EPROTO,
		      "it wants a client certificate");
}

static void
plain_port_is_told_at_the_deadline(void **state)
{
	struct net_tls tls = { .insecure = true };
	int64_t begin;

	(void)state;
	net_server_start(false, no_more);
	begin = when_monotonic();
	assert_no_net("127.0.0.1", server.port, &tls, 200, EPROTO,
		      "TLS handshake: the server does not speak TLS");
	assert_true(when_monotonic() - begin < 5000);
}

static void
silence_ends_at_the_deadline(void **state)
{
	struct net_tls tls = { .insecure = true };
	uint16_t port;
	int fd = bind_port(&port);
	int64_t begin;

	(void)state;
	assert_int_equal(0, listen(fd, 1));
	begin = when_monotonic();
	assert_no_net("127.0.0.1", port, &tls, 200, ETIMEDOUT,
		      "no answer within 200ms; perhaps the server does not "
		      "speak TLS");
	assert_in_range(when_monotonic() - begin, 200, 5000);
	close(fd);
}

/* A server of one connection, which says some words and closes. */
static pid_t
say_and_close(uint16_t *port, const char *words)
{
	int fd = bind_port(port), peer;
	char in[2048];
	pid_t pid;

	assert_int_equal(0, listen(fd, 1));
	fflush(NULL);
	pid = fork();
	if (pid != 0) {
		close(fd);
		return pid;
	}
	alarm(CHILD_S);
	peer = accept(fd, NULL, NULL);
	if (peer < 0 || read(peer, in, sizeof(in)) <= 0 ||
	    write(peer, words, strlen(words)) < 0)
		_exit(1);
	_exit(0);
}

static void
server_of_something_else_is_told(void **state)
{
	static const char *const examples[][2] = {
		{ "-ERR unknown command\r\n", "does not speak TLS" },
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS" },
		{ "", "TLS handshake: the server closed the connection" },
	};
	static const int why[] = { EPROTO, EPROTO, ECONNRESET };
	struct net_tls tls = { .insecure = true };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		uint16_t port;
		pid_t pid = say_and_close(&port, examples[i][0]);

		assert_no_net("127.0.0.1", port, &tls, WAIT_MS, why[i],
			      examples[i][1]);
		assert_int_equal(0, status_of(pid));
	}
}

/* Files are looked at before the server is: there is none here. */
static void
assert_bad_files(const char *cacert, const char *cert, const char *key,
		 const char *text)
{
	struct net_tls tls = { .cacert = cacert, .cert = cert, .key = key };

	assert_no_net("127.0.0.1", 1, &tls, WAIT_MS, EINVAL, text);
}

static void
bad_files_are_named(void **state)
{
	char text[256];

	(void)state;
	need_tls();
	assert_bad_files("/no/such", NULL, NULL,
			 "/no/such: cannot read the CA certificates: No such");
	assert_bad_files(client_key, NULL, NULL,
			 "client.key: cannot use the "
			 "CA certificates: ");
	assert_bad_files(ca, "/no/such", NULL,
			 "/no/such: cannot read the certificate: No such");
	assert_bad_files(ca, client_key, NULL,
			 "client.key: cannot use the certificate: ");
	assert_bad_files(ca, client_cert, "/no/such",
			 "/no/such: cannot read the key: No such");
	assert_bad_files(ca, client_cert, client_cert,
			 "client.crt: cannot use the key: ");
	assert_bad_files(ca, client_cert, NULL,
			 "client.crt: cannot use the key: ");
	assert_bad_files(ca, client_cert, stranger_key,
			 "self.key: cannot use the key: key values mismatch");
	assert_bad_files(ca, NULL, client_key, "a key needs its certificate");
	snprintf(text, sizeof(text), "%s: the key needs a passphrase",
		 locked_key);
	assert_bad_files(ca, client_cert, locked_key, text);
}

static void
name_paths(void)
{
	static const struct {
		char *path;
		const char *name;
	} files[] = {
		{ ca, "ca.crt" },
		{ other_ca, "self.crt" },
		{ client_cert, "client.crt" },
		{ client_key, "client.key" },
		{ stranger_cert, "self.crt" },
		{ stranger_key, "self.key" },
		{ locked_key, "locked.key" },
	};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		snprintf(files[i].path, 96, "%s/%s", certs, files[i].name);
}

/* Make the certificates, and see whether redis-server knows TLS at all. */
static int
set_up(void **state)
{
	const char *const openssl[] = { "openssl", "version", NULL };
	const char *const make[] = { "tests/tls/make-certs", certs, NULL };
	const char *const probe[] = { "--tls-port", "0", NULL };
	int rc;

	(void)state;
	make_dir(certs);
	name_paths();
	if (status_of(spawn(certs, openssl)) != 0) {
		missing = "there is no openssl command";
		return 0;
	}
	rc = status_of(spawn(certs, make));
	if (rc != 0) {
		print_message("%s, run where the sources are: status %d\n",
			      make[0], rc);
		return -1;
	}
	if (!net_server_try(false, probe))
		missing = "this redis-server does not know TLS";
	return net_server_stop(NULL);
}

static int
tear_down(void **state)
{
	(void)state;
	remove_dir(certs);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_teardown(f, net_server_stop)
		TEST(good_certificate_is_taken_for_name_and_address),
		TEST(large_values_come_through),
		TEST(idle_connection_would_block),
		TEST(rest_of_a_record_is_pending),
		TEST(records_in_pieces_are_put_together),
		TEST(closing_server_is_end_of_stream),
		TEST(killed_server_is_end_of_stream),
		TEST(certificate_of_another_host_is_refused),
		TEST(expired_certificate_is_refused),
		TEST(unknown_ca_is_refused),
		TEST(self_signed_certificate_needs_to_be_named),
		TEST(insecure_takes_any_certificate),
		TEST(client_certificate_is_given),
		TEST(client_certificate_that_is_missing_is_said),
		TEST(failing_write_tells_what_the_server_said),
		TEST(client_certificate_of_a_stranger_is_refused),
		TEST(tls_1_2_server_refuses_within_the_handshake),
		TEST(plain_port_is_told_at_the_deadline),
		TEST(silence_ends_at_the_deadline),
		TEST(server_of_something_else_is_told),
		TEST(bad_files_are_named),
	};

	signal(SIGPIPE, SIG_IGN); /* as stop_init() does */
	return cmocka_run_group_tests_name("net over TLS", tests, set_up,
					   tear_down);
}
