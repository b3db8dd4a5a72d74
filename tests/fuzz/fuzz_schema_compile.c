/*
 * fuzz_schema_compile - any bytes as a schema: it is refused with a place and
 * a reason and leaves nothing behind, or can be used
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/schema_state.h"

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
	(void)arg;
	check(f->path != NULL && f->keyword != NULL);
	check(strncmp(f->where, "fuzz:", 5) == 0 ||
	      strncmp(f->where, "http", 4) == 0);
	check(*f->what != '\0');
}

static void
warn(void *arg, const char *text)
{
	(void)arg;
	check(strstr(text, "did you mean ") != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const values[] = { "{\"a\":[1,\"x\",null]}", "[]",
					      "1.0", "\"aa\"" };
	struct schema_check c = { .all = true, .failed = failed };
	struct schema_set *set = schema_set_open(true);
	const struct schema *s;
	struct json_doc doc = { 0 };
	size_t i;

	schema_set_warn(set, warn, NULL);
	s = schema_parse(set, "fuzz:it", (const char *)data, size);
	if (s == NULL) {
		check(*schema_set_error(set) != '\0');
		check(set->documents + set->resources + set->anchors +
			      set->rules ==
		      0);
		s = schema_parse(set, "fuzz:after", "true", 4);
		check(s != NULL);
	}
	for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
		check(json_scan(&doc, values[i], strlen(values[i])) == 0);
		check(schema_check(&c, s, &doc.root) >= 0 || c.gave_up != NULL);
	}
	schema_check_release(&c);
	schema_set_close(set);
	json_release(&doc);
	return 0;
}
