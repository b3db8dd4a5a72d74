/*
 * login.h - the first words on a connection, in one round trip
 *
 * AUTH if there is a password, SELECT if the database is not 0, CLIENT SETNAME
 * with the program's name, CLIENT ID, and PING, which tells a server that still
 * loads its data or asks for a password that there is none.
 */
#ifndef COMMON_LOGIN_H
#define COMMON_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/reply.h"

struct login {
	const char *user, *password; /* NULL: none; borrowed */
	uint64_t db;

	uint64_t client_id; /* 0 if the server would not say */
	bool needless;      /* there is a password, and the server wants none */
	char said[512];     /* the server's last complaint; printable */
	unsigned step;      /* private: the reply that is due */
};

enum login_state {
	LOGIN_REFUSED, /* as it will be again; see said */
	LOGIN_LATER,   /* the server can't now; see said */
	LOGIN_MORE,    /* another reply is due */
	LOGIN_DONE
};

/* Append the commands. */
void login_begin(struct login *l, struct buf *out);

/* Take the next reply.  Once it is not LOGIN_MORE no more may be given. */
enum login_state login_take(struct login *l, const struct reply *r);

#endif
