# Once for all files: the programs that are tested are those of $BUILD.

setup_suite()
{
	local tests
	tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
	# Files in directories below tests/ find their way by this.
	export EV_TESTS=$tests EV_TOP=${tests%/*}
}
