#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config.h"

/* Parse text, and hold it until the next one comes. */
static struct config config;

static int
parse_bytes(const char *text, size_t len)
{
	config_release(&config);
	return config_parse(&config, "file", text, len);
}

static void
parse(const char *text)
{
	if (parse_bytes(text, strlen(text)) < 0)
		fail_msg("%s", config.error);
}

static void
assert_value(const char *section, const char *name, const char *want)
{
	const char *value = config_get(&config, section, name);

	if (value == NULL)
		fail_msg("no %s in [%s]", name, section);
	assert_string_equal(value, want);
}

static void
assert_line(const char *text, const char *name, const char *want)
{
	parse(text);
	assert_int_equal(config.count, 1);
	assert_string_equal(config.line[0].name, name);
	assert_string_equal(config.line[0].value, want);
}

static void
assert_refused(const char *text, const char *error)
{
	if (parse_bytes(text, strlen(text)) == 0)
		fail_msg("accepted %s", text);
	assert_string_equal(config.error, error);
}

static void
an_empty_file_has_no_lines(void **state)
{
	(void)state;
	parse("");
	assert_int_equal(config.count, 0);
	parse("\n\n  \n\t\r\n");
	assert_int_equal(config.count, 0);
	assert_null(config_get(&config, "", "url"));
	assert_int_equal(parse_bytes(NULL, 0), 0);
}

static void
settings_stand_in_their_section(void **state)
{
	(void)state;
	parse("url = redis://a\n"
	      "[prod]\n"
	      "url = rediss://b\n"
	      "evsub.lease = 60s\n"
	      "[routes]\n"
	      "order.* = orders\n"
	      "game over = games = all\n");
	assert_value("", "url", "redis://a");
	assert_value("prod", "url", "rediss://b");
	assert_value("prod", "evsub.lease", "60s");
	assert_value("routes", "order.*", "orders");
	assert_value("routes", "game over", "games = all");
	assert_null(config_get(&config, "", "evsub.lease"));
	assert_null(config_get(&config, "routes", "url"));
}

static void
lines_are_numbered_from_one(void **state)
{
	(void)state;
	parse("# head\n\na = 1\r\n[s]\nb = 2");
	assert_int_equal(config.count, 2);
	assert_int_equal(config.line[0].number, 3);
	assert_int_equal(config.line[1].number, 5);
	assert_string_equal(config.line[1].section, "s");
}

static void
the_last_value_of_a_name_counts(void **state)
{
	(void)state;
	parse("a = 1\n[s]\na = 2\n[t]\na = 3\n[s]\na = 4\n");
	assert_int_equal(config.count, 4);
	assert_value("", "a", "1");
	assert_value("s", "a", "4");
}

static void
blanks_around_names_and_values_are_dropped(void **state)
{
	(void)state;
	assert_line("a=b", "a", "b");
	assert_line(" \ta \t=\t b c \t\n", "a", "b c");
	assert_line("a =", "a", "");
	assert_line("a = \t\n", "a", "");
	assert_line("a = b\r\n", "a", "b");
	assert_line("a == b", "a", "= b");
}

static void
comments_start_a_line_or_follow_a_blank(void **state)
{
	(void)state;
	parse("# a = 1\n; a = 2\n  # a = 3\n");
	assert_int_equal(config.count, 0);
	assert_line("a = b # c", "a", "b");
	assert_line("a = b\t; c", "a", "b");
	assert_line("a = b#c;d", "a", "b#c;d");
	assert_line("a = # c", "a", "");
	assert_line("a = \"b\" # \"c\"", "a", "b");
	parse("[s] # t\na = 1\n");
	assert_value("s", "a", "1");
}

static void
quotes_keep_what_stands_inside(void **state)
{
	(void)state;
	assert_line("a = \" b # c \"", "a", " b # c ");
	assert_line("a = \"\"", "a", "");
	assert_line("a = \"say \\\"x\\\" \\\\ \\n.\"", "a", "say \"x\" \\ \n.");
	assert_line("a = b \"c\"", "a", "b \"c\"");
	assert_line("a = 'b'", "a", "'b'");
}

static void
headers_name_sections_even_without_lines(void **state)
{
	(void)state;
	parse("[ a b ]\n[c]\nx = 1\n");
	assert_true(config_has_section(&config, ""));
	assert_true(config_has_section(&config, "a b"));
	assert_true(config_has_section(&config, "c"));
	assert_false(config_has_section(&config, "a"));
	assert_false(config_has_section(&config, "x"));
}

