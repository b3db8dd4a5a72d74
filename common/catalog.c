#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/catalog_state.h"
#include "common/mem.h"
#include "common/text.h"
#include "common/when.h"

enum { TEXT_SHOWN = 1000 /* bytes of a path, of a message */ };

static int __attribute__((format(printf, 2, 3)))
fail(struct catalog *c, const char *fmt, ...)
{
	char text[SCHEMA_ERROR];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_set(&c->error, text, strlen(text));
	return -1;
}

/* What keeps dir from being a directory; NULL if nothing. */
static const char *
directory_error(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return strerror(errno);
	return S_ISDIR(st.st_mode) ? NULL : strerror(ENOTDIR);
}

static void
add_map(struct catalog *c, char *prefix, char *dir)
{
	c->map = xreallocarray(c->map, c->maps + 1, sizeof(*c->map));
	c->map[c->maps++] = (struct catalog_map){ prefix, dir };
}

static int
take_maps(struct catalog *c)
{
	const struct opt_list *maps = &c->o->maps;
	size_t i;

	for (i = 0; i < maps->count; i++) {
		const char *text = maps->item[i];
		const char *equals = strrchr(text, '=');
		const char *wrong;

		if (equals == NULL || equals == text || equals[1] == '\0')
			return fail(c, "--schema-map: \"%s\" is not PREFIX=DIR",
				    text);
		add_map(c, xmemdup0(text, (size_t)(equals - text)),
			xstrdup(equals + 1));
		wrong = directory_error(equals + 1);
		if (wrong != NULL)
			return fail(c, "--schema-map: %s: %s", equals + 1,
				    wrong);
	}
	return 0;
}

static int
take_config(struct catalog *c)
{
	const struct config *config = c->o->config;
	size_t i;

	for (i = 0; config != NULL && i < config->count; i++) {
		const struct config_line *line = &config->line[i];
		const char *wrong;

		if (strcmp(line->section, CATALOG_SECTION) != 0)
			continue;
		wrong = directory_error(line->value);
		if (wrong != NULL)
			return fail(c, "%s:%u: %s: %s", config->path,
				    line->number, line->value, wrong);
		add_map(c, xstrdup(line->name), xstrdup(line->value));
	}
	return 0;
}

/* What schemas in the directory refer to may be anywhere in it. */
static void
map_directory(struct catalog *c)
{
	char *whole = realpath(c->o->dir, NULL);
	struct buf map = { 0 };
	const char *at;

	/* Maps are taken apart at the last "=". */
	if (whole != NULL && strchr(whole, '=') == NULL) {
		buf_adds(&map, "file://");
		for (at = whole; *at != '\0'; at++)
			if (strchr("%?# ", *at) != NULL)
				buf_addf(&map, "%%%02X",
					 (unsigned)(unsigned char)*at);
			else
				buf_addc(&map, *at);
		buf_addf(&map, "/=%s", whole);
		c->dir_map = xmemdup0(map.data, map.len);
	}
	buf_release(&map);
	free(whole);
}

static int
open_all(struct catalog *c)
{
	const struct catalog_options *o = c->o;
	const struct catalog_file *f;
	const char *wrong;

	if (take_maps(c) < 0 || take_config(c) < 0)
		return -1;
	wrong = o->dir != NULL ? directory_error(o->dir) : NULL;
	if (wrong != NULL)
		return fail(c, "--schema-dir: %s: %s", o->dir, wrong);
	if (o->dir != NULL)
		map_directory(c);
	if (o->file == NULL)
		return 0;
	f = catalog_file(c, o->file, when_monotonic());
	return f->schema != NULL ? 0 : fail(c, "%s", f->error);
}

static void keep_failure(void *arg, const struct schema_failure *f);

struct catalog *
catalog_open(const struct catalog_options *options)
{
	struct catalog *c;

	if (options->file == NULL && options->dir == NULL)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->o = options;
	c->cloudevents = event_profile_find("cloudevents");
	c->domain = event_profile_find("domain");
	c->check.failed = keep_failure;
	c->check.arg = c;
	c->opening = true;
	open_all(c);
	c->opening = false;
	return c;
}

const struct schema *
catalog_schema(struct catalog *c)
{
	return catalog_file(c, c->o->file, when_monotonic())->schema;
}

void
catalog_close(struct catalog *c)
{
	size_t i;

	if (c == NULL)
		return;
	catalog_drop_names(c);
	catalog_drop_files(c);
	for (i = 0; i < c->maps; i++) {
		free(c->map[i].prefix);
		free(c->map[i].dir);
	}
	free(c->map);
	free(c->dir_map);
	free(c->file);
	free(c->slot);
	schema_check_release(&c->check);
	buf_release(&c->key);
	buf_release(&c->path);
	buf_release(&c->tmp);
	buf_release(&c->texts);
	buf_release(&c->error);
	free(c);
}

