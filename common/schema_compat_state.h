/*
 * schema_compat_state.h - what the two searches of schema_compat share
 *
 * Private to them.
 */
#ifndef COMMON_SCHEMA_COMPAT_STATE_H
#define COMMON_SCHEMA_COMPAT_STATE_H

#include "common/schema_compat.h"
#include "common/schema_state.h"

enum { COMPAT_RULES = 128 };

/* Rules that hold of one value together. */
struct compat_rules {
	const struct schema *rule[COMPAT_RULES];
	size_t count;
	bool full; /* there were more */
};

/* Add a rule with all that it says must hold too (allOf, $ref); if `loose`,
 * with what it merely mentions (anyOf, not, if …). */
void compat_add(struct compat_rules *l, const struct schema *rule, bool loose);

/* What rules say of the member of a name: added to out. */
void compat_member(const struct compat_rules *l, const char *name, size_t len,
		   struct compat_rules *out, bool loose);
/* Of element i; SIZE_MAX: of those behind all that have rules of their own. */
void compat_element(const struct compat_rules *l, size_t i,
		    struct compat_rules *out, bool loose);

/* Whether it mentions the member in "properties". */
const struct schema_property *compat_property(const struct schema_object *o,
					      const char *name, size_t len);

/* Append a node of a tree as JSON. */
void compat_put(struct buf *out, const struct json_tree *t, unsigned i);

/* As schema_check(), of text. */
int compat_check(const struct schema *rule, const char *text, size_t len);

bool compat_prove(const struct schema *narrower, const struct schema *wider);
bool compat_witness(const struct schema *narrower, const struct schema *wider,
		    struct buf *witness);

#endif
