/*
 * evlag - tell how far groups are behind
 *
 * The work of this program is not there yet: it answers --help and --version
 * and refuses everything else, so that nobody takes silence for success.
 */
#include "common/diag.h"
#include "common/opt.h"

static const struct opt_program program = {
	.purpose =
		"tell how far groups are behind (not implemented in this version)",
	.usage = "[options] [STREAM|PATTERN…]",
};

int
main(int argc, char **argv)
{
	const struct opt table[] = { OPT_END };
	struct opt_args args;

	opt_parse(table, &program, argc, argv, &args);
	die(EXIT_USAGE, "not implemented in this version of evtools");
}
