#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/alert.h"
#include "common/cloudevent.h"
#include "common/json.h"

static struct alerts alerts;
static char said[256], id[ENVELOPE_UUID];
static int64_t now;
static struct survey_row row;
static char group[] = "billing";

static int
setup(void **state)
{
	(void)state;
	alerts = (struct alerts){ 0 };
	said[0] = '\0';
	now = 1000000;
	row = (struct survey_row){ .stream = "orders", .group = group };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	alert_release(&alerts);
	return 0;
}

/* Note a change as a letter: w, c for what fires, . for what clears. */
static void
changed(void *arg, const struct alert *alert)
{
	size_t len = strlen(said);

	(void)arg;
	if (len + 2 < sizeof(said)) {
		said[len] = alert->is_cleared                   ? '.'
			    : alert->severity == RULES_CRITICAL ? 'c'
								: 'w';
		said[len + 1] = '\0';
	}
	memcpy(id, alert->id, sizeof(id));
}

static void
take(enum rules_metric metric, char severity)
{
	const struct rules_finding f = {
		.row = &row,
		.metric = metric,
		.severity = severity == 'c'   ? RULES_CRITICAL
			    : severity == 'w' ? RULES_WARNING
			    : severity == '?' ? RULES_UNKNOWN
					      : RULES_OK,
		.value = severity == '?' ? NAN : 7,
		.threshold = 5,
		.warn = 5,
		.crit = 6,
		.grown = NAN,
	};

	alert_take(&alerts, &f);
}

/*
 * One sample a letter: o ok, w warning, c critical, ? unknown, blank not there,
 * ! server away, x stream unreadable, - stream gone.  What changes is told right
 * behind the sample at which it does, by `|` and the letters of changed().
 */
static void
assert_story(const char *samples, const char *want)
{
	static char unreadable[] = "NOPERM", gone[] = "no such stream";
	char story[256] = "";
	size_t len = 0;

	for (; *samples != '\0'; samples++) {
		said[0] = '\0';
		now += 1000;
		alert_begin(&alerts, now);
		if (*samples == 'x' || *samples == '-') {
			row.error = *samples == 'x' ? unreadable : gone;
			row.gone = *samples == '-';
			row.group = NULL;
			take(RULES_LAG, '?');
			row.error = NULL;
			row.group = group;
		} else if (*samples != ' ' && *samples != '!') {
			take(RULES_LAG, *samples);
		}
		if (*samples == '!')
			alert_end_away(&alerts, now - 500, "cannot connect",
				       changed, NULL);
		else
			alert_end(&alerts, changed, NULL);
		len += (size_t)snprintf(story + len, sizeof(story) - len,
					"%c%s%s", *samples,
					said[0] != '\0' ? "|" : "", said);
	}
	assert_string_equal(story, want);
}

static void
two_bad_samples_fire(void **state)
{
	(void)state;
	assert_story("oowoowowoo", "oowoowowoo");
	assert_int_equal(alerts.count, 0);
	assert_story("ww", "ww|w");
	assert_story("wwww", "wwww");
}

static void
three_good_samples_clear(void **state)
{
	(void)state;
	assert_story("wwoowowooowo", "ww|woowowooo|.wo");
	assert_int_equal(alerts.count, 0);
}

static void
severity_rises_after_two_and_falls_after_three(void **state)
{
	(void)state;
	assert_story("cc", "cc|c");
	assert_story("wwcww", "wwcww");
	assert_story("w", "w|w");
	assert_story("cwcwcc", "cwcwcc|c");
	assert_story("wooo", "woo|wo|.");
}

static void
a_mixed_start_fires_as_the_lesser(void **state)
{
	(void)state;
	assert_story("wcc", "wc|wc|c");
	assert_story("wwwooo", "www|wooo|.");
}

static void
what_is_unknown_changes_nothing(void **state)
{
	(void)state;
	assert_story("w?w", "w?w|w");
	assert_story("o?o??????xxx", "o?o??????xxx");
	assert_story("o", "o|.");
	assert_story("wxw", "wxw|w");
}

static void
what_is_gone_is_all_right(void **state)
{
	(void)state;
	assert_story("ww  ", "ww|w  ");
	assert_story(" ", " |.");
	assert_story("ww-- ", "ww|w-- |.");
	assert_int_equal(alerts.count, 0);
}

static void
a_server_that_is_away_is_an_alert_and_holds_the_others(void **state)
{
	(void)state;
	assert_story("ww", "ww|w");
	assert_story("!!!!!!", "!!|c!!!!");
	assert_int_equal(alerts.count, 2);
	assert_story("ww", "ww");
	assert_story("w", "w|.");
	assert_story("ooo", "ooo|.");
	assert_int_equal(alerts.count, 0);
	assert_story("!o!o!!", "!o!o!!|c");
}

