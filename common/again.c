#include <string.h>

#include "common/again.h"
#include "common/opt_value.h"
#include "common/text.h"

void
again_put_word(struct buf *b, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789%+,-./:=@_";

	if (*word != '\0' && word[strspn(word, plain)] == '\0') {
		buf_adds(b, word);
		return;
	}
	buf_addc(b, '\'');
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			buf_adds(b, "'\\'");
		buf_addc(b, *word);
	}
	buf_addc(b, '\'');
}

/* A password is never repeated: the result has to be mended by hand then. */
static void
put(struct buf *b, const char *word)
{
	struct buf masked = { 0 };
	size_t size = strlen(word) + 4;

	buf_addc(b, ' ');
	if (text_url_has_password(word)) {
		text_mask_url(buf_reserve(&masked, size), size, word);
		word = masked.data;
	}
	again_put_word(b, word);
	buf_release(&masked);
}

/* The row of a long name, whole or shortened; of a letter.  NULL: one of those
 * that all programs have. */
static const struct opt *
find_name(const struct opt *table, const char *name, size_t len)
{
	const struct opt *row, *found = NULL;

	for (row = table; row->kind != OPT_KIND_END; row++) {
		if (strncmp(row->name, name, len) != 0)
			continue;
		if (row->name[len] == '\0')
			return row;
		found = row;
	}
	return found;
}

static const struct opt *
find_letter(const struct opt *table, char letter)
{
	const struct opt *row;

	for (row = table; row->kind != OPT_KIND_END; row++)
		if (row->letter == letter)
			return row;
	return NULL;
}

static bool
is_left_out(const struct opt *row, const char *const *without)
{
	for (; row != NULL && *without != NULL; without++)
		if (strcmp(row->name, *without) == 0)
			return true;
	return false;
}

/* Options of all programs that take an argument; the rest are flags. */
static bool
is_flag(const struct opt *row, const char *name, size_t len)
{
	if (row != NULL)
		return opt_value_is_flag(row);
	return !(len >= 2 && (strncmp(name, "log", len) == 0 ||
			      strncmp(name, "profile", len) == 0));
}

/* --name, --name=text, --name text.  Returns the words used. */
static size_t
take_long(struct buf *b, const struct opt *table, char *const *word,
	  const char *const *without)
{
	const char *name = *word + 2;
	size_t len = strcspn(name, "=");
	const struct opt *row = find_name(table, name, len);
	size_t used =
		name[len] == '=' || is_flag(row, name, len) || word[1] == NULL
			? 1
			: 2;

	if (is_left_out(row, without))
		return used;
	put(b, word[0]);
	if (used == 2)
		put(b, word[1]);
	return used;
}

/* -abc, -ntext, -n text: letter by letter. */
static size_t
take_letters(struct buf *b, const struct opt *table, char *const *word,
	     const char *const *without)
{
	const char *at = *word + 1;

	for (; *at != '\0'; at++) {
		const struct opt *row = find_letter(table, *at);
		bool flag = row == NULL || opt_value_is_flag(row);
		const char *text = at[1] != '\0' ? at + 1 : word[1];
		char letter[3] = { '-', *at, '\0' };

		if (!is_left_out(row, without)) {
			put(b, letter);
			if (!flag && text != NULL)
				put(b, text);
		}
		if (!flag)
			return at[1] != '\0' || word[1] == NULL ? 1 : 2;
	}
	return 1;
}

void
again_put(struct buf *b, const struct opt *table, char *const *argv,
	  const char *const *without)
{
	char *const *word = *argv != NULL ? argv + 1 : argv;
	bool ended = false;

	while (*word != NULL) {
		if (ended || **word != '-' || (*word)[1] == '\0') {
			put(b, *word++);
		} else if ((*word)[1] != '-') {
			word += take_letters(b, table, word, without);
		} else if ((*word)[2] != '\0') {
			word += take_long(b, table, word, without);
		} else {
			ended = true;
			put(b, *word++);
		}
	}
}
