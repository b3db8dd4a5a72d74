#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/dial.h"
#include "common/mem.h"
#include "common/net.h"
#include "common/num.h"
#include "common/when.h"

#ifdef MSG_NOSIGNAL
enum { SEND_FLAGS = MSG_NOSIGNAL };
#else
enum { SEND_FLAGS = 0 };
#endif

enum {
	SILENT_MS = 500, /* after so long, look for a server without TLS */
	PLAIN_MS = 500   /* for so long */
};

struct net {
	int fd;
	SSL_CTX *ctx; /* NULL without TLS, as is ssl */
	SSL *ssl;
	short read_events, write_events; /* what each waits for */
	bool drained; /* the last SSL_read found no whole record */
	bool broken;  /* the SSL object may not be used any more */
	int why;      /* errno that goes with error */
	char error[NET_ERROR];
};

static const char closed[] = "the server closed the connection";

/* What the errors that people meet mean, by OpenSSL's code. */
static const struct meaning {
	int code;
	int why;
	const char *text;
} ssl_meanings[] = {
	{ SSL_R_WRONG_VERSION_NUMBER, EPROTO,
	  "the server does not speak TLS" },
	{ SSL_R_HTTP_REQUEST, EPROTO, "the server does not speak TLS" },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, EPROTO,
	  "the server does not speak TLS" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, EPROTO,
	  "the server speaks no TLS version from 1.2 on" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, EPROTO,
	  "the server refuses this TLS version" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, EPROTO,
	  "the server refuses the handshake: it wants a client certificate "
	  "or another cipher" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, EPROTO,
	  "the server does not know the name that was asked for" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, EACCES,
	  "the server wants a client certificate" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, EACCES,
	  "the server does not know the CA of the client certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, EACCES,
	  "the client certificate has expired" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, EACCES,
	  "the server refuses the client certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, EACCES,
	  "the server refuses the client certificate" },
	{ SSL_R_TLSV1_ALERT_ACCESS_DENIED, EACCES,
	  "the server refuses the client certificate" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING, ECONNRESET, closed },
	{ 0, ECONNABORTED, NULL },
}, verify_meanings[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, EACCES, "certificate has expired" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, EACCES,
	  "certificate is self-signed" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, EACCES,
	  "certificate is from an unknown CA" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, EACCES,
	  "certificate is from an unknown CA" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, EACCES,
	  "certificate is from an unknown CA" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, EACCES,
	  "certificate is from an unknown CA" },
	{ 0, EACCES, NULL },
};

/* The row of a code; the last one, without a text, if it is not there. */
static const struct meaning *
find_meaning(const struct meaning *m, long code)
{
	while (m->text != NULL && m->code != code)
		m++;
	return m;
}

/* Set the error and errno; returns -1. */
static int __attribute__((format(printf, 3, 4)))
fail(struct net *n, int why, const char *fmt, ...)
{
	va_list args;
	char *c;

	va_start(args, fmt);
	vsnprintf(n->error, sizeof(n->error), fmt, args);
	va_end(args);
	for (c = n->error; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	errno = n->why = why;
	return -1;
}

/* The code in ssl_meanings of an error; 0 for one of another library. */
static int
ssl_code(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
}

/* OpenSSL's own words for its first error, which is the cause of the others. */
static const char *
ssl_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_error());

	return words != NULL ? words : "unknown error";
}

/* Fail with what a TLS call that returned rc says. */
static int
fail_tls(struct net *n, const char *what, int rc)
{
	int saved = errno, kind = SSL_get_error(n->ssl, rc);
	unsigned long error = ERR_peek_error();
	const struct meaning *m = find_meaning(ssl_meanings, ssl_code(error));

	n->broken = true;
	if (kind == SSL_ERROR_ZERO_RETURN || (error == 0 && saved == 0))
		return fail(n, ECONNRESET, "%s: %s", what, closed);
	if (error == 0 || ERR_SYSTEM_ERROR(error))
		return fail(n, saved, "%s: %s", what, strerror(saved));
	return fail(n, m->why, "%s: %s", what,
		    m->text != NULL ? m->text : ssl_words());
}

