#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/compare.h"
#include "common/mem.h"

enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_TRUTH };

/* Where a test leads that decides the whole expression. */
enum { IS_FALSE = -2, IS_TRUE = -1 };

struct compare_step {
	const char *name; /* NULL: an element */
	size_t len, index;
};

/*
 * The expression is a list of tests.  Each says which one comes next if it is
 * false (next[0]) or true (next[1]); `and` and `or` are only in these jumps.
 */
struct compare_test {
	size_t path, steps; /* step[path] and on */
	enum op op;
	struct json_value constant; /* a string without quotes, unescaped */
	int next[2];
};

struct parser {
	struct compare *c;
	const char *at;
	char *free;          /* of c->bytes */
	struct json_doc doc; /* checks constants */
	int depth;           /* of open parentheses */
	size_t tests_cap, steps_cap;
};

enum { MAX_DEPTH = 100, MAX_INDEX_DIGITS = 9 };

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
skip_blanks(struct parser *p)
{
	p->at += strspn(p->at, " \t\n");
}

static bool
take(struct parser *p, const char *token)
{
	size_t len = strlen(token);

	if (strncmp(p->at, token, len) != 0)
		return false;
	p->at += len;
	return true;
}

/* A colon would make it part of a jq name such as and::x. */
static bool
take_word(struct parser *p, const char *word)
{
	const char *start = p->at;

	if (take(p, word) && !is_letter(*p->at) && !is_digit(*p->at) &&
	    *p->at != ':')
		return true;
	p->at = start;
	return false;
}

/* Keep bytes as long as the expression.  There is room: nothing that is kept is
 * longer than the text it was made from. */
static const char *
keep(struct parser *p, const char *text, size_t len)
{
	char *kept = p->free;

	if (len != 0)
		memcpy(kept, text, len);
	p->free += len;
	return kept;
}

/* Length of the JSON value that may stand here; json_scan() decides. */
static size_t
constant_len(const char *s)
{
	size_t len = 1;

	if (*s == '"') {
		while (s[len] != '\0' && s[len] != '"')
			len += s[len] == '\\' && s[len + 1] != '\0' ? 2 : 1;
		return s[len] == '"' ? len + 1 : len;
	}
	if (is_letter(*s)) {
		while (is_letter(s[len]))
			len++;
		return len;
	}
	while (is_digit(s[len]) || s[len] == '.' || is_letter(s[len]) ||
	       ((s[len] == '+' || s[len] == '-') && (s[len - 1] | 0x20) == 'e'))
		len++;
	return len;
}

static bool
take_constant(struct parser *p, struct json_value *value)
{
	const char *text;
	size_t len;

	if (*p->at != '"' && *p->at != '-' && !is_digit(*p->at) &&
	    !is_letter(*p->at))
		return false;
	len = constant_len(p->at);
	if (json_scan(&p->doc, p->at, len) < 0)
		return false;
	p->at += len;
	*value = p->doc.root;
	json_text(value, &p->c->tmp, &text, &value->len);
	value->text = keep(p, text, value->len);
	return true;
}

static void
add_step(struct parser *p, const char *name, size_t len, size_t index)
{
	struct compare *c = p->c;

	p->steps_cap = mem_grow(p->steps_cap, c->steps + 1);
	c->step = xreallocarray(c->step, p->steps_cap, sizeof(*c->step));
	c->step[c->steps++] = (struct compare_step){ .name = name,
						     .len = len,
						     .index = index };
}

static bool
take_string_step(struct parser *p)
{
	struct json_value name;

	if (*p->at != '"' || !take_constant(p, &name))
		return false;
	add_step(p, name.text, name.len, 0);
	return true;
}

/* Behind the bracket.  Slices and indices from the end are jq's. */
static bool
take_bracket_step(struct parser *p)
{
	size_t digits, index = 0, i;

	skip_blanks(p);
	digits = strspn(p->at, "0123456789");
	if (digits > MAX_INDEX_DIGITS)
		return false;
	if (digits != 0) {
		for (i = 0; i < digits; i++)
			index = index * 10 + (size_t)(p->at[i] - '0');
		p->at += digits;
		add_step(p, NULL, 0, index);
	} else if (!take_string_step(p)) {
		return false;
	}
	skip_blanks(p);
	return take(p, "]");
}

