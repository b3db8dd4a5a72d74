#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/watch_paint.h"

enum { ROWS = 3 };

static const struct survey_options options = { .lease_ms = 30000 };
static struct sample sample;
static struct survey_row rows[ROWS];
static struct watch_page page;
static struct buf out;

static void
set_row(size_t i, const char *stream, int64_t lag, int64_t age_ms, int64_t dead)
{
	static char group[] = "billing";

	rows[i] = (struct survey_row){
		.stream = stream,
		.group = group,
		.lag = lag,
		.lag_exact = true,
		.age_ms = age_ms,
		.dead = dead,
		.dead_exact = true,
		.consumers = lag > 0 ? 0 : 1,
		.in_per_s = (double)NAN,
		.out_per_s = (double)NAN,
	};
}

static int
begin(void **state)
{
	(void)state;
	diag_init("evlag");
	set_row(0, "a", 5, 9000, 2);
	set_row(1, "b", 0, 0, 0);
	set_row(2, "c", 1500, 100, 7);
	sample = (struct sample){ .now_ms = 1795209426824 };
	sample.survey.row = rows;
	sample.survey.count = ROWS;
	sample.survey.now_ms = sample.now_ms;
	sample.judge = judge_open(&options);
	judge_take(sample.judge, &sample.survey);
	page = (struct watch_page){
		.sample = &sample,
		.server = "unix:///s",
		.columns = 80,
		.rows = 24,
	};
	return 0;
}

static int
end(void **state)
{
	(void)state;
	judge_close(sample.judge);
	watch_page_release(&page);
	buf_release(&out);
	out = (struct buf){ 0 };
	return 0;
}

static const char *
painted(void)
{
	buf_clear(&out);
	watch_paint(&page, &out);
	return buf_text(&out);
}

static void
assert_paints(const char *text)
{
	if (strstr(painted(), text) == NULL)
		fail_msg("not painted: %s\n%s", text, buf_text(&out));
}

/* The streams are shown in this order. */
static void
assert_order(const char *names)
{
	const char *at = painted();

	for (; *names != '\0'; names++) {
		char line[] = { '\n', *names, ' ', '\0' };

		at = strstr(at, line);
		if (at == NULL)
			fail_msg("not there: %c\n%s", *names, buf_text(&out));
		at++;
	}
}

static void
the_head_tells_the_whole(void **state)
{
	(void)state;
	assert_paints("evlag  21:17:06 UTC  3 streams  3 groups  NO-CONSUMERS  "
		      "unix:///s\n1-3 of 3 by lag  q quit  ? help\nSTREAM ");
	sample.memory = (struct health_memory){ .used = 1536, .limit = 4096 };
	assert_paints("memory 1.5K of 4K");
	page.away = "unix:///s: cannot connect";
	assert_paints("\naway: unix:///s: cannot connect\n");
	sample.memory = (struct health_memory){ 0 };
}

static void
rows_are_sorted(void **state)
{
	(void)state;
	assert_order("cab");
	page.reverse = true;
	assert_order("bac");
	page.reverse = false;
	page.order = WATCH_BY_AGE;
	assert_order("acb");
	page.order = WATCH_BY_NAME;
	assert_order("abc");
	page.order = WATCH_BY_DEAD;
	assert_order("cab");
	page.order = WATCH_BY_VERDICT;
	assert_order("acb");
	page.order = WATCH_BY_IN; /* unknown: as they are */
	assert_order("abc");
}

static void
letters_are_orders(void **state)
{
	const char *letters = "lanviod";
	int i;

	(void)state;
	for (i = 0; i < WATCH_ORDERS; i++)
		assert_int_equal(watch_order_of(letters[i]), i);
	assert_int_equal(watch_order_of('q'), -1);
}

static void
scrolling_is_bounded(void **state)
{
	(void)state;
	page.rows = 5;
	assert_int_equal(watch_room(&page), 2);
	page.top = 1000;
	assert_paints("\n2-3 of 3 ");
	assert_int_equal(page.top, 1);
	page.rows = 1;
	assert_int_equal(watch_room(&page), 1);
	page.rows = 100;
	painted();
	assert_int_equal(page.top, 0);
}

static void
a_page_fits_its_screen(void **state)
{
	size_t lines;
	const char *at;

	(void)state;
	page.rows = 9;
	page.help = true;
	for (lines = 0, at = painted(); *at != '\0'; at++)
		lines += *at == '\n';
	assert_in_range(lines, 1, 9);
	assert_paints("q quit\n");
}

static void
nothing_is_said_to_be_nothing(void **state)
{
	(void)state;
	sample.survey.count = 0;
	assert_paints("\nno streams  q quit");
	sample.now_ms = 0;
	assert_paints("--:--:--");
	assert_paints("\nasking  q quit");
}

static void
assert_trend(const double *value, size_t count, const char *want)
{
	buf_clear(&out);
	watch_put_trend(&out, value, count, 8);
	assert_string_equal(buf_text(&out), want);
}

static void
trends_are_bars(void **state)
{
	const double rise[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	const double gap[] = { 7, (double)NAN, 0 };
	const double many[] = { 100, 1, 1, 1, 1, 1, 1, 1, 1 };
	const double zero[] = { 0, 0 };

	(void)state;
	assert_trend(rise, 8, "▁▂▃▄▅▆▇█");
	assert_trend(gap, 3, "     █ ▁");
	assert_trend(many, 9, "████████");
	assert_trend(zero, 2, "      ▁▁");
	assert_trend(zero, 0, "        ");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_head_tells_the_whole),
		TEST(rows_are_sorted),
		TEST(letters_are_orders),
		TEST(scrolling_is_bounded),
		TEST(a_page_fits_its_screen),
		TEST(nothing_is_said_to_be_nothing),
		TEST(trends_are_bars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
