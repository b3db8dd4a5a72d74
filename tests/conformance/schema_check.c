/*
 * schema_check [--formats] [--map PREFIX=DIR]… SCHEMA - check events with a
 * schema
 *
 * Reads events from stdin, one per line; the schema is that of their data.
 * Prints each failure as "PATH: WHAT" and ends with 1 if there was one, with 2
 * if the schema is not one or a line not an event with data.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/json.h"
#include "common/schema.h"

static void
print_failure(void *arg, const struct schema_failure *f)
{
	(void)arg;
	printf("%s: %s\n", f->path, f->what);
}

static void
print_warning(void *arg, const char *text)
{
	(void)arg;
	die(EXIT_USAGE, "%s", text);
}

static bool
check_line(struct schema_check *check, const struct schema *schema,
	   const char *line, size_t len)
{
	struct json_doc doc = { 0 };
	struct json_value data;
	int rc;

	if (json_scan(&doc, line, len) < 0)
		die(EXIT_USAGE, "%s", doc.error);
	data = json_member(&doc.root, "data", 4);
	if (data.type == JSON_NONE)
		die(EXIT_USAGE, "there is no data");
	rc = schema_check(check, schema, &data);
	if (rc < 0)
		die(EXIT_USAGE, "%s", check->gave_up);
	json_release(&doc);
	return rc == 1;
}

int
main(int argc, char **argv)
{
	struct schema_check check = {
		.all = true,
		.path = "/data",
		.failed = print_failure,
	};
	bool formats = argc > 1 && strcmp(argv[1], "--formats") == 0;
	struct schema_set *set = schema_set_open(formats);
	const struct schema *schema;
	int i = 1 + formats, status = 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	schema_set_warn(set, print_warning, NULL);
	for (; i + 1 < argc && strcmp(argv[i], "--map") == 0; i += 2)
		if (schema_set_map(set, argv[i + 1]) < 0)
			die(EXIT_USAGE, "%s: not PREFIX=DIR", argv[i + 1]);
	if (i + 1 != argc)
		die(EXIT_USAGE, "[--formats] [--map PREFIX=DIR]… SCHEMA");
	schema = schema_load(set, argv[i]);
	if (schema == NULL)
		die(EXIT_USAGE, "%s", schema_set_error(set));
	while ((len = getline(&line, &cap, stdin)) > 0)
		if (!check_line(&check, schema, line, (size_t)len))
			status = 1;
	free(line);
	schema_check_release(&check);
	schema_set_close(set);
	return status;
}
