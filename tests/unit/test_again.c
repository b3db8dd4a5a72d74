#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/again.h"

static const char *url, *filter;
static bool yes;
static uint64_t count;
static struct when since;
static const struct opt table[] = {
	OPT_URL_ENV('u', "url", "URL", &url, "where", "EV_URL"),
	OPT_TEXT('e', "filter", "JQ", &filter, "keep"),
	OPT_BOOL('y', "yes", &yes, "do it"),
	OPT_U64('c', "count", "N", &count, "so many"),
	OPT_WHEN('S', "since", "TIME", &since, "from"),
	OPT_END,
};

/* The words as a blank-separated text, none of which holds a blank itself. */
static void
assert_again(const char *words, const char *want)
{
	static const char *const without[] = { "since", "count", NULL };
	char copy[256], *argv[32];
	struct buf b = { 0 };
	size_t n = 0;
	char *word;

	strcpy(copy, words);
	for (word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		argv[n++] = word;
	argv[n] = NULL;
	again_put(&b, table, argv, without);
	assert_string_equal(buf_text(&b), want);
	buf_release(&b);
}

static void
words_stay_as_they_were(void **state)
{
	(void)state;
	assert_again("p", "");
	assert_again("p a b", " a b");
	assert_again("p -y a --yes -v", " -y a --yes -v");
	assert_again("p -e .a --filter=.b --filter .c -e.d",
		     " -e .a --filter=.b --filter .c -e .d");
	assert_again("p --log json --profile x --quiet a -",
		     " --log json --profile x --quiet a -");
	assert_again("p -- -S x", " -- -S x");
}

static void
options_are_left_out_in_all_their_forms(void **state)
{
	(void)state;
	assert_again("p -S 1h a", " a");
	assert_again("p -S1h a", " a");
	assert_again("p --since 1h a", " a");
	assert_again("p --since=1h a", " a");
	assert_again("p --si 1h a --cou=3", " a");
	assert_again("p -yS 1h a", " -y a");
	assert_again("p -yc5 a -S", " -y a");
	/* What is the argument of another option is none. */
	assert_again("p -e -S a", " -e -S a");
	assert_again("p --filter --since a", " --filter --since a");
}

static void
words_are_quoted_for_a_shell(void **state)
{
	struct buf b = { 0 };

	(void)state;
	again_put_word(&b, "");
	buf_addc(&b, ' ');
	again_put_word(&b, "a b");
	buf_addc(&b, ' ');
	again_put_word(&b, "it's");
	buf_addc(&b, ' ');
	again_put_word(&b, "$x");
	buf_addc(&b, ' ');
	again_put_word(&b, "{s}:high");
	buf_addc(&b, ' ');
	again_put_word(&b, "\xc3\xa9~");
	assert_string_equal(buf_text(&b), "'' 'a b' 'it'\\''s' '$x' '{s}:high' "
					  "'\xc3\xa9~'");
	buf_release(&b);
}

static void
passwords_are_masked(void **state)
{
	(void)state;
	assert_again("p -u redis://me:secret@h s", " -u 'redis://me:***@h' s");
	assert_again("p --url=redis://:secret@h s",
		     " '--url=redis://:***@h' s");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_stay_as_they_were),
		cmocka_unit_test(options_are_left_out_in_all_their_forms),
		cmocka_unit_test(words_are_quoted_for_a_shell),
		cmocka_unit_test(passwords_are_masked),
	};

	return cmocka_run_group_tests_name("again", tests, NULL, NULL);
}
