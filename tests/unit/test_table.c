#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "common/table.h"

static const struct table_column columns[] = {
	{ "NAME", false, true },
	{ "N", true, false },
	{ "SIZE", true, false },
	{ "WHY", false, true },
};
enum { COLUMNS = 4 };

static struct table table;
static struct out out;

static int
begin(void **state)
{
	(void)state;
	table_init(&table, columns, COLUMNS);
	out_init(&out, -1, "test");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	table_release(&table);
	table_release(&table);
	buf_release(&out.buf);
	return 0;
}

static void
text(const char *bytes)
{
	table_text(&table, TABLE_PLAIN, bytes, strlen(bytes));
}

static void
row(const char *name, int64_t n, int64_t size, const char *why)
{
	text(name);
	table_count(&table, TABLE_PLAIN, n);
	table_size(&table, TABLE_PLAIN, size);
	if (why != NULL)
		text(why);
	else
		table_none(&table);
}

static void
assert_prints(size_t width, bool colour, const char *want)
{
	buf_clear(&out.buf);
	table_print(&table, width, colour, &out);
	assert_string_equal(buf_text(&out.buf), want);
}

static void
columns_are_as_wide_as_what_is_in_them(void **state)
{
	(void)state;
	row("a", 5, 1536, "because");
	row("longer", 12345, 12, NULL);
	assert_prints(0, false,
		      "NAME        N  SIZE  WHY\n"
		      "a           5  1.5K  because\n"
		      "longer  12.3k    12  -\n");
	table_clear(&table);
	row("b", 1, 1, "x");
	assert_prints(0, false,
		      "NAME  N  SIZE  WHY\n"
		      "b     1     1  x\n");
}

static void
no_rows_are_titles_alone(void **state)
{
	(void)state;
	assert_prints(0, false, "NAME  N  SIZE  WHY\n");
}

static void
no_line_ends_in_blanks(void **state)
{
	(void)state;
	row("a", 1, 1, "");
	row("b", 1, 1, "long");
	assert_prints(0, false,
		      "NAME  N  SIZE  WHY\n"
		      "a     1     1\n"
		      "b     1     1  long\n");
}

static void
the_widest_is_cut_first_and_never_below_eight(void **state)
{
	(void)state;
	row("0123456789abcdef", 1, 1, "0123456789");
	assert_prints(30, false,
		      "NAME       N  SIZE  WHY\n"
		      "01234567…  1     1  0123456789\n");
	assert_prints(10, false,
		      "NAME      N  SIZE  WHY\n"
		      "0123456…  1     1  0123456…\n");
	assert_prints(200, false,
		      "NAME              N  SIZE  WHY\n"
		      "0123456789abcdef  1     1  0123456789\n");
}

static void
columns_that_can_be_spared_go_first(void **state)
{
	static const unsigned char spare[] = { 0, 0, 1, 2 };

	(void)state;
	table.spare = spare;
	row("0123456789abcdefghij", 1, 1, "0123456789");
	assert_prints(50, false,
		      "NAME                  N  SIZE  WHY\n"
		      "0123456789abcdefghij  1     1  0123456789\n");
	assert_prints(36, false,
		      "NAME                  N  SIZE\n"
		      "0123456789abcdefghij  1     1\n");
	assert_prints(25, false,
		      "NAME              N  SIZE\n"
		      "0123456789abcde…  1     1\n");
	assert_prints(20, false,
		      "NAME               N\n"
		      "0123456789abcdef…  1\n");
}

static void
widths_are_those_of_characters(void **state)
{
	(void)state;
	row("gr\xc3\xb6\xc3\x9f"
	    "er",
	    1, 1, "x");                             /* größer */
	row("\xe6\xb3\xa8\xe6\x96\x87", 1, 1, "x"); /* two, wide */
	row("e\xcc\x81", 1, 1, "x");                /* e and an accent */
	assert_prints(0, false,
		      "NAME    N  SIZE  WHY\n"
		      "gr\xc3\xb6\xc3\x9f"
		      "er  1     1  x\n"
		      "\xe6\xb3\xa8\xe6\x96\x87    1     1  x\n"
		      "e\xcc\x81       1     1  x\n");
}

