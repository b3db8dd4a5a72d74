/*
 * health.h - whether a server is fit for streams
 *
 * Answers of INFO, CONFIG GET and PING become checks, each with a state and with
 * what to do about it in words.  What the server does not tell is unknown; CONFIG
 * is refused by many and nothing depends on it alone.
 */
#ifndef COMMON_HEALTH_H
#define COMMON_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/out.h"
#include "common/rules.h"

enum { HEALTH_CHECKS = 16 };

struct health_check {
	const char *name;
	enum rules_severity state;
	char value[80];     /* "" if unknown */
	const char *advice; /* NULL: nothing is to be done */
};

/* All zero is valid and says nothing. */
struct health_memory {
	int64_t used, limit; /* bytes; 0: unknown */
	bool is_system;      /* the limit is the machine's: maxmemory is 0 */
};

struct health {
	struct health_check check[HEALTH_CHECKS];
	size_t count;
	enum rules_severity worst; /* RULES_UNKNOWN is better than a warning */
	struct health_memory memory;
	double answer_ms; /* of a PING */

	struct buf info; /* private from here on: the text of INFO */
	char save[80], fsync[16];
	bool has_info, has_config;
};

/* Ask and judge; rules say when memory is too full.  A zeroed struct is valid.
 * Returns 0, or -1 with conn_error() set if the connection is lost. */
int health_read(struct health *h, struct conn *c, const struct rules *rules);
void health_release(struct health *h);

/* Only the memory; all zero if the server does not tell.  0, or -1. */
int health_read_memory(struct conn *c, struct health_memory *m);
/* In percent of the limit; NAN if unknown. */
double health_memory_percent(const struct health_memory *m);

/* Judge by texts of INFO and CONFIG GET (NULL: refused); for tests. */
void health_judge(struct health *h, const struct rules *rules);

void health_print_table(const struct health *h, size_t width, bool colour,
			struct out *out);
void health_print_json(const struct health *h, struct out *out);
void health_print_nagios(const struct health *h, struct out *out);

#endif