static int
fail_verify(struct net *n, const char *name)
{
	long code = SSL_get_verify_result(n->ssl);
	const struct meaning *m = find_meaning(verify_meanings, code);

	n->broken = true;
	if (code == X509_V_ERR_HOSTNAME_MISMATCH ||
	    code == X509_V_ERR_IP_ADDRESS_MISMATCH)
		return fail(n, EACCES,
			    "cannot verify the server: certificate is not "
			    "for host \"%s\"",
			    name);
	return fail(n, m->why, "cannot verify the server: %s",
		    m->text != NULL ? m->text
				    : X509_verify_cert_error_string(code));
}

/* OpenSSL tells less of a file that can't be opened than the system does. */
static int
fail_file(struct net *n, const char *what, const char *path)
{
	if (access(path, R_OK) < 0)
		return fail(n, EINVAL, "%s: cannot read the %s: %s", path, what,
			    strerror(errno));
	return fail(n, EINVAL, "%s: cannot use the %s: %s", path, what,
		    ssl_words());
}

/* A key that needs a passphrase is refused: OpenSSL would ask the terminal. */
static int
no_passphrase(char *out, int size, int rwflag, void *asked)
{
	(void)out;
	(void)size;
	(void)rwflag;
	*(bool *)asked = true;
	return -1;
}