/* Behind the dot. */
static bool
take_name_step(struct parser *p)
{
	size_t len = 0;

	while (is_letter(p->at[len]) || (len != 0 && is_digit(p->at[len])))
		len++;
	if (len != 0) {
		add_step(p, keep(p, p->at, len), len, 0);
		p->at += len;
		return true;
	}
	skip_blanks(p);
	return take_string_step(p);
}

/* Behind the first dot, which may stand alone: `.`, `.[0]`, `. == 1`, even
 * `. .a`, but `..` and `.5` are something else. */
static bool
take_path(struct parser *p)
{
	const char *start = p->at;

	if (*p->at == '.' || is_digit(*p->at))
		return false;
	if (!take_name_step(p)) {
		p->at = start;
		skip_blanks(p);
		if (*p->at == '"')
			return false;
	}
	for (;;) {
		skip_blanks(p);
		if (take(p, "[")) {
			if (!take_bracket_step(p))
				return false;
		} else if (take(p, ".")) {
			if (!take_name_step(p))
				return false;
		} else {
			return true;
		}
	}
}

static bool
take_op(struct parser *p, enum op *op)
{
	static const struct {
		const char *text;
		enum op op;
	} ops[] = {
		{ "==", OP_EQ }, { "!=", OP_NE }, { "<=", OP_LE },
		{ ">=", OP_GE }, { "<", OP_LT },  { ">", OP_GT },
	};
	size_t i;

	skip_blanks(p);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (take(p, ops[i].text)) {
			*op = ops[i].op;
			skip_blanks(p);
			return true;
		}
	return false;
}

/* The same comparison with its sides exchanged. */
static enum op
mirror(enum op op)
{
	static const enum op mirrored[] = {
		[OP_EQ] = OP_EQ, [OP_NE] = OP_NE, [OP_LT] = OP_GT,
		[OP_LE] = OP_GE, [OP_GT] = OP_LT, [OP_GE] = OP_LE,
	};

	return mirrored[op];
}

static bool
take_test(struct parser *p)
{
	struct compare *c = p->c;
	struct compare_test t = { .path = c->steps,
				  .op = OP_TRUTH,
				  .next = { IS_FALSE, IS_TRUE } };

	if (take(p, ".")) {
		if (!take_path(p) ||
		    (take_op(p, &t.op) && !take_constant(p, &t.constant)))
			return false;
	} else {
		if (!take_constant(p, &t.constant) || !take_op(p, &t.op) ||
		    !take(p, ".") || !take_path(p))
			return false;
		t.op = mirror(t.op);
	}
	t.steps = c->steps - t.path;
	p->tests_cap = mem_grow(p->tests_cap, c->tests + 1);
	c->test = xreallocarray(c->test, p->tests_cap, sizeof(*c->test));
	c->test[c->tests++] = t;
	return c->tests < INT32_MAX;
}

/* Let the tests from `first` on go to the next one, which is yet to come, where
 * they would have ended the expression with this verdict. */
static void
lead_on(struct compare *c, size_t first, int verdict)
{
	size_t i;
	int k;

	for (i = first; i < c->tests; i++)
		for (k = 0; k < 2; k++)
			if (c->test[i].next[k] == verdict)
				c->test[i].next[k] = (int)c->tests;
}

static bool take_either(struct parser *p);

static bool
take_one(struct parser *p)
{
	bool ok;

	skip_blanks(p);
	if (!take(p, "("))
		return take_test(p);
	if (++p->depth > MAX_DEPTH)
		return false;
	ok = take_either(p);
	p->depth--;
	skip_blanks(p);
	return ok && take(p, ")");
}

static bool
take_both(struct parser *p)
{
	for (;;) {
		size_t first = p->c->tests;

		if (!take_one(p))
			return false;
		skip_blanks(p);
		if (!take_word(p, "and"))
			return true;
		lead_on(p->c, first, IS_TRUE);
	}
}

static bool
take_either(struct parser *p)
{
	for (;;) {
		size_t first = p->c->tests;

		if (!take_both(p))
			return false;
		skip_blanks(p);
		if (!take_word(p, "or"))
			return true;
		lead_on(p->c, first, IS_FALSE);
	}
}