static void
other_lines_are_refused_by_number(void **state)
{
	(void)state;
	assert_refused("a = 1\nurl",
		       "file:2: neither \"name = value\" nor \"[section]\"");
	assert_refused("url # = x",
		       "file:1: neither \"name = value\" nor \"[section]\"");
	assert_refused("\n = x", "file:2: a value without a name");
	assert_refused("[a", "file:1: no closing ] of a section's name");
	assert_refused("[a # ]", "file:1: no closing ] of a section's name");
	assert_refused("[]", "file:1: a section without a name");
	assert_refused("[ ]", "file:1: a section without a name");
	assert_refused("[a] b", "file:1: text behind a section's name");
	assert_refused("a = \"b", "file:1: no closing quote");
	assert_refused("a = \"b\\\"", "file:1: no closing quote");
	assert_refused("a = \"b\" c", "file:1: text behind the closing quote");
	assert_refused("a = \"b\"c", "file:1: text behind the closing quote");
	assert_refused("a = \"b\"#c", "file:1: text behind the closing quote");
	assert_refused("a = \"\\x\"",
		       "file:1: \\ must be followed by \", \\ or n");
	assert_refused("a = \"\\",
		       "file:1: \\ must be followed by \", \\ or n");
}

static void
bytes_that_are_no_text_are_refused(void **state)
{
	(void)state;
	assert_refused("a = 1\nb = \xff\n", "file:2: not UTF-8");
	assert_refused("# \xc3\n", "file:1: not UTF-8");
	assert_int_equal(parse_bytes("a = b\0c", 7), -1);
	assert_string_equal(config.error, "file:1: a NUL byte");
}

static void
a_byte_order_mark_is_skipped(void **state)
{
	(void)state;
	assert_line("\xef\xbb\xbf"
		    "a = b",
		    "a", "b");
}

static void
a_file_may_have_a_mebibyte(void **state)
{
	size_t max = 1 << 20;
	char *text = malloc(max + 1);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', max + 1);
	memcpy(text + max - 5, "a = b", 5);
	assert_int_equal(parse_bytes(text, max), 0);
	assert_value("", "a", "b");
	assert_int_equal(config.line[0].number, max - 4);
	assert_int_equal(parse_bytes(text, max + 1), -1);
	assert_string_equal(config.error, "file: larger than 1 MiB");
	free(text);
}

static void
many_lines_and_sections_are_kept(void **state)
{
	struct buf text = { 0 };
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		buf_addf(&text, "[s%d]\nn%d = v%d\n", i, i, i);
	parse(buf_text(&text));
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		assert_true(config_has_section(&config, name));
	}
	assert_value("s999", "n999", "v999");
	assert_value("s0", "n0", "v0");
	buf_release(&text);
}

static void
values_are_read_back_as_put(void **state)
{
	static const char *const values[] = {
		"plain",
		" a",
		"a ",
		"a # b",
		"a#b",
		"#a",
		";",
		"\"",
		"\"quoted\"",
		"a\\b",
		"a\nb",
		"a\r",
		".a == \"x # y\"",
		"a\t;",
		"\\",
		"\xe2\x82\xac",
		"= b",
		"[a]",
		"a \\\" # \n",
		"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct buf text = { 0 };

		buf_adds(&text, "name = ");
		config_put_value(&text, values[i]);
		buf_adds(&text, "  # comment\n");
		assert_line(buf_text(&text), "name", values[i]);
		buf_release(&text);
	}
}

static void
a_released_config_is_empty(void **state)
{
	struct config c = { 0 };

	(void)state;
	config_release(&c);
	assert_int_equal(config_parse(&c, "file", "a = b", 5), 0);
	config_release(&c);
	config_release(&c);
	assert_int_equal(c.count, 0);
	assert_null(config_get(&c, "", "a"));
}

/* A directory with ev/config in it, as XDG_CONFIG_HOME has. */
struct home {
	char dir[64], sub[80], path[96];
};

static int
make_home(void **state)
{
	struct home *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return -1;
	*state = h;
	strcpy(h->dir, "/tmp/test_config.XXXXXX");
	if (mkdtemp(h->dir) == NULL)
		return -1;
	snprintf(h->sub, sizeof(h->sub), "%s/ev", h->dir);
	snprintf(h->path, sizeof(h->path), "%s/config", h->sub);
	unsetenv("EV_CONFIG");
	setenv("XDG_CONFIG_HOME", h->dir, 1);
	return mkdir(h->sub, 0700);
}

