#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/url.h"

/* A URL, and what it is to be read as; NULL where nothing was given. */
struct example {
	const char *text;
	enum url_kind kind;
	const char *user, *password;
	const char *hosts[3];
	uint16_t ports[3];
	const char *master;
	uint64_t db;
};

static void
assert_text(const char *want, const char *got)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(want, got);
}

static void
assert_parses(const struct example *want)
{
	struct url url;
	size_t i;

	if (url_parse(&url, want->text) < 0)
		fail_msg("%s: %s", want->text, url.error);
	assert_int_equal(want->kind, url.kind);
	assert_text(want->user, url.user);
	assert_text(want->password, url.password);
	assert_text(want->master, url.master);
	assert_int_equal(want->db, url.db);
	for (i = 0; i < 3 && want->hosts[i] != NULL; i++) {
		assert_true(i < url.count);
		assert_string_equal(want->hosts[i], url.host[i].name);
		assert_int_equal(want->ports[i], url.host[i].port);
	}
	assert_int_equal(i, url.count);
	url_release(&url);
	url_release(&url); /* twice is safe */
}

static void
assert_all_parse(const struct example *example, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		assert_parses(&example[i]);
}

static void
assert_refuses(const char *text, const char *why)
{
	struct url url;

	if (url_parse(&url, text) == 0)
		fail_msg("%s: taken, should fail: %s", text, why);
	if (strstr(url.error, why) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", text, url.error,
			 why);
	url_release(&url);
}

static void
tcp_and_tls_take_host_port_and_database(void **state)
{
	static const struct example examples[] = {
		{ .text = "redis://h", .hosts = { "h" }, .ports = { 6379 } },
		{ .text = "redis://h/", .hosts = { "h" }, .ports = { 6379 } },
		{ .text = "redis://h:1/15",
		  .hosts = { "h" },
		  .ports = { 1 },
		  .db = 15 },
		{ .text = "REDIS://Ev-1.example.com:65535",
		  .hosts = { "Ev-1.example.com" },
		  .ports = { 65535 } },
		{ .text = "rediss://127.0.0.1/2",
		  .kind = URL_TLS,
		  .hosts = { "127.0.0.1" },
		  .ports = { 6379 },
		  .db = 2 },
		{ .text = "redis://[::1]",
		  .hosts = { "::1" },
		  .ports = { 6379 } },
		{ .text = "rediss://[fe80::1%eth0]:7000/3",
		  .kind = URL_TLS,
		  .hosts = { "fe80::1%eth0" },
		  .ports = { 7000 },
		  .db = 3 },
	};

	(void)state;
	assert_all_parse(examples, sizeof(examples) / sizeof(examples[0]));
}

static void
login_is_decoded_and_empty_parts_are_unset(void **state)
{
	static const struct example examples[] = {
		{ .text = "redis://al:pw@h",
		  .user = "al",
		  .password = "pw",
		  .hosts = { "h" },
		  .ports = { 6379 } },
		{ .text = "redis://:pw@h:7",
		  .password = "pw",
		  .hosts = { "h" },
		  .ports = { 7 } },
		{ .text = "redis://al@h",
		  .user = "al",
		  .hosts = { "h" },
		  .ports = { 6379 } },
		{ .text = "redis://al:@h",
		  .user = "al",
		  .hosts = { "h" },
		  .ports = { 6379 } },
		{ .text = "redis://:@h", .hosts = { "h" }, .ports = { 6379 } },
		{ .text = "redis://@h", .hosts = { "h" }, .ports = { 6379 } },
		{ .text = "redis://a%3Ab:%2f%40%25%C3%a9@h/1",
		  .user = "a:b",
		  .password = "/@%\xc3\xa9",
		  .hosts = { "h" },
		  .ports = { 6379 },
		  .db = 1 },
		{ .text = "redis://u:a:b@c@h",
		  .user = "u",
		  .password = "a:b@c",
		  .hosts = { "h" },
		  .ports = { 6379 } },
	};

	(void)state;
	assert_all_parse(examples, sizeof(examples) / sizeof(examples[0]));
}

