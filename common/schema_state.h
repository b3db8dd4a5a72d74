/*
 * schema_state.h - what a compiled schema is made of; private to schema*.c
 *
 * A document is the text of a file and its tree.  A resource is a schema with
 * a URI: the root of a document, or one inside that has an $id.  A rule is one
 * schema, compiled: an object or boolean at some node of a document.  Rules
 * refer to each other by pointers, in circles too, and live as long as the set.
 */
#ifndef COMMON_SCHEMA_STATE_H
#define COMMON_SCHEMA_STATE_H

#include "common/schema.h"

/* Numbers by hash, for whoever holds what they number.  A zeroed struct is an
 * empty one. */
struct schema_table {
	struct schema_slot {
		uint64_t hash;
		unsigned value; /* + 1; 0: free */
	} * slot;
	size_t slots, count;
};

/* Numbers are added in rising order, and dropped the last one first. */
void schema_table_add(struct schema_table *t, uint64_t hash, unsigned value);
void schema_table_drop(struct schema_table *t, uint64_t hash, unsigned value);
/* The next number of that hash; `at` is 0 at first.  False if there is none. */
bool schema_table_next(const struct schema_table *t, uint64_t hash, size_t *at,
		       unsigned *value);
void schema_table_release(struct schema_table *t);

enum schema_draft { SCHEMA_4, SCHEMA_6, SCHEMA_7, SCHEMA_2020 };

struct schema_document {
	struct schema_set *set;
	char *name; /* for messages: the path, else the URI */
	char *text;
	struct json_doc doc;
	struct json_tree tree;
	struct schema **rule;  /* by node; NULL: not compiled */
	unsigned *resource_of; /* by node: resource that begins there, + 1 */
	struct schema_table members; /* nodes by parent and name or index */
};

struct schema_resource {
	char *uri; /* absolute, without fragment */
	struct schema_document *document;
	unsigned node;
	enum schema_draft draft;
	unsigned first_dynamic; /* of its dynamic anchors, + 1; 0: none */
	bool dynamic_compiled;
	bool validates; /* its vocabularies hold the validation keywords */
	bool asserts_format;
};

/* A name for a schema of a resource. */
struct schema_anchor {
	unsigned resource, node;
	const char *name;
	size_t len;
	bool dynamic;
	unsigned next_dynamic; /* of the same resource, + 1; 0: none */
};

enum { SCHEMA_TYPE_INTEGER = 1 << 8, SCHEMA_TYPE_ALL = 0x1ff };
/* The bits of the types: 1 << json_type, and one for whole numbers. */

struct schema_number {
	struct json_value minimum, maximum, above, below, multiple;
};

struct schema_string {
	size_t min, max;
	struct schema_pattern *pattern;
	const char *pattern_text;
	size_t pattern_len;
	const struct schema_format *format;
};

struct schema_list {
	struct schema **rule;
	size_t count;
};

struct schema_array {
	size_t min, max;
	bool unique;
	struct schema_list prefix;
	struct schema *rest, *contains, *unevaluated;
	const char *rest_name; /* of the keyword */
	size_t min_contains, max_contains;
	bool contains_evaluates;
};

/* A name that the keywords of an object mention. */
struct schema_property {
	const char *name;
	size_t len;
	uint64_t hash;
	struct schema *rule; /* NULL: any */
	unsigned bit;        /* among those whose presence matters, + 1 */
	bool required;
};

struct schema_dependent {
	unsigned property; /* if it is there, */
	unsigned *needed;  /* these must be, too, */
	size_t count;
	struct schema *rule; /* and this must hold; NULL */
	const char *keyword;
};

struct schema_pattern_property {
	struct schema_pattern *pattern;
	struct schema *rule;
};

struct schema_object {
	size_t min, max;
	struct schema_property *property;
	size_t count, bits;
	unsigned *slot; /* property + 1 by hash; a power of two of them */
	size_t slots;
	struct schema_pattern_property *patterned;
	size_t patterns;
	struct schema_dependent *dependent;
	size_t dependents;
	struct schema *additional, *names, *unevaluated;
};

/* The values of enum or const. */
struct schema_values {
	const char *keyword;
	unsigned *node; /* of the rule's document */
	uint64_t *hash;
	size_t count;
	unsigned *slot; /* value + 1 by hash */
	size_t slots;
};

