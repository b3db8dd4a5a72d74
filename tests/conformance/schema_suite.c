/*
 * schema_suite [--formats] URI SUITE/remotes FILE… - run files of the JSON
 * Schema test suite
 *
 * URI is the meta-schema of a schema that names none.  Prints TAP: a test for
 * each value of each schema.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/diag.h"
#include "common/json.h"
#include "common/schema.h"

struct suite {
	bool formats;
	const char *draft, *remotes, *file;
	unsigned tests;
	struct buf why;
};

static void
read_file(const char *path, struct buf *text)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		die(EXIT_OUTPUT, "%s: cannot open", path);
	buf_clear(text);
	while ((n = fread(buf_reserve(text, 65536), 1, 65536, f)) > 0)
		text->len += n;
	fclose(f);
}

static struct json_value
member(const struct json_value *v, const char *name)
{
	return json_member(v, name, strlen(name));
}

static void
note(void *arg, const struct schema_failure *f)
{
	struct suite *s = arg;

	buf_addf(&s->why, " [%s: %s (%s)]", f->path, f->what, f->keyword);
}

/* The schema with a $schema, so that it is one of this draft. */
static void
with_draft(const struct suite *s, const struct json_value *schema,
	   struct buf *out)
{
	struct json_value named = member(schema, "$schema");

	buf_clear(out);
	if (schema->type != JSON_OBJECT || named.type != JSON_NONE) {
		buf_add(out, schema->text, schema->len);
		return;
	}
	buf_addf(out, "{\"$schema\":\"%s\"", s->draft);
	if (member(schema, "").type != JSON_NONE ||
	    strspn(schema->text + 1, " \t\r\n") + 2 < schema->len)
		buf_addc(out, ',');
	buf_add(out, schema->text + 1, schema->len - 1);
}

static void
print_text(const struct json_value *v)
{
	struct buf tmp = { 0 };
	const char *text;
	size_t len, i;

	json_text(v, &tmp, &text, &len);
	for (i = 0; i < len; i++)
		putchar(text[i] == '#' || text[i] == '\n' ? ' ' : text[i]);
	buf_release(&tmp);
}

static void
run_group(struct suite *s, const struct json_value *group)
{
	struct json_value schema = member(group, "schema"),
			  tests = member(group, "tests"),
			  title = member(group, "description");
	struct schema_set *set = schema_set_open(s->formats);
	struct schema_check check = { .failed = note, .arg = s };
	const struct schema *compiled;
	struct buf text = { 0 }, map = { 0 };
	struct json_iter it;

	buf_addf(&map, "http://localhost:1234/=%s", s->remotes);
	schema_set_map(set, buf_text(&map));
	with_draft(s, &schema, &text);
	compiled = schema_parse(set, "test:suite", text.data, text.len);
	json_iter_init(&it, &tests);
	while (json_iter_next(&it)) {
		struct json_value data = member(&it.member.value, "data"),
				  valid = member(&it.member.value, "valid"),
				  what = member(&it.member.value,
						"description");
		int rc = -1;

		buf_clear(&s->why);
		if (compiled != NULL)
			rc = schema_check(&check, compiled, &data);
		printf("%sok %u - %s: ",
		       rc == (valid.type == JSON_TRUE) ? "" : "not ",
		       ++s->tests, s->file);
		print_text(&title);
		printf(": ");
		print_text(&what);
		if (compiled == NULL)
			printf("\n# schema: %s", schema_set_error(set));
		else if (rc != (valid.type == JSON_TRUE))
			printf("\n# %s%.500s",
			       rc < 0    ? check.gave_up
			       : rc == 1 ? "valid"
					 : "",
			       buf_text(&s->why));
		putchar('\n');
	}
	schema_check_release(&check);
	schema_set_close(set);
	buf_release(&text);
	buf_release(&map);
}

int
main(int argc, char **argv)
{
	struct suite s = { 0 };
	struct json_doc doc = { 0 };
	struct buf text = { 0 };
	struct json_iter it;
	int i = 1;

	if (i < argc && strcmp(argv[i], "--formats") == 0) {
		s.formats = true;
		i++;
	}
	if (argc - i < 3)
		die(EXIT_USAGE, "[--formats] URI REMOTES FILE…");
	s.draft = argv[i++];
	for (s.remotes = argv[i++]; i < argc; i++) {
		s.file = argv[i];
		read_file(s.file, &text);
		if (json_scan(&doc, text.data, text.len) < 0)
			die(EXIT_INPUT, "%s: %s", s.file, doc.error);
		json_iter_init(&it, &doc.root);
		while (json_iter_next(&it))
			run_group(&s, &it.member.value);
	}
	printf("1..%u\n", s.tests);
	json_release(&doc);
	buf_release(&text);
	buf_release(&s.why);
	return 0;
}
