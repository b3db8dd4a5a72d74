/*
 * fuzz_schema_check - the first line as a schema, the rest as a value: telling
 * all failures or only the first is the same verdict, and so is a second look
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int holds)
{
	if (!holds)
		abort();
}

static void
failed(void *arg, const struct schema_failure *f)
{
	unsigned *failures = arg;

	check(*f->path == '\0' || *f->path == '/');
	check(*f->what != '\0');
	++*failures;
}

static void
check_value(const struct schema *s, const struct json_value *value)
{
	unsigned first = 0, all = 0;
	struct schema_check c = { .failed = failed, .arg = &first };
	int rc = schema_check(&c, s, value);

	check(rc < 0 || first == (rc == 0));
	check(schema_check(&c, s, value) == rc);
	c.all = true;
	c.arg = &all;
	/* To look at more may take too long. */
	check(schema_check(&c, s, value) == rc || c.gave_up != NULL);
	check(rc != 0 || all >= 1);
	check(rc != 1 || all == 0);
	schema_check_release(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *eol = size > 0 ? memchr(text, '\n', size) : NULL;
	struct schema_set *set;
	const struct schema *s;
	struct json_doc doc = { 0 };

	if (eol == NULL)
		return 0;
	set = schema_set_open(true);
	s = schema_parse(set, "fuzz:it", text, (size_t)(eol - text));
	size -= (size_t)(eol + 1 - text);
	if (s != NULL && json_scan(&doc, eol + 1, size) == 0)
		check_value(s, &doc.root);
	json_release(&doc);
	schema_set_close(set);
	return 0;
}
