/*
 * schema_check_state.h - what the parts of a check share; private to schema*.c
 */
#ifndef COMMON_SCHEMA_CHECK_STATE_H
#define COMMON_SCHEMA_CHECK_STATE_H

#include "common/schema_state.h"

struct schema_scratch {
	uint64_t *word; /* a stack of sets of bits */
	size_t words, cap;
	unsigned *scope; /* resources on the way here, the outermost first */
	size_t scopes, scope_cap;
	struct buf path, where, what;
};

/* Whether there is more to find out, after what was found so far. */
static inline bool
schema_goes_on(const struct schema_check *c, bool ok)
{
	return (ok || (c->all && c->quiet == 0)) && c->gave_up == NULL;
}

/* Tell, unless it is quiet, that value `at` breaks a keyword of the rule: the
 * value itself, then what.  All return false. */
bool schema_report(struct schema_check *c, const struct schema *r, unsigned at,
		   const char *keyword, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
bool schema_report_type(struct schema_check *c, const struct schema *r,
			unsigned at);
bool schema_report_bound(struct schema_check *c, const struct schema *r,
			 unsigned at, const char *keyword,
			 const struct json_value *bound);
bool schema_report_size(struct schema_check *c, const struct schema *r,
			unsigned at, const char *keyword, size_t size,
			size_t bound);
bool schema_report_equal(struct schema_check *c, const struct schema *r,
			 unsigned at, unsigned first, unsigned second);
bool schema_report_missing(struct schema_check *c, const struct schema *r,
			   unsigned at, const char *keyword,
			   const struct schema_property *missing,
			   const struct schema_property *because);
bool schema_report_values(struct schema_check *c, const struct schema *r,
			  const struct schema_values *v, unsigned at);

/* Code points of valid UTF-8. */
size_t schema_characters(const char *text, size_t len);

#endif
