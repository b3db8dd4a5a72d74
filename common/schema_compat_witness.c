#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_compat_state.h"

enum {
	DEPTH = 4,
	TRIES = 20000,  /* values that are shown to the schemas */
	SIZE = 1 << 16, /* bytes of one */
	LENGTH = 300,   /* of a string that is made */
	SEEDS = 200,    /* values that the schemas mention */
	NAMES = 64      /* members that are made */
};

/* JSON texts. */
struct texts {
	char **text;
	size_t count, cap;
};

struct search {
	const struct schema *narrower, *wider;
	struct texts seed;
	unsigned tries;
	struct buf *witness;
	bool found;
};

static void
add_text(struct texts *t, const char *text, size_t len)
{
	if (t->count == t->cap) {
		t->cap = mem_grow(t->cap, t->cap + 16);
		t->text = xreallocarray(t->text, t->cap, sizeof(*t->text));
	}
	t->text[t->count++] = xmemdup0(text, len);
}

static void
release_texts(struct texts *t)
{
	while (t->count > 0)
		free(t->text[--t->count]);
	free(t->text);
	*t = (struct texts){ 0 };
}

/* One place in a value: what holds there, and what is mentioned of it. */
struct place {
	struct compat_rules holds, mentions;
	unsigned depth;
	size_t limit;
	struct texts *out;
};

/* Keep a value that holds here; of the whole, judge it by both schemas. */
static void
offer(struct search *s, struct place *at, const char *text, size_t len)
{
	size_t i;

	if (s->found || at->out->count >= at->limit || len > SIZE ||
	    s->tries++ > TRIES)
		return;
	for (i = 0; i < at->out->count; i++)
		if (strcmp(at->out->text[i], text) == 0)
			return;
	for (i = 0; i < at->holds.count; i++)
		if (compat_check(at->holds.rule[i], text, len) != 1)
			return;
	add_text(at->out, text, len);
	if (at->depth == 0 && compat_check(s->narrower, text, len) == 1 &&
	    compat_check(s->wider, text, len) == 0) {
		buf_set(s->witness, text, len);
		buf_text(s->witness);
		s->found = true;
	}
}

static void
offer_text(struct search *s, struct place *at, const char *text)
{
	offer(s, at, text, strlen(text));
}

/* Bounds, and what is next to them. */
static void
offer_bound(struct search *s, struct place *at, const struct json_value *bound)
{
	static const double steps[] = { 0, 1, -1, 0.5, -0.5 };
	struct buf text = { 0 };
	double number;
	size_t i;

	if (bound->type == JSON_NONE)
		return;
	offer(s, at, bound->text, bound->len);
	buf_set(&text, bound->text, bound->len);
	number = strtod(buf_text(&text), NULL);
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		buf_clear(&text);
		buf_addf(&text, "%.15g", number + steps[i]);
		offer(s, at, text.data, text.len);
	}
	buf_release(&text);
}

static void
offer_length(struct search *s, struct place *at, size_t length)
{
	struct buf text = { 0 };
	size_t i;

	if (length > LENGTH)
		return;
	buf_addc(&text, '"');
	for (i = 0; i < length; i++)
		buf_addc(&text, 'a');
	buf_addc(&text, '"');
	offer(s, at, buf_text(&text), text.len);
	buf_release(&text);
}

static void
offer_values(struct search *s, struct place *at, const struct schema *rule,
	     const struct schema_values *v)
{
	struct buf text = { 0 };
	size_t i;

	for (i = 0; v != NULL && i < v->count; i++) {
		buf_clear(&text);
		compat_put(&text, &rule->document->tree, v->node[i]);
		offer(s, at, buf_text(&text), text.len);
	}
	buf_release(&text);
}