const char *
catalog_error(const struct catalog *c)
{
	if (c == NULL)
		return NULL;
	if (c->failures != 0)
		return catalog_failure(c, 0);
	return c->error.len != 0 ? c->error.data : NULL;
}

const char *
catalog_failure(const struct catalog *c, size_t i)
{
	return i < c->failures ? c->texts.data + c->failure[i][CATALOG_WORDS]
			       : NULL;
}

/* Keep a text, as much of it as is UTF-8. */
static size_t
keep(struct catalog *c, const char *text)
{
	size_t at = c->texts.len;

	buf_add(&c->texts, text,
		text_utf8_prefix(text, strnlen(text, TEXT_SHOWN)));
	buf_addc(&c->texts, '\0');
	return at;
}

static void
keep_failure(void *arg, const struct schema_failure *f)
{
	struct catalog *c = arg;
	size_t *at;

	if (c->failures == CATALOG_FAILURES ||
	    (c->absent != NULL && c->failures != 0))
		return;
	at = c->failure[c->failures];
	at[CATALOG_PATH] = keep(c, f->path);
	at[CATALOG_KEYWORD] =
		keep(c, c->absent != NULL ? "required" : f->keyword);
	at[CATALOG_WHAT] = keep(c, c->absent != NULL ? c->absent : f->what);
	at[CATALOG_WHERE] = keep(c, f->where);
	at[CATALOG_WORDS] = c->texts.len;
	if (*f->path != '\0') {
		keep(c, f->path);
		c->texts.len--;
		buf_adds(&c->texts, ": ");
	}
	keep(c, c->absent != NULL ? c->absent : f->what);
	c->failures++;
	/* An event with a million failures is not asked for more of them. */
	c->check.all = c->failures < CATALOG_FAILURES;
}

/* What the schema is of: the event, or its data. */
static struct json_value
find_value(struct catalog *c, const struct event *ev)
{
	static const struct json_value null = { JSON_NULL, "null", 4 };
	const struct json_member *m;

	c->absent = NULL;
	c->check.path = NULL;
	if (ev->profile == NULL ||
	    (ev->profile != c->cloudevents && ev->profile != c->domain))
		return ev->doc.root;
	c->check.path = "/data";
	m = json_doc_member(&ev->doc, "data", 4);
	if (m != NULL)
		return m->value;
	c->absent = "missing";
	if (ev->profile == c->cloudevents &&
	    json_doc_member(&ev->doc, "data_base64", 11) != NULL)
		c->absent = "missing, there is only data_base64";
	return null;
}

static enum catalog_result
refuse_unknown(struct catalog *c, const struct event *ev)
{
	const char *text;
	size_t len;

	if (!c->o->required)
		return CATALOG_NONE;
	if (!event_role_text(ev, ROLE_TYPE, &c->tmp, &text, &len))
		fail(c, "no schema: the event has no type");
	else
		fail(c, "no schema for the type \"%.*s\"",
		     (int)text_utf8_prefix(text, len < CATALOG_NAME_MAX
							 ? len
							 : CATALOG_NAME_MAX),
		     text);
	return CATALOG_ERROR;
}

enum catalog_result
catalog_check(struct catalog *c, const struct event *ev)
{
	const struct catalog_file *f = catalog_find(c, ev);
	struct json_value value;
	int rc;

	c->failures = 0;
	buf_clear(&c->texts);
	buf_clear(&c->error);
	if (f == NULL)
		return refuse_unknown(c, ev);
	if (f->schema == NULL) {
		buf_set(&c->error, f->error, strlen(f->error));
		return CATALOG_ERROR;
	}
	value = find_value(c, ev);
	c->check.all = true;
	rc = schema_check(&c->check, f->schema, &value);
	if (rc < 0) {
		c->failures = 0;
		fail(c, "cannot be checked: %s", c->check.gave_up);
		return CATALOG_ERROR;
	}
	return rc == 0 ? CATALOG_INVALID : CATALOG_VALID;
}

void
catalog_put_failures(const struct catalog *c, struct buf *out)
{
	static const char *const names[] = { "path", "keyword", "what",
					     "where" };
	size_t i, k;

	buf_addc(out, '[');
	for (i = 0; i < c->failures; i++) {
		buf_adds(out, i != 0 ? ",{" : "{");
		for (k = CATALOG_PATH; k <= CATALOG_WHERE; k++) {
			const char *text = c->texts.data + c->failure[i][k];

			buf_addf(out, "%s\"%s\":", k != 0 ? "," : "", names[k]);
			buf_add_json(out, text, strlen(text));
		}
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}
