#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/rules.h"
#include "common/rules_print.h"

enum { ROWS = 3 };

static struct rules rules;
static struct rules_list list;
static struct survey_row row[ROWS];
static struct survey_options options;
static struct survey survey;

/* Two groups of orders, one of outbox, all well. */
static int
setup(void **state)
{
	static char billing[] = "billing", mail[] = "mailer",
		    shipping[] = "shipping";
	size_t i;

	(void)state;
	rules = (struct rules){ 0 };
	list = (struct rules_list){ 0 };
	options = (struct survey_options){ .lease_ms = 30000 };
	for (i = 0; i < ROWS; i++)
		row[i] = (struct survey_row){
			.stream = i < 2 ? "orders" : "outbox",
			.group = i == 0   ? billing
				 : i == 1 ? shipping
					  : mail,
			.lag_exact = true,
			.dead_exact = true,
			.consumers = 1,
			.growth_per_s = NAN,
		};
	survey = (struct survey){ .options = &options,
				  .row = row,
				  .count = ROWS };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rules_list_release(&list);
	rules_release(&rules);
	rules_release(&rules);
	return 0;
}

/* As the section [rules], its lines from 1 on.  0, or -1. */
static int
parse(const char *text)
{
	char file[512];
	struct config config;
	size_t i;
	int rc;

	snprintf(file, sizeof(file), "[rules]\n%s", text);
	if (config_parse(&config, "file", file, strlen(file)) < 0)
		fail_msg("%s", config.error);
	for (i = 0; i < config.count; i++)
		config.line[i].number--;
	rc = rules_open(&rules, &(struct rules_options){ 0 }, &config);
	config_release(&config);
	return rc;
}

static int
take_options(const char *warn, const char *crit)
{
	const struct rules_options o = { .warn = warn, .crit = crit };

	return rules_open(&rules, &o, &(struct config){ 0 });
}

static int
load(const char *path)
{
	const struct rules_options o = { .path = path };

	return rules_open(&rules, &o, &(struct config){ 0 });
}

static void
take(const char *text)
{
	if (parse(text) < 0)
		fail_msg("%s", rules.error);
}

static void
assert_refused(const char *text, const char *error)
{
	if (parse(text) == 0)
		fail_msg("taken: %s", text);
	assert_string_equal(rules.error, error);
	rules_release(&rules);
}

static void
assert_options_refused(const char *warn, const char *crit, const char *error)
{
	if (take_options(warn, crit) == 0)
		fail_msg("taken: %s, %s", warn, crit);
	assert_string_equal(rules.error, error);
	rules_release(&rules);
}

static void
look_after(const struct survey *before, double memory)
{
	rules_list_check(&list, &rules, &survey, before, memory);
}

static void
look(void)
{
	look_after(NULL, -1);
}

static const struct rules_finding *
find(const struct survey_row *of, enum rules_metric metric)
{
	size_t i;

	for (i = 0; i < list.count; i++)
		if (list.finding[i].row == of &&
		    list.finding[i].metric == metric)
			return &list.finding[i];
	return NULL;
}

static enum rules_severity
severity(const struct survey_row *of, enum rules_metric metric)
{
	const struct rules_finding *f = find(of, metric);

	if (f == NULL)
		fail_msg("no finding of %s", rules_metric_name(metric));
	return f->severity;
}

static void
all_is_well_by_the_built_in_thresholds(void **state)
{
	size_t i;

	(void)state;
	look();
	assert_int_equal(list.worst, RULES_OK);
	assert_int_equal(list.count, 3 * 6);
	for (i = 0; i < list.count; i++)
		assert_int_equal(list.finding[i].severity, RULES_OK);
	assert_null(find(&row[0], RULES_PENDING));
	assert_null(find(&row[0], RULES_GROWTH));
}

static void
a_figure_is_bad_above_its_threshold(void **state)
{
	const struct rules_finding *f;

	(void)state;
	row[0].lag = 1000;
	row[1].lag = 1001;
	row[2].lag = 10001;
	look();
	assert_int_equal(severity(&row[0], RULES_LAG), RULES_OK);
	assert_int_equal(severity(&row[1], RULES_LAG), RULES_WARNING);
	assert_int_equal(severity(&row[2], RULES_LAG), RULES_CRITICAL);
	assert_int_equal(list.worst, RULES_CRITICAL);
	f = find(&row[1], RULES_LAG);
	assert_true(f->value == 1001 && f->threshold == 1000);
	assert_true(f->warn == 1000 && f->crit == 10000);
	assert_true(find(&row[2], RULES_LAG)->threshold == 10000);
	assert_true(find(&row[0], RULES_LAG)->threshold == 1000);
}

