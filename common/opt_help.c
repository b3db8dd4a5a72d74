#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/opt_help.h"
#include "common/opt_value.h"
#include "common/text.h"

#ifndef EV_VERSION
#define EV_VERSION "unreleased"
#endif

enum { HELP_COLUMN = 27 };

/* Characters of text, each taken as one column wide. */
static size_t
columns(const char *text, size_t len)
{
	size_t n = 0, i;

	for (i = 0; i < len; i++)
		n += (text[i] & 0xc0) != 0x80;
	return n;
}

static void
put_blanks(struct buf *out, size_t n)
{
	while (n-- != 0)
		buf_addc(out, ' ');
}

/* The forms, with the first one's "usage: " above all the others. */
static void
put_usage(struct buf *out, const char *usage)
{
	const char *head = "usage: ";

	for (;;) {
		size_t len = strcspn(usage, "\n");

		buf_adds(out, head);
		buf_adds(out, diag_program());
		buf_addc(out, ' ');
		buf_add(out, usage, len);
		buf_addc(out, '\n');
		if (usage[len] == '\0' || usage[len + 1] == '\0')
			return;
		usage += len + 1;
		head = "       ";
	}
}

/* The purpose with a capital and a full stop. */
static void
put_purpose(struct buf *out, const char *purpose)
{
	char first = *purpose;

	if (first >= 'a' && first <= 'z')
		first = (char)(first - 'a' + 'A');
	buf_addc(out, first);
	buf_adds(out, purpose + 1);
	buf_adds(out, ".\n");
}

static void
put_row(struct buf *out, const struct opt *row)
{
	size_t start = out->len, used;

	if (row->letter != 0)
		buf_addf(out, "  -%c, --%s", row->letter, row->name);
	else
		buf_addf(out, "      --%s", row->name);
	if (row->arg != NULL)
		buf_addf(out, " %s", row->arg);
	used = columns(out->data + start, out->len - start);
	if (used + 2 > HELP_COLUMN) {
		buf_addc(out, '\n');
		used = 0;
	}
	put_blanks(out, HELP_COLUMN - used);
	buf_adds(out, row->help);
	buf_addc(out, '\n');
}

void
opt_help_put(struct buf *out, const struct opt_program *program,
	     const struct opt *rows, size_t count)
{
	size_t i;

	put_usage(out, program->usage);
	buf_addc(out, '\n');
	put_purpose(out, program->purpose);
	buf_adds(out, "\noptions:\n");
	for (i = 0; i < count; i++)
		put_row(out, &rows[i]);
	buf_addf(out,
		 "\nExit status: 0 done, 1 no, 2 usage, 3 some events refused, "
		 "4 server, 5 output; see ev(7) and %s(1).\n",
		 diag_program());
}

void
opt_version_put(struct buf *out)
{
	buf_addf(out, "%s (evtools) %s\n", diag_program(), EV_VERSION);
}

/* Append text to a comment, which must stay on its line. */
static void
put_comment(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		buf_addc(out, (unsigned char)*text < ' ' ? '?' : *text);
}

static void
put_line_origin(struct buf *out, const struct config *config,
		const struct config_line *line)
{
	put_comment(out, config->path);
	buf_addf(out, ":%u", line->number);
}

static void
put_origin(struct buf *out, const struct opt_origin *origin,
	   const struct config *config)
{
	buf_adds(out, "  # ");
	switch (origin->from) {
	case OPT_FROM_PROGRAM:
		buf_adds(out, "default");
		break;
	case OPT_FROM_WORDS:
		buf_adds(out, "option");
		break;
	case OPT_FROM_ENV:
		buf_adds(out, "environment ");
		buf_add(out, origin->env, origin->env_len);
		break;
	case OPT_FROM_FILE:
		put_line_origin(out, config, origin->line);
		break;
	}
	buf_addc(out, '\n');
}

/* The line of the file that a list's item points into. */
static const struct config_line *
line_of(const struct config *config, const char *item)
{
	size_t i;

	for (i = 0; i < config->count; i++)
		if (config->line[i].value == item)
			return &config->line[i];
	return NULL;
}

static void
put_setting(struct buf *out, const struct opt *row, const char *value)
{
	if (text_utf8_prefix(value, strlen(value)) != strlen(value)) {
		buf_addf(out, "# %s is not UTF-8", row->name);
		return;
	}
	buf_adds(out, row->name);
	buf_adds(out, " = ");
	config_put_value(out, value);
}

static void
put_unset(struct buf *out, const struct opt *row)
{
	buf_addf(out, "# %s is not set\n", row->name);
}

static void
dump_list(struct buf *out, const struct opt *row,
	  const struct opt_origin *origin, const struct config *config)
{
	const struct opt_list *list = row->value.list;
	size_t i;

	for (i = 0; i < list->count; i++) {
		struct opt_origin o = *origin;

		if (o.from == OPT_FROM_FILE)
			o.line = line_of(config, list->item[i]);
		put_setting(out, row, list->item[i]);
		put_origin(out, &o, config);
	}
	if (list->count == 0)
		put_unset(out, row);
}

/* A value as it was given, else as the row has it; NULL if there is none.
 * Flags stand for more than one text, so theirs is not kept. */
static const char *
effective(const struct opt *row, const struct opt_origin *origin,
	  struct buf *tmp)
{
	const char *text = origin->text;

	buf_clear(tmp);
	if (text == NULL || opt_value_is_flag(row)) {
		if (!opt_value_put(row, tmp))
			return NULL;
		text = buf_text(tmp);
	}
	return text;
}

static void
dump_row(struct buf *out, const struct opt *row,
	 const struct opt_origin *origin, const struct config *config)
{
	struct buf tmp = { 0 };
	const char *value = effective(row, origin, &tmp);

	if (value == NULL) {
		put_unset(out, row);
	} else if (row->kind == OPT_KIND_URL) {
		size_t size = strlen(value) + sizeof("***");
		char *masked = xmalloc(size);

		text_mask_url(masked, size, value);
		put_setting(out, row, masked);
		put_origin(out, origin, config);
		free(masked);
	} else {
		put_setting(out, row, value);
		put_origin(out, origin, config);
	}
	buf_release(&tmp);
}

void
opt_dump_put(struct buf *out, const struct opt *rows,
	     const struct opt_origin *origins, size_t count,
	     const struct config *config, const char *profile)
{
	size_t i;

	buf_addf(out, "# settings of %s", diag_program());
	if (profile != NULL) {
		buf_adds(out, " with the profile ");
		put_comment(out, profile);
	}
	buf_addc(out, '\n');
	for (i = 0; i < count; i++)
		if (rows[i].kind == OPT_KIND_LIST)
			dump_list(out, &rows[i], &origins[i], config);
		else
			dump_row(out, &rows[i], &origins[i], config);
}