int
compare_parse(struct compare *c, const char *text)
{
	struct parser p = { .c = c, .at = text };
	bool plain;

	c->bytes = p.free = xmalloc(strlen(text));
	plain = take_either(&p) && *p.at == '\0';
	json_release(&p.doc);
	if (!plain)
		compare_release(c);
	return plain ? 0 : -1;
}

static int
cannot_index(struct compare *c, enum json_type type,
	     const struct compare_step *step)
{
	buf_clear(&c->error);
	buf_addf(&c->error, "Cannot index %s with ", json_type_name(type));
	if (step->name != NULL)
		buf_add_json(&c->error, step->name, step->len);
	else
		buf_adds(&c->error, "number");
	return -1;
}

static struct json_value
element(const struct json_value *array, size_t index)
{
	struct json_iter it;

	json_iter_init(&it, array);
	while (json_iter_next(&it))
		if (index-- == 0)
			return it.member.value;
	return (struct json_value){ .type = JSON_NONE };
}

/* Follow a step into *value.  What is missing comes back as JSON_NONE. */
static int
follow(struct compare *c, const struct json_doc *doc,
       const struct compare_step *step, struct json_value *value)
{
	const struct json_member *m;

	if (value->type == JSON_NONE || value->type == JSON_NULL)
		return 0;
	if (step->name == NULL) {
		if (value->type != JSON_ARRAY)
			return cannot_index(c, value->type, step);
		*value = element(value, step->index);
		return 0;
	}
	if (value->type != JSON_OBJECT)
		return cannot_index(c, value->type, step);
	if (value->text != doc->root.text) {
		*value = json_member(value, step->name, step->len);
		return 0;
	}
	m = json_doc_member(doc, step->name, step->len);
	*value = m != NULL ? m->value : (struct json_value){ JSON_NONE, 0, 0 };
	return 0;
}

/* Bytes of UTF-8 are in the order of the code points they stand for. */
static int
order_strings(struct compare *c, const struct json_value *value,
	      const struct json_value *constant)
{
	const char *text = value->text + 1;
	size_t len = value->len - 2;
	int order;

	if (memchr(text, '\\', len) != NULL)
		json_text(value, &c->tmp, &text, &len);
	order = memcmp(text, constant->text,
		       len < constant->len ? len : constant->len);
	if (order != 0)
		return order;
	return len < constant->len ? -1 : len > constant->len;
}

/* JSON's types are numbered in jq's order. */
static int
order_values(struct compare *c, const struct json_value *value,
	     const struct json_value *constant)
{
	enum json_type type =
		value->type == JSON_NONE ? JSON_NULL : value->type;

	if (type != constant->type)
		return type < constant->type ? -1 : 1;
	if (type == JSON_STRING)
		return order_strings(c, value, constant);
	if (type == JSON_NUMBER)
		return json_number_compare(value, constant);
	return 0;
}

static bool
holds(enum op op, int order)
{
	switch (op) {
	case OP_EQ:
		return order == 0;
	case OP_NE:
		return order != 0;
	case OP_LT:
		return order < 0;
	case OP_LE:
		return order <= 0;
	case OP_GT:
		return order > 0;
	default:
		return order >= 0;
	}
}

static int
run_test(struct compare *c, const struct compare_test *t,
	 const struct json_doc *doc)
{
	struct json_value value = doc->root;
	size_t i;

	for (i = 0; i < t->steps; i++)
		if (follow(c, doc, &c->step[t->path + i], &value) < 0)
			return -1;
	if (t->op == OP_TRUTH)
		return value.type > JSON_FALSE;
	return holds(t->op, order_values(c, &value, &t->constant));
}

int
compare_match(struct compare *c, const struct json_doc *doc)
{
	int at = 0;

	while (at >= 0) {
		const struct compare_test *t = &c->test[at];
		int verdict = run_test(c, t, doc);

		if (verdict < 0)
			return -1;
		at = t->next[verdict];
	}
	return at == IS_TRUE;
}

const char *
compare_error(struct compare *c)
{
	return buf_text(&c->error);
}

void
compare_release(struct compare *c)
{
	free(c->test);
	free(c->step);
	free(c->bytes);
	buf_release(&c->tmp);
	buf_release(&c->error);
	*c = (struct compare){ 0 };
}
