#include <string.h>

#include "common/schema_check_state.h"

bool
schema_check_type(struct schema_check *c, const struct schema *r, unsigned at)
{
	const struct json_node *n = &c->tree.node[at];
	struct json_value v = schema_value_of(n);

	if ((r->types >> n->type & 1) != 0)
		return true;
	if (n->type == JSON_NUMBER && (r->types & SCHEMA_TYPE_INTEGER) != 0 &&
	    json_number_is_whole(&v) &&
	    (c->set->resource[r->resource].draft != SCHEMA_4 ||
	     memchr(n->text, '.', n->len) == NULL))
		return true;
	return schema_report_type(c, r, at);
}

bool
schema_check_number(struct schema_check *c, const struct schema *r, unsigned at)
{
	const struct schema_number *s = r->number;
	struct json_value v = schema_value_of(&c->tree.node[at]);
	bool ok = true;

	if (s->minimum.type != JSON_NONE &&
	    json_number_compare(&v, &s->minimum) < 0)
		ok = schema_report_bound(c, r, at, "minimum", &s->minimum);
	if (s->maximum.type != JSON_NONE &&
	    json_number_compare(&v, &s->maximum) > 0)
		ok = schema_report_bound(c, r, at, "maximum", &s->maximum);
	if (s->above.type != JSON_NONE &&
	    json_number_compare(&v, &s->above) <= 0)
		ok = schema_report_bound(c, r, at, "exclusiveMinimum",
					 &s->above);
	if (s->below.type != JSON_NONE &&
	    json_number_compare(&v, &s->below) >= 0)
		ok = schema_report_bound(c, r, at, "exclusiveMaximum",
					 &s->below);
	if (s->multiple.type != JSON_NONE &&
	    !json_number_is_multiple(&v, &s->multiple))
		ok = schema_report_bound(c, r, at, "multipleOf", &s->multiple);
	return ok;
}

static size_t
characters(const char *text, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

int
schema_matches(struct schema_check *c, const struct schema_pattern *p,
	       const char *text, size_t len)
{
	size_t steps = 0;
	int rc = schema_pattern_match(p, text, len, &steps);

	if (rc < 0)
		schema_give_up(c, "a pattern takes too many steps");
	return schema_steps(c, steps) ? rc : -1;
}

bool
schema_check_string(struct schema_check *c, const struct schema *r, unsigned at)
{
	const struct schema_string *s = r->string;
	const struct json_node *n = &c->tree.node[at];
	size_t chars = s->min == 0 && s->max >= n->len
			       ? n->len
			       : characters(n->text, n->len);
	bool ok = true;

	if (chars < s->min)
		ok = schema_report_size(c, r, at, "minLength", chars, s->min);
	if (chars > s->max)
		ok = schema_report_size(c, r, at, "maxLength", chars, s->max);
	if (s->pattern != NULL &&
	    schema_matches(c, s->pattern, n->text, n->len) == 0)
		ok = schema_report(
			c, r, at, "pattern", "does not match %.*s",
			(int)(s->pattern_len < 200 ? s->pattern_len : 200),
			s->pattern_text);
	if (s->format != NULL && !s->format->valid(n->text, n->len))
		ok = schema_report(c, r, at, "format", "is no %s",
				   s->format->name);
	return ok;
}

bool
schema_check_values(struct schema_check *c, const struct schema *r,
		    const struct schema_values *v, unsigned at)
{
	uint64_t hash = schema_hash(&c->tree, at);
	size_t slot = hash & (v->slots - 1);
	const struct json_node *n = &c->tree.node[at];

	if (!schema_steps(c, n->next - at + n->len / 64))
		return false;

	for (; v->slot[slot] != 0; slot = (slot + 1) & (v->slots - 1)) {
		unsigned i = v->slot[slot] - 1;

		if (v->hash[i] == hash &&
		    schema_equal(&c->tree, at, &r->document->tree, v->node[i]))
			return true;
	}
	return schema_report_values(c, r, v, at);
}
