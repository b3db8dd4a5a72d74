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
	bool told; /* of a failure */
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
bool schema_report_name(struct schema_check *c, const struct schema *r,
			unsigned at);
bool schema_report_missing(struct schema_check *c, const struct schema *r,
			   unsigned at, const char *keyword,
			   const struct schema_property *missing,
			   const struct schema_property *because);
bool schema_report_values(struct schema_check *c, const struct schema *r,
			  const struct schema_values *v, unsigned at);

/* The parts of a check: whether value `at` holds against that part of a rule;
 * `seen` is where the bits of what was evaluated begin, + 1, or 0. */
bool schema_check_rule(struct schema_check *c, const struct schema *r,
		       unsigned at, size_t seen);
bool schema_check_type(struct schema_check *c, const struct schema *r,
		       unsigned at);
bool schema_check_values(struct schema_check *c, const struct schema *r,
			 const struct schema_values *v, unsigned at);
bool schema_check_number(struct schema_check *c, const struct schema *r,
			 unsigned at);
bool schema_check_string(struct schema_check *c, const struct schema *r,
			 unsigned at);
bool schema_check_array(struct schema_check *c, const struct schema *r,
			unsigned at, size_t seen);
bool schema_check_object(struct schema_check *c, const struct schema *r,
			 unsigned at, size_t seen);

/* The same as schema_check_rule() without a word: whether it holds is part of
 * another question. */
bool schema_holds(struct schema_check *c, const struct schema *r, unsigned at,
		  size_t seen);

/* Whether a pattern matches: 1, 0, or -1 with the check given up. */
int schema_matches(struct schema_check *c, const struct schema_pattern *p,
		   const char *text, size_t len);

/* End the check without an answer.  Returns false. */
bool schema_give_up(struct schema_check *c, const char *why);
/* Count work that takes that many steps.  Returns false when it is too much. */
bool schema_steps(struct schema_check *c, size_t steps);

/* Take so many bits, all 0, from a stack, and give them back. */
size_t schema_bits_take(struct schema_check *c, size_t count);
void schema_bits_give(struct schema_check *c, size_t bits);

static inline void
schema_bit_set(struct schema_check *c, size_t bits, size_t i)
{
	if (bits != 0)
		c->scratch->word[bits - 1 + i / 64] |= (uint64_t)1 << i % 64;
}

static inline bool
schema_bit(const struct schema_check *c, size_t bits, size_t i)
{
	return (c->scratch->word[bits - 1 + i / 64] >> i % 64 & 1) != 0;
}

#endif
