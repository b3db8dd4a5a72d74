/*
 * rules_print.h - what rules_check() found, for people, programs and Nagios
 */
#ifndef COMMON_RULES_PRINT_H
#define COMMON_RULES_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/out.h"
#include "common/rules.h"

/* The findings of one rules_check(), which borrow its survey's rows.  A zeroed
 * struct is empty and valid. */
struct rules_list {
	struct rules_finding *finding;
	size_t count, cap;
	enum rules_severity worst;
};

/* Look, and keep what is found in place of what was there. */
void rules_list_check(struct rules_list *l, const struct rules *r,
		      const struct survey *now, const struct survey *before,
		      double memory);
void rules_list_release(struct rules_list *l);

/*
 * As a Nagios plugin prints it (Monitoring Plugins' development guidelines):
 *
 *     EVLAG CRITICAL - orders/billing: lag 12.3k > 10k; … | 'orders/billing lag'=…
 *     orders/billing: STOPPED: …
 *
 * Bounded: what is worst comes first, and what does not fit is counted.
 */
void rules_print_nagios(const struct rules_list *l, struct out *out);
/* The line of a check that could not be made. */
void rules_print_unknown(const char *why, struct out *out);

/* Every finding, as lines of JSON or as a table for this width. */
void rules_print_json(const struct rules_list *l, struct out *out);
void rules_print_table(const struct rules_list *l, size_t width, bool colour,
		       struct out *out);

/* Append a text of UTF-8 or not for such a line: "|" and what is not printable
 * is replaced. */
void rules_put_plain(struct buf *out, const char *text);
/* Append a value in the metric's unit, for people: "12.3k", "2m", "5%". */
void rules_put_value(struct buf *out, enum rules_metric metric, double value);
/* "lag 12.3k > 10k", "dead 3 new of 12", "age unknown". */
void rules_put_finding(struct buf *out, const struct rules_finding *f);
/* Append ,"name":value as JSON; nothing for NAN. */
void rules_put_number(struct buf *out, const char *name, double value);

#endif
