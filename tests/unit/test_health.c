#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/health.h"

static const char good[] =
	"# Server\r\nredis_version:7.0.15\r\n"
	"# Clients\r\nconnected_clients:10\r\nmaxclients:1000\r\n"
	"blocked_clients:3\r\n"
	"# Memory\r\nused_memory:40\r\nmaxmemory:100\r\n"
	"maxmemory_policy:noeviction\r\ntotal_system_memory:1000\r\n"
	"# Persistence\r\nloading:0\r\nasync_loading:0\r\n"
	"rdb_changes_since_last_save:5\r\nrdb_last_save_time:1795209426\r\n"
	"rdb_last_bgsave_status:ok\r\naof_enabled:1\r\n"
	"aof_last_write_status:ok\r\naof_last_bgrewrite_status:ok\r\n"
	"# Stats\r\nrejected_connections:0\r\nevicted_keys:0\r\n"
	"latest_fork_usec:300\r\n"
	"# Replication\r\nrole:master\r\nconnected_slaves:0\r\n";

static struct health h;
static const struct rules rules;

static int
setup(void **state)
{
	(void)state;
	h = (struct health){ .has_info = true, .has_config = true };
	strcpy(h.fsync, "everysec");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	health_release(&h);
	return 0;
}

/* Judge a good server of which one line is another: "name:value". */
static void
judge(const char *line)
{
	const char *old = NULL;
	char head[64];

	if (line != NULL) {
		snprintf(head, sizeof(head), "\n%.*s",
			 (int)strcspn(line, ":") + 1, line);
		old = strstr(good, head);
	}
	buf_clear(&h.info);
	if (line == NULL || old == NULL) {
		buf_adds(&h.info, good);
		if (line != NULL)
			buf_addf(&h.info, "%s\r\n", line);
	} else {
		buf_add(&h.info, good, (size_t)(old + 1 - good));
		buf_addf(&h.info, "%s%s", line, strchr(old + 1, '\r'));
	}
	health_judge(&h, &rules);
}

static void
assert_check(const char *name, enum rules_severity state, const char *value)
{
	size_t i;

	for (i = 0; i < h.count; i++)
		if (strcmp(h.check[i].name, name) == 0)
			break;
	assert_true(i < h.count);
	assert_int_equal(h.check[i].state, state);
	assert_string_equal(h.check[i].value, value);
	assert_int_equal(h.check[i].advice != NULL, state != RULES_OK);
}

static void
a_good_server_has_nothing_to_do(void **state)
{
	size_t i;

	(void)state;
	judge(NULL);
	assert_int_equal(h.worst, RULES_OK);
	for (i = 0; i < h.count; i++)
		assert_null(h.check[i].advice);
	assert_check("version", RULES_OK, "Redis 7.0.15");
	assert_check("aof", RULES_OK, "on, fsync everysec");
	assert_check("clients", RULES_OK, "10 of 1000, 3 blocked, 0 rejected");
	assert_check("replication", RULES_OK, "master, 0 replicas");
	assert_check("fork", RULES_OK, "0.3 ms");
	assert_true(health_memory_percent(&h.memory) == 40);
}

static void
each_fault_is_told(void **state)
{
	static const struct {
		const char *line, *check;
		enum rules_severity state;
		const char *value;
	} faults[] = {
		{ "redis_version:6.0.16", "version", RULES_CRITICAL,
		  "Redis 6.0.16" },
		{ "redis_version:5.9", "version", RULES_CRITICAL, "Redis 5.9" },
		{ "valkey_version:8.1.1", "version", RULES_OK, "Valkey 8.1.1" },
		{ "used_memory:81", "memory", RULES_WARNING,
		  "81.0%: 81 of 100" },
		{ "used_memory:91", "memory", RULES_CRITICAL,
		  "91.0%: 91 of 100" },
		{ "maxmemory_policy:allkeys-lfu", "eviction", RULES_CRITICAL,
		  "allkeys-lfu, 0 evicted" },
		{ "maxmemory_policy:volatile-lru", "eviction", RULES_WARNING,
		  "volatile-lru, 0 evicted" },
		{ "evicted_keys:7", "eviction", RULES_WARNING,
		  "noeviction, 7 evicted" },
		{ "async_loading:1", "loading", RULES_WARNING,
		  "it loads its data" },
		{ "aof_enabled:0", "aof", RULES_WARNING, "off" },
		{ "aof_last_write_status:err", "aof", RULES_CRITICAL,
		  "the last write failed" },
		{ "aof_last_bgrewrite_status:err", "aof", RULES_WARNING,
		  "the last rewrite failed" },
		{ "rdb_last_bgsave_status:err", "snapshot", RULES_CRITICAL,
		  "the last one failed" },
		{ "rejected_connections:2", "clients", RULES_WARNING,
		  "10 of 1000, 3 blocked, 2 rejected" },
		{ "connected_clients:901", "clients", RULES_CRITICAL,
		  "901 of 1000, 3 blocked, 0 rejected" },
		{ "latest_fork_usec:600000", "fork", RULES_WARNING, "600 ms" },
	};
	size_t i;

	(void)state;
	strcpy(h.save, "3600 1");
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		judge(faults[i].line);
		assert_check(faults[i].check, faults[i].state, faults[i].value);
		assert_int_equal(h.worst, faults[i].state);
	}
}

