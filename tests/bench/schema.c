/*
 * schema - how many events a second a typical schema checks
 *
 * schema [COUNT]
 *
 * Prints microseconds: to compile a catalog of 100 such schemas; then for each of
 * COUNT events to scan it, to scan it and build its tree, and to scan and check
 * it, whereof the last is what a publisher does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/schema.h"

static const char schema_text[] =
	"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
	"\"type\":\"object\",\"required\":[\"id\",\"customer\",\"status\","
	"\"total\",\"currency\",\"placed_at\"],\"properties\":{"
	"\"id\":{\"type\":\"string\",\"pattern\":\"^ord_[0-9a-f]{8}$\"},"
	"\"customer\":{\"type\":\"string\",\"format\":\"uuid\"},"
	"\"status\":{\"enum\":[\"placed\",\"paid\",\"shipped\",\"returned\"]},"
	"\"total\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1000000},"
	"\"currency\":{\"type\":\"string\",\"minLength\":3,\"maxLength\":3},"
	"\"placed_at\":{\"type\":\"string\",\"format\":\"date-time\"},"
	"\"items\":{\"type\":\"integer\",\"minimum\":1},"
	"\"weight\":{\"type\":\"number\",\"exclusiveMinimum\":0},"
	"\"gift\":{\"type\":\"boolean\"},"
	"\"note\":{\"type\":[\"string\",\"null\"],\"maxLength\":200},"
	"\"country\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":2},"
	"\"channel\":{\"enum\":[\"web\",\"app\",\"phone\"]}},"
	"\"additionalProperties\":false}";

static const char event[] =
	"{\"id\":\"ord_00c0ffee\","
	"\"customer\":\"5f0c2f5e-7a0f-4c57-9c1b-0d6a3f9f1f11\","
	"\"status\":\"paid\",\"total\":129.95,\"currency\":\"EUR\","
	"\"placed_at\":\"2024-05-17T08:30:00.123Z\",\"items\":3,"
	"\"weight\":1.25,\"gift\":false,\"note\":null,\"country\":\"DE\","
	"\"channel\":\"web\"}";

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
require(int holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "schema: %s\n", what);
		exit(1);
	}
}

static void
compile_catalog(struct schema_set *set)
{
	char uri[32];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(uri, sizeof(uri), "bench:%d", i);
		require(schema_parse(set, uri, schema_text,
				     sizeof(schema_text) - 1) != NULL,
			schema_set_error(set));
	}
}

int
main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1000000, i;
	struct schema_set *set = schema_set_open(true);
	struct schema_check c = { 0 };
	const struct schema *s;
	struct json_doc doc = { 0 };
	struct json_tree tree = { 0 };
	double start = now(), load, scan, build;

	compile_catalog(set);
	load = now() - start;
	s = schema_parse(set, "bench:it", schema_text, sizeof(schema_text) - 1);
	require(s != NULL, schema_set_error(set));
	start = now();
	for (i = 0; i < count; i++)
		require(json_scan(&doc, event, sizeof(event) - 1) == 0, "scan");
	scan = now() - start;
	start = now();
	for (i = 0; i < count; i++)
		require(json_scan(&doc, event, sizeof(event) - 1) == 0 &&
				json_tree_build(&tree, &doc.root) == 0,
			"build");
	build = now() - start;
	start = now();
	for (i = 0; i < count; i++)
		require(json_scan(&doc, event, sizeof(event) - 1) == 0 &&
				schema_check(&c, s, &doc.root) == 1,
			"check");
	printf("%.0f %.4f %.4f %.4f\n", load, scan / (double)count,
	       build / (double)count, (now() - start) / (double)count);
	json_tree_release(&tree);
	schema_check_release(&c);
	schema_set_close(set);
	json_release(&doc);
	return 0;
}