static void
each_metric_has_its_figure_and_unit(void **state)
{
	(void)state;
	row[0].age_ms = 60001;
	row[0].oldest_ms = 60001; /* two leases */
	row[0].dead = 11;
	row[0].work = (struct survey_work){ .ok = 15, .retry = 4, .dead = 1 };
	look();
	assert_int_equal(severity(&row[0], RULES_AGE), RULES_WARNING);
	assert_int_equal(severity(&row[0], RULES_OLDEST), RULES_WARNING);
	assert_int_equal(severity(&row[0], RULES_DEAD), RULES_CRITICAL);
	assert_int_equal(severity(&row[0], RULES_ERRORS), RULES_WARNING);
	assert_true(find(&row[0], RULES_ERRORS)->value == 25);
	row[0].oldest_ms = 300001;
	row[0].work.retry = 5;
	look();
	assert_int_equal(severity(&row[0], RULES_OLDEST), RULES_CRITICAL);
	assert_int_equal(severity(&row[0], RULES_ERRORS), RULES_CRITICAL);
}

static void
errors_count_from_so_many_attempts_on(void **state)
{
	(void)state;
	row[0].work = (struct survey_work){ .retry = RULES_LEAST - 1 };
	row[1].work = (struct survey_work){ .retry = RULES_LEAST };
	look();
	assert_int_equal(severity(&row[0], RULES_ERRORS), RULES_OK);
	assert_int_equal(severity(&row[1], RULES_ERRORS), RULES_CRITICAL);
}

static void
dead_letters_that_come_are_a_warning(void **state)
{
	struct survey_row old[ROWS];
	struct survey before = survey;

	(void)state;
	memcpy(old, row, sizeof(old));
	before.row = old;
	row[0].dead = 5; /* they are old */
	old[0].dead = 5;
	row[1].dead = 5;
	row[1].work.dead = 1; /* what workers counted */
	old[1].dead = 7;
	row[2].dead = 5; /* nobody counted */
	old[2].dead = 4;
	look_after(&before, -1);
	assert_int_equal(severity(&row[0], RULES_DEAD), RULES_OK);
	assert_int_equal(severity(&row[1], RULES_DEAD), RULES_WARNING);
	assert_true(find(&row[1], RULES_DEAD)->grown == 1);
	assert_int_equal(severity(&row[2], RULES_DEAD), RULES_WARNING);
	look();
	assert_int_equal(severity(&row[2], RULES_DEAD), RULES_OK);
	row[0].work.dead = SURVEY_UNKNOWN;
	look();
	assert_int_equal(severity(&row[0], RULES_DEAD), RULES_UNKNOWN);
	row[0].dead = 11; /* bad enough whatever came */
	look();
	assert_int_equal(severity(&row[0], RULES_DEAD), RULES_CRITICAL);
}

static void
nobody_there_counts_while_there_is_something_to_do(void **state)
{
	(void)state;
	row[0].silent_ms = 400000; /* nothing to do */
	row[1].lag = 1;
	row[1].silent_ms = 400000;
	row[2].consumers = 0;
	row[2].pending = 1;
	row[2].oldest_ms = 61000;
	look();
	assert_int_equal(severity(&row[0], RULES_CONSUMERS), RULES_OK);
	assert_int_equal(severity(&row[1], RULES_CONSUMERS), RULES_CRITICAL);
	assert_int_equal(severity(&row[2], RULES_CONSUMERS), RULES_WARNING);
	row[2].pending = 0;
	row[2].lag = SURVEY_UNKNOWN;
	look();
	assert_int_equal(severity(&row[2], RULES_CONSUMERS), RULES_UNKNOWN);
}

static void
what_is_unknown_makes_the_whole_unknown(void **state)
{
	(void)state;
	row[0].lag = SURVEY_UNKNOWN;
	look();
	assert_int_equal(severity(&row[0], RULES_LAG), RULES_UNKNOWN);
	assert_true(isnan(find(&row[0], RULES_LAG)->value));
	assert_int_equal(list.worst, RULES_UNKNOWN);
	row[1].lag = 1001;
	look();
	assert_int_equal(list.worst, RULES_WARNING);
}

