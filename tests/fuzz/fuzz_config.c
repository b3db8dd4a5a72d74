/*
 * fuzz_config - values that are read from a config file are written so that
 * they are read again
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int holds)
{
	if (!holds)
		abort();
}

/* A value put behind a name, and before a comment, comes back. */
static void
check_value(const char *value)
{
	struct buf text = { 0 };
	struct config c;

	buf_adds(&text, "name = ");
	config_put_value(&text, value);
	buf_adds(&text, " # comment\n");
	check(config_parse(&c, "again", text.data, text.len) == 0);
	check(c.count == 1 && strcmp(c.line[0].value, value) == 0);
	config_release(&c);
	buf_release(&text);
}

static void
check_line(const struct config *c, const struct config_line *line,
	   unsigned before)
{
	check(line->number > before);
	check(*line->name != '\0' && strchr(line->name, '\n') == NULL);
	check(config_has_section(c, line->section));
	check(config_get(c, line->section, line->name) != NULL);
	check_value(line->value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + (size == 0));
	struct config c;
	unsigned before = 0;
	size_t i;

	check(copy != NULL);
	memcpy(copy, data, size);
	if (config_parse(&c, "file", copy, size) < 0)
		check(strncmp(c.error, "file:", 5) == 0);
	for (i = 0; i < c.count && *c.error == '\0'; i++) {
		check_line(&c, &c.line[i], before);
		before = c.line[i].number;
	}
	config_release(&c);
	free(copy);
	return 0;
}