struct schema_logic {
	struct schema_list all, any, one;
	struct schema * not, *cond, *then, *otherwise;
	struct schema *ref, *dynamic;
	const char *dynamic_name; /* NULL: as a plain reference */
	size_t dynamic_len;
};

struct schema {
	struct schema_document *document;
	unsigned node, resource;
	unsigned types;
	bool never; /* the schema `false` */
	struct schema_number *number;
	struct schema_string *string;
	struct schema_array *array;
	struct schema_object *object;
	struct schema_values *values, *constant;
	struct schema_logic *logic;
};

struct schema_set {
	bool assert_format;
	struct schema_map {
		char *prefix, *dir;
	} * map;
	size_t maps;
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
	struct schema_document **document;
	size_t documents;
	struct schema_resource *resource;
	size_t resources, resource_cap;
	struct schema_anchor *anchor;
	size_t anchors, anchor_cap;
	struct schema_table by_uri, by_name; /* of resources and of anchors */
	size_t warned;
	struct schema **all;
	size_t rules, rule_cap;
	size_t good; /* of them, that are compiled with all they refer to */
	char error[SCHEMA_ERROR];
};

/* Where a keyword holds schemas. */
enum schema_holds {
	SCHEMA_HOLDS_NONE,
	SCHEMA_HOLDS_ONE,
	SCHEMA_HOLDS_LIST,
	SCHEMA_HOLDS_MAP,
	SCHEMA_HOLDS_EITHER, /* one or a list */
	SCHEMA_HOLDS_MIXED   /* a map to schemas or lists of names */
};

enum schema_key {
	KEY_ID,
	KEY_ID_4,
	KEY_SCHEMA,
	KEY_REF,
	KEY_ANCHOR,
	KEY_DYNAMIC_REF,
	KEY_DYNAMIC_ANCHOR,
	KEY_VOCABULARY,
	KEY_TYPE,
	KEY_ENUM,
	KEY_CONST,
	KEY_MULTIPLE,
	KEY_MAXIMUM,
	KEY_EXCLUSIVE_MAXIMUM,
	KEY_MINIMUM,
	KEY_EXCLUSIVE_MINIMUM,
	KEY_MAX_LENGTH,
	KEY_MIN_LENGTH,
	KEY_PATTERN,
	KEY_FORMAT,
	KEY_MAX_ITEMS,
	KEY_MIN_ITEMS,
	KEY_UNIQUE,
	KEY_MAX_CONTAINS,
	KEY_MIN_CONTAINS,
	KEY_MAX_PROPERTIES,
	KEY_MIN_PROPERTIES,
	KEY_REQUIRED,
	KEY_DEPENDENT_REQUIRED,
	KEY_ALL,
	KEY_ANY,
	KEY_ONE,
	KEY_NOT,
	KEY_IF,
	KEY_THEN,
	KEY_ELSE,
	KEY_DEPENDENT_SCHEMAS,
	KEY_DEPENDENCIES,
	KEY_PREFIX_ITEMS,
	KEY_ITEMS,
	KEY_ITEMS_7,
	KEY_ADDITIONAL_ITEMS,
	KEY_CONTAINS,
	KEY_PROPERTIES,
	KEY_PATTERN_PROPERTIES,
	KEY_ADDITIONAL,
	KEY_NAMES,
	KEY_UNEVALUATED_ITEMS,
	KEY_UNEVALUATED,
	KEY_DEFS,
	KEY_ANNOTATION
};

struct schema_keyword {
	const char *name;
	enum schema_key key;
	enum schema_draft from, to;
	enum schema_holds holds;
	bool validation; /* of the validation vocabulary */
};

/* The keyword of that name in a draft, or NULL. */
const struct schema_keyword *schema_keyword(enum schema_draft draft,
					    const char *name, size_t len);
/* A keyword of the draft that the name may be a misspelling of, or NULL. */
const char *schema_keyword_near(enum schema_draft draft, const char *name,
				size_t len);