static void
wide_characters_are_not_cut_in_half(void **state)
{
	(void)state;
	row("\xe6\xb3\xa8\xe6\x96\x87\xe6\xb3\xa8\xe6\x96\x87\xe6\xb3\xa8", 1,
	    1, "x");
	assert_prints(19, false,
		      "NAME      N  SIZE  WHY\n"
		      "\xe6\xb3\xa8\xe6\x96\x87\xe6\xb3\xa8…   1     1  x\n");
}

static void
what_could_drive_a_terminal_is_escaped(void **state)
{
	(void)state;
	row("a\x1b[31m\n", 1, 1, "\xff\xc2\x9b");
	assert_prints(0, false,
		      "NAME           N  SIZE  WHY\n"
		      "a\\u001b[31m\\n  1     1  \\xff\\u009b\n");
}

static void
looks_are_for_colour_alone(void **state)
{
	(void)state;
	table_text(&table, TABLE_BAD, "bad", 3);
	table_none(&table);
	table_none(&table);
	table_text(&table, TABLE_GOOD, "good", 4);
	assert_prints(0, false,
		      "NAME  N  SIZE  WHY\n"
		      "bad   -     -  good\n");
	assert_prints(0, true,
		      "\x1b[1mNAME\x1b[0m  \x1b[1mN\x1b[0m  "
		      "\x1b[1mSIZE\x1b[0m  \x1b[1mWHY\x1b[0m\n"
		      "\x1b[31mbad\x1b[0m   -     -  \x1b[32mgood\x1b[0m\n");
}

static void
numbers_are_short_and_never_too_large(void **state)
{
	static const struct {
		int64_t n;
		const char *count, *size, *age;
	} cases[] = {
		{ 0, "0", "0", "0s" },
		{ 999, "999", "999", "999ms" },
		{ 1000, "1k", "1000", "1s" },
		{ 1023, "1k", "1023", "1s" },
		{ 1024, "1k", "1K", "1s" },
		{ 1100, "1.1k", "1K", "1.1s" },
		{ 12345, "12.3k", "12K", "12s" },
		{ 92000, "92k", "89.8K", "1m32s" },
		{ 60000, "60k", "58.5K", "1m" },
		{ 999950, "999k", "976K", "16m39s" },
		{ 1000000, "1M", "976K", "16m40s" },
		{ 7200000, "7.2M", "6.8M", "2h" },
		{ 273600000, "273M", "260M", "3d4h" },
		{ INT64_C(1099511627776), "1T", "1T", "12725d" },
		{ INT64_MAX, "9.2E", "7.9E", "106751991167d" },
	};
	char buf[TABLE_SHORT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(table_put_count(buf, cases[i].n),
				    cases[i].count);
		assert_string_equal(table_put_size(buf, cases[i].n),
				    cases[i].size);
		assert_string_equal(table_put_age(buf, cases[i].n),
				    cases[i].age);
	}
}

static void
what_is_unknown_is_a_dash(void **state)
{
	(void)state;
	table_count(&table, TABLE_BAD, -1);
	table_age(&table, TABLE_BAD, -1);
	table_size(&table, TABLE_BAD, -1);
	table_rate(&table, TABLE_BAD, (double)NAN);
	text("x");
	table_rate(&table, TABLE_PLAIN, 0.04);
	table_rate(&table, TABLE_PLAIN, 99.94);
	table_rate(&table, TABLE_PLAIN, 12345);
	assert_prints(0, false,
		      "NAME    N  SIZE  WHY\n"
		      "-       -     -  -\n"
		      "x     0.0  99.9  12.3k\n");
}

static void
a_pipe_is_as_wide_as_columns_says(void **state)
{
	(void)state;
	unsetenv("COLUMNS");
	assert_int_equal(table_width(), 0);
	setenv("COLUMNS", "132", 1);
	assert_int_equal(table_width(), 132);
	setenv("COLUMNS", "wide", 1);
	assert_int_equal(table_width(), 0);
	assert_false(table_colour());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(columns_are_as_wide_as_what_is_in_them),
		TEST(no_rows_are_titles_alone),
		TEST(no_line_ends_in_blanks),
		TEST(the_widest_is_cut_first_and_never_below_eight),
		TEST(columns_that_can_be_spared_go_first),
		TEST(widths_are_those_of_characters),
		TEST(wide_characters_are_not_cut_in_half),
		TEST(what_could_drive_a_terminal_is_escaped),
		TEST(looks_are_for_colour_alone),
		TEST(numbers_are_short_and_never_too_large),
		TEST(what_is_unknown_is_a_dash),
		TEST(a_pipe_is_as_wide_as_columns_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