static void
eviction_without_a_limit_does_not_matter(void **state)
{
	static const char text[] = "used_memory:40\nmaxmemory:0\n"
				   "total_system_memory:100\n"
				   "maxmemory_policy:allkeys-lru\n";

	(void)state;
	buf_adds(&h.info, text);
	health_judge(&h, &rules);
	assert_check("eviction", RULES_OK, "allkeys-lru, no maxmemory");
	assert_check("memory", RULES_OK,
		     "40.0%: 40 of 100 of the machine, no maxmemory");
}

static void
without_aof_snapshots_count(void **state)
{
	(void)state;
	judge("aof_enabled:0"); /* and CONFIG GET save is empty */
	assert_check("snapshot", RULES_CRITICAL, "off");
	h.has_config = false; /* nobody knows */
	judge("aof_enabled:0");
	assert_int_equal(h.worst, RULES_WARNING);
	h.has_config = true;
	strcpy(h.save, "3600 1");
	judge("aof_enabled:0");
	assert_int_equal(h.worst, RULES_WARNING);
	strcpy(h.fsync, "no");
	judge(NULL);
	assert_check("aof", RULES_WARNING, "on, fsync when the kernel likes");
}

static void
replicas_must_be_in_step(void **state)
{
	(void)state;
	buf_adds(&h.info,
		 "role:master\r\nconnected_slaves:2\r\n"
		 "slave0:ip=1.2.3.4,port=1,state=online,offset=9,lag=1\r\n"
		 "slave1:ip=1.2.3.5,port=1,state=online,offset=9,lag=0\r\n");
	health_judge(&h, &rules);
	assert_check("replication", RULES_OK, "master, 2 replicas");
	buf_clear(&h.info);
	buf_adds(&h.info,
		 "role:master\r\nconnected_slaves:1\r\n"
		 "slave0:ip=1.2.3.4,port=1,state=online,offset=9,lag=31\r\n");
	health_judge(&h, &rules);
	assert_check("replication", RULES_WARNING,
		     "master, 1 replicas, one not in step");
	buf_clear(&h.info);
	buf_adds(&h.info,
		 "role:slave\r\nmaster_link_status:up\r\n"
		 "master_last_io_seconds_ago:2\r\nconnected_slaves:0\r\n");
	health_judge(&h, &rules);
	assert_check("replication", RULES_WARNING, "replica, link up");
	buf_clear(&h.info);
	buf_adds(&h.info, "role:slave\r\nmaster_link_status:down\r\n");
	health_judge(&h, &rules);
	assert_check("replication", RULES_CRITICAL, "replica, link down");
}

static void
what_is_not_told_is_unknown(void **state)
{
	size_t i;

	(void)state;
	h.has_info = h.has_config = false;
	h.fsync[0] = '\0';
	health_judge(&h, &rules);
	assert_int_equal(h.worst, RULES_UNKNOWN);
	for (i = 0; i < h.count; i++)
		if (strcmp(h.check[i].name, "answer") != 0)
			assert_int_equal(h.check[i].state, RULES_UNKNOWN);
	assert_true(isnan(health_memory_percent(&h.memory)));
}

static void
a_slow_answer_is_told(void **state)
{
	(void)state;
	h.answer_ms = 101;
	judge(NULL);
	assert_check("answer", RULES_WARNING, "101 ms");
	h.answer_ms = 1001;
	judge(NULL);
	assert_int_equal(h.worst, RULES_CRITICAL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_good_server_has_nothing_to_do),
		TEST(each_fault_is_told),
		TEST(eviction_without_a_limit_does_not_matter),
		TEST(without_aof_snapshots_count),
		TEST(replicas_must_be_in_step),
		TEST(what_is_not_told_is_unknown),
		TEST(a_slow_answer_is_told),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