static void
unix_sockets_take_path_login_and_database(void **state)
{
	static const struct example examples[] = {
		{ .text = "/run/redis.sock",
		  .kind = URL_UNIX,
		  .hosts = { "/run/redis.sock" } },
		{ .text = "/run/100%?db=1://x", /* a path as it is */
		  .kind = URL_UNIX,
		  .hosts = { "/run/100%?db=1://x" } },
		{ .text = "unix:///run/redis@main/s",
		  .kind = URL_UNIX,
		  .hosts = { "/run/redis@main/s" } },
		{ .text = "unix:///run/a%3Fb%25?db=3",
		  .kind = URL_UNIX,
		  .hosts = { "/run/a?b%" },
		  .db = 3 },
		{ .text = "unix://al:p%2Fw@/run/s",
		  .kind = URL_UNIX,
		  .user = "al",
		  .password = "p/w",
		  .hosts = { "/run/s" } },
	};

	(void)state;
	assert_all_parse(examples, sizeof(examples) / sizeof(examples[0]));
}

static void
sentinel_and_cluster_take_several_hosts(void **state)
{
	static const struct example examples[] = {
		{ .text = "redis+sentinel://h1,h2:5,[::1]/main",
		  .kind = URL_SENTINEL,
		  .hosts = { "h1", "h2", "::1" },
		  .ports = { 26379, 5, 26379 },
		  .master = "main" },
		{ .text = "redis+sentinel://u:p@h1/my-main.1_2/4",
		  .kind = URL_SENTINEL,
		  .user = "u",
		  .password = "p",
		  .hosts = { "h1" },
		  .ports = { 26379 },
		  .master = "my-main.1_2",
		  .db = 4 },
		{ .text = "redis+cluster://:p@h1,[::1]:7,h3",
		  .kind = URL_CLUSTER,
		  .password = "p",
		  .hosts = { "h1", "::1", "h3" },
		  .ports = { 6379, 7, 6379 } },
		{ .text = "redis+cluster://h1/0",
		  .kind = URL_CLUSTER,
		  .hosts = { "h1" },
		  .ports = { 6379 } },
	};

	(void)state;
	assert_all_parse(examples, sizeof(examples) / sizeof(examples[0]));
}

static void
a_host_alone_is_tcp(void **state)
{
	static const struct example examples[] = {
		{ .text = "h", .hosts = { "h" }, .ports = { 6379 } },
		{ .text = "h:7", .hosts = { "h" }, .ports = { 7 } },
		{ .text = "[::1]:7", .hosts = { "::1" }, .ports = { 7 } },
	};

	(void)state;
	assert_all_parse(examples, sizeof(examples) / sizeof(examples[0]));
}