static void
offer_scalars(struct search *s, struct place *at)
{
	static const char *const plain[] = {
		"\"a\"", "0",     "true", "null", "1.5", "\"\"", "1",
		"-1",    "false", "[]",   "{}",   "7",   "1e9",  "\"0\"",
	};
	size_t i;

	for (i = 0; i < at->mentions.count; i++) {
		const struct schema *r = at->mentions.rule[i];

		offer_values(s, at, r, r->constant);
		offer_values(s, at, r, r->values);
		if (r->number != NULL) {
			offer_bound(s, at, &r->number->minimum);
			offer_bound(s, at, &r->number->maximum);
			offer_bound(s, at, &r->number->above);
			offer_bound(s, at, &r->number->below);
			offer_bound(s, at, &r->number->multiple);
		}
		if (r->string != NULL) {
			offer_length(s, at, r->string->min);
			offer_length(s, at, r->string->min - 1);
			offer_length(s, at, r->string->max);
			offer_length(s, at, r->string->max + 1);
		}
	}
	for (i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		offer_text(s, at, plain[i]);
	for (i = 0; i < s->seed.count; i++)
		offer_text(s, at, s->seed.text[i]);
}

static void make_values(struct search *s, struct place *at);

/* The values of a part of what is at `at`; they are the caller's. */
static struct texts
make_parts(struct search *s, const struct place *at, const char *name,
	   size_t len, size_t element)
{
	static const size_t limits[DEPTH + 1] = { 0, 40, 16, 8, 4 };
	struct texts texts = { 0 };
	struct place *below = xcalloc(1, sizeof(*below));

	below->depth = at->depth + 1;
	below->out = &texts;
	if (name != NULL) {
		compat_member(&at->holds, name, len, &below->holds, false);
		compat_member(&at->mentions, name, len, &below->mentions, true);
	} else {
		compat_element(&at->holds, element, &below->holds, false);
		compat_element(&at->mentions, element, &below->mentions, true);
	}
	if (below->depth <= DEPTH) {
		below->limit = limits[below->depth];
		make_values(s, below);
	}
	free(below);
	return texts;
}

/* Arrays of the lengths that matter, and with each element in front. */
static void
offer_arrays(struct search *s, struct place *at)
{
	struct texts first = make_parts(s, at, NULL, 0, 0);
	struct texts rest = make_parts(s, at, NULL, 0, SIZE_MAX);
	size_t lengths[16] = { 1, 2 }, n = 2, i, k;
	struct buf text = { 0 };

	for (i = 0; i < at->mentions.count && n + 4 <= 16; i++) {
		const struct schema_array *a = at->mentions.rule[i]->array;

		if (a == NULL)
			continue;
		lengths[n++] = a->min;
		lengths[n++] = a->min - 1;
		lengths[n++] = a->max;
		lengths[n++] = a->max + 1;
	}
	for (i = 0; i < n; i++)
		for (k = 0; k < first.count && lengths[i] <= 64; k++) {
			size_t j;

			if (k > 0 && lengths[i] > 2)
				break;
			buf_set(&text, "[", 1);
			for (j = 0; j < lengths[i]; j++) {
				if (j > 0)
					buf_addc(&text, ',');
				buf_adds(&text,
					 j == 0 || rest.count == 0
						 ? first.text[k]
						 : rest.text[j % rest.count]);
			}
			buf_addc(&text, ']');
			offer(s, at, buf_text(&text), text.len);
		}
	buf_release(&text);
	release_texts(&first);
	release_texts(&rest);
}

/* The members that objects here are made of. */
struct member {
	const char *name;
	size_t len;
	bool required;
	struct texts value;
};

struct members {
	struct member member[NAMES + 1];
	size_t count;
};

static void
collect_members(struct search *s, struct place *at, struct members *m)
{
	size_t i, k, j;

	for (i = 0; i < at->mentions.count; i++) {
		const struct schema_object *o = at->mentions.rule[i]->object;

		for (k = 0; o != NULL && k < o->count; k++) {
			const struct schema_property *p = &o->property[k];

			for (j = 0; j < m->count; j++)
				if (m->member[j].len == p->len &&
				    memcmp(m->member[j].name, p->name,
					   p->len) == 0)
					break;
			if (j == NAMES)
				continue;
			if (j == m->count)
				m->member[m->count++] =
					(struct member){ .name = p->name,
							 .len = p->len };
			if (p->required && at->holds.count != 0 &&
			    i < at->holds.count)
				m->member[j].required = true;
		}
	}
	m->member[m->count++] = (struct member){ .name = "other", .len = 5 };
	for (j = 0; j < m->count; j++)
		m->member[j].value = make_parts(s, at, m->member[j].name,
						m->member[j].len, 0);
}

/* An object of the members wanted; member `one` has value number `nth`. */
static void
offer_object(struct search *s, struct place *at, const struct members *m,
	     bool all, size_t one, size_t nth, size_t without)
{
	struct buf text = { 0 };
	size_t i;

	buf_addc(&text, '{');
	for (i = 0; i < m->count; i++) {
		const struct member *e = &m->member[i];
		bool wanted =
			e->required || i == one || (all && i + 1 < m->count);

		if (!wanted || i == without || e->value.count == 0)
			continue;
		if (text.len > 1)
			buf_addc(&text, ',');
		buf_add_json(&text, e->name, e->len);
		buf_addc(&text, ':');
		buf_adds(&text, e->value.text[i == one ? nth : 0]);
	}
	buf_addc(&text, '}');
	offer(s, at, buf_text(&text), text.len);
	buf_release(&text);
}

static void
offer_objects(struct search *s, struct place *at)
{
	struct members *m = xcalloc(1, sizeof(*m));
	size_t i, k;

	collect_members(s, at, m);
	offer_object(s, at, m, false, SIZE_MAX, 0, SIZE_MAX);
	offer_object(s, at, m, true, SIZE_MAX, 0, SIZE_MAX);
	for (i = 0; i < m->count; i++) {
		offer_object(s, at, m, true, SIZE_MAX, 0, i);
		for (k = 0; k < m->member[i].value.count; k++) {
			offer_object(s, at, m, false, i, k, SIZE_MAX);
			offer_object(s, at, m, true, i, k, SIZE_MAX);
		}
	}
	for (i = 0; i < m->count; i++)
		release_texts(&m->member[i].value);
	free(m);
}

static void
make_values(struct search *s, struct place *at)
{
	bool arrays = false, objects = false;
	size_t i;

	for (i = 0; i < at->mentions.count; i++) {
		arrays = arrays || at->mentions.rule[i]->array != NULL;
		objects = objects || at->mentions.rule[i]->object != NULL;
	}
	if (objects && !s->found)
		offer_objects(s, at);
	if (arrays && !s->found)
		offer_arrays(s, at);
	offer_scalars(s, at);
}

/* Strings of a schema's text: examples and defaults among them, which may be as
 * a pattern or format asks. */
static void
take_seeds(struct search *s, const struct json_tree *t)
{
	struct buf text = { 0 };
	unsigned i;

	for (i = 0; i < t->count && s->seed.count < SEEDS; i++) {
		if (t->node[i].type != JSON_STRING || t->node[i].len > LENGTH)
			continue;
		buf_clear(&text);
		compat_put(&text, t, i);
		add_text(&s->seed, buf_text(&text), text.len);
	}
	buf_release(&text);
}

bool
compat_witness(const struct schema *narrower, const struct schema *wider,
	       struct buf *witness)
{
	struct search s = { .narrower = narrower,
			    .wider = wider,
			    .witness = witness };
	struct texts out = { 0 };
	struct place *at = xcalloc(1, sizeof(*at));

	take_seeds(&s, &narrower->document->tree);
	take_seeds(&s, &wider->document->tree);
	compat_add(&at->holds, narrower, false);
	compat_add(&at->mentions, narrower, false);
	compat_add(&at->mentions, narrower, true);
	compat_add(&at->mentions, wider, true);
	at->limit = SIZE_MAX;
	at->out = &out;
	make_values(&s, at);
	free(at);
	release_texts(&out);
	release_texts(&s.seed);
	return s.found;
}
