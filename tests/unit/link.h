/*
 * link.h - connections to a server of the test's own
 *
 *     link_start("test-settle", 5000)      the server
 *     conn = link_open()                   what is tested
 *     other = link_open()                  what looks on, or disturbs
 *     link_stop()
 *
 * What goes wrong in here fails the test.
 */
#ifndef TESTS_UNIT_LINK_H
#define TESTS_UNIT_LINK_H

#include <stdint.h>

#include "common/conn.h"

/* Of all connections; the URL is that of the last one opened. */
extern struct conn_options link_options;

/* First of all: name and silence messages, watch for a stop, start the server. */
void link_start(const char *program, int64_t retry_for_ms);
void link_stop(void);

/* A connection to the server, or to another one. */
struct conn *link_open(void);
struct conn *link_open_to(const char *url);

/* The answer to a command, which must be no error; valid as conn_result()'s. */
struct reply *link_result(struct conn *c);

#endif