static int
remove_home(void **state)
{
	struct home *h = *state;

	unlink(h->path);
	rmdir(h->sub);
	rmdir(h->dir);
	free(h);
	return 0;
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static void
load(void)
{
	config_release(&config);
	if (config_load(&config) < 0)
		fail_msg("%s", config.error);
}

static void
the_file_of_xdg_config_home_is_loaded(void **state)
{
	struct home *h = *state;

	write_file(h->path, "url = x\n");
	load();
	assert_string_equal(config.path, h->path);
	assert_value("", "url", "x");
}

static void
ev_config_beats_the_default_file(void **state)
{
	struct home *h = *state;
	char other[128];

	write_file(h->path, "url = x\n");
	snprintf(other, sizeof(other), "%s/other", h->dir);
	write_file(other, "url = y\n");
	setenv("EV_CONFIG", other, 1);
	load();
	assert_string_equal(config.path, other);
	assert_value("", "url", "y");
	unlink(other);
}

static void
a_missing_default_file_is_fine(void **state)
{
	struct home *h = *state;

	load();
	assert_null(config.path);
	assert_int_equal(config.count, 0);
	rmdir(h->sub);
	load();
	assert_null(config.path);
	setenv("XDG_CONFIG_HOME", "/dev/null", 1);
	load();
	assert_null(config.path);
	setenv("XDG_CONFIG_HOME", "relative", 1);
	unsetenv("HOME");
	load();
	assert_null(config.path);
}

static void
a_missing_named_file_is_not(void **state)
{
	(void)state;
	setenv("EV_CONFIG", "/nonexistent/config", 1);
	config_release(&config);
	assert_int_equal(config_load(&config), -1);
	assert_string_equal(config.error,
			    "/nonexistent/config: No such file or directory");
}

static void
a_directory_is_no_config(void **state)
{
	struct home *h = *state;

	setenv("EV_CONFIG", h->dir, 1);
	config_release(&config);
	assert_int_equal(config_load(&config), -1);
	assert_non_null(strstr(config.error, "Is a directory"));
}

static void
a_relative_xdg_config_home_is_ignored(void **state)
{
	struct home *h = *state;
	char dotconfig[128], moved[144];

	snprintf(dotconfig, sizeof(dotconfig), "%s/.config", h->dir);
	assert_int_equal(mkdir(dotconfig, 0700), 0);
	write_file(h->path, "url = x\n");
	snprintf(moved, sizeof(moved), "%s/ev", dotconfig);
	assert_int_equal(rename(h->sub, moved), 0);
	setenv("XDG_CONFIG_HOME", ".", 1);
	setenv("HOME", h->dir, 1);
	load();
	assert_value("", "url", "x");
	assert_int_equal(rename(moved, h->sub), 0);
	rmdir(dotconfig);
}

static void
a_fault_in_the_file_is_named_by_path_and_line(void **state)
{
	struct home *h = *state;
	char want[192];

	write_file(h->path, "url = x\n[\n");
	config_release(&config);
	assert_int_equal(config_load(&config), -1);
	snprintf(want, sizeof(want), "%s:2: no closing ] of a section's name",
		 h->path);
	assert_string_equal(config.error, want);
}

#define WITH_HOME(test) \
	cmocka_unit_test_setup_teardown(test, make_home, remove_home)

static int
release(void **state)
{
	(void)state;
	config_release(&config);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_has_no_lines),
		cmocka_unit_test(settings_stand_in_their_section),
		cmocka_unit_test(lines_are_numbered_from_one),
		cmocka_unit_test(the_last_value_of_a_name_counts),
		cmocka_unit_test(blanks_around_names_and_values_are_dropped),
		cmocka_unit_test(comments_start_a_line_or_follow_a_blank),
		cmocka_unit_test(quotes_keep_what_stands_inside),
		cmocka_unit_test(headers_name_sections_even_without_lines),
		cmocka_unit_test(other_lines_are_refused_by_number),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(a_byte_order_mark_is_skipped),
		cmocka_unit_test(a_file_may_have_a_mebibyte),
		cmocka_unit_test(many_lines_and_sections_are_kept),
		cmocka_unit_test(values_are_read_back_as_put),
		cmocka_unit_test(a_released_config_is_empty),
		WITH_HOME(the_file_of_xdg_config_home_is_loaded),
		WITH_HOME(ev_config_beats_the_default_file),
		WITH_HOME(a_missing_default_file_is_fine),
		WITH_HOME(a_missing_named_file_is_not),
		WITH_HOME(a_directory_is_no_config),
		WITH_HOME(a_relative_xdg_config_home_is_ignored),
		WITH_HOME(a_fault_in_the_file_is_named_by_path_and_line),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, release);
}
