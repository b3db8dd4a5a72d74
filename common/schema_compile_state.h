/*
 * schema_compile_state.h - what the parts of compiling share; private to
 * schema*.c
 */
#ifndef COMMON_SCHEMA_COMPILE_STATE_H
#define COMMON_SCHEMA_COMPILE_STATE_H

#include "common/mem.h"
#include "common/schema_state.h"

/* One schema being compiled. */
struct schema_compiler {
	struct schema_set *set;
	struct schema_document *d;
	const struct json_tree *t;
	struct schema *rule;
	const struct schema_resource *resource;
	struct schema_list *list; /* that a keyword's schemas are added to */
};

/* A part of the rule, made when a keyword first needs it. */
#define FACET(c, name)             \
	((c)->rule->name != NULL   \
		 ? (c)->rule->name \
		 : ((c)->rule->name = xcalloc(1, sizeof(*(c)->rule->name))))

static inline const struct json_node *
node_at(const struct schema_compiler *c, unsigned at)
{
	return &c->t->node[at];
}

/* Set the set's error: what is wrong with this node.  Returns -1. */
static inline int
refuse(struct schema_compiler *c, unsigned at, const char *what)
{
	return schema_fail(c->set, c->d, at, "%s", what);
}

/* Take the value of a keyword at a node.  All return 0, or -1 with the set's
 * error. */
int schema_compile_one(struct schema_compiler *c, unsigned at,
		       struct schema **rule);
int schema_compile_list(struct schema_compiler *c, unsigned at,
			struct schema_list *list);
int schema_compile_size(struct schema_compiler *c, unsigned at, size_t *out);
int schema_compile_flag(struct schema_compiler *c, unsigned at, bool *out);
int schema_compile_pattern(struct schema_compiler *c, unsigned at,
			   const char *text, size_t len,
			   struct schema_pattern **out);
int schema_compile_types(struct schema_compiler *c, unsigned at);
int schema_compile_values(struct schema_compiler *c, unsigned at,
			  struct schema_values **out, const char *keyword);
int schema_compile_numbers(struct schema_compiler *c, enum schema_key key,
			   unsigned at);
int schema_compile_strings(struct schema_compiler *c, enum schema_key key,
			   unsigned at);
int schema_compile_arrays(struct schema_compiler *c, enum schema_key key,
			  unsigned at);
int schema_compile_objects(struct schema_compiler *c, enum schema_key key,
			   unsigned at);
void schema_object_free(struct schema_object *o);

/* Slots of a hash table for that many: a power of two. */
size_t schema_slots_for(size_t count);

#endif
