# lint.sh - sourced by the lint scripts, which report in TAP
# shellcheck shell=sh
set -u
LC_ALL=C
export LC_ALL

# The files under version control, or all where there is no git; by pattern.
files()
{
	{
		git ls-files -co --exclude-standard 2>/dev/null ||
			find . -path ./build\* -prune -o -type f -print |
			sed 's|^\./||'
	} | grep -E "$1" | while read -r path; do
		[ ! -f "$path" ] || printf '%s\n' "$path"
	done | sort
}

# result NAME DETAILS - ok if there are no details
result()
{
	if [ -z "$2" ]; then
		printf 'ok - %s\n' "$1"
	else
		printf 'not ok - %s\n' "$1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

# check NAME COMMAND... - ok if it succeeds, else with what it says
check()
{
	name=$1
	shift
	if said=$("$@" 2>&1); then
		printf 'ok - %s\n' "$name"
	else
		result "$name" "${said:-it failed without a word}"
	fi
}

# need NAME TOOL - true if the tool is there, else a skipped check
need()
{
	command -v "$2" >/dev/null 2>&1 && return
	printf 'ok - %s # skip %s is not installed\n' "$1" "$2"
	return 1
}
