#include <arpa/inet.h>
#include <string.h>

#include "common/syntax.h"

/* What a byte may be part of. */
enum {
	S = 1,   /* a scheme, behind its first letter */
	R = 2,   /* a registered name: unreserved and sub-delims */
	U = 4,   /* user information: the same and the colon */
	P = 8,   /* a path: pchar and the slash */
	Q = 16,  /* a query or fragment */
	T = 32,  /* a token of a media type */
	B = 64,  /* base64, but for the padding */
	X = 128, /* a hexadecimal number */

	M = R | U | P | Q, /* a mark */
	K = M | T,         /* a mark that tokens take */
	L = K | S | B,     /* a letter */
	D = L | X,         /* a digit, or a letter that is one */
	C = U | P | Q,     /* the colon */
	A = P | Q,         /* the at sign */
	Z = P | Q | B,     /* the slash */
	V = K | S,         /* minus and dot */
	W = K | S | B      /* plus */
};

static const unsigned char class_of[256] = {
	/* clang-format off */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/*   !  "  #  $  %  &  '  (  )  *  +  ,  -  .  / */
	0, K, 0, T, K, T, K, K, M, M, K, W, M, V, V, Z,
	/* 0 to 9                     :  ;  <  =  >  ? */
	D, D, D, D, D, D, D, D, D, D, C, M, 0, M, 0, Q,
	/* @ A to O */
	A, D, D, D, D, D, D, L, L, L, L, L, L, L, L, L,
	/* P to Z                        [  \  ]  ^  _ */
	L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, T, K,
	/* ` a to o */
	T, D, D, D, D, D, D, L, L, L, L, L, L, L, L, L,
	/* p to z                        {  |  }  ~ */
	L, L, L, L, L, L, L, L, L, L, L, T, T, T, K, 0,
	/* clang-format on */
};

static inline bool
is(char c, unsigned classes)
{
	return (class_of[(unsigned char)c] & classes) != 0;
}

static bool
is_letter(char c)
{
	return is(c, B) && c >= 'A';
}

static const char *
skip(const char *at, const char *end, unsigned classes)
{
	while (at < end && is(*at, classes))
		at++;
	return at;
}

/* The same, with percent-encoded bytes in between. */
static const char *
skip_encoded(const char *at, const char *end, unsigned classes)
{
	for (;;) {
		at = skip(at, end, classes);
		if (end - at < 3 || *at != '%' || !is(at[1], X) ||
		    !is(at[2], X))
			return at;
		at += 3;
	}
}

/* What stands in the brackets of a host (IP-literal without them). */
static bool
is_ip_literal(const char *at, const char *end)
{
	char text[INET6_ADDRSTRLEN] = { 0 };
	struct in6_addr address;
	const char *dot;

	if (at < end && (*at == 'v' || *at == 'V')) {
		dot = skip(at + 1, end, X);
		return dot > at + 1 && end - dot > 1 && *dot == '.' &&
		       skip(dot + 1, end, U) == end;
	}
	if ((size_t)(end - at) >= sizeof(text))
		return false;
	memcpy(text, at, (size_t)(end - at));
	return strlen(text) == (size_t)(end - at) &&
	       inet_pton(AF_INET6, text, &address) == 1;
}

/* Step over the authority that begins here; NULL if it is none. */
static const char *
skip_authority(const char *at, const char *end)
{
	const char *user = skip_encoded(at, end, U), *close;

	if (user < end && *user == '@')
		at = user + 1;
	if (at < end && *at == '[') {
		close = memchr(at, ']', (size_t)(end - at));
		if (close == NULL || !is_ip_literal(at + 1, close))
			return NULL;
		at = close + 1;
	} else {
		at = skip_encoded(at, end, R);
	}
	if (at < end && *at == ':')
		for (at++; at < end && *at >= '0' && *at <= '9';)
			at++;
	return at == end || *at == '/' || *at == '?' || *at == '#' ? at : NULL;
}

/* The part behind the scheme, up to where it ends or breaks off. */
static const char *
skip_rest(const char *at, const char *end, bool fragment)
{
	if (end - at >= 2 && at[0] == '/' && at[1] == '/') {
		at = skip_authority(at + 2, end);
		if (at == NULL)
			return NULL;
	}
	at = skip_encoded(at, end, P);
	if (at < end && *at == '?')
		at = skip_encoded(at + 1, end, Q);
	if (at < end && *at == '#' && fragment)
		at = skip_encoded(at + 1, end, Q);
	return at;
}

/* Where the scheme and its colon end; NULL if there is none. */
static const char *
skip_scheme(const char *text, const char *end)
{
	const char *colon;

	if (text == end || !is_letter(*text))
		return NULL;
	colon = skip(text, end, S);
	return colon < end && *colon == ':' ? colon + 1 : NULL;
}

bool
syntax_is_uri_reference(const char *text, size_t len)
{
	const char *end = text + len, *at = skip_scheme(text, end);

	if (at == NULL) {
		/* A colon in the first segment would make it a scheme. */
		at = skip_encoded(text, end, R);
		while (at < end && *at == '@')
			at = skip_encoded(at + 1, end, R);
		if (at < end && *at == ':')
			return false;
		at = text;
	}
	return skip_rest(at, end, true) == end;
}

bool
syntax_is_uri(const char *text, size_t len)
{
	const char *end = text + len, *at = skip_scheme(text, end);

	return at != NULL && skip_rest(at, end, false) == end;
}

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

/* Step over a token; NULL if there is none. */
static const char *
skip_token(const char *at, const char *end)
{
	const char *behind = skip(at, end, T);

	return behind > at ? behind : NULL;
}

/* Step over a string whose opening quote is here; NULL if it does not end. */
static const char *
skip_quoted(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at == '\\')
			at++;
		if (at == end || (*at != '\t' && (*at < ' ' || *at > '~')))
			return NULL;
	}
	return at < end ? at + 1 : NULL;
}

/* Step over name=value; NULL if it is none. */
static const char *
skip_parameter(const char *at, const char *end)
{
	at = skip_token(at, end);
	if (at == NULL || at == end || *at != '=')
		return NULL;
	at++;
	return at < end && *at == '"' ? skip_quoted(at, end)
				      : skip_token(at, end);
}

bool
syntax_is_media_type(const char *text, size_t len)
{
	const char *end = text + len, *at = skip_token(text, end);

	if (at == NULL || at == end || *at != '/')
		return false;
	at = skip_token(at + 1, end);
	while (at != NULL && at < end) {
		at = skip_blanks(at, end);
		if (at == end || *at != ';')
			return false;
		at = skip_parameter(skip_blanks(at + 1, end), end);
	}
	return at != NULL;
}

bool
syntax_is_base64(const char *text, size_t len)
{
	const char *end = text + len, *pad;

	if (len % 4 != 0)
		return false;
	pad = skip(text, end, B);
	return pad == end || (end - pad == 1 && pad[0] == '=') ||
	       (end - pad == 2 && pad[0] == '=' && pad[1] == '=');
}