static void
metrics_and_groups_are_alerts_of_their_own(void **state)
{
	char other[] = "mail";
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		alert_begin(&alerts, ++now);
		take(RULES_LAG, 'w');
		take(RULES_DEAD, 'c');
		row.group = other;
		take(RULES_LAG, 'c');
		row.group = group;
		alert_end(&alerts, changed, NULL);
	}
	assert_string_equal(said, "wcc");
	assert_int_equal(alerts.count, 3);
	assert_string_equal(alerts.alert[0].group, "billing");
	assert_int_equal(alerts.alert[1].metric, RULES_DEAD);
	assert_string_equal(alerts.alert[2].group, "mail");
	assert_string_not_equal(alerts.alert[0].id, alerts.alert[2].id);
}

static void
firing_and_clearing_have_one_id_and_since(void **state)
{
	char first[ENVELOPE_UUID];

	(void)state;
	assert_story("oww", "oww|w");
	assert_int_equal(alerts.alert[0].since_ms, 1002000);
	memcpy(first, id, sizeof(first));
	assert_story("ccooo", "cc|cooo|.");
	assert_string_equal(id, first);
	assert_story("ww", "ww|w");
	assert_string_not_equal(id, first);
}

/* Events */

static struct buf event;

static void
keep_event(void *arg, const struct alert *alert)
{
	(void)arg;
	buf_clear(&event);
	alert_put_event(&event, alert, 1795209426824);
	buf_text(&event);
}

static void
assert_event(const char *part)
{
	if (strstr(event.data, part) == NULL)
		fail_msg("no %s in %s", part, event.data);
}

static void
assert_valid(void)
{
	struct json_doc doc = { 0 };
	struct buf tmp = { 0 };
	char error[256];

	if (json_scan(&doc, event.data, event.len) < 0)
		fail_msg("%s: %s", doc.error, event.data);
	if (cloudevent_check(&doc, error, sizeof(error), &tmp) < 0)
		fail_msg("%s: %s", error, event.data);
	json_release(&doc);
	buf_release(&tmp);
}

static void
fire(const char *samples)
{
	for (; *samples != '\0'; samples++) {
		alert_begin(&alerts, now += 1000);
		if (*samples != '!')
			take(RULES_LAG, *samples);
		if (*samples == '!')
			alert_end_away(&alerts, now - 500, "cannot connect",
				       keep_event, NULL);
		else
			alert_end(&alerts, keep_event, NULL);
	}
}

static void
changes_are_cloudevents(void **state)
{
	(void)state;
	snprintf(row.reason, sizeof(row.reason), "2 consumers silent");
	fire("ww");
	assert_valid();
	assert_event("\"type\":\"ev.alert.fired\"");
	assert_event("\"time\":\"2026-11-20T21:17:06.824Z\"");
	assert_event("\"subject\":\"orders/billing\"");
	assert_event("\"correlationid\":\"");
	assert_event("\"data\":{\"alert\":\"orders/billing/lag\","
		     "\"severity\":\"warning\",\"stream\":\"orders\","
		     "\"group\":\"billing\",\"metric\":\"lag\",\"value\":7,"
		     "\"threshold\":5,\"since\":\"1970-01-01T00:16:41.000Z\","
		     "\"reason\":\"lag 7 > 5; 2 consumers silent\"}}");
	fire("cc");
	assert_event("\"severity\":\"critical\",\"before\":\"warning\"");
	fire("ooo");
	assert_valid();
	assert_event("\"type\":\"ev.alert.cleared\"");
	assert_event("\"severity\":\"critical\",\"stream\"");
	assert_event("\"reason\":\"lag 7\"");
	fire("!!");
	assert_valid();
	assert_event("\"subject\":\"server\"");
	assert_event("\"alert\":\"server/unreachable\"");
	assert_event("\"value\":500,\"unit\":\"ms\"");
	buf_release(&event);
}

static void
names_may_be_any_bytes(void **state)
{
	(void)state;
	row.stream = "a\"\xff|\n";
	memset(row.reason, 'x', sizeof(row.reason) - 1);
	memcpy(row.reason + 60, "\xe2\x80\xa6\xe2\x80\xa6\xe2\x80\xa6", 9);
	fire("ww");
	assert_valid();
	assert_event("\"stream\":{\"base64\":\"YSL/fAo=\"}");
	buf_release(&event);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(two_bad_samples_fire),
		TEST(three_good_samples_clear),
		TEST(severity_rises_after_two_and_falls_after_three),
		TEST(a_mixed_start_fires_as_the_lesser),
		TEST(what_is_unknown_changes_nothing),
		TEST(what_is_gone_is_all_right),
		TEST(a_server_that_is_away_is_an_alert_and_holds_the_others),
		TEST(metrics_and_groups_are_alerts_of_their_own),
		TEST(firing_and_clearing_have_one_id_and_since),
		TEST(changes_are_cloudevents),
		TEST(names_may_be_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