static void
malformed_urls_are_refused_with_the_reason(void **state)
{
	static const char *const examples[][2] = {
		{ "", "host is missing" },
		{ "redis://", "host is missing" },
		{ "redis:///1", "host is missing" },
		{ "redis://u:p@", "host is missing" },
		{ "redis://:7", "host is missing" },
		{ "redis://[]", "host is missing" },
		{ "http://h", "unknown scheme" },
		{ "redi://h", "unknown scheme" },
		{ "://h", "unknown scheme" },
		{ "u:p@h", "scheme is missing" },
		{ "h/1", "scheme is missing" },
		{ "redis://h:", "port" },
		{ "redis://h:0", "port" },
		{ "redis://h:65536", "port" },
		{ "redis://h:+1", "port" },
		{ "redis://h:7x", "port" },
		{ "redis://[::1]7", "port" },
		{ "redis://[::1", "not closed" },
		{ "redis://::1", "without brackets" },
		{ "redis://h:1:2", "without brackets" },
		{ "redis://a b", "character" },
		{ "redis://a\nb", "character" },
		{ "redis://a%41", "character" },
		{ "redis://[a/b]", "not closed" },
		{ "redis://h/x", "database" },
		{ "redis://h/-1", "database" },
		{ "redis://h/1/2", "database" },
		{ "redis://h/18446744073709551616", "database" },
		{ "redis://h?db=1", "parameters" },
		{ "redis://h#x", "parameters" },
		{ "redis://h1,h2", "several hosts" },
		{ "redis://u:%zz@h", "encoding in the password" },
		{ "redis://u:%4@h", "encoding in the password" },
		{ "redis://u:%00@h", "encoding in the password" },
		{ "redis://%:p@h", "encoding in the user" },
		{ "redis://:a/b@h", "%2F" },
		{ "redis://:a#b@h", "%23" },
		{ "unix://run/s", "starts with /" },
		{ "unix://", "starts with /" },
		{ "unix://u:p@", "starts with /" },
		{ "unix:///s?db=", "database" },
		{ "unix:///s?db=1&x", "database" },
		{ "unix:///s?x=1", "parameter" },
		{ "unix:///%zz", "encoding in the path" },
		{ "redis+sentinel://h", "master" },
		{ "redis+sentinel://h//1", "master" },
		{ "redis+sentinel://h/a b", "master" },
		{ "redis+sentinel://h,/m", "host is missing" },
		{ "redis+sentinel://h/m/x", "database" },
		{ "redis+cluster://,h", "host is missing" },
		{ "redis+cluster://h/1", "database 0" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		assert_refuses(examples[i][0], examples[i][1]);
}

static void
errors_never_quote_the_password(void **state)
{
	static const char *const examples[] = {
		"redis://:hunter2/x@h", "redis://u:hunter2%@h",
		"redis://u:hunter2",    "redis://u:hunter2@h:x",
		"u:hunter2@h",          "http://u:hunter2@h",
		"unix://u:hunter2",     "redis+sentinel://:hunter2@h",
		"redis://:hunter2?@h",  "redis://u:x@hunter2@",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct url url;

		assert_int_equal(-1, url_parse(&url, examples[i]));
		assert_null(strstr(url.error, "hunter2"));
		url_release(&url);
	}
}

static void
mask_hides_the_password_alone(void **state)
{
	static const char *const examples[][2] = {
		{ "redis://h:7/1", "redis://h:7/1" },
		{ "redis://u:pw@h:7/1", "redis://u:***@h:7/1" },
		{ "redis://:pw@h", "redis://:***@h" },
		{ "redis://al@h:7", "redis://al@h:7" },
		{ "rediss://u:a@b:c@h", "rediss://u:***@h" },
		{ "redis://:a/b?c#d@h/1", "redis://:***@h/1" },
		{ "redis:///x:pw@h", "redis:///x:***@h" },
		{ "http://u:pw@h", "http://u:***@h" },
		{ "u:pw@h", "u:***@h" },
		{ "://u:pw@h", "://u:***@h" },
		{ "redis+sentinel://u:pw@h:1,h2/m",
		  "redis+sentinel://u:***@h:1,h2/m" },
		{ "/run/a:b@c", "/run/a:b@c" },
		{ "unix:///run/a:b@c", "unix:///run/a:b@c" },
		{ "unix://u:pw@/run/a@b", "unix://u:***@/run/a@b" },
		{ "unix://u:a/b@/run", "unix://u:***@/run" },
		{ "unix://u:pw@run/s", "unix://u:***@run/s" },
		{ "", "" },
	};
	char out[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		url_mask(out, sizeof(out), examples[i][0]);
		assert_string_equal(examples[i][1], out);
	}
}

static void
mask_cuts_to_size(void **state)
{
	char out[12];

	(void)state;
	memset(out, 'x', sizeof(out));
	url_mask(out, 11, "redis://:secret@h");
	assert_string_equal("redis://:*", out);
	assert_int_equal('x', out[11]);
	url_mask(out, 1, "redis://h");
	assert_string_equal("", out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_and_tls_take_host_port_and_database),
		cmocka_unit_test(login_is_decoded_and_empty_parts_are_unset),
		cmocka_unit_test(unix_sockets_take_path_login_and_database),
		cmocka_unit_test(sentinel_and_cluster_take_several_hosts),
		cmocka_unit_test(a_host_alone_is_tcp),
		cmocka_unit_test(malformed_urls_are_refused_with_the_reason),
		cmocka_unit_test(errors_never_quote_the_password),
		cmocka_unit_test(mask_hides_the_password_alone),
		cmocka_unit_test(mask_cuts_to_size),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