static void
at_least_so_many_is_unknown_until_it_is_too_many(void **state)
{
	(void)state;
	row[0].lag = 900;
	row[1].lag = 1001;
	row[2].lag = 10001;
	row[0].lag_exact = row[1].lag_exact = row[2].lag_exact = false;
	look();
	assert_int_equal(severity(&row[0], RULES_LAG), RULES_UNKNOWN);
	assert_int_equal(severity(&row[1], RULES_LAG), RULES_WARNING);
	assert_int_equal(severity(&row[2], RULES_LAG), RULES_CRITICAL);
	assert_int_equal(rules_most_lag(&rules), 10001);
	take("* = lag=5/20000\n");
	assert_int_equal(rules_most_lag(&rules), 20001);
}

static void
a_stream_that_cannot_be_read_is_unknown(void **state)
{
	static char error[] = "no such stream";

	(void)state;
	row[2].error = error;
	row[2].group = NULL;
	look();
	assert_int_equal(list.count, 2 * 6 + 1);
	assert_int_equal(severity(&row[2], RULES_LAG), RULES_UNKNOWN);
	assert_int_equal(list.worst, RULES_UNKNOWN);
}

static void
where_there_is_no_group_nothing_is_known(void **state)
{
	(void)state;
	survey.count = 0;
	look();
	assert_int_equal(list.worst, RULES_UNKNOWN);
	assert_int_equal(list.count, 0);
	survey.count = ROWS;
	row[0].group = NULL; /* beside others it is passed over */
	look();
	assert_int_equal(list.worst, RULES_OK);
	assert_null(find(&row[0], RULES_LAG));
}

static void
memory_is_the_servers(void **state)
{
	(void)state;
	look_after(NULL, 79);
	assert_int_equal(severity(NULL, RULES_MEMORY), RULES_OK);
	look_after(NULL, 81);
	assert_int_equal(severity(NULL, RULES_MEMORY), RULES_WARNING);
	look_after(NULL, NAN);
	assert_int_equal(severity(NULL, RULES_MEMORY), RULES_UNKNOWN);
	look();
	assert_null(find(NULL, RULES_MEMORY));
	take("other = memory=10%/20%\n");
	look_after(NULL, 15);
	assert_int_equal(severity(NULL, RULES_MEMORY), RULES_WARNING);
	assert_int_equal(rules_memory(&rules, 21), RULES_CRITICAL);
}

static void
the_first_line_that_matches_and_names_it_counts(void **state)
{
	(void)state;
	row[0].lag = row[1].lag = row[2].lag = 60;
	take("orders billing = lag=50/100\n"
	     "orders = lag=70/100 age=1s/-\n"
	     "out*  m?iler\t=\tlag=10/55\n"
	     "* = lag=1/2 age=-/-\n");
	row[0].age_ms = row[1].age_ms = row[2].age_ms = 999999;
	look();
	assert_int_equal(severity(&row[0], RULES_LAG), RULES_WARNING);
	assert_int_equal(severity(&row[1], RULES_LAG), RULES_OK);
	assert_int_equal(severity(&row[2], RULES_LAG), RULES_CRITICAL);
	assert_int_equal(severity(&row[0], RULES_AGE), RULES_WARNING);
	assert_null(find(&row[2], RULES_AGE));
}

static void
what_options_name_replaces_both_thresholds(void **state)
{
	(void)state;
	assert_int_equal(take_options("lag=5,age=90s", "pending=3"), 0);
	take("* = lag=100/200\n");
	row[0].lag = 20000;
	row[0].pending = 4;
	row[0].age_ms = 80000;
	row[0].dead = 11;
	look();
	assert_int_equal(severity(&row[0], RULES_LAG), RULES_WARNING);
	assert_true(isnan(find(&row[0], RULES_LAG)->crit));
	assert_int_equal(severity(&row[0], RULES_PENDING), RULES_CRITICAL);
	assert_int_equal(severity(&row[0], RULES_AGE), RULES_OK);
	assert_int_equal(severity(&row[0], RULES_DEAD), RULES_CRITICAL);
}

