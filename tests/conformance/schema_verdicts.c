/*
 * schema_verdicts - read lines SCHEMA, tab, VALUE and print a verdict for each:
 * 1 valid, 0 not, -1 given up, or why the schema is refused
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/schema.h"

static void
judge(struct schema_check *check, char *line, size_t len)
{
	struct schema_set *set = schema_set_open(false);
	char *tab = memchr(line, '\t', len);
	const struct schema *schema = NULL;
	struct json_doc doc = { 0 };

	if (tab != NULL)
		schema = schema_parse(set, "test:line", line,
				      (size_t)(tab - line));
	if (tab == NULL)
		puts("no tab");
	else if (schema == NULL)
		puts(schema_set_error(set));
	else if (json_scan(&doc, tab + 1, len - (size_t)(tab + 1 - line)) < 0)
		puts(doc.error);
	else
		printf("%d\n", schema_check(check, schema, &doc.root));
	json_release(&doc);
	schema_set_close(set);
}

int
main(void)
{
	struct schema_check check = { 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0)
		judge(&check, line,
		      (size_t)len - (line[(size_t)len - 1] == '\n'));
	free(line);
	schema_check_release(&check);
	return 0;
}
