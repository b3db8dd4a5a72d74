#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/schema_check_state.h"
#include "common/text.h"

enum {
	MAX_SHOWN = 60, /* bytes of a value in a message */
	MAX_VALUES = 10 /* of an enum */
};

/* A value as it stands in JSON, cut. */
static void
add_value(struct buf *out, const struct json_node *n)
{
	size_t len = n->len;

	if (len > MAX_SHOWN)
		len = text_utf8_prefix(n->text, MAX_SHOWN);
	if (n->type == JSON_STRING) {
		buf_add_json(out, n->text, len);
		if (len < n->len) {
			out->len--;
			buf_adds(out, "…\"");
		}
		return;
	}
	buf_add(out, n->text, len);
	if (len < n->len)
		buf_adds(out, "…");
}

static void
tell(struct schema_check *c, const struct schema *r, unsigned at,
     const char *keyword)
{
	struct schema_scratch *s = c->scratch;
	struct schema_failure f = { .keyword = keyword };

	buf_clear(&s->path);
	buf_clear(&s->where);
	buf_adds(&s->path, c->path != NULL ? c->path : "");
	json_tree_pointer(&c->tree, at, &s->path);
	schema_place(&s->where, r->document, r->node,
		     r->never ? NULL : keyword);
	f.path = buf_text(&s->path);
	f.where = buf_text(&s->where);
	f.what = buf_text(&s->what);
	s->told = true;
	if (c->failed != NULL)
		c->failed(c->arg, &f);
}

/* Begin a message; NULL if nobody wants it. */
static struct buf *
begin(struct schema_check *c, unsigned at)
{
	struct buf *what = &c->scratch->what;

	if (c->quiet != 0 || c->gave_up != NULL ||
	    (c->scratch->told && !c->all))
		return NULL;
	buf_clear(what);
	add_value(what, &c->tree.node[at]);
	buf_addc(what, ' ');
	return what;
}

bool
schema_report(struct schema_check *c, const struct schema *r, unsigned at,
	      const char *keyword, const char *fmt, ...)
{
	struct buf *what = begin(c, at);
	char text[256];
	va_list ap;

	if (what == NULL)
		return false;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_add(what, text, text_utf8_prefix(text, strlen(text)));
	tell(c, r, at, keyword);
	return false;
}

bool
schema_report_type(struct schema_check *c, const struct schema *r, unsigned at)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
		{ 1u << JSON_NULL, "null" },
		{ 1u << JSON_TRUE, "boolean" },
		{ 1u << JSON_NUMBER, "number" },
		{ SCHEMA_TYPE_INTEGER, "integer" },
		{ 1u << JSON_STRING, "string" },
		{ 1u << JSON_ARRAY, "array" },
		{ 1u << JSON_OBJECT, "object" },
	};
	struct buf *what = begin(c, at);
	unsigned left = r->types;
	const char *before = "is not of type ";
	size_t i;

	if (what == NULL)
		return false;
	if ((left >> JSON_NUMBER & 1) != 0)
		left &= ~(unsigned)SCHEMA_TYPE_INTEGER;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if ((left & names[i].bit) != 0) {
			buf_adds(what, before);
			buf_adds(what, names[i].name);
			before = " or ";
		}
	tell(c, r, at, "type");
	return false;
}

bool
schema_report_bound(struct schema_check *c, const struct schema *r, unsigned at,
		    const char *keyword, const struct json_value *bound)
{
	static const struct {
		const char *keyword, *text;
	} says[] = {
		{ "minimum", "is less than the minimum" },
		{ "maximum", "is greater than the maximum" },
		{ "exclusiveMinimum", "is not greater than" },
		{ "exclusiveMaximum", "is not less than" },
		{ "multipleOf", "is not a multiple of" },
	};
	size_t i = 0;

	while (strcmp(says[i].keyword, keyword) != 0)
		i++;
	return schema_report(
		c, r, at, keyword, "%s %.*s", says[i].text,
		(int)(bound->len < MAX_SHOWN ? bound->len : MAX_SHOWN),
		bound->text);
}

bool
schema_report_size(struct schema_check *c, const struct schema *r, unsigned at,
		   const char *keyword, size_t size, size_t bound)
{
	const char *of = strstr(keyword, "Length") != NULL  ? "character"
			 : strstr(keyword, "Items") != NULL ? "element"
							    : "member";

	return schema_report(c, r, at, keyword, "has %zu %s%s, %s than %zu",
			     size, of, size == 1 ? "" : "s",
			     keyword[1] == 'i' ? "fewer" : "more", bound);
}

bool
schema_report_equal(struct schema_check *c, const struct schema *r, unsigned at,
		    unsigned first, unsigned second)
{
	return schema_report(
		c, r, at, "uniqueItems", "has equal elements, %zu and %zu",
		c->tree.node[first].key_len, c->tree.node[second].key_len);
}

static void
add_name(struct buf *out, const struct schema_property *p)
{
	struct json_node n = { .type = JSON_STRING,
			       .text = p->name,
			       .len = p->len };

	add_value(out, &n);
}

bool
schema_report_name(struct schema_check *c, const struct schema *r, unsigned at)
{
	struct buf *what = begin(c, at);
	const struct json_node *n = &c->tree.node[at];
	struct json_node name = { .type = JSON_STRING,
				  .text = n->key,
				  .len = n->key_len };

	if (what == NULL)
		return false;
	buf_clear(what);
	add_value(what, &name);
	buf_adds(what, " is a name that is not allowed");
	tell(c, r, at, "propertyNames");
	return false;
}

bool
schema_report_missing(struct schema_check *c, const struct schema *r,
		      unsigned at, const char *keyword,
		      const struct schema_property *missing,
		      const struct schema_property *because)
{
	struct buf *what = begin(c, at);

	if (what == NULL)
		return false;
	buf_clear(what);
	add_name(what, missing);
	buf_adds(what, " is missing");
	if (because != NULL) {
		buf_adds(what, ", since there is ");
		add_name(what, because);
	}
	tell(c, r, at, keyword);
	return false;
}

bool
schema_report_values(struct schema_check *c, const struct schema *r,
		     const struct schema_values *v, unsigned at)
{
	struct buf *what = begin(c, at);
	const struct json_tree *t = &r->document->tree;
	size_t i;

	if (what == NULL)
		return false;
	buf_adds(what, v->count == 1 ? "is not " : "is none of ");
	for (i = 0; i < v->count && i < MAX_VALUES; i++) {
		if (i != 0)
			buf_adds(what, ", ");
		add_value(what, &t->node[v->node[i]]);
	}
	if (i < v->count)
		buf_adds(what, ", …");
	tell(c, r, at, v->keyword);
	return false;
}
