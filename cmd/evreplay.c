/*
 * evreplay - replay events and rewind groups
 *
 * The work of this program is not there yet: it answers --help and --version
 * and refuses everything else, so that nobody takes silence for success.
 */
#include "common/acl.h"
#include "common/diag.h"
#include "common/opt.h"

static const struct opt_program program = {
	.purpose =
		"replay events and rewind groups (not implemented in this version)",
	.usage = "[options] STREAM",
	.acl = acl_put,
};

int
main(int argc, char **argv)
{
	const struct opt table[] = { OPT_END };
	struct opt_args args;

	opt_parse(table, &program, argc, argv, &args);
	die(EXIT_USAGE, "not implemented in this version of evtools");
}
