#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/policy.h"
#include "common/trim_names.h"

static char path[64];
static struct policy p;

static int
make_path(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/ev-test.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int
remove_path(void **state)
{
	(void)state;
	policy_close(&p);
	policy_close(&p);
	unlink(path);
	return 0;
}

static int
read_text(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	policy_close(&p);
	return policy_open(&p, path);
}

static void
test_rules(void **state)
{
	const struct policy_rule *r;

	(void)state;
	if (read_text("orders = keep=7d  archive=/x/y dead=30d\n"
		      "audit.* = \n"
		      "order* = maxlen=5\tmax-bytes=1G # the rest\n"
		      "* = consumers=1d\n") < 0)
		fail_msg("%s", p.error);
	r = policy_find(&p, "orders");
	assert_int_equal(r->limits.keep_ms, 7 * 86400000LL);
	assert_int_equal(r->limits.maxlen, TRIM_NO_LIMIT);
	assert_int_equal(r->dead_ms, 30 * 86400000LL);
	assert_int_equal(r->consumers_ms, -1);
	assert_string_equal(r->archive, "/x/y");
	r = policy_find(&p, "audit.login");
	assert_false(trim_limits_any(&r->limits));
	assert_null(r->archive);
	r = policy_find(&p, "orders2");
	assert_int_equal(r->limits.keep_ms, -1);
	assert_int_equal(r->limits.maxlen, 5);
	assert_int_equal(r->limits.max_bytes, 1 << 30);
	r = policy_find(&p, "other");
	assert_int_equal(r->consumers_ms, 86400000);
	assert_null(policy_find(&p, "{orders}:dlq"));
	assert_null(policy_find(&p, "ev:audit"));
}

static void
test_errors(void **state)
{
	static const char *const texts[] = {
		"a = keep",         "a = keep=",
		"a = keep=1",       "a = maxlen=1k",
		"a = max-bytes=-1", "a = keep=1d,maxlen=2",
		"a = Keep=1d",      "a = archive=",
		"a = archive=x",    "a = dead=x",
		"a = consumers=x",  "a = before=1-0",
		"[x]\na = keep=1d", "a",
		"= keep=1d",
	};
	char line[96];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		snprintf(line, sizeof(line), "%s:%d: ", path,
			 *texts[i] == '[' ? 2 : 1);
		assert_int_equal(read_text(texts[i]), -1);
		if (strncmp(p.error, line, strlen(line)) != 0)
			fail_msg("%s: %s", texts[i], p.error);
	}
	assert_int_equal(read_text("# nothing\n"), -1);
	assert_non_null(strstr(p.error, "no rules"));
	policy_close(&p);
	assert_int_equal(policy_open(&p, "/nonexistent"), -1);
	assert_non_null(strstr(p.error, "/nonexistent: "));
}

static void
test_covers(void **state)
{
	(void)state;
	assert_true(trim_names_covers("*", "orders"));
	assert_true(trim_names_covers("*", "{orders}:high"));
	assert_false(trim_names_covers("*", "{orders}:dlq"));
	assert_false(trim_names_covers("{orders}*", "{orders}:redrive:g"));
	assert_false(trim_names_covers("ev:*", "ev:audit"));
	assert_true(trim_names_covers("*:dlq", "{orders}:dlq"));
	assert_true(trim_names_covers("*:redrive:*", "{orders}:redrive:g"));
	assert_true(trim_names_covers("ev:audit", "ev:audit"));
	assert_false(trim_names_covers("orders", "orders2"));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_path, remove_path)
	const struct CMUnitTest tests[] = {
		TEST(test_rules),
		TEST(test_errors),
		TEST(test_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
