#include <poll.h>
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

#include "common/catalog.h"
#include "common/diag.h"
#include "common/when.h"

enum { PATH = 512, DEADLINE_MS = 10000 };

static char top[PATH], dir[PATH], outside[PATH];
static struct catalog_options options;
static struct catalog *catalog;
static struct event event;
static struct buf text;

static void
put(const char *where, const char *name, const char *content)
{
	char path[2 * PATH], made[2 * PATH];
	FILE *f;

	/* At once, as whoever changes a schema should. */
	snprintf(path, sizeof(path), "%s/%s", where, name);
	snprintf(made, sizeof(made), "%s/.new", top);
	f = fopen(made, "w");
	assert_non_null(f);
	fputs(content, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(made, path), 0);
}

static void
make_dir(const char *name)
{
	char path[2 * PATH];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int
start(void **state)
{
	(void)state;
	strcpy(top, "/tmp/ev-catalog.XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%.400s/dir", top);
	snprintf(outside, sizeof(outside), "%.400s/outside", top);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(mkdir(outside, 0700), 0);
	options = (struct catalog_options){ .dir = dir };
	diag_set_level(DIAG_QUIET);
	return 0;
}

static int
end(void **state)
{
	char command[PATH + 16];

	(void)state;
	catalog_close(catalog);
	catalog = NULL;
	event_release(&event);
	buf_release(&text);
	opt_list_release(&options.maps);
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	return 0;
}

static void
open_catalog(void)
{
	catalog = catalog_open(&options);
	assert_non_null(catalog);
	if (catalog_error(catalog) != NULL)
		fail_msg("%s", catalog_error(catalog));
}

static enum catalog_result
check(const char *json)
{
	assert_int_equal(event_parse(&event, json, strlen(json)), 0);
	event_recognise(&event, CATALOG_ROLES);
	return catalog_check(catalog, &event);
}

static void
assert_invalid(const char *json, const char *why)
{
	assert_int_equal(check(json), CATALOG_INVALID);
	assert_string_equal(catalog_error(catalog), why);
}

/* A domain event of that type, as JSON has it, whose data is 1. */
static enum catalog_result
check_type(const char *type)
{
	char json[8 * PATH];

	snprintf(json, sizeof(json),
		 "{\"event_id\":\"1\",\"event_type\":\"%s\",\"data\":1}", type);
	return check(json);
}

#define CE(more) "{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"a\"" more "}"
#define DOMAIN(more) "{\"event_id\":\"1\",\"event_type\":\"a\"" more "}"

static void
without_options_there_is_no_catalog(void **state)
{
	(void)state;
	options.dir = NULL;
	assert_null(catalog_open(&options));
	assert_null(catalog_error(NULL));
	catalog_close(NULL);
}

static void
a_type_has_the_schema_of_its_name(void **state)
{
	(void)state;
	put(dir, "a.json", "{\"type\":\"string\"}");
	open_catalog();
	assert_int_equal(check(CE(",\"data\":\"x\"")), CATALOG_VALID);
	assert_null(catalog_error(catalog));
	assert_invalid(CE(",\"data\":7"), "/data: 7 is not of type string");
	assert_int_equal(check(DOMAIN(",\"data\":\"x\"")), CATALOG_VALID);
	assert_invalid(DOMAIN(",\"data\":[]"),
		       "/data: [] is not of type string");
	assert_int_equal(check_type("b"), CATALOG_NONE);
	assert_int_equal(check("{\"type\":\"a\"}"), CATALOG_NONE);
}

static void
a_version_has_a_schema_of_its_own(void **state)
{
	(void)state;
	make_dir("a");
	put(dir, "a.json", "{\"const\":0}");
	put(dir, "a/2.json", "{\"const\":2}");
	open_catalog();
	assert_int_equal(check(CE(",\"version\":\"2\",\"data\":2")),
			 CATALOG_VALID);
	assert_int_equal(check(CE(",\"version\":\"3\",\"data\":0")),
			 CATALOG_VALID);
	assert_int_equal(check(CE(",\"version\":\"../a/2\",\"data\":0")),
			 CATALOG_VALID);
	assert_int_equal(check(CE(",\"data\":0")), CATALOG_VALID);
	assert_int_equal(
		check(DOMAIN(",\"metadata\":{\"version\":2},\"data\":2")),
		CATALOG_VALID);
}

static void
absent_data_is_null(void **state)
{
	(void)state;
	put(dir, "a.json", "{\"type\":\"object\"}");
	open_catalog();
	assert_invalid(CE(""), "/data: missing");
	assert_invalid(CE(",\"data_base64\":\"AA==\""),
		       "/data: missing, there is only data_base64");
	assert_invalid(CE(",\"data\":null"),
		       "/data: null is not of type object");
	put(dir, "b.json", "{\"type\":[\"object\",\"null\"]}");
	assert_int_equal(check("{\"event_id\":\"1\",\"event_type\":\"b\"}"),
			 CATALOG_VALID);
}

static void
a_file_is_for_all_events(void **state)
{
	char path[2 * PATH];

	(void)state;
	put(outside, "all.json", "{\"required\":[\"n\"]}");
	snprintf(path, sizeof(path), "%s/all.json", outside);
	options.file = path;
	open_catalog();
	assert_int_equal(check("{\"n\":1}"), CATALOG_VALID);
	assert_invalid("{}", "\"n\" is missing");
	assert_invalid(CE(",\"data\":{}"), "/data: \"n\" is missing");
}

static void
what_is_required_must_have_a_schema(void **state)
{
	(void)state;
	options.required = true;
	open_catalog();
	assert_int_equal(check_type("x"), CATALOG_ERROR);
	assert_string_equal(catalog_error(catalog),
			    "no schema for the type \"x\"");
	assert_int_equal(check("{}"), CATALOG_ERROR);
	assert_string_equal(catalog_error(catalog),
			    "no schema: the event has no type");
}

/* Each of these would be a file if it were taken at its word. */
static void
types_lead_nowhere_else(void **state)
{
	static const char *const types[] = {
		"../outside/x",     "/etc/passwd", "sub/x", "..",
		".hidden",          "a..b",        "",      "x\\u0000",
		"\\u0000",          "x\\u0001",    "x\\n",  ".",
		"..\\/outside\\/x", "x\\u007f",
	};
	char link[2 * PATH];
	size_t i;

	(void)state;
	make_dir("sub");
	put(outside, "x.json", "false");
	put(dir, "sub/x.json", "false");
	put(dir, ".hidden.json", "false");
	put(dir, "a..b.json", "false");
	put(dir, ".json", "false");
	put(dir, "x", "false");
	put(dir, "x.json", "false");
	put(dir, "x\001.json", "false");
	put(dir, "x\n.json", "false");
	put(dir, "x\177.json", "false");
	open_catalog();
	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (check_type(types[i]) != CATALOG_NONE)
			fail_msg("\"%s\" has a schema", types[i]);
	/* A link is a decision of those who own the directory. */
	snprintf(link, sizeof(link), "%s/linked.json", dir);
	assert_int_equal(symlink("../outside/x.json", link), 0);
	assert_int_equal(check_type("linked"), CATALOG_INVALID);
}

static void
names_are_short(void **state)
{
	char name[CATALOG_NAME_MAX + 8], type[CATALOG_NAME_MAX + 2];

	(void)state;
	memset(type, 'x', sizeof(type));
	type[CATALOG_NAME_MAX] = '\0';
	snprintf(name, sizeof(name), "%s.json", type);
	put(dir, name, "false");
	open_catalog();
	assert_int_equal(check_type(type), CATALOG_INVALID);
	type[CATALOG_NAME_MAX] = 'x';
	type[CATALOG_NAME_MAX + 1] = '\0';
	assert_int_equal(check_type(type), CATALOG_NONE);
}

static void
add_map(const char *map)
{
	options.maps.item = realloc(options.maps.item, 4 * sizeof(char *));
	assert_non_null(options.maps.item);
	options.maps.item[options.maps.count++] = map;
}

static void
uris_name_files_below_their_prefix(void **state)
{
	char map[2 * PATH], longer[2 * PATH];

	(void)state;
	make_dir("deep");
	put(dir, "a.json", "{\"const\":\"type\"}");
	put(dir, "deep/x.json", "{\"const\":\"deep\"}");
	put(outside, "y z.json", "{\"const\":\"y\"}");
	put(top, "secret.json", "true");
	snprintf(map, sizeof(map), "https://s.example/=%s", dir);
	snprintf(longer, sizeof(longer), "https://s.example/o=%s", outside);
	add_map(map);
	add_map(longer);
	open_catalog();
#define URI(uri, data) CE(",\"dataschema\":\"" uri "\",\"data\":\"" data "\"")
	assert_int_equal(check(URI("https://s.example/deep/x.json", "deep")),
			 CATALOG_VALID);
	assert_int_equal(check(URI("https://s.example/deep/x#", "deep")),
			 CATALOG_VALID);
	assert_int_equal(check(URI("https://s.example/o/y%20z", "y")),
			 CATALOG_VALID);
	/* What they don't name is looked up by type. */
	assert_int_equal(check(URI("https://s.example/none", "type")),
			 CATALOG_VALID);
	assert_int_equal(check(URI("https://s.example/deep/x#/a", "type")),
			 CATALOG_VALID);
	assert_int_equal(check(URI("https://s.examples/deep/x", "type")),
			 CATALOG_VALID);
	assert_int_equal(check(URI("https://s.example/other", "type")),
			 CATALOG_VALID);
	assert_invalid(URI("https://s.example/../secret.json", "x"),
		       "/data: \"x\" is not \"type\"");
	assert_invalid(URI("https://s.example/%2e%2e/secret.json", "x"),
		       "/data: \"x\" is not \"type\"");
	assert_invalid(URI("https://s.example/deep%2F..%2F../secret", "x"),
		       "/data: \"x\" is not \"type\"");
#undef URI
	assert_int_equal(
		check("{\"$schema\":\"https://s.example/deep/x.json\"}"),
		CATALOG_INVALID);
}

static void
the_config_maps_too(void **state)
{
	struct config config = { 0 };
	char lines[2 * PATH];

	(void)state;
	put(outside, "x.json", "{\"const\":7}");
	snprintf(lines, sizeof(lines), "[schemas]\nurn:x: = %s\n", outside);
	assert_int_equal(config_parse(&config, "config", lines, strlen(lines)),
			 0);
	options.config = &config;
	open_catalog();
	assert_int_equal(check(CE(",\"dataschema\":\"urn:x:x\",\"data\":8")),
			 CATALOG_INVALID);
	catalog_close(catalog);
	config_release(&config);
	strcpy(lines, "[schemas]\n\nurn:x: = /no/such\n");
	assert_int_equal(config_parse(&config, "config", lines, strlen(lines)),
			 0);
	catalog = catalog_open(&options);
	assert_string_equal(catalog_error(catalog),
			    "config:3: /no/such: No such file or directory");
	config_release(&config);
}

static void
all_failures_are_told_up_to_a_number(void **state)
{
	size_t i;

	(void)state;
	put(dir, "a.json",
	    "{\"properties\":{\"n\":{\"maximum\":1}},\"required\":[\"m\"]}");
	put(dir, "b.json", "{\"items\":{\"type\":\"string\"}}");
	open_catalog();
	assert_int_equal(check(CE(",\"data\":{\"n\":1.7}")), CATALOG_INVALID);
	buf_clear(&text);
	catalog_put_failures(catalog, &text);
	assert_non_null(strstr(buf_text(&text),
			       "{\"path\":\"/data/n\",\"keyword\":\"maximum\","
			       "\"what\":\"1.7 is greater than the maximum 1\","
			       "\"where\":\""));
	assert_non_null(strstr(text.data, "\"keyword\":\"required\""));
	assert_non_null(catalog_failure(catalog, 1));
	assert_null(catalog_failure(catalog, 2));

	buf_clear(&text);
	buf_adds(&text, "{\"event_id\":\"1\",\"event_type\":\"b\",\"data\":[0");
	for (i = 0; i < 100000; i++)
		buf_adds(&text, ",0");
	buf_adds(&text, "]}");
	assert_int_equal(check(buf_text(&text)), CATALOG_INVALID);
	assert_non_null(catalog_failure(catalog, CATALOG_FAILURES - 1));
	assert_null(catalog_failure(catalog, CATALOG_FAILURES));
}

static void
files_refer_to_files_within_the_directory(void **state)
{
	(void)state;
	make_dir("a");
	make_dir("common");
	put(dir, "common/id.json", "{\"type\":\"integer\"}");
	put(dir, "a/1.json", "{\"$ref\":\"../common/id.json\"}");
	put(outside, "x.json", "true");
	put(dir, "b.json", "{\"$ref\":\"../outside/x.json\"}");
	open_catalog();
	assert_invalid(CE(",\"version\":\"1\",\"data\":\"x\""),
		       "/data: \"x\" is not of type integer");
	assert_int_equal(check_type("b"), CATALOG_ERROR);
}

static void
a_file_that_is_no_schema_refuses_its_events(void **state)
{
	(void)state;
	put(dir, "a.json", "{\"properties\":{\"n\":{\"type\":7}}}");
	open_catalog();
	assert_int_equal(check_type("a"), CATALOG_ERROR);
	assert_non_null(
		strstr(catalog_error(catalog), "a.json: /properties/n/type: "));
	assert_int_equal(check_type("c"), CATALOG_NONE);
}

/* Until the event is so, or time is up. */
static void
wait_for(const char *json, enum catalog_result result)
{
	int64_t until = when_monotonic() + DEADLINE_MS;

	while (check(json) != result) {
		if (when_monotonic() > until)
			fail_msg("%s is still not so", json);
		poll(NULL, 0, 10);
	}
}

static void
changes_are_seen(void **state)
{
	char path[2 * PATH];

	(void)state;
	make_dir("a");
	make_dir("common");
	put(dir, "common/x.json", "{\"const\":1}");
	put(dir, "a.json", "{\"$ref\":\"common/x.json\"}");
	open_catalog();
	assert_int_equal(check_type("a"), CATALOG_VALID);
	assert_int_equal(check_type("new"), CATALOG_NONE);
	put(dir, "common/x.json", "{\"const\":2}");
	put(dir, "new.json", "false");
	wait_for(DOMAIN(",\"data\":2"), CATALOG_VALID);
	wait_for("{\"event_id\":\"1\",\"event_type\":\"new\"}",
		 CATALOG_INVALID);
	put(dir, "a/1.json", "{\"const\":3}");
	wait_for(CE(",\"version\":\"1\",\"data\":3"), CATALOG_VALID);
	/* One that is broken does not take the place of a good one. */
	put(dir, "a.json", "{\"const\":4");
	put(dir, "new.json", "true");
	wait_for("{\"event_id\":\"1\",\"event_type\":\"new\"}", CATALOG_VALID);
	wait_for(DOMAIN(",\"data\":2"), CATALOG_VALID);
	put(dir, "a.json", "{\"const\":4}");
	wait_for(DOMAIN(",\"data\":4"), CATALOG_VALID);
	snprintf(path, sizeof(path), "%s/a.json", dir);
	assert_int_equal(unlink(path), 0);
	wait_for(DOMAIN(",\"data\":4"), CATALOG_NONE);
}

static void
a_broken_file_may_be_mended(void **state)
{
	(void)state;
	put(dir, "a.json", "{");
	open_catalog();
	assert_int_equal(check_type("a"), CATALOG_ERROR);
	put(dir, "a.json", "false");
	wait_for(DOMAIN(",\"data\":4"), CATALOG_INVALID);
}

static void
more_types_than_are_kept_are_no_matter(void **state)
{
	char name[32];
	int i;

	(void)state;
	for (i = 0; i < CATALOG_FILES + 100; i++) {
		snprintf(name, sizeof(name), "t%d.json", i);
		put(dir, name, i % 2 == 0 ? "true" : "false");
	}
	open_catalog();
	for (i = 0; i < 5 * CATALOG_FILES; i++) {
		int type = i % (CATALOG_FILES + 100);

		snprintf(name, sizeof(name), "t%d", type);
		assert_int_equal(check_type(name), type % 2 == 0
							   ? CATALOG_VALID
							   : CATALOG_INVALID);
		snprintf(name, sizeof(name), "made-up-%d", i);
		assert_int_equal(check_type(name), CATALOG_NONE);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
	const struct CMUnitTest tests[] = {
		TEST(without_options_there_is_no_catalog),
		TEST(a_type_has_the_schema_of_its_name),
		TEST(a_version_has_a_schema_of_its_own),
		TEST(absent_data_is_null),
		TEST(a_file_is_for_all_events),
		TEST(what_is_required_must_have_a_schema),
		TEST(types_lead_nowhere_else),
		TEST(names_are_short),
		TEST(uris_name_files_below_their_prefix),
		TEST(the_config_maps_too),
		TEST(all_failures_are_told_up_to_a_number),
		TEST(files_refer_to_files_within_the_directory),
		TEST(a_file_that_is_no_schema_refuses_its_events),
		TEST(changes_are_seen),
		TEST(a_broken_file_may_be_mended),
		TEST(more_types_than_are_kept_are_no_matter),
	};

	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
