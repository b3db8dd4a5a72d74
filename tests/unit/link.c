#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/stop.h"
#include "tests/unit/link.h"
#include "tests/unit/server.h"

struct conn_options link_options = CONN_OPTIONS_INIT;

static struct server server;

void
link_start(const char *program, int64_t retry_for_ms)
{
	diag_init(program);
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	server_start(&server, NULL);
	link_options.retry_for_ms = retry_for_ms;
}

void
link_stop(void)
{
	server_stop(&server);
}

struct conn *
link_open_to(const char *url)
{
	struct conn *c;

	link_options.url = url;
	c = conn_open(&link_options);
	if (conn_error(c) != NULL)
		fail_msg("%s", conn_error(c));
	return c;
}

struct conn *
link_open(void)
{
	return link_open_to(server.url);
}

struct reply *
link_result(struct conn *c)
{
	struct reply *r = conn_result(c);

	if (r == NULL)
		fail_msg("%s", conn_error(c));
	return r;
}
