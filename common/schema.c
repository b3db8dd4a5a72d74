#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_state.h"
#include "common/text.h"

struct schema_set *
schema_set_open(bool assert_format)
{
	struct schema_set *set = xcalloc(1, sizeof(*set));

	set->assert_format = assert_format;
	return set;
}

static void
document_free(struct schema_document *d)
{
	json_release(&d->doc);
	json_tree_release(&d->tree);
	schema_table_release(&d->members);
	free(d->resource_of);
	free(d->rule);
	free(d->text);
	free(d->name);
	free(d);
}

void
schema_set_close(struct schema_set *set)
{
	size_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->rules; i++)
		schema_rule_free(set->all[i]);
	for (i = 0; i < set->documents; i++)
		document_free(set->document[i]);
	for (i = 0; i < set->resources; i++)
		free(set->resource[i].uri);
	for (i = 0; i < set->maps; i++) {
		free(set->map[i].prefix);
		free(set->map[i].dir);
	}
	free(set->map);
	free(set->document);
	free(set->resource);
	free(set->anchor);
	free(set->all);
	schema_table_release(&set->by_uri);
	schema_table_release(&set->by_name);
	free(set);
}

const char *
schema_set_error(const struct schema_set *set)
{
	return set->error;
}

const char *
schema_set_file(const struct schema_set *set, size_t i)
{
	size_t k;

	for (k = 0; k < set->documents; k++)
		if (schema_meta(set->document[k]->name) == NULL && i-- == 0)
			return set->document[k]->name;
	return NULL;
}

void
schema_set_warn(struct schema_set *set,
		void (*warn)(void *arg, const char *text), void *arg)
{
	set->warn = warn;
	set->warn_arg = arg;
}

void
schema_add_map(struct schema_set *set, char *prefix, char *dir)
{
	size_t i;

	for (i = 0; i < set->maps; i++)
		if (strcmp(set->map[i].prefix, prefix) == 0 &&
		    strcmp(set->map[i].dir, dir) == 0) {
			free(prefix);
			free(dir);
			return;
		}
	set->map = xreallocarray(set->map, set->maps + 1, sizeof(*set->map));
	set->map[set->maps++] = (struct schema_map){ prefix, dir };
}

int
schema_set_map(struct schema_set *set, const char *map)
{
	const char *equals = strrchr(map, '=');

	if (equals == NULL || equals == map || equals[1] == '\0')
		return -1;
	schema_add_map(set, xmemdup0(map, (size_t)(equals - map)),
		       xstrdup(equals + 1));
	return 0;
}

void
schema_place(struct buf *out, const struct schema_document *d, unsigned node,
	     const char *keyword)
{
	buf_adds(out, d->name);
	buf_addc(out, '#');
	json_tree_pointer(&d->tree, node, out);
	if (keyword != NULL) {
		buf_addc(out, '/');
		buf_adds(out, keyword);
	}
}

int
schema_fail(struct schema_set *set, const struct schema_document *d,
	    unsigned node, const char *fmt, ...)
{
	struct buf where = { 0 };
	va_list ap;
	int n;

	if (node != 0)
		json_tree_pointer(&d->tree, node, &where);
	n = snprintf(set->error, sizeof(set->error), "%.200s: %.200s%s",
		     d->name, buf_text(&where), node != 0 ? ": " : "");
	va_start(ap, fmt);
	vsnprintf(set->error + n, sizeof(set->error) - (size_t)n, fmt, ap);
	va_end(ap);
	/* What was cut may end within a character. */
	set->error[text_utf8_prefix(set->error, strlen(set->error))] = '\0';
	buf_release(&where);
	return -1;
}

int
schema_fail_plain(struct schema_set *set, const char *name, const char *what)
{
	snprintf(set->error, sizeof(set->error), "%.300s: %s", name, what);
	return -1;
}

struct schema_document *
schema_add_document(struct schema_set *set, const char *name, const char *uri,
		    enum schema_draft draft, char *text, size_t len)
{
	struct schema_document *d = xcalloc(1, sizeof(*d));

	d->set = set;
	d->name = xstrdup(name);
	d->text = text;
	set->document = xreallocarray(set->document, set->documents + 1,
				      sizeof(*set->document));
	set->document[set->documents++] = d;
	if (json_scan(&d->doc, text, len) < 0) {
		snprintf(set->error, sizeof(set->error), "%.300s: byte %zu: %s",
			 name, d->doc.error_at, d->doc.error);
		return NULL;
	}
	if (json_tree_build(&d->tree, &d->doc.root) < 0) {
		schema_fail_plain(set, name, "too large");
		return NULL;
	}
	d->rule = xcalloc(d->tree.count, sizeof(struct schema *));
	d->resource_of = xcalloc(d->tree.count, sizeof(*d->resource_of));
	return schema_index(set, d, uri, draft) < 0 ? NULL : d;
}

/* How much a set holds. */
struct mark {
	size_t documents, resources, anchors, rules;
};

static struct mark
mark(const struct schema_set *set)
{
	return (struct mark){ set->documents, set->resources, set->anchors,
			      set->rules };
}

/* Forget all that came since, in the reverse order. */
static void
roll_back(struct schema_set *set, const struct mark *to)
{
	size_t i;

	while (set->rules > to->rules) {
		struct schema *rule = set->all[--set->rules];

		rule->document->rule[rule->node] = NULL;
		schema_rule_free(rule);
	}
	schema_drop_names(set, to->resources, to->anchors);
	while (set->documents > to->documents)
		document_free(set->document[--set->documents]);
	for (i = 0; i < set->resources; i++)
		set->resource[i].dynamic_compiled = false;
}

static const struct schema *
compile_document(struct schema_set *set, struct schema_document *d,
		 const struct mark *before)
{
	struct schema *rule = d != NULL ? schema_rule(set, d, 0) : NULL;

	if (rule != NULL && schema_compile(set) == 0)
		return rule;
	roll_back(set, before);
	return NULL;
}

const struct schema *
schema_load(struct schema_set *set, const char *path)
{
	struct mark before = mark(set);
	struct schema_document *d = NULL;
	struct buf uri = { 0 };
	size_t len;
	char *text = NULL;
	long found;

	if (schema_file_uri(set, path, &uri) == 0) {
		found = schema_find_resource(set, buf_text(&uri));
		if (found >= 0) /* another one referred to it */
			d = set->resource[found].document;
		else if ((text = schema_read_file(set, path, &len)) != NULL)
			d = schema_add_document(set, path, uri.data,
						SCHEMA_2020, text, len);
	}
	buf_release(&uri);
	return compile_document(set, d, &before);
}

const struct schema *
schema_parse(struct schema_set *set, const char *uri, const char *text,
	     size_t len)
{
	struct mark before = mark(set);
	struct schema_document *d = schema_add_document(
		set, uri, uri, SCHEMA_2020, xmemdup0(text, len), len);

	return compile_document(set, d, &before);
}