static void
values_are_written_in_the_unit_of_their_metric(void **state)
{
	(void)state;
	assert_int_equal(take_options("lag=1.5k,growth=0.25,errors=2.5%,"
				      "oldest=1m30s,dead=growth,memory=-",
				      NULL),
			 0);
	row[0].growth_per_s = 1;
	look_after(NULL, 99);
	assert_true(find(&row[0], RULES_LAG)->warn == 1500);
	assert_true(find(&row[0], RULES_GROWTH)->warn == 0.25);
	assert_true(find(&row[0], RULES_ERRORS)->warn == 2.5);
	assert_true(find(&row[0], RULES_OLDEST)->warn == 90000);
	assert_true(find(&row[0], RULES_DEAD)->growth);
	assert_null(find(NULL, RULES_MEMORY));
	assert_int_equal(severity(&row[0], RULES_GROWTH), RULES_WARNING);
	assert_int_equal(severity(&row[1], RULES_GROWTH), RULES_UNKNOWN);
}

static void
wrong_lines_are_refused_by_number(void **state)
{
	(void)state;
	assert_refused("\n* = lag=1/x\n",
		       "file:2: lag: \"x\" is not a number such as 1000 or "
		       "10k");
	assert_refused("* = age=60/2m\n",
		       "file:1: age: \"60\" is not a duration such as 90s or "
		       "10m");
	assert_refused("* = errors=5/6%\n",
		       "file:1: errors: \"5\" is not a percentage such as 5%");
	assert_refused("* = lag=5\n",
		       "file:1: lag: \"5\" is not WARNING/CRITICAL");
	assert_refused("* = lag\n", "file:1: \"lag\" is not METRIC=THRESHOLD");
	assert_refused("* = lags=1/2\n", "file:1: no metric \"lags\"");
	assert_refused("* = lag=2/1\n",
		       "file:1: lag: the warning is above the critical one");
	assert_refused("* = lag=1/2 lag=1/2\n", "file:1: lag: named twice");
	assert_refused("a b c = lag=1/2\n",
		       "file:1: more than a stream and a group before the =");
	assert_refused("* =\n", "file:1: no thresholds");
	assert_refused("* = dead=1/growth\n",
		       "file:1: dead: \"growth\" is not a number such as 1000 "
		       "or 10k");
	assert_refused("* = lag=1/1.\n",
		       "file:1: lag: \"1.\" is not a number such as 1000 or "
		       "10k");
}

static void
wrong_options_are_refused(void **state)
{
	(void)state;
	assert_options_refused("lag=a", NULL,
			       "--warn: lag: \"a\" is not a number such as "
			       "1000 or 10k");
	assert_options_refused(NULL, "lag=1,",
			       "--crit: \"\" is not METRIC=THRESHOLD");
	assert_options_refused(NULL, "lag=1,lag=2", "--crit: lag: named twice");
	assert_options_refused("lag=2", "lag=1",
			       "--warn: lag: it is above that of --crit");
	assert_options_refused(NULL, "age=-1s",
			       "--crit: age: \"-1s\" is not a duration such as "
			       "90s or 10m");
}

static void
a_file_of_rules_has_no_sections(void **state)
{
	char path[] = "/tmp/ev-test.XXXXXX", error[300];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "* = lag=1/2\n", 12), 12);
	assert_int_equal(load(path), 0);
	row[0].lag = 3;
	look();
	assert_int_equal(severity(&row[0], RULES_LAG), RULES_CRITICAL);
	assert_int_equal(write(fd, "[rules]\n", 8), 8);
	assert_int_equal(load(path), -1);
	snprintf(error, sizeof(error), "%s: a file of rules has no sections",
		 path);
	assert_string_equal(rules.error, error);
	close(fd);
	unlink(path);
	assert_int_equal(load(path), -1);
	assert_non_null(strstr(rules.error, "No such file"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(all_is_well_by_the_built_in_thresholds),
		TEST(a_figure_is_bad_above_its_threshold),
		TEST(each_metric_has_its_figure_and_unit),
		TEST(errors_count_from_so_many_attempts_on),
		TEST(dead_letters_that_come_are_a_warning),
		TEST(nobody_there_counts_while_there_is_something_to_do),
		TEST(what_is_unknown_makes_the_whole_unknown),
		TEST(at_least_so_many_is_unknown_until_it_is_too_many),
		TEST(a_stream_that_cannot_be_read_is_unknown),
		TEST(where_there_is_no_group_nothing_is_known),
		TEST(memory_is_the_servers),
		TEST(the_first_line_that_matches_and_names_it_counts),
		TEST(what_options_name_replaces_both_thresholds),
		TEST(values_are_written_in_the_unit_of_their_metric),
		TEST(wrong_lines_are_refused_by_number),
		TEST(wrong_options_are_refused),
		TEST(a_file_of_rules_has_no_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
