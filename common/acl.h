/*
 * acl.h - the least that a program needs of the server
 *
 * For --print-acl: the rule of an ACL user (Redis 6.2) that may do what these
 * options and operands ask for, and nothing else:
 *
 *     ACL SETUSER evtail reset on >PASSWORD resetchannels ~orders -@all +xrange …
 *
 * The user's name is that of the URL, else the program's.  Redis checks what
 * scripts call as well, so the commands of common/lua/ are among them.  A
 * program without operands, where they may be left out, gets all keys, and so
 * does one whose streams a file names (evtrim --policy).
 *
 * What is not told apart: reading from writing (that is for Redis 7), what an
 * outage or another consumer's crash makes necessary from what is always so.
 */
#ifndef COMMON_ACL_H
#define COMMON_ACL_H

#include "common/buf.h"
#include "common/opt.h"

/* Append the rule as one line; for struct opt_program.  Ends the program with
 * EXIT_USAGE if a key that it needs is not named. */
void acl_put(struct buf *out, const struct opt_view *view);

#endif