/* Set the set's error to "document: /pointer: text".  Returns -1. */
int schema_fail(struct schema_set *set, const struct schema_document *d,
		unsigned node, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Append "document#/pointer" of a node's member. */
void schema_place(struct buf *out, const struct schema_document *d,
		  unsigned node, const char *keyword);

/* The same without a place: "name: what". */
int schema_fail_plain(struct schema_set *set, const char *name,
		      const char *what);

/* Files (schema_file.c).  A prefix of URIs stands for a directory; both become
 * the set's. */
void schema_add_map(struct schema_set *set, char *prefix, char *dir);
/* Append the file:// URI of a path, and let URIs of its directory be files. */
int schema_file_uri(struct schema_set *set, const char *path, struct buf *uri);
/* The text of a file, to be freed, or NULL with the set's error. */
char *schema_read_file(struct schema_set *set, const char *path, size_t *len);
/* Load what is built in or mapped; NULL, with the set's error if it was. */
struct schema_document *schema_load_uri(struct schema_set *set, const char *uri,
					enum schema_draft draft);
/* Append text with its %XX decoded. */
void schema_add_decoded(struct buf *out, const char *at, size_t len);

/* Take text, which becomes the set's, as a document, of that draft unless it
 * says so itself.  NULL after an error. */
struct schema_document *schema_add_document(struct schema_set *set,
					    const char *name, const char *uri,
					    enum schema_draft draft, char *text,
					    size_t len);

/* Names (schema_resolve.c).  The number of a resource, or -1. */
long schema_find_resource(const struct schema_set *set, const char *uri);
/* Add a resource, whose URI becomes the set's; an anchor; or another URI for a
 * document. */
void schema_add_resource(struct schema_set *set,
			 const struct schema_resource *r);
void schema_add_anchor(struct schema_set *set, const struct schema_anchor *a);
void schema_add_name(struct schema_set *set, struct schema_document *d,
		     const char *uri);
/* Forget all names but the first ones. */
void schema_drop_names(struct schema_set *set, size_t resources,
		       size_t anchors);

/* The resource that a node belongs to. */
unsigned schema_resource_of(const struct schema_document *d, unsigned node);

/* Find what a reference means, loading documents as needed.  Returns 0, or -1
 * with the set's error. */
int schema_resolve(struct schema_set *set, unsigned resource, const char *ref,
		   size_t len, struct schema_document **d, unsigned *node);

/* The anchor of that name in a resource, or NULL. */
const struct schema_anchor *schema_anchor(const struct schema_set *set,
					  unsigned resource, const char *name,
					  size_t len);

/* Note the resources and anchors of a new document that begins as `uri`, and is
 * of that draft if it does not say.  0, -1. */
int schema_index(struct schema_set *set, struct schema_document *d,
		 const char *uri, enum schema_draft draft);

/* Call visit() for the schemas directly in an object's member, by what its
 * keyword holds; children that are no schemas are passed over.  0, or what
 * visit() returned first that is not. */
int schema_children(const struct json_tree *t, unsigned at,
		    enum schema_holds holds,
		    int (*visit)(void *arg, unsigned node), void *arg);

/* The rule at a node, compiled soon; schema_compile() compiles all such.  0, or
 * -1 with the set's error. */
struct schema *schema_rule(struct schema_set *set, struct schema_document *d,
			   unsigned at);
int schema_compile(struct schema_set *set);
void schema_rule_free(struct schema *rule);

/* Append what `text` means seen from an absolute URI (RFC 3986, section 5.2),
 * without its fragment, whose offset in it is returned (len: none). */
size_t schema_uri_resolve(struct buf *out, const char *base_text,
			  const char *text, size_t len);

/* The text of a built-in meta-schema, or NULL. */
const char *schema_meta(const char *uri);

/* A format that is checked, or NULL.  valid() looks at decoded text. */
struct schema_format {
	const char *name;
	bool (*valid)(const char *text, size_t len);
};
const struct schema_format *schema_format_find(const char *name, size_t len);

/* Patterns.  compile: NULL with error set.  match: 1, 0, or -1 if it takes too
 * long; adds to `steps` what it took.  Not anchored. */
struct schema_pattern;
struct schema_pattern *schema_pattern_compile(const char *text, size_t len,
					      char *error, size_t size);
int schema_pattern_match(const struct schema_pattern *p, const char *text,
			 size_t len, size_t *steps);
bool schema_pattern_is_valid(const char *text, size_t len);
void schema_pattern_free(struct schema_pattern *p);

static inline struct json_value
schema_value_of(const struct json_node *n)
{
	return (struct json_value){ n->type, n->text, n->len };
}

/* Equal as JSON Schema has it; and the same for equal values. */
bool schema_equal(const struct json_tree *a, unsigned i,
		  const struct json_tree *b, unsigned k);
uint64_t schema_hash(const struct json_tree *t, unsigned i);
uint64_t schema_hash_text(const char *text, size_t len);

#endif