static int
load_client(struct net *n, const struct net_tls *tls)
{
	const char *key = tls->key != NULL ? tls->key : tls->cert;
	bool asked = false;
	int rc;

	if (tls->cert == NULL)
		return tls->key == NULL
			       ? 0
			       : fail(n, EINVAL,
				      "%s: a key needs its certificate",
				      tls->key);
	if (SSL_CTX_use_certificate_chain_file(n->ctx, tls->cert) != 1)
		return fail_file(n, "certificate", tls->cert);
	SSL_CTX_set_default_passwd_cb(n->ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(n->ctx, &asked);
	rc = SSL_CTX_use_PrivateKey_file(n->ctx, key, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(n->ctx, NULL);
	if (asked)
		return fail(n, EINVAL, "%s: the key needs a passphrase", key);
	if (rc != 1)
		return fail_file(n, "key", key);
	return 0;
}

/* Prepare the context; before there is a connection, as bad files are the
 * caller's to mend whether or not the server is there. */
static int
tls_init(struct net *n, const struct net_tls *tls)
{
	ERR_clear_error();
	n->ctx = SSL_CTX_new(TLS_client_method());
	if (n->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(n->ctx, TLS1_2_VERSION) != 1)
		return fail(n, EPROTO, "cannot set up TLS: %s", ssl_words());
	SSL_CTX_set_mode(n->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(n->ctx, 1); /* one read(2) a record, not two */
	SSL_CTX_set_verify(n->ctx,
			   tls->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
			   NULL);
	if (tls->cacert != NULL &&
	    SSL_CTX_load_verify_locations(n->ctx, tls->cacert, NULL) != 1)
		return fail_file(n, "CA certificates", tls->cacert);
	if (tls->cacert == NULL && !tls->insecure &&
	    SSL_CTX_set_default_verify_paths(n->ctx) != 1)
		return fail(n, EINVAL,
			    "cannot read the system's CA certificates: %s",
			    ssl_words());
	return load_client(n, tls);
}

/* Ask for the name (RFC 6066 allows no address there), and demand that the
 * certificate is for it. */
static int
set_name(struct net *n, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(n->ssl);
	unsigned char address[16];

	if (inet_pton(AF_INET, name, address) == 1 ||
	    inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name);
	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(n->ssl, name) == 1 &&
	       SSL_set_tlsext_host_name(n->ssl, name) == 1;
}

/*
 * What a TLS call without success means: 0 with *events set to what
 * it waits for, or -1.
 */
static int
tls_blocked(struct net *n, const char *what, int rc, short *events)
{
	switch (SSL_get_error(n->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*events = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*events = POLLOUT;
		return 0;
	default:
		return fail_tls(n, what, rc);
	}
}

/* A Redis without TLS takes our hello for the begin of a long line, and waits for
 * more of it.  Another connection tells. */
static bool
is_plain(const char *host, uint16_t port)
{
	struct dial dial = { .deadline = when_monotonic() + PLAIN_MS,
			     .timeout_ms = PLAIN_MS };
	int fd = dial_open(&dial, host, port);
	char said = '\0';

	if (fd < 0)
		return false;
	if (send(fd, "PING\r\n", 6, SEND_FLAGS) == 6 &&
	    dial_wait(fd, POLLIN, dial.deadline) == 0 &&
	    recv(fd, &said, 1, 0) != 1)
		said = '\0';
	close(fd);
	return said == '+' || said == '-';
}

/* Fail with why dial_wait() failed. */
static int
fail_wait(struct net *n, const struct dial *dial)
{
	char duration[NUM_DURATION_TEXT];

	if (errno == ECANCELED)
		return fail(n, errno, "TLS handshake: stopped");
	if (errno != ETIMEDOUT)
		return fail(n, errno, "TLS handshake: %s", strerror(errno));
	return fail(n, ETIMEDOUT,
		    "TLS handshake: no answer within %s; perhaps the server "
		    "does not speak TLS",
		    num_put_duration(duration, dial->timeout_ms));
}

/* Wait for the server's part of the handshake; the first time not without asking
 * whether it is one that will not answer. */
static int
wait_handshake(struct net *n, const char *host, uint16_t port,
	       const struct dial *dial, bool first)
{
	int64_t silent = when_monotonic() + SILENT_MS;

	if (!first)
		silent = dial->deadline;
	if (dial_wait(n->fd, n->read_events,
		      silent < dial->deadline ? silent : dial->deadline) == 0)
		return 0;
	if (first && errno == ETIMEDOUT) {
		if (is_plain(host, port))
			return fail(n, EPROTO,
				    "TLS handshake: the server does not speak "
				    "TLS");
		if (dial_wait(n->fd, n->read_events, dial->deadline) == 0)
			return 0;
	}
	return fail_wait(n, dial);
}

static int
handshake(struct net *n, const char *name, const char *host, uint16_t port,
	  const struct dial *dial)
{
	bool first = true;

	for (;; first = false) {
		int rc;

		ERR_clear_error();
		errno = 0;
		rc = SSL_connect(n->ssl);
		if (rc == 1)
			return 0;
		if (ssl_code(ERR_peek_error()) ==
		    SSL_R_CERTIFICATE_VERIFY_FAILED)
			return fail_verify(n, name);
		if (tls_blocked(n, "TLS handshake", rc, &n->read_events) < 0)
			return -1;
		if (wait_handshake(n, host, port, dial, first) < 0)
			return -1;
	}
}

static int
tls_start(struct net *n, const char *host, uint16_t port,
	  const struct net_tls *tls, const struct dial *dial)
{
	const char *name = tls->sni != NULL ? tls->sni : host;

	ERR_clear_error();
	n->ssl = SSL_new(n->ctx);
	if (n->ssl == NULL || SSL_set_fd(n->ssl, n->fd) != 1)
		return fail(n, EPROTO, "cannot set up TLS: %s", ssl_words());
	if (!set_name(n, name))
		return fail(n, EINVAL,
			    "\"%s\" is not a name that TLS could "
			    "verify",
			    name);
	if (handshake(n, name, host, port, dial) < 0)
		return -1;
	n->read_events = POLLIN;
	return 0;
}

static int
start(struct net *n, const char *host, uint16_t port, const struct net_tls *tls,
      int timeout_ms)
{
	struct dial dial = { .deadline = when_monotonic() + timeout_ms,
			     .timeout_ms = timeout_ms };

	if (tls != NULL && tls_init(n, tls) < 0)
		return -1;
	n->fd = dial_open(&dial, host, port);
	if (n->fd < 0)
		return fail(n, errno, "%s", dial.error);
	return tls != NULL ? tls_start(n, host, port, tls, &dial) : 0;
}

struct net *
net_open(const char *host, uint16_t port, const struct net_tls *tls,
	 int timeout_ms, char error[NET_ERROR])
{
	struct net *n = xcalloc(1, sizeof(*n));
	int why;

	n->fd = -1;
	n->read_events = POLLIN;
	n->write_events = POLLOUT;
	if (start(n, host, port, tls, timeout_ms) == 0)
		return n;
	n->broken = true;
	why = n->why;
	memcpy(error, n->error, NET_ERROR);
	net_close(n);
	errno = why;
	return NULL;
}

static ssize_t
tls_read(struct net *n, char *data, size_t len)
{
	size_t got = 0;
	int rc;

	if (n->broken) {
		errno = n->why;
		return -1;
	}
	ERR_clear_error();
	errno = 0;
	rc = SSL_read_ex(n->ssl, data, len, &got);
	n->drained = rc != 1;
	if (rc != 1)
		return tls_blocked(n, "cannot read", rc, &n->read_events);
	n->read_events = POLLIN;
	return (ssize_t)got;
}

/* In TLS 1.3 a server that does not like the client's certificate says so after
 * the handshake, and closes: a failing write is then less telling than what
 * can still be read. */
static void
read_alert(struct net *n)
{
	size_t got;
	char byte;
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_read_ex(n->ssl, &byte, 1, &got);
	if (rc != 1 && SSL_get_error(n->ssl, rc) == SSL_ERROR_SSL)
		fail_tls(n, "cannot write", rc);
}

static ssize_t
tls_write(struct net *n, const char *data, size_t len)
{
	size_t put = 0;
	int rc;

	if (n->broken) {
		errno = n->why;
		return -1;
	}
	ERR_clear_error();
	errno = 0;
	rc = SSL_write_ex(n->ssl, data, len, &put);
	if (rc == 1) {
		n->write_events = POLLOUT;
		return (ssize_t)put;
	}
	rc = tls_blocked(n, "cannot write", rc, &n->write_events);
	if (rc < 0 && ERR_peek_error() == 0) {
		read_alert(n);
		errno = n->why;
	}
	return rc;
}

ssize_t
net_read(struct net *n, char *data, size_t len)
{
	ssize_t got;

	if (len == 0)
		return 0;
	if (n->ssl != NULL)
		return tls_read(n, data, len);
	do
		got = recv(n->fd, data, len, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return got;
	if (got == 0)
		return fail(n, ECONNRESET, "%s", closed);
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	return fail(n, errno, "cannot read: %s", strerror(errno));
}

ssize_t
net_write(struct net *n, const char *data, size_t len)
{
	ssize_t put;

	if (len == 0)
		return 0;
	if (n->ssl != NULL)
		return tls_write(n, data, len);
	do
		put = send(n->fd, data, len, SEND_FLAGS);
	while (put < 0 && errno == EINTR);
	if (put >= 0)
		return put;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	return fail(n, errno, "cannot write: %s", strerror(errno));
}

const char *
net_error(const struct net *n)
{
	return n->error;
}

bool
net_has_pending(const struct net *n)
{
	return n->ssl != NULL && !n->drained && SSL_has_pending(n->ssl);
}

int
net_fd(const struct net *n)
{
	return n->fd;
}

short
net_events(const struct net *n, bool writing)
{
	return (short)(n->read_events | (writing ? n->write_events : 0));
}

void
net_close(struct net *n)
{
	if (n == NULL)
		return;
	if (n->ssl != NULL && !n->broken)
		SSL_shutdown(n->ssl);
	SSL_free(n->ssl);
	SSL_CTX_free(n->ctx);
	if (n->fd >= 0)
		close(n->fd);
	free(n);
}
